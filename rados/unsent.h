/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RADOS_UNSENT_H
#define TRBD_RADOS_UNSENT_H

#include <linux/types.h>

struct ceph_osd_request;
struct trbd_session;

void trbd_unsent_cancel(struct trbd_session *session, void (*done)(struct ceph_osd_request *req),
			bool (*unwanted)(void *priv));

#endif /* TRBD_RADOS_UNSENT_H */
