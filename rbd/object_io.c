// SPDX-License-Identifier: GPL-2.0
/*
 * I/O on one data object: a read, or a mutation and its fate at the guard (rados/guard.c).
 *
 *	               -ECANCELED         -ECANCELED
 *	  first try ---------------> tag ------------> BUSY: the mutation is stale
 *	   |      ^
 *	   | no   | -EEXIST: somebody was faster
 *	   v      |
 *	   create ---> (done)      in a clone: copy up from the parent, then the first try again
 *
 * The stamp is taken once, at most the admission time after the command was accepted. All tries use
 * it. The way to the OSD may be long and eventful: that does not matter, since the OSD decides.
 * Creating an object is safe at any age, because any later write would have made the object. There
 * are two exceptions: the image shrank in between, which puts the object out of reach; or a
 * snapshot was taken, which puts the data into the wrong time.
 *
 * Small writes to one object share requests (rbd/object_queue.c). If such a request is refused,
 * each of them goes through the above on its own.
 *
 * An I/O for which nobody waits any more ends with BUSY if it was never sent (rados/unsent.c).
 *
 * A mutation that fails was not applied, as far as its last request goes. The requests before it
 * were refused.
 */
#include <linux/ceph/libceph.h>
#include <linux/ceph/osd_client.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/workqueue.h>

#include "compat/uio.h"
#include "rados/clock.h"
#include "rados/guard.h"
#include "rados/session.h"
#include "rados/unsent.h"
#include "rbd/image.h"
#include "rbd/io.h"
#include "rbd/object_io.h"
#include "tracepoints.h"

/* an object that comes and goes more often than this is not worth pursuing */
#define OBJECT_ROUNDS_MAX	8
/* longest write that shares requests, bytes */
#define OBJECT_SMALL_MAX	32768
/* pause before the fallback: some round trips between a gateway and an OSD */
#define OBJECT_PAUSE_MS		16

static int object_io_build_read(struct trbd_object_io *o)
{
	struct trbd_image *image = o->image;
	char name[TRBD_OBJECT_NAME_MAX];

	o->overlaps = trbd_clone_object_overlap(image, o->objno) > o->extent.off;
	trbd_image_object_name(image, o->objno, name);
	o->req = trbd_request_read(image->session, name, &image->data_oloc, image->snap_id,
				   &o->extent);
	return o->req ? 0 : -ENOMEM;
}

/*
 * Truncate if the range reaches the object's end, which frees the space. An object that is zeroed
 * as a whole keeps its stamp this way.
 */
static enum trbd_mutation_kind object_io_zero_kind(const struct trbd_object_io *o)
{
	return o->extent.off + o->extent.len == trbd_image_object_size(o->image)
		       ? TRBD_MUTATION_TRUNCATE
		       : TRBD_MUTATION_ZERO;
}

/*
 * Build the request for a mutation and its batch, if it has one. The guard must let all of them
 * pass, and its new stamp must hold off everything that is older than any of them.
 */
static int object_io_build_mutation(struct trbd_object_io *o, enum trbd_guard_mode mode)
{
	struct trbd_image *image = o->image;
	struct trbd_mutation mutation = {
		.extent = o->extent,
		.guard = o->guard,
		.snapc = o->snapc,
	};
	char name[TRBD_OBJECT_NAME_MAX];
	struct trbd_object_io *other;

	o->guard->mode = mode;
	o->guard->limit = o->limit;
	o->guard->value = o->stamp;
	if (mode == TRBD_GUARD_TAG)
		o->guard->limit = trbd_clock_granule_end(o->accepted_ms + TRBD_ADMISSION_MS);
	list_for_each_entry(other, &o->place.batch, place.node) {
		mutation.more[mutation.num_more++] = &other->extent;
		o->guard->limit = min(o->guard->limit, other->limit);
		o->guard->value = max(o->guard->value, other->stamp);
	}

	if (o->op == TRBD_IO_WRITE)
		mutation.kind = TRBD_MUTATION_WRITE;
	else if (mode == TRBD_GUARD_CREATE)
		mutation.kind = TRBD_MUTATION_NONE;	/* a new object is all zeros */
	else
		mutation.kind = object_io_zero_kind(o);

	trbd_image_object_name(image, o->objno, name);
	o->req = trbd_request_mutate(image->session, name, &image->data_oloc, &mutation);
	return o->req ? 0 : -ENOMEM;
}

