// SPDX-License-Identifier: GPL-2.0
/*
 * Send the reservation commands of a script, and compare their answers.
 *
 * A line is NEXUS COMMAND [ARGUMENT...] [= ANSWER]. NEXUS is NAME@1 or NAME@2, logged in when it is
 * first named, through the gateway of the first or second URL; the same NAME is the same initiator
 * port in every run.
 *
 *	register KEY NEW, ignore NEW            REGISTER, REGISTER AND IGNORE EXISTING KEY
 *	everywhere NEW                          the latter with ALL_TG_PT
 *	reserve KEY TYPE, release KEY TYPE
 *	preempt KEY OTHER TYPE, abort KEY OTHER TYPE
 *	clear KEY
 *	keys, holder, status, generation        PERSISTENT RESERVE IN
 *	reserve6, release6, tur
 *	read LBA, write LBA BYTE
 *	reads COUNT, writes COUNT               one block each, one after the other
 *	reset                                   LOGICAL UNIT RESET
 *	logout
 *	wait SECONDS                            with the sessions served
 *
 * An answer is "good" with the data that were read, if any; "conflict", "busy", or a sense key and
 * ASC/ASCQ in hexadecimal; ANSWER is a shell pattern, or "bad": anything but GOOD. A command that
 * ends with BUSY where another answer is wanted is sent again for a while, as initiators do: a
 * gateway that stood still, or has no lease, cannot do better. Each line is printed with its
 * answers; the status is 1 if the last answer of a line was wrong.
 */
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>

#include "basics.h"
#include "client.h"
#include "modes.h"
#include "pr/parameters.h"
#include "pr/rules.h"
#include "pr/transport_id.h"

#define CAST_MAX	16
#define WORDS_MAX	8
#define TEXT_MAX	65536
#define LINE_MAX	512

static struct client cast[CAST_MAX];
static int cast_count;
static const char *urls[3];
static char text[TEXT_MAX];
static size_t text_len;

static void say(const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text + text_len, sizeof(text) - text_len, format, args);
	va_end(args);
	if (n < 0 || text_len + (size_t)n >= sizeof(text))
		die("an answer is too long");
	text_len += (size_t)n;
}

static struct client *find_client(const char *label)
{
	char name[LABEL_MAX];
	const char *at = strchr(label, '@');
	int gateway = at ? atoi(at + 1) : 0, i;

	for (i = 0; i < cast_count; i++) {
		if (cast[i].session.iscsi && !strcmp(cast[i].label, label))
			return &cast[i];
	}
	if (gateway < 1 || gateway > 2 || cast_count == CAST_MAX)
		die("%s: no NAME@1 or NAME@2, or too many", label);
	snprintf(name, sizeof(name), "%.*s", (int)(at - label), label);
	client_login(&cast[cast_count], urls[gateway], gateway, name, 1);
	return &cast[cast_count++];
}

static void say_answer(const struct answer *answer)
{
	char how[64];

	answer_text(answer, how, sizeof(how));
	say("%s", how);
}

/* -- PERSISTENT RESERVE IN */

/* how many bytes there are, by the answer's own length */
static uint32_t in_len(const struct answer *answer)
{
	uint64_t len = 8ULL + get32(answer->data + 4);

	return len < answer->len ? (uint32_t)len : answer->len;
}

static void say_keys(const struct answer *answer)
{
	uint32_t at;

	for (at = 8; at + 8 <= in_len(answer); at += 8)
		say(" 0x%llx", (unsigned long long)get64(answer->data + at));
}

static void say_holder(const struct answer *answer)
{
	if (in_len(answer) >= 8 + 16)
		say(" 0x%llx type %d", (unsigned long long)get64(answer->data + 8), answer->data[8 + 13] & 0xf);
	else
		say(" none");
}

