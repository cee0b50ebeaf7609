// SPDX-License-Identifier: GPL-2.0
/*
 * The evidence against gateways that do not answer: it proves that one is gone. It outlives the
 * command that collected it, and so do the fence and the end of the lease.
 */
#include <linux/jiffies.h>
#include <linux/string.h>

#include "gateway/group.h"
#include "gateway/silence.h"
#include "ktap.h"

/* soon after a boot they turn over */
unsigned long jiffies = -300UL * 1000;

static struct trbd_silence silence;
static struct trbd_record record;
static struct trbd_group group;
static bool answered[TRBD_RECORD_GATEWAYS];

#define SELF	1
#define OTHER	2
#define THIRD	3

static void begin(void)
{
	unsigned int i;

	memset(&silence, 0, sizeof(silence));
	memset(&record, 0, sizeof(record));
	memset(answered, 0, sizeof(answered));
	record.num_gateways = 3;
	for (i = 0; i < 3; i++) {
		record.gateways[i].id = SELF + i;
		snprintf(record.gateways[i].address, sizeof(record.gateways[i].address), "192.0.2.%u:0/1", i);
	}
	answered[0] = true;
	answered[2] = true;
	group.quiet = 0;
}

static void ask(void)
{
	trbd_silence_note(&silence, &record, answered, SELF, jiffies);
}

static const struct trbd_record_gateway *other(void)
{
	return &record.gateways[OTHER - SELF];
}

static bool proven(void)
{
	return silence.count && trbd_silence_is_proven(&silence.who[0], other(), &group, true);
}

static void test_evidence(void)
{
	begin();
	ask();
	ktap_ok(silence.count == 1 && silence.who[0].id == OTHER, "one that does not answer is noted");
	jiffies += 8001;
	ktap_ok(!proven(), "asked once, it is not gone");
	ask();
	ktap_ok(proven(), "asked twice over eight seconds, it is");
	jiffies += 10001;
	ask();
	ktap_ok(!proven(), "after a while in which nobody asked it begins anew");
	jiffies += 1000;
	group.quiet = 2;
	ktap_ok(!proven(), "two heartbeats may fail");
	group.silent = true;
	ktap_ok(proven(), "when it has no lease any more, one second without an answer is enough");
	answered[OTHER - SELF] = true;
	ask();
	ktap_ok(!silence.count, "one that answers is there");
}

static void fence(void)
{
	ask();
	trbd_silence_fenced(&silence, other(), 17);
}

/* The command that asked is aborted, and the next one asks again. */
static void test_kept(void)
{
	begin();
	ask();
	ktap_ok(!trbd_silence_fence(&silence, other()), "a gateway that was not fenced is to be fenced");
	fence();
	ktap_ok(!trbd_silence_is_outlasting(&silence, other()), "then its lease is to be waited for");
	trbd_silence_outlast(&silence, other(), 2000);
	ktap_ok(trbd_silence_lease_left(&silence, other()) >= 2000, "as long as it lasts");
	jiffies += 1500;
	ask();
	ktap_ok(trbd_silence_fence(&silence, other()) == 17, "when it is asked again it is fenced already");
	ktap_ok(trbd_silence_is_outlasting(&silence, other()), "and its lease is waited for");
	ktap_ok(trbd_silence_lease_left(&silence, other()) <= 501, "for the rest of it");
	jiffies += 600;
	ask();
	ktap_ok(!trbd_silence_lease_left(&silence, other()), "until it is over");
	ktap_ok(!trbd_silence_fence(&silence, &record.gateways[THIRD - SELF]), "another one is not fenced");
}

static void test_void(void)
{
	unsigned int i;

	begin();
	fence();
	trbd_silence_outlast(&silence, other(), 2000);
	snprintf(record.gateways[OTHER - SELF].address, sizeof(record.gateways[0].address), "192.0.2.9:0/1");
	ktap_ok(!trbd_silence_fence(&silence, other()) && !trbd_silence_is_outlasting(&silence, other()),
		"a fence is of an address");

	begin();
	fence();
	trbd_silence_outlast(&silence, other(), 2000);
	answered[OTHER - SELF] = true;
	ask();
	answered[OTHER - SELF] = false;
	ask();
	ktap_ok(!trbd_silence_fence(&silence, other()), "one that has answered meanwhile is fenced anew");

	begin();
	fence();
	trbd_silence_outlast(&silence, other(), 2000);
	jiffies += 10001;
	ask();
	ktap_ok(!trbd_silence_fence(&silence, other()), "as is one that nobody has asked for a while");

	begin();
	fence();
	trbd_silence_outlast(&silence, other(), 2000);
	for (i = 0; i < 600 && trbd_silence_fence(&silence, other()); i++) {
		jiffies += 5000;
		ask();
	}
	ktap_ok(!trbd_silence_is_outlasting(&silence, other()), "long before Ceph forgets a fence it is made anew");
	fence();
	ktap_ok(trbd_silence_fence(&silence, other()) && !trbd_silence_is_outlasting(&silence, other()),
		"and the lease is waited for anew");
}

int main(void)
{
	ktap_begin();
	test_evidence();
	test_kept();
	test_void();
	return ktap_end();
}
