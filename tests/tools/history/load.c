// SPDX-License-Identifier: GPL-2.0
/*
 * Random commands of several nexuses to the same few blocks, recorded for the checker.
 *
 *	load --record FILE --seconds N [OPTIONS] URL...
 *
 *	--seed S         makes the same choices again (a random one); when commands end is not a choice
 *	--nexuses K      nexus i goes to URL i modulo their number (two for each URL)
 *	--blocks B       how many blocks (32)
 *	--lba L          the first of them (0)
 *	--locks N        so many of the blocks, the first ones, are lock words (an eighth of them)
 *	--depth D        commands that a nexus has in flight (4)
 *	--patience T     seconds without an answer after which a session is given up (30)
 *	--reservations   some nexuses fight for a reservation meanwhile
 *	--name NAME      of the initiators, which get a number each (history)
 *
 * First all blocks are written, so that whatever was there before is gone. Then each nexus has D commands in flight,
 * which overlap as they like. With reservations up to four nexuses register, reserve, release, clear, and preempt
 * each other. In the end all blocks are read through each path.
 *
 * Values return, since a COMPARE AND WRITE that comes too late does no harm where they do not. A lock word has zeros
 * while it is free. A COMPARE AND WRITE from zeros to a value of its own takes it, and one back to zeros frees it.
 * Elsewhere some writes put back what a block held before. Of the changes that got no answer because their session
 * broke, half are sent again on another path with the same data, as multipath does.
 *
 * A nexus whose session breaks tries to log in for as long as it takes; the others go on. README.md has the format
 * of the records. The status is 0 when there is something to check, 1 when it could not begin or not come to its end
 * (no path for LIMIT seconds), 2 for a wrong call. At SIGTERM or SIGINT the time is up; at the second one it ends at
 * once, with what is in flight recorded as lost.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "basics.h"
#include "block.h"
#include "nexus.h"

#define NEXUSES_MAX	32
#define PATHS_MAX	16
#define BLOCKS_MAX	4096
#define LENGTH_MAX	8
#define FIGHTERS_MAX	4
#define AGAIN_MAX	256
#define LIMIT		(180 * SECOND)
#define HOLD		(SECOND / 50)	/* after an answer that is not GOOD */
#define NOT_READY_HOLD	SECOND		/* a gateway that is no member answers at once, and so for a while */
#define FIGHT_PAUSE_MS	1200
#define PR_KEY(nexus)	(0x4849000000000000ULL + (nexus) + 1)

enum kind {
	READ, WRITE, SAME, UNMAP, CAW,
	REGISTER, UNREGISTER, RESERVE, RELEASE, CLEAR, PREEMPT, PREEMPT_AND_ABORT,
	KINDS
};

static const char *const kinds[KINDS] = {
	"read", "write", "same", "unmap", "caw",
	"register", "unregister", "reserve", "release", "clear", "preempt", "abort",
};

/* of a hundred commands */
static const unsigned int shares[] = { [READ] = 42, [WRITE] = 25, [SAME] = 8, [UNMAP] = 7, [CAW] = 18 };
#define LOCK_SHARE	20	/* that go to lock words */
#define BACK_SHARE	20	/* of a hundred writes, that put back an old value */
/* of a hundred commands to a lock word; the others take it or free it */
static const unsigned int lock_shares[] = { [READ] = 30, [WRITE] = 3, [SAME] = 0, [UNMAP] = 3 };

/**
 * struct load_op - a command, and what a record says of it
 * @command: must be first
 * @a: first block, or victim, or type of the reservation
 * @b: blocks, or type of the reservation when @a is a victim
 * @value: that it writes
 * @expected: that a COMPARE AND WRITE expects
 * @data: that goes with it
 */
struct load_op {
	struct nexus_command command;
	enum kind kind;
	unsigned int a;
	unsigned int b;
	uint64_t value;
	uint64_t expected;
	uint8_t data[LENGTH_MAX * BLOCK];
};

/* what a nexus does beside having a session */
struct actor {
	uint64_t commands;
	uint64_t hold_until;
	uint64_t fight_at;
	bool fighting;		/* has a reservation command in flight */
	bool registered;	/* as far as it knows */
	bool final_read;
};

