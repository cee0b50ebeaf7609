// SPDX-License-Identifier: GPL-2.0
/*
 * Notifications on the header of an image, and the loss of its watch.
 *
 * librbd notifies all watchers of the header. After an update, the watch's thread reads the header
 * again. Before a snapshot, librbd asks for quiet (rbd/quiesce.c). Gateways ask each other about
 * quiet (rbd/inquiry.c). All other notifications go to the owner of the image.
 *
 * While the watch is not confirmed, or is lost, notifications may be missed, so nothing is written.
 */
#include <linux/ceph/decode.h>
#include <linux/ceph/libceph.h>
#include <linux/ceph/osd_client.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "protocol.h"
#include "rados/queues.h"
#include "rados/session.h"
#include "rados/watch.h"
#include "rados/watch_ops.h"
#include "rbd/image.h"
#include "rbd/image_refresh.h"
#include "rbd/image_watch.h"
#include "rbd/inquiry.h"
#include "rbd/quiesce.h"
#include "rbd/recall.h"

/* librbd's notifications on the header object; all others need only an acknowledgment */
#define IMAGE_NOTIFY_HEADER_UPDATE	3
#define IMAGE_NOTIFY_QUIESCE		18
#define IMAGE_NOTIFY_UNQUIESCE		19
/* a snapshot that was begun before we watched is complete by then */
#define IMAGE_SECOND_LOOK		msecs_to_jiffies(TRBD_QUIESCE_TIMEOUT_MS)

static void image_gate_refresh(void *owner)
{
	trbd_image_refresh_or_fail(owner);
}

static void image_gate_ack(void *owner, const struct trbd_watch_ack *ack)
{
	struct trbd_image *image = owner;

	trbd_watch_ack(&image->watch, ack, NULL);
}

/*
 * Tell whether the client is still there. librbd's handle of an image is the cookie of its watch.
 * If the OSD does not answer, assume that the client is there.
 */
static bool image_gate_is_there(void *owner, const struct trbd_quiesce_id *id)
{
	struct trbd_image *image = owner;

	return trbd_has_watcher(trbd_image_header(image), id->gid, id->handle);
}

/* callbacks from the gate of an image */
const struct trbd_quiesce_ops trbd_image_gate_ops = {
	.refresh = image_gate_refresh,
	.ack = image_gate_ack,
	.is_there = image_gate_is_there,
};

/* librbd's AsyncRequestId: { { gid, handle }, request }. */
static bool image_decode_quiesce_id(void *p, void *end, struct trbd_quiesce_id *id)
{
	if (!ceph_has_room(&p, end, 3 * sizeof(u64)))
		return false;
	id->gid = ceph_decode_64(&p);
	id->handle = ceph_decode_64(&p);
	id->request = ceph_decode_64(&p);
	return true;
}

/* Decode the operation, which comes first in librbd's versioned frame. Move @p behind it. */
static u32 image_decode_op(void **p, void *end)
{
	u8 struct_v;
	u32 len;

	/*
	 * an empty one is a header update of old librbd; one that we cannot read might be an update
	 */
	if (*p && !ceph_start_decoding(p, end, 1, "NotifyMessage", &struct_v, &len) &&
	    ceph_has_room(p, end, sizeof(u32)))
		return ceph_decode_32(p);
	return IMAGE_NOTIFY_HEADER_UPDATE;
}

/* Runs on libceph's notify queue. The watch's thread reads the header as soon as it comes to it. */
static void image_notify_arrived(void *owner, const void *payload, size_t len)
{
	struct trbd_image *image = owner;
	void *p = (void *)payload;

	if (image_decode_op(&p, p + len) == IMAGE_NOTIFY_HEADER_UPDATE)
		trbd_quiesce_doubt(&image->quiesce);
}

static void image_unquiesce(struct trbd_image *image, const struct trbd_quiesce_id *id)
{
	if (trbd_quiesce_open(&image->quiesce, id) == TRBD_QUIESCE_LAPSED &&
	    !trbd_image_read_only(image))
		pr_warn("%s: a snapshot took so long that writing went on meanwhile; it may not be one point in time\n",
			image->name);
}

