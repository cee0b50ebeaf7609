// SPDX-License-Identifier: GPL-2.0
/*
 * Which image is the parent of a clone.
 *
 * A clone's parent can change while the clone is open. A flatten takes it away. A migration (rbd
 * migration) moves it:
 *
 *	prepare    makes the target with all snapshots, and then names it in the headers of all
 *	           clones
 *	execute    copies the objects
 *	commit     marks the target as no longer migrating, and only then removes the source's
 *	           snapshots and objects
 *	abort      names the source in the headers of all clones again, and only then removes the
 *	           target
 *
 * Between prepare and commit the target has only a part of the data. So a clone that names the
 * target is read through the source, whose snapshots are complete and do not change.
 *
 * Data that are found in a parent are right, however late: snapshots do not change. But finding
 * nothing proves nothing by itself, since the parent may have been removed before it was read. So a
 * read that finds nothing has the header of the clone read afterwards (and, during a migration,
 * that of the target). If they name the same parent as before, then nobody had begun to remove it
 * when it was read. If not, the read starts over. Reads that ask at the same time share an answer.
 * But no read takes an answer that was already under way when it asked. A notification would be no
 * substitute: it may come too late, and none comes to us for the header of a clone that is itself a
 * parent.
 *
 * A parent stays open until its clone is closed, because there may be reads on their way to it. If
 * the header names another parent that cannot be opened, then data that are found in the old one
 * are still right. Everything else ends with BUSY.
 */
#include <linux/ceph/osdmap.h>
#include <linux/ceph/string_table.h>
#include <linux/err.h>
#include <linux/list.h>
#include <linux/rculist.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "rados/queues.h"
#include "rbd/image.h"
#include "rbd/parent.h"

static bool parent_names_same(const struct trbd_parent *a, const struct trbd_parent *b)
{
	return a->pool == b->pool && a->snap_id == b->snap_id &&
	       !strcmp(a->image_id, b->image_id) && !strcmp(a->namespace, b->namespace);
}

static bool parent_is(const struct trbd_image *parent, const struct trbd_parent *spec)
{
	return parent->header_oloc.pool == spec->pool && parent->snap_id == spec->snap_id &&
	       !strcmp(parent->id, spec->image_id) &&
	       !ceph_compare_string(parent->header_oloc.pool_ns, spec->namespace,
				    strlen(spec->namespace));
}

static struct trbd_image *parent_open(struct trbd_image *image, const struct trbd_parent *spec)
{
	struct trbd_image *parent;

	list_for_each_entry(parent, &image->link.opened, sibling) {
		if (parent_is(parent, spec))
			return parent;
	}
	parent = image->link.open(image, spec);
	if (!IS_ERR(parent))
		list_add_rcu(&parent->sibling, &image->link.opened);
	return parent;
}

static void parent_install(struct trbd_image *image, struct trbd_image *parent, u64 overlap)
{
	spin_lock(&image->lock);
	if (image->parent != parent || image->overlap != overlap)
		image->link.generation++;
	image->parent = parent;
	image->overlap = overlap;
	spin_unlock(&image->lock);
}

/*
 * Open the parent that @spec names, if it is another one than before: @spec itself, or the source
 * of its migration.
 */
static int parent_follow(struct trbd_image *image, const struct trbd_parent *spec)
{
	struct trbd_parent_link *link = &image->link;
	struct trbd_image *parent;
	struct trbd_parent *source;
	int moves;

	/* only a new image can be a migration's target */
	if (image->parent && !link->moves && parent_names_same(&link->named, spec))
		return 0;
	source = kmalloc(sizeof(*source), GFP_KERNEL);
	if (!source)
		return -ENOMEM;
	moves = trbd_header_migration_source(image->session, spec, source);
	parent = moves < 0 ? ERR_PTR(moves) : parent_open(image, moves ? source : spec);
	kfree(source);
	if (IS_ERR(parent))
		return PTR_ERR(parent);

	if (image->parent && image->parent != parent)
		pr_info("%s: its parent is image %s now\n", image->name, parent->id);
	link->named = *spec;
	link->moves = moves;
	parent_install(image, parent, spec->overlap);
	return 0;
}

