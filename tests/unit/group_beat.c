// SPDX-License-Identifier: GPL-2.0
/*
 * Heartbeats that came back tell which gateways live and which are silent, whether our own clocks
 * stood still, the common time, for how long we are in touch, and whether others went on without
 * us. The tables, quorum, lease and clock are the module's own; only time is the test's.
 */
#include <stdlib.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "gateway/group_beat.h"
#include "ktap.h"

#define US	1000ULL
#define THEM	2000ULL
#define OTHERS	3000ULL
#define SLOT	1
#define THEIRS	2
#define BEGIN	1000000ULL
/* how far the OSDs' clocks are ahead of ours */
#define OSD_AHEAD 77000000ULL

/* this machine's clock; the test moves it */
static u64 local_ms;
/* for how long it stood still */
static u64 asleep_ms;
/* how much of that a heartbeat of 2 ms may not show */
#define BLUR	4

ktime_t ktime_get_raw(void)
{
	return local_ms;
}

static struct trbd_group group;
static unsigned int declared;

void trbd_group_set_out_of_touch(struct trbd_group *which, u64 now_ms)
{
	(void)now_ms;
	declared++;
	trbd_lease_void(&which->lease);
}

void trbd_group_declare_out_of_touch(struct trbd_group *which, const char *why)
{
	(void)why;
	trbd_group_set_out_of_touch(which, 0);
}

void trbd_group_check_lease(struct trbd_group *which)
{
	(void)which;
}

void trbd_group_set_slot(struct trbd_group *which, int slot)
{
	which->slot = slot;
}

static struct trbd_group_peer peers[TRBD_SLOTS];
static struct trbd_group_view views[TRBD_GROUP_OBJECTS][TRBD_SLOTS];
static u8 tables[TRBD_GROUP_OBJECTS][TRBD_GROUP_TABLE_SIZE];

static void put(int object, int slot, const struct trbd_group_entry *entry)
{
	trbd_group_encode(entry, tables[object] + slot * TRBD_GROUP_ENTRY_SIZE);
}

/* Write their entry to an object, as they would at the common time @clock_ms. */
static void they_beat(int object, u32 beats, u64 clock_ms)
{
	const struct trbd_group_entry entry = { .owner = THEM, .beats = beats, .clock_ms = clock_ms,
						.limit_ms = clock_ms + 1000, .name = "them" };

	put(object, THEIRS, &entry);
}

static void look(int object)
{
	trbd_group_digest_table(&group.objects[object]);
}

static struct trbd_group_peer *they(void)
{
	return &peers[THEIRS];
}

static u64 now(void)
{
	return trbd_clock_now(&group.clock);
}

/* Our heartbeat at an object: sent now, and back after @ms, half of it on the way to the OSD. */
static void beat_slowly(int object, u64 ms)
{
	struct trbd_group_beat beat = { .owner = US, .slept_ms = group.slept_ms, .sent_ms = local_ms };

	beat.osd_ms = local_ms + asleep_ms + OSD_AHEAD + ms / 2;
	local_ms += ms;
	beat.written_ms = local_ms;
	trbd_group_digest(&group.objects[object], &beat);
}

static void beat(int object)
{
	beat_slowly(object, 2);
}

static void sleep_ms(u64 ms)
{
	asleep_ms += ms;
}

/* Two objects in turn, @count times each. */
static void beat_both(unsigned int count)
{
	while (count--) {
		beat(0);
		local_ms += TRBD_HEARTBEAT_MS / 2;
		beat(1);
		local_ms += TRBD_HEARTBEAT_MS / 2;
	}
}

static void begin(void)
{
	int i;

	memset(&group, 0, sizeof(group));
	memset(peers, 0, sizeof(peers));
	memset(views, 0, sizeof(views));
	memset(tables, 0, sizeof(tables));
	local_ms = BEGIN;
	asleep_ms = 0;
	for (i = 0; i < TRBD_GROUP_OBJECTS; i++) {
		group.objects[i].group = &group;
		group.objects[i].oid.name = "object";
		group.objects[i].table = tables[i];
		group.objects[i].view = views[i];
	}
	group.peers = peers;
	group.owner = US;
	group.slot = SLOT;
	trbd_clock_init(&group.clock);
	declared = 0;
}

