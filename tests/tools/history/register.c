// SPDX-License-Identifier: GPL-2.0
/*
 * Could one block have given these answers?
 *
 * Each command takes effect at one moment between its start and its end. The question is whether
 * there are moments such that every command found the content that the block had then. This goes
 * through starts and ends in the order of time and keeps all worlds that are still possible. A
 * world is a value, and the set of open commands that have taken effect. When no world is left, the
 * command that just ended is the impossible one. The answer is exact: zeros that several commands
 * write, commands that may or may not have happened, and chains of COMPARE AND WRITE are no special
 * cases.
 *
 * Some rules keep the worlds few:
 *
 * Late    A command takes effect as late as can be: when one that ends needs it. Nothing else has
 * to be tried,
 *	since whatever happened earlier could as well have happened then.
 *
 * Reads   A read takes effect as soon as its value is there. That changes nothing, so it is never a
 * mistake.
 *
 * Hidden  A write may have been there for no time: right before another one. So when a write takes
 * effect, all
 *	others that are pending get a mark, and when one of these ends it may just go. No world has
 *	to be made for that before. A swap cannot be hidden like that, because it depends on what
 *	is there.
 *
 * Useful  Before the one that is needed others take effect only if somebody who is pending wants to
 * see them,
 *	or if they are swaps; otherwise it would be the same to have them hidden.
 *
 * Lost    A write without an answer is pending until a newer one has ended: a write that began
 * after the lost
 *	one was stale (struct part). In a world where a newer one has taken effect it cannot happen
 *	any more. And where it happened first, the newer one cannot be hidden before it.
 */
#include <stdlib.h>
#include <string.h>

#include "register.h"

#define SLOTS		64
#define WORLDS_MAX	(1 << 17)
#define BIT(n)		(1ULL << (n))

/**
 * struct world - a possibility
 * @value: of the block
 * @done: pending parts that have taken effect, or cannot any more
 * @hidden: pending parts that can have taken effect without being seen
 */
struct world {
	uint64_t value;
	uint64_t done;
	uint64_t hidden;
};

struct worlds {
	struct world *list;
	unsigned int count;
	unsigned int room;
	unsigned int *table;	/* places in @list plus 1, by hash; 0: free */
	unsigned int table_size;
};

/*
 * in this order at the same time: a command that ends when another one starts may have happened
 * after it
 */
enum edge { START, END, END_LOST };

struct event {
	uint64_t time;
	uint32_t part;
	uint32_t edge;
};

/**
 * struct scan - the place in the history, and the worlds there
 * @parts: all of them
 * @slots: pending parts
 * @used: slots with a pending part
 * @puts: slots with PUTS or SWAPS
 * @swaps: slots with SWAPS
 * @maybes: slots whose part may never have happened
 * @newer: for each of those, the slots that keep it from happening
 * @now: worlds
 * @next: worlds after the part that ends
 * @seen: worlds met on the way to them
 */
struct scan {
	struct part *parts;
	const struct part *slots[SLOTS];
	uint64_t used;
	uint64_t puts;
	uint64_t swaps;
	uint64_t maybes;
	uint64_t newer[SLOTS];
	struct worlds now;
	struct worlds next;
	struct worlds seen;
	bool overflow;
};

#define for_each_bit(i, mask, rest) \
	for ((rest) = (mask); (rest) && ((i) = __builtin_ctzll(rest), true); (rest) &= (rest) - 1)

/* -- sets of worlds */

static unsigned int hash(const struct world *world)
{
	uint64_t x = world->value * 0x9e3779b97f4a7c15ULL;

	x = (x ^ world->done ^ x >> 29) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ world->hidden ^ x >> 32) * 0x94d049bb133111ebULL;
	return (unsigned int)(x >> 32);
}

static void worlds_clear(struct worlds *worlds)
{
	unsigned int i;

	for (i = 0; i < worlds->count; i++) {
		unsigned int at = hash(&worlds->list[i]);

		while (worlds->table[at & (worlds->table_size - 1)])
			worlds->table[at++ & (worlds->table_size - 1)] = 0;
	}
	worlds->count = 0;
}

static void worlds_grow(struct worlds *worlds)
{
	unsigned int i;

	worlds->room = worlds->room ? 2 * worlds->room : 64;
	worlds->table_size = 4 * worlds->room;
	worlds->list = realloc(worlds->list, worlds->room * sizeof(*worlds->list));
	free(worlds->table);
	worlds->table = calloc(worlds->table_size, sizeof(*worlds->table));
	if (!worlds->list || !worlds->table) {
		fprintf(stderr, "no memory\n");
		exit(2);
	}
	for (i = 0; i < worlds->count; i++) {
		unsigned int at = hash(&worlds->list[i]);

		while (worlds->table[at & (worlds->table_size - 1)])
			at++;
		worlds->table[at & (worlds->table_size - 1)] = i + 1;
	}
}