/*
 * Tell whether a write may share requests, see rbd/object_queue.c. A larger write gains more from
 * being on its way while the one before it is written.
 */
static bool object_io_is_small(const struct trbd_object_io *o)
{
	return o->op == TRBD_IO_WRITE && o->extent.len <= OBJECT_SMALL_MAX;
}

/**
 * trbd_object_io_prepare() - get everything that an object I/O needs to start
 * @o: object I/O, with all fields set up to @unwanted
 *
 * Context: may sleep for memory, never for the network.
 * Return: 0; -ENOMEM; -EBUSY if the command is too old to be stamped. In every case the caller must
 * call trbd_object_io_free() in the end.
 */
int trbd_object_io_prepare(struct trbd_object_io *o)
{
	struct trbd_clock *clock = o->image->clock;
	u64 now_ms;

	o->guard = NULL;
	o->req = NULL;
	o->rounds = 0;
	o->place.leads = false;
	INIT_LIST_HEAD(&o->place.batch);
	if (o->op == TRBD_IO_READ)
		return object_io_build_read(o);

	o->guard = trbd_guard_alloc();
	if (!o->guard)
		return -ENOMEM;
	/* the check and the stamp use the same reading of the clock */
	now_ms = trbd_clock_now(clock);
	if (now_ms > o->accepted_ms + TRBD_ADMISSION_MS) {
		atomic64_inc(&o->image->stats.late);
		return -EBUSY;
	}
	o->limit = trbd_clock_granule_end(now_ms);
	o->stamp = trbd_clock_stamp(clock, now_ms);
	/* a write that has to wait is built when its turn comes */
	if (object_io_is_small(o) && trbd_object_queue_is_busy(&o->image->object_queue, o->objno))
		return 0;
	return object_io_build_mutation(o, TRBD_GUARD_STAMP);
}

static void object_io_zero_from(struct trbd_object_io *o, u64 off)
{
	struct iov_iter iter;

	iov_iter_bvec(&iter, ITER_DEST, o->extent.bvecs, o->extent.num_bvecs, o->extent.len);
	iov_iter_advance(&iter, off);
	iov_iter_zero(o->extent.len - off, &iter);
}

/* Tell whether -ENOENT means that the object is missing, and not the pool. */
static bool object_io_is_hole(struct trbd_object_io *o, int result)
{
	return result == -ENOENT &&
	       trbd_session_pool_exists(o->image->session, o->image->data_oloc.pool);
}

static void object_io_send(struct trbd_object_io *o);

/*
 * Read the object again. The parent has changed or is gone, and the clone may have the former
 * parent's data by now.
 */
static int object_io_read_again(struct trbd_object_io *o)
{
	int ret;

	if (++o->rounds > OBJECT_ROUNDS_MAX)
		return -EBUSY;
	trbd_request_put(o->req);
	ret = object_io_build_read(o);
	if (ret)
		return ret;
	object_io_send(o);
	return -EINPROGRESS;
}

static void object_io_parent_read(void *arg, int result, bool holes)
{
	struct trbd_object_io *o = arg;

	if (result == -EAGAIN)
		result = object_io_read_again(o);
	else if (!result && holes && o->holes)
		WRITE_ONCE(*o->holes, true);
	if (result != -EINPROGRESS)
		o->done(o, result);
}

