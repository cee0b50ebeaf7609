// SPDX-License-Identifier: GPL-2.0
/*
 * What goes to one object takes turns, and small writes share requests.
 *
 * A guarded write compares before it writes, and for the OSD that makes it a read as well: it works
 * on one such request of an object at a time, and takes up the next when that is on all disks.
 * Plain writes it would take as they come. With many small writes to the same place (a log, a copy)
 * the guard would thus cost half of the rate. So this gateway sends one request for an object, and
 * what comes meanwhile goes together in the next, behind one guard:
 *
 *	enter --> leader, its request goes out
 *	  |         | done: leave
 *	  |         v
 *	  +--> waiting --> one of them leads, and takes up to 13 others along
 *
 * The first write to an object is not held up by this, and the ones behind it would have waited at
 * the OSD.
 *
 * A COMPARE AND WRITE (rbd/compare_write.c) takes a place as well, which it shares with nobody:
 * writes of its own gateway would only make it start over.
 *
 * Only the order of sending is decided here; see rbd/object_io.c for what is sent and what becomes
 * of it.
 */
#include <linux/list.h>
#include <linux/lockdep.h>

#include "rbd/object_queue.h"

/* @lock held */
static struct trbd_queue_place *queue_leader(struct trbd_object_queue *queue, u64 objno)
{
	struct trbd_queue_place *place;

	lockdep_assert_held(&queue->lock);

	hash_for_each_possible(queue->leaders, place, hash, objno) {
		if (place->objno == objno)
			return place;
	}
	return NULL;
}

static void queue_lead(struct trbd_object_queue *queue, struct trbd_queue_place *place)
{
	lockdep_assert_held(&queue->lock);

	place->leads = true;
	hash_add(queue->leaders, &place->hash, place->objno);
}

/**
 * trbd_object_queue_is_busy() - would a write have to wait?
 * @queue: queue
 * @objno: number of the object
 *
 * Context: any in which a spinlock may be taken.
 * Return: what is true at the moment.
 */
bool trbd_object_queue_is_busy(struct trbd_object_queue *queue, u64 objno)
{
	bool busy;

	spin_lock(&queue->lock);
	busy = queue_leader(queue, objno);
	spin_unlock(&queue->lock);
	return busy;
}

/**
 * trbd_object_queue_enter() - a write is ready
 * @queue: queue
 * @place: objno, group and lead are set
 *
 * Its lead is called, now or when it is its turn; the place may be gone when this returns.
 *
 * Context: any in which lead may be called.
 */
void trbd_object_queue_enter(struct trbd_object_queue *queue, struct trbd_queue_place *place)
{
	struct trbd_queue_place *leader;

	INIT_LIST_HEAD(&place->waiting);
	INIT_LIST_HEAD(&place->batch);
	place->leads = false;
	place->waited = false;

	spin_lock(&queue->lock);
	leader = queue_leader(queue, place->objno);
	if (leader)
		list_add_tail(&place->node, &leader->waiting);
	else
		queue_lead(queue, place);
	spin_unlock(&queue->lock);
	if (!leader)
		place->lead(place);
}

/**
 * trbd_object_queue_leave() - the leader's request is done
 * @queue: queue
 * @place: leader; its batch stays with it
 *
 * Who waits is next: its lead is called.
 *
 * Context: any in which lead may be called.
 */
void trbd_object_queue_leave(struct trbd_object_queue *queue, struct trbd_queue_place *place)
{
	struct trbd_queue_place *next, *other, *tmp;
	unsigned int count = 1;

	spin_lock(&queue->lock);
	hash_del(&place->hash);
	place->leads = false;
	next = list_first_entry_or_null(&place->waiting, struct trbd_queue_place, node);
	if (next) {
		list_del(&next->node);
		list_for_each_entry_safe(other, tmp, &place->waiting, node) {
			if (other->merge_key != next->merge_key || count > TRBD_MUTATION_MORE_MAX)
				break;
			list_move_tail(&other->node, &next->batch);
			count++;
		}
		list_splice_init(&place->waiting, &next->waiting);
		next->waited = true;
		queue_lead(queue, next);
	}
	spin_unlock(&queue->lock);
	if (next)
		next->lead(next);
}

/**
 * trbd_object_queue_take_unwanted() - take out places that wait, and that nobody wants any more
 * @queue: queue
 * @taken: list that they are added to, by their nodes
 *
 * Nothing of theirs was sent. Their lead is not called any more.
 *
 * Context: any in which a spinlock may be taken.
 */
void trbd_object_queue_take_unwanted(struct trbd_object_queue *queue, struct list_head *taken)
{
	struct trbd_queue_place *leader, *place, *next;
	int bucket;

	spin_lock(&queue->lock);
	hash_for_each(queue->leaders, bucket, leader, hash) {
		list_for_each_entry_safe(place, next, &leader->waiting, node) {
			if (place->unwanted && place->unwanted(place))
				list_move_tail(&place->node, taken);
		}
	}
	spin_unlock(&queue->lock);
}

/**
 * trbd_object_queue_init() - an empty queue
 * @queue: its memory
 */
void trbd_object_queue_init(struct trbd_object_queue *queue)
{
	spin_lock_init(&queue->lock);
	hash_init(queue->leaders);
}
