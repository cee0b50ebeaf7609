// SPDX-License-Identifier: GPL-2.0
/*
 * Preempt under load.
 *
 * A victim writes increasing numbers to places of its own, as fast as it can, through the first
 * gateway. Another nexus preempts it through the second one. From the moment when the PREEMPT ended
 * with GOOD
 *
 *	nothing may change at the victim's places any more: they are read at once, and again later;
 *	what the victim was told is written must be there;
 *	the victim's writes must not end with GOOD; it is told that its registration is gone, and
 *	then of conflicts.
 *
 * In rounds, this program does all of that. Step by step, a line on stdin begins each step, so that
 * a test can cut off, stop or kill the gateway in between: "preempt", then "again" any number of
 * times, then "end".
 *
 * duel: two hosts, each through a gateway of its own, register, reserve and preempt each other
 * without a pause, and write meanwhile. The faster host wins, and nothing else may come of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>

#include "basics.h"
#include "client.h"
#include "modes.h"

#define PLACES		64
#define PLACE_BLOCKS	64
#define PLACE_SIZE	(PLACE_BLOCKS * BLOCK)
#define PLACE_STRIDE	2048	/* blocks from one place to the next: four in an object */
#define DEPTH		16
#define WRITES_BEFORE	300	/* acknowledged before the preempt */
#define CONFLICTS_MAX	64	/* enough for the victim to have seen */
#define SETTLE_MS	1500
#define HOLD_MS		20	/* before it writes again after a conflict */

#define VICTIM_KEY	0x71c7
#define PREEMPTOR_KEY	0x9e37

/**
 * struct place - a place where the victim writes
 * @data: data on their way; must not move
 * @sent: the last number that was sent here
 * @acked: the last number that was acknowledged
 * @pending: a write is on its way
 * @late: it was sent after the preempt had ended
 */
struct place {
	uint8_t data[PLACE_SIZE];
	uint64_t sent;
	uint64_t acked;
	bool pending;
	bool late;
};

static struct client victim, preemptor;
static struct place places[PLACES];
static const char *victim_url;
static uint64_t next_number, read_now[PLACES], read_first[PLACES];
static bool writing, preempted;
static int in_flight;
static uint64_t hold_until;
static unsigned long written, conflicts, busy, attentions, other_attentions, refused, lost;

static void pump(void);

static void expect_good(const struct client *client, const char *what, const struct answer *answer)
{
	char text[64];

	answer_text(answer, text, sizeof(text));
	if (answer->status != SCSI_STATUS_GOOD)
		die("%s: %s: %s", client->label, what, text);
}

/* -- the victim */

static void write_ended(struct client *client, const struct answer *answer, void *arg)
{
	struct place *place = arg;

	in_flight--;
	place->pending = false;
	switch (answer->status) {
	case SCSI_STATUS_GOOD:
		if (place->late)
			die("%s: a write that was sent after the preempt had ended is good", client->label);
		place->acked = place->sent;
		written++;
		break;
	case SCSI_STATUS_RESERVATION_CONFLICT:
		conflicts++;
		break;
	case SCSI_STATUS_BUSY:
		busy++;
		hold_until = now_ms() + HOLD_MS;
		break;
	case SCSI_STATUS_CHECK_CONDITION:
		if (answer->key == SCSI_SENSE_UNIT_ATTENTION && answer->asc == 0x2a && answer->ascq == 0x05)
			attentions++;
		else if (answer->key == SCSI_SENSE_UNIT_ATTENTION)
			other_attentions += !answer_is_of_ports(answer);
		else
			refused++;
		hold_until = now_ms() + HOLD_MS;
		break;
	default:
		lost++;
		break;
	}
	pump();
}

static void write_next(void)
{
	struct place *place = &places[next_number % PLACES];
	struct command command;
	size_t i;

	for (i = 0; i < PLACE_SIZE; i += sizeof(next_number))
		memcpy(place->data + i, &next_number, sizeof(next_number));
	place->sent = next_number++;
	place->late = preempted;
	place->pending = true;
	in_flight++;
	cmd_write(&command, (uint32_t)(place - places) * PLACE_STRIDE, PLACE_BLOCKS, place->data);
	client_send(&victim, &command, write_ended, place);
}

/* when the session is gone, libiscsi calls back from inside the sending of a write */
static void pump(void)
{
	static bool pumping;

	if (pumping || now_ms() < hold_until)
		return;
	pumping = true;
	while (writing && !victim.broken && conflicts < CONFLICTS_MAX && in_flight < DEPTH &&
	       !places[next_number % PLACES].pending)
		write_next();
	pumping = false;
}

static bool serve(int fd)
{
	bool readable = client_serve(50, fd);

	pump();
	return readable;
}

