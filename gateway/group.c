// SPDX-License-Identifier: GPL-2.0
/*
 * The gateways of one pool and namespace: slots, heartbeats, the common clock, and knowing when one was out of touch.
 *
 * The group object "target_core_rbd.group" holds a table, one slot a gateway (gateway/group_table.c). A gateway
 * takes a slot, writes its own entry every TRBD_HEARTBEAT_MS, and reads all. There is no leader, and nobody writes
 * another's entry.
 *
 *	         no live peer: start at the greatest limit;
 *	join --> live peers: take their clock          --> member --> leave: slot is free, the limit stays
 *	                                                     |  ^
 *	     slot lost to another, or never got back in time v  | rejoin, new slot
 *	                                                   (lost)
 *
 * A heartbeat that went to the OSD and back proves that this gateway was in touch when it sent it, and gives it a
 * lease from that moment. Within its lease it accepts mutations. When the lease runs out, mutations wait. Then one of
 * these turns out:
 *
 *  - The others could beat while we could not, or their clocks ran ahead of ours: we were out of touch (cut off,
 *    paused). Initiators may have gone to other paths long ago, and what they sent us then is still in our socket
 *    buffers. All that was accepted ends with BUSY, and so does for a few seconds all that comes.
 *  - Our clocks stood still, as the OSD's show, which notes its time with each heartbeat (rados/witness.c): the same.
 *    Machines that stood still together would else go on with a time that one of them has used before.
 *  - Nobody could beat, or there is nobody else: the object's OSD was away. Nobody is ahead of anybody; what waited
 *    goes on if it is still within the guard's window.
 *
 * Wall clocks take part only when an object that never existed is made. Each entry carries a limit that is well
 * ahead of its clock, and no stamp is ever later than the limit. So when all gateways died, the greatest limit is
 * ahead of every stamp, and whoever comes next starts there.
 *
 * The thread does all I/O of the group. Calls from the data path only look at a few numbers under group->lock.
 */
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/utsname.h>

#include "gateway/group.h"
#include "gateway/stall.h"
#include "rados/object.h"
#include "rados/queues.h"
#include "rados/session.h"

#define GROUP_OBJECT		"target_core_rbd.group"
/* how far ahead of the clock the limit is, and how much of that may be used up before it is moved */
#define GROUP_LIMIT_MS		60000
/* a dead gateway's slot is free for others after this, in common time */
#define GROUP_SLOT_REUSE_MS	60000
/* readings, one a heartbeat, in which a gateway may be silent and still count as alive: its beats and ours drift */
#define GROUP_SILENT_MAX	3
/* how many beats are regular before one comes early */
#define GROUP_PACE_BEATS	8
/*
 * after so long without a heartbeat nobody waits for what is in flight; a fence is forgotten after an hour, and it must
 * be gone by then
 */
#define GROUP_GIVE_UP_MS	600000
/*
 * After so long a heartbeat is sent anew. In a full pool libceph holds back what it has to send a second time, and lets
 * pass what is new.
 */
#define GROUP_ANSWER_MS		(2 * TRBD_LEASE_MS)
/* nobody's clock is this far ahead of another's in honesty */
#define GROUP_FAR_FUTURE_MS	(24ULL * 3600 * 1000)

static DEFINE_MUTEX(groups_lock);
static LIST_HEAD(groups);		/* guarded by groups_lock */

/*
 * @lock held. How long nothing has been heard of a slot, by readings: only when the table could be read does it say
 * anything that nobody has written there. Readings that follow each other closely are one.
 */
static void group_note_quiet(struct trbd_group *group, struct trbd_group_peer *peer,
			     const struct trbd_group_entry *entry)
{
	u64 now_ms = trbd_clock_local_ms();

	lockdep_assert_held(&group->lock);

	if (entry->owner != peer->entry.owner || entry->beats != peer->entry.beats) {
		peer->heard_ms = now_ms;
		peer->counted_ms = now_ms;
		peer->quiet = 0;
	} else if (now_ms >= peer->counted_ms + TRBD_HEARTBEAT_MS / 2) {
		peer->counted_ms = now_ms;
		peer->quiet++;
	}
}

