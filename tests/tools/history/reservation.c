// SPDX-License-Identifier: GPL-2.0
/*
 * Could one logical unit have answered these reservation commands like this? And which nexuses
 * could write and read when?
 *
 * As in register.c, each command takes effect at one moment between its start and its end, and this
 * keeps all states that are possible. There are few of these commands, so it tries every order.
 *
 * Between two starts or ends of such commands lies an era. Each of its states allows some nexuses
 * to write; a command that went through needs at least one era that let it, and one that ended with
 * a conflict needs one that did not. Each command looks at the eras by itself, so this may overlook
 * something, but never complains wrongly.
 *
 * A gateway that is no longer a member answers at once, and its initiators try again and again:
 * more commands may be open than there are orders to try. Then this goes through everything once
 * more, and lets an open command take effect any number of times. That overlooks more, and needs no
 * record of the commands that have taken effect.
 *
 * A change that a gateway has given up may still be on its way to the record, and takes effect
 * there unless the record was written meanwhile. So a command whose answer does not say whether it
 * happened is over when another one has begun after it and ended with a change. A command without
 * an answer may even take effect later, until its nexus has logged in again: gateways end the old
 * session first, and that waits for the command.
 *
 * Known are WRITE EXCLUSIVE and EXCLUSIVE ACCESS. Each nexus has one key.
 */
#include <stdlib.h>
#include <string.h>

#include "reservation.h"

#define SLOTS		64
#define STATES_MAX	4096
#define NOBODY		0xff
#define EXCLUSIVE_ACCESS 3
#define BIT(n)		(1U << (n))
#define SLOT(n)		(1ULL << (n))
#define EVERYBODY	UINT32_MAX

/**
 * struct state - a possibility
 * @done: slots of pending commands that have taken effect
 * @registered: registered nexuses
 * @holder: nexus, or NOBODY
 * @type: of the reservation; 0 without one
 * @preempter: nexus whose PREEMPT was the last one, or NOBODY
 * @preempted: nexus that it preempted
 * @made: type of the reservation that it made; 0 if it only took the registration
 */
struct state {
	uint64_t done;
	uint32_t registered;
	uint16_t holder;
	uint16_t type;
	uint16_t preempter;
	uint16_t preempted;
	uint32_t made;
};

struct states {
	struct state list[STATES_MAX];
	unsigned int count;
	bool overflow;
};

/**
 * enum edge - an event of a command
 * @START: it begins
 * @END: it has taken effect by now
 * @END_OVERTAKEN: it has not taken effect since another one took effect that ends now, too
 */
enum edge { START, END, END_OVERTAKEN };

struct event {
	uint64_t time;
	const struct op *op;
	enum edge edge;
};

/**
 * struct scan - the place in the history, and the states there
 * @slots: pending commands
 * @sharers: how many commands share each slot
 * @used: slots with a command
 * @again: open commands may take effect more than once; equal ones share a slot
 * @now: possible states
 * @next: scratch
 * @seen: scratch
 */
struct scan {
	const struct op *slots[SLOTS];
	unsigned int sharers[SLOTS];
	uint64_t used;
	bool again;
	struct states now;
	struct states next;
	struct states seen;
};

static bool states_add(struct states *states, const struct state *state)
{
	unsigned int i;

	for (i = 0; i < states->count; i++) {
		if (!memcmp(&states->list[i], state, sizeof(*state)))
			return false;
	}
	if (states->count == STATES_MAX) {
		states->overflow = true;
		return false;
	}
	states->list[states->count++] = *state;
	return true;
}

static void unreserve(struct state *state)
{
	state->holder = NOBODY;
	state->type = 0;
}

static void forget_preempt(struct state *state)
{
	state->preempter = NOBODY;
	state->preempted = NOBODY;
	state->made = 0;
}

/* An initiator that had no answer sends its PREEMPT again, and gets GOOD: docs/reservations.md */
static bool preempt_is_done(const struct state *state, const struct op *op)
{
	if (state->preempter != op->nexus || state->preempted != op->a)
		return false;
	return !state->made ||
	       (state->made == op->b && state->type == op->b && state->holder == op->nexus);
}

/*
 * SPC-4, 5.13.11.2: the victim loses its registration, and the preempting nexus gets the
 * reservation if the victim held it
 */
