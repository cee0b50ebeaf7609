// SPDX-License-Identifier: GPL-2.0
/*
 * The commands of load: choose the next one of a nexus, and note its end in a record and in the
 * figures. load.c has the rules.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "block.h"
#include "load.h"

#define AGAIN_MAX	256
/* a gateway that is no member answers at once, and does so for a while */
#define NOT_READY_HOLD	SECOND
#define FIGHT_PAUSE_MS	1200
#define PR_KEY(nexus)	(0x4849000000000000ULL + (nexus) + 1)

const char *const kinds[KINDS] = {
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
 * struct load_op - a command, with the fields of its record
 * @command: must be first
 * @a: first block, or victim, or type of the reservation
 * @b: blocks, or type of the reservation when @a is a victim
 * @value: value that it writes
 * @expected: value that a COMPARE AND WRITE expects
 * @data: data that go with it
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

/* a change that got no answer on one path, and is to be sent again on another one */
struct again {
	enum kind kind;
	unsigned int path;
	unsigned int a;
	unsigned int b;
	uint64_t value;
	uint64_t expected;
};

struct load_figures figures;
static struct again again[AGAIN_MAX];
static unsigned int again_count;
/* the last value that anybody saw or wrote, for a COMPARE AND WRITE that has a chance */
static uint64_t known[BLOCKS_MAX];
/* the one before that, for a write that brings it back */
static uint64_t former[BLOCKS_MAX];
/* whether a first write was good */
static bool written[BLOCKS_MAX];

/* -- records */

static void put_value(uint64_t value)
{
	switch (value) {
	case VALUE_ZEROS:
		fputs(" 0", load.record);
		break;
	case VALUE_TORN:
		fputs(" torn", load.record);
		break;
	case VALUE_ASTRAY:
		fputs(" astray", load.record);
		break;
	case VALUE_FOREIGN:
		fputs(" foreign", load.record);
		break;
	default:
		fprintf(load.record, " %u.%" PRIu64, VALUE_NEXUS(value), VALUE_COMMAND(value));
	}
}

static void learn(unsigned int block, uint64_t value)
{
	if (known[block] != value)
		former[block] = known[block];
	known[block] = value;
	written[block] = true;
}

/* A value that a command may write, and not one that only a broken disk returns. */
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
			value = block_value(task->datain.data + (size_t)i * BLOCK, load.number, op->a + i);
			put_value(value);
		}
		learn(op->a + i - load.first_lba, value);
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
	struct actor *actor = &load.actors[number];
	uint64_t end = now_ns();

	figures.last_good = !strcmp(result, "good");
	if (figures.last_good && op->kind == READ && task->datain.size != (int)op->b * BLOCK) {
		fprintf(stderr, "READ of %u blocks: %d bytes\n", op->b, task->datain.size);
		exit(1);
	}
	fprintf(load.record, "%" PRIu64 " %" PRIu64 " %u %s %u %u %s", command->start, end, number, kinds[op->kind], op->a,
		op->b, result);
	if (op->kind == CAW)
		put_value(op->expected);
	if (op->kind == WRITE || op->kind == SAME || op->kind == CAW)
		put_value(op->value);
	if (figures.last_good) {
		figures.good[op->kind]++;
		op_learn(op, task);
	} else {
		figures.others[op->kind]++;
		if (!strcmp(result, "lost")) {
			figures.lost++;
			send_again_later(op);
		}
		/* let the next one know better */
		if (op->kind == CAW)
			learn(op->a - load.first_lba, VALUE_ZEROS);
		if (!strncmp(result, "2/", 2))
			actor->hold_until = end + NOT_READY_HOLD;
		else if (strcmp(result, "miscompare"))
			actor->hold_until = end + HOLD;
	}
	if (op->kind > CAW) {
		actor->fighting = false;
		if (figures.last_good && (op->kind == REGISTER || op->kind == UNREGISTER || op->kind == CLEAR))
			actor->registered = op->kind == REGISTER;
		if (!strcmp(result, "conflict"))
			actor->registered = false;
	}
	fputc('\n', load.record);
	free(op);
}