/* Reads the table into group->peers, and when the OSD noted its time. Liveness is relative to what was read before. */
static int group_read(struct trbd_group *group)
{
	int ret, slot;

	memset(group->table, 0, TRBD_GROUP_TABLE_SIZE);
	group->osd_ms = 0;
	ret = trbd_object_read(group->session, &group->oid, &group->oloc, group->table, TRBD_GROUP_TABLE_SIZE,
			       *group->witness.lock ? &group->witness : NULL, &group->osd_ms, GROUP_ANSWER_MS);
	if (ret < 0)
		return ret;

	for (slot = 0; slot < TRBD_SLOTS; slot++) {
		struct trbd_group_peer *peer = &group->peers[slot];
		struct trbd_group_entry entry;
		enum trbd_group_entry_state state;

		state = trbd_group_decode(group->table + slot * TRBD_GROUP_ENTRY_SIZE, &entry);
		if (state == TRBD_GROUP_ENTRY_FOREIGN && peer->state != state)
			pr_warn("group of pool %lld: slot %d of object %s is not ours and is left alone; if no other program uses the object, stop all gateways and remove it\n",
				group->oloc.pool, slot, GROUP_OBJECT);
		spin_lock(&group->lock);
		if (state != peer->state || !entry.owner || entry.owner != peer->entry.owner)
			peer->alive = false;
		else if (entry.beats != peer->entry.beats)
			peer->alive = true;
		else if (peer->alive && ++peer->silent > GROUP_SILENT_MAX)
			peer->alive = false;
		group_note_quiet(group, peer, &entry);
		if (!peer->alive || entry.beats != peer->entry.beats)
			peer->silent = 0;
		peer->state = state;
		peer->entry = entry;
		spin_unlock(&group->lock);
	}
	return 0;
}

/* Writes our entry; @owner 0 gives the slot back. */
static int group_write(struct trbd_group *group, int slot, u64 expected, u64 owner)
{
	struct trbd_group_entry entry = {
		.owner = owner,
		.clock_ms = trbd_clock_now(&group->clock),
		.limit_ms = group->limit_ms,
		.beats = group->beats,
		.w_ms = TRBD_W_MS,
	};
	u8 buf[TRBD_GROUP_ENTRY_SIZE];
	char xattr[16];
	struct trbd_object_write write = {
		.xattr = xattr,
		.expected = expected,
		.new = owner,
		.off = (u64)slot * TRBD_GROUP_ENTRY_SIZE,
		.buf = buf,
		.len = sizeof(buf),
		.witness = owner ? &group->witness : NULL,
		.limit_ms = GROUP_ANSWER_MS,
	};

	strscpy(entry.name, init_utsname()->nodename, sizeof(entry.name));
	trbd_group_encode(&entry, buf);
	snprintf(xattr, sizeof(xattr), "slot.%02x", slot);
	snprintf(group->witness.lock, sizeof(group->witness.lock), "tcr.time.%02x", slot);
	return trbd_object_write_if(group->session, &group->oid, &group->oloc, &write);
}

/*
 * A slot to try: one that its gateway gave back, else one that was never used, else one that has been silent for
 * long.
 */
static int group_pick_slot(struct trbd_group *group, u64 now_ms)
{
	int slot, unused = -1, stale = -1;

	for (slot = 0; slot < TRBD_SLOTS; slot++) {
		const struct trbd_group_peer *peer = &group->peers[slot];

		if (peer->state == TRBD_GROUP_ENTRY_VALID && !peer->entry.owner)
			return slot;
		if (peer->state == TRBD_GROUP_ENTRY_UNUSED && unused < 0)
			unused = slot;
		if (peer->state == TRBD_GROUP_ENTRY_VALID && !peer->alive && stale < 0 &&
		    peer->entry.clock_ms + GROUP_SLOT_REUSE_MS < now_ms)
			stale = slot;
	}
	return unused >= 0 ? unused : stale;
}

/* The time to start with, see the top of the file. */
static u64 group_start_time(struct trbd_group *group)
{
	u64 live = 0, limit = 0;
	int slot;

	for (slot = 0; slot < TRBD_SLOTS; slot++) {
		const struct trbd_group_peer *peer = &group->peers[slot];

		if (peer->state != TRBD_GROUP_ENTRY_VALID)
			continue;
		if (peer->alive)
			live = max(live, peer->entry.clock_ms);
		limit = max(limit, peer->entry.limit_ms);
	}
	/* the entry is half a heartbeat old, on average */
	if (live)
		return live + TRBD_HEARTBEAT_MS / 2;
	return limit ? limit + TRBD_GRANULE_MS : ktime_to_ms(ktime_get_real());
}

static bool group_has_owners(struct trbd_group *group)
{
	int slot;

	for (slot = 0; slot < TRBD_SLOTS; slot++) {
		if (group->peers[slot].state == TRBD_GROUP_ENTRY_VALID && group->peers[slot].entry.owner)
			return true;
	}
	return false;
}

/*
 * Gateways with other times, or of another version, may be ahead of our clock without our knowing, or hold a write for
 * longer than we allow for.
 */
