// SPDX-License-Identifier: GPL-2.0
/*
 * Cleaning up a record: entries and fences that do not belong there.
 *
 *	an entry of this machine that no unit has     a backstore left it behind: out
 *	our own entry                                 gets our slot in the group as it is now
 *	a fence that is old                           out
 *
 * A backstore that is gone may have left its entry behind. Such an entry has the address of one of
 * our own sessions, and a number that no unit of this machine has. This gateway takes the entry out
 * without fencing its client, which serves other images. So this file keeps a list of the machine's
 * units, which have the numbers.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "gateway/group.h"
#include "gateway/lu_state.h"
#include "gateway/tidy.h"
#include "gateway/view.h"
#include "rados/session.h"

static DEFINE_SPINLOCK(units_lock);
static LIST_HEAD(units);		/* guarded by units_lock */

/**
 * trbd_tidy_add_unit() - add a unit that is about to be registered
 * @lu: state
 *
 * Context: any in which a spinlock may be taken.
 */
void trbd_tidy_add_unit(struct trbd_lu *lu)
{
	spin_lock(&units_lock);
	list_add(&lu->node, &units);
	spin_unlock(&units_lock);
}

/**
 * trbd_tidy_remove_unit() - remove a unit that is gone
 * @lu: state
 *
 * Context: any in which a spinlock may be taken.
 */
void trbd_tidy_remove_unit(struct trbd_lu *lu)
{
	spin_lock(&units_lock);
	list_del(&lu->node);
	spin_unlock(&units_lock);
}

static bool tidy_is_here(u64 id)
{
	struct trbd_lu *lu;
	bool here = false;

	spin_lock(&units_lock);
	list_for_each_entry(lu, &units, node)
		here |= READ_ONCE(lu->id) == id || READ_ONCE(lu->next_id) == id;
	spin_unlock(&units_lock);
	return here;
}

/**
 * trbd_tidy_is_left_behind() - tell whether a backstore of this machine left an entry behind
 * @gateway: entry
 *
 * Context: may sleep, not for the network.
 * Return: true if a session of this machine has the address, and no unit of this machine has the
 * number.
 */
bool trbd_tidy_is_left_behind(const struct trbd_record_gateway *gateway)
{
	return !tidy_is_here(gateway->id) && trbd_session_is_ours(gateway->address);
}

/**
 * trbd_tidy_entry_is_true() - tell whether our entry is up to date
 * @lu: state
 * @gateway: our entry; it has no machine in a record of version 1
 *
 * Context: process.
 * Return: true if slot, membership, machine and features are as the entry says.
 */
bool trbd_tidy_entry_is_true(struct trbd_lu *lu, const struct trbd_record_gateway *gateway)
{
	u64 member;
	u32 slot;

	trbd_group_self(lu->group, &slot, &member);
	return gateway->slot == slot && gateway->member == member &&
	       gateway->features == TRBD_FEATURES && !strcmp(gateway->machine, lu->machine);
}

/**
 * trbd_tidy_record() - tidy a record that was read
 * @lu: state
 * @record: record
 *
 * Take out entries that this machine left behind, and old fences. Bring our own entry up to date.
 *
 * Context: process; no round trip.
 * Return: true if anything changed.
 */
bool trbd_tidy_record(struct trbd_lu *lu, struct trbd_record *record)
{
	u64 now = trbd_clock_now(&lu->group->clock) / MSEC_PER_SEC;
	struct trbd_record_gateway *gateway;
	bool changed = false;
	unsigned int i;

	for (i = record->num_gateways; i--; ) {
		gateway = &record->gateways[i];
		if (gateway->id == lu->id && !trbd_tidy_entry_is_true(lu, gateway)) {
			trbd_group_self(lu->group, &gateway->slot, &gateway->member);
			strscpy(gateway->machine, lu->machine, sizeof(gateway->machine));
			gateway->features = TRBD_FEATURES;
			changed = true;
		} else if (gateway->id != lu->id && trbd_tidy_is_left_behind(gateway)) {
			trbd_record_remove_gateway(record, gateway->id);
			changed = true;
		}
	}
	for (i = record->num_fenced; i--; ) {
		if (!trbd_fenced_is_old(&record->fenced[i], now))
			continue;
		trbd_record_remove_fenced(record, record->fenced[i].address);
		changed = true;
	}
	return changed;
}

static enum trbd_pr_verdict tidy_decide(struct trbd_record *record, void *ctx)
{
	return trbd_tidy_record(ctx, record) ? TRBD_PR_GOOD : TRBD_PR_CONFLICT;
}

/**
 * trbd_tidy() - tidy the record in the cluster
 * @lu: state
 *
 * Context: the thread; a few round trips.
 * Return: 0; -EUSERS when there was nothing to change; others as trbd_lu_amend().
 */
int trbd_tidy(struct trbd_lu *lu)
{
	return trbd_lu_amend(lu, tidy_decide, lu);
}