static int object_io_read_hole(struct trbd_object_io *o)
{
	int ret;

	if (trbd_clone_object_overlap(o->image, o->objno) > o->extent.off) {
		ret = trbd_clone_read(o->image, o->objno, &o->extent, object_io_parent_read, o);
		return ret ? ret : -EINPROGRESS;
	}
	/* flattened since the object was read */
	if (o->overlaps)
		return object_io_read_again(o);
	object_io_zero_from(o, 0);
	if (o->holes)
		WRITE_ONCE(*o->holes, true);
	return 0;
}

/*
 * Zero the part for which there is no object, or which lies beyond the object's end; or read it
 * from the parent.
 */
static int object_io_finish_read(struct trbd_object_io *o, int result)
{
	if (object_io_is_hole(o, result))
		return trbd_image_check_hole(o->image) ?: object_io_read_hole(o);
	if (result < 0)
		return result == -ENOENT ? -ENXIO : result;
	if (result > o->extent.len)
		return -EBADMSG;
	if (result < o->extent.len)
		object_io_zero_from(o, result);
	return 0;
}

static int object_io_retry(struct trbd_object_io *o, enum trbd_guard_mode mode);

static void object_io_fall_back(struct work_struct *work)
{
	struct trbd_object_io *o = container_of(to_delayed_work(work), struct trbd_object_io,
						later);
	int ret = object_io_retry(o, TRBD_GUARD_TAG);

	if (ret != -EINPROGRESS)
		o->done(o, ret);
}

static void object_io_trace_refused(const struct trbd_object_io *o, bool again)
{
	if (trace_trbd_write_refused_enabled())
		trace_trbd_write_refused(o->image->name, o->objno,
					 trbd_clock_now(o->image->clock) - o->accepted_ms, again);
}

/*
 * Another mutation was here with a later stamp. It may be a COMPARE AND WRITE of another gateway
 * that was disturbed before, and asks for a moment of quiet (rbd/compare_write.c). The pause gives
 * it time for its other requests.
 */
static int object_io_defer_fallback(struct trbd_object_io *o)
{
	atomic64_inc(&o->image->stats.fallbacks);
	object_io_trace_refused(o, true);
	INIT_DELAYED_WORK(&o->later, object_io_fall_back);
	queue_delayed_work(trbd_io_wq, &o->later, msecs_to_jiffies(OBJECT_PAUSE_MS));
	return -EINPROGRESS;
}

/*
 * Try again in another way. Time has passed. A client that took a snapshot or changed the size
 * since then was told that we know, so it must not see a change that ignores this.
 */
static int object_io_retry(struct trbd_object_io *o, enum trbd_guard_mode mode)
{
	int ret = trbd_image_check_state(o->image, o->snapc, o->size);

	trbd_request_put(o->req);
	o->req = NULL;
	if (!ret)
		ret = object_io_build_mutation(o, mode);
	if (ret)
		return ret;
	object_io_send(o);
	return -EINPROGRESS;
}

static void object_io_copied_up(void *arg, int result)
{
	struct trbd_object_io *o = arg;

	if (!result)
		result = object_io_retry(o, TRBD_GUARD_STAMP);
	else if (result > 0 && o->op == TRBD_IO_DISCARD)
		result = 0;	/* neither the clone nor the parent has anything there */
	else if (result > 0)
		result = object_io_retry(o, TRBD_GUARD_CREATE);
	if (result != -EINPROGRESS)
		o->done(o, result);
}

