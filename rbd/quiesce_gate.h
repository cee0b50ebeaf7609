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
 * struct trbd_quiesce_id - which quiescing
 * @gid: client that asked
 * @handle: the cookie of its watch on the header
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
 * @wanted: in force
 * @lapsed: it was not taken back, but given up by us
 * @unacked: @ack is to be sent when nothing is in flight any more
 * @ack: the last request for it
 * @heard: jiffies when that came
 * @until: jiffies when to ask whether whoever wants it is still there
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
 * snapshots of one image that are taken at once; who comes later is not acknowledged, and asks
 * again
 */
#define TRBD_QUIESCE_WISHES	8

/*
 * header updates whose acknowledgment waits at once; when there are more, the oldest is not
 * acknowledged
 */
#define TRBD_QUIESCE_UPDATES	8
/*
 * wishes that were taken back and are remembered, so that an answer of before does not bring them
 * up again
 */
#define TRBD_QUIESCE_ENDED	8

/**
 * struct trbd_quiesce_update - a header update that is acknowledged when no older mutation is in
 * flight
 * @unacked: @ack is to be sent then
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
 * @id: whose
 * @age_ms: for how long it has not been heard of, milliseconds
 */
struct trbd_quiesce_open {
	struct trbd_quiesce_id id;
	unsigned int age_ms;
};

/**
 * struct trbd_quiesce_waiter - a mutation at the gate or behind it; embedded by its owner
 * @node: in the list of those who wait
 * @inside: in the list of those who are in flight
 * @turn: in which turn it entered
 * @since: jiffies when it began to wait
 * @run: called once, in process context: with 0, the mutation has entered; with -EBUSY it has not,
 *	and does not wait any more
 */
struct trbd_quiesce_waiter {
	struct list_head node;
	struct list_head inside;
	unsigned int turn;
	unsigned long since;
	void (*run)(struct trbd_quiesce_waiter *waiter, int err);
};

/**
 * struct trbd_quiesce_ops - what the owner of a gate does for it; all may sleep for the network
 * @refresh: read the header, and trbd_quiesce_settle()
 * @ack: nothing is in flight any more that a notification has to wait for: acknowledge it
 * @is_there: may whoever asked for this still be at it?
 */
struct trbd_quiesce_ops {
	void (*refresh)(void *owner);
	void (*ack)(void *owner, const struct trbd_watch_ack *ack);
	bool (*is_there)(void *owner, const struct trbd_quiesce_id *id);
};

/**
 * enum trbd_quiesce_end - what was known of a wish that is taken back
 * @TRBD_QUIESCE_KNOWN: it was in force
 * @TRBD_QUIESCE_LAPSED: we had given it up, and mutations went on
 * @TRBD_QUIESCE_UNKNOWN: nothing, so mutations never stopped
 */
enum trbd_quiesce_end {
	TRBD_QUIESCE_KNOWN,
	TRBD_QUIESCE_LAPSED,
	TRBD_QUIESCE_UNKNOWN,
};

/**
 * struct trbd_quiesce - the gate in front of an image's mutations
 * @ops: what the owner does for it; constant
 * @owner: its argument; constant
 * @look: while the gate is closed: sends away who waits too long, and starts @lapse; never waits
 * @lapse: ends wishes of those who are gone
 * @drained: acknowledges when those mutations have left that somebody waits for
 * @lock: guards what follows; taken twice per mutation, for a few instructions
 * @stopped: it is of no use any more
 * @closed: mutations wait: a wish is in force, or there are @doubts that are not settled
 * @wishes: that it is closed
 * @doubts: how often the header may have changed
 * @settled: of how many of these the header has been read since
 * @doubtful: jiffies when the first that is not settled came
 * @turn: how often mutations became older than what comes after them
 * @inside: mutations in flight, the oldest first
 * @waiting: mutations that wait
 * @updates: header updates that are acknowledged later
 * @next_update: which of @updates to use next
 * @unacked: how many of @updates are to be acknowledged yet
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

/* for quiesce.c */
bool trbd_quiesce_has_older(struct trbd_quiesce *q, unsigned int turn);
void trbd_quiesce_shut(struct trbd_quiesce *q);
void trbd_quiesce_add_doubt(struct trbd_quiesce *q);

#endif /* TRBD_RBD_QUIESCE_GATE_H */
