/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RADOS_REQUEST_H
#define TRBD_RADOS_REQUEST_H

#include <linux/limits.h>
#include <linux/types.h>

#include "protocol.h"

struct bio_vec;
struct ceph_object_id;
struct ceph_object_locator;
struct ceph_osd_request;
struct ceph_snap_context;
struct trbd_guard;
struct trbd_session;

/**
 * struct trbd_object - an object in a pool
 * @session: session with the object's cluster
 * @oid: name of the object; the address of the name tells callers apart, see rados/closing.c
 * @oloc: pool and namespace of the object
 */
struct trbd_object {
	struct trbd_session *session;
	const struct ceph_object_id *oid;
	const struct ceph_object_locator *oloc;
};

/**
 * struct trbd_extent - a byte range of one object and the memory it is read into or written from
 * @off: offset in the object, bytes
 * @len: length, bytes, at least 1
 * @bvecs: memory, @len bytes in all; must outlive the request
 * @num_bvecs: entries in @bvecs
 */
struct trbd_extent {
	u64 off;
	u64 len;
	struct bio_vec *bvecs;
	unsigned int num_bvecs;
};

/**
 * enum trbd_mutation_kind - the effect of a mutation on its object
 * @TRBD_MUTATION_WRITE: writes the extent
 * @TRBD_MUTATION_ZERO: the extent reads as zeros
 * @TRBD_MUTATION_TRUNCATE: the object ends at extent.off; the range behind reads as zeros
 * @TRBD_MUTATION_NONE: only the guard changes the object
 */
enum trbd_mutation_kind {
	TRBD_MUTATION_WRITE,
	TRBD_MUTATION_ZERO,
	TRBD_MUTATION_TRUNCATE,
	TRBD_MUTATION_NONE,
};

/* further writes that share the request of a small one */
#define TRBD_MUTATION_MORE_MAX	(TRBD_SHARED_WRITES_MAX - 1)
/* the result of a request that was submitted and has no result yet */
#define TRBD_REQUEST_PENDING	INT_MIN

/**
 * struct trbd_mutation - a change of one data object
 * @kind: effect of the change
 * @extent: range of the change, and the data of a write
 * @more: further extents of a write
 * @num_more: number of entries in @more
 * @guard: conditions and changes in the same transaction; must outlive the request
 * @version: if not 0, the version that the object must have
 * @snapc: snapshot context that the change happens in; the request takes a reference of its own
 */
struct trbd_mutation {
	enum trbd_mutation_kind kind;
	struct trbd_extent extent;
	const struct trbd_extent *more[TRBD_MUTATION_MORE_MAX];
	unsigned int num_more;
	struct trbd_guard *guard;
	u64 version;
	struct ceph_snap_context *snapc;
};

struct ceph_osd_request *trbd_request_read(struct trbd_session *session, const char *oid_name,
					   const struct ceph_object_locator *oloc, u64 snap_id,
					   const struct trbd_extent *extent);
struct ceph_osd_request *trbd_request_mutate(struct trbd_session *session, const char *oid_name,
					     const struct ceph_object_locator *oloc,
					     const struct trbd_mutation *mutation);
struct ceph_osd_request *trbd_request_copyup(struct trbd_session *session, const char *oid_name,
					     const struct ceph_object_locator *oloc,
					     const struct trbd_extent *extent);
void trbd_request_submit(struct ceph_osd_request *req, void (*done)(struct ceph_osd_request *req),
			 void *priv);
int trbd_request_result(const struct ceph_osd_request *req);
u64 trbd_request_version(const struct ceph_osd_request *req);
bool trbd_request_has_versions(void);
struct ceph_osd_request *trbd_request_alloc(const struct trbd_object *object, unsigned int num_ops,
					    unsigned int flags);
int trbd_request_wait(struct trbd_session *session, struct ceph_osd_request *req,
		      unsigned int limit_ms);
void trbd_request_put(struct ceph_osd_request *req);

#endif /* TRBD_RADOS_REQUEST_H */
