// SPDX-License-Identifier: GPL-2.0
/*
 * The header of a clone names its parent. The header of a migration's target names its source.
 *
 * As in rbd/header.c, every length and every value is checked here, once.
 */
#include <linux/ceph/decode.h>
#include <linux/ceph/libceph.h>
#include <linux/ceph/osd_client.h>
#include <linux/ceph/osdmap.h>
#include <linux/ceph/string_table.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "rados/cls.h"
#include "rados/object.h"
#include "rbd/features.h"
#include "rbd/header.h"

/* parent_get: a spec with pool, namespace, image id and snapshot id, and some framing */
#define HEADER_PARENT_MAX	1024
/* migration_get: two numbers for each snapshot, a namespace, a name, an id, and some framing */
#define HEADER_MIGRATION_MAX	(TRBD_SNAPS_MAX * 16 + 4096)
/* cls_rbd's MIGRATION_HEADER_TYPE_DST */
#define HEADER_MIGRATION_TARGET	2

/**
 * trbd_header_locate() - tell where the header of a parent is
 * @parent: pool, namespace and image id
 * @oid: initialised; set to the header's name. The caller must destroy it in every case
 * @oloc: initialised; set to the header's pool and namespace. The caller must destroy it in every
 *	case
 *
 * Return: 0 or -ENOMEM.
 */
int trbd_header_locate(const struct trbd_parent *parent, struct ceph_object_id *oid,
		       struct ceph_object_locator *oloc)
{
	oloc->pool = parent->pool;
	if (*parent->namespace) {
		oloc->pool_ns = ceph_find_or_create_string(parent->namespace,
							   strlen(parent->namespace));
		if (!oloc->pool_ns)
			return -ENOMEM;
	}
	return ceph_oid_aprintf(oid, GFP_KERNEL, "rbd_header.%s", parent->image_id);
}

/* Take an encoded string off a reply. It may be empty. */
static int header_take_string(void **p, void *end, char *buf, size_t size)
{
	u32 len;

	ceph_decode_32_safe(p, end, len, bad);
	if (len >= size)
		goto bad;
	ceph_decode_need(p, end, len, bad);
	memcpy(buf, *p, len);
	buf[len] = '\0';
	*p += len;
	return strlen(buf) == len ? 0 : -EBADMSG;
bad:
	return -EBADMSG;
}

/* cls_rbd parent_get: ParentImageSpec { pool, namespace, image id, snapshot }. */
static int header_decode_parent_spec(void *p, void *end, struct trbd_parent *parent)
{
	u32 struct_len;
	u8 struct_v;

	if (ceph_start_decoding(&p, end, 1, "ParentImageSpec", &struct_v, &struct_len))
		return -EBADMSG;
	ceph_decode_64_safe(&p, end, parent->pool, bad);
	if (header_take_string(&p, end, parent->namespace, sizeof(parent->namespace)) ||
	    header_take_string(&p, end, parent->image_id, sizeof(parent->image_id)))
		goto bad;
	ceph_decode_64_safe(&p, end, parent->snap_id, bad);
	return 0;
bad:
	return -EBADMSG;
}

/* cls_rbd get_parent, before Nautilus: { pool, image id, snapshot, overlap }. */
static int header_decode_old_parent(void *p, void *end, struct trbd_parent *parent)
{
	ceph_decode_64_safe(&p, end, parent->pool, bad);
	if (header_take_string(&p, end, parent->image_id, sizeof(parent->image_id)))
		goto bad;
	ceph_decode_64_safe(&p, end, parent->snap_id, bad);
	ceph_decode_64_safe(&p, end, parent->overlap, bad);
	return 0;
bad:
	return -EBADMSG;
}

/* cls_rbd parent_overlap_get: an optional number. */
static int header_decode_overlap(void *p, void *end, u64 *overlap)
{
	u8 present;

	*overlap = 0;
	ceph_decode_8_safe(&p, end, present, bad);
	if (present)
		ceph_decode_64_safe(&p, end, *overlap, bad);
	return 0;
bad:
	return -EBADMSG;
}

/*
 * Read parent and overlap in one request. The parent stays named while a snapshot still needs it.
 */
static int header_parent(const struct trbd_object *object, __le64 snap_id,
			 struct trbd_parent *parent, void *reply)
{
	struct trbd_cls_method methods[] = {
		{ .name = "parent_get" },
		{ .name = "parent_overlap_get", .in = &snap_id, .in_len = sizeof(snap_id) },
	};
	void *overlap;
	int ret;

	ret = trbd_cls_call(object, "rbd", methods, ARRAY_SIZE(methods), reply,
			    HEADER_PARENT_MAX, 0);
	if (ret < 0)
		return ret;
	overlap = reply + methods[0].answer_len;
	return header_decode_parent_spec(reply, overlap, parent) ?:
	       header_decode_overlap(overlap, reply + ret, &parent->overlap);
}

static int header_old_parent(const struct trbd_object *object, __le64 snap_id,
			     struct trbd_parent *parent, void *reply)
{
	int ret = trbd_header_call(object, "get_parent", &snap_id, sizeof(snap_id), reply,
				   HEADER_PARENT_MAX);

	return ret < 0 ? ret : header_decode_old_parent(reply, reply + ret, parent);
}