/* a change that got no answer on one path, and is to be sent again on another one */
struct again {
	enum kind kind;
	unsigned int path;
	unsigned int a;
	unsigned int b;
	uint64_t value;
	uint64_t expected;
};

static struct nexus nexuses[NEXUSES_MAX];
static struct actor actors[NEXUSES_MAX];
static unsigned int count, blocks = 32, locks, first_lba, depth = 4, fighters;
static struct again again[AGAIN_MAX];
static unsigned int again_count;
static unsigned long resent;
static uint64_t patience = 30 * SECOND, run;
static FILE *record;
/* the last value that anybody saw or wrote, for a COMPARE AND WRITE that has a chance */
static uint64_t known[BLOCKS_MAX];
/* the one before that, for a write that brings it back */
static uint64_t former[BLOCKS_MAX];
/* whether a first write was good */
static bool written[BLOCKS_MAX];
static unsigned long good[KINDS], others[KINDS], lost;
static bool last_good;
static volatile sig_atomic_t interrupted;

/* -- records */

static void put_value(uint64_t value)
{
	switch (value) {
	case VALUE_ZEROS:
		fputs(" 0", record);
		break;
	case VALUE_TORN:
		fputs(" torn", record);
		break;
	case VALUE_ASTRAY:
		fputs(" astray", record);
		break;
	case VALUE_FOREIGN:
		fputs(" foreign", record);
		break;
	default:
		fprintf(record, " %u.%" PRIu64, VALUE_NEXUS(value), VALUE_COMMAND(value));
	}
}

static void learn(unsigned int block, uint64_t value)
{
	if (known[block] != value)
		former[block] = known[block];
	known[block] = value;
	written[block] = true;
}

/* Something that a command may write, and not what only a broken disk returns. */
static bool is_value(uint64_t value)
{
	return value != VALUE_TORN && value != VALUE_ASTRAY && value != VALUE_FOREIGN;
}

static void op_learn(const struct load_op *op, const struct scsi_task *task)
{
	unsigned int i;

	for (i = 0; i < op->b && op->kind <= CAW; i++) {
		uint64_t value = op->value;

		if (op->kind == READ) {
			value = block_value(task->datain.data + (size_t)i * BLOCK, run, op->a + i);
			put_value(value);
		}
		learn(op->a + i - first_lba, value);
	}
}

static void send_again_later(const struct load_op *op)
{
	if (op->kind < WRITE || op->kind > CAW || again_count == AGAIN_MAX || below(2))
		return;
	again[again_count++] = (struct again){ op->kind, op->command.nexus->path, op->a, op->b, op->value,
					       op->expected };
}

static void op_ended(struct nexus_command *command, const char *result, struct scsi_task *task)
{
	struct load_op *op = (struct load_op *)command;
	unsigned int number = command->nexus->number;
	struct actor *actor = &actors[number];
	uint64_t end = now_ns();

	last_good = !strcmp(result, "good");
	if (last_good && op->kind == READ && task->datain.size != (int)op->b * BLOCK) {
		fprintf(stderr, "READ of %u blocks: %d bytes\n", op->b, task->datain.size);
		exit(1);
	}
	fprintf(record, "%" PRIu64 " %" PRIu64 " %u %s %u %u %s", command->start, end, number, kinds[op->kind], op->a,
		op->b, result);
	if (op->kind == CAW)
		put_value(op->expected);
	if (op->kind == WRITE || op->kind == SAME || op->kind == CAW)
		put_value(op->value);
	if (last_good) {
		good[op->kind]++;
		op_learn(op, task);
	} else {
		others[op->kind]++;
		if (!strcmp(result, "lost")) {
			lost++;
			send_again_later(op);
		}
		/* the next one shall know better */
		if (op->kind == CAW)
			learn(op->a - first_lba, VALUE_ZEROS);
		if (!strncmp(result, "2/", 2))
			actor->hold_until = end + NOT_READY_HOLD;
		else if (strcmp(result, "miscompare"))
			actor->hold_until = end + HOLD;
	}
	if (op->kind > CAW) {
		actor->fighting = false;
		if (last_good && (op->kind == REGISTER || op->kind == UNREGISTER || op->kind == CLEAR))
			actor->registered = op->kind == REGISTER;
		if (!strcmp(result, "conflict"))
			actor->registered = false;
	}
	fputc('\n', record);
	free(op);
}