static bool group_disagrees(struct trbd_group *group)
{
	int slot;

	for (slot = 0; slot < TRBD_SLOTS; slot++) {
		const struct trbd_group_peer *peer = &group->peers[slot];

		if (!peer->alive)
			continue;
		if (peer->state == TRBD_GROUP_ENTRY_VALID && peer->entry.w_ms == TRBD_W_MS)
			continue;
		pr_err("group of pool %lld: gateway %s (slot %d) runs a version of this module with other times; all gateways of a pool need the same one. Stop it, or install the same version here\n",
		       group->oloc.pool, peer->entry.name, slot);
		return true;
	}
	return false;
}

static void group_set_slot(struct trbd_group *group, int slot)
{
	spin_lock(&group->lock);
	group->slot = slot;
	spin_unlock(&group->lock);
	if (slot >= 0)
		trbd_clock_set_slot(&group->clock, slot);
}

/* @lock held. What was accepted before @now_ms ends with BUSY, and for a while all that comes. */
static void group_set_out_of_touch(struct trbd_group *group, u64 now_ms)
{
	lockdep_assert_held(&group->lock);

	group->stale_before_ms = now_ms;
	group->quarantine_until_ms = trbd_clock_local_ms() + TRBD_QUARANTINE_MS;
	group->out_of_touch++;
	trbd_lease_void(&group->lease);
}

static void group_declare_out_of_touch(struct trbd_group *group, const char *why)
{
	spin_lock(&group->lock);
	group_set_out_of_touch(group, trbd_clock_now(&group->clock));
	spin_unlock(&group->lock);
	pr_warn("group of pool %lld: this gateway was out of touch (%s); writes it got before end with BUSY\n",
		group->oloc.pool, why);
}

/*
 * The latest clock of the table, and whose it is; also of gateways that are silent, whose stamps may hang somewhere.
 * Such a gateway may have joined while it heard of nobody, begun a minute ahead of all others, and died since. Its
 * stamps are ahead of its entry by a lease and the time of admission at most.
 */
static u64 group_latest_clock(struct trbd_group *group, int *whose)
{
	u64 now_ms = trbd_clock_now(&group->clock);
	u64 latest = 0;
	int slot;

	for (slot = 0; slot < TRBD_SLOTS; slot++) {
		const struct trbd_group_peer *peer = &group->peers[slot];

		if (peer->state != TRBD_GROUP_ENTRY_VALID || slot == group->slot)
			continue;
		if (peer->entry.clock_ms > now_ms + GROUP_FAR_FUTURE_MS) {
			pr_warn_ratelimited("group of pool %lld: slot %d (%s) claims a time %llu hours ahead and is ignored\n",
					    group->oloc.pool, slot, peer->entry.name,
					    (peer->entry.clock_ms - now_ms) / (3600 * 1000));
			continue;
		}
		if (peer->entry.clock_ms > latest) {
			latest = peer->entry.clock_ms;
			*whose = slot;
		}
	}
	return latest;
}

/*
 * Moves forward to the latest clock of the table. A clock that was far behind belongs to a gateway that was paused:
 * what is admitted with the new time must not be what came out of its socket buffers, so the quarantine begins
 * before.
 */
static void group_merge(struct trbd_group *group)
{
	int whose = 0;
	u64 latest_ms = group_latest_clock(group, &whose);
	bool jumped;

	spin_lock(&group->lock);
	jumped = latest_ms > trbd_clock_now(&group->clock) + TRBD_JUMP_MS;
	if (jumped)
		group_set_out_of_touch(group, latest_ms);
	trbd_clock_advance(&group->clock, latest_ms);
	spin_unlock(&group->lock);
	if (jumped)
		pr_warn("group of pool %lld: this gateway was out of touch (its clock was behind that of slot %d, %s); writes it got before end with BUSY. If this comes again and again, one of the two machines has a clock that runs wrong\n",
			group->oloc.pool, whose, group->peers[whose].entry.name);
}

