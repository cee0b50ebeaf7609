// SPDX-License-Identifier: GPL-2.0
/*
 * How a gateway that cannot serve describes itself: when hosts shall wait, and when they shall go
 * elsewhere.
 */
#include "ktap.h"
#include "protocol.h"
#include "scsi/readiness.h"

static void test_ready(void)
{
	ktap_ok(trbd_readiness_judge(TRBD_LIMIT_NONE, true, 0) == TRBD_READY &&
		trbd_readiness_judge(TRBD_LIMIT_NONE, false, TRBD_TRANSITION_MS) == TRBD_READY,
		"a gateway that serves says so");
}

/* the cluster may stand still, and then no other path is better */
static void test_changes(void)
{
	enum trbd_readiness_limit limit = TRBD_LIMIT_CHANGES;

	ktap_ok(trbd_readiness_judge(limit, true, TRBD_LEASE_MS + TRBD_QUARANTINE_MS) == TRBD_READY,
		"a quarantine sends nobody away");
	ktap_ok(trbd_readiness_judge(limit, true, TRBD_CEPH_WATCH_MS) == TRBD_READY, "nor does an OSD that dies");
	ktap_ok(trbd_readiness_judge(limit, true, TRBD_TRANSITION_MS - 1) == TRBD_READY &&
		trbd_readiness_judge(limit, true, TRBD_TRANSITION_MS) == TRBD_NOT_READY,
		"a gateway that refuses changes for longer does");
	ktap_ok(trbd_readiness_judge(limit, false, TRBD_TRANSITION_MS - 1) == TRBD_READY &&
		trbd_readiness_judge(limit, false, TRBD_TRANSITION_MS) == TRBD_NOT_READY,
		"and so does one that is alone");
}

static void test_everything(void)
{
	enum trbd_readiness_limit limit = TRBD_LIMIT_ALL;

	ktap_ok(trbd_readiness_judge(limit, true, 0) == TRBD_READY_SOON,
		"a gateway that serves nothing may be back in a moment");
	ktap_ok(trbd_readiness_judge(limit, true, TRBD_MOMENT_MS) == TRBD_NOT_READY,
		"after that hosts go to another one");
	ktap_ok(trbd_readiness_judge(limit, false, TRBD_MOMENT_MS) == TRBD_READY_SOON,
		"but not if there is no other one");
	ktap_ok(trbd_readiness_judge(limit, false, TRBD_TRANSITION_MS) == TRBD_NOT_READY, "or not so soon");
}

static void test_sense(void)
{
	ktap_ok(TRBD_READINESS_ASC == 0x04 && trbd_readiness_ascq(TRBD_READY_SOON) == 0x0a,
		"to wait is ASYMMETRIC ACCESS STATE TRANSITION");
	ktap_ok(trbd_readiness_ascq(TRBD_NOT_READY) == 0x0c, "to go is TARGET PORT IN UNAVAILABLE STATE");
	ktap_ok(trbd_readiness_ascq(TRBD_STANDBY) == 0x0b, "out of service is TARGET PORT IN STANDBY STATE");
	ktap_ok(trbd_readiness_ascq(TRBD_READY) == 0x0a, "a refusal just before the gateway serves again says to wait");
}

int main(void)
{
	ktap_begin();
	test_ready();
	test_changes();
	test_everything();
	test_sense();
	return ktap_end();
}