/* Deal with a first try or a fallback that found no object. */
static int object_io_missing(struct trbd_object_io *o)
{
	u64 overlap = trbd_clone_object_overlap(o->image, o->objno);
	int ret;

	if (!object_io_is_hole(o, -ENOENT))
		return -ENXIO;
	if (o->op == TRBD_IO_DISCARD && o->extent.off >= overlap)
		return 0;
	if (++o->rounds > OBJECT_ROUNDS_MAX)
		return -EBUSY;
	/*
	 * A mutation that covers the whole overlap hides all of the parent's data, so a copyup
	 * seems needless. But a snapshot still sees the parent's data, and a flatten that finds the
	 * object there leaves the snapshot without them.
	 */
	if (!overlap || (!o->extent.off && o->extent.len >= overlap && !o->snapc->num_snaps))
		return object_io_retry(o, TRBD_GUARD_CREATE);
	o->copyup.done = object_io_copied_up;
	o->copyup.arg = o;
	ret = trbd_clone_copyup(o->image, o->objno, &o->copyup);
	return ret ? ret : -EINPROGRESS;
}

/*
 * Both tries were refused. If the mutation is old, this is the purpose of the guard. If it is
 * young, the object is ahead of a clock that all gateways share: its stamp is damaged, or another
 * group's clock made it. If the clock moved up to it, one damaged object could move the time of the
 * whole pool. So a person has to decide.
 */
static void object_io_refused(struct trbd_object_io *o)
{
	struct trbd_image *image = o->image;
	char name[TRBD_OBJECT_NAME_MAX];

	atomic64_inc(&image->stats.stale);
	object_io_trace_refused(o, false);
	if (trbd_clock_now(image->clock) > o->accepted_ms + TRBD_ADMISSION_MS / 2)
		return;
	trbd_image_object_name(image, o->objno, name);
	pr_warn_ratelimited("%s: object %s (pool %lld) has a stamp from the future and refuses writes; if it goes on, the stamp is damaged or from another cluster: rados -p POOL rmxattr %s tcr.stamp\n",
			    image->name, name, image->data_oloc.pool, name);
}

/* Return the result of the mutation, or -EINPROGRESS if it goes on. */
static int object_io_next(struct trbd_object_io *o, int result)
{
	switch (result) {
	case -ECANCELED:
		if (o->guard->mode == TRBD_GUARD_STAMP)
			return object_io_defer_fallback(o);
		object_io_refused(o);
		return -EBUSY;
	case -ENOENT:
		return object_io_missing(o);
	case -EEXIST:
		if (o->guard->mode == TRBD_GUARD_CREATE)
			return object_io_retry(o, TRBD_GUARD_STAMP);
		return -EIO;
	default:
		return min(result, 0);
	}
}

static void object_io_settle(struct trbd_object_io *o, int result, bool shared)
{
	if (shared && (result == -ECANCELED || result == -ENOENT))
		result = object_io_retry(o, TRBD_GUARD_STAMP);
	else
		result = object_io_next(o, result);
	if (result != -EINPROGRESS)
		o->done(o, result);
}

/*
 * Settle a write and its batch. If their shared request was refused, try each on its own: the
 * reason may not hold for all of them.
 */
static void object_io_settle_batch(struct trbd_object_io *o, int result)
{
	struct trbd_object_io *other, *next;
	bool shared = !list_empty(&o->place.batch);
	LIST_HEAD(batch);

	list_splice_init(&o->place.batch, &batch);
	list_for_each_entry_safe(other, next, &batch, place.node) {
		atomic64_inc(&o->image->stats.shared);
		object_io_settle(other, result, shared);
	}
	object_io_settle(o, result, shared);
}

static void object_io_leave(struct trbd_object_io *o)
{
	trbd_object_queue_leave(&o->image->object_queue, &o->place);
}

static void object_io_end_work(struct work_struct *work)
{
	struct trbd_object_io *o = container_of(to_delayed_work(work), struct trbd_object_io,
						later);
	struct trbd_object_io *other, *next;
	LIST_HEAD(batch);

	object_io_leave(o);
	list_splice_init(&o->place.batch, &batch);
	list_for_each_entry_safe(other, next, &batch, place.node)
		other->done(other, o->result);
	o->done(o, o->result);
}

/*
 * End a write and its batch from the workqueue. Those that wait behind them may have to end as
 * well. Ended from here, each would run on the stack of the one before.
 */
