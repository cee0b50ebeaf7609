// SPDX-License-Identifier: GPL-2.0
/*
 * Many registrations: many nexuses at the same moment, and as many as there may be.
 *
 * register: every nexus has a session of its own. All log in first; then each sends its REGISTER,
 * without waiting for another. Each must get GOOD, and all must be registered afterwards, seen from
 * every gateway.
 *
 * full: a few nexuses register many more with SPEC_I_PT, some with the longest names that there can
 * be. Then the answers of every gateway are compared with parameter data made from the same
 * registrations. READ FULL STATUS does not fit its allocation length, so ADDITIONAL LENGTH has to
 * tell of the rest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iscsi/iscsi.h>

#include "basics.h"
#include "client.h"
#include "modes.h"
#include "pr/parameters.h"
#include "pr/rules.h"
#include "pr/transport_id.h"

#define CROWD_MAX	200
#define REGISTRARS	8
/* with the prefix that a record has for iSCSI; a name has 223 bytes at most */
#define LONG_NAME	(6 + 223)
#define URLS_MAX	8

static struct client clients[CROWD_MAX];

static void expect_good(const struct client *client, const char *what, const struct answer *answer)
{
	char text[64];

	answer_text(answer, text, sizeof(text));
	if (answer->status != SCSI_STATUS_GOOD)
		die("%s: %s: %s", client->label, what, text);
}

/* -- register */

static struct answer answers[CROWD_MAX];
static int answered;

static void take_answer(struct client *client, const struct answer *answer, void *arg)
{
	(void)client;
	*(struct answer *)arg = *answer;
	answered++;
}

static void register_all(int total)
{
	static uint8_t lists[CROWD_MAX][24];
	uint64_t start = now_ms();
	int i, bad = 0;

	for (i = 0; i < total; i++) {
		struct command command;

		list_basic(lists[i], 0, 0x1000 + (uint64_t)i, 0);
		cmd_pr_out(&command, TRBD_PR_REGISTER, 0, 0, lists[i], sizeof(lists[i]));
		client_send(&clients[i], &command, take_answer, &answers[i]);
	}
	while (answered < total) {
		client_serve(1000, -1);
		if (now_ms() > start + 120000)
			die("%d of %d registrations have an answer after 120 s", answered, total);
	}
	printf("%d answers in %u ms\n", total, (unsigned int)(now_ms() - start));
	for (i = 0; i < total; i++) {
		char text[64];

		if (answers[i].status == SCSI_STATUS_GOOD)
			continue;
		answer_text(&answers[i], text, sizeof(text));
		printf("%s: REGISTER: %s\n", clients[i].label, text);
		bad++;
	}
	if (bad)
		die("%d of %d were not registered", bad, total);
}

/* each key once, in any order */
static void check_keys(struct client *client, int total)
{
	const struct answer *answer = pr_in(client, TRBD_PR_READ_KEYS);
	bool seen[CROWD_MAX] = {};
	int i, n = (int)get32(answer->data + 4) / 8;

	if (n != total || answer->len != 8 + 8 * (uint32_t)total)
		die("%s: READ KEYS: %d keys in %u bytes", client->label, n, answer->len);
	for (i = 0; i < n; i++) {
		uint64_t key = get64(answer->data + 8 + 8 * i) - 0x1000;

		if (key >= (uint64_t)total || seen[key])
			die("%s: READ KEYS: 0x%llx is not one of ours, or twice", client->label,
			    (unsigned long long)key + 0x1000);
		seen[key] = true;
	}
}

int mode_register(int argc, char **argv)
{
	int total = atoi(argv[argc - 1]), urls = argc - 1, i;

	if (total < urls || total > CROWD_MAX || urls > URLS_MAX)
		die("between %d and %d nexuses, please", urls, CROWD_MAX);
	for (i = 0; i < total; i++) {
		char name[32];

		snprintf(name, sizeof(name), "crowd-%d", i);
		client_login(&clients[i], argv[i % urls], 1 + i % urls, name, 1);
	}
	register_all(total);
	for (i = 0; i < urls; i++)
		check_keys(&clients[i], total);
	expect_good(&clients[0], "CLEAR", pr_out(&clients[0], TRBD_PR_CLEAR, 0x1000, 0, 0));
	for (i = 0; i < urls; i++)
		client_calm(&clients[i]);
	for (i = 0; i < urls; i++)
		check_keys(&clients[i], 0);
	printf("%d registrations through %d gateways\n", total, urls);
	return 0;
}

/* -- full */

static struct trbd_pr_state state;
static uint8_t list[TRBD_PR_LIST_MAX], wanted[DATA_MAX * 4];
static char (*initiators)[TRBD_PR_INITIATOR_MAX];

/* the @number of an initiator port without a session; every tenth has a name as long as can be */
static void invented_name(char *text, int number)
{
	int len = snprintf(text, TRBD_PR_INITIATOR_MAX, "iscsi:iqn.2026-11.test.lab:%05d", number);

	if (number % 10 == 0) {
		memset(text + len, 'x', (size_t)(LONG_NAME - len));
		len = LONG_NAME;
	}
	snprintf(text + len, TRBD_PR_INITIATOR_MAX - (size_t)len, ",i,0x%012x", number);
}

