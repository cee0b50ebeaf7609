// SPDX-License-Identifier: GPL-2.0
/*
 * Keeping up with an image: reading the part that can change.
 *
 *	open <----> (refresh)
 *	  |  header or snapshot is gone
 *	  +----------------------------> unusable: every command fails, until the device is removed
 *
 * An unusable image stays so. Its data objects are gone or going. A read would find holes, and a
 * write would leave objects behind that belong to nobody.
 *
 * Snapshots must not change. A change of data carries the snapshot context of the moment at which
 * it began. So no change begins while the header may have changed (rbd/quiesce.c), or while the
 * watch is not confirmed (rados/watch.c). After the watch was lost, this gateway asks the others
 * whether somebody takes a snapshot (rbd/inquiry.c), and then reads the header, before any change
 * begins. If a change is still in flight while others may take a snapshot without us, rbd/recall.c
 * calls it back.
 */
#include <linux/ceph/libceph.h>
#include <linux/ceph/osd_client.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "rados/queues.h"
#include "rados/watch.h"
#include "rbd/features.h"
#include "rbd/header.h"
#include "rbd/image.h"
#include "rbd/image_refresh.h"
#include "rbd/inquiry.h"
#include "rbd/parent.h"
#include "rbd/quiesce.h"
#include "rbd/recall.h"

#define IMAGE_REFRESH_DELAY		HZ
/* from this number on, warn that there will soon be too many */
#define IMAGE_SNAPS_WARN		(TRBD_SNAPS_MAX / 4 * 3)

/**
 * trbd_image_set_error() - make an image unusable for good
 * @image: open image
 * @error: the error with which every I/O ends from now on, -ENOENT if the image was deleted
 *
 * Context: any in which a spinlock may be taken.
 */
void trbd_image_set_error(struct trbd_image *image, int error)
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

static bool image_snapc_has(const struct ceph_snap_context *snapc, u64 snap_id)
{
	u32 i;

	for (i = 0; i < snapc->num_snaps; i++) {
		if (snapc->snaps[i] == snap_id)
			return true;
	}
	return false;
}

/**
 * trbd_image_check_features() - check whether an image can be served with its features
 * @image: open image
 * @features: TRBD_FEATURE_* of the image
 * @incompat: those that a client must know
 *
 * A set of features that cannot be served is logged once, not each time that the header is read.
 *
 * Context: process; under refresh_lock once the image is open.
 * Return: 0 or -EOPNOTSUPP.
 */
int trbd_image_check_features(struct trbd_image *image, u64 features, u64 incompat)
{
	u64 refused = trbd_features_refused(features, incompat, trbd_image_read_only(image));
	u64 disable = trbd_features_disableable(refused);
	char names[160];

	/* rbd/parent.c opens the complete one of a migration's two images */
	if (image->depth)
		refused &= ~TRBD_FEATURE_MIGRATING;
	if (refused && refused != image->refused) {
		trbd_features_names(refused & ~disable ?: disable, names, sizeof(names));
		if (refused & ~disable)
			pr_err("%s: the image has features that cannot be served: %s\n",
			       image->name, names);
		else
			pr_err("%s: the image has features that allow one writer only; run: rbd feature disable %s %s\n",
			       image->name, image->name, names);
	}
	image->refused = refused;
	return refused ? -EOPNOTSUPP : 0;
}

/*
 * Read the features again: they can be enabled while the image is served. Return 1 if some of them
 * are refused.
 */
static int image_refresh_features(struct trbd_image *image)
{
	const struct trbd_object *header = trbd_image_header(image);
	u64 features, incompat;
	int ret;

	ret = trbd_header_features(header, image->snap_id, &features, &incompat);
	if (ret)
		return ret;
	return trbd_image_check_features(image, features, incompat) ? 1 : 0;
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

/**
 * trbd_image_refresh_locked() - read the part that can change, with the refresh_lock held
 * @image: image whose refresh_lock is held, or a parent that is being opened
 *
 * Context: process; may sleep up to mount_timeout for each round trip.
 * Return: as trbd_image_refresh().
 */
int trbd_image_refresh_locked(struct trbd_image *image)
{
	const struct trbd_object *header = trbd_image_header(image);
	struct ceph_snap_context *snapc, *old;
	u64 size, old_size;
	int ret, refused;
	u8 order;

	/* nobody else knows a parent that is being opened */
	if (!image->depth)
		lockdep_assert_held(&image->refresh_lock);
	/* with refused features nothing may be written, but reads need the other changes */
	refused = image_refresh_features(image);
	if (refused < 0)
		return refused;
	ret = trbd_parent_refresh(image);
	if (ret)
		return ret;
	ret = trbd_header_snap_context(header, &snapc);
	if (ret)
		return ret;
	if (trbd_image_read_only(image) && !image_snapc_has(snapc, image->snap_id)) {
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
	image->demoted = image->refused & TRBD_FEATURE_NON_PRIMARY;
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

/**
 * trbd_image_refresh() - read the features, the parent, the snapshots and the size again
 * @image: image
 *
 * Context: process; may sleep up to mount_timeout for each round trip.
 * Return: 0; 1 if there are refused features, so that nothing may be written; or a negative errno.
 */
int trbd_image_refresh(struct trbd_image *image)
{
	/* commands wait for the lock (rbd/parent.c), and freeing memory may wait for commands */
	unsigned int noio = memalloc_noio_save();
	int ret;

	mutex_lock(&image->refresh_lock);
	ret = trbd_image_refresh_locked(image);
	mutex_unlock(&image->refresh_lock);
	memalloc_noio_restore(noio);
	return ret;
}

/*
 * Tell whether we would be told of a snapshot that is taken from now on, and know of one that is
 * being taken.
 */
static bool image_hears(struct trbd_image *image)
{
	return image->watched && trbd_watch_is_valid(&image->watch) &&
	       !trbd_inquiry_is_due(&image->inquiry);
}

/*
 * The header was read after the watch was in place. We know all of it, unless the watch was lost
 * meanwhile.
 */
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

/*
 * Until the header can be read, there may be a snapshot that we do not know of. A write would
 * change it.
 */
static void image_refresh_failed(struct trbd_image *image, int err)
{
	if (err == -ENOENT) {
		trbd_image_set_error(image, err);
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

/**
 * trbd_image_refresh_or_fail() - read the header because it may have changed
 * @image: image
 *
 * This settles all earlier doubts, and all earlier losses of the watch. A doubt that comes while
 * the header is being read asks for another refresh. If the header cannot be read, nothing is
 * written until it can.
 *
 * Context: process; may sleep up to mount_timeout for each round trip.
 */
void trbd_image_refresh_or_fail(struct trbd_image *image)
{
	unsigned int doubts = trbd_quiesce_doubts(&image->quiesce);
	unsigned int losses;
	bool watched;
	int ret;

	spin_lock(&image->lock);
	losses = image->losses;
	watched = image_hears(image);
	spin_unlock(&image->lock);

	ret = trbd_image_refresh(image);
	/* the watch's thread is being ended */
	if (ret == -EINTR)
		return;
	if (ret < 0)
		image_refresh_failed(image, ret);
	else if (watched)
		image_is_watched(image, losses);
	if (ret > 0)
		mod_delayed_work(trbd_wait_wq, &image->refresh_again, IMAGE_REFRESH_DELAY);
	trbd_quiesce_settle(&image->quiesce, doubts);
	/* changes of data need not wait for what the owner reads */
	if (ret >= 0 && image->ops)
		image->ops->refreshed(image->owner);
}
