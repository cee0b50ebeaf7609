/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RADOS_CLS_H
#define TRBD_RADOS_CLS_H

#include <linux/types.h>

struct ceph_object_id;
struct ceph_object_locator;
struct trbd_session;

int trbd_cls_call(struct trbd_session *session, const struct ceph_object_id *oid,
		  const struct ceph_object_locator *oloc, const char *class, const char *method,
		  const void *in, size_t in_len, void *out, size_t out_len);
int trbd_stat(struct trbd_session *session, const struct ceph_object_id *oid,
	      const struct ceph_object_locator *oloc);

#endif /* TRBD_RADOS_CLS_H */
