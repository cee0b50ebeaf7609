/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RADOS_WATCH_OPS_H
#define TRBD_RADOS_WATCH_OPS_H

#include <linux/types.h>

struct ceph_object_id;
struct ceph_object_locator;
struct trbd_session;

int trbd_notify_ack(struct trbd_session *session, const struct ceph_object_id *oid,
		    const struct ceph_object_locator *oloc, u64 notify_id, u64 cookie, const void *reply, size_t len);
int trbd_has_watcher(struct trbd_session *session, const struct ceph_object_id *oid,
		     const struct ceph_object_locator *oloc, u64 gid, u64 cookie);

#endif /* TRBD_RADOS_WATCH_OPS_H */