/* Gets a slot and the common time. Bounded: mount_timeout for each round trip. */
static int group_take_slot(struct trbd_group *group)
{
	bool again = group->owner;
	u64 sent_ms;
	int ret, slot, tries;

	group_set_slot(group, -1);
	ret = trbd_object_create(group->session, &group->oid, &group->oloc, TRBD_GROUP_TABLE_SIZE);
	if (ret)
		return ret;
	ret = group_read(group);
	if (ret)
		return ret;
	/* who is alive shows only in comparison */
	if (group_has_owners(group)) {
		schedule_timeout_killable(msecs_to_jiffies(2 * TRBD_HEARTBEAT_MS));
		ret = group_read(group);
		if (ret)
			return ret;
	}
	if (group_disagrees(group))
		return -EPROTONOSUPPORT;

	get_random_bytes(&group->owner, sizeof(group->owner));
	/* the OSD reads a stored number as a signed one; 0 is nobody */
	group->owner = (group->owner >> 1) | 1;
	group->beats = 0;
	snprintf(group->witness.cookie, sizeof(group->witness.cookie), "%llx", group->owner);
	group->osd_ref_ms = 0;

	for (tries = 0; tries < TRBD_SLOTS; tries++) {
		trbd_clock_advance(&group->clock, group_start_time(group));
		group_merge(group);
		slot = group_pick_slot(group, trbd_clock_now(&group->clock));
		if (slot < 0) {
			pr_err("group of pool %lld: all %d slots are taken; no more gateways can serve this pool\n",
			       group->oloc.pool, TRBD_SLOTS);
			return -EUSERS;
		}
		group->limit_ms = max(trbd_clock_now(&group->clock), group->peers[slot].entry.limit_ms) +
				  GROUP_LIMIT_MS;
		sent_ms = trbd_clock_local_ms();
		ret = group_write(group, slot, group->peers[slot].entry.owner, group->owner);
		if (!ret)
			break;
		if (ret != -ECANCELED)
			return ret;
		/* somebody else took it */
		ret = group_read(group);
		if (ret)
			return ret;
		ret = -EUSERS;
	}
	if (ret)
		return ret;

	group_set_slot(group, slot);
	/* the clock may have moved by any length, and what was accepted before that with it */
	if (again)
		group_declare_out_of_touch(group, "it joined again");
	spin_lock(&group->lock);
	trbd_lease_renew(&group->lease, sent_ms, trbd_clock_local_ms());
	spin_unlock(&group->lock);
	pr_info("group of pool %lld: joined as slot %d\n", group->oloc.pool, slot);
	return 0;
}

/*
 * Lets go of those who waited: of all when @in_touch, and those who were accepted early enough go on; else of those who
 * were not, and end with -EBUSY. By the thread, and by the tick, since a heartbeat may hang for long.
 */
static void group_release_waiting(struct trbd_group *group, bool in_touch)
{
	struct trbd_group_ticket *ticket, *next;
	u64 now_ms = trbd_clock_now(&group->clock);
	LIST_HEAD(released);

	spin_lock(&group->lock);
	list_for_each_entry_safe(ticket, next, &group->waiting, node) {
		if (in_touch || ticket->accepted_ms + TRBD_ADMISSION_MS < now_ms ||
		    ticket->accepted_ms < group->stale_before_ms)
			list_move_tail(&ticket->node, &released);
	}
	spin_unlock(&group->lock);

	list_for_each_entry_safe(ticket, next, &released, node) {
		bool late = ticket->accepted_ms + TRBD_ADMISSION_MS < now_ms ||
			    ticket->accepted_ms < group->stale_before_ms;

		list_del(&ticket->node);
		ticket->run(ticket, late ? -EBUSY : 0);
	}
}

/*
 * Did others beat while we could not? @old is what we knew of them before. When nobody could, each of them may
 * still have beaten once before that began and once after it ended. Who joined has counted from 0, and who left has
 * left the count behind.
 */
static bool group_others_went_on(struct trbd_group *group, const struct trbd_group_peer *old)
{
	int slot;

	for (slot = 0; slot < TRBD_SLOTS; slot++) {
		const struct trbd_group_entry *was = &old[slot].entry;
		const struct trbd_group_entry *is = &group->peers[slot].entry;
		bool joined = is->owner && is->owner != was->owner;

		if (slot == group->slot || group->peers[slot].state != TRBD_GROUP_ENTRY_VALID)
			continue;
		if (is->beats - (joined ? 0 : was->beats) > 2)
			return true;
	}
	return false;
}

/* @lock held. Did this machine, or one of its processors, stand still since the last look? */
static bool group_stood_still(struct trbd_group *group)
{
	u64 stalls = trbd_stall_count();
	bool stalled = stalls != group->stalls;

	lockdep_assert_held(&group->lock);
	if (stalled)
		group_set_out_of_touch(group, trbd_clock_now(&group->clock));
	group->stalls = stalls;
	return stalled;
}

static void group_warn_stalled(struct trbd_group *group)
{
	pr_warn("group of pool %lld: this gateway was out of touch (it stood still); writes it got before end with BUSY\n",
		group->oloc.pool);
}

