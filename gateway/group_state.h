/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_GROUP_STATE_H
#define TRBD_GATEWAY_GROUP_STATE_H

#include <linux/ceph/libceph.h>
#include <linux/ceph/osdmap.h>
#include <linux/completion.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "gateway/group_table.h"
#include "gateway/lease.h"
#include "gateway/quorum.h"
#include "protocol.h"
#include "rados/clock.h"
#include "rados/object.h"
#include "rados/witness.h"

struct task_struct;
struct trbd_session;

/**
 * struct trbd_group_ticket - a place to wait until the gateway has a lease; embedded by its owner
 * @node: in the group's list of waiting tickets
 * @accepted_ms: common time when the command was accepted
 * @run: called once, on a thread of the group or its tick: with 0 to go on, or with -EBUSY
 */
struct trbd_group_ticket {
	struct list_head node;
	u64 accepted_ms;
	void (*run)(struct trbd_group_ticket *ticket, int err);
};

/**
 * struct trbd_group_peer - a slot as the last readings show it, see trbd_quorum_merge()
 * @state: kind of entry that the slot holds
 * @entry: valid if @state says so
 * @silent: how many readings in a row showed no new heartbeat
 * @alive: its heartbeats go on
 * @quiet: readings in a row that showed nothing new, see trbd_group_quiet()
 * @counted_ms: trbd_clock_local_ms() of the last reading that was counted
 * @heard_ms: trbd_clock_local_ms() of the first reading that said what @entry says
 */
struct trbd_group_peer {
	enum trbd_group_entry_state state;
	struct trbd_group_entry entry;
	unsigned int silent;
	bool alive;
	unsigned int quiet;
	u64 counted_ms;
	u64 heard_ms;
};

/**
 * enum trbd_group_job - a job for the thread of an object
 * @TRBD_GROUP_IDLE: no job
 * @TRBD_GROUP_LOOK: make the object if it is not there, and read it
 * @TRBD_GROUP_TAKE: take a slot
 * @TRBD_GROUP_BEAT: send a heartbeat
 * @TRBD_GROUP_FREE: give a slot back
 */
enum trbd_group_job {
	TRBD_GROUP_IDLE,
	TRBD_GROUP_LOOK,
	TRBD_GROUP_TAKE,
	TRBD_GROUP_BEAT,
	TRBD_GROUP_FREE,
};

/**
 * enum trbd_group_hold - whether our slot is ours in an object
 * @TRBD_GROUP_NOT_HELD: no, or nobody knows
 * @TRBD_GROUP_RETAKEN: the slot was lost there, or the object was away; we took it again, which
 *   proves nothing yet
 * @TRBD_GROUP_HELD: yes
 */
enum trbd_group_hold {
	TRBD_GROUP_NOT_HELD,
	TRBD_GROUP_RETAKEN,
	TRBD_GROUP_HELD,
};

/**
 * struct trbd_group_object - one of the group's objects
 * @group: its group; constant
 * @oid: its name; constant
 * @place: the same with session, pool and namespace; constant
 * @thread: does all I/O of the object; constant once it has been made
 * @wake: the thread waits here
 * @table: memory for reading the object; the thread's
 * @witness: where the OSD notes its time with our heartbeats; the thread's
 * @view: the slots as they were read last; guarded by the group's @state
 * @read: @view is filled in; likewise
 * @read_ms: trbd_clock_local_ms() of the last reading; likewise
 * @hold: whether our slot is ours there; likewise
 * @osd_ref_ms: the time that the OSD noted with an earlier heartbeat, by its clock, 0 for none;
 *   likewise
 * @local_ref_ms: when that heartbeat was sent: trbd_clock_local_ms() and the time that is known to
 *   be missing there; likewise
 * @sent_ms: trbd_clock_local_ms() when the last heartbeat was sent that came back, 0 for none;
 *   likewise
 * @job: the thread's job; guarded by the group's @lock, as is all that follows
 * @again: a heartbeat is wanted when the job is done
 * @err: how the last job ended
 * @begun: counts jobs
 * @good: @begun of the last heartbeat that came back
 * @slot: for taking and giving back: the slot
 * @owner: its owner
 * @expected: its owner before
 */
struct trbd_group_object {
	struct trbd_group *group;
	struct ceph_object_id oid;
	struct trbd_object place;
	struct task_struct *thread;
	wait_queue_head_t wake;
	u8 *table;
	struct trbd_witness witness;
	struct trbd_group_view *view;
	bool read;
	u64 read_ms;
	enum trbd_group_hold hold;
	u64 osd_ref_ms;
	u64 local_ref_ms;
	u64 sent_ms;
	enum trbd_group_job job;
	bool again;
	int err;
	u64 begun;
	u64 good;
	int slot;
	u64 owner;
	u64 expected;
};