static void say_status(const struct answer *answer)
{
	uint32_t at = 8, len = in_len(answer);

	say(" generation %u", get32(answer->data));
	while (at + 24 <= len) {
		const uint8_t *status = answer->data + at;
		uint32_t id_len = get32(status + 20);
		char initiator[TRBD_PR_INITIATOR_MAX];

		if (at + 24 + id_len > len ||
		    trbd_transport_id_decode(status + 24, id_len, initiator, sizeof(initiator)) < 0)
			die("READ FULL STATUS cannot be decoded");
		say("; 0x%llx", (unsigned long long)get64(status));
		if (status[12] & 1)
			say(" holder %d", status[13] & 0xf);
		if (status[12] & 2)
			say(" all ports");
		else
			say(" port 0x%x", get16(status + 18));
		say(" %s", initiator);
		at += 24 + id_len;
	}
}

static void read_in(struct client *client, enum trbd_pr_in_action action, void (*say_it)(const struct answer *answer))
{
	const struct answer *answer;
	struct command command;

	cmd_pr_in(&command, action, 65535);
	answer = client_do(client, &command);
	say_answer(answer);
	if (answer->status != SCSI_STATUS_GOOD)
		return;
	if (answer->len < 8)
		die("%s: PERSISTENT RESERVE IN gives %u bytes", client->label, answer->len);
	say_it(answer);
}

static void say_generation(const struct answer *answer)
{
	say(" %u", get32(answer->data));
}

/* -- other commands */

static void read_block(struct client *client, uint32_t lba)
{
	const struct answer *answer;
	struct command command;
	uint32_t i;

	cmd_read(&command, lba, 1);
	answer = client_do(client, &command);
	say_answer(answer);
	if (answer->status != SCSI_STATUS_GOOD)
		return;
	for (i = 1; i < answer->len && answer->data[i] == answer->data[0]; i++)
		;
	if (i == BLOCK)
		say(" 0x%02x", answer->data[0]);
	else
		say(" mixed");
}

static void write_block(struct client *client, uint32_t lba, int byte)
{
	struct command command;
	uint8_t block[BLOCK];

	memset(block, byte, sizeof(block));
	cmd_write(&command, lba, 1, block);
	say_answer(client_do(client, &command));
}

static void many(struct client *client, unsigned long total, bool writes)
{
	uint8_t block[BLOCK] = {};
	struct command command;
	unsigned long i;

	if (writes)
		cmd_write(&command, 0, 1, block);
	else
		cmd_read(&command, 0, 1);
	for (i = 0; i < total; i++) {
		const struct answer *answer = client_do(client, &command);

		if (answer->status != SCSI_STATUS_GOOD) {
			say_answer(answer);
			say(" after %lu", i);
			return;
		}
	}
	say("good");
}

static void simple(struct client *client, uint8_t opcode)
{
	struct command command;

	cmd_simple(&command, opcode);
	say_answer(client_do(client, &command));
}

static void serve_for(unsigned int seconds)
{
	uint64_t end = now_ms() + 1000ULL * seconds;

	while (now_ms() < end)
		client_serve(200, -1);
	say("good");
}

static void register_everywhere(struct client *client, uint64_t key)
{
	struct command command;
	uint8_t list[24];

	list_basic(list, 0, key, 0x04);
	cmd_pr_out(&command, TRBD_PR_REGISTER_AND_IGNORE, 0, 0, list, sizeof(list));
	say_answer(client_do(client, &command));
}