static void group_tick(struct work_struct *work)
{
	struct trbd_group *group = container_of(to_delayed_work(work), struct trbd_group, tick);
	bool stalled;

	spin_lock(&group->lock);
	stalled = group_stood_still(group);
	spin_unlock(&group->lock);
	if (stalled)
		group_warn_stalled(group);
	group_release_waiting(group, false);
	queue_delayed_work(trbd_tick_wq, &group->tick, msecs_to_jiffies(TRBD_TICK_MS));
}

/* Once; nothing is begun without a lease. */
static void group_give_up(struct trbd_group *group)
{
	if (group->gave_up || trbd_clock_local_ms() < group->lease.until_ms + GROUP_GIVE_UP_MS)
		return;
	pr_warn("group of pool %lld: no heartbeat for %u minutes; giving up what is in flight\n", group->oloc.pool,
		GROUP_GIVE_UP_MS / 60000);
	group->gave_up = true;
	trbd_recovery_give_up(group->session);
}

/*
 * Did this machine's clocks stand still since a heartbeat before this one? Then the OSD's clock has gone further than
 * ours. A slow heartbeat is no good to measure from: nobody knows when on its way the OSD noted the time.
 */
static bool group_clock_slept(struct trbd_group *group, u64 sent_ms, u64 written_ms)
{
	u64 osd_ms = group->osd_ms;
	bool slept = osd_ms && group->osd_ref_ms &&
		     osd_ms > group->osd_ref_ms + (written_ms - group->local_ref_ms) + TRBD_JUMP_MS;

	if (osd_ms && (slept || written_ms - sent_ms <= TRBD_JUMP_MS)) {
		group->osd_ref_ms = osd_ms;
		group->local_ref_ms = sent_ms;
	}
	return slept;
}

/* One heartbeat: write, read, compare, merge. */
static int group_beat(struct trbd_group *group, struct trbd_group_peer *old)
{
	u64 sent_ms = trbd_clock_local_ms();
	u64 now_ms = trbd_clock_now(&group->clock);
	u64 lease_until_ms = group->lease.until_ms;
	u64 written_ms;
	int ret;

	if (now_ms + GROUP_LIMIT_MS / 2 > group->limit_ms)
		group->limit_ms = now_ms + GROUP_LIMIT_MS;
	group->beats++;
	ret = group_write(group, group->slot, group->owner, group->owner);
	if (ret)
		return ret;

	written_ms = trbd_clock_local_ms();
	memcpy(old, group->peers, TRBD_SLOTS * sizeof(*old));
	ret = group_read(group);
	if (ret)
		return ret;

	if (group_clock_slept(group, sent_ms, written_ms))
		group_declare_out_of_touch(group, "its clocks stood still");
	group_merge(group);
	if (trbd_clock_local_ms() > lease_until_ms && group_others_went_on(group, old))
		group_declare_out_of_touch(group, "no heartbeat came through");

	spin_lock(&group->lock);
	trbd_lease_renew(&group->lease, sent_ms, trbd_clock_local_ms());
	spin_unlock(&group->lock);
	return 0;
}

/*
 * A slow beat must not make the next one late as well. And the pace is broken now and then: what we read of a peer's
 * clock is as old as its last beat, so with two gateways at the same pace one would stay behind the other for ever, by
 * up to a second, and its writes would always lose their first try. With chance in it we see each peer right after its
 * beat before long. Only now and then, because group_others_went_on() counts beats.
 */
static void group_sleep_since(struct trbd_group *group, u64 began_ms)
{
	u64 spent_ms = trbd_clock_local_ms() - began_ms;
	u64 wanted_ms = TRBD_HEARTBEAT_MS;

	if (group->beats < GROUP_PACE_BEATS || !(group->beats % GROUP_PACE_BEATS))
		wanted_ms = get_random_u32() % TRBD_HEARTBEAT_MS;

	if (spent_ms < wanted_ms)
		schedule_timeout_interruptible(msecs_to_jiffies(wanted_ms - spent_ms));
}