/**
 * trbd_parent_refresh() - read which parent the header names, and open it if it has changed
 * @image: image
 *
 * Context: the image's refresh_lock is held; may sleep up to mount_timeout for each round trip.
 * Return: 0 if the header was read, and then the link's error tells whether the parent is open;
 * otherwise a negative errno of trbd_header_parent().
 */
int trbd_parent_refresh(struct trbd_image *image)
{
	struct trbd_parent *spec;
	int ret;

	spec = kmalloc(sizeof(*spec), GFP_KERNEL);
	if (!spec)
		return -ENOMEM;
	ret = trbd_header_parent(trbd_image_header(image), image->header.features, image->snap_id,
				 spec);
	if (ret)
		goto out;
	/* a parent without overlap may be gone */
	image->link.error = spec->overlap ? parent_follow(image, spec) : 0;
	parent_install(image, image->parent, spec->overlap);
	if (image->link.error)
		pr_warn_ratelimited("%s: its parent, image %s, cannot be opened: error %d; what needs it ends with BUSY\n",
				    image->name, spec->image_id, image->link.error);
out:
	kfree(spec);
	return ret;
}

/* Take all waiters. Those that come from now on wait for the next time. */
static void parent_take_waiters(struct trbd_image *image, struct list_head *waiters)
{
	spin_lock(&image->lock);
	list_splice_init(&image->link.waiters, waiters);
	spin_unlock(&image->lock);
}

static int parent_confirm(struct trbd_image *image, struct list_head *waiters)
{
	/* commands wait for this, and freeing memory may wait for commands */
	unsigned int noio = memalloc_noio_save();
	int ret;

	mutex_lock(&image->refresh_lock);
	parent_take_waiters(image, waiters);
	ret = trbd_parent_refresh(image);
	if (!ret && image->link.error)
		ret = -EBUSY;
	mutex_unlock(&image->refresh_lock);
	memalloc_noio_restore(noio);
	return ret;
}

static void parent_confirm_work(struct work_struct *work)
{
	struct trbd_image *image = container_of(work, struct trbd_image, link.confirm);
	struct trbd_parent_waiter *waiter, *next;
	LIST_HEAD(waiters);
	int result = parent_confirm(image, &waiters);

	list_for_each_entry_safe(waiter, next, &waiters, node)
		waiter->done(waiter->arg, result);
}

/**
 * trbd_parent_confirm() - ask whether the parent is still the right one
 * @image: the clone
 * @waiter: its done and arg are set
 *
 * The waiter's done is called on a workqueue, when the clone's header was read after this call.
 *
 * Context: any in which a spinlock may be taken.
 */
void trbd_parent_confirm(struct trbd_image *image, struct trbd_parent_waiter *waiter)
{
	spin_lock(&image->lock);
	list_add_tail(&waiter->node, &image->link.waiters);
	spin_unlock(&image->lock);
	queue_work(trbd_wait_wq, &image->link.confirm);
}

/**
 * trbd_parent_take() - get the parent to read from
 * @image: the clone
 * @generation: set to the value that trbd_parent_generation() returns as long as parent and overlap
 *	stay the same
 *
 * Context: any in which a spinlock may be taken.
 * Return: the parent; it stays open as long as the clone.
 */
struct trbd_image *trbd_parent_take(struct trbd_image *image, unsigned int *generation)
{
	struct trbd_image *parent;

	spin_lock(&image->lock);
	parent = image->parent;
	*generation = image->link.generation;
	spin_unlock(&image->lock);
	return parent;
}

/**
 * trbd_parent_generation() - tell how often parent or overlap have changed
 * @image: the clone
 *
 * Context: any in which a spinlock may be taken.
 * Return: the count.
 */
unsigned int trbd_parent_generation(struct trbd_image *image)
{
	unsigned int generation;

	trbd_parent_take(image, &generation);
	return generation;
}

/**
 * trbd_parent_init() - prepare an image's link to a parent, with none at first
 * @image: image that is about to be opened
 * @open: opens a parent; returns it, or an ERR_PTR
 */
void trbd_parent_init(struct trbd_image *image,
		      struct trbd_image *(*open)(struct trbd_image *child,
						 const struct trbd_parent *spec))
{
	image->link.open = open;
	INIT_LIST_HEAD(&image->link.opened);
	INIT_LIST_HEAD(&image->link.waiters);
	INIT_WORK(&image->link.confirm, parent_confirm_work);
}