static bool preempt(struct state *state, const struct op *op)
{
	if (!(state->registered & BIT(op->a)))
		return preempt_is_done(state, op);
	state->registered &= ~BIT(op->a);
	state->preempter = op->nexus;
	state->preempted = (uint16_t)op->a;
	state->made = 0;
	if (state->holder == op->a) {
		state->holder = op->nexus;
		state->type = (uint16_t)op->b;
		state->made = (uint32_t)op->b;
	}
	return true;
}

/*
 * Carry the command out. Return: whether it ends with GOOD; otherwise it is a conflict, and nothing
 * changes.
 */
static bool apply(struct state *state, const struct op *op)
{
	uint32_t self = BIT(op->nexus);

	if (op->kind == REGISTER) {
		state->registered |= self;
		/* a PREEMPT of its key means this registration from now on */
		if (state->preempted == op->nexus)
			forget_preempt(state);
		return true;
	}
	if (op->kind == UNREGISTER) {
		state->registered &= ~self;
		if (state->holder == op->nexus)
			unreserve(state);
		return true;
	}
	if (!(state->registered & self))
		return false;
	switch (op->kind) {
	case RESERVE:
		if (state->holder == NOBODY) {
			state->holder = op->nexus;
			state->type = (uint16_t)op->a;
		}
		return state->holder == op->nexus && state->type == op->a;
	case RELEASE:
		if (state->holder == op->nexus && state->type == op->a)
			unreserve(state);
		return true;
	case CLEAR:
		state->registered = 0;
		unreserve(state);
		forget_preempt(state);
		return true;
	default:
		return preempt(state, op);
	}
}

/* Let the command in @slot take effect. Return: false if it would not have ended as it did. */
static bool take_effect(const struct scan *scan, struct state *state, unsigned int slot)
{
	const struct op *op = scan->slots[slot];
	bool good = apply(state, op);

	if (!scan->again || !op_is_open(op))
		state->done |= SLOT(slot);
	return good == (op->result != CONFLICT);
}

/*
 * Make all states that come from this one. @slot: the command that ends, which takes effect last;
 * SLOTS: any command may, or none.
 */
static void reach(struct scan *scan, const struct state *from, unsigned int slot)
{
	unsigned int i;

	for (i = 0; i < SLOTS; i++) {
		struct state state = *from;

		if (!(scan->used & SLOT(i)) || from->done & SLOT(i) || !take_effect(scan, &state, i))
			continue;
		if (i == slot) {
			state.done &= ~SLOT(slot);
			states_add(&scan->next, &state);
		} else if (states_add(&scan->seen, &state)) {
			reach(scan, &state, slot);
		}
	}
}

static void allowed(struct era *era, const struct state *state)
{
	uint32_t holder = state->holder == NOBODY ? EVERYBODY : BIT(state->holder);
	uint32_t readers = state->type == EXCLUSIVE_ACCESS ? holder : EVERYBODY;

	era->may_write |= holder;
	era->must_not_write |= ~holder;
	era->may_read |= readers;
	era->must_not_read |= ~readers;
}

static void add_era(struct reservations *reservations, struct scan *scan, uint64_t time)
{
	struct era *era = &reservations->eras[reservations->count++];
	unsigned int i;

	*era = (struct era){ .from = time };
	scan->seen.count = 0;
	for (i = 0; i < scan->now.count; i++) {
		if (states_add(&scan->seen, &scan->now.list[i]))
			reach(scan, &scan->now.list[i], SLOTS);
	}
	for (i = 0; i < scan->seen.count; i++)
		allowed(era, &scan->seen.list[i]);
	if (scan->seen.overflow)
		*era = (struct era){ time, EVERYBODY, EVERYBODY, EVERYBODY, EVERYBODY };
	scan->seen.count = 0;
	scan->seen.overflow = false;
}

static void describe(const struct scan *scan, char *text, size_t size)
{
	size_t used = 0;
	unsigned int i;

	for (i = 0; i < scan->now.count && used + 64 < size; i++) {
		const struct state *state = &scan->now.list[i];

		if (i)
			used += (size_t)snprintf(text + used, size - used, ", or ");
		if (state->holder == NOBODY)
			used += (size_t)snprintf(text + used, size - used, "no reservation");
		else
			used += (size_t)snprintf(text + used, size - used, "nexus %u holds type %u", state->holder,
						 state->type);
		used += (size_t)snprintf(text + used, size - used, ", registered 0x%x", state->registered);
	}
}

static bool alike(const struct op *x, const struct op *y)
{
	return op_is_open(x) && op_is_open(y) && x->nexus == y->nexus && x->kind == y->kind && x->a == y->a &&
	       x->b == y->b;
}

