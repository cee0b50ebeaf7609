// SPDX-License-Identifier: GPL-2.0
/*
 * Quiescing: a snapshot is one point in time across all gateways.
 *
 * librbd, before it takes a snapshot, asks every watcher of the image to stop writing, and goes on when all have
 * acknowledged. Afterwards it tells them to go on, and sends the header update only then. So the new snapshot
 * context is read before the gate opens; a mutation that was let through with the old one would change the
 * snapshot.
 *
 *	       wish (QUIESCE)                                 last one leaves: acknowledged
 *	open -----------------> closed, mutations in flight ------------------------------> closed
 *	  ^  |                                                                                |
 *	  |  | doubt: the header may have changed              wish is taken back (UNQUIESCE), or lapses
 *	  |  v                                                                                v
 *	  +--- the header has been read since the last doubt, and no wish is in force <--- closed, in doubt
 *
 * The gate is closed while there is a wish, and while there is a doubt. A notification of a header update is a doubt
 * from the moment that it arrives, however long it takes until somebody handles it. The end of a wish is a doubt,
 * too: there is a new snapshot. Doubts are counted, so that reading the header settles those that came before it was
 * read, and no others.
 *
 * A request that comes again, because it was acknowledged too late, finds the gate as it left it. Several snapshots
 * may be taken at once: the gate opens when the last of them is made. Mutations that wait here grow old, and those
 * that waited longer than the admission time end with BUSY.
 *
 * A wish lapses when its owner has not been heard of for 10 s and does not watch the image any more, or after 60 s:
 * librbd may be at it for longer than 10 s, when monitors elect a leader. A gateway that joins, or watches again,
 * between QUIESCE and UNQUIESCE asks the others for what wishes they know (rbd/inquiry.c). When none of them answers,
 * it hears only of the UNQUIESCE; that is a doubt then as well.
 *
 * A header update is acknowledged when no mutation is in flight any more that is older, or the operator would be told
 * that a snapshot is made while something is on its way into it. Mutations have turns for that: a new one begins when
 * the header was read and has a new snapshot.
 *
 * Three works share this. The look never waits, or commands at the gate would not be refused while something else
 * does. The others may wait for the cluster: to end wishes, and to acknowledge. The watch's thread, which has other
 * notifications to answer, waits for no mutation.
 */
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/string.h>

#include "protocol.h"
#include "rados/queues.h"
#include "rbd/quiesce.h"

/* how often it is looked for what has waited too long */
#define QUIESCE_LOOK_MS		500
/* how often it is asked whether whoever wants quiet is still there, once it was not heard of for long */
#define QUIESCE_ASK_MS		2000

static bool quiesce_is_same(const struct trbd_quiesce_id *a, const struct trbd_quiesce_id *b)
{
	return a->gid == b->gid && a->handle == b->handle && a->request == b->request;
}

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

