// SPDX-License-Identifier: GPL-2.0
/*
 * Image I/O: from a range of the image and a scatterlist to object requests, and back.
 *
 *	struct trbd_io         one I/O on the image
 *	  struct io_extent     one contiguous range of one object (ceph_object_extent), with its own
 *	    bvecs              view of the command's pages: nothing is copied
 *	    trbd_object_io     its I/O at the OSD (rbd/object_io.c)
 *
 * Everything is built before anything is submitted, so an I/O starts either as a whole or not at
 * all. Then all object requests are in flight at once. io->pending counts them, plus one for the
 * submitter. The last one to drop it finishes the I/O: it frees everything, and only then calls
 * done, because after done the image may be closed.
 *
 * A range with more memory segments than one table of bvecs holds becomes several object requests.
 *
 * Structs and tables come from pools. An allocation never waits for a pool to be refilled, since
 * that would mean waiting for the network in a submit path (iSCSI runs us in its receive thread).
 * If the system is short of memory and the pool is empty too, trbd_io_submit() returns -ENOMEM and
 * the command ends with BUSY.
 */
#include <linux/atomic.h>
#include <linux/bvec.h>
#include <linux/ceph/libceph.h>
#include <linux/ceph/striper.h>
#include <linux/highmem.h>
#include <linux/list.h>
#include <linux/mempool.h>
#include <linux/minmax.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "rbd/image.h"
#include "rbd/io.h"
#include "rbd/object_io.h"

#define IO_POOL_SIZE		64
#define IO_BVECS_INLINE		4
#define IO_BVECS_POOLED		256	/* one page's worth of table; 1 MiB of single pages */
#define IO_BVECS_MAX		2048	/* 8 MiB of single pages */
#define IO_GFP			(GFP_NOWAIT | __GFP_NOWARN)

/**
 * struct io_extent - a contiguous range of one object
 * @ex: the range; in io->extents by its oe_item
 * @io: the I/O it belongs to
 * @o: the I/O on it
 * @prepared: @o must be freed
 * @bvecs: memory in the order of the object's bytes
 * @num_bvecs: entries in use
 * @max_bvecs: room in @bvecs; tells where @bvecs came from
 * @inline_bvecs: memory of @bvecs for a small range
 */
struct io_extent {
	struct ceph_object_extent ex;
	struct trbd_io *io;
	struct trbd_object_io o;
	bool prepared;
	struct bio_vec *bvecs;
	unsigned int num_bvecs;
	unsigned int max_bvecs;
	struct bio_vec inline_bvecs[IO_BVECS_INLINE];
};

/**
 * struct trbd_io - an I/O in flight
 * @r: the submitter's description; if there is a copy, sgl, nents and sgl_off are those of the copy
 * @snapc: snapshot context of a mutation
 * @size: size of the image when the I/O began
 * @extents: list of io_extents by ex.oe_item, ascending
 * @copy: copy of the memory of an unstable write, or NULL
 * @pending: object requests in flight, plus one while submitting
 * @result: the first error, or 0
 */
struct trbd_io {
	struct trbd_io_request r;
	struct ceph_snap_context *snapc;
	u64 size;
	struct list_head extents;
	struct scatterlist *copy;
	atomic_t pending;
	int result;
};

/**
 * struct sg_cursor - a place in a scatterlist
 * @sg: entry
 * @start: bytes before @sg
 */
struct sg_cursor {
	struct scatterlist *sg;
	u64 start;
};

/* The properties of each kind of I/O. */
static const struct {
	bool mutates;
	bool has_memory;
} io_ops[] = {
	[TRBD_IO_READ] = { .has_memory = true },
	[TRBD_IO_WRITE] = { .mutates = true, .has_memory = true },
	[TRBD_IO_ZERO] = { .mutates = true },
	[TRBD_IO_DISCARD] = { .mutates = true },
};

static struct kmem_cache *io_cache;
static struct kmem_cache *extent_cache;
static mempool_t *io_pool;
static mempool_t *extent_pool;
static mempool_t *bvecs_pool;
struct workqueue_struct *trbd_io_wq;

