/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RADOS_FENCE_H
#define TRBD_RADOS_FENCE_H

#include <linux/types.h>

struct trbd_session;

/* [IPv6]:port/nonce */
#define TRBD_FENCE_ADDRESS_MAX	80

void trbd_fence_own_address(struct trbd_session *session, char *buf, size_t size);
int trbd_fence_client(struct trbd_session *session, const char *address, u32 *epoch);
int trbd_fence_barrier(struct trbd_session *session, u32 epoch);

#endif /* TRBD_RADOS_FENCE_H */
