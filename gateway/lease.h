/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_LEASE_H
#define TRBD_GATEWAY_LEASE_H

#include <linux/types.h>

/**
 * struct trbd_lease - for how long a heartbeat proves that this gateway is in touch
 * @until_ms: trbd_clock_local_ms() when the lease ends
 * @lapses: counts the times without a lease that are over
 */
struct trbd_lease {
	u64 until_ms;
	unsigned long lapses;
};

bool trbd_lease_holds(const struct trbd_lease *lease, u64 now_ms);
void trbd_lease_renew(struct trbd_lease *lease, u64 sent_ms, u64 now_ms);
void trbd_lease_void(struct trbd_lease *lease);

#endif /* TRBD_GATEWAY_LEASE_H */