static void logged_in(struct nexus *nexus)
{
	fprintf(record, "%" PRIu64 " %" PRIu64 " %u login 0 0 good\n", nexus->since, now_ns(), nexus->number);
	/* a unit attention may wait there, and nobody counts on being registered */
	actors[nexus->number].registered = false;
}

/* -- commands */

static struct scsi_task *send_pr(struct nexus *nexus, struct load_op *op)
{
	static const int actions[] = {
		[REGISTER] = SCSI_PERSISTENT_RESERVE_REGISTER_AND_IGNORE_EXISTING_KEY,
		[UNREGISTER] = SCSI_PERSISTENT_RESERVE_REGISTER_AND_IGNORE_EXISTING_KEY,
		[RESERVE] = SCSI_PERSISTENT_RESERVE_RESERVE,
		[RELEASE] = SCSI_PERSISTENT_RESERVE_RELEASE,
		[CLEAR] = SCSI_PERSISTENT_RESERVE_CLEAR,
		[PREEMPT] = SCSI_PERSISTENT_RESERVE_PREEMPT,
		[PREEMPT_AND_ABORT] = SCSI_PERSISTENT_RESERVE_PREEMPT_AND_ABORT,
	};
	struct scsi_persistent_reserve_out_basic list = { .reservation_key = PR_KEY(nexus->number) };
	int type = (int)op->a;

	if (op->kind == REGISTER) {
		list.reservation_key = 0;
		list.service_action_reservation_key = PR_KEY(nexus->number);
	} else if (op->kind == PREEMPT || op->kind == PREEMPT_AND_ABORT) {
		list.service_action_reservation_key = PR_KEY(op->a);
		type = (int)op->b;
	}
	return iscsi_persistent_reserve_out_task(nexus->session.iscsi, nexus->session.lun, actions[op->kind],
						 SCSI_PERSISTENT_RESERVE_SCOPE_LU, type, &list, nexus_answered, op);
}

static void fill(uint8_t *block, uint64_t value, uint64_t lba)
{
	if (value == VALUE_ZEROS)
		memset(block, 0, BLOCK);
	else
		block_fill(block, run, value, lba);
}

static struct scsi_task *send_io(struct nexus *nexus, struct load_op *op)
{
	struct unmap_list list = { .lba = op->a, .num = op->b };
	struct iscsi_context *iscsi = nexus->session.iscsi;
	uint32_t len = op->b * BLOCK;
	unsigned int i;

	switch (op->kind) {
	case READ:
		return iscsi_read16_task(iscsi, nexus->session.lun, op->a, len, BLOCK, 0, 0, 0, 0, 0, nexus_answered, op);
	case WRITE:
		for (i = 0; i < op->b; i++)
			fill(op->data + (size_t)i * BLOCK, op->value, op->a + i);
		return iscsi_write16_task(iscsi, nexus->session.lun, op->a, op->data, len, BLOCK, 0, 0, 0, 0, 0,
					  nexus_answered, op);
	case SAME:
		fill(op->data, op->value, op->a);
		return iscsi_writesame16_task(iscsi, nexus->session.lun, op->a, op->data, BLOCK, op->b, 0, 0, 0, 0,
					      nexus_answered, op);
	case UNMAP:
		return iscsi_unmap_task(iscsi, nexus->session.lun, 0, 0, &list, 1, nexus_answered, op);
	default:
		fill(op->data, op->expected, op->a);
		fill(op->data + BLOCK, op->value, op->a);
		return iscsi_compareandwrite_task(iscsi, nexus->session.lun, op->a, op->data, 2 * BLOCK, BLOCK, 0, 0, 0, 0, 0,
						  nexus_answered, op);
	}
}

static void send_values(struct nexus *nexus, enum kind kind, unsigned int a, unsigned int b, uint64_t value,
			uint64_t expected)
{
	struct load_op *op = calloc(1, sizeof(*op));

	if (!op)
		die("load: no memory");
	op->kind = kind;
	op->a = a;
	op->b = b;
	op->value = value;
	op->expected = expected;
	op->command.ended = op_ended;
	if (kind > CAW)
		actors[nexus->number].fighting = true;
	nexus_begin(nexus, &op->command);
	nexus_begun(nexus, &op->command, kind > CAW ? send_pr(nexus, op) : send_io(nexus, op));
}

