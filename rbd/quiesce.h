/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RBD_QUIESCE_H
#define TRBD_RBD_QUIESCE_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

/* how long an image stays quiesced when whoever asked for it is not heard of any more; librbd's own figure */
#define TRBD_QUIESCE_TIMEOUT_MS	10000

/**
 * struct trbd_quiesce_id - which quiescing
 * @gid: client that asked
 * @handle: its image
 * @request: its request
 */
struct trbd_quiesce_id {
	u64 gid;
	u64 handle;
	u64 request;
};

/**
 * struct trbd_quiesce_wish - that mutations wait
 * @id: whose
 * @wanted: and not taken back
 * @until: jiffies when it ends by itself
 */
struct trbd_quiesce_wish {
	struct trbd_quiesce_id id;
	bool wanted;
	unsigned long until;
};

/* snapshots of one image that are taken at once; who comes later is not acknowledged, and asks again */
#define TRBD_QUIESCE_WISHES	8

/**
 * struct trbd_quiesce_waiter - a mutation that has to wait; embedded by its owner
 * @node: in the list of those who wait
 * @since: jiffies when that began
 * @run: called once, in process context: with 0, the mutation has entered; with -EBUSY it has not, and does not wait
 *	any more
 */
struct trbd_quiesce_waiter {
	struct list_head node;
	unsigned long since;
	void (*run)(struct trbd_quiesce_waiter *waiter, int err);
};

/**
 * struct trbd_quiesce - the gate in front of an image's mutations
 * @before_open: called before anything is let through again; may sleep for the network
 * @owner: its argument
 * @look: while the gate is closed: sends away who waits too long, and opens it when nobody else does
 * @drained: woken when the last mutation has left
 * @lock: guards what follows; taken twice per mutation, for a few instructions
 * @closed: mutations wait
 * @closings: how often it was closed
 * @wishes: that it is closed
 * @inside: mutations in flight
 * @waiting: mutations that wait
 */
struct trbd_quiesce {
	void (*before_open)(void *owner);
	void *owner;
	struct delayed_work look;
	wait_queue_head_t drained;

	spinlock_t lock;	/* see above */
	bool closed;
	unsigned int closings;
	struct trbd_quiesce_wish wishes[TRBD_QUIESCE_WISHES];
	unsigned int inside;
	struct list_head waiting;
};

void trbd_quiesce_init(struct trbd_quiesce *q, void (*before_open)(void *owner), void *owner);
void trbd_quiesce_stop(struct trbd_quiesce *q);
void trbd_quiesce_refuse(struct trbd_quiesce *q);
int trbd_quiesce_enter(struct trbd_quiesce *q, struct trbd_quiesce_waiter *waiter);
void trbd_quiesce_leave(struct trbd_quiesce *q);
bool trbd_quiesce_close(struct trbd_quiesce *q, const struct trbd_quiesce_id *id, unsigned int wait_ms);
void trbd_quiesce_open(struct trbd_quiesce *q, const struct trbd_quiesce_id *id);

#endif /* TRBD_RBD_QUIESCE_H */