static void io_extent_free_bvecs(struct io_extent *extent)
{
	if (extent->max_bvecs == IO_BVECS_POOLED)
		mempool_free(extent->bvecs, bvecs_pool);
	else if (extent->bvecs != extent->inline_bvecs)
		kfree(extent->bvecs);
}

static int io_extent_alloc_bvecs(struct io_extent *extent, unsigned int wanted)
{
	if (wanted <= IO_BVECS_INLINE) {
		extent->bvecs = extent->inline_bvecs;
		extent->max_bvecs = IO_BVECS_INLINE;
		return 0;
	}
	if (wanted > IO_BVECS_POOLED) {
		extent->max_bvecs = min_t(unsigned int, wanted, IO_BVECS_MAX);
		extent->bvecs = kmalloc_array(extent->max_bvecs, sizeof(*extent->bvecs), IO_GFP);
		if (extent->bvecs)
			return 0;
	}
	extent->bvecs = mempool_alloc(bvecs_pool, IO_GFP);
	extent->max_bvecs = extent->bvecs ? IO_BVECS_POOLED : 0;
	return extent->bvecs ? 0 : -ENOMEM;
}

static struct io_extent *io_extent_alloc(struct trbd_io *io)
{
	struct io_extent *extent = mempool_alloc(extent_pool, IO_GFP);

	if (!extent)
		return NULL;
	ceph_object_extent_init(&extent->ex);
	extent->io = io;
	extent->prepared = false;
	extent->bvecs = NULL;
	extent->num_bvecs = 0;
	extent->max_bvecs = 0;
	return extent;
}

/* Allocate an extent for ceph_file_to_extents(). */
static struct ceph_object_extent *io_extent_alloc_ex(void *arg)
{
	struct io_extent *extent = io_extent_alloc(arg);

	return extent ? &extent->ex : NULL;
}

static void io_free(struct trbd_io *io)
{
	struct io_extent *extent, *next;

	list_for_each_entry_safe(extent, next, &io->extents, ex.oe_item) {
		if (extent->prepared)
			trbd_object_io_free(&extent->o);
		io_extent_free_bvecs(extent);
		mempool_free(extent, extent_pool);
	}
	if (io->copy)
		sgl_free(io->copy);
	ceph_put_snap_context(io->snapc);
	mempool_free(io, io_pool);
}

static void io_put(struct trbd_io *io)
{
	void (*done)(void *arg, int result) = io->r.done;
	void *arg = io->r.arg;
	int result;

	if (!atomic_dec_and_test(&io->pending))
		return;
	result = io->result;
	io_free(io);
	done(arg, result);
}

/*
 * Append @len bytes of the scatterlist, from @off on, to the extent's bvecs. Return how many bytes
 * fitted. Without bvecs, count the entries in num_bvecs.
 */
static u64 io_extent_add_memory(struct io_extent *extent, struct sg_cursor *cur, u64 off, u64 len)
{
	u64 added = 0;

	/* stripe units of one object come in ascending order; only the next object starts over */
	if (off < cur->start) {
		cur->sg = extent->io->r.sgl;
		cur->start = 0;
	}
	while (added < len) {
		u64 skip, n;

		while (off + added >= cur->start + cur->sg->length) {
			cur->start += cur->sg->length;
			cur->sg = sg_next(cur->sg);
		}
		skip = off + added - cur->start;
		n = min(len - added, cur->sg->length - skip);
		if (extent->bvecs) {
			struct bio_vec *bv;

			if (extent->num_bvecs == extent->max_bvecs)
				break;
			bv = &extent->bvecs[extent->num_bvecs];
			bv->bv_page = sg_page(cur->sg);
			bv->bv_offset = cur->sg->offset + skip;
			bv->bv_len = n;
		}
		extent->num_bvecs++;
		added += n;
	}
	return added;
}

/* Map the extent to memory, see io_extent_add_memory(). Return how many bytes fitted. */
static u64 io_extent_walk_memory(struct io_extent *extent, struct sg_cursor *cur)
{
	const struct trbd_io_request *r = &extent->io->r;
	const struct trbd_striping *striping = &r->image->striping;
	u64 walked = 0;

	extent->num_bvecs = 0;
	while (walked < extent->ex.oe_len) {
		u64 objoff = extent->ex.oe_off + walked;
		u64 imgoff = trbd_striping_image_offset(striping, extent->ex.oe_objno, objoff);
		u64 len = min(trbd_striping_unit_left(striping, objoff),
			      extent->ex.oe_len - walked);
		u64 added = io_extent_add_memory(extent, cur, r->sgl_off + imgoff - r->off, len);

		walked += added;
		if (added < len)
			break;
	}
	return walked;
}