/* In touch, with two objects. */
static void begin_in_touch(void)
{
	begin();
	group.objects[0].hold = TRBD_GROUP_HELD;
	group.objects[1].hold = TRBD_GROUP_HELD;
	beat_both(4);
	declared = 0;
}

static void test_life(void)
{
	begin();
	they_beat(0, 8, 500);
	they_beat(1, 9, 1000);
	look(0);
	look(1);
	ktap_ok(!they()->alive, "two objects have two entries of one that is dead: that is no life");
	ktap_ok(they()->entry.beats == 9, "the later one counts");
	local_ms += TRBD_HEARTBEAT_MS;
	look(0);
	ktap_ok(!they()->alive && they()->entry.beats == 9, "nor is an old one that is read again");
	they_beat(0, 10, 1500);
	look(0);
	ktap_ok(they()->alive, "it lives when one object shows another beat in a second reading");
	they_beat(0, 0, 0);
	memset(tables[0] + THEIRS * TRBD_GROUP_ENTRY_SIZE, 0, TRBD_GROUP_ENTRY_SIZE);
	memset(tables[1] + THEIRS * TRBD_GROUP_ENTRY_SIZE, 0, TRBD_GROUP_ENTRY_SIZE);
	look(0);
	look(1);
	ktap_ok(!they()->alive, "one that gave its slot back does not live");
}

static void test_life_after_long(void)
{
	begin();
	they_beat(0, 8, 500);
	look(0);
	local_ms += 60000;
	they_beat(0, 9, 1000);
	look(0);
	ktap_ok(!they()->alive, "a beat between two readings a minute apart may be of any time in that minute");
	local_ms += TRBD_HEARTBEAT_MS;
	they_beat(0, 10, 1500);
	look(0);
	ktap_ok(they()->alive, "the next one tells");
}

static void test_owner(void)
{
	const struct trbd_group_entry another = { .owner = OTHERS, .beats = 50, .clock_ms = 3000, .name = "another" };

	begin();
	they_beat(0, 8, 500);
	look(0);
	they_beat(0, 9, 1000);
	look(0);
	put(0, THEIRS, &another);
	look(0);
	ktap_ok(!they()->alive && they()->entry.owner == OTHERS, "whoever took a dead one's slot has not shown life by that");
}

static void test_old_views(void)
{
	begin_in_touch();
	they_beat(2, 8, now());
	look(2);
	beat_both(4);
	ktap_ok(they()->entry.owner == THEM, "one of three objects says that somebody has a slot");
	beat_both(20);
	ktap_ok(!they()->entry.owner, "not any more when it was not read for long, and two others say that nobody has it");
}

static void alive(void)
{
	begin_in_touch();
	they_beat(0, 8, now());
	look(0);
	they_beat(0, 9, now());
	look(0);
}

static void test_silence(void)
{
	int i;

	alive();
	for (i = 0; i < 3; i++) {
		local_ms += TRBD_HEARTBEAT_MS;
		beat(i & 1);
	}
	ktap_ok(they()->alive && they()->quiet == 3, "three readings without news are counted, and it counts as alive");
	beat(0);
	beat(1);
	ktap_ok(they()->quiet == 3, "readings that follow each other closely are one");
	local_ms += TRBD_HEARTBEAT_MS;
	beat(0);
	ktap_ok(!they()->alive && they()->quiet == 4, "after four it does not");
	they_beat(1, 8, now());
	beat(1);
	ktap_ok(they()->quiet == 4, "an entry from before, in an object that was not read for long, is no news");
	they_beat(0, 10, now());
	beat(0);
	ktap_ok(they()->alive && !they()->quiet && !they()->silent, "a beat ends the silence");
}

static void test_silence_without_lease(void)
{
	alive();
	local_ms += TRBD_LEASE_MS + TRBD_HEARTBEAT_MS;
	look(0);
	ktap_ok(!they()->quiet, "while we hold no lease, silence says nothing of theirs");
}

