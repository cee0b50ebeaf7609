// SPDX-License-Identifier: GPL-2.0
/*
 * An open image: opening, keeping up with changes, closing.
 *
 * Opening reads the header, refuses what cannot be served, watches the header, and reads what can change only after
 * that, so that no change falls between reading and watching. From then on a notification on the header object, or
 * the news that the watch was lost for a while, makes the watch's thread read size and snapshots again:
 *
 *	opening ----> open <----> (refresh)
 *	                |  header or snapshot is gone
 *	                +----------------------------> unusable: every command fails, until the device is removed
 *
 * An image that is unusable stays so. Its data objects are gone or going, a read would find holes and a write would
 * leave objects behind that belong to nobody.
 *
 * Snapshots must not change. A change of data carries the snapshot context of the moment when it began. So none
 * begins while the header may have changed (rbd/quiesce.c), or while the watch is not confirmed (rados/watch.c). After
 * the watch was lost, the other gateways are asked whether somebody takes a snapshot (rbd/inquiry.c) before the header
 * is read and anything begins. And when a change is still in flight while others may take a snapshot without us, it is
 * called back (rbd/recall.c).
 *
 * Data path and refresh meet at image->lock only: a command takes size and snapshot context once, when it is
 * submitted, and carries its own reference.
 */
#include <linux/build_bug.h>
#include <linux/ceph/decode.h>
#include <linux/ceph/libceph.h>
#include <linux/ceph/osd_client.h>
#include <linux/ceph/string_table.h>
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/rculist.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "protocol.h"
#include "rados/closing.h"
#include "rados/queues.h"
#include "rados/session.h"
#include "rados/watch_ops.h"
#include "rbd/features.h"
#include "rbd/image.h"
#include "rbd/recall.h"

/* librbd's notifications on the header object; all others need no answer but an ack */
#define IMAGE_NOTIFY_HEADER_UPDATE	3
#define IMAGE_NOTIFY_QUIESCE		18
#define IMAGE_NOTIFY_UNQUIESCE		19
#define IMAGE_REFRESH_DELAY		HZ
/* reads that find nothing go on while a notification is handled, unless that takes long */
#define IMAGE_HOLE_DOUBT_MS		TRBD_ADMISSION_MS
/* a snapshot that was begun before we watched is taken by then */
#define IMAGE_SECOND_LOOK		msecs_to_jiffies(TRBD_QUIESCE_TIMEOUT_MS)
/* when to say that there will soon be too many */
#define IMAGE_SNAPS_WARN		(TRBD_SNAPS_MAX / 4 * 3)
/* how many parents may stand behind each other */
#define IMAGE_DEPTH_MAX			16

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

static void image_set_error(struct trbd_image *image, int error)
{
	bool first;

	spin_lock(&image->lock);
	first = !image->error;
	if (first)
		image->error = error;
	spin_unlock(&image->lock);

	if (first && error == -ENOENT)
		pr_err("%s: the %s was deleted; every command fails from now on. Remove the backstore, or restore the image and create the backstore again\n",
		       image->name, trbd_image_read_only(image) ? "snapshot" : "image");
	else if (first)
		pr_err("%s: unusable: error %d\n", image->name, error);
}

static bool snapc_has(const struct ceph_snap_context *snapc, u64 snap_id)
{
	u32 i;

	for (i = 0; i < snapc->num_snaps; i++) {
		if (snapc->snaps[i] == snap_id)
			return true;
	}
	return false;
}

/* Said once for each set of features, not whenever the header is read. */
static int image_check_features(struct trbd_image *image, u64 features, u64 incompat)
{
	u64 refused = trbd_features_refused(features, incompat, trbd_image_read_only(image));
	u64 disable = trbd_features_disableable(refused);
	char names[160];

	/* of a migration's two images rbd/parent.c opens the complete one */
	if (image->depth)
		refused &= ~TRBD_FEATURE_MIGRATING;
	if (refused && refused != image->refused) {
		trbd_features_names(refused & ~disable ?: disable, names, sizeof(names));
		if (refused & ~disable)
			pr_err("%s: the image has features that cannot be served: %s\n", image->name, names);
		else
			pr_err("%s: the image has features that allow one writer only; run: rbd feature disable %s %s\n",
			       image->name, image->name, names);
	}
	image->refused = refused;
	return refused ? -EOPNOTSUPP : 0;
}

