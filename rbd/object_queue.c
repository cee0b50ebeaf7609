// SPDX-License-Identifier: GPL-2.0
/*
 * Small writes to one object take turns, and share requests.
 *
 * A guarded write compares before it writes. For the OSD that makes it a read as well. So the OSD
 * works on one such request of an object at a time, and takes up the next when that is on all
 * disks. It would take plain writes as they come. With many small writes to the same place (a log,
 * a copy) the guard would thus cost half of the rate. So this gateway sends one request for an
 * object. The writes that come meanwhile go together in the next request, behind one guard:
 *
 *	enter --> leader, its request goes out
 *	  |         | done: leave
 *	  |         v
 *	  +--> waiting --> one of them leads, and takes up to 13 others along
 *
 * This does not delay the first write to an object. The ones behind it would have waited at the OSD
 * instead.
 *
 * A COMPARE AND WRITE (rbd/compare_write.c) takes a place as well, which it shares with nobody:
 * writes of its own gateway would only make it start over.
 *
 * This file decides on the order of sending only. rbd/object_io.c decides what is sent, and deals
 * with the results.
 */
#include <linux/list.h>
#include <linux/lockdep.h>

#include "rbd/object_queue.h"

/* Call with @lock held. */
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
 * trbd_object_queue_is_busy() - tell whether a write would have to wait
 * @queue: queue
 * @objno: number of the object
 *
 * Context: any in which a spinlock may be taken.
 * Return: true if it would have to at this moment.
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
 * trbd_object_queue_enter() - put a write that is ready into the queue
 * @queue: queue
 * @place: its objno, merge_key, lead and unwanted are set
 *
 * The place's lead is called, now or when its turn comes. The place may be gone when this returns.
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
 * trbd_object_queue_leave() - leave the queue, since the leader's request is done
 * @queue: queue
 * @place: the leader; its batch stays with it
 *
 * The lead of the next place that waits is called.
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
 * trbd_object_queue_take_unwanted() - take out places that wait and that nobody wants any more
 * @queue: queue
 * @taken: the list to which they are added, by their nodes
 *
 * None of their writes was sent. Their lead is not called any more.
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
 * trbd_object_queue_init() - prepare an empty queue
 * @queue: its memory
 */
void trbd_object_queue_init(struct trbd_object_queue *queue)
{
	spin_lock_init(&queue->lock);
	hash_init(queue->leaders);
}
