// SPDX-License-Identifier: GPL-2.0
/*
 * COMPARE AND WRITE, atomic with respect to every write of every gateway.
 *
 * An OSD applies the ops of one request together, but no op that libceph can send compares data. So
 * this file reads the data, compares them, and writes on condition that nobody wrote in between.
 * libceph decides how the condition is expressed:
 *
 *	with versions      READ, which returns the object's version
 *	                   {ASSERT_VER version, guard, WRITE}: -ERANGE or -EOVERFLOW if the
 *	                   version has changed
 *
 *	without            LINK: {stamp of the object <= my granule; stamp := t1; tag := t1}
 *	                   READ
 *	                   {stamp == t1; tag == t1; stamp := t2; WRITE}: -ECANCELED if they have
 *	                   changed, since every other mutation changes the stamp or the tag
 *
 * An object that is not there reads as zeros. It is written on condition that it still is not
 * there.
 *
 * A command that loses starts over after a moment, as long as it is within the admission time. The
 * condition alone does not make the write safe at any age: it ensures that nobody wrote since the
 * comparison, but the comparison itself may be late. An initiator that gave this command up may
 * have done it again through another gateway, and then put the old value back, as with a lock that
 * is taken and freed. A late read then finds the value that the command expects. So no request of a
 * COMPARE AND WRITE passes a stamp that is later than the admission of the command allows, in any
 * round.
 *
 * Small writes and other COMPARE AND WRITEs of this gateway to the same object wait meanwhile
 * (rbd/object_queue.c), because they would only break the link. Other gateways do not know of the
 * link. So after a lost round it takes a stamp half a second ahead. The first try of a plain write
 * is then refused, and its second try comes a moment later (rbd/object_io.c). A link changes no
 * data, and no stamp ever goes back.
 *
 * A write that was sent twice and lost may have lost to itself. A difference that is found
 * afterwards may then be our own data. So the command ends with BUSY instead of a miscompare.
 */
#include <linux/bvec.h>
#include <linux/ceph/libceph.h>
#include <linux/ceph/osd_client.h>
#include <linux/ceph/striper.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "rados/clock.h"
#include "rados/guard.h"
#include "rados/request.h"
#include "rados/session.h"
#include "rbd/clone.h"
#include "rbd/compare_write.h"
#include "rbd/image.h"
#include "rbd/io.h"

#define CAW_POOL_SIZE		16
/* the longest pause after a lost round; it doubles each time up to the maximum */
#define CAW_PAUSE_MS		4
#define CAW_PAUSE_MAX_MS	128
/* how far ahead the link's stamp is after a lost round */
#define CAW_QUIET_MS		(2 * TRBD_GRANULE_MS)

enum caw_buffer {
	CAW_EXPECTED,	/* the expected content */
	CAW_NEW,	/* the new content */
	CAW_FOUND,	/* the content found */
	CAW_BUFFERS,
};

/**
 * struct caw - a COMPARE AND WRITE in progress
 * @r: the submitter's description
 * @objno: object
 * @extent: range in the object, with @bvec
 * @bvec: memory that is read into or written from
 * @snapc: snapshot context of the write
 * @size: size of the image when the command began
 * @guard: guard of the request in flight
 * @req: request in flight
 * @step: called with the result of the request
 * @link: stamp of the link
 * @link_ms: time of @link
 * @quiet_ms: how far @link_ms is ahead of the clock
 * @version: version of the object that was read
 * @maybe_applied: a conditional write was sent more than once and lost
 * @parent_is_zero: the clone's parent was asked, and has nothing there
 * @read_again: the clone was read again, since it may have been flattened meanwhile
 * @error: the command ends with this error, if not 0
 * @copyup: waits for the object of a clone
 * @pause_ms: the longest pause after the last lost round, ms
 * @restart: starts the command over, or ends it with @error
 * @place: place in the queue of changes of the object through this gateway
 * @memory: pages of the buffers
 */
struct caw {
	struct trbd_compare_write r;
	u64 objno;
	struct trbd_extent extent;
	struct bio_vec bvec;
	struct ceph_snap_context *snapc;
	u64 size;
	struct trbd_guard *guard;
	struct ceph_osd_request *req;
	void (*step)(struct caw *caw, int result);
	u64 link;
	u64 link_ms;
	u64 quiet_ms;
	u64 version;
	bool maybe_applied;
	bool parent_is_zero;
	bool read_again;
	int error;
	struct trbd_copyup_waiter copyup;
	unsigned int pause_ms;
	struct delayed_work restart;
	struct trbd_queue_place place;
	struct page *memory[CAW_BUFFERS];
};

static struct kmem_cache *caw_cache;
static mempool_t *caw_pool;
static mempool_t *page_pool;