/* A value that was never there. */
static uint64_t new_value(const struct nexus *nexus)
{
	return VALUE(nexus->number, ++actors[nexus->number].commands);
}

static void send_op(struct nexus *nexus, enum kind kind, unsigned int a, unsigned int b)
{
	uint64_t value = kind == UNMAP ? VALUE_ZEROS : new_value(nexus);

	if (kind == SAME)
		value |= VALUE_SAME;
	send_values(nexus, kind, a, b, value, kind == CAW ? known[a - first_lba] : 0);
}

/* Takes it, frees it, or looks at it; rarely frees it by force. */
static void send_lock(struct nexus *nexus)
{
	unsigned int x = below(100), kind, lock = below(locks);

	for (kind = READ; kind < CAW && x >= lock_shares[kind]; kind++)
		x -= lock_shares[kind];
	send_values(nexus, (enum kind)kind, first_lba + lock, 1,
		    kind == CAW && known[lock] == VALUE_ZEROS ? new_value(nexus) : VALUE_ZEROS, known[lock]);
}

static void send_any(struct nexus *nexus)
{
	unsigned int x = below(100), kind, length, rest = blocks - locks, block;

	if (locks && below(100) < LOCK_SHARE) {
		send_lock(nexus);
		return;
	}
	for (kind = READ; x >= shares[kind]; kind++)
		x -= shares[kind];
	if (kind == WRITE && below(100) < BACK_SHARE) {
		block = locks + below(rest);
		if (is_value(former[block])) {
			send_values(nexus, WRITE, first_lba + block, 1, former[block], 0);
			return;
		}
	}
	length = kind == CAW ? 1 : 1 + below(rest < LENGTH_MAX ? rest : LENGTH_MAX);
	send_op(nexus, (enum kind)kind, first_lba + locks + below(rest - length + 1), length);
}

/* Returns whether there was something from another path. */
static bool send_again(struct nexus *nexus)
{
	unsigned int i;

	for (i = 0; i < again_count && again[i].path == nexus->path; i++)
		;
	if (i == again_count)
		return false;
	send_values(nexus, again[i].kind, again[i].a, again[i].b, again[i].value, again[i].expected);
	again[i] = again[--again_count];
	resent++;
	return true;
}

/* WRITE EXCLUSIVE or EXCLUSIVE ACCESS */
static unsigned int any_type(void)
{
	return below(2) ? SCSI_PERSISTENT_RESERVE_TYPE_WRITE_EXCLUSIVE :
			  SCSI_PERSISTENT_RESERVE_TYPE_EXCLUSIVE_ACCESS;
}

static void fight(struct nexus *nexus)
{
	struct actor *actor = &actors[nexus->number];
	unsigned int victim = below(fighters), type = any_type();

	actor->fight_at = now_ns() + (50 + below(FIGHT_PAUSE_MS)) * (SECOND / 1000);
	if (!actor->registered) {
		send_op(nexus, REGISTER, 0, 0);
		return;
	}
	if (victim == nexus->number)
		victim = (victim + 1) % fighters;
	switch (below(12)) {
	case 0: case 1: case 2:
		send_op(nexus, RESERVE, type, 0);
		break;
	case 3:
		send_op(nexus, RELEASE, type, 0);
		break;
	case 4:
		send_op(nexus, below(2) ? CLEAR : UNREGISTER, 0, 0);
		break;
	case 5: case 6: case 7:
		send_op(nexus, PREEMPT_AND_ABORT, victim, type);
		break;
	default:
		send_op(nexus, PREEMPT, victim, type);
	}
}

static void pump(struct nexus *nexus)
{
	struct actor *actor = &actors[nexus->number];

	if (nexus->number < fighters && !actor->fighting && nexus->state == NEXUS_UP && now_ns() >= actor->fight_at)
		fight(nexus);
	while (nexus->state == NEXUS_UP && !nexus->broken && nexus->depth < depth && now_ns() >= actor->hold_until) {
		if (!send_again(nexus))
			send_any(nexus);
	}
}

/* -- a run */

static void serve(void)
{
	static uint64_t flushed;

	nexus_serve(nexuses, count, patience, 10);
	if (now_ns() > flushed + SECOND) {
		flushed = now_ns();
		fflush(record);
	}
}