static void victim_starts(void)
{
	uint64_t end = now_ms() + 60000;

	written = conflicts = busy = attentions = other_attentions = refused = lost = 0;
	preempted = false;
	writing = true;
	pump();
	while (written < WRITES_BEFORE) {
		serve(-1);
		if (now_ms() > end || conflicts || victim.broken)
			die("%s: %lu writes, %lu conflicts, %lu busy, %lu refused, %lu lost before the preempt",
			    victim.label, written, conflicts, busy, refused, lost);
	}
}

static void print_victim(void)
{
	printf("%s: %lu written, %lu conflicts, %lu busy, %lu times told of its registration, %lu of something else, "
	       "%lu refused otherwise, %lu lost, %d without an answer%s\n", victim.label, written, conflicts, busy,
	       attentions, other_attentions, refused, lost, in_flight, victim.broken ? ", session gone" : "");
}

/* -- the content of the places */

static int reads_left;

static void read_place(int i);

static void read_ended(struct client *client, const struct answer *answer, void *arg)
{
	uint64_t *value = arg, other;
	size_t i;

	if (answer_is_of_ports(answer)) {
		read_place((int)(value - read_now));
		return;
	}
	expect_good(client, "READ of the victim's places", answer);
	memcpy(value, answer->data, sizeof(*value));
	for (i = 0; i < PLACE_SIZE; i += sizeof(other)) {
		memcpy(&other, answer->data + i, sizeof(other));
		/* before the victim writes, anything may be there */
		if (!writing && other > *value)
			*value = other;
		else if (writing && other != *value)
			die("place %d is torn: %llu and %llu", (int)(value - read_now), (unsigned long long)*value,
			    (unsigned long long)other);
	}
	reads_left--;
}

static void read_place(int i)
{
	struct command command;

	cmd_read(&command, (uint32_t)i * PLACE_STRIDE, PLACE_BLOCKS);
	client_send(&preemptor, &command, read_ended, &read_now[i]);
}

static void read_places(void)
{
	uint64_t end = now_ms() + 60000;
	int i;

	reads_left = PLACES;
	for (i = 0; i < PLACES; i++)
		read_place(i);
	while (reads_left) {
		serve(-1);
		if (now_ms() > end || preemptor.broken)
			die("%s: reading the victim's places does not end", preemptor.label);
	}
}

static void read_before(void)
{
	int i;

	read_places();
	for (i = 0; i < PLACES; i++) {
		places[i].sent = places[i].acked = read_now[i];
		if (read_now[i] >= next_number)
			next_number = read_now[i] + 1;
	}
}

static void check_acked(const char *when)
{
	int i;

	for (i = 0; i < PLACES; i++) {
		if (read_first[i] < places[i].acked)
			die("%s: place %d has %llu, but %llu was acknowledged", when, i,
			    (unsigned long long)read_first[i], (unsigned long long)places[i].acked);
	}
}

static void check_unchanged(const char *when)
{
	int i;

	read_places();
	for (i = 0; i < PLACES; i++) {
		if (read_now[i] != read_first[i])
			die("%s: place %d changed after the preempt had ended: %llu was there, now %llu; sent %llu, "
			    "acknowledged %llu", when, i, (unsigned long long)read_first[i],
			    (unsigned long long)read_now[i], (unsigned long long)places[i].sent,
			    (unsigned long long)places[i].acked);
	}
	check_acked(when);
}

/* -- the other one */

/* make something to preempt: a holder, a registrant beside the holder, or one of all who hold */
static const struct {
	struct client *holder;
	uint64_t holder_key;
	uint64_t preempted_key;
	uint8_t type;
} scenes[] = {
	{ &victim, VICTIM_KEY, VICTIM_KEY, 1 },
	{ &preemptor, PREEMPTOR_KEY, VICTIM_KEY, 5 },
	{ &victim, VICTIM_KEY, 0, 8 },
};

#define SCENES (sizeof(scenes) / sizeof(*scenes))

static void set_scene(unsigned int scene)
{
	/* nothing stays of a run before */
	expect_good(&preemptor, "REGISTER", pr_out(&preemptor, TRBD_PR_REGISTER_AND_IGNORE, 0, PREEMPTOR_KEY, 0));
	expect_good(&preemptor, "CLEAR", pr_out(&preemptor, TRBD_PR_CLEAR, PREEMPTOR_KEY, 0, 0));
	client_calm(&victim);
	expect_good(&victim, "REGISTER", pr_out(&victim, TRBD_PR_REGISTER_AND_IGNORE, 0, VICTIM_KEY, 0));
	expect_good(&preemptor, "REGISTER", pr_out(&preemptor, TRBD_PR_REGISTER_AND_IGNORE, 0, PREEMPTOR_KEY, 0));
	read_before();
	expect_good(scenes[scene].holder, "RESERVE",
		    pr_out(scenes[scene].holder, TRBD_PR_RESERVE, scenes[scene].holder_key, 0, scenes[scene].type));
	victim_starts();
}

