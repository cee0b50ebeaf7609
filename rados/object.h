/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RADOS_OBJECT_H
#define TRBD_RADOS_OBJECT_H

#include <linux/types.h>

struct ceph_object_id;
struct ceph_object_locator;
struct trbd_session;
struct trbd_witness;

/**
 * struct trbd_object_write - a write of a part of an object, on condition
 * @xattr: name of the xattr that is compared; a missing one counts as 0
 * @expected: what it must be
 * @new: what it becomes in the same transaction
 * @off: where to write, bytes
 * @buf: what
 * @len: how much, bytes, at least 1
 * @witness: where the OSD notes its time in the same transaction, or NULL
 * @limit_ms: give up after this, or 0
 */
struct trbd_object_write {
	const char *xattr;
	u64 expected;
	u64 new;
	u64 off;
	const void *buf;
	size_t len;
	const struct trbd_witness *witness;
	unsigned int limit_ms;
};

int trbd_object_create(struct trbd_session *session, const struct ceph_object_id *oid,
		       const struct ceph_object_locator *oloc, u64 size);
int trbd_object_read(struct trbd_session *session, const struct ceph_object_id *oid,
		     const struct ceph_object_locator *oloc, void *buf, size_t len,
		     const struct trbd_witness *witness, u64 *osd_ms, unsigned int limit_ms);
int trbd_object_number_is(struct trbd_session *session, const struct ceph_object_id *oid,
			  const struct ceph_object_locator *oloc, const char *xattr, u64 number);
int trbd_object_write_if(struct trbd_session *session, const struct ceph_object_id *oid,
			 const struct ceph_object_locator *oloc, const struct trbd_object_write *write);
int trbd_object_call_if(struct trbd_session *session, const struct ceph_object_id *oid,
			const struct ceph_object_locator *oloc, const char *xattr, u64 expected, u64 new,
			const char *class, const char *method, const void *in, size_t in_len);

#endif /* TRBD_RADOS_OBJECT_H */
