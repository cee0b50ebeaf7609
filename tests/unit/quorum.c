// SPDX-License-Identifier: GPL-2.0
/*
 * Three objects as one: the time that a majority reaches, the owner of a slot, the free slots, and
 * whether others went on.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/quorum.h"

#define NOW	10000000ULL

static int count, failed;

static void ok(int good, const char *what)
{
	printf("%s %d %s\n", good ? "ok" : "not ok", ++count, what);
	failed += !good;
}

static u64 time_of(u64 a, u64 b, u64 c)
{
	const u64 times[TRBD_GROUP_OBJECTS] = { a, b, c };

	return trbd_quorum_time(times);
}

static struct trbd_group_view view(enum trbd_group_entry_state state, u64 owner, u64 clock_ms)
{
	struct trbd_group_view view = { .state = state, .entry = { .owner = owner, .clock_ms = clock_ms } };

	return view;
}

static struct trbd_group_view valid(u64 owner, u64 clock_ms)
{
	return view(TRBD_GROUP_ENTRY_VALID, owner, clock_ms);
}

/* Which of three is it? Try them in any order. */
static int merges_to(const struct trbd_group_view *a, const struct trbd_group_view *b, const struct trbd_group_view *c,
		     const struct trbd_group_view *wanted)
{
	const struct trbd_group_view *orders[][TRBD_GROUP_OBJECTS] = {
		{ a, b, c }, { a, c, b }, { b, a, c }, { b, c, a }, { c, a, b }, { c, b, a },
	};
	unsigned int i, good = 0;

	for (i = 0; i < 6; i++)
		good += trbd_quorum_merge(orders[i]) == wanted;
	return good == 6;
}

static void test_time(void)
{
	ok(!time_of(0, 0, 0) && !time_of(0, 5, 0), "one object proves nothing");
	ok(time_of(7, 5, 0) == 5 && time_of(0, 5, 7) == 5 && time_of(5, 0, 7) == 5, "of two it is the earlier time");
	ok(time_of(9, 5, 7) == 7 && time_of(5, 9, 7) == 7 && time_of(7, 5, 9) == 7, "of three it is the second");
	ok(time_of(9, 9, 1) == 9 && time_of(1, 9, 9) == 9 && time_of(4, 4, 4) == 4, "also when two are the same");
}

static void test_merge(void)
{
	struct trbd_group_view unused = view(TRBD_GROUP_ENTRY_UNUSED, 0, 0);
	struct trbd_group_view other = view(TRBD_GROUP_ENTRY_OTHER, 3, 0);
	struct trbd_group_view foreign = view(TRBD_GROUP_ENTRY_FOREIGN, 0, 0);
	struct trbd_group_view old = valid(1, NOW), recent = valid(1, NOW + 510), dead = valid(2, NOW - 90000);
	struct trbd_group_view freed = valid(0, NOW + 800), trying = valid(4, NOW + 900);

	ok(merges_to(&old, &recent, &unused, &recent), "of the entries of a gateway the latest counts");
	ok(merges_to(&old, &recent, &trying, &recent), "another one that has the slot in one object only does not have it");
	ok(merges_to(&old, &recent, &freed, &recent), "nor is it free when it was given back in one object only");
	ok(merges_to(&recent, &dead, NULL, &recent), "without a majority the latest entry counts");
	ok(merges_to(&dead, NULL, NULL, &dead), "and one object is better than none");
	ok(!trbd_quorum_merge((const struct trbd_group_view *[]){ NULL, NULL, NULL }), "none is none");
	ok(merges_to(&dead, &unused, &unused, &dead), "an entry in a lost majority is still seen: its limit counts");
	ok(merges_to(&other, &unused, &unused, &other), "an entry of another version is seen");
	ok(merges_to(&foreign, &recent, &other, &recent), "an entry goes before anything else");
}

static void test_free(void)
{
	struct trbd_group_view views[] = {
		view(TRBD_GROUP_ENTRY_UNUSED, 0, 0), valid(0, NOW), valid(1, NOW - 60001),
		valid(1, NOW - 60000), view(TRBD_GROUP_ENTRY_OTHER, 1, 0), view(TRBD_GROUP_ENTRY_FOREIGN, 0, 0),
	};
	unsigned int i, good = 0;

	for (i = 0; i < 6; i++)
		good += trbd_quorum_is_free(&views[i], NOW) == (i < 3);
	ok(good == 6, "free is a slot that is unused, given back, or silent for a minute");
}

static bool went_on(u64 owner, u64 proof_ms)
{
	struct trbd_group_entry entry = { .owner = owner, .clock_ms = proof_ms + 400, .age_ms = 400 };

	return trbd_quorum_went_on(&entry, NOW);
}

static void test_went_on(void)
{
	struct trbd_group_entry never = { .owner = 1, .clock_ms = NOW + 9000000, .age_ms = TRBD_GROUP_AGE_MAX_MS };

	ok(went_on(1, NOW + 4000), "one that was in touch later than we were went on");
	ok(went_on(1, NOW + TRBD_SKEW_MS + 1), "if it was longer than clocks may differ");
	ok(!went_on(1, NOW + TRBD_SKEW_MS), "not one that lost touch when we did");
	ok(!went_on(0, NOW + 4000), "nor one that has left");
	ok(!trbd_quorum_went_on(&never, NOW), "nor one that has not been in touch for long");
}

int main(void)
{
	printf("TAP version 13\n");
	test_time();
	test_merge();
	test_free();
	test_went_on();
	printf("1..%d\n", count);
	return failed ? 1 : 0;
}