static bool in_flight(void)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (nexuses[i].in_flight)
			return true;
	}
	return false;
}

/* Some nexus that can send something, or NULL. */
static struct nexus *any_up(void)
{
	unsigned int i, start = below(count);

	for (i = 0; i < count; i++) {
		struct nexus *nexus = &nexuses[(start + i) % count];

		if (nexus->state == NEXUS_UP && !nexus->broken)
			return nexus;
	}
	return NULL;
}

/* One command, alone, on any path until one says GOOD. */
static void until_good(enum kind kind, unsigned int a, unsigned int b)
{
	uint64_t end = now_ns() + LIMIT, pause = 0;
	struct nexus *nexus;

	last_good = false;
	while (interrupted < 2) {
		nexus = any_up();
		if (nexus && now_ns() >= pause) {
			pause = now_ns() + HOLD;
			send_op(nexus, kind, a, b);
		}
		do {
			serve();
		} while (in_flight() && interrupted < 2);
		if (last_good)
			return;
		if (now_ns() > end)
			die("load: nothing is GOOD");
	}
}

/* A reservation goes with a CLEAR, which only a registered nexus may send. */
static void clear_reservations(void)
{
	uint64_t end = now_ns() + LIMIT;
	struct nexus *nexus;

	while (interrupted < 2) {
		nexus = any_up();
		if (nexus) {
			actors[nexus->number].registered = false;
			send_op(nexus, REGISTER, 0, 0);
			while (in_flight() && interrupted < 2)
				serve();
			if (actors[nexus->number].registered && nexus->state == NEXUS_UP && !nexus->broken) {
				send_op(nexus, CLEAR, 0, 0);
				while (in_flight() && interrupted < 2)
					serve();
				if (last_good)
					return;
			}
		}
		serve();
		if (now_ns() > end)
			die("load: the reservations cannot be cleared");
	}
}

static void write_all(void)
{
	uint64_t end = now_ns() + LIMIT;
	unsigned int i, length;

	/* all of them, so that each path has been seen to work */
	for (i = 0; i < count && interrupted < 2; i++) {
		while (nexuses[i].state != NEXUS_UP && interrupted < 2) {
			serve();
			if (now_ns() > end)
				die("load: cannot log in");
		}
	}
	for (i = 0; i < blocks; i += length) {
		length = blocks - i < LENGTH_MAX ? blocks - i : LENGTH_MAX;
		until_good(WRITE, first_lba + i, length);
	}
}

/* Through each path that is there, and one at least. */
static void read_all(unsigned int paths)
{
	bool seen[PATHS_MAX] = { false };
	unsigned int i, j, length;

	for (i = 0; i < blocks; i += length) {
		length = blocks - i < LENGTH_MAX ? blocks - i : LENGTH_MAX;
		until_good(READ, first_lba + i, length);
	}
	for (i = 0; i < count; i++) {
		struct nexus *nexus = &nexuses[i];

		if (nexus->state != NEXUS_UP || nexus->broken || seen[nexus->path] || nexus->path >= paths)
			continue;
		seen[nexus->path] = true;
		for (j = 0; j < blocks && !nexus->broken; j += length) {
			length = blocks - j < LENGTH_MAX ? blocks - j : LENGTH_MAX;
			send_op(nexus, READ, first_lba + j, length);
		}
	}
	while (in_flight() && interrupted < 2)
		serve();
}

static void on_signal(int number)
{
	(void)number;
	interrupted++;
}

static void usage(void)
{
	fprintf(stderr, "usage: load --record FILE --seconds N [--seed S] [--nexuses K] [--blocks B] [--lba L]\n"
			"\t[--locks N] [--depth D] [--patience T] [--reservations] [--name NAME] URL...\n");
	exit(2);
}

static unsigned int number_of(const char *text, unsigned long min, unsigned long max)
{
	char *end;
	unsigned long number = strtoul(text, &end, 0);

	if (*end || end == text || number < min || number > max) {
		fprintf(stderr, "load: %s: must be %lu to %lu\n", text, min, max);
		usage();
	}
	return (unsigned int)number;
}

