// SPDX-License-Identifier: GPL-2.0
/*
 * An open image, as commands see it: its size, its snapshots, and whether an I/O may begin.
 *
 * The data path and a refresh meet at image->lock only. A command takes size and snapshot context
 * once, when it is submitted, and holds its own reference.
 *
 *	image_open.c      opening and closing, with the parents of a clone
 *	image_watch.c     notifications on the header, and the loss of its watch
 *	image_refresh.c   reading what can change
 *	this file         the state that commands ask for
 *
 * Each of these calls only those below it.
 */
#include <linux/ceph/libceph.h>
#include <linux/ceph/osd_client.h>
#include <linux/ceph/string_table.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "compat/hex.h"
#include "protocol.h"
#include "rados/session.h"
#include "rbd/image.h"

/* for so long, reads that find nothing go on while a notification is being handled */
#define IMAGE_HOLE_DOUBT_MS		TRBD_ADMISSION_MS

/**
 * trbd_image_header() - get the image's header object
 * @image: open image
 *
 * Return: the object; valid as long as the image is open.
 */
const struct trbd_object *trbd_image_header(const struct trbd_image *image)
{
	return &image->header_object;
}

/**
 * trbd_image_size() - tell the size as of the last refresh
 * @image: open image
 *
 * Context: any in which a spinlock may be taken.
 * Return: bytes.
 */
u64 trbd_image_size(struct trbd_image *image)
{
	u64 size;

	spin_lock(&image->lock);
	size = image->size;
	spin_unlock(&image->lock);
	return size;
}

/**
 * trbd_image_object_size() - tell the size of a data object
 * @image: open image
 *
 * Return: bytes, a power of two.
 */
u64 trbd_image_object_size(const struct trbd_image *image)
{
	return 1ULL << image->header.order;
}

/**
 * trbd_image_object_name() - write the name of a data object
 * @image: open image
 * @objno: its number
 * @buf: where the name goes, TRBD_OBJECT_NAME_MAX bytes
 */
void trbd_image_object_name(const struct trbd_image *image, u64 objno, char *buf)
{
	const char *prefix = image->header.object_prefix;
	__be64 number = cpu_to_be64(objno);
	size_t len = strlen(prefix);

	/* "%s.%016llx", without what a formatted print costs each I/O */
	memcpy(buf, prefix, len);
	buf[len] = '.';
	*bin2hex(buf + len + 1, &number, sizeof(number)) = 0;
}

/*
 * Call with @lock held. Return whether we would know of a snapshot that had been taken by now.
 * Images that nobody watches do not matter here.
 */
static bool image_is_in_touch(struct trbd_image *image)
{
	lockdep_assert_held(&image->lock);
	return !image->unwatched && (!image->watched || trbd_watch_is_confirmed(&image->watch));
}

/**
 * trbd_image_is_in_touch() - tell whether we would know of a snapshot that had been taken by now
 * @image: open image
 *
 * Context: any in which a spinlock may be taken.
 * Return: false while the watch on the header is lost or not confirmed; true for an image that
 * nobody watches.
 */
bool trbd_image_is_in_touch(struct trbd_image *image)
{
	bool in_touch;

	spin_lock(&image->lock);
	in_touch = image_is_in_touch(image);
	spin_unlock(&image->lock);
	return in_touch;
}

/* Call with @lock held. Return whether size and snapshots are known, so that we may write. */
static bool image_is_current(struct trbd_image *image)
{
	return !image->stale && image_is_in_touch(image) &&
	       !trbd_quiesce_is_in_doubt(&image->quiesce, 0);
}

/* Call with @lock held. Return 0 if a mutation may be sent, or the error with which it ends. */
static int image_check_changes(struct trbd_image *image)
{
	/* for as long as an operator wants, so BUSY would be no answer */
	if (image->demoted)
		return -EROFS;
	return image_is_current(image) ? 0 : -EBUSY;
}

/**
 * trbd_image_take_state() - take the image's state for an I/O, all at one moment
 * @image: open image
 * @off: offset of the I/O, bytes
 * @len: its length, bytes
 * @snapc: NULL, or set to the snapshot context of a mutation, with a reference
 * @size: set to the size of the image, bytes
 *
 * Context: any in which a spinlock may be taken.
 * Return: 0; -ERANGE if the I/O reaches beyond the end; -EBUSY if there may be newer snapshots;
 * -EROFS for a mutation if mirroring has demoted the image; -ENOENT if the image was deleted.
 */
int trbd_image_take_state(struct trbd_image *image, u64 off, u64 len,
			  struct ceph_snap_context **snapc, u64 *size)
{
	int ret = 0;

	spin_lock(&image->lock);
	if (image->error)
		ret = image->error;
	else if (off > image->size || len > image->size - off)
		ret = -ERANGE;
	else if (snapc)
		ret = image_check_changes(image);
	if (!ret && snapc)
		*snapc = ceph_get_snap_context(image->snapc);
	*size = image->size;
	spin_unlock(&image->lock);
	return ret;
}

/**
 * trbd_image_check() - tell whether an I/O can succeed at all
 * @image: open image
 *
 * Context: any in which a spinlock may be taken.
 * Return: 0; or the error with which every I/O ends, -ENOENT if the image was deleted.
 */