/*
 * Give the extent its bvecs. A part that does not fit into the table becomes another extent behind
 * it.
 */
static int io_extent_map_memory(struct io_extent *extent, struct sg_cursor *cur)
{
	struct sg_cursor start = *cur;
	struct io_extent *rest;
	u64 mapped;
	int ret;

	io_extent_walk_memory(extent, cur);
	*cur = start;
	ret = io_extent_alloc_bvecs(extent, extent->num_bvecs);
	if (ret)
		return ret;

	mapped = io_extent_walk_memory(extent, cur);
	if (mapped == extent->ex.oe_len)
		return 0;

	rest = io_extent_alloc(extent->io);
	if (!rest)
		return -ENOMEM;
	rest->ex.oe_objno = extent->ex.oe_objno;
	rest->ex.oe_off = extent->ex.oe_off + mapped;
	rest->ex.oe_len = extent->ex.oe_len - mapped;
	extent->ex.oe_len = mapped;
	list_add(&rest->ex.oe_item, &extent->ex.oe_item);
	return 0;
}

/* Runs in messenger context or on libceph's completion workqueue. */
static void io_extent_done(struct trbd_object_io *o, int result)
{
	struct io_extent *extent = container_of(o, struct io_extent, o);
	struct trbd_io *io = extent->io;

	if (result < 0)
		cmpxchg(&io->result, 0, result);
	io_put(io);
}

static bool io_extent_unwanted(const struct trbd_object_io *o)
{
	const struct trbd_io *io = container_of(o, struct io_extent, o)->io;

	return io->r.unwanted && io->r.unwanted(io->r.arg);
}

static int io_extent_prepare(struct io_extent *extent)
{
	struct trbd_io *io = extent->io;
	struct trbd_object_io *o = &extent->o;

	o->image = io->r.image;
	o->op = io->r.op;
	o->objno = extent->ex.oe_objno;
	o->extent.off = extent->ex.oe_off;
	o->extent.len = extent->ex.oe_len;
	o->extent.bvecs = extent->bvecs;
	o->extent.num_bvecs = extent->num_bvecs;
	o->snapc = io->snapc;
	o->size = io->size;
	o->accepted_ms = io->r.accepted_ms;
	o->holes = io->r.holes;
	o->done = io_extent_done;
	o->unwanted = io_extent_unwanted;
	extent->prepared = true;
	return trbd_object_io_prepare(o);
}

/* Replace the memory of a write by a copy of it. */
static int io_copy_memory(struct trbd_io *io)
{
	struct sg_mapping_iter src;
	struct scatterlist *dst;
	unsigned int nents;
	u64 copied = 0;
	size_t at = 0;

	io->copy = sgl_alloc(io->r.len, IO_GFP, &nents);
	if (!io->copy)
		return -ENOMEM;

	dst = io->copy;
	sg_miter_start(&src, io->r.sgl, io->r.nents, SG_MITER_FROM_SG);
	sg_miter_skip(&src, io->r.sgl_off);
	while (copied < io->r.len && sg_miter_next(&src)) {
		size_t n = min3((u64)src.length, (u64)dst->length - at, io->r.len - copied);

		memcpy_to_page(sg_page(dst), dst->offset + at, src.addr, n);
		src.consumed = n;
		copied += n;
		at += n;
		if (at == dst->length) {
			dst = sg_next(dst);
			at = 0;
		}
	}
	sg_miter_stop(&src);

	io->r.sgl = io->copy;
	io->r.nents = nents;
	io->r.sgl_off = 0;
	return 0;
}

