/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RBD_HEADER_H
#define TRBD_RBD_HEADER_H

#include <linux/types.h>

#include "protocol.h"

struct ceph_object_id;
struct ceph_object_locator;
struct ceph_snap_context;
struct trbd_object;
struct trbd_object_condition;
struct trbd_session;

/* cls_rbd's own limit: a little more than an image id */
#define TRBD_OBJECT_PREFIX_MAX	(TRBD_IMAGE_ID_MAX + 40)
/* the prefix, a dot, and the object's number in 16 digits */
#define TRBD_OBJECT_NAME_MAX	(TRBD_OBJECT_PREFIX_MAX + 18)

/* 4 KiB to 32 MiB: librbd makes objects of this size, and a libceph message can hold one easily */
#define TRBD_OBJECT_ORDER_MIN	12
#define TRBD_OBJECT_ORDER_MAX	25

/*
 * librbd has no limit. Here each write carries 8 bytes for each snapshot, in one piece of memory
 * that should be easy to allocate: 32 KiB.
 */
#define TRBD_SNAPS_MAX		4096

/* RADOS has no practical limit; people type the names of rbd namespaces */
#define TRBD_NAMESPACE_MAX	256
/* trbd_header_metadata(): room for the length in front of a value */
#define TRBD_HEADER_METADATA_EXTRA	sizeof(__le32)

/**
 * struct trbd_parent - the parent of a clone, as the clone's header names it
 * @pool: pool of the parent's header, or negative for no parent
 * @snap_id: snapshot of the parent
 * @overlap: how much of the clone the parent still backs, bytes from the beginning
 * @namespace: RADOS namespace in @pool, empty for the default one
 * @image_id: id of the parent
 */
struct trbd_parent {
	s64 pool;
	u64 snap_id;
	u64 overlap;
	char namespace[TRBD_NAMESPACE_MAX];
	char image_id[TRBD_IMAGE_ID_MAX];
};

/**
 * struct trbd_header - the part of a header object that never changes while the image lives
 * @order: log2 of the object size in bytes
 * @features: TRBD_FEATURE_* of the image
 * @incompat: those that a client must know for the wanted access
 * @stripe_unit: bytes
 * @stripe_count: objects in a stripe
 * @data_pool: pool of the data objects: the header's own pool unless the image names another
 * @object_prefix: beginning of the names of the data objects
 */
struct trbd_header {
	u8 order;
	u64 features;
	u64 incompat;
	u64 stripe_unit;
	u64 stripe_count;
	s64 data_pool;
	char object_prefix[TRBD_OBJECT_PREFIX_MAX];
};

int trbd_header_image_id(struct trbd_session *session, const struct ceph_object_locator *oloc,
			 const char *image, char *id);
int trbd_header_read(const struct trbd_object *object, u64 snap_id, struct trbd_header *header);
int trbd_header_features(const struct trbd_object *object, u64 snap_id, u64 *features,
			 u64 *incompat);
int trbd_header_size(const struct trbd_object *object, u64 snap_id, u8 *order, u64 *size);
ssize_t trbd_header_metadata(const struct trbd_object *object, const char *key, char *value,
			     size_t size);
int trbd_header_set_metadata_if(const struct trbd_object *object,
				const struct trbd_object_condition *condition, const char *key,
				const char *value, size_t len);
int trbd_header_snap_context(const struct trbd_object *object, struct ceph_snap_context **snapc);
int trbd_header_snap_id(const struct trbd_object *object, const struct ceph_snap_context *snapc,
			const char *snap, u64 *snap_id);
int trbd_header_call(const struct trbd_object *object, const char *method, const void *in,
		     size_t in_len, void *out, size_t out_len);

/* header_parent.c */
int trbd_header_locate(const struct trbd_parent *parent, struct ceph_object_id *oid,
		       struct ceph_object_locator *oloc);
int trbd_header_parent(const struct trbd_object *object, u64 features, u64 snap_id,
		       struct trbd_parent *parent);
int trbd_header_migration_source(struct trbd_session *session, const struct trbd_parent *target,
				 struct trbd_parent *source);

#endif /* TRBD_RBD_HEADER_H */
