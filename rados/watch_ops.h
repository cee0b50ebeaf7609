/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RADOS_WATCH_OPS_H
#define TRBD_RADOS_WATCH_OPS_H

#include <linux/types.h>

struct trbd_object;

int trbd_notify_ack(const struct trbd_object *object, u64 notify_id, u64 cookie, const void *reply,
		    size_t len);
int trbd_has_watcher(const struct trbd_object *object, u64 gid, u64 cookie);

#endif /* TRBD_RADOS_WATCH_OPS_H */