/* repeat it until it is good; the BUSY answers before that count as part of its time */
static void preempt(unsigned int scene, enum trbd_pr_action action)
{
	const char *name = action == TRBD_PR_PREEMPT ? "PREEMPT" : "PREEMPT AND ABORT";
	unsigned long at_first = written, times_busy = 0;
	uint64_t start = now_ms();
	const struct answer *answer;
	unsigned int ms;

	for (;;) {
		answer = pr_out(&preemptor, action, PREEMPTOR_KEY, scenes[scene].preempted_key, scenes[scene].type);
		if (answer->status != SCSI_STATUS_BUSY || now_ms() - start > 60000)
			break;
		times_busy++;
		serve(-1);
	}
	preempted = true;
	ms = (unsigned int)(now_ms() - start);
	expect_good(&preemptor, name, answer);
	printf("%s of type %d good after %u ms, busy %lu times, %lu writes meanwhile\n", name, scenes[scene].type, ms,
	       times_busy, written - at_first);
	read_places();
	memcpy(read_first, read_now, sizeof(read_first));
	check_acked("at once");
}

static void serve_for(unsigned int ms)
{
	uint64_t end = now_ms() + ms;

	while (now_ms() < end)
		serve(-1);
}

static void clear_scene(void)
{
	writing = false;
	expect_good(&preemptor, "CLEAR", pr_out(&preemptor, TRBD_PR_CLEAR, PREEMPTOR_KEY, 0, 0));
}

static void play_round(unsigned long number)
{
	enum trbd_pr_action action = number % 2 ? TRBD_PR_PREEMPT_AND_ABORT : TRBD_PR_PREEMPT;
	unsigned int scene = (unsigned int)(number / 2 % SCENES);

	set_scene(scene);
	preempt(scene, action);
	serve_for(SETTLE_MS);
	check_unchanged("later");
	print_victim();
	if (!conflicts || attentions != 1 || other_attentions || refused || lost || victim.broken)
		die("round %lu: the victim has to be told once of its registration, then of conflicts", number);
	if (in_flight && action == TRBD_PR_PREEMPT)
		die("round %lu: %d writes of the victim have no answer", number, in_flight);
	clear_scene();
	/* an aborted write may go without an answer */
	if (in_flight) {
		client_logout(&victim);
		client_login(&victim, victim_url, 1, "victim", 1);
	}
	client_calm(&victim);
}

/* -- step by step */

static void wait_for_line(char *line, size_t size)
{
	size_t len = 0;
	char c;

	for (;;) {
		if (!serve(STDIN_FILENO))
			continue;
		if (read(STDIN_FILENO, &c, 1) != 1)
			die("stdin ended");
		if (c == '\n' || len == size - 1)
			break;
		line[len++] = c;
	}
	line[len] = 0;
}

static int step_by_step(const char *name)
{
	enum trbd_pr_action action = strcmp(name, "abort") ? TRBD_PR_PREEMPT : TRBD_PR_PREEMPT_AND_ABORT;
	char line[64];

	set_scene(0);
	printf("writing\n");
	for (;;) {
		wait_for_line(line, sizeof(line));
		if (!strcmp(line, "preempt")) {
			preempt(0, action);
		} else if (!strcmp(line, "again")) {
			check_unchanged("again");
			printf("unchanged\n");
		} else if (!strcmp(line, "end")) {
			break;
		} else {
			die("%s: no such step", line);
		}
	}
	print_victim();
	clear_scene();
	printf("done\n");
	return 0;
}

int mode_preempt(int argc, char **argv)
{
	unsigned long rounds = strtoul(argv[2], NULL, 0), i;

	(void)argc;
	victim_url = argv[0];
	client_login(&victim, victim_url, 1, "victim", 1);
	client_login(&preemptor, argv[1], 2, "preemptor", 1);
	next_number = 1;
	if (!rounds)
		return step_by_step(argv[2]);
	for (i = 0; i < rounds; i++)
		play_round(i);
	printf("%lu rounds\n", rounds);
	return 0;
}

/* -- two hosts */

enum { REGISTERING, RESERVING, PREEMPTING, ABORTING, PHASES };

/**
 * struct host - one of two that do not like each other
 * @client: its session
 * @key: its key
 * @other_key: the other one's
 * @phase: its current step
 * @pending: commands on their way
 * @counts: number of answers, by phase: good, conflict, unit attention, busy
 * @lba: where it writes
 * @writes: writes that were good
 */
struct host {
	struct client client;
	uint64_t key;
	uint64_t other_key;
	int phase;
	int pending;
	unsigned long counts[PHASES][4];
	uint32_t lba;
	unsigned long writes;
	uint8_t list[24];
	uint8_t block[BLOCK];
};

