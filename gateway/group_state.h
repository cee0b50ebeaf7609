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
 * struct trbd_group_ticket - a place to wait while the group cannot be reached; embedded by its
 * owner
 * @node: in the group's list of those who wait
 * @accepted_ms: common time when the command was accepted
 * @run: called once, on a thread of the group or its tick: with 0 to go on, or with -EBUSY
 */
struct trbd_group_ticket {
	struct list_head node;
	u64 accepted_ms;
	void (*run)(struct trbd_group_ticket *ticket, int err);
};

/**
 * struct trbd_group_peer - what the last readings of the objects said of a slot, see
 * trbd_quorum_merge()
 * @state: what is there
 * @entry: valid if @state says so
 * @silent: how often in a row its beats had not advanced
 * @alive: its beats advance
 * @quiet: readings in a row in which nothing was new, see trbd_group_quiet()
 * @counted_ms: trbd_clock_local_ms(): when that was counted last
 * @heard_ms: trbd_clock_local_ms(): of the first reading that said what @entry says
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
 * enum trbd_group_job - what the thread of an object has to do
 * @TRBD_GROUP_IDLE: nothing
 * @TRBD_GROUP_LOOK: make the object if it is not there, and read it
 * @TRBD_GROUP_TAKE: take a slot
 * @TRBD_GROUP_BEAT: a heartbeat
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
 * enum trbd_group_hold - is our slot ours in an object?
 * @TRBD_GROUP_NOT_HELD: no, or nobody knows
 * @TRBD_GROUP_RETAKEN: it was lost there, or the object was away; it was taken again, and nothing
 *   is proven by that yet
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
 * @thread: does all I/O of the object; constant from when it was made
 * @wake: the thread waits here
 * @table: memory for reading the object; the thread's
 * @witness: where the OSD notes its time with our heartbeats; the thread's
 * @view: what was read last, a slot each; guarded by the group's @state
 * @read: there is something in @view; likewise
 * @read_ms: trbd_clock_local_ms(): since when; likewise
 * @hold: whether our slot is ours there; likewise
 * @osd_ref_ms: the time that the OSD noted with an earlier heartbeat, by its clock, 0 for none;
 *   likewise
 * @local_ref_ms: when that was sent, by trbd_clock_local_ms() and what is known to be missing
 *   there; likewise
 * @sent_ms: trbd_clock_local_ms(): when the last heartbeat was sent that came back, 0 for none;
 *   likewise
 * @job: what the thread is at; guarded by the group's @lock, as is all that follows
 * @again: a heartbeat is wanted when that is done
 * @err: how the last job ended
 * @begun: counts jobs
 * @good: @begun of the last heartbeat that came back
 * @slot: for taking and giving back: which
 * @owner: whose
 * @expected: whose it was
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
 * @thread: takes a slot, and says when which object's thread beats; NULL until joined
 * @joined: the first attempt to join has ended, see @join_err
 * @join_err: how
 * @objects: the group's objects
 * @done: woken when a job of an object has ended
 * @turns: of heartbeats; the thread's
 * @gave_up: what was in flight, since heartbeats failed for long; the thread's
 * @tick: looks whether this gateway stood still, and ends commands that have waited too long
 * @state: guards what is said of the objects above, and what follows; taken before @lock
 * @peers: what was read last; guarded by @state and @lock both
 * @served: this gateway has had a slot before
 * @owner: number of this membership, 0 for none
 * @beats: heartbeats of this membership
 * @limit_ms: what our entry says
 * @slept_ms: for how long our clocks are known to have stood still
 * @proof_ms: trbd_clock_local_ms(): when this gateway was last known to be in touch with a
 *   majority of the objects
 * @since_ms: trbd_clock_local_ms(): and since when without a break
 * @steady_ms: trbd_clock_local_ms(): when it was last known to be, and had been for longer than
 *   TRBD_SKEW_MS or had just joined; 0 for never
 * @lock: guards what follows; taken once per mutation, for a few instructions
 * @slot: our slot, or -1; written under @state as well
 * @lease: until when this gateway is known to be in touch; written under @state as well
 * @quarantine_until_ms: trbd_clock_local_ms(): until then commands end with BUSY
 * @stalls: trbd_stall_count() when it was last looked at
 * @stale_before_ms: common time: what was accepted before this ends with BUSY
 * @waiting: tickets
 * @out_of_touch: how often this gateway was
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
};

int trbd_group_admit(struct trbd_group *group, struct trbd_group_ticket *ticket, u64 received_ms);
unsigned long trbd_group_lapses(struct trbd_group *group);
bool trbd_group_in_touch(struct trbd_group *group, unsigned long lapses);

/* for the files of the group */
void trbd_group_set_slot(struct trbd_group *group, int slot);
void trbd_group_set_out_of_touch(struct trbd_group *group, u64 now_ms);
void trbd_group_declare_out_of_touch(struct trbd_group *group, const char *why);
bool trbd_group_has_lease(struct trbd_group *group);
void trbd_group_check_stall(struct trbd_group *group);
void trbd_group_release_waiting(struct trbd_group *group, bool in_touch);

#endif /* TRBD_GATEWAY_GROUP_STATE_H */
