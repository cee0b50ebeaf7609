// SPDX-License-Identifier: GPL-2.0
/*
 * OSDs that did not answer: a short list, and for how long a gateway stays out.
 */
#include <linux/string.h>

#include "ktap.h"
#include "rados/suspects.h"

#define MINUTE	60000ULL
#define HOUR	(60 * MINUTE)

static struct trbd_suspect suspect_of(int osd, const char *name)
{
	struct trbd_suspect suspect = { .osd = osd, .pool = 1 };

	strscpy(suspect.name, name, sizeof(suspect.name));
	return suspect;
}

static bool add(struct trbd_suspects *suspects, int osd, const char *name)
{
	struct trbd_suspect suspect = suspect_of(osd, name);

	return trbd_suspects_add(suspects, &suspect);
}

static void test_list(void)
{
	struct trbd_suspects suspects = { };
	struct trbd_suspect removed;
	int osd;

	ktap_ok(add(&suspects, 7, "a"), "an OSD is noted");
	ktap_ok(!add(&suspects, 7, "b") && suspects.count == 1, "once");
	ktap_ok(!strcmp(suspects.who[0].name, "a"), "with the object that was first");
	for (osd = 8; osd < 100; osd++)
		add(&suspects, osd, "c");
	ktap_ok(suspects.count == TRBD_SUSPECTS_MAX, "the list is bounded");
	ktap_ok(!trbd_suspects_remove(&suspects, 99, &removed), "an OSD that found no room is not there");
	ktap_ok(trbd_suspects_remove(&suspects, 8, &removed) && removed.osd == 8, "an OSD in the middle is cleared");
	ktap_ok(suspects.count == TRBD_SUSPECTS_MAX - 1 && suspects.who[0].osd == 7 && suspects.who[1].osd == 9,
		"and the others keep their order");
	ktap_ok(add(&suspects, 99, "d"), "then there is room");
	while (suspects.count)
		trbd_suspects_remove(&suspects, suspects.who[0].osd, &removed);
	ktap_ok(removed.osd == 99 && !strcmp(removed.name, "d"), "all of them can be cleared");
}

static void test_failures(void)
{
	struct trbd_suspects suspects = { };
	u64 now = HOUR, wait, last = 0;
	bool grows = true;
	int i;

	ktap_ok(!trbd_suspects_wait_left(&suspects, now), "the first time the OSDs are asked at once");
	trbd_suspects_fail(&suspects, now);
	ktap_ok(trbd_suspects_wait_left(&suspects, now) >= 1000, "after a failure they are left alone for a while");
	ktap_ok(!trbd_suspects_wait_left(&suspects, now + suspects.wait_ms), "and asked again after it");
	for (i = 0; i < 5; i++) {
		now += suspects.wait_ms;
		last = suspects.wait_ms;
		trbd_suspects_fail(&suspects, now);
		grows &= suspects.wait_ms == 2 * last;
	}
	ktap_ok(grows, "each failure doubles the time");
	for (i = 0; i < 100; i++) {
		now += suspects.wait_ms;
		trbd_suspects_fail(&suspects, now);
	}
	wait = suspects.wait_ms;
	ktap_ok(wait <= 10 * MINUTE && wait >= MINUTE, "up to a bound");
}

static void test_relapse(void)
{
	struct trbd_suspects suspects = { };
	u64 now = HOUR, wait;

	trbd_suspects_relapse(&suspects, now);
	ktap_ok(!trbd_suspects_wait_left(&suspects, now), "a gateway that gives up for the first time may prove itself at once");
	trbd_suspects_pass(&suspects, now);
	now += MINUTE;
	trbd_suspects_relapse(&suspects, now);
	wait = trbd_suspects_wait_left(&suspects, now);
	ktap_ok(wait, "a gateway that gives up a minute after it proved itself stays out");
	now += wait;
	trbd_suspects_pass(&suspects, now);
	now += MINUTE;
	trbd_suspects_relapse(&suspects, now);
	ktap_ok(trbd_suspects_wait_left(&suspects, now) == 2 * wait, "and the next time for twice as long");
	trbd_suspects_pass(&suspects, now);
	now += HOUR;
	trbd_suspects_relapse(&suspects, now);
	ktap_ok(!trbd_suspects_wait_left(&suspects, now), "an hour later it begins anew");

	add(&suspects, 1, "a");
	trbd_suspects_fail(&suspects, now);
	wait = suspects.wait_ms;
	now += HOUR;
	trbd_suspects_relapse(&suspects, now);
	ktap_ok(trbd_suspects_wait_left(&suspects, now) == 2 * wait, "one that served without a proof does not");
}

int main(void)
{
	ktap_begin();
	test_list();
	test_failures();
	test_relapse();
	return ktap_end();
}