/* @lock held. Return: is a mutation in flight that entered before this turn? */
static bool quiesce_has_older(struct trbd_quiesce *q, unsigned int turn)
{
	struct trbd_quiesce_waiter *oldest = list_first_entry_or_null(&q->inside, struct trbd_quiesce_waiter, inside);

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

/* @lock held. */
static bool wish_is_due(const struct trbd_quiesce_wish *wish)
{
	return wish->wanted && time_after_eq(jiffies, wish->until);
}

/* @lock held. */
static void quiesce_shut(struct trbd_quiesce *q)
{
	lockdep_assert_held(&q->lock);
	q->closed = true;
	if (!q->stopped)
		queue_delayed_work(trbd_tick_wq, &q->look, msecs_to_jiffies(QUIESCE_LOOK_MS));
}

/* @lock held. */
static void quiesce_doubt(struct trbd_quiesce *q)
{
	if (q->doubts == q->settled)
		q->doubtful = jiffies;
	WRITE_ONCE(q->doubts, q->doubts + 1);
	quiesce_shut(q);
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
	bool due = false;
	unsigned int i;

	quiesce_refuse(q, TRBD_ADMISSION_MS);
	spin_lock(&q->lock);
	for (i = 0; i < ARRAY_SIZE(q->wishes); i++)
		due |= wish_is_due(&q->wishes[i]);
	if (due && !q->stopped)
		queue_work(trbd_wait_wq, &q->lapse);
	if (q->closed)
		quiesce_shut(q);
	spin_unlock(&q->lock);
}

/* Return: is its time over, and its owner gone or at it for too long? */
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
	/* it may have been taken back, or come again, meanwhile */
	lapsed = late && wish_is_due(wish) && quiesce_is_same(&wish->id, &id);
	if (lapsed) {
		wish->wanted = false;
		wish->lapsed = true;
		quiesce_doubt(q);
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

static void quiesce_ack_wishes(struct trbd_quiesce *q)
{
	struct trbd_quiesce_wish *wish;
	struct trbd_watch_ack ack;
	bool ready;

	for (wish = q->wishes; wish < q->wishes + ARRAY_SIZE(q->wishes); wish++) {
		spin_lock(&q->lock);
		ready = wish->wanted && wish->unacked && list_empty(&q->inside);
		if (ready)
			wish->unacked = false;
		ack = wish->ack;
		spin_unlock(&q->lock);
		if (ready)
			q->ops->ack(q->owner, &ack);
	}
}

static void quiesce_ack_updates(struct trbd_quiesce *q)
{
	struct trbd_quiesce_update *update;
	struct trbd_watch_ack ack;
	bool ready;

	for (update = q->updates; update < q->updates + ARRAY_SIZE(q->updates); update++) {
		spin_lock(&q->lock);
		ready = update->unacked && !quiesce_has_older(q, update->turn);
		if (ready) {
			update->unacked = false;
			q->unacked--;
		}
		ack = update->ack;
		spin_unlock(&q->lock);
		if (ready)
			q->ops->ack(q->owner, &ack);
	}
}

static void quiesce_drained(struct work_struct *work)
{
	struct trbd_quiesce *q = container_of(work, struct trbd_quiesce, drained);

	quiesce_ack_wishes(q);
	quiesce_ack_updates(q);
}

/**
 * trbd_quiesce_init() - an open gate
 * @q: gate
 * @ops: what the owner does for it
 * @owner: their argument
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
 * @q: gate; nobody waits, and nobody closes it any more
 *
 * Context: may sleep for an answer of the cluster, up to the session's mount_timeout for each.
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
	drained = (q->closed && list_empty(&q->inside)) || (q->unacked && quiesce_update_waits(q, waiter->turn));
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
	over = !quiesce_has_older(q, turn);
	spin_unlock(&q->lock);
	return over;
}

/**
 * trbd_quiesce_update() - a header update was handled: may it be acknowledged?
 * @q: gate; the header has been read, or nothing is written until it has been
 * @ack: what is acknowledged later, if not now
 *
 * The client that changed the header relies on the acknowledgment: no write that misses the change comes after it.
 * So this waits for mutations from before the last turn, without holding a thread.
 *
 * Context: any in which a spinlock may be taken.
 * Return: true when none of these is in flight, and the caller acknowledges. Otherwise the owner's ack is called when
 * they are over; or never, when many more updates come meanwhile. Whoever sent it waits for 10 s.
 */
bool trbd_quiesce_update(struct trbd_quiesce *q, const struct trbd_watch_ack *ack)
{
	struct trbd_quiesce_update *update;
	bool older;

	spin_lock(&q->lock);
	older = quiesce_has_older(q, q->turn);
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
	quiesce_doubt(q);
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
	doubt = q->settled != q->doubts && time_after_eq(jiffies, q->doubtful + msecs_to_jiffies(ms));
	spin_unlock(&q->lock);
	return doubt;
}

/**
 * trbd_quiesce_settle() - the header has been read; open the gate if nobody has a wish or newer doubts
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

/* @lock held. Return: where to note the wish; NULL when there are too many at once. */
static struct trbd_quiesce_wish *quiesce_find_place(struct trbd_quiesce *q, const struct trbd_quiesce_id *id)
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
 * trbd_quiesce_close() - somebody wishes that no mutation begins, and to hear when none is in flight
 * @q: gate
 * @id: whose wish it is; the same one may come again
 * @ack: what is acknowledged then, unless the wish comes again
 *
 * Context: any in which a spinlock may be taken.
 * Return: true when nothing is in flight any more, and the caller acknowledges. Otherwise the owner's ack is called,
 * or never if there are too many wishes.
 */
bool trbd_quiesce_close(struct trbd_quiesce *q, const struct trbd_quiesce_id *id, const struct trbd_watch_ack *ack)
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
		quiesce_shut(q);
	}
	spin_unlock(&q->lock);
	return drained;
}

/* Return: what became of the wish until now. */
static enum trbd_quiesce_end quiesce_take_back(struct trbd_quiesce *q, const struct trbd_quiesce_id *id)
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
	/* whatever was known of it, there may be a new snapshot */
	quiesce_doubt(q);
	spin_unlock(&q->lock);
	return end;
}

/**
 * trbd_quiesce_open() - a wish is taken back; mutations go on when the header has been read, unless there is another
 * wish
 * @q: gate
 * @id: whose wish it was
 *
 * Context: process; sleeps while the owner reads the header.
 * Return: what became of the wish until now.
 */
enum trbd_quiesce_end trbd_quiesce_open(struct trbd_quiesce *q, const struct trbd_quiesce_id *id)
{
	enum trbd_quiesce_end end = quiesce_take_back(q, id);

	q->ops->refresh(q->owner);
	return end;
}

/**
 * trbd_quiesce_list() - which wishes are in force?
 * @q: gate
 * @list: where to, room for TRBD_QUIESCE_WISHES
 *
 * Context: any in which a spinlock may be taken.
 * Return: how many.
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

/* @lock held. Return: was it taken back, or is it known, or was it given up? */
static bool quiesce_has_met(struct trbd_quiesce *q, const struct trbd_quiesce_id *id)
{
	unsigned int i;

	lockdep_assert_held(&q->lock);
	for (i = 0; i < ARRAY_SIZE(q->ended); i++) {
		if (quiesce_is_same(&q->ended[i], id))
			return true;
	}
	for (i = 0; i < ARRAY_SIZE(q->wishes); i++) {
		if ((q->wishes[i].wanted || q->wishes[i].lapsed) && quiesce_is_same(&q->wishes[i].id, id))
			return true;
	}
	return false;
}

/**
 * trbd_quiesce_join() - another gateway is quiet for somebody of whom we have not heard
 * @q: gate
 * @open: the wish, and since when the other gateway knows of it
 *
 * The same as if it had come to us then, but that nobody waits for our acknowledgment. What is known is left alone, and
 * so is what was taken back after the other gateway answered.
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
		quiesce_shut(q);
	}
	spin_unlock(&q->lock);
	return wish;
}