static void print_figures(unsigned int seed)
{
	unsigned long dropped = 0;
	unsigned int i;

	printf("seed %u:", seed);
	for (i = 0; i < KINDS; i++) {
		if (good[i] + others[i])
			printf(" %s %lu good %lu not,", kinds[i], good[i], others[i]);
	}
	for (i = 0; i < count; i++)
		dropped += nexuses[i].lost;
	printf(" %lu lost in %lu sessions, %lu sent again\n", lost, dropped, resent);
}

int main(int argc, char **argv)
{
	enum { RECORD, SECONDS, SEED, NEXUSES, BLOCKS, LBA, LOCKS, DEPTH, PATIENCE, RESERVATIONS, NAME };
	static const struct option options[] = {
		{ "record", required_argument, NULL, RECORD },
		{ "seconds", required_argument, NULL, SECONDS },
		{ "seed", required_argument, NULL, SEED },
		{ "nexuses", required_argument, NULL, NEXUSES },
		{ "blocks", required_argument, NULL, BLOCKS },
		{ "lba", required_argument, NULL, LBA },
		{ "locks", required_argument, NULL, LOCKS },
		{ "depth", required_argument, NULL, DEPTH },
		{ "patience", required_argument, NULL, PATIENCE },
		{ "reservations", no_argument, NULL, RESERVATIONS },
		{ "name", required_argument, NULL, NAME },
		{ NULL, 0, NULL, 0 }
	};
	const char *file = NULL, *name = "history";
	unsigned int i, paths, seconds = 0, seed = (unsigned int)now_ns();
	bool reservations = false, locks_given = false;
	uint64_t end;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case RECORD:
			file = optarg;
			break;
		case SECONDS:
			seconds = number_of(optarg, 1, 1000000);
			break;
		case SEED:
			seed = number_of(optarg, 0, UINT32_MAX);
			break;
		case NEXUSES:
			count = number_of(optarg, 1, NEXUSES_MAX);
			break;
		case BLOCKS:
			blocks = number_of(optarg, 1, BLOCKS_MAX);
			break;
		case LBA:
			first_lba = number_of(optarg, 0, INT32_MAX);
			break;
		case LOCKS:
			locks = number_of(optarg, 0, BLOCKS_MAX - 1);
			locks_given = true;
			break;
		case DEPTH:
			depth = number_of(optarg, 1, 64);
			break;
		case PATIENCE:
			patience = number_of(optarg, 1, 3600) * SECOND;
			break;
		case RESERVATIONS:
			reservations = true;
			break;
		case NAME:
			name = optarg;
			break;
		default:
			usage();
		}
	}
	paths = (unsigned int)(argc - optind);
	if (!file || !seconds || argc == optind || paths > PATHS_MAX)
		usage();
	if (!locks_given)
		locks = blocks / 8;
	if (locks >= blocks)
		usage();
	if (!count)
		count = 2 * paths;
	record = fopen(file, "w");
	if (!record) {
		perror(file);
		return 2;
	}
	srandom(seed);
	run = (uint64_t)time(NULL) << 32 | (uint64_t)getpid() << 8 | 1;
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	signal(SIGPIPE, SIG_IGN);

	fprintf(record, "# seed %u\n", seed);
	for (i = 0; i < count; i++) {
		struct nexus *nexus = &nexuses[i];

		nexus->number = i;
		nexus->path = i % paths;
		nexus->url = argv[(unsigned int)optind + nexus->path];
		nexus->logged_in = logged_in;
		snprintf(nexus->name, sizeof(nexus->name), "%s-%u", name, i);
		fprintf(record, "nexus %u %u " INITIATOR_PREFIX "%s %s\n", i, nexus->path, nexus->name, nexus->url);
	}

	if (reservations)
		clear_reservations();
	write_all();
	if (reservations)
		fighters = count < FIGHTERS_MAX ? count : FIGHTERS_MAX;
	end = now_ns() + seconds * SECOND;
	while (now_ns() < end && !interrupted) {
		for (i = 0; i < count; i++)
			pump(&nexuses[i]);
		serve();
	}
	while (in_flight() && interrupted < 2)
		serve();
	if (reservations)
		clear_reservations();
	read_all(paths);

	for (i = 0; i < count; i++)
		nexus_drop(&nexuses[i]);
	print_figures(seed);
	if (fclose(record)) {
		perror(file);
		return 1;
	}
	return 0;
}