static u8 *caw_buffer(struct caw *caw, enum caw_buffer which)
{
	return page_address(caw->memory[which]);
}

static void caw_free(struct caw *caw)
{
	unsigned int i;

	if (caw->req)
		trbd_request_put(caw->req);
	trbd_guard_free(caw->guard);
	ceph_put_snap_context(caw->snapc);
	for (i = 0; i < CAW_BUFFERS; i++) {
		if (caw->memory[i])
			mempool_free(caw->memory[i], page_pool);
	}
	mempool_free(caw, caw_pool);
}

static void caw_end(struct caw *caw, int result, u32 offset)
{
	void (*done)(void *arg, int result, u32 offset) = caw->r.done;
	void *arg = caw->r.arg;

	trbd_object_queue_leave(&caw->r.image->object_queue, &caw->place);
	caw_free(caw);
	done(arg, result, offset);
}

/* Runs in messenger context or on libceph's completion workqueue. */
static void caw_request_done(struct ceph_osd_request *req)
{
	struct caw *caw = req->r_priv;

	caw->step(caw, trbd_request_result(req));
}

/*
 * End the command from the workqueue. The next command at the object may have to end as well, and
 * the one behind that too. Ended from here, each would run on the stack of the one before.
 */
static void caw_end_later(struct caw *caw, int error)
{
	caw->error = error;
	queue_delayed_work(trbd_io_wq, &caw->restart, 0);
}

/*
 * Send @req, which this function takes over. Without a request, end the command for want of memory.
 */
static void caw_send(struct caw *caw, struct ceph_osd_request *req,
		     void (*step)(struct caw *caw, int result))
{
	if (caw->req)
		trbd_request_put(caw->req);
	caw->req = req;
	if (!req) {
		caw_end_later(caw, -ENOMEM);
		return;
	}
	caw->step = step;
	trbd_request_submit(req, caw_request_done, caw);
}

static void caw_set_memory(struct caw *caw, enum caw_buffer which)
{
	caw->bvec.bv_page = caw->memory[which];
	caw->bvec.bv_offset = 0;
	caw->bvec.bv_len = caw->r.len;
}

static void caw_mutate(struct caw *caw, enum trbd_guard_mode mode, u64 limit, u64 value,
		       u64 version, void (*step)(struct caw *caw, int result))
{
	struct trbd_image *image = caw->r.image;
	struct trbd_mutation mutation = {
		.kind = mode == TRBD_GUARD_LINK ? TRBD_MUTATION_NONE : TRBD_MUTATION_WRITE,
		.extent = caw->extent,
		.guard = caw->guard,
		.version = version,
		.snapc = caw->snapc,
	};
	char name[TRBD_OBJECT_NAME_MAX];

	caw->guard->mode = mode;
	caw->guard->limit = limit;
	caw->guard->value = value;
	caw_set_memory(caw, CAW_NEW);
	trbd_image_object_name(image, caw->objno, name);
	caw_send(caw, trbd_request_mutate(image->session, name, &image->data_oloc, &mutation),
		 step);
}

/* Return the latest stamp that a request of @time_ms may pass; see the top of the file. */
static u64 caw_limit(const struct caw *caw, u64 time_ms)
{
	return trbd_clock_granule_end(min(time_ms, caw->r.accepted_ms + TRBD_ADMISSION_MS));
}

static u64 caw_stamp(struct caw *caw, u64 now_ms)
{
	return trbd_clock_stamp(caw->r.image->clock, now_ms);
}

/* Lost a race: give local waiters our place while we back off. */
static void caw_lost(struct caw *caw)
{
	trbd_object_queue_leave(&caw->r.image->object_queue, &caw->place);
	caw->quiet_ms = CAW_QUIET_MS;
	caw->pause_ms = min_t(unsigned int, 2 * caw->pause_ms, CAW_PAUSE_MAX_MS);
	queue_delayed_work(trbd_io_wq, &caw->restart,
			   msecs_to_jiffies(1 + get_random_u32() % caw->pause_ms));
}

/* Return how many bytes at the beginning are as expected. */
static u32 caw_equal(struct caw *caw)
{
	const u8 *expected = caw_buffer(caw, CAW_EXPECTED);
	const u8 *found = caw_buffer(caw, CAW_FOUND);
	u32 i;

	for (i = 0; i < caw->r.len && expected[i] == found[i]; i++)
		;
	return i;
}

static void caw_written(struct caw *caw, int result)
{
	switch (result) {
	case -ECANCELED:
	case -ERANGE:
	case -EOVERFLOW:
	case -ENOENT:
	case -EEXIST:
		if (caw->req->r_attempts > 1)
			caw->maybe_applied = true;
		caw_lost(caw);
		return;
	default:
		caw_end(caw, min(result, 0), 0);
	}
}

