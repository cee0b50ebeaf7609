// SPDX-License-Identifier: GPL-2.0
/*
 * Clones: a clone's parent has the data of all places that nobody has written in the clone.
 *
 * A read that finds no object goes to the parent, which may itself be a clone. Meanwhile another
 * client may replace the parent or take it away. So "the parent has nothing here" counts only after
 * the clone's header was read once more (rbd/parent.c). If the header then names another parent, or
 * none, the read starts over with the clone: before a client takes a parent away, it copies up all
 * that the parent has.
 *
 * A mutation that finds no object makes one first. A copyup reads the parent's data for the object
 * and hands them to the OSD's class method, which writes them only if there still is no object.
 * That changes nothing that anybody can read. So a copyup may be repeated, may be done by two
 * gateways at once, and may come late. It uses an empty snapshot context: the data are then older
 * than every snapshot of the clone. When several commands need the same object at the same moment,
 * the first one fetches it and the others wait for it. A copyup has the whole object in memory, and
 * one command can need many of them. So the copyups of an image share a limited amount of memory.
 * A copyup that does not fit waits for its turn, and the first to come is the first to start.
 */
#include <linux/atomic.h>
#include <linux/bvec.h>
#include <linux/ceph/libceph.h>
#include <linux/ceph/osd_client.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat/uio.h"
#include "rados/request.h"
#include "rbd/clone.h"
#include "rbd/image.h"
#include "rbd/io.h"
#include "rbd/parent.h"

#define CLONE_GFP	(GFP_NOIO | __GFP_NOWARN | __GFP_NORETRY)
/* limit on the memory of an image's copyups, bytes; one copyup may always run */
#define COPYUP_BYTES_MAX	(32ULL << 20)
/* if the parent is replaced more often than this, something is wrong: give up */
#define COPYUP_ROUNDS_MAX	8

/**
 * struct clone_read - a read from the parent, for a range of one object
 * @image: the clone
 * @generation: generation of the link to the parent that is read
 * @confirm: waits until the clone's header has been read
 * @done: called at the end
 * @arg: for @done
 * @pending: I/Os on the parent in flight, plus one while they are being started
 * @result: first error, or 0
 * @holes: the parent has nothing at some place of the range
 * @table: the memory, cut into a part for each I/O
 */
struct clone_read {
	struct trbd_image *image;
	unsigned int generation;
	struct trbd_parent_waiter confirm;
	void (*done)(void *arg, int result, bool holes);
	void *arg;
	atomic_t pending;
	int result;
	bool holes;
	struct sg_table table;
};

/**
 * struct clone_copyup - a copyup of one object from the parent to the clone
 * @image: the clone
 * @objno: the object
 * @node: entry in the image's list of copyups
 * @turn: entry in the list of those that wait for memory
 * @waiters: those that need the object; guarded by the image's lock, like the lists
 * @len: how much memory it may take, bytes
 * @num_pages: how many pages it has
 * @rounds: how often it was read from a parent that is no longer the right one
 * @extent: the parent's data for the object
 */
struct clone_copyup {
	struct trbd_image *image;
	u64 objno;
	struct list_head node;
	struct list_head turn;
	struct list_head waiters;
	u64 len;
	unsigned int num_pages;
	unsigned int rounds;
	struct trbd_extent extent;
};

/**
 * trbd_clone_object_overlap() - tell how much of an object the parent backs
 * @image: open image
 * @objno: number of the object
 *
 * Offsets in the image grow with offsets in the object, so the part that overlaps is the beginning
 * of the object.
 *
 * Context: any in which a spinlock may be taken.
 * Return: bytes; 0 if the image is no clone, or if the object lies beyond the part that the clone
 * shares with its parent.
 */
u64 trbd_clone_object_overlap(struct trbd_image *image, u64 objno)
{
	const struct trbd_striping *striping = &image->striping;
	u64 overlap = trbd_image_overlap(image);
	u64 size = trbd_image_object_size(image);
	u64 objoff = 0;

	if (!overlap)
		return 0;
	while (objoff < size) {
		u64 imgoff = trbd_striping_image_offset(striping, objno, objoff);
		u64 unit = trbd_striping_unit_left(striping, objoff);

		if (imgoff >= overlap)
			break;
		objoff += min(unit, overlap - imgoff);
		if (overlap - imgoff < unit)
			break;
	}
	return objoff;
}

static void clone_read_end(struct clone_read *read, int result)
{
	read->done(read->arg, result, read->holes);
	sg_free_table(&read->table);
	kfree(read);
}

