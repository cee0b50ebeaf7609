// SPDX-License-Identifier: GPL-2.0
/*
 * Clones: what a clone has not written is in its parent.
 *
 * A read that finds no object goes to the parent, which may itself be a clone. Beside us somebody may flatten the
 * clone: copy up what is left, and then remove the parent. So a hole in the parent, or that there is no parent any
 * more, means nothing until the clone was asked again (rbd/object_io.c): had the parent been removed before it was
 * read, its data would be in the clone by then.
 *
 * A mutation that finds no object brings one about first. Copyup reads what the parent has for the object and hands
 * it to the OSD's class method, which writes it only if there still is no object. That changes nothing that anybody
 * can read, so it may be repeated, done by two gateways at once, or come late. It happens in an empty snapshot
 * context: the data are then older than every snapshot of the clone. Of several commands that need the same object
 * at the same moment, the first one fetches it and the others wait for that.
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
#include <linux/uio.h>

#include "rados/request.h"
#include "rbd/clone.h"
#include "rbd/image.h"
#include "rbd/io.h"

#define CLONE_GFP	(GFP_NOIO | __GFP_NOWARN | __GFP_NORETRY)

/**
 * struct clone_read - a range of an object on its way from the parent
 * @done: who wants it
 * @arg: for @done
 * @pending: I/Os on the parent in flight, plus one while they are started
 * @result: first error, or 0
 * @holes: the parent has nothing at some place of the range
 * @table: the memory, cut into what each I/O reads
 */
struct clone_read {
	void (*done)(void *arg, int result, bool holes);
	void *arg;
	atomic_t pending;
	int result;
	bool holes;
	struct sg_table table;
};

/**
 * struct clone_copyup - an object on its way from the parent to the clone
 * @image: the clone
 * @objno: the object
 * @node: in the image's list of copyups
 * @waiters: who needs it; guarded by the image's lock, like the list
 * @extent: what the parent has for it
 */
struct clone_copyup {
	struct trbd_image *image;
	u64 objno;
	struct list_head node;
	struct list_head waiters;
	struct trbd_extent extent;
};

/**
 * trbd_clone_object_overlap() - how much of an object the parent stands behind
 * @image: open image
 * @objno: number of the object
 *
 * Offsets in the image grow with offsets in the object, so what overlaps is the object's beginning.
 *
 * Context: any in which a spinlock may be taken.
 * Return: bytes; 0 when the image is no clone, or the object lies behind what it shares with its parent.
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

static void clone_read_put(struct clone_read *read, int result)
{
	if (result)
		cmpxchg(&read->result, 0, result);
	if (!atomic_dec_and_test(&read->pending))
		return;
	read->done(read->arg, read->result, read->holes);
	sg_free_table(&read->table);
	kfree(read);
}

static void clone_read_done(void *arg, int result)
{
	clone_read_put(arg, result);
}

/* Cuts @len bytes of memory off @iter into entries from @sg on. Returns the entry behind. */
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
 * @extent: the range, and the memory to read into; stays until @done. What the parent has not reads as zeros
 * @done: called once with 0 or a negative errno, and whether the parent had nothing at some place
 * @arg: for @done
 *
 * Context: may sleep for memory and locks, never for the network.
 * Return: 0 and @done will be called; or a negative errno and it will not: -ENOMEM.
 */
