/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_LU_STATE_H
#define TRBD_GATEWAY_LU_STATE_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "gateway/record.h"
#include "gateway/record_io.h"
#include "gateway/silence.h"
#include "rados/fence.h"
#include "rados/recovery.h"

struct task_struct;
struct trbd_group;
struct trbd_image;
struct trbd_lu;
struct trbd_watch_reply;

/* why no command is served at the moment, bits of trbd_lu.blocked */
#define TRBD_LU_UNREGISTERED	0	/* not in the registry of gateways: before it, or fenced */
#define TRBD_LU_RESETTING	1	/* a reset that took too long is not in force yet */
#define TRBD_LU_BLOCK_SIZE	2	/* LIO and the record may have different block sizes */

/**
 * struct trbd_lu_view - the shared state, as this gateway has installed it
 * @rcu: for freeing it
 * @generation: of the record
 * @settled: of the record
 * @resets: of the record
 * @spc2_gateway: of the record
 * @spc2_orphan: that gateway is not in the registry any more
 * @registering: our next_id is in the registry
 * @pr: reservations; its memory is behind this struct
 * @registry: of the record, or of the last one that was there when it was removed; its memory
 *	likewise
 */
struct trbd_lu_view {
	struct rcu_head rcu;
	u64 generation;
	u64 settled;
	u32 resets;
	u64 spc2_gateway;
	bool spc2_orphan;
	bool registering;
	struct trbd_pr_state pr;
	struct trbd_record_registry registry;
};

/**
 * struct trbd_lu_change - the step from one state to the next
 * @old: before; gone when the callback returns
 * @new: after
 * @action: what made it
 * @actor: who asked for it, with an empty initiator when nobody did
 * @reset: there was a LOGICAL UNIT RESET
 * @mine: this gateway made it
 */
struct trbd_lu_change {
	const struct trbd_pr_state *old;
	const struct trbd_pr_state *new;
	enum trbd_pr_action action;
	const struct trbd_pr_nexus *actor;
	bool reset;
	bool mine;
};

/**
 * struct trbd_lu_ops - what the floor above is asked
 * @changed: a state was installed. Commands that are admitted from now on go by it
 * @draining: how many commands are in flight that this state forbids, or that are from before the
 *	last reset
 * @in_flight: how many commands are in flight
 * @come_back: this gateway was fenced and serves again
 * @tick: about once a second, on the thread that may change the state
 */
struct trbd_lu_ops {
	void (*changed)(void *owner, const struct trbd_lu_change *change);
	unsigned int (*draining)(void *owner, const struct trbd_pr_state *pr);
	unsigned int (*in_flight)(void *owner);
	void (*come_back)(void *owner);
	void (*tick)(void *owner);
};

/**
 * struct trbd_lu_job - something that needs the shared state; embedded by its owner
 * @node: in the queue
 * @run: called once, on the thread that may change the state
 * @is_over: NULL, or whether nobody wants it any more; called under a spinlock
 * @end: ends it instead of @run; set if @is_over is
 */
struct trbd_lu_job {
	struct list_head node;
	void (*run)(struct trbd_lu *lu, struct trbd_lu_job *job);
	bool (*is_over)(const struct trbd_lu_job *job);
	void (*end)(struct trbd_lu_job *job);
};

/**
 * struct trbd_lu - the shared state of a logical unit, and this gateway's part in it
 * @node: among the units of this machine, see gateway/tidy.c
 * @image: image; constant
 * @place: where its record is; constant
 * @group: the gateways of its pool; constant
 * @ops: the floor above; constant
 * @owner: argument of @ops; constant
 * @recovery: our part when the session gets a new identity
 * @thread: runs jobs, one after the other; the only one that changes the record
 * @wait: the thread's
 * @blocked: why no command is served; read on every command
 * @install_lock: guards changes of @view
 * @view: what is in force here; read under RCU on every command
 * @id: number that this gateway has in the registry; another after each recovery. Changed by the
 *	thread while unregistered
 * @address: under which the OSDs know us; likewise
 * @machine: what our entry says of this machine; likewise
 * @block_size: with which this gateway serves the unit, bytes; 0 until it is registered. The
 *	thread changes it
 * @next_id: number of a registration that is not known to be there, 0 for none; changed like @view
 * @barrier: OSD map that is known to be there; only an optimisation
 * @lapses: trbd_group_lapses() before the reading that showed that @view is what the record says;
 *	read on every command
 * @last_generation: the greatest that was installed; under @install_lock
 * @silence: who does not answer; the thread's
 * @housework: jiffies before which housekeeping does nothing that takes long; the thread's
 * @lock: guards what follows
 * @jobs: to be run
 * @running: the one that runs, if it can be over before it has ended
 * @tick_wanted: ops->tick is to be called
 * @rejoin: to be registered again
 * @catch_up: to be read again
 * @recoveries: twice the recoveries so far; odd while one is under way
 * @fence_own: @address is one that we gave up, and must be on the blocklist before we
 *	serve again
 * @ending: the thread is to end
 * @overdue_resets: resets that took too long and are not in force yet; TRBD_LU_RESETTING as long as
 *	there are any
 */
struct trbd_lu {
	struct list_head node;
	struct trbd_image *image;
	struct trbd_record_place place;
	struct trbd_group *group;
	const struct trbd_lu_ops *ops;
	void *owner;
	struct trbd_recovery_user recovery;
	struct task_struct *thread;
	wait_queue_head_t wait;
	unsigned long blocked;
	struct mutex install_lock;	/* see above */
	struct trbd_lu_view __rcu *view;
	u64 id;
	char address[TRBD_ADDRESS_MAX];
	char machine[TRBD_RECORD_MACHINE_MAX];
	u32 block_size;
	u64 next_id;
	u32 barrier;
	unsigned long lapses;
	u64 last_generation;
	struct trbd_silence silence;
	unsigned long housework;

	spinlock_t lock;	/* see above */
	struct list_head jobs;
	struct trbd_lu_job *running;
	bool tick_wanted;
	bool rejoin;
	bool catch_up;
	unsigned int recoveries;
	bool fence_own;
	bool ending;
	unsigned int overdue_resets;
};

/*
 * Decides on a record what a command makes of it. When it returns TRBD_PR_GOOD the record, if
 * changed, replaces the old one; may be called more than once, each time with a newer record.
 */
typedef enum trbd_pr_verdict (*trbd_lu_decide)(struct trbd_record *record, void *ctx);

void trbd_lu_interrupt(struct trbd_lu *lu);
void trbd_lu_request_tick(struct trbd_lu *lu);

/* on the thread only */
bool trbd_lu_sleep(unsigned int wait_ms);
bool trbd_lu_is_wanted(struct trbd_lu *lu);
bool trbd_lu_clear_interrupt(struct trbd_lu *lu);

/*
 * For trbd_group_in_touch(). Looked at before the view: what is known of an older one is not true
 * of a newer one.
 */
static inline unsigned long trbd_lu_lapses(const struct trbd_lu *lu)
{
	/* pairs with trbd_lu_note_read() */
	return smp_load_acquire(&lu->lapses);
}

static inline bool trbd_lu_is_blocked(const struct trbd_lu *lu)
{
	return READ_ONCE(lu->blocked);
}

#endif /* TRBD_GATEWAY_LU_STATE_H */