/* Features can be enabled while the image is served. Return: 1 when there are refused ones. */
static int image_refresh_features(struct trbd_image *image)
{
	const struct trbd_object *header = trbd_image_header(image);
	u64 features, incompat;
	int ret;

	ret = trbd_header_features(header, image->snap_id, &features, &incompat);
	if (ret)
		return ret;
	return image_check_features(image, features, incompat) ? 1 : 0;
}

static void image_warn_of_snaps(struct trbd_image *image, const struct ceph_snap_context *old,
				const struct ceph_snap_context *snapc)
{
	if (trbd_image_read_only(image) || snapc->num_snaps < IMAGE_SNAPS_WARN ||
	    (old && old->num_snaps >= IMAGE_SNAPS_WARN))
		return;
	pr_warn("%s: the image has %u snapshots; with more than %u nothing is written any more. Remove some\n",
		image->name, snapc->num_snaps, TRBD_SNAPS_MAX);
}

/* Return: as image_refresh(). */
static int image_refresh_locked(struct trbd_image *image)
{
	const struct trbd_object *header = trbd_image_header(image);
	struct ceph_snap_context *snapc, *old;
	u64 size, old_size;
	int ret, refused;
	u8 order;

	/* what else has changed counts for reads */
	refused = image_refresh_features(image);
	if (refused < 0)
		return refused;
	ret = trbd_parent_refresh(image);
	if (ret)
		return ret;
	ret = trbd_header_snap_context(header, &snapc);
	if (ret)
		return ret;
	if (trbd_image_read_only(image) && !snapc_has(snapc, image->snap_id)) {
		ret = -ENOENT;
		goto err_snapc;
	}
	ret = trbd_header_size(header, image->snap_id, &order, &size);
	if (ret)
		goto err_snapc;
	if (order != image->header.order) {
		ret = -EBADMSG;
		goto err_snapc;
	}

	spin_lock(&image->lock);
	old = image->snapc;
	old_size = image->size;
	image->snapc = snapc;
	image->size = size;
	image->stale = refused;
	spin_unlock(&image->lock);

	if (old && old->seq != snapc->seq)
		trbd_quiesce_turn(&image->quiesce);
	image_warn_of_snaps(image, old, snapc);
	ceph_put_snap_context(old);
	if (old && old_size != size) {
		pr_info("%s: size changed from %llu to %llu bytes\n", image->name, old_size, size);
		if (image->ops)
			image->ops->resized(image->owner);
	}
	return refused;

err_snapc:
	ceph_put_snap_context(snapc);
	return ret;
}

/*
 * Reads what can change: the features, the parent, the snapshots, the size.
 *
 * Return: 0; 1 when there are refused features, so that nothing may be written; or a negative errno.
 */
static int image_refresh(struct trbd_image *image)
{
	/* commands wait for the lock (rbd/parent.c), and memory may wait for them */
	unsigned int noio = memalloc_noio_save();
	int ret;

	mutex_lock(&image->refresh_lock);
	ret = image_refresh_locked(image);
	mutex_unlock(&image->refresh_lock);
	memalloc_noio_restore(noio);
	return ret;
}

/* Would we be told of a snapshot that is taken from now on, and know of one that is being taken? */
static bool image_hears(struct trbd_image *image)
{
	return image->watched && trbd_watch_is_valid(&image->watch) && !trbd_inquiry_is_due(&image->inquiry);
}