static void test_clocks(void)
{
	begin_in_touch();
	they_beat(1, 8, now() + 900);
	beat(0);
	ktap_ok(group.clock.offset_ms.counter == 0, "an entry that was not read has no say");
	beat(1);
	ktap_ok(group.clock.offset_ms.counter > 800 && !declared, "we move forward to another's clock");
	they_beat(1, 9, 1);
	beat(1);
	ktap_ok(group.clock.offset_ms.counter > 800, "and never back");
	they_beat(0, 10, now() + TRBD_SKEW_MS + 10);
	beat(0);
	ktap_ok(declared == 1, "further behind than those in touch ever are: we were out of touch");
	they_beat(0, 11, now() + 48ULL * 3600 * 1000);
	beat(0);
	ktap_ok(declared == 1 && group.clock.offset_ms.counter < 3600 * 1000, "nobody's clock is two days ahead in honesty");
}

static void test_clock_of_the_dead(void)
{
	begin_in_touch();
	they_beat(2, 8, now() + 60000);
	look(2);
	/* nobody reads the third object for long */
	local_ms += 10000;
	beat(0);
	ktap_ok(group.clock.offset_ms.counter > 0, "the clock of one that is silent counts, in whatever object");
}

static bool about(u64 ms, u64 wanted_ms)
{
	return ms <= wanted_ms && ms + BLUR >= wanted_ms;
}

static void test_standing_still(void)
{
	begin_in_touch();
	sleep_ms(TRBD_JUMP_MS / 2);
	beat_both(1);
	ktap_ok(!declared && about(group.clock.offset_ms.counter, TRBD_JUMP_MS / 2),
		"a nap is put right, once, though two objects show it");
	beat_both(8);
	ktap_ok(!declared && about(group.slept_ms, TRBD_JUMP_MS / 2), "and is not found again");
	sleep_ms(TRBD_JUMP_MS + BLUR);
	beat(1);
	ktap_ok(declared == 1, "clocks that stood still for longer: we were out of touch");
	beat_both(8);
	ktap_ok(declared == 1, "once");
}

static void test_naps_of_long_ago(void)
{
	unsigned int i;

	begin_in_touch();
	/*
	 * three hours, in which the third object was away, and our clock lost a second in half an
	 * hour
	 */
	group.objects[2].hold = TRBD_GROUP_HELD;
	beat(2);
	for (i = 0; i < 20000; i++) {
		beat(i & 1);
		local_ms += TRBD_HEARTBEAT_MS;
		asleep_ms += i % 4 == 0;
	}
	declared = 0;
	beat(2);
	ktap_ok(!declared, "clocks that do not run alike did not stand still, however long ago a heartbeat was");
}

static void test_straddling(void)
{
	struct trbd_group_beat beat1;

	begin_in_touch();
	beat1 = (struct trbd_group_beat){ .owner = US, .slept_ms = group.slept_ms, .sent_ms = local_ms };
	/*
	 * the OSD notes its time before we stand still; another object shows that, and then the
	 * answer comes
	 */
	beat1.osd_ms = local_ms + asleep_ms + OSD_AHEAD + 1;
	sleep_ms(TRBD_JUMP_MS / 2);
	beat(1);
	beat1.written_ms = local_ms;
	trbd_group_digest(&group.objects[0], &beat1);
	local_ms += TRBD_HEARTBEAT_MS;
	beat(0);
	beat(1);
	ktap_ok(!declared && about(group.slept_ms, TRBD_JUMP_MS / 2), "a nap during a heartbeat elsewhere is counted once");
}

static void test_slow_beats(void)
{
	begin_in_touch();
	beat_slowly(0, 1900);
	ktap_ok(!declared && !group.slept_ms, "a slow heartbeat is no nap");
	sleep_ms(TRBD_JUMP_MS + 2 * BLUR);
	beat(0);
	ktap_ok(declared == 1, "nor does it hide one that comes after");
}