static struct host hosts[2];
static bool fighting;
static bool late;	/* the time is over: the winner rests until the other one has won, too */

/* Return: the count that it belongs to; any other answer ends the program. */
static int sort_answer(const struct client *client, const char *what, const struct answer *answer)
{
	char text[64];

	if (answer->status == SCSI_STATUS_GOOD)
		return 0;
	if (answer->status == SCSI_STATUS_RESERVATION_CONFLICT)
		return 1;
	if (answer->status == SCSI_STATUS_CHECK_CONDITION && answer->key == SCSI_SENSE_UNIT_ATTENTION)
		return 2;
	if (answer->status == SCSI_STATUS_BUSY)
		return 3;
	answer_text(answer, text, sizeof(text));
	die("%s: %s: %s", client->label, what, text);
}

static bool has_won(const struct host *host)
{
	return host->counts[PREEMPTING][0] || host->counts[ABORTING][0];
}

static void fight_on(struct client *client, const struct answer *answer, void *arg);

static void strike(struct host *host)
{
	static const enum trbd_pr_action actions[] = {
		TRBD_PR_REGISTER_AND_IGNORE, TRBD_PR_RESERVE, TRBD_PR_PREEMPT, TRBD_PR_PREEMPT_AND_ABORT,
	};
	uint64_t action_key = host->phase == REGISTERING ? host->key : host->other_key;
	struct command command;

	list_basic(host->list, host->key, action_key, 0);
	cmd_pr_out(&command, actions[host->phase], 0, 1, host->list, sizeof(host->list));
	host->pending++;
	client_send(&host->client, &command, fight_on, host);
}

static void fight_on(struct client *client, const struct answer *answer, void *arg)
{
	struct host *host = arg;
	int how = sort_answer(client, "a strike", answer);

	host->pending--;
	host->counts[host->phase][how]++;
	/* a command that was not executed is tried again */
	if (how < 2)
		host->phase = (host->phase + 1) % PHASES;
	if (fighting && !(late && has_won(host)))
		strike(host);
}

static void write_on(struct client *client, const struct answer *answer, void *arg);

static void write_one(struct host *host)
{
	struct command command;

	cmd_write(&command, host->lba, 1, host->block);
	host->pending++;
	client_send(&host->client, &command, write_on, host);
}

static void write_on(struct client *client, const struct answer *answer, void *arg)
{
	struct host *host = arg;

	host->pending--;
	if (!sort_answer(client, "a write", answer))
		host->writes++;
	if (fighting)
		write_one(host);
}

static void print_host(const struct host *host)
{
	static const char *const names[PHASES] = { "register", "reserve", "preempt", "abort" };
	int i;

	printf("%s:", host->client.label);
	for (i = 0; i < PHASES; i++)
		printf(" %s %lu good %lu conflicts %lu attentions %lu busy,", names[i], host->counts[i][0],
		       host->counts[i][1], host->counts[i][2], host->counts[i][3]);
	printf(" %lu writes\n", host->writes);
}

int mode_duel(int argc, char **argv)
{
	uint64_t end;
	int i;

	(void)argc;
	for (i = 0; i < 2; i++) {
		struct host *host = &hosts[i];

		client_login(&host->client, argv[i], i + 1, i ? "duel-b" : "duel-a", 1);
		host->key = 0xa0 + (uint64_t)i;
		host->other_key = 0xa0 + !i;
		host->lba = PLACE_BLOCKS + (uint32_t)i * 8;	/* not a place of the victim */
	}
	fighting = true;
	end = now_ms() + 1000 * strtoull(argv[2], NULL, 0);
	for (i = 0; i < 2; i++) {
		strike(&hosts[i]);
		write_one(&hosts[i]);
	}
	while (hosts[0].pending || hosts[1].pending) {
		client_serve(100, -1);
		/* go on if one gateway is slower than the other, until each has won once */
		late = now_ms() >= end;
		fighting = !late || (now_ms() < end + 30000 && !(has_won(&hosts[0]) && has_won(&hosts[1])));
		if (now_ms() > end + 60000)
			die("the duel does not end: %d and %d commands have no answer", hosts[0].pending,
			    hosts[1].pending);
	}
	for (i = 0; i < 2; i++)
		print_host(&hosts[i]);
	for (i = 0; i < 2; i++) {
		if (!has_won(&hosts[i]))
			die("%s never preempted the other", hosts[i].client.label);
	}
	/* and nothing of it stays */
	client_calm(&hosts[0].client);
	expect_good(&hosts[0].client, "REGISTER",
		    pr_out(&hosts[0].client, TRBD_PR_REGISTER_AND_IGNORE, 0, hosts[0].key, 0));
	expect_good(&hosts[0].client, "CLEAR", pr_out(&hosts[0].client, TRBD_PR_CLEAR, hosts[0].key, 0, 0));
	return 0;
}