static int group_thread(void *arg)
{
	struct trbd_group *group = arg;
	struct trbd_group_peer *old;
	int ret;

	allow_kernel_signal(SIGKILL);
	old = kvcalloc(TRBD_SLOTS, sizeof(*old), GFP_KERNEL);
	ret = old ? group_take_slot(group) : -ENOMEM;
	group->join_err = ret;
	complete_all(&group->joined);

	while (!ret && !kthread_should_stop()) {
		u64 began_ms = trbd_clock_local_ms();
		int err = group->slot < 0 ? group_take_slot(group) : group_beat(group, old);

		/* the signal that ends the thread comes a moment before it is told to stop */
		if (kthread_should_stop() || err == -EINTR)
			continue;
		if (err == -ECANCELED || err == -ENOENT) {
			/* somebody took our slot, or removed the object: all that relied on it is void */
			group_set_slot(group, -1);
			group_declare_out_of_touch(group, "its slot was lost");
		} else if (err) {
			if (err == -ESHUTDOWN)
				trbd_recovery_begin(group->session);
			pr_warn_ratelimited("group of pool %lld: heartbeat failed: error %d\n", group->oloc.pool, err);
			group_give_up(group);
		} else {
			group->gave_up = false;
		}
		group_release_waiting(group, !err);
		group_sleep_since(group, began_ms);
	}
	kvfree(old);
	while (!kthread_should_stop())
		group_sleep_since(group, trbd_clock_local_ms());
	return 0;
}

static void group_free(struct trbd_group *group)
{
	trbd_stall_unwatch();
	ceph_oloc_destroy(&group->oloc);
	ceph_oid_destroy(&group->oid);
	kvfree(group->peers);
	kvfree(group->table);
	kfree(group);
}

static struct trbd_group *group_alloc(struct trbd_session *session, const struct ceph_object_locator *oloc)
{
	struct trbd_group *group = kzalloc(sizeof(*group), GFP_KERNEL);

	if (!group)
		return NULL;
	if (trbd_stall_watch()) {
		kfree(group);
		return NULL;
	}
	refcount_set(&group->ref, 1);
	group->session = session;
	group->slot = -1;
	spin_lock_init(&group->lock);
	INIT_LIST_HEAD(&group->waiting);
	INIT_DELAYED_WORK(&group->tick, group_tick);
	group->stalls = trbd_stall_count();
	init_completion(&group->joined);
	trbd_clock_init(&group->clock);
	ceph_oid_init(&group->oid);
	ceph_oid_printf(&group->oid, "%s", GROUP_OBJECT);
	ceph_oloc_init(&group->oloc);
	ceph_oloc_copy(&group->oloc, oloc);
	group->table = kvzalloc(TRBD_GROUP_TABLE_SIZE, GFP_KERNEL);
	group->peers = kvcalloc(TRBD_SLOTS, sizeof(*group->peers), GFP_KERNEL);
	if (!group->table || !group->peers) {
		group_free(group);
		return NULL;
	}
	return group;
}

static void group_stop(struct trbd_group *group)
{
	cancel_delayed_work_sync(&group->tick);
	send_sig(SIGKILL, group->thread, 1);
	kthread_stop(group->thread);
	put_task_struct(group->thread);
}

/**
 * trbd_group_join() - become a member of a pool's group, or use the membership there is
 * @session: session with the cluster; must outlive the membership
 * @oloc: pool and namespace
 *
 * Context: process; may sleep up to mount_timeout for each round trip, and two heartbeats for finding out who lives.
 * Return: the membership; ERR_PTR of -EUSERS (no slot is free), -EPERM, -ETIMEDOUT, -EINTR, -ENOMEM, others.
 */
struct trbd_group *trbd_group_join(struct trbd_session *session, const struct ceph_object_locator *oloc)
{
	struct trbd_group *group;
	int ret;

	mutex_lock(&groups_lock);
	list_for_each_entry(group, &groups, node) {
		/* libceph keeps one string for equal namespaces */
		if (group->session == session && group->oloc.pool == oloc->pool &&
		    group->oloc.pool_ns == oloc->pool_ns) {
			refcount_inc(&group->ref);
			goto out_unlock;
		}
	}
	group = group_alloc(session, oloc);
	if (!group) {
		mutex_unlock(&groups_lock);
		return ERR_PTR(-ENOMEM);
	}
	group->thread = kthread_create(group_thread, group, "trbd-group/%lld", oloc->pool);
	if (IS_ERR(group->thread)) {
		ret = PTR_ERR(group->thread);
		mutex_unlock(&groups_lock);
		group_free(group);
		return ERR_PTR(ret);
	}
	get_task_struct(group->thread);
	list_add_tail(&group->node, &groups);
	queue_delayed_work(trbd_tick_wq, &group->tick, msecs_to_jiffies(TRBD_TICK_MS));
	wake_up_process(group->thread);
out_unlock:
	mutex_unlock(&groups_lock);

	ret = wait_for_completion_killable(&group->joined);
	if (!ret)
		ret = group->join_err;
	if (ret) {
		trbd_group_leave(group);
		return ERR_PTR(ret == -ERESTARTSYS ? -EINTR : ret);
	}
	return group;
}