/* The header was read after the watch was there; unless that was lost meanwhile, we know all of it. */
static void image_is_watched(struct trbd_image *image, unsigned int losses)
{
	bool again;
	u64 seq;

	spin_lock(&image->lock);
	again = image->unwatched && image->losses == losses && image_hears(image);
	seq = image->snapc->seq;
	spin_unlock(&image->lock);
	if (!again)
		return;
	trbd_recall_older(image, seq);
	spin_lock(&image->lock);
	if (image->losses == losses)
		image->unwatched = false;
	spin_unlock(&image->lock);
}

/* Until the header can be read there may be a snapshot that we do not know of, and a write would change it. */
static void image_refresh_failed(struct trbd_image *image, int err)
{
	if (err == -ENOENT) {
		image_set_error(image, err);
		return;
	}
	spin_lock(&image->lock);
	image->stale = true;
	spin_unlock(&image->lock);
	trbd_quiesce_turn(&image->quiesce);
	pr_warn_ratelimited("%s: reading the header again failed: error %d; nothing is written until that works\n",
			    image->name, err);
	mod_delayed_work(trbd_wait_wq, &image->refresh_again, IMAGE_REFRESH_DELAY);
}

/*
 * Something in the header may have changed. This counts for all doubts from before, and for all losses of the watch:
 * what comes while the header is being read asks for another refresh.
 */
static void image_refresh_or_fail(struct trbd_image *image)
{
	unsigned int doubts = trbd_quiesce_doubts(&image->quiesce);
	unsigned int losses;
	bool watched;
	int ret;

	spin_lock(&image->lock);
	losses = image->losses;
	watched = image_hears(image);
	spin_unlock(&image->lock);

	ret = image_refresh(image);
	/* somebody ends the watch's thread */
	if (ret == -EINTR)
		return;
	if (ret < 0)
		image_refresh_failed(image, ret);
	else if (watched)
		image_is_watched(image, losses);
	if (ret > 0)
		mod_delayed_work(trbd_wait_wq, &image->refresh_again, IMAGE_REFRESH_DELAY);
	trbd_quiesce_settle(&image->quiesce, doubts);
}

static void image_refresh_work(struct work_struct *work)
{
	image_refresh_or_fail(container_of(to_delayed_work(work), struct trbd_image, refresh_again));
}

static void image_gate_refresh(void *owner)
{
	image_refresh_or_fail(owner);
}

static void image_gate_ack(void *owner, const struct trbd_watch_ack *ack)
{
	struct trbd_image *image = owner;

	trbd_watch_ack(&image->watch, ack, NULL);
}

/* librbd's handle of an image is the cookie of its watch. If the OSD does not answer, it may be there. */
static bool image_gate_is_there(void *owner, const struct trbd_quiesce_id *id)
{
	struct trbd_image *image = owner;

	return trbd_has_watcher(trbd_image_header(image), id->gid, id->handle);
}