/* SLOTS if it has none */
static unsigned int slot_of(const struct scan *scan, const struct op *op)
{
	unsigned int slot;

	for (slot = 0; slot < SLOTS; slot++) {
		if (scan->used & SLOT(slot) &&
		    (scan->slots[slot] == op || (scan->again && alike(scan->slots[slot], op))))
			break;
	}
	return slot;
}

static bool start(struct scan *scan, const struct op *op)
{
	unsigned int slot = slot_of(scan, op);

	if (slot == SLOTS) {
		for (slot = 0; slot < SLOTS && scan->used & SLOT(slot); slot++)
			;
	}
	if (slot == SLOTS) {
		scan->now.overflow = true;
		return false;
	}
	scan->slots[slot] = op;
	scan->sharers[slot]++;
	scan->used |= SLOT(slot);
	return true;
}

static bool step(struct scan *scan, const struct event *event)
{
	unsigned int slot, i;

	if (event->edge == START)
		return start(scan, event->op);
	slot = slot_of(scan, event->op);
	scan->next.count = 0;
	scan->seen.count = 0;
	for (i = 0; i < scan->now.count; i++) {
		struct state state = scan->now.list[i];

		if (event->edge == END_OVERTAKEN || state.done & SLOT(slot)) {
			state.done &= ~SLOT(slot);
			states_add(&scan->next, &state);
		} else {
			reach(scan, &scan->now.list[i], slot);
		}
	}
	if (!--scan->sharers[slot])
		scan->used &= ~SLOT(slot);
	if (scan->next.overflow || scan->seen.overflow) {
		scan->now.overflow = true;
		return false;
	}
	if (!scan->next.count)
		return false;
	memcpy(&scan->now, &scan->next, sizeof(scan->now));
	return true;
}

static int compare_events(const void *x, const void *y)
{
	const struct event *a = x, *b = y;

	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	if (a->edge != b->edge)
		return a->edge < b->edge ? -1 : 1;
	return a->op < b->op ? -1 : a->op > b->op;
}

static bool is_reservation(const struct op *op)
{
	return op->kind >= REGISTER && op->kind <= PREEMPT_AND_ABORT;
}

static bool is_preempt(const struct op *op)
{
	return op->kind == PREEMPT || op->kind == PREEMPT_AND_ABORT;
}

/* A PREEMPT that comes again changes nothing. */
static bool may_come_again(const struct history *history, const struct op *op)
{
	const struct op *other, *end = history->ops + history->count;

	for (other = history->ops; is_preempt(op) && other < end; other++) {
		if (other != op && is_preempt(other) && other->nexus == op->nexus && other->a == op->a &&
		    other->start < op->end)
			return true;
	}
	return false;
}

/*
 * A reservation command that ended well and has certainly changed something, if only PRgeneration.
 */
static bool writes_record(const struct history *history, const struct op *op)
{
	return is_reservation(op) && op->result == GOOD && op->kind != RESERVE && op->kind != RELEASE &&
	       !may_come_again(history, op);
}

/* Tell how an open command ends. */
static struct event over(const struct history *history, const struct op *op)
{
	const struct op *end = history->ops + history->count, *next;
	uint64_t given_up = op->result == UNKNOWN ? op->end : NEVER;

	for (next = op + 1; next < end; next++) {
		if (given_up == NEVER) {
			if (next->kind == LOGIN && next->nexus == op->nexus && next->start >= op->end)
				given_up = next->end;
		} else if (next->start >= given_up && writes_record(history, next)) {
			return (struct event){ next->end, op, END_OVERTAKEN };
		}
	}
	return (struct event){ NEVER, op, END_OVERTAKEN };
}

/* Go from the first event to the last, or to one that is wrong. @scan: zeros, but for @again */
static void walk(struct reservations *reservations, struct scan *scan, const struct event *events, size_t n)
{
	size_t i;

	reservations->count = 0;
	reservations->wrong = NULL;
	reservations->undecided = false;
	scan->now.list[0] = (struct state){ .holder = NOBODY };
	forget_preempt(&scan->now.list[0]);
	scan->now.count = 1;
	add_era(reservations, scan, 0);
	for (i = 0; i < n && events[i].time != NEVER; i++) {
		if (!step(scan, &events[i])) {
			reservations->wrong = events[i].op;
			reservations->undecided = scan->now.overflow;
			describe(scan, reservations->states, sizeof(reservations->states));
			/* nobody knows the states after that */
			reservations->eras[reservations->count++] = (struct era){
				events[i].time, EVERYBODY, EVERYBODY, EVERYBODY, EVERYBODY };
			return;
		}
		add_era(reservations, scan, events[i].time);
	}
}