static void clone_read_confirmed(void *arg, int result)
{
	struct clone_read *read = arg;

	if (!result && read->generation != trbd_parent_generation(read->image))
		result = -EAGAIN;
	else if (!result)
		result = read->result;
	clone_read_end(read, result);
}

static void clone_read_put(struct clone_read *read, int result)
{
	/* -ENOENT would mean that the clone is gone, and it is not */
	if (result == -ENOENT)
		result = -EIO;
	if (result)
		cmpxchg(&read->result, 0, result);
	if (!atomic_dec_and_test(&read->pending))
		return;
	if (!read->result && !read->holes) {
		clone_read_end(read, 0);
		return;
	}
	read->confirm.done = clone_read_confirmed;
	read->confirm.arg = read;
	trbd_parent_confirm(read->image, &read->confirm);
}

static void clone_read_done(void *arg, int result)
{
	clone_read_put(arg, result);
}

/* Cut @len bytes of memory off @iter into entries from @sg on. Return the entry after them. */
static struct scatterlist *clone_cut_memory(struct iov_iter *iter, u64 len, struct scatterlist *sg)
{
	struct scatterlist *last = sg;

	while (len) {
		const struct bio_vec *bv = iter->bvec;
		size_t n = min_t(u64, len, bv->bv_len - iter->iov_offset);

		sg_set_page(sg, bv->bv_page, n, bv->bv_offset + iter->iov_offset);
		iov_iter_advance(iter, n);
		len -= n;
		last = sg;
		sg = sg_next(sg);
	}
	sg_mark_end(last);
	return sg;
}

/**
 * trbd_clone_read() - read a range of an object from the parent
 * @image: the clone
 * @objno: number of the clone's object
 * @extent: the range, and the memory to read into; must stay until @done. The part that the parent
 *	does not have reads as zeros
 * @done: called once with 0 or a negative errno, and with whether the parent had nothing at some
 *	place. -EAGAIN means that the data read are void, and that the clone may have the object by
 *	now
 * @arg: for @done
 *
 * Context: may sleep for memory and locks, never for the network.
 * Return: 0 and @done will be called; or a negative errno and it will not: -ENOMEM.
 */
int trbd_clone_read(struct trbd_image *image, u64 objno, const struct trbd_extent *extent,
		    void (*done)(void *arg, int result, bool holes), void *arg)
{
	const struct trbd_striping *striping = &image->striping;
	u64 objoff = extent->off;
	struct trbd_image *parent;
	struct clone_read *read;
	u64 end;
	struct scatterlist *sg;
	struct iov_iter iter;

	read = kmalloc(sizeof(*read), CLONE_GFP);
	if (!read)
		return -ENOMEM;
	/*
	 * one entry for each bvec, and one for each place where a stripe unit splits a bvec in two
	 */
	if (sg_alloc_table(&read->table,
			   extent->num_bvecs + (extent->len >> striping->unit_order) + 2,
			   CLONE_GFP)) {
		kfree(read);
		return -ENOMEM;
	}
	read->image = image;
	read->done = done;
	read->arg = arg;
	read->result = 0;
	read->holes = false;
	atomic_set(&read->pending, 1);

	parent = trbd_parent_take(image, &read->generation);
	end = min(extent->off + extent->len, trbd_clone_object_overlap(image, objno));
	sg = read->table.sgl;
	iov_iter_bvec(&iter, ITER_DEST, extent->bvecs, extent->num_bvecs, extent->len);
	while (objoff < end) {
		u64 len = min(trbd_striping_unit_left(striping, objoff), end - objoff);
		struct trbd_io_request request = {
			.image = parent,
			.op = TRBD_IO_READ,
			.off = trbd_striping_image_offset(striping, objno, objoff),
			.len = len,
			.sgl = sg,
			.done = clone_read_done,
			.arg = read,
			.holes = &read->holes,
		};
		int ret;

		sg = clone_cut_memory(&iter, len, sg);
		atomic_inc(&read->pending);
		ret = trbd_io_submit(&request);
		if (ret)
			clone_read_put(read, ret);
		objoff += len;
	}
	/* the parent does not back the rest, or did so until a moment ago */
	if (iov_iter_count(&iter)) {
		WRITE_ONCE(read->holes, true);
		iov_iter_zero(iov_iter_count(&iter), &iter);
	}
	clone_read_put(read, 0);
	return 0;
}