/* @client registers itself and @more others */
static void register_many(struct client *client, uint16_t rtpi, int first, int more)
{
	struct trbd_pr_out out = { .action = TRBD_PR_REGISTER, .nexus = client->id, .rtpi = rtpi, .spec_i_pt = true,
				   .action_key = 0x2000 + (uint64_t)first, .initiators = initiators,
				   .num_initiators = (unsigned int)more };
	uint32_t len = list_basic(list, 0, out.action_key, 0x08) + 4;
	struct command command;
	int i;

	for (i = 0; i < more; i++) {
		invented_name(initiators[i], first + i);
		len += (uint32_t)trbd_transport_id_encode(initiators[i], list + len, sizeof(list) - len);
	}
	set32(list + 24, len - 28);
	cmd_pr_out(&command, TRBD_PR_REGISTER, 0, 0, list, len);
	expect_good(client, "REGISTER with SPEC_I_PT", client_do(client, &command));
	if (trbd_pr_out(&state, &out) != TRBD_PR_GOOD)
		die("the rules do not take what the gateway took");
}

/* the generation before is not ours to know */
static void check_in(struct client *client, enum trbd_pr_in_action action, const char *what)
{
	const struct answer *answer = pr_in(client, action);
	uint32_t i, len;

	state.generation = get32(answer->data);
	len = (uint32_t)trbd_pr_in(&state, action, wanted, sizeof(wanted));
	printf("%s: %s: %u bytes of %u\n", client->label, what, answer->len, 8 + get32(answer->data + 4));
	if (get32(answer->data + 4) != len - 8 || answer->len != (len < 65535 ? len : 65535))
		die("%s: %s: %u bytes with ADDITIONAL LENGTH %u, should be %u and %u", client->label, what, answer->len,
		    get32(answer->data + 4), len < 65535 ? len : 65535, len - 8);
	for (i = 0; i < answer->len; i++) {
		if (answer->data[i] != wanted[i])
			die("%s: %s: byte %u is 0x%02x, should be 0x%02x", client->label, what, i, answer->data[i],
			    wanted[i]);
	}
}

static uint16_t port_of(struct client *client)
{
	const struct answer *answer;
	uint16_t rtpi;

	expect_good(client, "REGISTER", pr_out(client, TRBD_PR_REGISTER, 0, 1, 0));
	answer = pr_in(client, TRBD_PR_READ_FULL_STATUS);
	if (answer->len < 8 + 24)
		die("%s: READ FULL STATUS: %u bytes after a registration", client->label, answer->len);
	rtpi = get16(answer->data + 8 + 18);
	expect_good(client, "CLEAR", pr_out(client, TRBD_PR_CLEAR, 1, 0, 0));
	return rtpi;
}

int mode_full(int argc, char **argv)
{
	int total = atoi(argv[2]), share = total / REGISTRARS, i;
	uint64_t start;
	uint16_t rtpis[2];

	(void)argc;
	if (share < 1 || total > TRBD_PR_REGISTRATIONS_MAX)
		die("between %d and %d registrations, please", REGISTRARS, TRBD_PR_REGISTRATIONS_MAX);
	state.room = TRBD_PR_REGISTRATIONS_MAX;
	state.registrations = calloc(state.room, sizeof(*state.registrations));
	initiators = calloc((size_t)total, sizeof(*initiators));
	if (!state.registrations || !initiators)
		die("no memory");
	for (i = 0; i < REGISTRARS; i++) {
		char name[32];

		snprintf(name, sizeof(name), "registrar-%d", i);
		client_login(&clients[i], argv[i % 2], 1 + i % 2, name, 1);
	}
	for (i = 0; i < 2; i++)
		rtpis[i] = port_of(&clients[i]);

	start = now_ms();
	for (i = 0; i < REGISTRARS; i++) {
		int more = (i < REGISTRARS - 1 ? share : total - i * share) - 1;

		register_many(&clients[i], rtpis[i % 2], i * share, more);
	}
	printf("%d registrations in %u ms\n", total, (unsigned int)(now_ms() - start));
	for (i = 0; i < 2; i++) {
		check_in(&clients[i], TRBD_PR_READ_KEYS, "READ KEYS");
		check_in(&clients[i], TRBD_PR_READ_FULL_STATUS, "READ FULL STATUS");
	}
	/* with so many, one more by each way is as good */
	expect_good(&clients[0], "RESERVE", pr_out(&clients[0], TRBD_PR_RESERVE, 0x2000, 0, 5));
	expect_good(&clients[0], "CLEAR", pr_out(&clients[0], TRBD_PR_CLEAR, 0x2000, 0, 0));
	state.count = 0;
	client_calm(&clients[1]);
	for (i = 0; i < 2; i++)
		check_in(&clients[i], TRBD_PR_READ_KEYS, "READ KEYS after CLEAR");
	return 0;
}
