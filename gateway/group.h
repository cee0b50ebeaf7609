/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_GROUP_H
#define TRBD_GATEWAY_GROUP_H

#include <linux/ceph/libceph.h>
#include <linux/ceph/osdmap.h>
#include <linux/completion.h>
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "gateway/group_table.h"
#include "gateway/lease.h"
#include "protocol.h"
#include "rados/clock.h"
#include "rados/witness.h"

struct task_struct;
struct trbd_session;

/**
 * struct trbd_group_ticket - a place to wait while the group cannot be reached; embedded by its owner
 * @node: in the group's list of those who wait
 * @accepted_ms: common time when the command was accepted
 * @run: called once, on the group's thread: with 0 to go on, or with -EBUSY
 */
struct trbd_group_ticket {
	struct list_head node;
	u64 accepted_ms;
	void (*run)(struct trbd_group_ticket *ticket, int err);
};

/**
 * struct trbd_group_peer - what the last reading of the table said of a slot
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
 * struct trbd_group - this gateway's membership in the group of a pool and namespace
 * @ref: users; guarded by the list's mutex when it goes to 0
 * @node: in the list of groups; guarded by the groups mutex of group.c
 * @session: session with the cluster; constant
 * @oid: the group object; constant
 * @oloc: its pool and namespace; constant
 * @clock: common time
 * @thread: beats; NULL until joined
 * @joined: the first attempt to join has ended, see @join_err
 * @join_err: how
 * @table: memory for reading the group object; the thread's
 * @peers: what was read last; written by the thread, guarded by @lock
 * @owner: number of this membership; the thread's
 * @witness: where the OSD notes its time with our heartbeats; the thread's
 * @osd_ms: the time that it noted last, by its clock; the thread's
 * @osd_ref_ms: one that it noted before, 0 for none; the thread's
 * @local_ref_ms: trbd_clock_local_ms() when that heartbeat was sent; the thread's
 * @slot: our slot, or -1; written by the thread, guarded by @lock
 * @beats: heartbeats of this membership; the thread's
 * @limit_ms: what our entry says; the thread's
 * @gave_up: what was in flight, since heartbeats failed for long; the thread's
 * @tick: looks whether this gateway stood still, and ends commands that have waited too long
 * @lock: guards what follows; taken once per mutation, for a few instructions
 * @lease: until when this gateway is known to be in touch
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
	struct ceph_object_id oid;
	struct ceph_object_locator oloc;
	struct trbd_clock clock;
	struct task_struct *thread;
	struct completion joined;
	int join_err;
	u8 *table;
	struct trbd_group_peer *peers;
	u64 owner;
	struct trbd_witness witness;
	u64 osd_ms;
	u64 osd_ref_ms;
	u64 local_ref_ms;
	int slot;
	u64 beats;
	u64 limit_ms;
	bool gave_up;
	struct delayed_work tick;

	spinlock_t lock;	/* see above */
	struct trbd_lease lease;
	u64 quarantine_until_ms;
	u64 stalls;
	u64 stale_before_ms;
	struct list_head waiting;
	u64 out_of_touch;
};

struct trbd_group *trbd_group_join(struct trbd_session *session, const struct ceph_object_locator *oloc);
void trbd_group_leave(struct trbd_group *group);
int trbd_group_admit(struct trbd_group *group, struct trbd_group_ticket *ticket, u64 received_ms);
unsigned long trbd_group_lapses(struct trbd_group *group);
bool trbd_group_in_touch(struct trbd_group *group, unsigned long lapses);
bool trbd_group_is_alive(struct trbd_group *group, unsigned int slot);
void trbd_group_self(struct trbd_group *group, u32 *slot, u64 *member);
unsigned int trbd_group_quiet(struct trbd_group *group, unsigned int slot);
int trbd_group_touch(struct trbd_group *group, u8 *table);
unsigned int trbd_group_lease_left(struct trbd_group *group, const u8 *table, unsigned int slot, u64 member);
size_t trbd_group_show(struct trbd_group *group, char *buf, size_t size);

#endif /* TRBD_GATEWAY_GROUP_H */