/* Add a world. Return: whether it is new. */
static bool worlds_add(struct worlds *worlds, const struct world *world)
{
	unsigned int at, i;

	if (worlds->count == worlds->room)
		worlds_grow(worlds);
	for (at = hash(world); (i = worlds->table[at & (worlds->table_size - 1)]); at++) {
		const struct world *other = &worlds->list[i - 1];

		if (other->value == world->value && other->done == world->done && other->hidden == world->hidden)
			return false;
	}
	worlds->list[worlds->count++] = *world;
	worlds->table[at & (worlds->table_size - 1)] = worlds->count;
	return true;
}

static void worlds_free(struct worlds *worlds)
{
	free(worlds->list);
	free(worlds->table);
}

/* -- what happens in a world */

/* Let reads take effect that find their value now, and have not yet. */
static uint64_t served(const struct scan *scan, const struct world *world)
{
	uint64_t mask = 0, rest;
	unsigned int i;

	for_each_bit(i, scan->used & ~scan->puts & ~world->done, rest) {
		const struct part *part = scan->slots[i];

		if ((part->access == GETS) == (part->value == world->value))
			mask |= BIT(i);
	}
	return mask;
}

/* Tell whether a swap that has not happened is waiting for this value. */
static bool wanted(const struct scan *scan, const struct world *world)
{
	uint64_t rest;
	unsigned int i;

	for_each_bit(i, scan->swaps & ~world->done, rest) {
		if (scan->slots[i]->expected == world->value)
			return true;
	}
	return false;
}

/* Let the write in @slot take effect. Return: false if it cannot. */
static bool take_effect(const struct scan *scan, struct world *world, unsigned int slot, bool *useful)
{
	const struct part *part = scan->slots[slot];
	uint64_t reads, rest;
	unsigned int i;

	if (part->access == SWAPS && part->expected != world->value)
		return false;
	world->value = part->value;
	world->done |= BIT(slot);
	world->hidden &= ~BIT(slot);
	/* nothing can be hidden before a swap, which found the value that was there before */
	if (part->access == PUTS)
		world->hidden |= scan->puts & ~scan->swaps & ~scan->maybes & ~world->done;
	if (part->maybe)
		world->hidden &= ~scan->newer[slot];
	/* a part that is older than this one is too late now */
	for_each_bit(i, scan->maybes & ~world->done, rest) {
		if (scan->newer[i] & BIT(slot))
			world->done |= BIT(i);
	}
	reads = served(scan, world);
	world->done |= reads;
	*useful = reads || (part->access == SWAPS && !part->maybe) || wanted(scan, world);
	return true;
}

/* Make all worlds that come from this one by the needs of @slot, which ends. */
static void reach(struct scan *scan, const struct world *from, unsigned int slot)
{
	uint64_t rest;
	unsigned int i;

	for_each_bit(i, scan->puts & ~from->done, rest) {
		struct world world = *from;
		bool useful;

		if (!take_effect(scan, &world, i, &useful))
			continue;
		if (world.done & BIT(slot)) {
			world.done &= ~BIT(slot);
			worlds_add(&scan->next, &world);
		} else if (useful && worlds_add(&scan->seen, &world)) {
			reach(scan, &world, slot);
		}
		if (scan->next.count + scan->seen.count > WORLDS_MAX) {
			scan->overflow = true;
			return;
		}
	}
}

/* -- through time */

static bool start(struct scan *scan, const struct part *part)
{
	unsigned int slot, i;
	uint64_t rest;

	if (!~scan->used)
		return false;
	slot = (unsigned int)__builtin_ctzll(~scan->used);
	scan->slots[slot] = part;
	scan->used |= BIT(slot);
	scan->newer[slot] = 0;
	if (part->access == PUTS || part->access == SWAPS) {
		scan->puts |= BIT(slot);
		if (part->access == SWAPS)
			scan->swaps |= BIT(slot);
		if (part->maybe)
			scan->maybes |= BIT(slot);
		else
			for_each_bit(i, scan->maybes, rest) {
				if (scan->slots[i]->stale < part->start)
					scan->newer[i] |= BIT(slot);
			}
		return true;
	}
	for (i = 0; i < scan->now.count; i++) {
		struct world world = scan->now.list[i];

		world.done |= served(scan, &world);
		worlds_add(&scan->next, &world);
	}
	return true;
}

static void turn(struct scan *scan)
{
	struct worlds worlds = scan->now;

	scan->now = scan->next;
	scan->next = worlds;
	worlds_clear(&scan->next);
	worlds_clear(&scan->seen);
}

static void end(struct scan *scan, unsigned int slot)
{
	bool maybe = scan->maybes & BIT(slot);
	uint64_t older = 0, rest;
	unsigned int i;

	/* seen or hidden, a part that is older than this one is too late now */
	for_each_bit(i, scan->maybes, rest) {
		if (scan->newer[i] & BIT(slot))
			older |= BIT(i);
	}
	for (i = 0; i < scan->now.count && !scan->overflow; i++) {
		struct world world = scan->now.list[i];

		if (maybe || (world.done | world.hidden) & BIT(slot)) {
			struct world gone = world;

			gone.done &= ~BIT(slot);
			gone.hidden &= ~BIT(slot);
			gone.done |= older;
			worlds_add(&scan->next, &gone);
		}
		if (!maybe && !(world.done & BIT(slot)))
			reach(scan, &world, slot);
	}
}

