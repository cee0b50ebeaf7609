// SPDX-License-Identifier: GPL-2.0
/*
 * Quiescing: a snapshot is one point in time across all gateways.
 *
 * Before librbd takes a snapshot, it asks every watcher of the image to stop writing, and goes on
 * when all have acknowledged. Afterwards it tells them to go on, and only then sends the header
 * update. So this gateway reads the new snapshot context before the gate opens: a mutation that
 * passed with the old one would change the snapshot.
 *
 *	      wish (QUIESCE)                        last one leaves: acknowledged
 *	open ----------------> closed, changes in flight -------------------------> closed
 *	 ^  |                                                                        |
 *	 |  | doubt: the header may have changed    wish is taken back (UNQUIESCE)   |
 *	 |  v                                       or lapses                        v
 *	 +--- the header has been read since the last doubt, no wish is left <--- in doubt
 *
 * librbd repeats a request that was acknowledged too late. The repeated request finds the gate as
 * it left it. Several snapshots may be taken at once: the gate opens when the last of them is made.
 *
 * A wish lapses when its owner has not been heard of for 10 s and does not watch the image any
 * more, or after 60 s: librbd may need longer than 10 s, when monitors elect a leader. A gateway
 * that joins, or watches again, between QUIESCE and UNQUIESCE asks the others which wishes they
 * know (rbd/inquiry.c). If none of them answers, this gateway hears only of the UNQUIESCE, which is
 * a doubt then as well.
 *
 * rbd/quiesce_gate.c has the gate itself, and the doubts.
 *
 * Three works share this. The look never waits: if it did, nothing would refuse commands at the
 * gate meanwhile. The other two may wait for the cluster: one ends wishes, one acknowledges. The
 * watch's thread waits for no mutation, since it has other notifications to answer.
 */
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/string.h>

#include "protocol.h"
#include "rados/queues.h"
#include "rbd/quiesce.h"

/* how often to ask whether the owner of a wish is still there, once it was not heard of for long */
#define QUIESCE_ASK_MS		2000

static bool quiesce_is_same(const struct trbd_quiesce_id *a, const struct trbd_quiesce_id *b)
{
	return a->gid == b->gid && a->handle == b->handle && a->request == b->request;
}

/* Call with @lock held. */
static bool wish_is_due(const struct trbd_quiesce_wish *wish)
{
	return wish->wanted && time_after_eq(jiffies, wish->until);
}

static void quiesce_look(struct work_struct *work)
{
	struct trbd_quiesce *q = container_of(to_delayed_work(work), struct trbd_quiesce, look);
	bool due = false;
	unsigned int i;

	trbd_quiesce_refuse(q, TRBD_ADMISSION_MS);
	spin_lock(&q->lock);
	for (i = 0; i < ARRAY_SIZE(q->wishes); i++)
		due |= wish_is_due(&q->wishes[i]);
	if (due && !q->stopped)
		queue_work(trbd_wait_wq, &q->lapse);
	if (q->closed)
		trbd_quiesce_shut(q);
	spin_unlock(&q->lock);
}

/* Return whether the wish has lapsed: its time is over, and its owner is gone or takes too long. */
static bool wish_has_lapsed(struct trbd_quiesce *q, struct trbd_quiesce_wish *wish)
{
	const unsigned long ask = msecs_to_jiffies(QUIESCE_ASK_MS);
	struct trbd_quiesce_id id;
	bool due, late, lapsed;

	spin_lock(&q->lock);
	id = wish->id;
	due = wish_is_due(wish) && !q->stopped;
	late = time_after_eq(jiffies, wish->heard + msecs_to_jiffies(TRBD_QUIESCE_MAX_MS));
	spin_unlock(&q->lock);
	if (!due)
		return false;
	late = late || !q->ops->is_there(q->owner, &id);

	spin_lock(&q->lock);
	/* the wish may have been taken back, or repeated, meanwhile */
	lapsed = late && wish_is_due(wish) && quiesce_is_same(&wish->id, &id);
	if (lapsed) {
		wish->wanted = false;
		wish->lapsed = true;
		trbd_quiesce_add_doubt(q);
	} else if (wish_is_due(wish)) {
		wish->until = jiffies + ask;
	}
	spin_unlock(&q->lock);
	return lapsed;
}

static void quiesce_lapse(struct work_struct *work)
{
	struct trbd_quiesce *q = container_of(work, struct trbd_quiesce, lapse);
	bool lapsed = false;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(q->wishes); i++)
		lapsed |= wish_has_lapsed(q, &q->wishes[i]);
	if (lapsed)
		q->ops->refresh(q->owner);
}