/**
 * trbd_header_parent() - read from which image this one was cloned
 * @object: the header object
 * @features: of the image
 * @snap_id: snapshot of the image, or CEPH_NOSNAP
 * @parent: to be filled in; without a parent its pool is negative and its overlap 0
 *
 * Calls parent_get and parent_overlap_get of cls_rbd, or get_parent on an OSD before Nautilus.
 *
 * Context: may sleep up to mount_timeout for each round trip.
 * Return: 0; -ENOENT if the header is gone, -EBADMSG, -ETIMEDOUT, -EINTR, -ENOMEM, others.
 */
int trbd_header_parent(const struct trbd_object *object, u64 features, u64 snap_id,
		       struct trbd_parent *parent)
{
	__le64 in = cpu_to_le64(snap_id);
	void *reply;
	int ret;

	memset(parent, 0, sizeof(*parent));
	parent->pool = CEPH_NOPOOL;
	if (!(features & TRBD_FEATURE_LAYERING))
		return 0;

	reply = kmalloc(HEADER_PARENT_MAX, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;

	ret = header_parent(object, in, parent, reply);
	if (ret == -EOPNOTSUPP)
		ret = header_old_parent(object, in, parent, reply);
	/* there is no parent, or nothing of it shows through */
	if (parent->pool == CEPH_NOPOOL)
		parent->overlap = 0;
	kfree(reply);
	if (!ret && parent->pool != CEPH_NOPOOL && (parent->pool < 0 || !*parent->image_id))
		ret = -EBADMSG;
	return ret;
}

/*
 * Find the snapshot of a migration's source that became @target: the reply maps the source's
 * snapshots to those of the target.
 */
static int header_decode_source_snap(void **p, void *end, u64 target, u64 *snap_id)
{
	u64 from, to;
	u32 count;

	ceph_decode_32_safe(p, end, count, bad);
	while (count--) {
		ceph_decode_64_safe(p, end, from, bad);
		ceph_decode_64_safe(p, end, to, bad);
		if (to != target)
			continue;
		*snap_id = from;
		return 1;
	}
	/* the snapshot was taken after the migration began */
	return -EOPNOTSUPP;
bad:
	return -EBADMSG;
}

/*
 * cls_rbd migration_get: MigrationSpec { type, pool, namespace, image name, image id, snapshots,
 * ... }.
 */
static int header_decode_migration(void *p, void *end, u64 snap_id, struct trbd_parent *source)
{
	u32 struct_len, name_len;
	u8 struct_v, type;

	if (ceph_start_decoding(&p, end, 1, "MigrationSpec", &struct_v, &struct_len))
		return -EBADMSG;
	ceph_decode_8_safe(&p, end, type, bad);
	if (type != HEADER_MIGRATION_TARGET)
		return 0;
	ceph_decode_64_safe(&p, end, source->pool, bad);
	if (header_take_string(&p, end, source->namespace, sizeof(source->namespace)))
		goto bad;
	ceph_decode_32_safe(&p, end, name_len, bad);
	ceph_decode_skip_n(&p, end, name_len, bad);
	if (header_take_string(&p, end, source->image_id, sizeof(source->image_id)))
		goto bad;
	/* the source has format 1, or is not in this cluster */
	if (source->pool < 0 || !*source->image_id)
		return -EOPNOTSUPP;
	return header_decode_source_snap(&p, end, snap_id, &source->snap_id);
bad:
	return -EBADMSG;
}

static int header_migration(const struct trbd_object *object, u64 snap_id,
			    struct trbd_parent *source)
{
	void *reply = kvmalloc(HEADER_MIGRATION_MAX, GFP_KERNEL);
	int ret;

	if (!reply)
		return -ENOMEM;
	ret = trbd_header_call(object, "migration_get", NULL, 0, reply, HEADER_MIGRATION_MAX);
	if (ret >= 0)
		ret = header_decode_migration(reply, reply + ret, snap_id, source);
	else if (ret == -ENOENT || ret == -EINVAL || ret == -EOPNOTSUPP)
		ret = 0;
	kvfree(reply);
	return ret;
}

/**
 * trbd_header_migration_source() - find the source, if a snapshot belongs to a migration's target
 * @session: session with the cluster
 * @target: the snapshot
 * @source: set to the snapshot of the source
 *
 * Calls migration_get of cls_rbd.
 *
 * Context: may sleep up to mount_timeout.
 * Return: 1 if the snapshot belongs to a migration's target; 0 if not, or if there is no such
 * image; -EOPNOTSUPP if the source cannot be read (format 1, not in this cluster, no such snapshot
 * there), -EBADMSG, -ETIMEDOUT, -EINTR, -ENOMEM, others.
 */
int trbd_header_migration_source(struct trbd_session *session, const struct trbd_parent *target,
				 struct trbd_parent *source)
{
	CEPH_DEFINE_OID_ONSTACK(oid);
	struct ceph_object_locator oloc;
	struct trbd_object object = { .session = session, .oid = &oid, .oloc = &oloc };
	int ret;

	memset(source, 0, sizeof(*source));
	ceph_oloc_init(&oloc);
	ret = trbd_header_locate(target, &oid, &oloc);
	if (!ret)
		ret = header_migration(&object, target->snap_id, source);
	ceph_oloc_destroy(&oloc);
	ceph_oid_destroy(&oid);
	return ret;
}