/**
 * trbd_group_leave() - end the use of a membership
 * @group: membership; none of the caller's tickets wait
 *
 * The last user gives the slot back.
 *
 * Context: process; may sleep up to mount_timeout when the cluster does not answer.
 */
void trbd_group_leave(struct trbd_group *group)
{
	if (!refcount_dec_and_mutex_lock(&group->ref, &groups_lock))
		return;
	list_del(&group->node);
	mutex_unlock(&groups_lock);

	group_stop(group);
	if (group->slot >= 0) {
		/* from now on no stamp of ours is later than this */
		group->limit_ms = trbd_clock_now(&group->clock) + TRBD_GRANULE_MS;
		group->beats++;
		group_write(group, group->slot, group->owner, 0);
	}
	group_free(group);
}

/* @lock held. It says nothing while there is a quarantine. */
static bool group_has_lease(const struct trbd_group *group, u64 now_ms)
{
	return trbd_lease_holds(&group->lease, now_ms) && group->slot >= 0;
}

/**
 * trbd_group_admit() - may a mutation start now?
 * @group: membership
 * @ticket: run is set; accepted_ms is filled in
 * @received_ms: trbd_clock_local_ms() when its command was taken up
 *
 * Context: any in which a spinlock may be taken.
 * Return: 0: start it. -EINPROGRESS: the ticket waits and its run will be called. -EBUSY: this gateway was out of
 * touch a moment ago.
 */
int trbd_group_admit(struct trbd_group *group, struct trbd_group_ticket *ticket, u64 received_ms)
{
	u64 now_ms;
	bool stalled;
	int ret = 0;

	spin_lock(&group->lock);
	now_ms = trbd_clock_local_ms();
	stalled = group_stood_still(group);
	/* under the lock, or a jump of the clock could come between it and the quarantine that belongs to it */
	ticket->accepted_ms = trbd_clock_now(&group->clock) - (now_ms - received_ms);
	if (now_ms < group->quarantine_until_ms) {
		ret = -EBUSY;
	} else if (!group_has_lease(group, now_ms)) {
		list_add_tail(&ticket->node, &group->waiting);
		ret = -EINPROGRESS;
	}
	spin_unlock(&group->lock);
	if (stalled)
		group_warn_stalled(group);
	return ret;
}

/**
 * trbd_group_lapses() - how often was this gateway without a lease?
 * @group: membership
 *
 * For whoever is about to read the shared state, see trbd_group_in_touch().
 *
 * Context: any in which a spinlock may be taken.
 * Return: a count that only grows, by one when such a time is over.
 */
unsigned long trbd_group_lapses(struct trbd_group *group)
{
	unsigned long lapses;

	spin_lock(&group->lock);
	lapses = group->lease.lapses;
	spin_unlock(&group->lock);
	return lapses;
}

/**
 * trbd_group_in_touch() - does this gateway know the shared state as it is?
 * @group: membership
 * @lapses: trbd_group_lapses() before the shared state was read last
 *
 * Who changes the shared state waits until this gateway has the change, or is fenced and its lease has run out.
 * One that was out of touch may get a lease once more after it was fenced, from an OSD that does not know yet; its
 * quarantine lasts longer than that.
 *
 * Context: any in which a spinlock may be taken.
 * Return: true while it holds a lease, has held it since that reading, and is in no quarantine.
 */
bool trbd_group_in_touch(struct trbd_group *group, unsigned long lapses)
{
	u64 now_ms;
	bool in_touch;

	spin_lock(&group->lock);
	now_ms = trbd_clock_local_ms();
	in_touch = now_ms >= group->quarantine_until_ms && group_has_lease(group, now_ms) &&
		   lapses == group->lease.lapses;
	spin_unlock(&group->lock);
	return in_touch;
}

/**
 * trbd_group_is_alive() - may the gateway that has a slot hold a lease?
 * @group: membership
 * @slot: which, or TRBD_SLOTS if that is not known
 *
 * Context: any in which a spinlock may be taken.
 * Return: true if its heartbeats were seen within the last seconds, or nobody knows.
 */
bool trbd_group_is_alive(struct trbd_group *group, unsigned int slot)
{
	bool alive;

	spin_lock(&group->lock);
	alive = slot >= TRBD_SLOTS || group->peers[slot].alive;
	spin_unlock(&group->lock);
	return alive;
}

/**
 * trbd_group_show() - describe the group for the operator
 * @group: membership
 * @buf: where to
 * @size: room in @buf
 *
 * One line for this gateway, one for each entry of the table.
 *
 * Context: process.
 * Return: length of the text, cut to what fits.
 */
