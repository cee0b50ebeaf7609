/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RADOS_CLS_H
#define TRBD_RADOS_CLS_H

#include <linux/types.h>

struct ceph_object_id;
struct ceph_object_locator;
struct trbd_session;

/**
 * struct trbd_cls_method - one of several methods that are called at once
 * @name: the method
 * @in: encoded arguments, NULL for none
 * @in_len: their length, at most one page
 * @answer_len: set to the length of the answer
 */
struct trbd_cls_method {
	const char *name;
	const void *in;
	size_t in_len;
	size_t answer_len;
};

int trbd_cls_calls(struct trbd_session *session, const struct ceph_object_id *oid,
		   const struct ceph_object_locator *oloc, const char *class, struct trbd_cls_method *methods,
		   unsigned int num, void *out, size_t out_len);
int trbd_cls_call(struct trbd_session *session, const struct ceph_object_id *oid,
		  const struct ceph_object_locator *oloc, const char *class, const char *method,
		  const void *in, size_t in_len, void *out, size_t out_len);
int trbd_stat(struct trbd_session *session, const struct ceph_object_id *oid,
	      const struct ceph_object_locator *oloc);

#endif /* TRBD_RADOS_CLS_H */