/**
 * reservations_find() - go through the reservation commands of a history
 * @reservations: filled in; reservations_free() in any case
 * @history: its reservation commands
 *
 * In the beginning nothing is registered or reserved.
 */
void reservations_find(struct reservations *reservations, const struct history *history)
{
	struct event *events = calloc(2 * history->count + 1, sizeof(*events));
	struct scan *scan = calloc(1, sizeof(*scan));
	size_t i, n = 0;

	memset(reservations, 0, sizeof(*reservations));
	for (i = 0; i < history->count; i++) {
		const struct op *op = &history->ops[i];

		if (!is_reservation(op) || op->result == NOT_DONE || op->result == MISCOMPARE)
			continue;
		events[n++] = (struct event){ op->start, op, START };
		events[n++] = op_is_open(op) ? over(history, op) : (struct event){ op->end, op, END };
	}
	qsort(events, n, sizeof(*events), compare_events);
	reservations->eras = calloc(n + 1, sizeof(*reservations->eras));
	if (!events || !scan || !reservations->eras) {
		fprintf(stderr, "no memory\n");
		exit(2);
	}
	walk(reservations, scan, events, n);
	if (reservations->undecided) {
		memset(scan, 0, sizeof(*scan));
		scan->again = true;
		walk(reservations, scan, events, n);
	}
	free(scan);
	free(events);
}

void reservations_free(struct reservations *reservations)
{
	free(reservations->eras);
}

static bool is_read(const struct op *op)
{
	return op->kind == READ;
}

/* The era that @time is in; at its very beginning, the one before. */
static size_t era_of(const struct reservations *reservations, uint64_t time)
{
	size_t low = 0, high = reservations->count - 1;

	while (low < high) {
		size_t middle = (low + high + 1) / 2;

		if (reservations->eras[middle].from < time)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

static uint64_t era_end(const struct reservations *reservations, size_t i)
{
	return i + 1 < reservations->count ? reservations->eras[i + 1].from : NEVER;
}

/**
 * reservations_let() - tell whether the command was allowed at some moment
 * @reservations: the eras
 * @op: command that was carried out
 * @last: set to the end of the last such moment
 */
bool reservations_let(const struct reservations *reservations, const struct op *op, uint64_t *last)
{
	bool found = false;
	size_t i;

	for (i = era_of(reservations, op->start); i < reservations->count; i++) {
		const struct era *era = &reservations->eras[i];

		if (era->from > op->end)
			break;
		if ((is_read(op) ? era->may_read : era->may_write) & BIT(op->nexus)) {
			found = true;
			*last = era_end(reservations, i) < op->end ? era_end(reservations, i) : op->end;
		}
	}
	return found;
}

/**
 * reservations_forbid() - tell whether the command was forbidden at some moment
 * @reservations: the eras
 * @op: command that ended with RESERVATION CONFLICT
 */
bool reservations_forbid(const struct reservations *reservations, const struct op *op)
{
	size_t i;

	for (i = era_of(reservations, op->start); i < reservations->count; i++) {
		const struct era *era = &reservations->eras[i];

		if (era->from > op->end)
			break;
		if ((is_read(op) ? era->must_not_read : era->must_not_write) & BIT(op->nexus))
			return true;
	}
	return false;
}

/**
 * reservations_stop() - tell whether a reservation put an end to a command without an answer
 * @reservations: the eras
 * @op: a write that was lost
 * @since: set to when it was not allowed any more
 *
 * A command that had reached its gateway is over when its nexus may not write any more. A command
 * that had not reached it yet is refused there, if its nexus still may not write when the command
 * was given up.
 */
bool reservations_stop(const struct reservations *reservations, const struct op *op, uint64_t *since)
{
	bool stopped = false;
	size_t i;

	for (i = era_of(reservations, op->start); i < reservations->count; i++) {
		const struct era *era = &reservations->eras[i];

		if (era->may_write & BIT(op->nexus)) {
			stopped = false;
			continue;
		}
		if (!stopped)
			*since = era->from > op->start ? era->from : op->start;
		stopped = true;
		if (era_end(reservations, i) > op->end)
			return true;
	}
	return false;
}