static void copyup_free_memory(struct clone_copyup *copyup)
{
	unsigned int i;

	for (i = 0; i < copyup->num_pages; i++)
		__free_page(copyup->extent.bvecs[i].bv_page);
	kvfree(copyup->extent.bvecs);
}

static int copyup_alloc_memory(struct clone_copyup *copyup)
{
	unsigned int wanted = DIV_ROUND_UP(copyup->len, PAGE_SIZE);
	struct trbd_extent *extent = &copyup->extent;

	extent->bvecs = kvcalloc(wanted, sizeof(*extent->bvecs), CLONE_GFP);
	if (!extent->bvecs)
		return -ENOMEM;
	while (copyup->num_pages < wanted) {
		struct bio_vec *bv = &extent->bvecs[copyup->num_pages];

		bv->bv_page = alloc_page(CLONE_GFP);
		if (!bv->bv_page)
			return -ENOMEM;
		bv->bv_len = PAGE_SIZE;
		copyup->num_pages++;
	}
	return 0;
}

/*
 * Set the length to @len bytes: at least 1, at most what there is memory for, and never more than
 * before.
 */
static void copyup_set_len(struct clone_copyup *copyup, u64 len)
{
	struct trbd_extent *extent = &copyup->extent;

	extent->len = len;
	extent->num_bvecs = DIV_ROUND_UP(len, PAGE_SIZE);
	extent->bvecs[extent->num_bvecs - 1].bv_len = len -
						      (u64)(extent->num_bvecs - 1) * PAGE_SIZE;
}

/* Tell whether a copyup whose turn has come may start, and take its memory from the limit if so. */
static bool copyup_admit(struct clone_copyup *copyup)
{
	struct trbd_copyups *copyups = &copyup->image->copyups;

	lockdep_assert_held(&copyup->image->lock);
	if (copyups->bytes && copyups->bytes + copyup->len > COPYUP_BYTES_MAX)
		return false;
	copyups->bytes += copyup->len;
	return true;
}

static void copyup_end(struct clone_copyup *copyup, int result)
{
	struct trbd_copyup_waiter *waiter, *next;
	struct trbd_image *image = copyup->image;
	LIST_HEAD(waiters);

	copyup_free_memory(copyup);
	spin_lock(&image->lock);
	list_del(&copyup->node);
	image->copyups.bytes -= copyup->len;
	if (!list_empty(&image->copyups.waiting))
		queue_work(trbd_io_wq, &image->copyups.start);
	spin_unlock(&image->lock);

	/* nobody can join any more; after the last waiter's done() the image may be gone */
	list_splice(&copyup->waiters, &waiters);
	kfree(copyup);
	list_for_each_entry_safe(waiter, next, &waiters, node)
		waiter->done(waiter->arg, result);
}

/* Runs in messenger context or on libceph's completion workqueue. */
static void copyup_done(struct ceph_osd_request *req)
{
	struct clone_copyup *copyup = req->r_priv;
	int result = trbd_request_result(req);

	trbd_request_put(req);
	copyup_end(copyup, min(result, 0));
}

/* Zeros at the end need not be written: everything beyond an object's end reads as zeros. */
static u64 copyup_used_len(const struct clone_copyup *copyup)
{
	unsigned int used = copyup->extent.num_bvecs;

	while (used) {
		const struct bio_vec *bv = &copyup->extent.bvecs[used - 1];

		if (memchr_inv(page_address(bv->bv_page), 0, bv->bv_len))
			break;
		used--;
	}
	return min_t(u64, copyup->extent.len, (u64)used * PAGE_SIZE);
}

static void copyup_write(struct clone_copyup *copyup)
{
	struct trbd_image *image = copyup->image;
	char name[TRBD_OBJECT_NAME_MAX];
	struct ceph_osd_request *req;
	u64 len = copyup_used_len(copyup);

	if (!len) {
		copyup_end(copyup, 1);
		return;
	}
	copyup_set_len(copyup, len);
	trbd_image_object_name(image, copyup->objno, name);
	req = trbd_request_copyup(image->session, name, &image->data_oloc, &copyup->extent);
	if (req)
		trbd_request_submit(req, copyup_done, copyup);
	else
		copyup_end(copyup, -ENOMEM);
}

static void copyup_read(struct clone_copyup *copyup);

static void copyup_read_done(void *arg, int result, bool holes)
{
	struct clone_copyup *copyup = arg;

	if (!result)
		copyup_write(copyup);
	else if (result != -EAGAIN)
		copyup_end(copyup, result);
	else if (++copyup->rounds > COPYUP_ROUNDS_MAX)
		copyup_end(copyup, -EBUSY);
	else
		copyup_read(copyup);
}

