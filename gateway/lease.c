// SPDX-License-Identifier: GPL-2.0
/*
 * The lease of this gateway.
 *
 * A gateway that holds a lease knows the shared state as it is: any other gateway that changes it
 * asks this one, or fences this one and waits for the end of its lease. After a time without a
 * lease, the gateway knows the state again only when it has read the record again. It may have been
 * fenced, and Ceph forgets that after an hour, so heartbeats come through again. So lapses are
 * counted, and a gateway that reads the record notes the count first. A lapse counts when it is
 * over. A reading during the lapse is of no use, since the gateway can be fenced after that.
 *
 * No I/O, no locks: the unit tests compile this file as it is.
 */
#include <linux/types.h>

#include "gateway/lease.h"
#include "protocol.h"

/**
 * trbd_lease_holds() - tell whether this gateway is in touch
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
 * trbd_lease_renew() - renew the lease by a heartbeat that has come back
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
 * trbd_lease_void() - note that this gateway was out of touch, though its lease has not ended
 * @lease: lease
 */
void trbd_lease_void(struct trbd_lease *lease)
{
	lease->lapses++;
}