static void object_io_end_later(struct trbd_object_io *o, int result)
{
	o->result = result;
	INIT_DELAYED_WORK(&o->later, object_io_end_work);
	queue_delayed_work(trbd_io_wq, &o->later, 0);
}

/*
 * Send a write and its batch, whose turn has come. All began with the same snapshots and the same
 * size.
 */
static void object_io_lead(struct trbd_queue_place *place)
{
	struct trbd_object_io *o = container_of(place, struct trbd_object_io, place);
	int ret = 0;

	if (place->waited)
		ret = trbd_image_check_state(o->image, o->snapc, o->size);
	if (!ret && (!o->req || !list_empty(&o->place.batch))) {
		trbd_request_put(o->req);
		o->req = NULL;
		ret = object_io_build_mutation(o, TRBD_GUARD_STAMP);
	}
	if (ret)
		object_io_end_later(o, ret);
	else
		object_io_send(o);
}

/* Runs in messenger context or on libceph's completion workqueue. */
static void object_io_done(struct ceph_osd_request *req)
{
	struct trbd_object_io *o = req->r_priv;
	int result = trbd_request_result(req);

	if (o->place.leads) {
		object_io_leave(o);
		object_io_settle_batch(o, result);
		return;
	}
	if (o->op == TRBD_IO_READ)
		result = object_io_finish_read(o, result);
	else
		result = object_io_next(o, result);
	if (result != -EINPROGRESS)
		o->done(o, result);
}

static void object_io_send(struct trbd_object_io *o)
{
	trbd_request_submit(o->req, object_io_done, o);
}

static bool object_io_waits_in_vain(const struct trbd_queue_place *place)
{
	const struct trbd_object_io *o = container_of(place, struct trbd_object_io, place);

	return o->unwanted(o);
}

/**
 * trbd_object_io_submit() - send a prepared object I/O
 * @o: prepared object I/O
 *
 * Context: may sleep for locks, never for the network.
 */
void trbd_object_io_submit(struct trbd_object_io *o)
{
	if (!object_io_is_small(o)) {
		object_io_send(o);
		return;
	}
	o->place.objno = o->objno;
	o->place.merge_key = o->snapc;
	o->place.lead = object_io_lead;
	o->place.unwanted = object_io_waits_in_vain;
	trbd_object_queue_enter(&o->image->object_queue, &o->place);
}

/**
 * trbd_object_io_free() - give back everything that an object I/O needed
 * @o: object I/O that was prepared and not submitted, or that is done
 */
void trbd_object_io_free(struct trbd_object_io *o)
{
	if (o->req)
		trbd_request_put(o->req);
	trbd_guard_free(o->guard);
}

/* Tell whether nobody waits any more for a write and those that share its request. */
static bool object_io_is_unwanted(void *priv)
{
	const struct trbd_object_io *o = priv, *other;

	/* no other write joins while the request is in flight */
	list_for_each_entry(other, &o->place.batch, place.node) {
		if (!other->unwanted(other))
			return false;
	}
	return o->unwanted(o);
}

/**
 * trbd_object_io_cancel_unwanted() - end I/O for which nobody waits, if it was never sent
 * @image: open image
 *
 * This looks at the requests that libceph has, of all images of the session, and at the writes of
 * this image that wait for their turn. It leaves out copyups and COMPARE AND WRITE.
 *
 * Context: process; sleeps for libceph's locks, never for the network.
 */
void trbd_object_io_cancel_unwanted(struct trbd_image *image)
{
	struct trbd_object_io *o, *next;
	LIST_HEAD(taken);

	trbd_unsent_cancel(image->session, object_io_done, object_io_is_unwanted);
	trbd_object_queue_take_unwanted(&image->object_queue, &taken);
	list_for_each_entry_safe(o, next, &taken, place.node)
		o->done(o, -EBUSY);
}
