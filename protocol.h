/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The times on which gateways, OSDs and initiators agree.
 *
 * All gateways of a pool must use the same ones: a gateway with a longer lease or window would break the promise that
 * the others make. tests/unit/guard_model_test.py reads them from here and shows what they give.
 */
#ifndef TRBD_PROTOCOL_H
#define TRBD_PROTOCOL_H

#include <linux/build_bug.h>

/* Stamps order writes by granules of this length; see rados/clock.c. */
#define TRBD_GRANULE_MS		256
/* A change of data is stamped at most this long after LIO took its command up, or ends with BUSY. */
#define TRBD_ADMISSION_MS	1500
/*
 * A gateway writes its slot in a table of the group, and reads the others', this often: in one of two tables in turn.
 * It is a little more than half a second, so that this and a beat at the third table now and then are four requests a
 * second.
 */
#define TRBD_HEARTBEAT_MS	510
/* A heartbeat that came back shows for this long after it was sent that the gateway was in touch there. */
#define TRBD_LEASE_MS		2000
/* A clock that is further behind another one belongs to a gateway that was out of touch. */
#define TRBD_JUMP_MS		500
/* A gateway looks this often whether it stood still: a tick that is later by TRBD_JUMP_MS shows that it did. */
#define TRBD_TICK_MS		200
/* A gateway notices that it, or one of its processors, stood still for longer than this. */
#define TRBD_STALL_MS		(TRBD_TICK_MS + TRBD_JUMP_MS)
/* A gateway that was out of touch ends changes of data with BUSY for this long. */
#define TRBD_QUARANTINE_MS	5000

/*
 * By how much the clocks of two gateways in touch differ at most: a clock in a table is as old as the last heartbeat
 * there, and each table has every second one.
 */
#define TRBD_SKEW_MS		(2 * TRBD_HEARTBEAT_MS + TRBD_JUMP_MS)

/*
 * W: a command that its initiator sent longer ago than this can no longer overwrite an acknowledged write. A gateway
 * may have stood still for TRBD_STALL_MS, unnoticed, before it took the command up, and then stamps it within
 * TRBD_ADMISSION_MS. A newer write has a stamp that is later by a granule, from a clock that may be behind.
 */
#define TRBD_W_MS		4000

static_assert(TRBD_STALL_MS + TRBD_ADMISSION_MS + TRBD_GRANULE_MS + TRBD_SKEW_MS <= TRBD_W_MS, "W is too short");
/* A quarantine outlives the stamps of a gateway that was last heard of when it began. */
static_assert(TRBD_LEASE_MS + TRBD_ADMISSION_MS + TRBD_GRANULE_MS < TRBD_QUARANTINE_MS, "too short");

#endif /* TRBD_PROTOCOL_H */
