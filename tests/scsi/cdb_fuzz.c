// SPDX-License-Identifier: GPL-2.0
/*
 * Hostile initiators: SCSI commands that make sense, nearly make sense and make none, from many
 * nexuses through two gateways at once, and a look at every answer. Before that come some commands
 * that once did harm.
 *
 *	cdb_fuzz URL1 URL2 SEED COMMANDS NEXUSES BLOCKS PATIENCE
 *
 * COMMANDS are those of all nexuses together, BLOCKS is the size of the unit. The same seed makes
 * each nexus send the same commands; their order among the nexuses is left to chance.
 *
 * A command must have an answer within PATIENCE seconds; or the connection ends, where LIO does
 * that, and the nexus logs in again. An answer must be well formed, blame the command and not the
 * hardware, and agree with the data that came. A command whose data went the wrong way must not end
 * with GOOD: such data would be written past a reservation, or be leftovers of the kernel's memory.
 *
 * Reservations would soon shut everybody out. A nexus that meets nothing but conflicts clears them
 * away as an initiator that nobody knows: it registers, clears, and resets the unit if it was a
 * RESERVE. That has to work at any time, at the latest when nobody reserves anew meanwhile.
 *
 * The status is 1 if there was any complaint; each complaint is a line.
 */
/* for a lock that prefers writers */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cdb_fuzz.h"

#define NEXUSES_MAX	64
/* after so many conflicts without a good command in between, a nexus clears reservations away */
#define CONFLICTS_MAX	12
#define CLEAR_TRIES	50
#define COMPLAINTS_MAX	20

enum {
	GOOD = 0x00,
	CHECK_CONDITION = 0x02,
	BUSY = 0x08,
	CONFLICT = 0x18,
	TASK_SET_FULL = 0x28,
	TASK_ABORTED = 0x40,
};

enum {
	KEY_NOT_READY = 0x2,
	KEY_ILLEGAL_REQUEST = 0x5,
	KEY_UNIT_ATTENTION = 0x6,
	KEY_MISCOMPARE = 0xe,
};

/**
 * struct fuzz_nexus - one initiator
 * @number: its number
 * @wire: its session
 * @url: where it logs in
 * @fuzz: source of its commands
 * @command: the last one
 * @answer: the answer to it
 * @left: commands to go
 * @sent: commands so far
 * @conflicts: since something ended well
 * @statuses: how often each status came
 * @keys: how often each sense key came
 * @good: opcodes that ended well once
 * @drops: connections that ended
 * @rejects: PDUs that were not taken
 * @clears: reservations that were cleared away
 * @clears_alone: those of them with nobody else there
 * @resets: resets that this took
 * @slowest_ms: duration of the slowest command
 * @slowest: its opcode
 */
struct fuzz_nexus {
	unsigned int number;
	struct wire wire;
	const char *url;
	struct fuzz fuzz;
	struct wire_command command;
	struct wire_answer answer;
	unsigned long left;
	unsigned long sent;
	unsigned int conflicts;
	unsigned long statuses[256];
	unsigned long keys[16];
	bool good[256];
	unsigned long drops;
	unsigned long rejects;
	unsigned long clears;
	unsigned long clears_alone;
	unsigned long resets;
	uint64_t slowest_ms;
	uint8_t slowest;
};

