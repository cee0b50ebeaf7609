// SPDX-License-Identifier: GPL-2.0
/*
 * Quiescing: a snapshot is one point in time across all gateways.
 *
 * librbd, before it takes a snapshot, asks every watcher of the image to stop writing, and goes on when all have
 * acknowledged. Afterwards it tells them to go on, and sends the header update only then. So the new snapshot
 * context is read before the gate opens; a mutation that was let through with the old one would change the
 * snapshot.
 *
 *	open --- close: mutations wait ---> closing --- the last one has left ---> closed: acknowledged
 *	  ^                                                                          |
 *	  +--- snapshot context is read <--- told to go on, or nothing heard for long +
 *
 * A request that comes again, because it was acknowledged too late, finds the gate as it left it. Mutations that
 * wait here grow old, and those that wait longer than the guard's window end with BUSY when they are let through.
 */
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/sched.h>

#include "rbd/quiesce.h"

static bool quiesce_is_same(const struct trbd_quiesce_id *a, const struct trbd_quiesce_id *b)
{
	return a->gid == b->gid && a->handle == b->handle && a->request == b->request;
}

/* Lets all through, unless it was closed anew meanwhile. Who waited counts as inside from here on. */
static void quiesce_release(struct trbd_quiesce *q)
{
	struct trbd_quiesce_waiter *waiter, *next;
	unsigned int closings;
	LIST_HEAD(released);

	spin_lock(&q->lock);
	closings = q->closings;
	spin_unlock(&q->lock);
	q->before_open(q->owner);

	spin_lock(&q->lock);
	if (closings == q->closings) {
		q->closed = false;
		list_for_each_entry(waiter, &q->waiting, node)
			q->inside++;
		list_splice_init(&q->waiting, &released);
	}
	spin_unlock(&q->lock);

	list_for_each_entry_safe(waiter, next, &released, node)
		waiter->run(waiter);
}

static void quiesce_timed_out(struct work_struct *work)
{
	struct trbd_quiesce *q = container_of(to_delayed_work(work), struct trbd_quiesce, timeout);

	quiesce_release(q);
}

/**
 * trbd_quiesce_init() - an open gate
 * @q: gate
 * @before_open: called before the gate opens again
 * @owner: its argument
 */
void trbd_quiesce_init(struct trbd_quiesce *q, void (*before_open)(void *owner), void *owner)
{
	q->before_open = before_open;
	q->owner = owner;
	INIT_DELAYED_WORK(&q->timeout, quiesce_timed_out);
	init_waitqueue_head(&q->drained);
	spin_lock_init(&q->lock);
	q->closed = false;
	q->closings = 0;
	q->inside = 0;
	INIT_LIST_HEAD(&q->waiting);
}

/**
 * trbd_quiesce_stop() - the gate is not needed any more
 * @q: gate; nobody waits, and nobody closes it any more
 *
 * Context: may sleep.
 */
void trbd_quiesce_stop(struct trbd_quiesce *q)
{
	cancel_delayed_work_sync(&q->timeout);
}

/**
 * trbd_quiesce_enter() - a mutation wants to begin
 * @q: gate
 * @waiter: run is set
 *
 * Context: any in which a spinlock may be taken.
 * Return: 0: it has entered, and must leave. -EINPROGRESS: it waits; when @waiter->run is called, it has entered.
 */
int trbd_quiesce_enter(struct trbd_quiesce *q, struct trbd_quiesce_waiter *waiter)
{
	int ret = 0;

	spin_lock(&q->lock);
	if (q->closed) {
		list_add_tail(&waiter->node, &q->waiting);
		ret = -EINPROGRESS;
	} else {
		q->inside++;
	}
	spin_unlock(&q->lock);
	return ret;
}

/**
 * trbd_quiesce_leave() - a mutation that has entered is over
 * @q: gate; may be gone when this returns, if this was the last mutation
 *
 * Context: any in which a spinlock may be taken.
 */
void trbd_quiesce_leave(struct trbd_quiesce *q)
{
	spin_lock(&q->lock);
	q->inside--;
	if (!q->inside && q->closed)
		wake_up(&q->drained);
	spin_unlock(&q->lock);
}

static bool quiesce_is_drained(struct trbd_quiesce *q)
{
	bool drained;

	spin_lock(&q->lock);
	drained = !q->inside;
	spin_unlock(&q->lock);
	return drained;
}

/**
 * trbd_quiesce_close() - let no mutation begin, and wait for those in flight
 * @q: gate
 * @id: whose wish it is; the same one may come again
 * @wait_ms: for how long to wait
 *
 * Context: process; sleeps up to @wait_ms, less after a fatal signal.
 * Return: true when nothing is in flight any more.
 */
bool trbd_quiesce_close(struct trbd_quiesce *q, const struct trbd_quiesce_id *id, unsigned int wait_ms)
{
	spin_lock(&q->lock);
	q->closed = true;
	q->closings++;
	q->id = *id;
	spin_unlock(&q->lock);
	mod_delayed_work(system_long_wq, &q->timeout, msecs_to_jiffies(TRBD_QUIESCE_TIMEOUT_MS));

	return wait_event_interruptible_timeout(q->drained, quiesce_is_drained(q), msecs_to_jiffies(wait_ms)) > 0;
}

/**
 * trbd_quiesce_open() - mutations may go on
 * @q: gate
 * @id: whose wish it was that they should not; others' wishes stay
 *
 * Context: process; sleeps in before_open.
 */
void trbd_quiesce_open(struct trbd_quiesce *q, const struct trbd_quiesce_id *id)
{
	bool mine;

	spin_lock(&q->lock);
	mine = q->closed && quiesce_is_same(&q->id, id);
	spin_unlock(&q->lock);
	if (!mine)
		return;
	cancel_delayed_work_sync(&q->timeout);
	quiesce_release(q);
}