static bool reserve_out(struct client *client, const char *what, const uint64_t *args)
{
	static const struct {
		const char *name;
		enum trbd_pr_action action;
		int key, action_key, type;	/* which argument, -1: none */
	} actions[] = {
		{ "register", TRBD_PR_REGISTER, 0, 1, -1 },
		{ "ignore", TRBD_PR_REGISTER_AND_IGNORE, -1, 0, -1 },
		{ "reserve", TRBD_PR_RESERVE, 0, -1, 1 },
		{ "release", TRBD_PR_RELEASE, 0, -1, 1 },
		{ "clear", TRBD_PR_CLEAR, 0, -1, -1 },
		{ "preempt", TRBD_PR_PREEMPT, 0, 1, 2 },
		{ "abort", TRBD_PR_PREEMPT_AND_ABORT, 0, 1, 2 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
		if (strcmp(actions[i].name, what))
			continue;
		say_answer(pr_out(client, actions[i].action, actions[i].key < 0 ? 0 : args[actions[i].key],
				  actions[i].action_key < 0 ? 0 : args[actions[i].action_key],
				  actions[i].type < 0 ? 0 : (uint8_t)args[actions[i].type]));
		return true;
	}
	return false;
}

static void run(struct client *client, const char *what, const uint64_t *args)
{
	if (reserve_out(client, what, args))
		return;
	if (!strcmp(what, "everywhere"))
		register_everywhere(client, args[0]);
	else if (!strcmp(what, "keys"))
		read_in(client, TRBD_PR_READ_KEYS, say_keys);
	else if (!strcmp(what, "holder"))
		read_in(client, TRBD_PR_READ_RESERVATION, say_holder);
	else if (!strcmp(what, "status"))
		read_in(client, TRBD_PR_READ_FULL_STATUS, say_status);
	else if (!strcmp(what, "generation"))
		read_in(client, TRBD_PR_READ_KEYS, say_generation);
	else if (!strcmp(what, "reserve6"))
		simple(client, SCSI_OPCODE_RESERVE6);
	else if (!strcmp(what, "release6"))
		simple(client, SCSI_OPCODE_RELEASE6);
	else if (!strcmp(what, "tur"))
		simple(client, SCSI_OPCODE_TESTUNITREADY);
	else if (!strcmp(what, "read"))
		read_block(client, (uint32_t)args[0]);
	else if (!strcmp(what, "write"))
		write_block(client, (uint32_t)args[0], (int)args[1]);
	else if (!strcmp(what, "reads"))
		many(client, args[0], false);
	else if (!strcmp(what, "writes"))
		many(client, args[0], true);
	else if (!strcmp(what, "wait"))
		serve_for((unsigned int)args[0]);
	else if (!strcmp(what, "reset") || !strcmp(what, "logout")) {
		if (!strcmp(what, "reset"))
			client_reset(client);
		else
			client_logout(client);
		say("good");
	} else {
		die("%s: no such command", what);
	}
}

static bool is_wanted(const char *wanted)
{
	return !fnmatch(wanted, text, 0) || (!strcmp(wanted, "bad") && strncmp(text, "good", 4));
}

/* Return: whether the answer was right. */
static bool run_line(char *line)
{
	char *wanted = strstr(line, " = ");
	char *words[WORDS_MAX] = {}, *save = NULL, *word;
	uint64_t args[WORDS_MAX] = {}, start = now_ms();
	bool right;
	int i, n = 0;

	if (wanted) {
		*wanted = 0;
		wanted += 3;
	}
	printf("%s: ", line);
	for (word = strtok_r(line, " \t", &save); word && n < WORDS_MAX; word = strtok_r(NULL, " \t", &save))
		words[n++] = word;
	if (n < 2)
		die("a line is NEXUS COMMAND");
	for (i = 2; i < n; i++)
		args[i - 2] = strtoull(words[i], NULL, 0);

	for (;;) {
		text_len = 0;
		run(find_client(words[0]), words[1], args);
		printf("%s", text);
		right = !wanted || is_wanted(wanted);
		if (right || strcmp(text, "busy") || now_ms() - start > BUSY_PATIENCE_MS)
			break;
		printf(", ");
		client_serve(100, -1);
	}
	if (!right)
		printf("  <-- should be %s", wanted);
	if (now_ms() - start > 1000 && strcmp(words[1], "wait"))
		printf("  (%u ms)", (unsigned int)(now_ms() - start));
	printf("\n");
	return right;
}

int mode_script(int argc, char **argv)
{
	FILE *script = argc > 2 ? fopen(argv[2], "r") : stdin;
	char line[LINE_MAX];
	int status = 0;

	if (!script)
		die("%s: cannot be read", argv[2]);
	urls[1] = argv[0];
	urls[2] = argv[1];
	while (fgets(line, sizeof(line), script)) {
		char *start = line + strspn(line, " \t");

		start[strcspn(start, "\n")] = 0;
		if (*start && *start != '#' && !run_line(start))
			status = 1;
	}
	return status;
}
