/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RADOS_FENCE_H
#define TRBD_RADOS_FENCE_H

#include <linux/types.h>

#include "protocol.h"

struct trbd_session;

/**
 * struct trbd_fence - a client that is to be put on the blocklist
 * @address: address and nonce, as trbd_session_address() gave them on that machine
 * @err: result for this client: 0, or an error as of trbd_fence_clients()
 * @epoch: number of an OSD map that has the client on the blocklist, if @err is 0
 */
struct trbd_fence {
	const char *address;
	int err;
	u32 epoch;
};

u32 trbd_fence_epoch(struct trbd_session *session);
int trbd_fence_clients(struct trbd_session *session, struct trbd_fence *fences, unsigned int count,
		       unsigned int timeout_ms);
int trbd_fence_client(struct trbd_session *session, const char *address, u32 *epoch);
int trbd_fence_barrier(struct trbd_session *session, u32 epoch, const void *caller);

#endif /* TRBD_RADOS_FENCE_H */
