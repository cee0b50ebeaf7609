// SPDX-License-Identifier: GPL-2.0
/*
 * The header object of an image: one function for each method of the object class "rbd".
 *
 * A format 2 image is found in three steps. The object rbd_id.<name> holds the image id. The object
 * rbd_header.<id> describes the image. The objects <object prefix>.<number> hold its data. This
 * file reads the header only, and remembers nothing: rbd/image_refresh.c decides when to read it
 * again.
 *
 * The answers come from a cluster that may be of any version, or damaged. Every length is checked
 * before it is used. Every value that later goes into arithmetic is checked against its limits
 * here, once.
 */
#include <linux/ceph/decode.h>
#include <linux/ceph/libceph.h>
#include <linux/ceph/osd_client.h>
#include <linux/ceph/osdmap.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "rados/cls.h"
#include "rados/object.h"
#include "rbd/features.h"
#include "rbd/header.h"

#define HEADER_SNAP_NAME_MAX	1024

/**
 * trbd_header_call() - call a read method of the object class "rbd"
 * @object: the header object, or another object that the class knows
 * @method: name of the method
 * @in: encoded arguments, NULL for none
 * @in_len: their length, at most one page
 * @out: where the answer goes
 * @out_len: room in @out
 *
 * Context: may sleep up to the session's mount_timeout.
 * Return: length of the answer, or an error of trbd_cls_call().
 */
int trbd_header_call(const struct trbd_object *object, const char *method, const void *in,
		     size_t in_len, void *out, size_t out_len)
{
	struct trbd_cls_method call = { .name = method, .in = in, .in_len = in_len };

	return trbd_cls_call(object, "rbd", &call, 1, out, out_len, 0);
}

/* Call a method whose answer must be exactly @out_len bytes long. */
static int header_call_fixed(const struct trbd_object *object, const char *method, const void *in,
			     size_t in_len, void *out, size_t out_len)
{
	int ret = trbd_header_call(object, method, in, in_len, out, out_len);

	if (ret < 0)
		return ret;
	return (size_t)ret == out_len ? 0 : -EBADMSG;
}

/* Decode a string into @buf. Refuse one that is too long, is empty, or has a NUL inside. */
static int header_decode_string(void *p, void *end, char *buf, size_t size)
{
	u32 len;

	ceph_decode_32_safe(&p, end, len, bad);
	if (!len || len >= size)
		goto bad;
	ceph_decode_need(&p, end, len, bad);
	memcpy(buf, p, len);
	buf[len] = '\0';
	if (strlen(buf) != len)
		goto bad;
	return 0;
bad:
	return -EBADMSG;
}

