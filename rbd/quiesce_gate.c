// SPDX-License-Identifier: GPL-2.0
/*
 * The gate of an image's mutations: they enter, wait, and leave.
 *
 * The gate is closed while a wish for quiet is in force (rbd/quiesce.c), and while there is a
 * doubt. A notification of a header update is a doubt from the moment that it arrives, however long
 * its handling is delayed. The end of a wish is a doubt, too: there is a new snapshot. Doubts are
 * counted. So reading the header settles the doubts that came before it was read, and no others.
 *
 * Mutations that wait here grow old. Those that have waited longer than the admission time end with
 * BUSY.
 *
 * A header update is acknowledged when no older mutation is in flight any more. Otherwise the
 * operator would be told that a snapshot is made while something is on its way into it. Mutations
 * have turns for that: a new turn begins when the header was read and has a new snapshot.
 *
 * This file does not wait. It takes the gate's lock twice per mutation, for a few instructions.
 */
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>

#include "rados/queues.h"
#include "rbd/quiesce_gate.h"

/* how often to look for mutations that have waited too long */
#define QUIESCE_LOOK_MS		500

/* Call with @lock held. */
static bool quiesce_is_wanted(const struct trbd_quiesce *q)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(q->wishes); i++) {
		if (q->wishes[i].wanted)
			return true;
	}
	return false;
}

/**
 * trbd_quiesce_has_older() - tell whether a mutation is in flight that entered before a turn
 * @q: gate
 * @turn: the turn
 *
 * Context: with the gate's @lock.
 * Return: true if there is such a mutation.
 */
bool trbd_quiesce_has_older(struct trbd_quiesce *q, unsigned int turn)
{
	struct trbd_quiesce_waiter *oldest = list_first_entry_or_null(&q->inside,
								      struct trbd_quiesce_waiter,
								      inside);

	lockdep_assert_held(&q->lock);
	return oldest && (int)(oldest->turn - turn) < 0;
}

/* Call with @lock held. */
static void quiesce_let_in(struct trbd_quiesce *q, struct trbd_quiesce_waiter *waiter)
{
	waiter->turn = q->turn;
	list_add_tail(&waiter->inside, &q->inside);
}

/*
 * Call with @lock held. Return whether an acknowledgment of a header update waits for the end of
 * this turn.
 */
static bool quiesce_update_waits(struct trbd_quiesce *q, unsigned int turn)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(q->updates); i++) {
		if (q->updates[i].unacked && (int)(turn - q->updates[i].turn) < 0)
			return true;
	}
	return false;
}

/**
 * trbd_quiesce_shut() - close the gate, and have the look start
 * @q: gate
 *
 * Context: with the gate's @lock.
 */
void trbd_quiesce_shut(struct trbd_quiesce *q)
{
	lockdep_assert_held(&q->lock);
	q->closed = true;
	if (!q->stopped)
		queue_delayed_work(trbd_tick_wq, &q->look, msecs_to_jiffies(QUIESCE_LOOK_MS));
}

/**
 * trbd_quiesce_add_doubt() - note that the header may have changed, and close the gate
 * @q: gate
 *
 * Context: with the gate's @lock.
 */
void trbd_quiesce_add_doubt(struct trbd_quiesce *q)
{
	lockdep_assert_held(&q->lock);
	if (q->doubts == q->settled)
		q->doubtful = jiffies;
	WRITE_ONCE(q->doubts, q->doubts + 1);
	trbd_quiesce_shut(q);
}

/**
 * trbd_quiesce_refuse() - send away mutations that have waited too long
 * @q: gate; it stays open or closed
 * @age_ms: how long they have waited at least; 0 for all
 *
 * Context: process.
 */
void trbd_quiesce_refuse(struct trbd_quiesce *q, unsigned int age_ms)
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

/**
 * trbd_quiesce_enter() - let a mutation in, or have it wait at the gate
 * @q: gate
 * @waiter: the mutation; its run is set
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
		quiesce_let_in(q, waiter);
	}
	spin_unlock(&q->lock);
	return ret;
}

/**
 * trbd_quiesce_leave() - let a mutation out that is over
 * @q: gate; may be gone when this returns, if this was the last mutation
 * @waiter: the mutation, which has entered
 *
 * Context: any in which a spinlock may be taken.
 */
void trbd_quiesce_leave(struct trbd_quiesce *q, struct trbd_quiesce_waiter *waiter)
{
	bool drained;

	spin_lock(&q->lock);
	list_del(&waiter->inside);
	drained = (q->closed && list_empty(&q->inside)) ||
		  (q->unacked && quiesce_update_waits(q, waiter->turn));
	if (drained && !q->stopped)
		queue_work(trbd_wait_wq, &q->drained);
	spin_unlock(&q->lock);
}

