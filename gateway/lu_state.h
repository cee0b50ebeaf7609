/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_LU_STATE_H
#define TRBD_GATEWAY_LU_STATE_H

#include <linux/bits.h>
#include <linux/bitops.h>
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

/* reasons to serve no command at the moment, bits of trbd_lu.blocked */
#define TRBD_LU_UNREGISTERED	0	/* not in the registry: not yet, or fenced */
#define TRBD_LU_RESETTING	1	/* a reset took too long and is not in force yet */
#define TRBD_LU_SETTINGS	2	/* LIO and the record may have different settings */
#define TRBD_LU_STANDBY		3	/* an operator has taken this gateway out of service */

/**
 * struct trbd_lu_view - the shared state, as this gateway has installed it
 * @rcu: for freeing it
 * @number: tells this view from all others of the unit; not 0
 * @generation: of the record
 * @settled: of the record
 * @resets: of the record
 * @spc2_gateway: of the record
 * @spc2_orphan: that gateway is not in the registry any more
 * @registering: our next_id is in the registry
 * @pr: reservations; their memory is behind this struct
 * @registry: of the record, or, when the record was removed, of the last one; its memory is behind
 *   this struct, too
 */
struct trbd_lu_view {
	struct rcu_head rcu;
	u64 number;
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
 * @old: state before; gone when the callback returns
 * @new: state after
 * @action: service action that made the change
 * @actor: nexus that asked for it, with an empty initiator when none did
 * @reset: there was a LOGICAL UNIT RESET
 * @mine: this gateway made it
 * @ports: a target port came or went, or its state is another one
 * @shared: the ports are in the record from now on, and were not before
 */
struct trbd_lu_change {
	const struct trbd_pr_state *old;
	const struct trbd_pr_state *new;
	enum trbd_pr_action action;
	const struct trbd_pr_nexus *actor;
	bool reset;
	bool mine;
	bool ports;
	bool shared;
};

/**
 * struct trbd_lu_ops - calls to the floor above
 * @changed: a state was installed; commands that are admitted from now on must obey it
 * @draining: count the commands in flight that this state forbids, or that are from before the last
 *   reset
 * @in_flight: count the commands in flight
 * @come_back: this gateway was fenced and serves again
 * @tick: called about once a second, on the thread that may change the state
 */
struct trbd_lu_ops {
	void (*changed)(void *owner, const struct trbd_lu_change *change);
	unsigned int (*draining)(void *owner, const struct trbd_lu_view *view);
	unsigned int (*in_flight)(void *owner);
	void (*come_back)(void *owner);
	void (*tick)(void *owner);
};

/**
 * struct trbd_lu_job - work that needs the shared state; embedded by its owner
 * @node: in the queue
 * @run: called once, on the thread that may change the state
 * @is_over: NULL, or tells whether nobody wants the job any more; called under a spinlock
 * @end: ends the job instead of @run; set if @is_over is
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
 * @wait: the thread waits here
 * @blocked: reasons to serve no command; read on every command
 * @install_lock: guards changes of @view
 * @view: the state in force here; read under RCU on every command
 * @id: number of this gateway in the registry; another one after each recovery. The thread changes
 *   it while the unit is unregistered
 * @address: under which the OSDs know us; likewise
 * @machine: hash that stands for this machine in our entry; likewise
 * @settings: with which this gateway serves the unit; of no use until it is registered. The thread
 *   changes them
 * @settings_wanted: what the last change of settings would make of them; the thread's
 * @settings_undecided: the record may have @settings_wanted
 * @next_id: number of a registration that is not known to be there, 0 for none; changed like @view
 * @barrier: OSD map that is known to be there; only an optimisation
 * @lapses: trbd_group_lapses() before the reading which showed that @view is what the record says;
 *   read on every command
 * @last_generation: the greatest generation that was installed; under @install_lock
 * @unannounced: the other gateways have not been told that we registered; the thread's
 * @silence: evidence about gateways that do not answer; the thread's
 * @out: this gateway has left the registry until OSDs that had not answered do so; the thread's
 * @housework: jiffies before which housekeeping does no slow work; the thread's
 * @lock: guards the fields that follow
 * @jobs: jobs to run
 * @running: the running job, if it can be over before it has ended
 * @tick_wanted: the thread must call ops->tick
 * @rejoin: the thread must register again
 * @catch_up: the thread must read the record again
 * @recoveries: twice the recoveries so far; odd while one is under way
 * @fence_own: we gave @address up, and must put it on the blocklist before we serve again
 * @ending: the thread must end
 * @overdue_resets: resets that took too long and are not in force yet; TRBD_LU_RESETTING is set as
 *   long as there are any
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
	struct trbd_settings settings;
	struct trbd_settings settings_wanted;
	bool settings_undecided;
	u64 next_id;
	u32 barrier;
	unsigned long lapses;
	u64 last_generation;
	bool unannounced;
	struct trbd_silence silence;
	bool out;
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
 * Make the change that a command asks for in a record. When this returns TRBD_PR_GOOD, the record
 * replaces the old one if it was changed. It may be called more than once, each time with a newer
 * record.
 */
typedef enum trbd_pr_verdict (*trbd_lu_decide)(struct trbd_record *record, void *ctx);

void trbd_lu_interrupt(struct trbd_lu *lu);
void trbd_lu_request_tick(struct trbd_lu *lu);

/* on the thread only */
bool trbd_lu_sleep(unsigned int wait_ms);
bool trbd_lu_is_wanted(struct trbd_lu *lu);
bool trbd_lu_clear_interrupt(struct trbd_lu *lu);

/*
 * Get the lapses to give to trbd_group_in_touch(). Call this before looking at the view, since
 * knowledge of an older view may be wrong of a newer one.
 */
static inline unsigned long trbd_lu_lapses(const struct trbd_lu *lu)
{
	/* pairs with trbd_lu_note_read() */
	return smp_load_acquire(&lu->lapses);
}

/* Tell whether this gateway is in service, but cannot serve. */
static inline bool trbd_lu_is_disabled(const struct trbd_lu *lu)
{
	return READ_ONCE(lu->blocked) & ~BIT(TRBD_LU_STANDBY);
}

static inline bool trbd_lu_is_in_standby(const struct trbd_lu *lu)
{
	return test_bit(TRBD_LU_STANDBY, &lu->blocked);
}

static inline bool trbd_lu_is_blocked(const struct trbd_lu *lu)
{
	return READ_ONCE(lu->blocked);
}

#endif /* TRBD_GATEWAY_LU_STATE_H */
