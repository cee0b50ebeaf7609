// SPDX-License-Identifier: GPL-2.0
/*
 * Opening and closing an image.
 *
 * Opening reads the header, refuses an image that cannot be served, and watches the header. Only
 * then does it read the part that can change, so that no change falls between reading and watching.
 * From then on the watch's thread reads size and snapshots again, whenever a notification on the
 * header arrives or the watch was lost for a while.
 *
 * The parents of a clone are snapshots. They are opened with the clone, when its header is read.
 * They are not watched.
 */
#include <linux/ceph/libceph.h>
#include <linux/ceph/osd_client.h>
#include <linux/ceph/string_table.h>
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "rados/closing.h"
#include "rados/session.h"
#include "rados/watch.h"
#include "rbd/clone.h"
#include "rbd/header.h"
#include "rbd/image.h"
#include "rbd/image_refresh.h"
#include "rbd/image_watch.h"
#include "rbd/inquiry.h"
#include "rbd/object_queue.h"
#include "rbd/parent.h"
#include "rbd/quiesce.h"

/* how many parents may stand one behind the other */
#define IMAGE_DEPTH_MAX			16

static void image_refresh_work(struct work_struct *work)
{
	struct delayed_work *delayed = to_delayed_work(work);

	trbd_image_refresh_or_fail(container_of(delayed, struct trbd_image, refresh_again));
}

static struct trbd_image *image_open_parent(struct trbd_image *child,
					    const struct trbd_parent *spec);

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
		image->header_oloc.pool_ns = ceph_find_or_create_string(spec->namespace,
									strlen(spec->namespace));
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
	trbd_quiesce_init(&image->quiesce, &trbd_image_gate_ops, image);
	trbd_inquiry_init(&image->inquiry, image, trbd_image_refresh_or_fail);
	trbd_object_queue_init(&image->object_queue);
	trbd_copyups_init(&image->copyups);
	trbd_parent_init(image, image_open_parent);
	ceph_oid_init(&image->header_oid);
	ceph_oloc_init(&image->header_oloc);
	ceph_oloc_init(&image->data_oloc);
	image->header_object.oid = &image->header_oid;
	image->header_object.oloc = &image->header_oloc;
	return image;
}

/* Undo image_alloc(), and everything that was done to the image since. */
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

/* Refresh for the first time. Notifications may have come since the header was watched. */
static int image_open_refresh(struct trbd_image *image)
{
	unsigned int doubts = trbd_quiesce_doubts(&image->quiesce);
	int ret = trbd_image_refresh(image);

	if (ret)
		return ret > 0 ? -EOPNOTSUPP : ret;
	trbd_quiesce_settle(&image->quiesce, doubts);
	if (image->watched)
		trbd_image_look_again(image);
	return 0;
}

/*
 * A client may have asked the others for quiet before we watched. Write nothing until that is
 * known.
 */
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

/*
 * Read header, parents and the part that can change, of an image that was located. Parents are
 * snapshots, and are not watched.
 */
static int image_open_located(struct trbd_image *image)
{
	const struct trbd_object *header = trbd_image_header(image);
	int ret;

	ret = trbd_header_read(header, image->snap_id, &image->header);
	if (ret)
		return ret;
	ret = trbd_image_check_features(image, image->header.features, image->header.incompat);
	if (ret)
		return ret;
	image_set_layout(image);

	if (!image->depth) {
		ret = trbd_image_watch(image);
		if (ret)
			return ret;
	}
	if (image->depth) {
		/* nobody else knows this parent yet; its clone's refresh_lock is held */
		ret = trbd_image_refresh_locked(image);
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

/*
 * Open the parent of a clone. Return the parent, which is closed with @child once it is in the list
 * of @child's link; or ERR_PTR of -EMLINK (too many parents) or of an error of trbd_image_open().
 */
static struct trbd_image *image_open_parent(struct trbd_image *child,
					    const struct trbd_parent *spec)
{
	struct trbd_image *parent;
	int ret;

	if (READ_ONCE(child->closing))
		return ERR_PTR(-EINTR);
	if (child->depth == IMAGE_DEPTH_MAX) {
		pr_err("%s: more than %d parents behind each other; flatten one of them\n",
		       child->name, IMAGE_DEPTH_MAX);
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
 * @opt: options for the session with the cluster; consumed in every case
 * @spec: the image to open; may go when this returns
 *
 * The parents of a clone are opened with it. Every failure is logged, with a hint on how to mend
 * it.
 *
 * Context: process; may sleep up to mount_timeout for each round trip.
 * Return: the image; ERR_PTR of -ENOENT (no such pool, image, snapshot), -EPROTONOSUPPORT (format
 * 1), -EOPNOTSUPP (features), -EBADMSG (damaged header), -EMLINK (too many parents), -EPERM or
 * -EACCES (user or key), -ETIMEDOUT, -EINTR, -ENOMEM.
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
		pr_err("%s: no session with the cluster: error %d; check mon_addr, id and key\n",
		       image->name, ret);
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
	/*
	 * This gives the watch back. An operator who gave up waiting for the cluster must not wait
	 * for that as well.
	 */
	if (image && image->session)
		trbd_image_begin_close(image);
	if (image)
		image_free(image);
	return ERR_PTR(ret);
}

/**
 * trbd_image_begin_close() - make calls for this image, and for its parents, end after a moment
 * @image: open image, which nothing begins to use any more. A second call changes nothing
 *
 * Context: process; two callers must not run at once.
 */
void trbd_image_begin_close(struct trbd_image *image)
{
	struct trbd_image *parent;

	if (image->closing)
		return;
	WRITE_ONCE(image->closing, true);
	trbd_closing_begin(&image->session->closings, &image->close, &image->header_oid);
	/* a refresh may be under way and add to the list; entries of the list stay */
	list_for_each_entry_rcu(parent, &image->link.opened, sibling, true)
		trbd_image_begin_close(parent);
}

/**
 * trbd_image_close() - close an image
 * @image: open image; no I/O may be in flight
 *
 * Context: process; may sleep for some seconds if the cluster does not answer, see rados/closing.c.
 */
void trbd_image_close(struct trbd_image *image)
{
	trbd_image_begin_close(image);
	image_free(image);
}