static const struct trbd_quiesce_ops image_gate_ops = {
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

/* librbd encodes a versioned frame with the operation first. Return: the operation; @p is moved behind it. */
static u32 image_decode_op(void **p, void *end)
{
	u8 struct_v;
	u32 len;

	/* an empty one is a header update of old librbd; one we cannot read might be */
	if (*p && !ceph_start_decoding(p, end, 1, "NotifyMessage", &struct_v, &len) &&
	    ceph_has_room(p, end, sizeof(u32)))
		return ceph_decode_32(p);
	return IMAGE_NOTIFY_HEADER_UPDATE;
}

/* On libceph's queue. The watch's thread reads the header, now or when it comes to it. */
static void image_notify_arrived(void *owner, const void *payload, size_t len)
{
	struct trbd_image *image = owner;
	void *p = (void *)payload;

	if (image_decode_op(&p, p + len) == IMAGE_NOTIFY_HEADER_UPDATE)
		trbd_quiesce_doubt(&image->quiesce);
}

static void image_unquiesce(struct trbd_image *image, const struct trbd_quiesce_id *id)
{
	if (trbd_quiesce_open(&image->quiesce, id) == TRBD_QUIESCE_LAPSED && !trbd_image_read_only(image))
		pr_warn("%s: a snapshot took so long that writing went on meanwhile; it may not be one point in time\n",
			image->name);
}

/* On the watch's thread. */
static bool image_notified(void *owner, const void *payload, size_t len, const struct trbd_watch_ack *ack,
			   struct trbd_watch_reply *reply)
{
	struct trbd_image *image = owner;
	void *p = (void *)payload;
	void *end = p + len;
	struct trbd_quiesce_id id;
	u32 op = image_decode_op(&p, end);

	switch (op) {
	case IMAGE_NOTIFY_HEADER_UPDATE:
		image_refresh_or_fail(image);
		return !ack || trbd_quiesce_update(&image->quiesce, ack);
	case IMAGE_NOTIFY_QUIESCE:
		/* without an ack librbd asks again */
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

/* A snapshot can be taken without us, and a write would change it. */
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

/* The same, for certain; and one may be under way by the time that the header is watched again. */
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

/* A snapshot that is being taken may have asked for quiet before we watched, and be made after we read the header. */
static void image_look_again(struct trbd_image *image)
{
	queue_delayed_work(trbd_wait_wq, &image->refresh_again, IMAGE_SECOND_LOOK);
}

/* On the watch's thread. */
static void image_watch_restored(void *owner, int err)
{
	struct trbd_image *image = owner;

	if (err == -ENOENT) {
		image_set_error(image, err);
	} else if (err) {
		pr_warn_ratelimited("%s: watching the header failed: error %d, trying again\n",
				    image->name, err);
		/* on the blocklist: when all that the session has are snapshots, nobody else notices */
		if (err == -ESHUTDOWN && trbd_image_read_only(image))
			trbd_session_recover(image->session);
	} else {
		pr_info("%s: the header is watched again\n", image->name);
		trbd_inquiry_hurry(&image->inquiry);
		image_refresh_or_fail(image);
		image_look_again(image);
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

static void image_set_layout(struct trbd_image *image)
{
	const struct trbd_header *header = &image->header;

	ceph_oloc_copy(&image->data_oloc, &image->header_oloc);
	image->data_oloc.pool = header->data_pool;

	image->striping.object_order = header->order;
	image->striping.unit_order = ilog2(header->stripe_unit);
	image->striping.count = header->stripe_count;

	image->layout.object_size = 1U << header->order;
	image->layout.stripe_unit = header->stripe_unit;
	image->layout.stripe_count = header->stripe_count;
	image->layout.pool_id = header->data_pool;
	RCU_INIT_POINTER(image->layout.pool_ns, NULL);
}

static int image_find_snap(struct trbd_image *image, const char *snap)
{
	const struct trbd_object *header = trbd_image_header(image);
	struct ceph_snap_context *snapc;
	int ret;

	image->snap_id = CEPH_NOSNAP;
	if (!snap)
		return 0;

	ret = trbd_header_snap_context(header, &snapc);
	if (ret)
		return ret;
	ret = trbd_header_snap_id(header, snapc, snap, &image->snap_id);
	ceph_put_snap_context(snapc);
	return ret;
}

static int image_locate(struct trbd_image *image, const struct trbd_image_spec *spec)
{
	s64 pool = trbd_session_pool_id(image->session, spec->pool);
	int ret;

	if (pool < 0) {
		pr_err("%s: there is no pool %s\n", image->name, spec->pool);
		return pool;
	}

	image->header_oloc.pool = pool;
	if (spec->namespace) {
		image->header_oloc.pool_ns = ceph_find_or_create_string(spec->namespace, strlen(spec->namespace));
		if (!image->header_oloc.pool_ns)
			return -ENOMEM;
	}

	ret = trbd_header_image_id(image->session, &image->header_oloc, spec->image, image->id);
	if (ret == -ENOENT)
		pr_err("%s: there is no such image\n", image->name);
	else if (ret == -EPROTONOSUPPORT)
		pr_err("%s: the image has format 1, which is not supported; copy it: rbd cp %s NEW --image-format 2\n",
		       image->name, image->name);
	if (ret)
		return ret;

	return ceph_oid_aprintf(&image->header_oid, GFP_KERNEL, "rbd_header.%s", image->id);
}

static int image_watch(struct trbd_image *image)
{
	int ret;

	ret = trbd_watch_start(&image->watch, trbd_image_header(image), &image_watch_ops, image, image->id);
	if (ret == -EPERM && trbd_image_read_only(image)) {
		pr_notice("%s: this user may not watch the header; the removal of the snapshot will not be noticed\n",
			  image->name);
		return 0;
	}
	image->watched = !ret;
	return ret;
}

static char *image_name(const struct trbd_image_spec *spec)
{
	return kasprintf(GFP_KERNEL, "%s%s%s/%s%s%s", spec->pool, spec->namespace ? "/" : "",
			 spec->namespace ? spec->namespace : "", spec->image, spec->snap ? "@" : "",
			 spec->snap ? spec->snap : "");
}

static struct trbd_image *image_alloc(void)
{
	struct trbd_image *image = kzalloc(sizeof(*image), GFP_KERNEL);

	if (!image)
		return NULL;
	spin_lock_init(&image->lock);
	mutex_init(&image->refresh_lock);
	INIT_DELAYED_WORK(&image->refresh_again, image_refresh_work);
	trbd_quiesce_init(&image->quiesce, &image_gate_ops, image);
	trbd_inquiry_init(&image->inquiry, image, image_refresh_or_fail);
	trbd_object_queue_init(&image->mutations);
	trbd_copyups_init(&image->copyups);
	trbd_parent_init(image);
	ceph_oid_init(&image->header_oid);
	ceph_oloc_init(&image->header_oloc);
	ceph_oloc_init(&image->data_oloc);
	image->header_object.oid = &image->header_oid;
	image->header_object.oloc = &image->header_oloc;
	return image;
}

/* Undoes image_alloc() and all that was done to the image since. */
static void image_free(struct trbd_image *image)
{
	struct trbd_image *parent, *next;

	trbd_inquiry_stop(&image->inquiry);
	if (image->watched)
		trbd_watch_stop(&image->watch);
	trbd_quiesce_stop(&image->quiesce);
	cancel_delayed_work_sync(&image->refresh_again);
	cancel_work_sync(&image->link.confirm);
	cancel_work_sync(&image->copyups.start);
	list_for_each_entry_safe(parent, next, &image->link.opened, sibling)
		image_free(parent);
	if (image->closing)
		trbd_closing_end(&image->session->closings, &image->close);
	ceph_put_snap_context(image->snapc);
	if (image->session)
		trbd_session_put(image->session);
	ceph_oloc_destroy(&image->data_oloc);
	ceph_oloc_destroy(&image->header_oloc);
	ceph_oid_destroy(&image->header_oid);
	kfree(image->name);
	kfree(image);
}

/* The first refresh. Notifications can have come since the header was watched. */
static int image_open_refresh(struct trbd_image *image)
{
	unsigned int doubts = trbd_quiesce_doubts(&image->quiesce);
	int ret = image_refresh(image);

	if (ret)
		return ret > 0 ? -EOPNOTSUPP : ret;
	trbd_quiesce_settle(&image->quiesce, doubts);
	if (image->watched)
		image_look_again(image);
	return 0;
}

/* Somebody may have asked the others for quiet before we watched. Nothing is written until that is known. */
static int image_open_ask(struct trbd_image *image)
{
	int ret;

	spin_lock(&image->lock);
	image->unwatched = true;
	spin_unlock(&image->lock);
	trbd_inquiry_want(&image->inquiry);
	ret = trbd_inquiry_start(&image->inquiry);
	if (!ret)
		trbd_inquiry_await(&image->inquiry);
	return ret;
}

/* Header, parents and what can change, of an image that was located. Parents are snapshots, and not watched. */
static int image_open_located(struct trbd_image *image)
{
	const struct trbd_object *header = trbd_image_header(image);
	int ret;

	ret = trbd_header_read(header, image->snap_id, &image->header);
	if (ret)
		return ret;
	ret = image_check_features(image, image->header.features, image->header.incompat);
	if (ret)
		return ret;
	image_set_layout(image);

	if (!image->depth) {
		ret = image_watch(image);
		if (ret)
			return ret;
	}
	if (image->depth) {
		/* of a parent nobody else knows yet; and its clone's lock is held */
		ret = image_refresh_locked(image);
		ret = ret > 0 ? -EOPNOTSUPP : ret;
	} else {
		ret = image_open_refresh(image);
		if (!ret && !trbd_image_read_only(image))
			ret = image_open_ask(image);
	}
	return ret ? ret : image->link.error;
}

static int image_locate_parent(struct trbd_image *image, const struct trbd_image *child,
			       const struct trbd_parent *spec)
{
	image->session = trbd_session_ref(child->session);
	image->header_object.session = image->session;
	image->name = kasprintf(GFP_KERNEL, "%s (parent %s)", child->name, spec->image_id);
	if (!image->name)
		return -ENOMEM;
	strscpy(image->id, spec->image_id, sizeof(image->id));
	image->snap_id = spec->snap_id;
	return trbd_header_locate(spec, &image->header_oid, &image->header_oloc);
}

/**
 * trbd_image_open_parent() - open what a clone reads where it has nothing of its own
 * @child: the clone
 * @spec: pool, namespace, image and snapshot
 *
 * Context: process; may sleep up to mount_timeout for each round trip.
 * Return: the parent, which is closed with @child when it is in the list of its link; or ERR_PTR of -EMLINK (too many
 * parents) or of what trbd_image_open() returns.
 */
struct trbd_image *trbd_image_open_parent(struct trbd_image *child, const struct trbd_parent *spec)
{
	struct trbd_image *parent;
	int ret;

	if (READ_ONCE(child->closing))
		return ERR_PTR(-EINTR);
	if (child->depth == IMAGE_DEPTH_MAX) {
		pr_err("%s: more than %d parents behind each other; flatten one of them\n", child->name,
		       IMAGE_DEPTH_MAX);
		return ERR_PTR(-EMLINK);
	}
	parent = image_alloc();
	if (!parent)
		return ERR_PTR(-ENOMEM);
	parent->depth = child->depth + 1;
	ret = image_locate_parent(parent, child, spec);
	if (!ret)
		ret = image_open_located(parent);
	if (!ret)
		return parent;
	if (parent->name)
		pr_err_ratelimited("%s: cannot be opened: error %d; the user needs to read it, also in other pools\n",
				   parent->name, ret);
	image_free(parent);
	return ERR_PTR(ret);
}

/**
 * trbd_image_open() - open an image or a snapshot of it
 * @opt: options of the session with its cluster; consumed in every case
 * @spec: what to open; not needed any more when this returns
 *
 * The parents of a clone are opened with it. What goes wrong is said in the log, with what to do about it.
 *
 * Context: process; may sleep up to mount_timeout for each round trip.
 * Return: the image; ERR_PTR of -ENOENT (no such pool, image, snapshot), -EPROTONOSUPPORT (format 1), -EOPNOTSUPP
 * (features), -EBADMSG (damaged header), -EMLINK (too many parents), -EPERM or -EACCES (user or key), -ETIMEDOUT,
 * -EINTR, -ENOMEM.
 */
struct trbd_image *trbd_image_open(struct ceph_options *opt, const struct trbd_image_spec *spec)
{
	struct trbd_image *image = image_alloc();
	struct trbd_session *session;
	int ret = -ENOMEM;

	if (image)
		image->name = image_name(spec);
	if (!image || !image->name) {
		ceph_destroy_options(opt);
		goto err;
	}

	session = trbd_session_get(opt);
	if (IS_ERR(session)) {
		ret = PTR_ERR(session);
		pr_err("%s: no session with the cluster: error %d; check mon_addr, id and key\n", image->name, ret);
		goto err;
	}
	image->session = session;
	image->header_object.session = session;
	image->ops = spec->ops;
	image->owner = spec->owner;

	ret = image_locate(image, spec);
	if (!ret) {
		ret = image_find_snap(image, spec->snap);
		if (ret == -ENOENT)
			pr_err("%s: there is no such snapshot\n", image->name);
	}
	if (!ret)
		ret = image_open_located(image);
	if (!ret)
		return image;
	pr_err("%s: cannot be opened: error %d\n", image->name, ret);
err:
	/* its watch is given back, and whoever gave up waiting for the cluster must not wait for that as well */
	if (image && image->session)
		trbd_image_begin_close(image);
	if (image)
		image_free(image);
	return ERR_PTR(ret);
}

/**
 * trbd_image_begin_close() - from now on calls for this image, and for its parents, end after a moment
 * @image: open image; nothing that uses it begins any more. Begun before, it stays so
 *
 * Context: process; not by two at once.
 */
void trbd_image_begin_close(struct trbd_image *image)
{
	struct trbd_image *parent;

	if (image->closing)
		return;
	WRITE_ONCE(image->closing, true);
	trbd_closing_begin(&image->session->closings, &image->close, &image->header_oid);
	/* a refresh may be under way, and add to the list; what is in it stays */
	list_for_each_entry_rcu(parent, &image->link.opened, sibling, true)
		trbd_image_begin_close(parent);
}

/**
 * trbd_image_close() - close an image
 * @image: open image; no I/O may be in flight
 *
 * Context: process; may sleep for some seconds when the cluster does not answer, see rados/closing.c.
 */
void trbd_image_close(struct trbd_image *image)
{
	trbd_image_begin_close(image);
	image_free(image);
}

/**
 * trbd_image_size() - size as of the last refresh
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
 * trbd_image_object_size() - size of a data object
 * @image: open image
 *
 * Return: bytes, a power of two.
 */
u64 trbd_image_object_size(const struct trbd_image *image)
{
	return 1ULL << image->header.order;
}

/**
 * trbd_image_object_name() - name of a data object
 * @image: open image
 * @objno: its number
 * @buf: where to, TRBD_OBJECT_NAME_MAX bytes
 */
void trbd_image_object_name(const struct trbd_image *image, u64 objno, char *buf)
{
	snprintf(buf, TRBD_OBJECT_NAME_MAX, "%s.%016llx", image->header.object_prefix, objno);
}

/* @lock held. Return: would we know if a snapshot had been taken by now? Images that nobody watches are no matter. */
static bool image_is_in_touch(struct trbd_image *image)
{
	return !image->unwatched && (!image->watched || trbd_watch_is_confirmed(&image->watch));
}

/* @lock held. Return: are size and snapshots known, and may we write? */
static bool image_is_current(struct trbd_image *image)
{
	return !image->stale && image_is_in_touch(image) && !trbd_quiesce_is_in_doubt(&image->quiesce, 0);
}

/**
 * trbd_image_take_state() - what an I/O needs to know of the image, all at one moment
 * @image: open image
 * @off: offset of the I/O, bytes
 * @len: its length, bytes
 * @snapc: NULL, or to be set to the snapshot context of a mutation, with a reference
 * @size: to be set to the size of the image, bytes
 *
 * Context: any in which a spinlock may be taken.
 * Return: 0; -ERANGE beyond the end; -EBUSY when there may be newer snapshots; -ENOENT when the image was deleted.
 */
int trbd_image_take_state(struct trbd_image *image, u64 off, u64 len, struct ceph_snap_context **snapc, u64 *size)
{
	int ret = 0;

	spin_lock(&image->lock);
	if (image->error)
		ret = image->error;
	else if (off > image->size || len > image->size - off)
		ret = -ERANGE;
	else if (snapc && !image_is_current(image))
		ret = -EBUSY;
	else if (snapc)
		*snapc = ceph_get_snap_context(image->snapc);
	*size = image->size;
	spin_unlock(&image->lock);
	return ret;
}

/**
 * trbd_image_check() - can an I/O succeed at all?
 * @image: open image
 *
 * Context: any in which a spinlock may be taken.
 * Return: 0; the error that every I/O ends with, -ENOENT when the image was deleted.
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
 * trbd_image_check_state() - may a mutation that began with this state still make an object?
 * @image: open image
 * @snapc: snapshot context it began with
 * @size: size it began with, bytes
 *
 * Context: any in which a spinlock may be taken.
 * Return: 0; -EBUSY when size or snapshots are others now, or may be; -ENOENT when the image was deleted.
 */
int trbd_image_check_state(struct trbd_image *image, const struct ceph_snap_context *snapc, u64 size)
{
	int ret = 0;

	spin_lock(&image->lock);
	if (image->error)
		ret = image->error;
	else if (!image_is_current(image) || image->size != size || image->snapc->seq != snapc->seq)
		ret = -EBUSY;
	spin_unlock(&image->lock);
	return ret;
}

/**
 * trbd_image_check_hole() - may it be answered that there is nothing where nothing was found?
 * @image: open image, a snapshot or a parent as well
 *
 * The data objects of an image or snapshot that was removed are gone. Its header tells, if we have looked at it in
 * time.
 *
 * Context: any in which a spinlock may be taken.
 * Return: 0; -EBUSY when it may have been removed without our knowing; -ENOENT when it was.
 */
int trbd_image_check_hole(struct trbd_image *image)
{
	int ret;

	/* parents live as long as the clone does; who may not watch was told so */
	if (!image->watched)
		return 0;
	spin_lock(&image->lock);
	ret = image->error ? image->error :
	      image_is_in_touch(image) && !trbd_quiesce_is_in_doubt(&image->quiesce, IMAGE_HOLE_DOUBT_MS) ? 0 : -EBUSY;
	spin_unlock(&image->lock);
	return ret;
}

/**
 * trbd_image_overlap() - how much of a clone its parent stands behind
 * @image: open image
 *
 * Context: any in which a spinlock may be taken.
 * Return: bytes from the beginning; 0 for what is no clone, or no more.
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
 * trbd_image_stripe_size() - bytes after which an aligned access has used every object of a stripe once
 * @image: open image
 *
 * Return: bytes: stripe unit times stripe count; the object size for an image without striping.
 */
u64 trbd_image_stripe_size(const struct trbd_image *image)
{
	return image->header.stripe_unit * image->header.stripe_count;
}

/**
 * trbd_image_read_only() - is this a snapshot?
 * @image: open image
 *
 * Return: true if writes are refused.
 */
bool trbd_image_read_only(const struct trbd_image *image)
{
	return image->snap_id != CEPH_NOSNAP;
}

/**
 * trbd_image_identity() - what names the image in the world
 * @image: open image
 * @buf: where to
 * @size: room in @buf; TRBD_IMAGE_IDENTITY_MAX is enough
 *
 * fsid, pool id, namespace, image id and snapshot id: equal wherever the image is opened, and never used again.
 *
 * Return: length of the text.
 */
size_t trbd_image_identity(const struct trbd_image *image, char *buf, size_t size)
{
	const struct ceph_string *ns = image->header_oloc.pool_ns;

	return scnprintf(buf, size, "%pU/%lld/%.*s/%s@%llu", &image->session->client->fsid,
			 image->header_oloc.pool, ns ? (int)ns->len : 0, ns ? ns->str : "", image->id,
			 image->snap_id);
}

/**
 * trbd_image_show() - describe the image as "Key: value" pairs
 * @image: open image
 * @buf: where to
 * @size: room in @buf
 *
 * Values have no blanks and no colons.
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
			 trbd_image_object_size(image), image->header.stripe_unit, image->header.stripe_count,
			 error == -ENOENT ? "deleted" : error ? "failed" : "open",
			 (u64)atomic64_read(&image->stats.fallbacks), (u64)atomic64_read(&image->stats.stale),
			 (u64)atomic64_read(&image->stats.late), (u64)atomic64_read(&image->stats.shared));
}