static int header_call_string(const struct trbd_object *object, const char *method, const void *in,
			      size_t in_len, char *buf, size_t size)
{
	size_t reply_len = size + sizeof(__le32);
	void *reply;
	int ret;

	reply = kmalloc(reply_len, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;

	ret = trbd_header_call(object, method, in, in_len, reply, reply_len);
	if (ret >= 0)
		ret = header_decode_string(reply, reply + ret, buf, size);
	kfree(reply);
	return ret;
}

/**
 * trbd_header_image_id() - look up the id of an image (cls_rbd get_id)
 * @session: session with the cluster
 * @oloc: pool and namespace
 * @image: image name
 * @id: room for TRBD_IMAGE_ID_MAX bytes
 *
 * Context: may sleep up to mount_timeout.
 * Return: 0; -ENOENT if there is no such image; -EPROTONOSUPPORT if the image has format 1; others.
 */
int trbd_header_image_id(struct trbd_session *session, const struct ceph_object_locator *oloc,
			 const char *image, char *id)
{
	CEPH_DEFINE_OID_ONSTACK(oid);
	struct trbd_object object = { .session = session, .oid = &oid, .oloc = oloc };
	int ret;

	ret = ceph_oid_aprintf(&oid, GFP_KERNEL, "rbd_id.%s", image);
	if (ret)
		return ret;
	ret = header_call_string(&object, "get_id", NULL, 0, id, TRBD_IMAGE_ID_MAX);
	ceph_oid_destroy(&oid);
	if (ret != -ENOENT)
		return ret;

	ceph_oid_init(&oid);
	ret = ceph_oid_aprintf(&oid, GFP_KERNEL, "%s.rbd", image);
	if (ret)
		return ret;
	ret = trbd_object_stat(&object);
	ceph_oid_destroy(&oid);
	return ret ? ret : -EPROTONOSUPPORT;
}

/**
 * trbd_header_size() - read the size of the image or of a snapshot (cls_rbd get_size)
 * @object: the header object
 * @snap_id: snapshot, or CEPH_NOSNAP
 * @order: set to log2 of the object size
 * @size: set to the size, bytes
 *
 * Context: may sleep up to mount_timeout.
 * Return: 0, -ENOENT if the image or snapshot is gone, -EBADMSG for an order out of range, others.
 */
int trbd_header_size(const struct trbd_object *object, u64 snap_id, u8 *order, u64 *size)
{
	__le64 in = cpu_to_le64(snap_id);
	struct {
		u8 order;
		__le64 size;
	} __packed out;
	int ret;

	ret = header_call_fixed(object, "get_size", &in, sizeof(in), &out, sizeof(out));
	if (ret)
		return ret;
	if (out.order < TRBD_OBJECT_ORDER_MIN || out.order > TRBD_OBJECT_ORDER_MAX)
		return -EBADMSG;
	*order = out.order;
	*size = le64_to_cpu(out.size);
	return 0;
}

/**
 * trbd_header_features() - read the image's features (cls_rbd get_features)
 * @object: the header object
 * @snap_id: the wanted access: CEPH_NOSNAP to write, or a snapshot to read
 * @features: set to TRBD_FEATURE_* of the image
 * @incompat: set to those that a client must know for this access
 *
 * Context: may sleep up to mount_timeout.
 * Return: 0, -ENOENT, -EBADMSG, others.
 */
int trbd_header_features(const struct trbd_object *object, u64 snap_id, u64 *features,
			 u64 *incompat)
{
	struct {
		__le64 snap_id;
		u8 read_only;
	} __packed in = {
		.snap_id = cpu_to_le64(snap_id),
		.read_only = snap_id != CEPH_NOSNAP,
	};
	struct {
		__le64 features;
		__le64 incompat;
	} __packed out;
	int ret;

	ret = header_call_fixed(object, "get_features", &in, sizeof(in), &out, sizeof(out));
	if (ret)
		return ret;
	*features = le64_to_cpu(out.features);
	*incompat = le64_to_cpu(out.incompat);
	return 0;
}

static int header_striping(const struct trbd_object *object, struct trbd_header *header)
{
	u64 object_size = 1ULL << header->order;
	struct {
		__le64 unit;
		__le64 count;
	} __packed out;
	int ret;

	header->stripe_unit = object_size;
	header->stripe_count = 1;
	if (!(header->features & TRBD_FEATURE_STRIPINGV2))
		return 0;

	ret = header_call_fixed(object, "get_stripe_unit_count", NULL, 0, &out, sizeof(out));
	if (ret)
		return ret;
	header->stripe_unit = le64_to_cpu(out.unit);
	header->stripe_count = le64_to_cpu(out.count);

	/*
	 * A unit must be a whole part of the object and a multiple of a block. libceph counts
	 * stripes in 32 bits.
	 */
	if (!header->stripe_unit || header->stripe_unit > object_size ||
	    !is_power_of_2(header->stripe_unit) || header->stripe_unit < 512 ||
	    !header->stripe_count || header->stripe_count > U32_MAX)
		return -EBADMSG;
	return 0;
}

static int header_data_pool(const struct trbd_object *object, struct trbd_header *header)
{
	__le64 out;
	int ret;

	header->data_pool = object->oloc->pool;
	if (!(header->features & TRBD_FEATURE_DATA_POOL))
		return 0;

	ret = header_call_fixed(object, "get_data_pool", NULL, 0, &out, sizeof(out));
	if (ret)
		return ret;
	header->data_pool = (s64)le64_to_cpu(out);
	return header->data_pool < 0 ? -EBADMSG : 0;
}

/**
 * trbd_header_read() - read everything that never changes
 * @object: the header object
 * @snap_id: the snapshot that is going to be read, or CEPH_NOSNAP
 * @header: to be filled in; all its values have passed the checks of this file
 *
 * Calls get_size, get_features, get_object_prefix, get_stripe_unit_count and get_data_pool of
 * cls_rbd.
 *
 * Context: may sleep up to mount_timeout for each call.
 * Return: 0, -ENOENT, -EBADMSG for a header that makes no sense, others. If an error occurs after
 * the features were read, the features in @header are still valid.
 */
int trbd_header_read(const struct trbd_object *object, u64 snap_id, struct trbd_header *header)
{
	u64 size;
	int ret;

	memset(header, 0, sizeof(*header));
	ret = trbd_header_features(object, snap_id, &header->features, &header->incompat);
	if (!ret)
		ret = trbd_header_size(object, snap_id, &header->order, &size);
	if (!ret)
		ret = header_call_string(object, "get_object_prefix", NULL, 0,
					 header->object_prefix, sizeof(header->object_prefix));
	if (!ret)
		ret = header_striping(object, header);
	if (!ret)
		ret = header_data_pool(object, header);
	return ret;
}

/**
 * trbd_header_snap_context() - read which snapshots writes must preserve (cls_rbd get_snapcontext)
 * @object: the header object
 * @snapc: set to a new snapshot context
 *
 * Context: may sleep up to mount_timeout.
 * Return: 0, -ENOENT, -ERANGE for more snapshots than fit (4096), -EBADMSG, others.
 */
int trbd_header_snap_context(const struct trbd_object *object, struct ceph_snap_context **snapc)
{
	size_t reply_len = sizeof(__le64) + sizeof(__le32) + TRBD_SNAPS_MAX * sizeof(__le64);
	struct ceph_snap_context *sc;
	void *reply, *p, *end;
	u64 seq;
	u32 count, i;
	int ret;

	reply = kvmalloc(reply_len, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;

	ret = trbd_header_call(object, "get_snapcontext", NULL, 0, reply, reply_len);
	if (ret < 0)
		goto out;

	p = reply;
	end = reply + ret;
	ret = -EBADMSG;
	ceph_decode_64_safe(&p, end, seq, out);
	ceph_decode_32_safe(&p, end, count, out);
	if (count > TRBD_SNAPS_MAX) {
		ret = -ERANGE;
		goto out;
	}
	ceph_decode_need(&p, end, count * sizeof(__le64), out);

	sc = ceph_create_snap_context(count, GFP_KERNEL);
	if (!sc) {
		ret = -ENOMEM;
		goto out;
	}
	sc->seq = seq;
	for (i = 0; i < count; i++)
		sc->snaps[i] = ceph_decode_64(&p);
	*snapc = sc;
	ret = 0;
out:
	kvfree(reply);
	return ret;
}

/**
 * trbd_header_snap_id() - find a snapshot by name (cls_rbd get_snapshot_name)
 * @object: the header object
 * @snapc: the image's snapshots
 * @snap: name
 * @snap_id: set to the id
 *
 * Context: may sleep up to mount_timeout for each snapshot.
 * Return: 0, -ENOENT if no snapshot has that name, others.
 */
int trbd_header_snap_id(const struct trbd_object *object, const struct ceph_snap_context *snapc,
			const char *snap, u64 *snap_id)
{
	char *name;
	u32 i;
	int ret = -ENOENT;

	name = kmalloc(HEADER_SNAP_NAME_MAX, GFP_KERNEL);
	if (!name)
		return -ENOMEM;

	for (i = 0; i < snapc->num_snaps; i++) {
		__le64 in = cpu_to_le64(snapc->snaps[i]);

		ret = header_call_string(object, "get_snapshot_name", &in,
					 sizeof(in), name, HEADER_SNAP_NAME_MAX);
		/* the snapshot was removed after the context was read */
		if (ret == -ENOENT)
			continue;
		if (ret)
			break;
		if (!strcmp(name, snap)) {
			*snap_id = snapc->snaps[i];
			break;
		}
		ret = -ENOENT;
	}
	kfree(name);
	return ret;
}

static void header_put_string(void **p, const char *s, size_t len)
{
	ceph_encode_32(p, len);
	ceph_encode_copy(p, s, len);
}

/**
 * trbd_header_metadata() - read a value of the image's metadata (cls_rbd metadata_get)
 * @object: the header object
 * @key: its key
 * @value: where the value goes; without a terminating NUL
 * @size: room in @value, bytes; the value cannot use TRBD_HEADER_METADATA_EXTRA of them. A value
 *	that is too long by more than a page gets no answer at all, and the call ends with
 *	-ETIMEDOUT
 *
 * Context: may sleep up to mount_timeout.
 * Return: length of the value; -ENOENT if there is none, -ERANGE if it does not fit, -EBADMSG,
 * -ETIMEDOUT, -EINTR, -ENOMEM, others.
 */
ssize_t trbd_header_metadata(const struct trbd_object *object, const char *key, char *value,
			     size_t size)
{
	size_t key_len = strlen(key);
	void *in, *p, *end;
	u32 len;
	int ret;

	in = kmalloc(sizeof(__le32) + key_len, GFP_KERNEL);
	if (!in)
		return -ENOMEM;
	p = in;
	header_put_string(&p, key, key_len);
	ret = trbd_header_call(object, "metadata_get", in, sizeof(__le32) + key_len, value, size);
	kfree(in);
	if (ret < 0)
		return ret;

	/*
	 * the value is long: move it down, instead of using a second buffer for the sake of its
	 * length field
	 */
	p = value;
	end = value + ret;
	ceph_decode_32_safe(&p, end, len, bad);
	ceph_decode_need(&p, end, len, bad);
	memmove(value, p, len);
	return len;
bad:
	return -EBADMSG;
}

/**
 * trbd_header_set_metadata_if() - set a value of the metadata on condition (cls_rbd metadata_set)
 * @object: the header object
 * @condition: the number that counts the changes, and its expected value
 * @key: key of the value
 * @value: new content
 * @len: length of @value
 *
 * Context: may sleep up to mount_timeout.
 * Return: 0; -ECANCELED if the condition does not hold; -ENOENT if the header is gone, -ETIMEDOUT,
 * -EINTR, -ENOMEM, others.
 */
int trbd_header_set_metadata_if(const struct trbd_object *object,
				const struct trbd_object_condition *condition, const char *key,
				const char *value, size_t len)
{
	size_t key_len = strlen(key);
	size_t in_len = 3 * sizeof(__le32) + key_len + len;
	struct trbd_object_change change = { .class = "rbd",
					     .method = "metadata_set",
					     .len = in_len };
	void *in, *p;
	int ret;

	/* a map with one entry */
	in = kvmalloc(in_len, GFP_KERNEL);
	if (!in)
		return -ENOMEM;
	p = in;
	ceph_encode_32(&p, 1);
	header_put_string(&p, key, key_len);
	header_put_string(&p, value, len);
	change.buf = in;
	ret = trbd_object_change_if(object, condition, &change);
	kvfree(in);
	return ret;
}