static struct fuzz_nexus nexuses[NEXUSES_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* every command holds it for reading, and a command that must be alone holds it for writing */
static pthread_rwlock_t quiet = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static unsigned int complaints;
static int patience_ms;

static void complain(const struct fuzz_nexus *nexus, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void print_bytes(const uint8_t *p, unsigned int len)
{
	unsigned int i;

	for (i = 0; i < len; i++)
		printf("%02x", p[i]);
}

/* The last command of a nexus, and its answer. */
static void show(const struct fuzz_nexus *nexus, const char *what)
{
	const struct wire_command *command = &nexus->command;
	const struct wire_answer *answer = &nexus->answer;

	printf("nexus %u, command %lu: %s\n\tcdb ", nexus->number, nexus->sent, what);
	print_bytes(command->cdb, command->cdb_len);
	printf(" lun ");
	print_bytes(command->lun, sizeof(command->lun));
	printf(" flags %02x edtl %u%s\n", command->flags, command->edtl, command->immediate ? " immediate" : "");
	if (command->flags & WIRE_WRITE) {
		printf("\tdata ");
		print_bytes(command->data, command->edtl < 64 ? command->edtl : 64);
		printf("\n");
	}
	printf("\tresponse %u status %02x in %u%s%s residual %u sense ", answer->response, answer->status,
	       answer->in_len, answer->overflow ? " overflow" : "", answer->underflow ? " underflow" : "",
	       answer->residual);
	print_bytes(answer->sense, answer->sense_len);
	printf("\n");
	fflush(stdout);
}

static void complain(const struct fuzz_nexus *nexus, const char *format, ...)
{
	char what[256];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	pthread_mutex_lock(&lock);
	if (complaints++ < COMPLAINTS_MAX)
		show(nexus, what);
	pthread_mutex_unlock(&lock);
}

/* Return: the sense key, or -1 when the data are no sense data. */
static int sense_key(const struct wire_answer *answer)
{
	const uint8_t *sense = answer->sense;

	if (answer->sense_len < 8 || answer->sense_len < 8U + sense[7])
		return -1;
	switch (sense[0] & 0x7f) {
	case 0x70:
		return answer->sense_len < 14 ? -1 : sense[2] & 0xf;
	case 0x72:
		return sense[1] & 0xf;
	default:
		return -1;
	}
}

/* LIO has NOT READY for a REQUEST SENSE that wants no data. */
static bool is_lio_not_ready(const struct fuzz_nexus *nexus)
{
	const uint8_t *cdb = nexus->command.cdb, *sense = nexus->answer.sense;

	return cdb[0] == 0x03 && (!cdb[4] || !nexus->command.edtl) && (sense[2] & 0xf) == KEY_NOT_READY &&
	       sense[12] == 0x08;
}

static void judge_sense(struct fuzz_nexus *nexus)
{
	int key = sense_key(&nexus->answer);

	if (key >= 0)
		nexus->keys[key]++;
	switch (key) {
	case -1:
		complain(nexus, "sense data that are none");
		break;
	case KEY_ILLEGAL_REQUEST:
	case KEY_UNIT_ATTENTION:
		break;
	case KEY_MISCOMPARE:
		if (!cdb_compares(nexus->command.cdb))
			complain(nexus, "a miscompare where nothing is compared");
		break;
	default:
		if (!is_lio_not_ready(nexus))
			complain(nexus, "sense key %x for bad input", key);
	}
}

/*
 * An allocation length beyond the expected length, and data shorter than both: in commands that LIO
 * does itself, it calls the missing part an overflow.
 */
static bool is_lio_overflow(const struct fuzz_nexus *nexus)
{
	const uint8_t *cdb = nexus->command.cdb;
	bool ours = cdb[0] == 0x5e || (cdb[0] == 0xa3 && (cdb[1] & 0x1f) == 0x0c) ||
		    (cdb[0] == 0x9e && (cdb[1] & 0x1f) == 0x12);

	return !ours && nexus->answer.overflow &&
	       nexus->answer.residual == nexus->command.edtl - nexus->answer.in_len;
}

static void judge_residual(struct fuzz_nexus *nexus)
{
	const struct wire_command *command = &nexus->command;
	const struct wire_answer *answer = &nexus->answer;

	if (answer->underflow && answer->overflow)
		complain(nexus, "both kinds of residual");
	/* where data come for a command that takes none, LIO counts them twice */
	if (answer->underflow && answer->residual > command->edtl &&
	    (!(command->flags & WIRE_WRITE) || cdb_sends_data(command->cdb)))
		complain(nexus, "a residual beyond what was expected");
	if ((answer->underflow || answer->overflow) && !answer->residual)
		complain(nexus, "a residual of nothing");
	if (answer->status == GOOD && command->flags & WIRE_READ &&
	    answer->in_len != command->edtl - (answer->underflow ? answer->residual : 0) && !is_lio_overflow(nexus))
		complain(nexus, "a residual that does not go with the data");
	if (answer->status != GOOD && answer->in_len)
		complain(nexus, "data with an error");
}

static void judge_direction(struct fuzz_nexus *nexus)
{
	const struct wire_command *command = &nexus->command;
	const struct wire_answer *answer = &nexus->answer;
	bool sends = cdb_sends_data(command->cdb);
	uint32_t moved = command->edtl;

	if (answer->underflow)
		moved -= answer->residual < moved ? answer->residual : moved;
	if (answer->status == GOOD && moved && sends != !!(command->flags & WIRE_WRITE))
		complain(nexus, "%u bytes went the wrong way", moved);
	if (command->cdb[0] == 0x89 && command->cdb[13] && !command->edtl &&
	    (answer->status == GOOD || sense_key(answer) == KEY_MISCOMPARE))
		complain(nexus, "a comparison with nothing");
}

static void judge(struct fuzz_nexus *nexus)
{
	const struct wire_answer *answer = &nexus->answer;

	if (answer->response)
		complain(nexus, "iSCSI response %u", answer->response);
	nexus->statuses[answer->status]++;
	if (answer->status == CONFLICT)
		nexus->conflicts++;
	else if (answer->status == GOOD)
		nexus->conflicts = 0;
	switch (answer->status) {
	case GOOD:
		nexus->good[nexus->command.cdb[0]] = true;
		break;
	case CHECK_CONDITION:
		judge_sense(nexus);
		break;
	case BUSY:
	case CONFLICT:
	case TASK_SET_FULL:
	case TASK_ABORTED:
		break;
	default:
		complain(nexus, "status %02x", answer->status);
	}
	judge_residual(nexus);
	judge_direction(nexus);
}

static void login(struct fuzz_nexus *nexus)
{
	uint64_t end = now_ms() + (uint64_t)patience_ms;
	char name[32];

	snprintf(name, sizeof(name), "fuzz%u", nexus->number);
	while (!wire_login(&nexus->wire, nexus->url, name, nexus->number)) {
		if (now_ms() > end) {
			show(nexus, "no login any more after this");
			exit(1);
		}
		usleep(100000);
	}
}

/* Return: false when there is no answer, and a new session. */
static bool ended(struct fuzz_nexus *nexus, enum wire_result result)
{
	switch (result) {
	case WIRE_ANSWERED:
		return true;
	case WIRE_SILENT:
		pthread_mutex_lock(&lock);
		show(nexus, "no answer in time");
		exit(1);
	case WIRE_NONSENSE:
		complain(nexus, "%s", wire_why());
		break;
	case WIRE_REJECTED:
		nexus->rejects++;
		break;
	case WIRE_DROPPED:
		/* LIO drops the connection when data are expected and the CDB asks for none */
		if (!(nexus->command.flags & WIRE_READ))
			complain(nexus, "the connection ended");
		nexus->drops++;
		break;
	}
	wire_close(&nexus->wire);
	login(nexus);
	return false;
}

static bool send(struct fuzz_nexus *nexus)
{
	uint64_t began = now_ms();

	if (!ended(nexus, wire_do(&nexus->wire, &nexus->command, &nexus->answer, patience_ms)))
		return false;
	if (now_ms() - began > nexus->slowest_ms) {
		nexus->slowest_ms = now_ms() - began;
		nexus->slowest = nexus->command.cdb[0];
	}
	return true;
}

/* PERSISTENT RESERVE OUT. Return: its status, or -1. */
static int pr_out(struct fuzz_nexus *nexus, uint8_t action, uint64_t key, uint64_t new)
{
	struct wire_command *command = &nexus->command;
	uint8_t *data = command->data;
	int i;

	memset(command, 0, sizeof(*command));
	command->data = data;
	memset(data, 0, 24);
	for (i = 0; i < 8; i++) {
		data[i] = (uint8_t)(key >> (56 - 8 * i));
		data[8 + i] = (uint8_t)(new >> (56 - 8 * i));
	}
	command->cdb[0] = 0x5f;
	command->cdb[1] = action;
	command->cdb[8] = 24;
	command->cdb_len = 16;
	command->flags = WIRE_WRITE | 1;
	command->edtl = 24;
	return send(nexus) ? nexus->answer.status : -1;
}

static bool cleared(struct fuzz_nexus *nexus)
{
	uint64_t key = 0xc1ea0000 + nexus->number;
	int i;

	for (i = 0; i < CLEAR_TRIES; i++) {
		int status = pr_out(nexus, 6, 0, key);

		if (status == GOOD)
			status = pr_out(nexus, 3, key, 0);
		if (status == GOOD)
			return true;
		if (status == CONFLICT && i % 4 == 3) {
			nexus->resets++;
			ended(nexus, wire_lun_reset(&nexus->wire, patience_ms));
		}
	}
	return false;
}

/*
 * Clear beside the others if possible; but they may clear at the same time, or reserve anew before
 * we are through.
 */
static void clear_away(struct fuzz_nexus *nexus)
{
	bool done;

	nexus->clears++;
	nexus->conflicts = 0;
	pthread_rwlock_rdlock(&quiet);
	done = cleared(nexus);
	pthread_rwlock_unlock(&quiet);
	if (done)
		return;
	pthread_rwlock_wrlock(&quiet);
	nexus->clears_alone++;
	if (!cleared(nexus))
		complain(nexus, "reservations cannot be cleared, and nobody else is there");
	pthread_rwlock_unlock(&quiet);
}

/*
 * Commands that once did harm, or would do it in an unguarded LIO. All of it is the initiator's
 * mistake.
 */
static const struct {
	const char *what;
	uint8_t flags;
	uint32_t edtl;
	uint8_t cdb[16];
} known[] = {
	{ "READ (10) that sends data", WIRE_WRITE, 512, { 0x28, [8] = 1 } },
	{ "READ (16) that sends data", WIRE_WRITE, 512, { 0x88, [13] = 1 } },
	{ "WRITE (10) that asks for data", WIRE_READ, 512, { 0x2a, [8] = 1 } },
	{ "WRITE AND VERIFY (10) that asks for data", WIRE_READ, 4096, { 0x2e, [8] = 8 } },
	{ "WRITE SAME (10) that asks for data", WIRE_READ, 512, { 0x41, [8] = 8 } },
	{ "COMPARE AND WRITE that asks for data", WIRE_READ, 1024, { 0x89, [13] = 1 } },
	{ "COMPARE AND WRITE without data", 0, 0, { 0x89, [13] = 1 } },
	{ "UNMAP that asks for data", WIRE_READ, 24, { 0x42, [8] = 24 } },
	{ "PERSISTENT RESERVE OUT that asks for data", WIRE_READ, 24, { 0x5f, 6, [8] = 24 } },
	{ "VERIFY (10) that compares with data it asks for", WIRE_READ, 512, { 0x2f, 2, [8] = 1 } },
	{ "SET TARGET PORT GROUPS", WIRE_WRITE, 8, { 0xa4, 0x0a, [9] = 8 } },
	{ "REPORT LUNS with an allocation length of 64 MiB", WIRE_READ, 64 << 20, { 0xa0, [6] = 4 } },
	{ "READ (16) of the whole unit", WIRE_READ, 64 << 20, { 0x88, [11] = 2 } },
};

static void try_known(struct fuzz_nexus *nexus)
{
	struct wire_command *command = &nexus->command;
	uint8_t *data = command->data;
	size_t i;

	login(nexus);
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		memset(command, 0, sizeof(*command));
		command->data = data;
		memset(data, 0, 4096);
		/* SET TARGET PORT GROUPS: standby */
		data[4] = 2;
		memcpy(command->cdb, known[i].cdb, sizeof(known[i].cdb));
		command->cdb_len = 16;
		command->flags = known[i].flags | 1;
		command->edtl = known[i].edtl;
		nexus->sent++;
		if (!send(nexus))
			complain(nexus, "%s: no answer", known[i].what);
		else if (nexus->answer.status != CHECK_CONDITION || sense_key(&nexus->answer) != KEY_ILLEGAL_REQUEST)
			complain(nexus, "%s: not refused", known[i].what);
	}
	/* its commands from now on are random */
	nexus->sent = 0;
	wire_close(&nexus->wire);
}

static void *run(void *arg)
{
	struct fuzz_nexus *nexus = arg;

	login(nexus);
	while (nexus->left && complaints < COMPLAINTS_MAX) {
		nexus->left--;
		nexus->sent++;
		fuzz_next(&nexus->fuzz, &nexus->command);
		pthread_rwlock_rdlock(&quiet);
		if (send(nexus))
			judge(nexus);
		pthread_rwlock_unlock(&quiet);
		if (nexus->conflicts > CONFLICTS_MAX)
			clear_away(nexus);
	}
	wire_close(&nexus->wire);
	return NULL;
}

static void report(unsigned int count)
{
	static const struct {
		uint8_t status;
		const char *name;
	} names[] = {
		{ GOOD, "good" },
		{ CHECK_CONDITION, "check condition" },
		{ CONFLICT, "conflict" },
		{ BUSY, "busy" },
		{ TASK_SET_FULL, "task set full" },
		{ TASK_ABORTED, "aborted" },
	};
	unsigned long sent = 0, drops = 0, rejects = 0, clears = 0, alone = 0, resets = 0;
	unsigned long opcodes = 0;
	const struct fuzz_nexus *slowest = &nexuses[0];
	unsigned int i, j;

	for (i = 0; i < count; i++) {
		sent += nexuses[i].sent;
		drops += nexuses[i].drops;
		rejects += nexuses[i].rejects;
		clears += nexuses[i].clears;
		alone += nexuses[i].clears_alone;
		resets += nexuses[i].resets;
		if (nexuses[i].slowest_ms > slowest->slowest_ms)
			slowest = &nexuses[i];
	}
	for (j = 0; j < 256; j++) {
		for (i = 0; i < count && !nexuses[i].good[j]; i++)
			;
		opcodes += i < count;
	}
	printf("commands %lu", sent);
	for (j = 0; j < sizeof(names) / sizeof(names[0]); j++) {
		unsigned long n = 0;

		for (i = 0; i < count; i++)
			n += nexuses[i].statuses[names[j].status];
		printf(", %s %lu", names[j].name, n);
	}
	printf("\nsense keys");
	for (j = 0; j < 16; j++) {
		unsigned long n = 0;

		for (i = 0; i < count; i++)
			n += nexuses[i].keys[j];
		if (n)
			printf(", %x: %lu", j, n);
	}
	printf("\nopcodes that ended well %lu, connections ended %lu, PDUs rejected %lu\n", opcodes, drops, rejects);
	printf("reservations cleared away %lu, alone %lu, with resets %lu; slowest command %llu ms, opcode %02x\n",
	       clears, alone, resets, (unsigned long long)slowest->slowest_ms, slowest->slowest);
	printf("complaints %u\n", complaints);
}

int main(int argc, char **argv)
{
	unsigned int count = argc == 8 ? (unsigned int)strtoul(argv[5], NULL, 0) : 0, i;
	pthread_t threads[NEXUSES_MAX];
	unsigned long commands;
	uint64_t seed;

	if (!count || count > NEXUSES_MAX) {
		fprintf(stderr, "usage: cdb_fuzz URL1 URL2 SEED COMMANDS NEXUSES BLOCKS PATIENCE\n");
		return 2;
	}
	seed = strtoull(argv[3], NULL, 0);
	commands = strtoul(argv[4], NULL, 0);
	patience_ms = 1000 * atoi(argv[7]);
	for (i = 0; i < count; i++) {
		struct fuzz_nexus *nexus = &nexuses[i];

		nexus->number = i;
		nexus->url = argv[1 + i % 2];
		nexus->left = commands / count;
		nexus->fuzz.state = seed * NEXUSES_MAX + i;
		nexus->fuzz.sweep = (uint32_t)seed * 0x400 + i * (8192 / count);
		nexus->fuzz.blocks = strtoull(argv[6], NULL, 0);
		nexus->command.data = calloc(1, WIRE_DATA_MAX);
		nexus->answer.data = calloc(1, WIRE_DATA_MAX);
		if (!nexus->command.data || !nexus->answer.data)
			return 2;
	}
	try_known(&nexuses[0]);
	for (i = 0; i < count; i++) {
		if (pthread_create(&threads[i], NULL, run, &nexuses[i]))
			return 2;
	}
	for (i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	report(count);
	return complaints != 0;
}