/*
 * The version ensures that nobody wrote since the comparison. The object's stamp, which a neighbour
 * set at about our time, stays.
 */
static void caw_written_versioned(struct caw *caw, int result)
{
	u64 latest_ms = caw->r.accepted_ms + TRBD_ADMISSION_MS;

	if (result == -ECANCELED)
		caw_mutate(caw, TRBD_GUARD_TAG, caw_limit(caw, latest_ms), caw->guard->value,
			   caw->version, caw_written);
	else
		caw_written(caw, result);
}

static void caw_write(struct caw *caw, bool missing)
{
	u64 now_ms = trbd_clock_now(caw->r.image->clock);
	u64 stamp = caw_stamp(caw, max(now_ms, caw->link_ms));
	int ret;

	/* the read may have taken long */
	ret = trbd_image_check_state(caw->r.image, caw->snapc, caw->size);
	if (ret)
		caw_end(caw, ret, 0);
	else if (missing)
		caw_mutate(caw, TRBD_GUARD_CREATE, 0, stamp, 0, caw_written);
	else if (trbd_request_has_versions())
		caw_mutate(caw, TRBD_GUARD_STAMP, caw_limit(caw, now_ms), stamp, caw->version,
			   caw_written_versioned);
	else
		caw_mutate(caw, TRBD_GUARD_CONDITIONAL, caw->link, stamp, 0, caw_written);
}

static void caw_copied_up(void *arg, int result);
static void caw_start(struct caw *caw);

static void caw_compare(struct caw *caw, int result)
{
	struct trbd_image *image = caw->r.image;
	bool missing = false;
	u32 equal;

	if (result == -ENOENT) {
		if (!trbd_session_pool_exists(image->session, image->data_oloc.pool)) {
			caw_end(caw, -ENXIO, 0);
			return;
		}
		if (!caw->parent_is_zero && trbd_clone_object_overlap(image, caw->objno)) {
			caw->copyup.done = caw_copied_up;
			caw->copyup.arg = caw;
			result = trbd_clone_copyup(image, caw->objno, &caw->copyup);
			if (result)
				caw_end(caw, result, 0);
			return;
		}
		/* Flattened since it was read? Then the object is there now: see rbd/clone.c. */
		if (image->parent && !caw->parent_is_zero && !caw->read_again) {
			caw->read_again = true;
			caw_start(caw);
			return;
		}
		missing = true;
		result = 0;
	}
	if (result < 0 || result > caw->r.len) {
		caw_end(caw, result < 0 ? result : -EBADMSG, 0);
		return;
	}
	memset(caw_buffer(caw, CAW_FOUND) + result, 0, caw->r.len - result);

	equal = caw_equal(caw);
	if (equal < caw->r.len) {
		caw_end(caw, caw->maybe_applied ? -EBUSY : -EILSEQ, equal);
		return;
	}
	caw->version = trbd_request_version(caw->req);
	/* without a version the write would have no condition */
	if (!missing && trbd_request_has_versions() && !caw->version)
		caw_lost(caw);
	else
		caw_write(caw, missing);
}

static void caw_read(struct caw *caw)
{
	struct trbd_image *image = caw->r.image;
	char name[TRBD_OBJECT_NAME_MAX];

	caw_set_memory(caw, CAW_FOUND);
	trbd_image_object_name(image, caw->objno, name);
	caw_send(caw,
		 trbd_request_read(image->session, name, &image->data_oloc, CEPH_NOSNAP,
				   &caw->extent),
		 caw_compare);
}

static void caw_linked(struct caw *caw, int result)
{
	if (result >= 0)
		caw_read(caw);
	else if (result == -ENOENT)
		caw_compare(caw, result);
	else if (result == -ECANCELED)
		caw_lost(caw);
	else
		caw_end(caw, result, 0);
}

static void caw_start(struct caw *caw)
{
	u64 now_ms = trbd_clock_now(caw->r.image->clock);
	int ret;

	/* the command may have waited for the object, or for another round */
	ret = trbd_image_check_state(caw->r.image, caw->snapc, caw->size);
	/* the check and the stamp use the same reading of the clock */
	if (!ret && now_ms > caw->r.accepted_ms + TRBD_ADMISSION_MS) {
		atomic64_inc(&caw->r.image->stats.late);
		ret = -EBUSY;
	}
	if (ret) {
		caw_end_later(caw, ret);
	} else if (trbd_request_has_versions()) {
		caw_read(caw);
	} else {
		caw->link_ms = now_ms + caw->quiet_ms;
		caw->link = caw_stamp(caw, caw->link_ms);
		caw_mutate(caw, TRBD_GUARD_LINK, caw_limit(caw, caw->link_ms), caw->link, 0,
			   caw_linked);
	}
}

