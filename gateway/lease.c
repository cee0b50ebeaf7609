// SPDX-License-Identifier: GPL-2.0
/*
 * The lease of this gateway.
 *
 * While a gateway holds a lease it knows the shared state as it is, since whoever changes that asks
 * it, or fences it and waits for the end of the lease. After a time without a lease that is so only
 * when it has read the record again: it may have been fenced, and Ceph forgets that after an hour,
 * so heartbeats come through again. So lapses are counted, and whoever reads the record notes the
 * count first. A lapse counts when it is over: what is read while it lasts is of no use, since the
 * gateway can be fenced after that.
 *
 * No I/O, no locks: compiled as it is by the unit tests.
 */
#include <linux/types.h>

#include "gateway/lease.h"
#include "protocol.h"

/**
 * trbd_lease_holds() - is this gateway in touch?
 * @lease: lease
 * @now_ms: trbd_clock_local_ms()
 *
 * Return: true until the lease ends.
 */
bool trbd_lease_holds(const struct trbd_lease *lease, u64 now_ms)
{
	return now_ms <= lease->until_ms;
}

/**
 * trbd_lease_renew() - a heartbeat has come back
 * @lease: lease
 * @sent_ms: trbd_clock_local_ms() when it was sent
 * @now_ms: trbd_clock_local_ms()
 */
void trbd_lease_renew(struct trbd_lease *lease, u64 sent_ms, u64 now_ms)
{
	if (!trbd_lease_holds(lease, now_ms))
		lease->lapses++;
	lease->until_ms = sent_ms + TRBD_LEASE_MS;
}

/**
 * trbd_lease_void() - this gateway was out of touch, though its lease has not ended
 * @lease: lease
 */
void trbd_lease_void(struct trbd_lease *lease)
{
	lease->lapses++;
}
