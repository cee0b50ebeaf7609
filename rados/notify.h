/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RADOS_NOTIFY_H
#define TRBD_RADOS_NOTIFY_H

#include <linux/types.h>

struct trbd_object;

int trbd_notify(const struct trbd_object *object, const void *payload, size_t len,
		unsigned int timeout_s, void (*answered)(void *arg, const void *reply, size_t len),
		void *arg);

#endif /* TRBD_RADOS_NOTIFY_H */