size_t trbd_group_show(struct trbd_group *group, char *buf, size_t size)
{
	u64 now_ms = trbd_clock_now(&group->clock);
	u64 mono_ms = trbd_clock_local_ms();
	size_t len;
	int slot;

	spin_lock(&group->lock);
	len = scnprintf(buf, size, "slot %d lease_ms %lld window_ms %d out_of_touch %llu\n", group->slot,
			(s64)(group->lease.until_ms - mono_ms), TRBD_W_MS, group->out_of_touch);
	for (slot = 0; slot < TRBD_SLOTS; slot++) {
		const struct trbd_group_peer *peer = &group->peers[slot];

		if (peer->state == TRBD_GROUP_ENTRY_FOREIGN)
			len += scnprintf(buf + len, size - len, "%d foreign\n", slot);
		else if (peer->state == TRBD_GROUP_ENTRY_VALID && peer->entry.owner)
			len += scnprintf(buf + len, size - len, "%d %s %s last_heartbeat_ms %lld\n", slot,
					 peer->entry.name, slot == group->slot ? "self" :
					 peer->alive ? "alive" : "silent",
					 (s64)(now_ms - peer->entry.clock_ms));
	}
	spin_unlock(&group->lock);
	return len;
}

/**
 * trbd_group_self() - how the others find this gateway in the table
 * @group: membership
 * @slot: set to our slot; TRBD_SLOTS when we have none
 * @member: set to the number of our membership, 0 when we have none
 *
 * Context: any in which a spinlock may be taken.
 */
void trbd_group_self(struct trbd_group *group, u32 *slot, u64 *member)
{
	spin_lock(&group->lock);
	*slot = group->slot >= 0 ? group->slot : TRBD_SLOTS;
	*member = group->slot >= 0 ? group->owner : 0;
	spin_unlock(&group->lock);
}

/**
 * trbd_group_quiet() - for how long has a slot been silent?
 * @group: membership
 * @slot: which; TRBD_SLOTS if that is not known
 *
 * Context: any in which a spinlock may be taken.
 * Return: how many readings in a row, about a heartbeat apart, have found no heartbeat in it. Our own came through each
 * time, so it does not grow while the object cannot be reached. 0 if nobody knows.
 */
unsigned int trbd_group_quiet(struct trbd_group *group, unsigned int slot)
{
	unsigned int quiet;

	if (slot >= TRBD_SLOTS)
		return 0;
	spin_lock(&group->lock);
	quiet = group->peers[slot].quiet;
	spin_unlock(&group->lock);
	return quiet;
}

/**
 * trbd_group_touch() - read the group object once more
 * @group: membership
 * @table: memory of TRBD_GROUP_TABLE_SIZE bytes, filled in
 *
 * The object's OSD has every OSD map that we have when this has come back. So no heartbeat of a client goes through any
 * more that is on the blocklist in one of these.
 *
 * Context: process; one round trip, as long as a heartbeat at most.
 * Return: 0, or an error of trbd_object_read().
 */
int trbd_group_touch(struct trbd_group *group, u8 *table)
{
	memset(table, 0, TRBD_GROUP_TABLE_SIZE);
	return min(trbd_object_read(group->session, &group->oid, &group->oloc, table, TRBD_GROUP_TABLE_SIZE, NULL,
				    NULL, GROUP_ANSWER_MS), 0);
}

/**
 * trbd_group_lease_left() - for how long may a gateway that cannot beat any more still hold a lease?
 * @group: membership
 * @table: what trbd_group_touch() read since then
 * @slot: its slot, TRBD_SLOTS if that is not known
 * @member: the number of its membership, 0 if that is not known
 *
 * Context: any in which a spinlock may be taken.
 * Return: milliseconds; TRBD_LEASE_MS if nobody knows, and 0 for one that has been silent for that long.
 */
unsigned int trbd_group_lease_left(struct trbd_group *group, const u8 *table, unsigned int slot, u64 member)
{
	struct trbd_group_entry entry;
	u64 until_ms, now_ms;

	if (slot >= TRBD_SLOTS || !member)
		return TRBD_LEASE_MS;
	trbd_group_decode(table + slot * TRBD_GROUP_ENTRY_SIZE, &entry);
	spin_lock(&group->lock);
	now_ms = trbd_clock_local_ms();
	until_ms = now_ms + TRBD_LEASE_MS;
	/* a beat that was read had been sent before */
	if (entry.owner == member && entry.owner == group->peers[slot].entry.owner &&
	    entry.beats == group->peers[slot].entry.beats)
		until_ms = group->peers[slot].heard_ms + TRBD_LEASE_MS;
	spin_unlock(&group->lock);
	return until_ms > now_ms ? until_ms - now_ms : 0;
}
