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
 * A request that comes again, because it was acknowledged too late, finds the gate as it left it. Several snapshots may
 * be taken at once: the gate opens when the last of them is made, or is not heard of any more. Mutations that wait here
 * grow old, and those that waited longer than the guard's window end with BUSY.
 */
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "rados/clock.h"
#include "rados/queues.h"
#include "rbd/quiesce.h"

/* how often it is looked for what has waited too long */
#define QUIESCE_LOOK_MS		500

static bool quiesce_is_same(const struct trbd_quiesce_id *a, const struct trbd_quiesce_id *b)
{
	return a->gid == b->gid && a->handle == b->handle && a->request == b->request;
}

static bool wish_is_in_force(const struct trbd_quiesce_wish *wish)
{
	return wish->wanted && time_before(jiffies, wish->until);
}

/* @lock held. */
static bool quiesce_is_wanted(struct trbd_quiesce *q)
{
	unsigned int i;

	lockdep_assert_held(&q->lock);
	for (i = 0; i < ARRAY_SIZE(q->wishes); i++) {
		if (wish_is_in_force(&q->wishes[i]))
			return true;
	}
	return false;
}

/* Lets all through, if it is still nobody's wish that they wait. Who waited counts as inside from here on. */
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
	if (closings == q->closings && !quiesce_is_wanted(q)) {
		q->closed = false;
		list_for_each_entry(waiter, &q->waiting, node)
			q->inside++;
		list_splice_init(&q->waiting, &released);
	}
	spin_unlock(&q->lock);

	list_for_each_entry_safe(waiter, next, &released, node)
		waiter->run(waiter, 0);
}

/* Those who have waited for @age_ms go, without having entered. */
static void quiesce_refuse(struct trbd_quiesce *q, unsigned int age_ms)
{
	unsigned long limit = jiffies - msecs_to_jiffies(age_ms);
	struct trbd_quiesce_waiter *waiter, *next;
	LIST_HEAD(refused);

	spin_lock(&q->lock);
	list_for_each_entry_safe(waiter, next, &q->waiting, node) {
		if (!time_after(waiter->since, limit))
			list_move_tail(&waiter->node, &refused);
	}
	spin_unlock(&q->lock);

	list_for_each_entry_safe(waiter, next, &refused, node)
		waiter->run(waiter, -EBUSY);
}

static void quiesce_look(struct work_struct *work)
{
	struct trbd_quiesce *q = container_of(to_delayed_work(work), struct trbd_quiesce, look);
	bool closed, wanted;

	quiesce_refuse(q, TRBD_ADMISSION_MS);
	spin_lock(&q->lock);
	closed = q->closed;
	wanted = quiesce_is_wanted(q);
	spin_unlock(&q->lock);
	if (!closed)
		return;
	queue_delayed_work(trbd_wait_wq, &q->look, msecs_to_jiffies(QUIESCE_LOOK_MS));
	if (!wanted)
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
	memset(q, 0, sizeof(*q));
	q->before_open = before_open;
	q->owner = owner;
	INIT_DELAYED_WORK(&q->look, quiesce_look);
	init_waitqueue_head(&q->drained);
	spin_lock_init(&q->lock);
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
	cancel_delayed_work_sync(&q->look);
}

/**
 * trbd_quiesce_refuse() - send away all who wait, for nothing can be done for them
 * @q: gate; stays as it is
 *
 * Context: process.
 */
void trbd_quiesce_refuse(struct trbd_quiesce *q)
{
	quiesce_refuse(q, 0);
}

/**
 * trbd_quiesce_enter() - a mutation wants to begin
 * @q: gate
 * @waiter: run is set
 *
 * Context: any in which a spinlock may be taken.
 * Return: 0: it has entered, and must leave. -EINPROGRESS: it waits, until @waiter->run is called.
 */
int trbd_quiesce_enter(struct trbd_quiesce *q, struct trbd_quiesce_waiter *waiter)
{
	int ret = 0;

	spin_lock(&q->lock);
	if (q->closed) {
		waiter->since = jiffies;
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

/* @lock held. Return: false when there are too many at once. */
static bool quiesce_note(struct trbd_quiesce *q, const struct trbd_quiesce_id *id)
{
	struct trbd_quiesce_wish *wish, *place = NULL;

	lockdep_assert_held(&q->lock);
	for (wish = q->wishes; wish < q->wishes + ARRAY_SIZE(q->wishes); wish++) {
		if (wish->wanted && quiesce_is_same(&wish->id, id)) {
			place = wish;
			break;
		}
		if (!wish_is_in_force(wish))
			place = wish;
	}
	if (!place)
		return false;
	place->id = *id;
	place->wanted = true;
	place->until = jiffies + msecs_to_jiffies(TRBD_QUIESCE_TIMEOUT_MS);
	return true;
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
	bool noted;

	spin_lock(&q->lock);
	noted = quiesce_note(q, id);
	if (noted) {
		q->closed = true;
		q->closings++;
	}
	spin_unlock(&q->lock);
	if (!noted)
		return false;
	queue_delayed_work(trbd_wait_wq, &q->look, msecs_to_jiffies(QUIESCE_LOOK_MS));

	return wait_event_interruptible_timeout(q->drained, quiesce_is_drained(q), msecs_to_jiffies(wait_ms)) > 0;
}

/**
 * trbd_quiesce_open() - mutations may go on, unless somebody else wants them to wait
 * @q: gate
 * @id: whose wish it was that they should not
 *
 * Context: process; sleeps in before_open.
 */
void trbd_quiesce_open(struct trbd_quiesce *q, const struct trbd_quiesce_id *id)
{
	bool open = false;
	unsigned int i;

	spin_lock(&q->lock);
	for (i = 0; i < ARRAY_SIZE(q->wishes); i++) {
		if (!q->wishes[i].wanted || !quiesce_is_same(&q->wishes[i].id, id))
			continue;
		q->wishes[i].wanted = false;
		open = q->closed && !quiesce_is_wanted(q);
	}
	spin_unlock(&q->lock);
	if (open)
		quiesce_release(q);
}