int trbd_clone_read(struct trbd_image *image, u64 objno, const struct trbd_extent *extent,
		    void (*done)(void *arg, int result, bool holes), void *arg)
{
	const struct trbd_striping *striping = &image->striping;
	u64 overlap = trbd_clone_object_overlap(image, objno);
	u64 end = min(extent->off + extent->len, overlap);
	u64 objoff = extent->off;
	struct clone_read *read;
	struct scatterlist *sg;
	struct iov_iter iter;

	read = kmalloc(sizeof(*read), CLONE_GFP);
	if (!read)
		return -ENOMEM;
	/* an entry for each bvec, and one for each place where a stripe unit cuts one in two */
	if (sg_alloc_table(&read->table,
			   extent->num_bvecs + (extent->len >> striping->unit_order) + 2, CLONE_GFP)) {
		kfree(read);
		return -ENOMEM;
	}
	read->done = done;
	read->arg = arg;
	read->result = 0;
	read->holes = false;
	atomic_set(&read->pending, 1);

	sg = read->table.sgl;
	iov_iter_bvec(&iter, ITER_DEST, extent->bvecs, extent->num_bvecs, extent->len);
	while (objoff < end) {
		u64 len = min(trbd_striping_unit_left(striping, objoff), end - objoff);
		struct trbd_io_request request = {
			.image = image->parent,
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
	/* not the parent's; or it was, a moment ago */
	if (iov_iter_count(&iter)) {
		WRITE_ONCE(read->holes, true);
		iov_iter_zero(iov_iter_count(&iter), &iter);
	}
	clone_read_put(read, 0);
	return 0;
}

static void copyup_free(struct clone_copyup *copyup)
{
	unsigned int i;

	for (i = 0; i < copyup->extent.num_bvecs; i++)
		__free_page(copyup->extent.bvecs[i].bv_page);
	kvfree(copyup->extent.bvecs);
	kfree(copyup);
}

static void copyup_end(struct clone_copyup *copyup, int result)
{
	struct trbd_copyup_waiter *waiter, *next;
	struct trbd_image *image = copyup->image;
	LIST_HEAD(waiters);

	spin_lock(&image->lock);
	list_del(&copyup->node);
	spin_unlock(&image->lock);

	/* nobody can join any more; after the last waiter's done the image may be gone */
	list_splice(&copyup->waiters, &waiters);
	copyup_free(copyup);
	list_for_each_entry_safe(waiter, next, &waiters, node)
		waiter->done(waiter->arg, result);
}

/* In messenger context or on libceph's completion workqueue. */
static void copyup_done(struct ceph_osd_request *req)
{
	struct clone_copyup *copyup = req->r_priv;
	int result = trbd_request_result(req);

	trbd_request_put(req);
	copyup_end(copyup, min(result, 0));
}

static bool copyup_is_zero(const struct clone_copyup *copyup)
{
	unsigned int i;

	for (i = 0; i < copyup->extent.num_bvecs; i++) {
		const struct bio_vec *bv = &copyup->extent.bvecs[i];

		if (memchr_inv(page_address(bv->bv_page), 0, bv->bv_len))
			return false;
	}
	return true;
}

static void copyup_read_done(void *arg, int result, bool holes)
{
	struct clone_copyup *copyup = arg;
	struct trbd_image *image = copyup->image;
	char name[TRBD_OBJECT_NAME_MAX];
	struct ceph_osd_request *req;

	if (result) {
		copyup_end(copyup, result);
		return;
	}
	if (copyup_is_zero(copyup)) {
		copyup_end(copyup, 1);
		return;
	}
	trbd_image_object_name(image, copyup->objno, name);
	req = trbd_request_copyup(image->session, name, &image->data_oloc, &copyup->extent);
	if (req)
		trbd_request_submit(req, copyup_done, copyup);
	else
		copyup_end(copyup, -ENOMEM);
}

static int copyup_alloc_memory(struct clone_copyup *copyup, u64 len)
{
	struct trbd_extent *extent = &copyup->extent;
	u64 left;

	extent->len = len;
	extent->bvecs = kvcalloc(DIV_ROUND_UP(len, PAGE_SIZE), sizeof(*extent->bvecs), CLONE_GFP);
	if (!extent->bvecs)
		return -ENOMEM;
	for (left = len; left; left -= extent->bvecs[extent->num_bvecs++].bv_len) {
		struct bio_vec *bv = &extent->bvecs[extent->num_bvecs];

		bv->bv_page = alloc_page(CLONE_GFP);
		if (!bv->bv_page)
			return -ENOMEM;
		bv->bv_len = min_t(u64, left, PAGE_SIZE);
	}
	return 0;
}

/* Lets @waiter wait for a copyup of the object that is in progress. */
static bool copyup_join(struct trbd_image *image, u64 objno, struct trbd_copyup_waiter *waiter)
{
	struct clone_copyup *copyup;

	lockdep_assert_held(&image->lock);
	list_for_each_entry(copyup, &image->copyups, node) {
		if (copyup->objno == objno) {
			list_add_tail(&waiter->node, &copyup->waiters);
			return true;
		}
	}
	return false;
}

/**
 * trbd_clone_copyup() - bring an object about from what the parent has (cls_rbd copyup)
 * @image: the clone
 * @objno: number of the object; the parent overlaps it
 * @waiter: done and arg are set
 *
 * Context: may sleep for memory and locks, never for the network.
 * Return: 0 and the waiter's done will be called; or a negative errno and it will not: -ENOMEM.
 */
int trbd_clone_copyup(struct trbd_image *image, u64 objno, struct trbd_copyup_waiter *waiter)
{
	u64 len = trbd_clone_object_overlap(image, objno);
	struct clone_copyup *copyup;
	bool joined;
	int ret;

	/* flattened in the meantime: whoever did that made the object, unless there was nothing to make it from */
	if (!len) {
		waiter->done(waiter->arg, 1);
		return 0;
	}
	copyup = kzalloc(sizeof(*copyup), CLONE_GFP);
	if (!copyup)
		return -ENOMEM;
	copyup->image = image;
	copyup->objno = objno;
	INIT_LIST_HEAD(&copyup->waiters);

	spin_lock(&image->lock);
	joined = copyup_join(image, objno, waiter);
	if (!joined) {
		list_add_tail(&waiter->node, &copyup->waiters);
		list_add_tail(&copyup->node, &image->copyups);
	}
	spin_unlock(&image->lock);
	if (joined) {
		kfree(copyup);
		return 0;
	}

	ret = copyup_alloc_memory(copyup, len);
	if (!ret)
		ret = trbd_clone_read(image, objno, &copyup->extent, copyup_read_done, copyup);
	if (ret)
		copyup_end(copyup, ret);
	return 0;
}