static int io_build(struct trbd_io *io)
{
	struct trbd_image *image = io->r.image;
	struct io_extent *extent;
	struct sg_cursor cur;
	int ret;

	ret = trbd_image_take_state(image, io->r.off, io->r.len,
				    io_ops[io->r.op].mutates ? &io->snapc : NULL, &io->size);
	if (ret)
		return ret;
	if (io->r.unstable && io->r.op == TRBD_IO_WRITE) {
		ret = io_copy_memory(io);
		if (ret)
			return ret;
	}

	ret = ceph_file_to_extents(&image->layout, io->r.off, io->r.len, &io->extents,
				   io_extent_alloc_ex, io, NULL, NULL);
	if (ret)
		return ret;

	cur.sg = io->r.sgl;
	cur.start = 0;
	/* io_extent_map_memory() may add to the list, after the current extent */
	list_for_each_entry(extent, &io->extents, ex.oe_item) {
		if (io_ops[io->r.op].has_memory)
			ret = io_extent_map_memory(extent, &cur);
		if (!ret)
			ret = io_extent_prepare(extent);
		if (ret)
			return ret;
		atomic_inc(&io->pending);
	}
	return 0;
}

/**
 * trbd_io_submit() - start an I/O
 * @request: the I/O; copied
 *
 * Context: process; may sleep for memory and locks, never for the network.
 * Return: 0 and @request->done will be called; or a negative errno and it will not: -ENOMEM,
 * -ERANGE (beyond the end of the image), -ENOENT (the image was deleted), -EROFS, -EBUSY (accepted
 * too long ago).
 */
int trbd_io_submit(const struct trbd_io_request *request)
{
	struct io_extent *extent;
	struct trbd_io *io;
	int ret;

	if (io_ops[request->op].mutates && trbd_image_read_only(request->image))
		return -EROFS;

	io = mempool_alloc(io_pool, IO_GFP);
	if (!io)
		return -ENOMEM;
	io->r = *request;
	io->snapc = NULL;
	io->copy = NULL;
	io->result = 0;
	atomic_set(&io->pending, 1);
	INIT_LIST_HEAD(&io->extents);

	ret = io_build(io);
	if (ret) {
		io_free(io);
		return ret;
	}
	list_for_each_entry(extent, &io->extents, ex.oe_item)
		trbd_object_io_submit(&extent->o);
	io_put(io);
	return 0;
}

/**
 * trbd_io_init() - make the pools and the workqueue
 *
 * Context: module init.
 * Return: 0 or -ENOMEM.
 */
int trbd_io_init(void)
{
	io_cache = KMEM_CACHE(trbd_io, 0);
	if (!io_cache)
		return -ENOMEM;
	extent_cache = kmem_cache_create("trbd_io_extent", sizeof(struct io_extent), 0, 0, NULL);
	if (!extent_cache)
		goto err_io_cache;
	io_pool = mempool_create_slab_pool(IO_POOL_SIZE, io_cache);
	if (!io_pool)
		goto err_extent_cache;
	extent_pool = mempool_create_slab_pool(IO_POOL_SIZE, extent_cache);
	if (!extent_pool)
		goto err_io_pool;
	bvecs_pool = mempool_create_kmalloc_pool(IO_POOL_SIZE,
						 IO_BVECS_POOLED * sizeof(struct bio_vec));
	if (!bvecs_pool)
		goto err_extent_pool;
	trbd_io_wq = alloc_workqueue("trbd-io", WQ_MEM_RECLAIM, 0);
	if (!trbd_io_wq)
		goto err_bvecs_pool;
	return 0;

err_bvecs_pool:
	mempool_destroy(bvecs_pool);
err_extent_pool:
	mempool_destroy(extent_pool);
err_io_pool:
	mempool_destroy(io_pool);
err_extent_cache:
	kmem_cache_destroy(extent_cache);
err_io_cache:
	kmem_cache_destroy(io_cache);
	return -ENOMEM;
}

/**
 * trbd_io_exit() - undo trbd_io_init()
 *
 * Context: module exit; no I/O is in flight.
 */
void trbd_io_exit(void)
{
	destroy_workqueue(trbd_io_wq);
	mempool_destroy(bvecs_pool);
	mempool_destroy(extent_pool);
	mempool_destroy(io_pool);
	kmem_cache_destroy(extent_cache);
	kmem_cache_destroy(io_cache);
}
