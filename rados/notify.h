/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RADOS_NOTIFY_H
#define TRBD_RADOS_NOTIFY_H

#include <linux/types.h>

struct ceph_object_id;
struct ceph_object_locator;
struct trbd_session;

int trbd_notify(struct trbd_session *session, const struct ceph_object_id *oid, const struct ceph_object_locator *oloc,
		const void *payload, size_t len, unsigned int timeout_s,
		void (*answered)(void *arg, const void *reply, size_t len), void *arg);

#endif /* TRBD_RADOS_NOTIFY_H */
