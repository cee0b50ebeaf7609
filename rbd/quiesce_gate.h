/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RBD_QUIESCE_GATE_H
#define TRBD_RBD_QUIESCE_GATE_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "protocol.h"
#include "rados/watch.h"

/**
 * struct trbd_quiesce_id - identity of a request for quiet
 * @gid: client that asked
 * @handle: the cookie of its watch on the header
 * @request: number of its request
 */
struct trbd_quiesce_id {
	u64 gid;
	u64 handle;
	u64 request;
};

/**
 * struct trbd_quiesce_wish - a client's wish that mutations wait
 * @id: identity of the wish
 * @wanted: the wish is in force
 * @lapsed: the wish was not taken back: we gave it up
 * @unacked: @ack must be acknowledged when nothing is in flight any more
 * @ack: the last notification of the wish
 * @heard: jiffies when that came
 * @until: jiffies when to ask whether the owner of the wish is still there
 */
struct trbd_quiesce_wish {
	struct trbd_quiesce_id id;
	bool wanted;
	bool lapsed;
	bool unacked;
	struct trbd_watch_ack ack;
	unsigned long heard;
	unsigned long until;
};

/*
 * how many snapshots of one image may be taken at once; a further client gets no acknowledgment,
 * and asks again
 */
#define TRBD_QUIESCE_WISHES	8

/*
 * how many header updates may wait for their acknowledgment; if there are more, the oldest is not
 * acknowledged
 */
#define TRBD_QUIESCE_UPDATES	8
/*
 * how many wishes that were taken back are remembered, so that an earlier answer does not revive
 * them
 */
#define TRBD_QUIESCE_ENDED	8

/**
 * struct trbd_quiesce_update - a header update to be acknowledged when no older mutation is in
 *	flight
 * @unacked: @ack must be acknowledged then
 * @turn: mutations that entered before this turn are older
 * @ack: the notification
 */
struct trbd_quiesce_update {
	bool unacked;
	unsigned int turn;
	struct trbd_watch_ack ack;
};

/**
 * struct trbd_quiesce_open - a wish that is in force, as one gateway tells another
 * @id: identity of the wish
 * @age_ms: how long its owner has not been heard of, milliseconds
 */
struct trbd_quiesce_open {
	struct trbd_quiesce_id id;
	unsigned int age_ms;
};

/**
 * struct trbd_quiesce_waiter - a mutation at the gate or behind it; embedded by its owner
 * @node: entry in the list of those that wait
 * @inside: entry in the list of those in flight
 * @turn: the turn in which it entered
 * @since: jiffies when it began to wait
 * @run: called once, in process context. With 0, the mutation has entered. With -EBUSY, it has not
 *	entered and does not wait any more
 */
struct trbd_quiesce_waiter {
	struct list_head node;
	struct list_head inside;
	unsigned int turn;
	unsigned long since;
	void (*run)(struct trbd_quiesce_waiter *waiter, int err);
};

/**
 * struct trbd_quiesce_ops - callbacks from a gate to its owner; all may sleep for the network
 * @refresh: read the header, and call trbd_quiesce_settle()
 * @ack: acknowledge a notification: no mutation for which it had to wait is in flight
 * @is_there: tell whether the owner of a wish may still be there
 */
struct trbd_quiesce_ops {
	void (*refresh)(void *owner);
	void (*ack)(void *owner, const struct trbd_watch_ack *ack);
	bool (*is_there)(void *owner, const struct trbd_quiesce_id *id);
};

/**
 * enum trbd_quiesce_end - the state of a wish that is taken back
 * @TRBD_QUIESCE_KNOWN: it was in force
 * @TRBD_QUIESCE_LAPSED: we had given it up, and mutations had gone on
 * @TRBD_QUIESCE_UNKNOWN: we did not know it, so mutations never stopped
 */
enum trbd_quiesce_end {
	TRBD_QUIESCE_KNOWN,
	TRBD_QUIESCE_LAPSED,
	TRBD_QUIESCE_UNKNOWN,
};

/**
 * struct trbd_quiesce - the gate in front of an image's mutations
 * @ops: callbacks to the owner; constant
 * @owner: argument of @ops; constant
 * @look: while the gate is closed: sends away mutations that have waited too long, and starts
 *	@lapse; never waits
 * @lapse: ends wishes whose owners are gone
 * @drained: acknowledges when the mutations have left for which an acknowledgment waits
 * @lock: guards the fields below; taken twice per mutation, for a few instructions
 * @stopped: the gate is not used any more
 * @closed: mutations wait: a wish is in force, or there are @doubts that are not settled
 * @wishes: wishes that the gate be closed
 * @doubts: how often the header may have changed
 * @settled: how many of these doubts reading the header has settled
 * @doubtful: jiffies when the first unsettled doubt came
 * @turn: counts the turns: mutations of a turn are older than those of the next
 * @inside: mutations in flight, the oldest first
 * @waiting: mutations that wait
 * @updates: header updates to be acknowledged later
 * @next_update: which of @updates to use next
 * @unacked: how many of @updates are yet to be acknowledged
 * @ended: the last wishes that were taken back
 * @next_ended: which of @ended to use next
 */
struct trbd_quiesce {
	const struct trbd_quiesce_ops *ops;
	void *owner;
	struct delayed_work look;
	struct work_struct lapse;
	struct work_struct drained;

	spinlock_t lock;	/* see above */
	bool stopped;
	bool closed;
	struct trbd_quiesce_wish wishes[TRBD_QUIESCE_WISHES];
	unsigned int doubts;
	unsigned int settled;
	unsigned long doubtful;
	unsigned int turn;
	struct list_head inside;
	struct list_head waiting;
	struct trbd_quiesce_update updates[TRBD_QUIESCE_UPDATES];
	unsigned int next_update;
	unsigned int unacked;
	struct trbd_quiesce_id ended[TRBD_QUIESCE_ENDED];
	unsigned int next_ended;
};

void trbd_quiesce_refuse(struct trbd_quiesce *q, unsigned int age_ms);
int trbd_quiesce_enter(struct trbd_quiesce *q, struct trbd_quiesce_waiter *waiter);
void trbd_quiesce_leave(struct trbd_quiesce *q, struct trbd_quiesce_waiter *waiter);
unsigned int trbd_quiesce_turn(struct trbd_quiesce *q);
bool trbd_quiesce_is_over(struct trbd_quiesce *q, unsigned int turn);
bool trbd_quiesce_update(struct trbd_quiesce *q, const struct trbd_watch_ack *ack);
void trbd_quiesce_doubt(struct trbd_quiesce *q);
unsigned int trbd_quiesce_doubts(struct trbd_quiesce *q);
bool trbd_quiesce_is_in_doubt(struct trbd_quiesce *q, unsigned int ms);
void trbd_quiesce_settle(struct trbd_quiesce *q, unsigned int doubts);

/* for rbd/quiesce.c */
bool trbd_quiesce_has_older(struct trbd_quiesce *q, unsigned int turn);
void trbd_quiesce_shut(struct trbd_quiesce *q);
void trbd_quiesce_add_doubt(struct trbd_quiesce *q);

#endif /* TRBD_RBD_QUIESCE_GATE_H */