static void release(struct scan *scan, unsigned int slot)
{
	unsigned int i;

	scan->used &= ~BIT(slot);
	scan->puts &= ~BIT(slot);
	scan->swaps &= ~BIT(slot);
	scan->maybes &= ~BIT(slot);
	for (i = 0; i < SLOTS; i++)
		scan->newer[i] &= ~BIT(slot);
}

static void possible(const struct worlds *worlds, struct verdict *verdict)
{
	unsigned int i, j;

	for (i = 0; i < worlds->count; i++) {
		for (j = 0; j < verdict->possible_count && verdict->possible[j] != worlds->list[i].value; j++)
			;
		if (j == verdict->possible_count && j < POSSIBLE_MAX)
			verdict->possible[verdict->possible_count++] = worlds->list[i].value;
	}
}

static int compare_events(const void *x, const void *y)
{
	const struct event *a = x, *b = y;

	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	if (a->edge != b->edge)
		return a->edge < b->edge ? -1 : 1;
	return a->part < b->part ? -1 : a->part > b->part;
}

static int compare_starts(const void *x, const void *y)
{
	const struct part *a = *(const struct part *const *)x, *b = *(const struct part *const *)y;

	return a->start < b->start ? -1 : a->start > b->start;
}

/* A lost write is over when the first newer one has ended. */
static void end_lost(struct part *parts, size_t count)
{
	const struct part **writes = calloc(count + 1, sizeof(*writes));
	uint64_t *first_end = calloc(count + 1, sizeof(*first_end));
	size_t i, n = 0;

	if (!writes || !first_end) {
		fprintf(stderr, "no memory\n");
		exit(2);
	}
	for (i = 0; i < count; i++) {
		if (!parts[i].maybe && (parts[i].access == PUTS || parts[i].access == SWAPS))
			writes[n++] = &parts[i];
	}
	qsort(writes, n, sizeof(*writes), compare_starts);
	first_end[n] = NEVER;
	for (i = n; i-- > 0;)
		first_end[i] = writes[i]->end < first_end[i + 1] ? writes[i]->end : first_end[i + 1];
	for (i = 0; i < count; i++) {
		size_t low = 0, high = n;

		if (!parts[i].maybe)
			continue;
		while (low < high) {
			size_t middle = (low + high) / 2;

			if (writes[middle]->start > parts[i].stale)
				high = middle;
			else
				low = middle + 1;
		}
		if (first_end[low] < parts[i].end)
			parts[i].end = first_end[low];
	}
	free(writes);
	free(first_end);
}

static void run(struct scan *scan, const struct event *events, size_t count, uint32_t *slot_of,
		struct verdict *verdict)
{
	size_t i;

	for (i = 0; i < count; i++) {
		const struct part *part = &scan->parts[events[i].part];
		uint32_t *slot = &slot_of[events[i].part];

		if (events[i].edge == START) {
			if (!start(scan, part)) {
				verdict->part = part;
				verdict->undecided = true;
				return;
			}
			*slot = 0;
			while (!(scan->used & BIT(*slot)) || scan->slots[*slot] != part)
				++*slot;
			if (scan->next.count)
				turn(scan);
			continue;
		}
		end(scan, *slot);
		release(scan, *slot);
		if (!scan->next.count || scan->overflow) {
			verdict->part = part;
			verdict->undecided = scan->overflow;
			possible(&scan->now, verdict);
			return;
		}
		turn(scan);
	}
}

/**
 * register_check() - check the commands to one block
 * @parts: parts of the commands, in any order; ends of those that maybe happened are moved
 * @count: how many
 * @verdict: filled in
 *
 * Before the first command the block holds zeros.
 */
void register_check(struct part *parts, size_t count, struct verdict *verdict)
{
	struct event *events = calloc(2 * count + 1, sizeof(*events));
	uint32_t *slot_of = calloc(count + 1, sizeof(*slot_of));
	struct scan *scan = calloc(1, sizeof(*scan));
	const struct world first = { .value = VALUE_ZEROS };
	size_t i, n = 0;

	if (!events || !slot_of || !scan) {
		fprintf(stderr, "no memory\n");
		exit(2);
	}
	memset(verdict, 0, sizeof(*verdict));
	end_lost(parts, count);
	for (i = 0; i < count; i++) {
		if (parts[i].end < parts[i].start)
			continue;
		events[n++] = (struct event){ parts[i].start, (uint32_t)i, START };
		events[n++] = (struct event){ parts[i].end, (uint32_t)i, parts[i].maybe ? END_LOST : END };
	}
	qsort(events, n, sizeof(*events), compare_events);
	scan->parts = parts;
	worlds_grow(&scan->seen);
	worlds_grow(&scan->next);
	worlds_add(&scan->now, &first);
	run(scan, events, n, slot_of, verdict);
	worlds_free(&scan->now);
	worlds_free(&scan->next);
	worlds_free(&scan->seen);
	free(scan);
	free(slot_of);
	free(events);
}
