// SPDX-License-Identifier: GPL-2.0
/*
 * The state of a membership in the group: slot, lease, quarantine, and the commands that wait.
 *
 * A lease says that this gateway is in touch with the others. Mutations begin while it lasts. After
 * it has run out they wait here, each with a ticket, until a heartbeat brings a new lease, or until
 * they are too old.
 *
 * A quarantine follows when this gateway was out of touch, or stood still. Mutations that were
 * accepted before it end with BUSY, and so does every mutation that comes in the next few seconds.
 *
 * The data path looks at a few numbers under group->lock, and at nothing else. This file is the
 * bottom of the group's files: it calls none of the others.
 */
#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/printk.h>
#include <linux/spinlock.h>

#include "gateway/group_state.h"
#include "gateway/stall.h"
#include "tracepoints.h"

/**
 * trbd_group_set_slot() - set this gateway's slot
 * @group: membership
 * @slot: slot, or -1 for none
 *
 * Context: the group's threads, with @state.
 */
void trbd_group_set_slot(struct trbd_group *group, int slot)
{
	spin_lock(&group->lock);
	group->slot = slot;
	spin_unlock(&group->lock);
	if (slot >= 0)
		trbd_clock_set_slot(&group->clock, slot);
}

/**
 * trbd_group_set_out_of_touch() - begin a quarantine
 * @group: membership
 * @now_ms: common time; mutations that were accepted before it end with BUSY, and so do all that
 *   come in the next few seconds
 *
 * Context: with @lock.
 */
void trbd_group_set_out_of_touch(struct trbd_group *group, u64 now_ms)
{
	lockdep_assert_held(&group->lock);

	group->stale_before_ms = now_ms;
	group->quarantine_until_ms = trbd_clock_local_ms() + TRBD_QUARANTINE_MS;
	group->out_of_touch++;
	trace_trbd_out_of_touch(group->oloc.pool, group->out_of_touch);
	trbd_lease_void(&group->lease);
}

/**
 * trbd_group_declare_out_of_touch() - begin a quarantine, and log it
 * @group: membership
 * @why: reason, for people
 *
 * Context: the group's threads.
 */
void trbd_group_declare_out_of_touch(struct trbd_group *group, const char *why)
{
	spin_lock(&group->lock);
	trbd_group_set_out_of_touch(group, trbd_clock_now(&group->clock));
	spin_unlock(&group->lock);
	pr_warn("group of pool %lld: this gateway was out of touch (%s); writes it got before end with BUSY\n",
		group->oloc.pool, why);
}

/**
 * trbd_group_release_waiting() - let waiting commands go
 * @group: membership
 * @in_touch: true releases all of them, and those that were accepted early enough go on; false
 *   releases only those that are too old, and they end with -EBUSY
 *
 * The group's threads call this, and so does the tick, since a heartbeat may hang for long.
 *
 * Context: process.
 */
void trbd_group_release_waiting(struct trbd_group *group, bool in_touch)
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
 * @lock held. Tell whether this machine, or one of its processors, stood still since the last look.
 */
static bool group_stood_still(struct trbd_group *group)
{
	u64 stalls = trbd_stall_count();
	bool stalled = stalls != group->stalls;

	lockdep_assert_held(&group->lock);
	if (stalled)
		trbd_group_set_out_of_touch(group, trbd_clock_now(&group->clock));
	group->stalls = stalls;
	return stalled;
}

static void group_warn_stalled(struct trbd_group *group)
{
	pr_warn("group of pool %lld: this gateway was out of touch (it stood still); writes it got before end with BUSY\n",
		group->oloc.pool);
}

/**
 * trbd_group_check_stall() - begin a quarantine if this machine stood still since the last look
 * @group: membership
 *
 * Context: any in which a spinlock may be taken.
 */
void trbd_group_check_stall(struct trbd_group *group)
{
	bool stalled;

	spin_lock(&group->lock);
	stalled = group_stood_still(group);
	spin_unlock(&group->lock);
	if (stalled)
		group_warn_stalled(group);
}

/**
 * trbd_group_check_lease() - count the end of a lease, once
 * @group: membership
 *
 * The tick calls this, and so does a heartbeat that comes back too late, before it renews the
 * lease.
 *
 * Context: any in which a spinlock may be taken.
 */