/*
 * Call with @lock held. Take an acknowledgment of a wish that waits for nothing any more. Return
 * whether there was one.
 */
static bool quiesce_take_wish_ack(struct trbd_quiesce *q, struct trbd_watch_ack *ack)
{
	struct trbd_quiesce_wish *wish;

	lockdep_assert_held(&q->lock);
	if (!list_empty(&q->inside))
		return false;
	for (wish = q->wishes; wish < q->wishes + ARRAY_SIZE(q->wishes); wish++) {
		if (!wish->wanted || !wish->unacked)
			continue;
		wish->unacked = false;
		*ack = wish->ack;
		return true;
	}
	return false;
}

/* Call with @lock held. Do the same for header updates. */
static bool quiesce_take_update_ack(struct trbd_quiesce *q, struct trbd_watch_ack *ack)
{
	struct trbd_quiesce_update *update;

	for (update = q->updates; update < q->updates + ARRAY_SIZE(q->updates); update++) {
		if (!update->unacked || trbd_quiesce_has_older(q, update->turn))
			continue;
		update->unacked = false;
		q->unacked--;
		*ack = update->ack;
		return true;
	}
	return false;
}

/*
 * Take one at a time: while an acknowledgment is on its way, the wish behind the next one may be
 * taken back.
 */
static void quiesce_drained(struct work_struct *work)
{
	struct trbd_quiesce *q = container_of(work, struct trbd_quiesce, drained);
	struct trbd_watch_ack ack;
	bool taken;

	do {
		spin_lock(&q->lock);
		taken = quiesce_take_wish_ack(q, &ack) || quiesce_take_update_ack(q, &ack);
		spin_unlock(&q->lock);
		if (taken)
			q->ops->ack(q->owner, &ack);
	} while (taken);
}

/**
 * trbd_quiesce_init() - prepare an open gate
 * @q: gate
 * @ops: callbacks to the owner
 * @owner: argument of @ops
 */
void trbd_quiesce_init(struct trbd_quiesce *q, const struct trbd_quiesce_ops *ops, void *owner)
{
	memset(q, 0, sizeof(*q));
	q->ops = ops;
	q->owner = owner;
	INIT_DELAYED_WORK(&q->look, quiesce_look);
	INIT_WORK(&q->lapse, quiesce_lapse);
	INIT_WORK(&q->drained, quiesce_drained);
	spin_lock_init(&q->lock);
	INIT_LIST_HEAD(&q->inside);
	INIT_LIST_HEAD(&q->waiting);
}

/**
 * trbd_quiesce_stop() - end the works of a gate
 * @q: gate at which nobody waits, and which nobody closes any more
 *
 * Context: may sleep for answers of the cluster, up to the session's mount_timeout for each.
 */
void trbd_quiesce_stop(struct trbd_quiesce *q)
{
	spin_lock(&q->lock);
	q->stopped = true;
	spin_unlock(&q->lock);
	cancel_delayed_work_sync(&q->look);
	cancel_work_sync(&q->lapse);
	cancel_work_sync(&q->drained);
}

/*
 * Call with @lock held. Return a place in which to note the wish; NULL if there are too many
 * wishes.
 */
static struct trbd_quiesce_wish *quiesce_find_place(struct trbd_quiesce *q,
						    const struct trbd_quiesce_id *id)
{
	struct trbd_quiesce_wish *wish, *place = NULL;

	lockdep_assert_held(&q->lock);
	for (wish = q->wishes; wish < q->wishes + ARRAY_SIZE(q->wishes); wish++) {
		if ((wish->wanted || wish->lapsed) && quiesce_is_same(&wish->id, id))
			return wish;
		if (!wish->wanted && (!place || place->lapsed))
			place = wish;
	}
	return place;
}

/**
 * trbd_quiesce_close() - close the gate for a wish, and ask to hear when no mutation is in flight
 * @q: gate
 * @id: identity of the wish; the same one may come again
 * @ack: the notification to acknowledge then, unless the wish comes again
 *
 * Context: any in which a spinlock may be taken.
 * Return: true if nothing is in flight any more, and the caller must acknowledge. Otherwise the
 * owner's ack is called later, or never if there are too many wishes.
 */
bool trbd_quiesce_close(struct trbd_quiesce *q, const struct trbd_quiesce_id *id,
			const struct trbd_watch_ack *ack)
{
	struct trbd_quiesce_wish *wish;
	bool drained = false;

	spin_lock(&q->lock);
	wish = quiesce_find_place(q, id);
	if (wish) {
		drained = list_empty(&q->inside);
		*wish = (struct trbd_quiesce_wish) {
			.id = *id,
			.wanted = true,
			.unacked = !drained,
			.ack = *ack,
			.heard = jiffies,
			.until = jiffies + msecs_to_jiffies(TRBD_QUIESCE_TIMEOUT_MS),
		};
		trbd_quiesce_shut(q);
	}
	spin_unlock(&q->lock);
	return drained;
}