void load_logged_in(struct nexus *nexus)
{
	fprintf(load.record, "%" PRIu64 " %" PRIu64 " %u login 0 0 good\n", nexus->since, now_ns(), nexus->number);
	/* a unit attention may wait there, and no command can rely on being registered */
	load.actors[nexus->number].registered = false;
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
		block_fill(block, load.number, value, lba);
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
		load.actors[nexus->number].fighting = true;
	nexus_begin(nexus, &op->command);
	nexus_begun(nexus, &op->command, kind > CAW ? send_pr(nexus, op) : send_io(nexus, op));
}

/* Return: a value that was never there. */
static uint64_t new_value(const struct nexus *nexus)
{
	return VALUE(nexus->number, ++load.actors[nexus->number].commands);
}

void load_send(struct nexus *nexus, enum kind kind, unsigned int a, unsigned int b)
{
	uint64_t value = kind == UNMAP ? VALUE_ZEROS : new_value(nexus);

	if (kind == SAME)
		value |= VALUE_SAME;
	send_values(nexus, kind, a, b, value, kind == CAW ? known[a - load.first_lba] : 0);
}

/* Take the lock word, free it, or look at it; rarely free it by force. */
static void send_lock(struct nexus *nexus)
{
	unsigned int x = below(100), kind, lock = below(load.locks);

	for (kind = READ; kind < CAW && x >= lock_shares[kind]; kind++)
		x -= lock_shares[kind];
	send_values(nexus, (enum kind)kind, load.first_lba + lock, 1,
		    kind == CAW && known[lock] == VALUE_ZEROS ? new_value(nexus) : VALUE_ZEROS, known[lock]);
}

static void send_any(struct nexus *nexus)
{
	unsigned int x = below(100), kind, length, rest = load.blocks - load.locks, block;

	if (load.locks && below(100) < LOCK_SHARE) {
		send_lock(nexus);
		return;
	}
	for (kind = READ; x >= shares[kind]; kind++)
		x -= shares[kind];
	if (kind == WRITE && below(100) < BACK_SHARE) {
		block = load.locks + below(rest);
		if (is_value(former[block])) {
			send_values(nexus, WRITE, load.first_lba + block, 1, former[block], 0);
			return;
		}
	}
	length = kind == CAW ? 1 : 1 + below(rest < LENGTH_MAX ? rest : LENGTH_MAX);
	load_send(nexus, (enum kind)kind, load.first_lba + load.locks + below(rest - length + 1), length);
}

/* Repeat a change from another path. Return: whether there was one. */
static bool send_again(struct nexus *nexus)
{
	unsigned int i;

	for (i = 0; i < again_count && again[i].path == nexus->path; i++)
		;
	if (i == again_count)
		return false;
	send_values(nexus, again[i].kind, again[i].a, again[i].b, again[i].value, again[i].expected);
	again[i] = again[--again_count];
	figures.resent++;
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
	struct actor *actor = &load.actors[nexus->number];
	unsigned int victim = below(load.fighters), type = any_type();

	actor->fight_at = now_ns() + (50 + below(FIGHT_PAUSE_MS)) * (SECOND / 1000);
	if (!actor->registered) {
		load_send(nexus, REGISTER, 0, 0);
		return;
	}
	if (victim == nexus->number)
		victim = (victim + 1) % load.fighters;
	switch (below(12)) {
	case 0: case 1: case 2:
		load_send(nexus, RESERVE, type, 0);
		break;
	case 3:
		load_send(nexus, RELEASE, type, 0);
		break;
	case 4:
		load_send(nexus, below(2) ? CLEAR : UNREGISTER, 0, 0);
		break;
	case 5: case 6: case 7:
		load_send(nexus, PREEMPT_AND_ABORT, victim, type);
		break;
	default:
		load_send(nexus, PREEMPT, victim, type);
	}
}

void load_pump(struct nexus *nexus)
{
	struct actor *actor = &load.actors[nexus->number];

	if (nexus->number < load.fighters && !actor->fighting && nexus->state == NEXUS_UP && now_ns() >= actor->fight_at)
		fight(nexus);
	while (nexus->state == NEXUS_UP && !nexus->broken && nexus->depth < load.depth && now_ns() >= actor->hold_until) {
		if (!send_again(nexus))
			send_any(nexus);
	}
}