void trbd_group_check_lease(struct trbd_group *group)
{
	u64 now_ms;

	spin_lock(&group->lock);
	now_ms = trbd_clock_local_ms();
	if (!trbd_lease_holds(&group->lease, now_ms)) {
		/* a gateway that has just joined had no lease that it could lose */
		if (!group->lapsed && group->lease.until_ms) {
			group->leases_lost++;
			trace_trbd_lease_lost(group->oloc.pool, now_ms - group->lease.until_ms);
		}
		group->lapsed = true;
	} else {
		group->lapsed = false;
	}
	spin_unlock(&group->lock);
}

/* @lock held. Tell whether this gateway has a lease. There may be a quarantine at the same time. */
static bool group_holds_lease(const struct trbd_group *group, u64 now_ms)
{
	lockdep_assert_held(&group->lock);
	return trbd_lease_holds(&group->lease, now_ms) && group->slot >= 0;
}

/**
 * trbd_group_has_lease() - tell whether this gateway has a lease
 * @group: membership
 *
 * Context: any in which a spinlock may be taken.
 * Return: true while this gateway is known to be in touch; it may be in quarantine.
 */
bool trbd_group_has_lease(struct trbd_group *group)
{
	bool has;

	spin_lock(&group->lock);
	has = group_holds_lease(group, trbd_clock_local_ms());
	spin_unlock(&group->lock);
	return has;
}

/**
 * trbd_group_takes_changes() - tell whether a mutation that comes now can be admitted
 * @group: membership
 *
 * A lease that has just run out may be renewed while a mutation waits.
 *
 * Context: any in which a spinlock may be taken.
 * Return: false in a quarantine, and when the lease has been missing for longer than a mutation
 * waits.
 */
bool trbd_group_takes_changes(struct trbd_group *group)
{
	u64 now_ms;
	bool takes;

	spin_lock(&group->lock);
	now_ms = trbd_clock_local_ms();
	takes = now_ms >= group->quarantine_until_ms && group->slot >= 0 &&
		now_ms <= group->lease.until_ms + TRBD_ADMISSION_MS;
	spin_unlock(&group->lock);
	return takes;
}

/**
 * trbd_group_admit() - admit a mutation, or let it wait
 * @group: membership
 * @ticket: run is set; accepted_ms is filled in
 * @received_ms: trbd_clock_local_ms() when LIO took its command up
 *
 * Context: any in which a spinlock may be taken.
 * Return: 0: start it. -EINPROGRESS: the ticket waits and its run will be called. -EBUSY: this
 * gateway was out of touch a moment ago.
 */
int trbd_group_admit(struct trbd_group *group, struct trbd_group_ticket *ticket, u64 received_ms)
{
	u64 now_ms;
	bool stalled;
	int ret = 0;

	spin_lock(&group->lock);
	now_ms = trbd_clock_local_ms();
	stalled = group_stood_still(group);
	/*
	 * read the clock under the lock, or a jump of the clock could come between this and the
	 * quarantine that belongs to the jump
	 */
	ticket->accepted_ms = trbd_clock_at(&group->clock, received_ms);
	if (now_ms < group->quarantine_until_ms) {
		ret = -EBUSY;
	} else if (!group_holds_lease(group, now_ms)) {
		list_add_tail(&ticket->node, &group->waiting);
		ret = -EINPROGRESS;
	}
	spin_unlock(&group->lock);
	if (stalled)
		group_warn_stalled(group);
	return ret;
}

/**
 * trbd_group_lapses() - count the times that this gateway was without a lease
 * @group: membership
 *
 * A caller asks this before it reads the shared state, see trbd_group_in_touch().
 *
 * Context: any in which a spinlock may be taken.
 * Return: a count that only grows, by one at the end of each such time.
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
 * trbd_group_in_touch() - tell whether this gateway knows the shared state as it is
 * @group: membership
 * @lapses: trbd_group_lapses() before the shared state was read last
 *
 * Another gateway that changes the shared state waits until this gateway has the change, or is
 * fenced and its lease has run out. A gateway that was out of touch may get a lease once more after
 * it was fenced, from an OSD that does not know that yet. Its quarantine lasts longer than that
 * lease.
 *
 * Context: any in which a spinlock may be taken.
 * Return: true while this gateway holds a lease, has held it since that reading, and is in no
 * quarantine.
 */
bool trbd_group_in_touch(struct trbd_group *group, unsigned long lapses)
{
	u64 now_ms;
	bool in_touch;

	spin_lock(&group->lock);
	now_ms = trbd_clock_local_ms();
	in_touch = now_ms >= group->quarantine_until_ms && group_holds_lease(group, now_ms) &&
		   lapses == group->lease.lapses;
	spin_unlock(&group->lock);
	return in_touch;
}