/* Take a wish back. Return the state that it was in. */
static enum trbd_quiesce_end quiesce_take_back(struct trbd_quiesce *q,
					       const struct trbd_quiesce_id *id)
{
	enum trbd_quiesce_end end = TRBD_QUIESCE_UNKNOWN;
	struct trbd_quiesce_wish *wish;

	spin_lock(&q->lock);
	for (wish = q->wishes; wish < q->wishes + ARRAY_SIZE(q->wishes); wish++) {
		if ((!wish->wanted && !wish->lapsed) || !quiesce_is_same(&wish->id, id))
			continue;
		end = wish->lapsed ? TRBD_QUIESCE_LAPSED : TRBD_QUIESCE_KNOWN;
		wish->wanted = false;
		wish->lapsed = false;
	}
	q->ended[q->next_ended++ % ARRAY_SIZE(q->ended)] = *id;
	/* known or not, there may be a new snapshot */
	trbd_quiesce_add_doubt(q);
	spin_unlock(&q->lock);
	return end;
}

/**
 * trbd_quiesce_open() - take back a wish
 * @q: gate
 * @id: identity of the wish
 *
 * Mutations go on when the header has been read, unless there is another wish.
 *
 * Context: process; sleeps while the owner reads the header.
 * Return: the state that the wish was in.
 */
enum trbd_quiesce_end trbd_quiesce_open(struct trbd_quiesce *q, const struct trbd_quiesce_id *id)
{
	enum trbd_quiesce_end end = quiesce_take_back(q, id);

	q->ops->refresh(q->owner);
	return end;
}

/**
 * trbd_quiesce_list() - list the wishes in force
 * @q: gate
 * @list: where they go, room for TRBD_QUIESCE_WISHES
 *
 * Context: any in which a spinlock may be taken.
 * Return: their number.
 */
unsigned int trbd_quiesce_list(struct trbd_quiesce *q, struct trbd_quiesce_open *list)
{
	const struct trbd_quiesce_wish *wish;
	unsigned int count = 0;

	spin_lock(&q->lock);
	for (wish = q->wishes; wish < q->wishes + ARRAY_SIZE(q->wishes); wish++) {
		if (!wish->wanted)
			continue;
		list[count].id = wish->id;
		list[count++].age_ms = jiffies_to_msecs(jiffies - wish->heard);
	}
	spin_unlock(&q->lock);
	return count;
}

/* Call with @lock held. Return whether the wish is known, was taken back, or has lapsed. */
static bool quiesce_has_met(struct trbd_quiesce *q, const struct trbd_quiesce_id *id)
{
	unsigned int i;

	lockdep_assert_held(&q->lock);
	for (i = 0; i < ARRAY_SIZE(q->ended); i++) {
		if (quiesce_is_same(&q->ended[i], id))
			return true;
	}
	for (i = 0; i < ARRAY_SIZE(q->wishes); i++) {
		if ((q->wishes[i].wanted || q->wishes[i].lapsed) &&
		    quiesce_is_same(&q->wishes[i].id, id))
			return true;
	}
	return false;
}

/**
 * trbd_quiesce_join() - close the gate for a wish that another gateway knows and we may not
 * @q: gate
 * @open: the wish, and how long the other gateway has known of it
 *
 * This is the same as if the wish had come to us then, except that nobody waits for our
 * acknowledgment. A wish that we know is left alone, and so is one that was taken back after the
 * other gateway answered.
 *
 * Context: any in which a spinlock may be taken.
 * Return: true if the gate is closed because of it.
 */
bool trbd_quiesce_join(struct trbd_quiesce *q, const struct trbd_quiesce_open *open)
{
	unsigned long heard = jiffies - msecs_to_jiffies(open->age_ms);
	struct trbd_quiesce_wish *wish = NULL;

	if (open->age_ms >= TRBD_QUIESCE_MAX_MS)
		return false;
	spin_lock(&q->lock);
	if (!quiesce_has_met(q, &open->id))
		wish = quiesce_find_place(q, &open->id);
	if (wish) {
		*wish = (struct trbd_quiesce_wish) {
			.id = open->id,
			.wanted = true,
			.heard = heard,
			.until = heard + msecs_to_jiffies(TRBD_QUIESCE_TIMEOUT_MS),
		};
		trbd_quiesce_shut(q);
	}
	spin_unlock(&q->lock);
	return wish;
}
