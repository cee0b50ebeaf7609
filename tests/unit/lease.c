// SPDX-License-Identifier: GPL-2.0
/*
 * The lease of a gateway: how long it holds, and that nobody takes an answer from before its loss
 * for a present one.
 */
#include "gateway/lease.h"
#include "ktap.h"
#include "protocol.h"

static void test_renewed_in_time(void)
{
	struct trbd_lease lease = { };
	unsigned long read;
	u64 now;

	trbd_lease_renew(&lease, 1000, 1010);
	ktap_ok(trbd_lease_holds(&lease, 1000 + TRBD_LEASE_MS), "a lease counts from when the heartbeat was sent");
	ktap_ok(!trbd_lease_holds(&lease, 1001 + TRBD_LEASE_MS), "and no longer");
	read = lease.lapses;
	for (now = 1000; now < 20000; now += TRBD_HEARTBEAT_MS)
		trbd_lease_renew(&lease, now, now + 10);
	ktap_ok(lease.lapses == read, "while it is renewed in time, what was read stays good");
}

static void test_lapse(void)
{
	struct trbd_lease lease = { };
	unsigned long before, meanwhile;
	u64 now = 1000;

	trbd_lease_renew(&lease, now, now);
	before = lease.lapses;
	now += TRBD_LEASE_MS + 1;
	meanwhile = lease.lapses;
	trbd_lease_renew(&lease, now, now + 1);
	ktap_ok(trbd_lease_holds(&lease, now + 1), "after a time without a lease there is one again");
	ktap_ok(lease.lapses != before, "and what was read before does not count");
	ktap_ok(lease.lapses != meanwhile, "nor does it when it was read meanwhile");
	before = lease.lapses;
	trbd_lease_renew(&lease, now + 500, now + 501);
	ktap_ok(lease.lapses == before, "answers read then do");
}

static void test_late_answer(void)
{
	struct trbd_lease lease = { };
	unsigned long before;

	trbd_lease_renew(&lease, 1000, 1000);
	before = lease.lapses;
	/* sent in time, and back after the end */
	trbd_lease_renew(&lease, 1500, 1001 + TRBD_LEASE_MS);
	ktap_ok(lease.lapses != before, "a heartbeat that comes back after the end leaves a time without a lease");
	before = lease.lapses;
	trbd_lease_void(&lease);
	ktap_ok(lease.lapses != before, "so does being out of touch");
}

int main(void)
{
	ktap_begin();
	test_renewed_in_time();
	test_lapse();
	test_late_answer();
	return ktap_end();
}