/* Either the object is there now, or the parent has only zeros for it. */
static void caw_copied_up(void *arg, int result)
{
	struct caw *caw = arg;

	if (result < 0) {
		caw_end(caw, result, 0);
		return;
	}
	caw->parent_is_zero = result;
	caw_start(caw);
}

/* Start the command, whose turn at the object has come. */
static void caw_lead(struct trbd_queue_place *place)
{
	caw_start(container_of(place, struct caw, place));
}

static void caw_enter(struct caw *caw)
{
	caw->place.objno = caw->objno;
	caw->place.merge_key = caw;
	caw->place.lead = caw_lead;
	caw->place.unwanted = NULL;
	trbd_object_queue_enter(&caw->r.image->object_queue, &caw->place);
}

static void caw_restart(struct work_struct *work)
{
	struct caw *caw = container_of(to_delayed_work(work), struct caw, restart);

	if (caw->error)
		caw_end(caw, caw->error, 0);
	else
		caw_enter(caw);
}

static int caw_prepare(struct caw *caw)
{
	struct trbd_image *image = caw->r.image;
	u64 objoff;
	u32 objlen;
	unsigned int i;

	ceph_calc_file_object_mapping(&image->layout, caw->r.off, caw->r.len, &caw->objno, &objoff,
				      &objlen);
	if (caw->r.len > PAGE_SIZE || objlen != caw->r.len)
		return -EOPNOTSUPP;

	caw->guard = trbd_guard_alloc();
	if (!caw->guard)
		return -ENOMEM;
	for (i = 0; i < CAW_BUFFERS; i++) {
		caw->memory[i] = mempool_alloc(page_pool, GFP_NOWAIT | __GFP_NOWARN);
		if (!caw->memory[i])
			return -ENOMEM;
	}
	sg_pcopy_to_buffer(caw->r.sgl, caw->r.nents, caw_buffer(caw, CAW_EXPECTED), caw->r.len, 0);
	sg_pcopy_to_buffer(caw->r.sgl, caw->r.nents, caw_buffer(caw, CAW_NEW), caw->r.len,
			   caw->r.len);

	caw->extent.off = objoff;
	caw->extent.len = caw->r.len;
	caw->extent.bvecs = &caw->bvec;
	caw->extent.num_bvecs = 1;
	return trbd_image_take_state(image, caw->r.off, caw->r.len, &caw->snapc, &caw->size);
}

/**
 * trbd_compare_write_submit() - start a COMPARE AND WRITE
 * @request: the command; copied
 *
 * Context: process; may sleep for memory and locks, never for the network.
 * Return: 0 and @request->done will be called; or a negative errno and it will not: -ENOMEM,
 * -ERANGE (beyond the end of the image), -ENOENT (the image was deleted), -EOPNOTSUPP (longer than
 * a page or a stripe unit).
 */
int trbd_compare_write_submit(const struct trbd_compare_write *request)
{
	struct caw *caw = mempool_alloc(caw_pool, GFP_NOWAIT | __GFP_NOWARN);
	int ret;

	if (!caw)
		return -ENOMEM;
	memset(caw, 0, sizeof(*caw));
	caw->r = *request;
	caw->pause_ms = CAW_PAUSE_MS;
	INIT_DELAYED_WORK(&caw->restart, caw_restart);

	ret = caw_prepare(caw);
	if (ret) {
		caw_free(caw);
		return ret;
	}
	caw_enter(caw);
	return 0;
}

/**
 * trbd_compare_write_init() - make the pools
 *
 * Context: module init.
 * Return: 0 or -ENOMEM.
 */
int trbd_compare_write_init(void)
{
	caw_cache = kmem_cache_create("trbd_compare_write", sizeof(struct caw), 0, 0, NULL);
	if (!caw_cache)
		return -ENOMEM;
	caw_pool = mempool_create_slab_pool(CAW_POOL_SIZE, caw_cache);
	if (!caw_pool)
		goto err_cache;
	page_pool = mempool_create_page_pool(CAW_POOL_SIZE * CAW_BUFFERS, 0);
	if (!page_pool)
		goto err_pool;
	return 0;

err_pool:
	mempool_destroy(caw_pool);
err_cache:
	kmem_cache_destroy(caw_cache);
	return -ENOMEM;
}

/**
 * trbd_compare_write_exit() - undo trbd_compare_write_init()
 *
 * Context: module exit; nothing is in flight.
 */
void trbd_compare_write_exit(void)
{
	mempool_destroy(page_pool);
	mempool_destroy(caw_pool);
	kmem_cache_destroy(caw_cache);
}