static void test_lease(void)
{
	u64 sent_ms;

	begin();
	group.objects[0].hold = TRBD_GROUP_HELD;
	group.objects[1].hold = TRBD_GROUP_HELD;
	beat(0);
	ktap_ok(!trbd_lease_holds(&group.lease, local_ms), "one object gives no lease");
	local_ms += 100;
	beat(1);
	ktap_ok(group.lease.until_ms == BEGIN + TRBD_LEASE_MS, "two do, from when the first of the two was sent");
	sent_ms = local_ms;
	beat(0);
	ktap_ok(group.lease.until_ms == BEGIN + 102 + TRBD_LEASE_MS && sent_ms > BEGIN + 102, "and each beat moves it on");
}

static void test_retaken(void)
{
	begin_in_touch();
	trbd_group_lost(&group.objects[1]);
	ktap_ok(declared == 1 && group.slot == -1, "without a majority the slot is lost, and we were out of touch");

	begin_in_touch();
	group.objects[2].hold = TRBD_GROUP_HELD;
	beat(2);
	trbd_group_lost(&group.objects[1]);
	ktap_ok(!declared && group.slot == SLOT, "with two of three it is not");
	beat(1);
	ktap_ok(group.objects[1].hold == TRBD_GROUP_RETAKEN && !group.objects[1].sent_ms,
		"the first beat at an object that was lost proves nothing");
	beat(1);
	ktap_ok(group.objects[1].hold == TRBD_GROUP_HELD && group.objects[1].sent_ms, "the second one does");
}

/* No heartbeat for ten seconds; then those of others say @entry, in common time. */
static void lapse(u64 clock_ms, u32 age_ms)
{
	struct trbd_group_entry entry = { .owner = THEM, .beats = 8, .name = "them" };
	u64 proof_ms;

	begin_in_touch();
	proof_ms = trbd_clock_at(&group.clock, group.proof_ms);
	entry.clock_ms = proof_ms + clock_ms;
	entry.limit_ms = entry.clock_ms + 1000;
	entry.age_ms = age_ms;
	put(0, THEIRS, &entry);
	local_ms += 10000;
	beat(0);
	beat(1);
}

static void test_others_went_on(void)
{
	lapse(9000, 100);
	ktap_ok(declared, "another one was in touch while we were not: what we got before is void");
	lapse(9000, 8900);
	ktap_ok(!declared, "it was not, either: nothing is");
	lapse(9000, TRBD_GROUP_AGE_MAX_MS);
	ktap_ok(!declared, "nor when it never says since when");
	lapse(TRBD_SKEW_MS, 0);
	ktap_ok(!declared, "a beat at the end of our lease is not going on");
	ktap_ok(trbd_lease_holds(&group.lease, local_ms), "and the lease is there again");
}

static void test_steady(void)
{
	begin_in_touch();
	ktap_ok(group.steady_ms == group.proof_ms, "in touch for longer than clocks may differ, it is steady");
	local_ms += 10000;
	beat(0);
	beat(1);
	ktap_ok(group.steady_ms < group.proof_ms, "just after a lapse it is not");
	beat_both(4);
	ktap_ok(group.steady_ms == group.proof_ms, "a while later it is");
}

static void test_late_beats(void)
{
	struct trbd_group_beat old;
	u64 until_ms;

	begin_in_touch();
	until_ms = group.lease.until_ms;
	old = (struct trbd_group_beat){ .owner = US + 1, .sent_ms = local_ms, .written_ms = local_ms };
	local_ms += 100;
	trbd_group_digest(&group.objects[0], &old);
	trbd_group_digest(&group.objects[1], &old);
	ktap_ok(group.lease.until_ms == until_ms, "a heartbeat of an earlier membership proves nothing");
}

int main(void)
{
	/* the log's lines are for people */
	if (!freopen("/dev/null", "w", stderr))
		return EXIT_FAILURE;
	ktap_begin();
	test_life();
	test_life_after_long();
	test_owner();
	test_old_views();
	test_silence();
	test_silence_without_lease();
	test_clocks();
	test_clock_of_the_dead();
	test_standing_still();
	test_naps_of_long_ago();
	test_straddling();
	test_slow_beats();
	test_lease();
	test_retaken();
	test_others_went_on();
	test_steady();
	test_late_beats();
	return ktap_end();
}