static void copyup_read(struct clone_copyup *copyup)
{
	u64 len = min(copyup->len, trbd_clone_object_overlap(copyup->image, copyup->objno));
	int ret;

	/*
	 * Flattened in the meantime. The flatten made the object, unless there was nothing to make
	 * it from.
	 */
	if (!len) {
		copyup_end(copyup, 1);
		return;
	}
	copyup_set_len(copyup, len);
	ret = trbd_clone_read(copyup->image, copyup->objno, &copyup->extent, copyup_read_done,
			      copyup);
	if (ret)
		copyup_end(copyup, ret);
}

static void copyup_start(struct clone_copyup *copyup)
{
	if (copyup_alloc_memory(copyup))
		copyup_end(copyup, -ENOMEM);
	else
		copyup_read(copyup);
}

static struct clone_copyup *copyup_next(struct trbd_copyups *copyups)
{
	struct trbd_image *image = container_of(copyups, struct trbd_image, copyups);
	struct clone_copyup *copyup;

	spin_lock(&image->lock);
	copyup = list_first_entry_or_null(&copyups->waiting, struct clone_copyup, turn);
	if (copyup && copyup_admit(copyup))
		list_del(&copyup->turn);
	else
		copyup = NULL;
	spin_unlock(&image->lock);
	return copyup;
}

static void copyup_start_work(struct work_struct *work)
{
	struct trbd_copyups *copyups = container_of(work, struct trbd_copyups, start);
	struct clone_copyup *copyup;

	while ((copyup = copyup_next(copyups)))
		copyup_start(copyup);
}

/*
 * Let @waiter wait for a copyup of the object, if one is in progress. Return whether there is one.
 */
static bool copyup_join(struct trbd_image *image, u64 objno, struct trbd_copyup_waiter *waiter)
{
	struct clone_copyup *copyup;

	lockdep_assert_held(&image->lock);
	list_for_each_entry(copyup, &image->copyups.all, node) {
		if (copyup->objno == objno) {
			list_add_tail(&waiter->node, &copyup->waiters);
			return true;
		}
	}
	return false;
}

/* Add a copyup to the lists. Return whether it may start at once. */
static bool copyup_enter(struct clone_copyup *copyup, struct trbd_copyup_waiter *waiter)
{
	struct trbd_copyups *copyups = &copyup->image->copyups;

	lockdep_assert_held(&copyup->image->lock);
	list_add_tail(&waiter->node, &copyup->waiters);
	list_add_tail(&copyup->node, &copyups->all);
	if (list_empty(&copyups->waiting) && copyup_admit(copyup))
		return true;
	list_add_tail(&copyup->turn, &copyups->waiting);
	return false;
}

/**
 * trbd_clone_copyup() - make an object from the parent's data (cls_rbd copyup)
 * @image: the clone
 * @objno: number of the object; the parent must overlap it
 * @waiter: its done and arg are set
 *
 * Context: may sleep for memory and locks, never for the network.
 * Return: 0 and the waiter's done will be called; or a negative errno and it will not: -ENOMEM.
 */
int trbd_clone_copyup(struct trbd_image *image, u64 objno, struct trbd_copyup_waiter *waiter)
{
	u64 len = trbd_clone_object_overlap(image, objno);
	struct clone_copyup *copyup;
	bool joined, first = false;

	/* flattened in the meantime, see copyup_read() */
	if (!len) {
		waiter->done(waiter->arg, 1);
		return 0;
	}
	copyup = kzalloc(sizeof(*copyup), CLONE_GFP);
	if (!copyup)
		return -ENOMEM;
	copyup->image = image;
	copyup->objno = objno;
	copyup->len = len;
	INIT_LIST_HEAD(&copyup->waiters);

	spin_lock(&image->lock);
	joined = copyup_join(image, objno, waiter);
	if (!joined)
		first = copyup_enter(copyup, waiter);
	spin_unlock(&image->lock);

	if (joined)
		kfree(copyup);
	else if (first)
		copyup_start(copyup);
	return 0;
}

/**
 * trbd_copyups_init() - prepare an image's list of copyups, empty at first
 * @copyups: part of an image
 */
void trbd_copyups_init(struct trbd_copyups *copyups)
{
	INIT_LIST_HEAD(&copyups->all);
	INIT_LIST_HEAD(&copyups->waiting);
	copyups->bytes = 0;
	INIT_WORK(&copyups->start, copyup_start_work);
}