/* Runs on the watch's thread. */
static bool image_notified(void *owner, const void *payload, size_t len,
			   const struct trbd_watch_ack *ack, struct trbd_watch_reply *reply)
{
	struct trbd_image *image = owner;
	void *p = (void *)payload;
	void *end = p + len;
	struct trbd_quiesce_id id;
	u32 op = image_decode_op(&p, end);

	switch (op) {
	case IMAGE_NOTIFY_HEADER_UPDATE:
		trbd_image_refresh_or_fail(image);
		return !ack || trbd_quiesce_update(&image->quiesce, ack);
	case IMAGE_NOTIFY_QUIESCE:
		/* if there is no acknowledgment, librbd asks again */
		if (image_decode_quiesce_id(p, end, &id))
			return trbd_quiesce_close(&image->quiesce, &id, ack);
		break;
	case IMAGE_NOTIFY_UNQUIESCE:
		if (image_decode_quiesce_id(p, end, &id))
			image_unquiesce(image, &id);
		break;
	case TRBD_NOTIFY_INQUIRY:
		trbd_inquiry_answer(&image->quiesce, reply);
		break;
	default:
		if (image->ops)
			image->ops->notified(image->owner, op, p, end - p, reply);
	}
	return true;
}

/* Others may take a snapshot without us, and a write would change it. */
static void image_watch_unconfirmed(void *owner)
{
	struct trbd_image *image = owner;
	bool first;

	spin_lock(&image->lock);
	first = !image->unwatched;
	image->unwatched = true;
	image->losses++;
	spin_unlock(&image->lock);
	if (first && !trbd_image_read_only(image))
		pr_warn_ratelimited("%s: the header is not watched any more; nothing is written until it is\n",
				    image->name);
}

/*
 * Others can now take a snapshot without us for certain. One may still be under way by the time
 * that the header is watched again.
 */
static void image_watch_lost(void *owner)
{
	struct trbd_image *image = owner;

	if (!trbd_image_read_only(image))
		trbd_inquiry_want(&image->inquiry);
	image_watch_unconfirmed(image);
	WRITE_ONCE(image->lost_turn, trbd_quiesce_turn(&image->quiesce));
}

static void image_watch_silent(void *owner)
{
	trbd_recall_unsent(owner);
}

static bool image_watch_is_over(void *owner, bool late)
{
	return trbd_recall_is_over(owner, late);
}

/**
 * trbd_image_look_again() - read the header once more later
 * @image: image
 *
 * A client that is taking a snapshot may have asked for quiet before we watched, and may make the
 * snapshot after we read the header.
 *
 * Context: any.
 */
void trbd_image_look_again(struct trbd_image *image)
{
	queue_delayed_work(trbd_wait_wq, &image->refresh_again, IMAGE_SECOND_LOOK);
}

/* Runs on the watch's thread. */
static void image_watch_restored(void *owner, int err)
{
	struct trbd_image *image = owner;

	if (err == -ENOENT) {
		trbd_image_set_error(image, err);
	} else if (err) {
		pr_warn_ratelimited("%s: watching the header failed: error %d, trying again\n",
				    image->name, err);
		/*
		 * The client is on the blocklist. If the session serves snapshots only, nothing
		 * else notices.
		 */
		if (err == -ESHUTDOWN && trbd_image_read_only(image))
			trbd_session_recover(image->session);
	} else {
		pr_info("%s: the header is watched again\n", image->name);
		trbd_inquiry_wake(&image->inquiry);
		trbd_image_refresh_or_fail(image);
		trbd_image_look_again(image);
		if (image->ops)
			image->ops->watched(image->owner);
	}
}

static const struct trbd_watch_ops image_watch_ops = {
	.arrived = image_notify_arrived,
	.notify = image_notified,
	.lost = image_watch_lost,
	.unconfirmed = image_watch_unconfirmed,
	.is_over = image_watch_is_over,
	.silent = image_watch_silent,
	.restored = image_watch_restored,
};

/**
 * trbd_image_watch() - watch the header of an image
 * @image: image that was located
 *
 * A user who may read a snapshot may not be allowed to watch its header. The snapshot is then
 * served without a watch.
 *
 * Context: process; may sleep up to mount_timeout.
 * Return: 0, also if a snapshot is served without a watch; or a negative errno.
 */
int trbd_image_watch(struct trbd_image *image)
{
	int ret;

	ret = trbd_watch_start(&image->watch, trbd_image_header(image), &image_watch_ops, image,
			       image->id);
	if (ret == -EPERM && trbd_image_read_only(image)) {
		pr_notice("%s: this user may not watch the header; the removal of the snapshot will not be noticed\n",
			  image->name);
		return 0;
	}
	if (ret == -ENOSPC)
		pr_err("%s: the pool is full; the image cannot be watched, and so not be served, until there is room\n",
		       image->name);
	image->watched = !ret;
	return ret;
}