int trbd_image_check(struct trbd_image *image)
{
	int ret;

	spin_lock(&image->lock);
	ret = image->error;
	spin_unlock(&image->lock);
	return ret;
}

/**
 * trbd_image_check_state() - tell whether a mutation that began with this state may still make an
 *	object
 * @image: open image
 * @snapc: snapshot context with which the mutation began
 * @size: size with which it began, bytes
 *
 * Context: any in which a spinlock may be taken.
 * Return: 0; -EBUSY if size or snapshots have changed, or may have; -EROFS if mirroring has demoted
 * the image; -ENOENT if the image was deleted.
 */
int trbd_image_check_state(struct trbd_image *image, const struct ceph_snap_context *snapc,
			   u64 size)
{
	int ret = 0;

	spin_lock(&image->lock);
	if (image->error)
		ret = image->error;
	else
		ret = image_check_changes(image);
	if (!ret && (image->size != size || image->snapc->seq != snapc->seq))
		ret = -EBUSY;
	spin_unlock(&image->lock);
	return ret;
}

/**
 * trbd_image_check_hole() - tell whether a read that found nothing may report a hole
 * @image: open image; may be a snapshot or a parent
 *
 * When an image or snapshot is removed, its data objects go. The header shows that, if we have
 * looked at it in time.
 *
 * Context: any in which a spinlock may be taken.
 * Return: 0; -EBUSY if the image may have been removed without our knowing; -ENOENT if it was.
 */
int trbd_image_check_hole(struct trbd_image *image)
{
	int ret;

	/* a parent lives as long as its clone; an operator whose user may not watch was told so */
	if (!image->watched)
		return 0;
	spin_lock(&image->lock);
	ret = image->error ? image->error
	      : image_is_in_touch(image) &&
			      !trbd_quiesce_is_in_doubt(&image->quiesce, IMAGE_HOLE_DOUBT_MS)
		      ? 0
		      : -EBUSY;
	spin_unlock(&image->lock);
	return ret;
}

/**
 * trbd_image_overlap() - tell how much of a clone its parent backs
 * @image: open image
 *
 * Context: any in which a spinlock may be taken.
 * Return: bytes from the beginning; 0 if the image is no clone, or no longer one.
 */
u64 trbd_image_overlap(struct trbd_image *image)
{
	u64 overlap;

	spin_lock(&image->lock);
	overlap = min(image->overlap, image->size);
	spin_unlock(&image->lock);
	return overlap;
}

/**
 * trbd_image_stripe_size() - tell the size of a stripe
 * @image: open image
 *
 * An aligned access of this size uses every object of a stripe once.
 *
 * Return: bytes: stripe unit times stripe count, which is the object size for an image without
 * striping.
 */
u64 trbd_image_stripe_size(const struct trbd_image *image)
{
	return image->header.stripe_unit * image->header.stripe_count;
}

/**
 * trbd_image_read_only() - tell whether this is a snapshot
 * @image: open image
 *
 * Return: true if writes are refused.
 */
bool trbd_image_read_only(const struct trbd_image *image)
{
	return image->snap_id != CEPH_NOSNAP;
}

/**
 * trbd_image_identity() - write a name for the image that is unique in the world
 * @image: open image
 * @buf: where the name goes
 * @size: room in @buf; TRBD_IMAGE_IDENTITY_MAX is enough
 *
 * The name consists of fsid, pool id, namespace, image id and snapshot id. It is equal wherever the
 * image is opened, and is never used again.
 *
 * Return: length of the text.
 */
size_t trbd_image_identity(const struct trbd_image *image, char *buf, size_t size)
{
	const struct ceph_string *ns = image->header_oloc.pool_ns;

	return scnprintf(buf, size, "%pU/%lld/%.*s/%s@%llu", &image->session->client->fsid,
			 image->header_oloc.pool, ns ? (int)ns->len : 0, ns ? ns->str : "",
			 image->id, image->snap_id);
}

/**
 * trbd_image_show() - describe the image as "Key: value" pairs
 * @image: open image
 * @buf: where the text goes
 * @size: room in @buf
 *
 * The values have no blanks and no colons.
 *
 * Context: process.
 * Return: length of the text, cut to what fits.
 */
size_t trbd_image_show(struct trbd_image *image, char *buf, size_t size)
{
	int error;

	spin_lock(&image->lock);
	error = image->error;
	spin_unlock(&image->lock);

	return scnprintf(buf, size,
			 "ImageId: %s Fsid: %pU Size: %llu ObjectSize: %llu StripeUnit: %llu StripeCount: %llu State: %s Fallbacks: %llu Stale: %llu Late: %llu Shared: %llu ",
			 image->id, &image->session->client->fsid, trbd_image_size(image),
			 trbd_image_object_size(image), image->header.stripe_unit,
			 image->header.stripe_count,
			 error == -ENOENT ? "deleted"
			 : error		 ? "failed"
			 : "open",
			 (u64)atomic64_read(&image->stats.fallbacks),
			 (u64)atomic64_read(&image->stats.stale),
			 (u64)atomic64_read(&image->stats.late),
			 (u64)atomic64_read(&image->stats.shared));
}