/**
 * trbd_quiesce_turn() - begin a new turn: mutations in flight are older than later ones
 * @q: gate
 *
 * Context: any in which a spinlock may be taken.
 * Return: the new turn, for trbd_quiesce_is_over().
 */
unsigned int trbd_quiesce_turn(struct trbd_quiesce *q)
{
	unsigned int turn;

	spin_lock(&q->lock);
	turn = ++q->turn;
	spin_unlock(&q->lock);
	return turn;
}

/**
 * trbd_quiesce_is_over() - tell whether all mutations from before a turn are over
 * @q: gate
 * @turn: the turn that trbd_quiesce_turn() returned
 *
 * Context: any in which a spinlock may be taken.
 * Return: true if they are.
 */
bool trbd_quiesce_is_over(struct trbd_quiesce *q, unsigned int turn)
{
	bool over;

	spin_lock(&q->lock);
	over = !trbd_quiesce_has_older(q, turn);
	spin_unlock(&q->lock);
	return over;
}

/**
 * trbd_quiesce_update() - tell whether a handled header update may be acknowledged
 * @q: gate; the header has been read, or nothing is written until it has been
 * @ack: the notification to acknowledge later, if not now
 *
 * The client that changed the header relies on the acknowledgment: no write that misses the change
 * comes after it. So the acknowledgment waits for mutations from before the last turn, without
 * holding a thread.
 *
 * Context: any in which a spinlock may be taken.
 * Return: true if none of these is in flight, and the caller must acknowledge. Otherwise the
 * owner's ack is called when they are over; or never, if many more updates come meanwhile. The
 * sender waits for 10 s.
 */
bool trbd_quiesce_update(struct trbd_quiesce *q, const struct trbd_watch_ack *ack)
{
	struct trbd_quiesce_update *update;
	bool older;

	spin_lock(&q->lock);
	older = trbd_quiesce_has_older(q, q->turn);
	if (older) {
		update = &q->updates[q->next_update++ % ARRAY_SIZE(q->updates)];
		/* an update that is not acknowledged by now gives way */
		if (!update->unacked)
			q->unacked++;
		update->unacked = true;
		update->turn = q->turn;
		update->ack = *ack;
	}
	spin_unlock(&q->lock);
	return !older;
}

/**
 * trbd_quiesce_doubt() - let no mutation begin until the header has been read, as it may have
 *	changed
 * @q: gate
 *
 * Context: any in which a spinlock may be taken.
 */
void trbd_quiesce_doubt(struct trbd_quiesce *q)
{
	spin_lock(&q->lock);
	trbd_quiesce_add_doubt(q);
	spin_unlock(&q->lock);
}

/**
 * trbd_quiesce_doubts() - count how often the header may have changed so far
 * @q: gate
 *
 * Context: any.
 * Return: the count. Ask before reading the header, and give it to trbd_quiesce_settle()
 * afterwards.
 */
unsigned int trbd_quiesce_doubts(struct trbd_quiesce *q)
{
	/* the header must be read after this, not before */
	return smp_load_acquire(&q->doubts);
}

/**
 * trbd_quiesce_is_in_doubt() - tell whether the header may have changed since it was read
 * @q: gate
 * @ms: how long the doubt has lasted at least, ms
 *
 * Context: any in which a spinlock may be taken.
 * Return: true if it may.
 */
bool trbd_quiesce_is_in_doubt(struct trbd_quiesce *q, unsigned int ms)
{
	bool doubt;

	if (READ_ONCE(q->settled) == READ_ONCE(q->doubts))
		return false;
	spin_lock(&q->lock);
	doubt = q->settled != q->doubts &&
		time_after_eq(jiffies, q->doubtful + msecs_to_jiffies(ms));
	spin_unlock(&q->lock);
	return doubt;
}

/**
 * trbd_quiesce_settle() - settle earlier doubts, since the header has been read
 * @q: gate
 * @doubts: value of trbd_quiesce_doubts() from before the header was read
 *
 * The gate opens, unless there is a wish or a newer doubt. The mutations that waited then enter.
 *
 * Context: process.
 */
void trbd_quiesce_settle(struct trbd_quiesce *q, unsigned int doubts)
{
	struct trbd_quiesce_waiter *waiter, *next;
	LIST_HEAD(released);

	spin_lock(&q->lock);
	if ((int)(doubts - q->settled) > 0) {
		WRITE_ONCE(q->settled, doubts);
		q->doubtful = jiffies;
	}
	if (q->closed && q->settled == q->doubts && !quiesce_is_wanted(q)) {
		q->closed = false;
		list_splice_init(&q->waiting, &released);
		list_for_each_entry(waiter, &released, node)
			quiesce_let_in(q, waiter);
	}
	spin_unlock(&q->lock);

	list_for_each_entry_safe(waiter, next, &released, node)
		waiter->run(waiter, 0);
}
