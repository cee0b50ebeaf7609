// SPDX-License-Identifier: GPL-2.0
/*
 * The gate of an image's mutations: they enter, wait, and leave.
 *
 * The gate is closed while somebody wishes it (rbd/quiesce.c), and while there is a doubt. A
 * notification of a header update is a doubt from the moment that it arrives, however long it takes
 * until somebody handles it. The end of a wish is a doubt, too: there is a new snapshot. Doubts are
 * counted, so that reading the header settles those that came before it was read, and no others.
 *
 * Mutations that wait here grow old, and those that waited longer than the admission time end with
 * BUSY.
 *
 * A header update is acknowledged when no mutation is in flight any more that is older, or the
 * operator would be told that a snapshot is made while something is on its way into it. Mutations
 * have turns for that: a new one begins when the header was read and has a new snapshot.
 *
 * This file does not wait, and takes the gate's lock twice per mutation, for a few instructions.
 */
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>

#include "rados/queues.h"
#include "rbd/quiesce_gate.h"

/* how often to look for mutations that have waited too long */
#define QUIESCE_LOOK_MS		500

/* @lock held. */
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
 * Return: true if one is.
 */
bool trbd_quiesce_has_older(struct trbd_quiesce *q, unsigned int turn)
{
	struct trbd_quiesce_waiter *oldest = list_first_entry_or_null(&q->inside,
								      struct trbd_quiesce_waiter,
								      inside);

	lockdep_assert_held(&q->lock);
	return oldest && (int)(oldest->turn - turn) < 0;
}

/* @lock held. */
static void quiesce_let_in(struct trbd_quiesce *q, struct trbd_quiesce_waiter *waiter)
{
	waiter->turn = q->turn;
	list_add_tail(&waiter->inside, &q->inside);
}

/* @lock held. Return: does an acknowledgment of a header update wait for this turn to be over? */
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
 * trbd_quiesce_shut() - close the gate, and look after it from now on
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
 * @q: gate; stays as it is
 * @age_ms: for how long they have waited at least; 0 for all
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
		quiesce_let_in(q, waiter);
	}
	spin_unlock(&q->lock);
	return ret;
}

/**
 * trbd_quiesce_leave() - a mutation that has entered is over
 * @q: gate; may be gone when this returns, if this was the last mutation
 * @waiter: the mutation
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
 * trbd_quiesce_turn() - mutations that are in flight now are older than what comes next
 * @q: gate
 *
 * Context: any in which a spinlock may be taken.
 * Return: for trbd_quiesce_is_over().
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
 * trbd_quiesce_is_over() - are all mutations over that were in flight then?
 * @q: gate
 * @turn: what trbd_quiesce_turn() returned then
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
 * trbd_quiesce_update() - a header update was handled: may it be acknowledged?
 * @q: gate; the header has been read, or nothing is written until it has been
 * @ack: what is acknowledged later, if not now
 *
 * The client that changed the header relies on the acknowledgment: no write that misses the change
 * comes after it. So this waits for mutations from before the last turn, without holding a thread.
 *
 * Context: any in which a spinlock may be taken.
 * Return: true when none of these is in flight, and the caller acknowledges. Otherwise the owner's
 * ack is called when they are over; or never, when many more updates come meanwhile. Whoever sent
 * it waits for 10 s.
 */
bool trbd_quiesce_update(struct trbd_quiesce *q, const struct trbd_watch_ack *ack)
{
	struct trbd_quiesce_update *update;
	bool older;

	spin_lock(&q->lock);
	older = trbd_quiesce_has_older(q, q->turn);
	if (older) {
		update = &q->updates[q->next_update++ % ARRAY_SIZE(q->updates)];
		/* one that is not acknowledged by now gives way */
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
 * trbd_quiesce_doubt() - the header may have changed: let no mutation begin until it has been read
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
 * trbd_quiesce_doubts() - how often the header may have changed so far
 * @q: gate
 *
 * Context: any.
 * Return: to be asked before the header is read, and given to trbd_quiesce_settle() afterwards.
 */
unsigned int trbd_quiesce_doubts(struct trbd_quiesce *q)
{
	/* the header is read after this, not before */
	return smp_load_acquire(&q->doubts);
}

/**
 * trbd_quiesce_is_in_doubt() - may the header have changed since it was read?
 * @q: gate
 * @ms: for at least this long
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
 * trbd_quiesce_settle() - the header has been read; open the gate if nobody has a wish or newer
 * doubts
 * @q: gate
 * @doubts: trbd_quiesce_doubts() from before it was read
 *
 * Those who waited enter.
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