/**
 * struct trbd_group - this gateway's membership in the group of a pool and namespace
 * @ref: users; guarded by the list's mutex when it goes to 0
 * @node: in the list of groups; guarded by the groups mutex of group.c
 * @session: session with the cluster; constant
 * @oloc: pool and namespace of its objects; constant
 * @clock: common time
 * @thread: takes a slot, and tells each object's thread when to send a heartbeat; NULL until joined
 * @joined: the first attempt to join has ended, see @join_err
 * @join_err: how it ended
 * @objects: the group's objects
 * @done: woken when a job of an object has ended
 * @turns: turns of heartbeats so far; the thread's
 * @gave_up: everything in flight was given up, since heartbeats failed for long; the thread's
 * @tick: looks whether this gateway stood still, and ends commands that have waited too long
 * @state: guards the fields of the objects that say so, and the fields down to @lock; taken before
 *   @lock
 * @peers: the peers as they were read last; guarded by @state and @lock both
 * @served: this gateway has had a slot before
 * @owner: number of this membership, 0 for none
 * @beats: heartbeats of this membership
 * @limit_ms: the limit in our entry
 * @slept_ms: for how long our clocks are known to have stood still
 * @proof_ms: trbd_clock_local_ms() when this gateway was last known to be in touch with a majority
 *   of the objects
 * @since_ms: trbd_clock_local_ms() since when it has been so without a break
 * @steady_ms: trbd_clock_local_ms() when it was last known to be in touch, and had been for longer
 *   than TRBD_SKEW_MS or had just joined; 0 for never
 * @lock: guards the fields that follow; taken once per mutation, for a few instructions
 * @slot: our slot, or -1; written under @state as well
 * @lease: until when this gateway is known to be in touch; written under @state as well
 * @quarantine_until_ms: trbd_clock_local_ms() until when commands end with BUSY
 * @stalls: trbd_stall_count() at the last look
 * @stale_before_ms: common time; commands that were accepted before it end with BUSY
 * @waiting: tickets
 * @out_of_touch: how often this gateway was out of touch
 * @lapsed: the lease has run out, and @leases_lost has it
 * @leases_lost: how often the lease ran out
 * @heartbeats: heartbeats that came back, at any object
 * @heartbeats_failed: heartbeats that ended with an error
 * @heartbeats_late: turns at which an object had not answered the last heartbeat
 */
struct trbd_group {
	refcount_t ref;
	struct list_head node;
	struct trbd_session *session;
	struct ceph_object_locator oloc;
	struct trbd_clock clock;
	struct task_struct *thread;
	struct completion joined;
	int join_err;
	struct trbd_group_object objects[TRBD_GROUP_OBJECTS];
	wait_queue_head_t done;
	unsigned int turns;
	bool gave_up;
	struct delayed_work tick;

	struct mutex state;	/* see above */
	struct trbd_group_peer *peers;
	bool served;
	u64 owner;
	u32 beats;
	u64 limit_ms;
	u64 slept_ms;
	u64 proof_ms;
	u64 since_ms;
	u64 steady_ms;

	spinlock_t lock;	/* see above */
	int slot;
	struct trbd_lease lease;
	u64 quarantine_until_ms;
	u64 stalls;
	u64 stale_before_ms;
	struct list_head waiting;
	u64 out_of_touch;
	bool lapsed;
	u64 leases_lost;
	u64 heartbeats;
	u64 heartbeats_failed;
	u64 heartbeats_late;
};

int trbd_group_admit(struct trbd_group *group, struct trbd_group_ticket *ticket, u64 received_ms);
bool trbd_group_takes_changes(struct trbd_group *group);
unsigned long trbd_group_lapses(struct trbd_group *group);
bool trbd_group_in_touch(struct trbd_group *group, unsigned long lapses);

/* for the files of the group */
void trbd_group_set_slot(struct trbd_group *group, int slot);
void trbd_group_set_out_of_touch(struct trbd_group *group, u64 now_ms);
void trbd_group_declare_out_of_touch(struct trbd_group *group, const char *why);
bool trbd_group_has_lease(struct trbd_group *group);
void trbd_group_check_lease(struct trbd_group *group);
void trbd_group_check_stall(struct trbd_group *group);
void trbd_group_release_waiting(struct trbd_group *group, bool in_touch);

#endif /* TRBD_GATEWAY_GROUP_STATE_H */
