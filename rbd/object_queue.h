/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RBD_OBJECT_QUEUE_H
#define TRBD_RBD_OBJECT_QUEUE_H

#include <linux/hashtable.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "rados/request.h"

#define TRBD_OBJECT_QUEUE_BITS	6

/**
 * struct trbd_object_queue - small writes of an image, sorted by object
 * @lock: guards everything here and in the places
 * @leaders: places whose request is in flight, by object number
 */
struct trbd_object_queue {
	spinlock_t lock;	/* see above */
	DECLARE_HASHTABLE(leaders, TRBD_OBJECT_QUEUE_BITS);
};

/**
 * struct trbd_queue_place - a write's place; embedded by its owner
 * @hash: entry in the queue's leaders
 * @objno: number of the object
 * @merge_key: only places with the same key share a request
 * @lead: called when the turn of the place and its batch has come: at once by enter, or later by
 *	leave, in any context that allows both
 * @unwanted: NULL, or tells whether nobody waits for the write any more; called with the queue's
 *	lock held
 * @node: entry in the leader's @waiting or @batch
 * @waiting: for a leader: places that came while its request was in flight
 * @batch: for a leader: places that share its request
 * @leads: a request is in flight, for this place and its batch
 * @waited: its turn did not come at once, so the state that the write began with may be old
 */
struct trbd_queue_place {
	struct hlist_node hash;
	u64 objno;
	const void *merge_key;
	void (*lead)(struct trbd_queue_place *place);
	bool (*unwanted)(const struct trbd_queue_place *place);
	struct list_head node;
	struct list_head waiting;
	struct list_head batch;
	bool leads;
	bool waited;
};

void trbd_object_queue_init(struct trbd_object_queue *queue);
bool trbd_object_queue_is_busy(struct trbd_object_queue *queue, u64 objno);
void trbd_object_queue_enter(struct trbd_object_queue *queue, struct trbd_queue_place *place);
void trbd_object_queue_take_unwanted(struct trbd_object_queue *queue, struct list_head *taken);
void trbd_object_queue_leave(struct trbd_object_queue *queue, struct trbd_queue_place *place);

#endif /* TRBD_RBD_OBJECT_QUEUE_H */
