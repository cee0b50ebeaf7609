// SPDX-License-Identifier: GPL-2.0
/*
 * Keeping the record of an image true, while nobody changes reservations.
 *
 *	our own entry			says our slot in the group as it is now, which shows others that we live
 *	entries of ours			that a backstore left behind which is no more: out
 *	gateways			silent in the group for a minute: fenced, and out
 *	fences				renewed every half hour, since Ceph forgets them after an hour; a day is enough
 *
 * Any gateway does it, and they take turns: the first one in the registry at once, each further one a little later, so
 * that it finds it done. What cannot be done is tried again later. Whoever waits for the thread has precedence.
 *
 * The times of fences are those of the group's clock, which all gateways share.
 */
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "gateway/group.h"
#include "gateway/housekeeping.h"
#include "gateway/lu_state.h"
#include "gateway/membership.h"
#include "gateway/renewal.h"
#include "gateway/round.h"
#include "protocol.h"
#include "rados/clock.h"
#include "rbd/image.h"

/* until what takes long is done again, or tried again */
#define HOUSE_PAUSE		(30 * HZ)
/* for which a monitor is waited for; commands have to wait as long */
#define HOUSE_PATIENCE_MS	3000

/**
 * struct house - what there is to do
 * @lu: state
 * @now: time, seconds
 * @turn: how many gateways come before us
 * @tidy: the record wants to be changed
 * @renew: fences want to be renewed
 * @silent: gateways look gone
 */
struct house {
	struct trbd_lu *lu;
	u64 now;
	unsigned int turn;
	bool tidy;
	bool renew;
	bool silent;
};

/* in seconds; who comes later waits longer */
static u64 house_fence_age(const struct house *house)
{
	return TRBD_HOUSE_RENEW_S + house->turn * TRBD_HOUSE_TURN_S;
}

/* Does our entry say what is so? The machine is not in a record of version 1. */
static bool house_entry_is_true(struct trbd_lu *lu, const struct trbd_record_gateway *gateway)
{
	u64 member;
	u32 slot;

	trbd_group_self(lu->group, &slot, &member);
	return gateway->slot == slot && gateway->member == member && !strcmp(gateway->machine, lu->machine);
}

static void house_look_at_gateway(struct house *house, const struct trbd_record_gateway *gateway)
{
	struct trbd_lu *lu = house->lu;
	unsigned int readings = (TRBD_HOUSE_SILENT_MS + house->turn * TRBD_HOUSE_TURN_S * MSEC_PER_SEC) / TRBD_HEARTBEAT_MS;

	if (gateway->id == lu->id)
		house->tidy |= !house_entry_is_true(lu, gateway);
	else if (trbd_membership_is_left_behind(gateway))
		house->tidy = true;
	else
		house->silent |= trbd_group_quiet(lu->group, gateway->slot) > readings;
}

static void house_look(struct house *house)
{
	const struct trbd_lu_view *view;
	struct trbd_lu *lu = house->lu;
	unsigned int i;

	mutex_lock(&lu->install_lock);
	view = rcu_dereference_protected(lu->view, lockdep_is_held(&lu->install_lock));
	while (house->turn < view->registry.num_gateways && view->registry.gateways[house->turn].id != lu->id)
		house->turn++;
	for (i = 0; i < view->registry.num_gateways; i++)
		house_look_at_gateway(house, &view->registry.gateways[i]);
	for (i = 0; i < view->registry.num_fenced; i++) {
		house->tidy |= trbd_fenced_is_old(&view->registry.fenced[i], house->now);
		house->renew |= trbd_fenced_is_due(&view->registry.fenced[i], house->now, house_fence_age(house));
	}
	mutex_unlock(&lu->install_lock);
}

/**
 * trbd_housekeeping_tidy() - take out of a record what does not belong there
 * @lu: state
 * @record: record
 *
 * Entries of this machine that were left behind, and fences that are old. Our own entry says our slot.
 *
 * Context: process; no round trip.
 * Return: whether anything changed.
 */
bool trbd_housekeeping_tidy(struct trbd_lu *lu, struct trbd_record *record)
{
	u64 now = trbd_clock_now(&lu->group->clock) / MSEC_PER_SEC;
	struct trbd_record_gateway *gateway;
	bool changed = false;
	unsigned int i;

	for (i = record->num_gateways; i--; ) {
		gateway = &record->gateways[i];
		if (gateway->id == lu->id && !house_entry_is_true(lu, gateway)) {
			trbd_group_self(lu->group, &gateway->slot, &gateway->member);
			strscpy(gateway->machine, lu->machine, sizeof(gateway->machine));
			changed = true;
		} else if (gateway->id != lu->id && trbd_membership_is_left_behind(gateway)) {
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

static enum trbd_pr_verdict decide_tidy(struct trbd_record *record, void *ctx)
{
	return trbd_housekeeping_tidy(ctx, record) ? TRBD_PR_GOOD : TRBD_PR_CONFLICT;
}

/**
 * trbd_housekeeping_amend() - the same for the record in the cluster
 * @lu: state
 *
 * Context: the thread; a few round trips.
 * Return: 0; -EUSERS when there was nothing to change; others as trbd_lu_amend().
 */
int trbd_housekeeping_amend(struct trbd_lu *lu)
{
	return trbd_lu_amend(lu, decide_tidy, lu);
}

static enum trbd_pr_verdict decide_renewed(struct trbd_record *record, void *ctx)
{
	trbd_renewal_note(ctx, record);
	return TRBD_PR_GOOD;
}

static void house_renew(const struct house *house)
{
	struct trbd_renewal *renewal = kzalloc(sizeof(*renewal), GFP_KERNEL);
	const struct trbd_lu_view *view;
	struct trbd_lu *lu = house->lu;
	int ret;

	if (!renewal)
		return;
	renewal->now = house->now;
	mutex_lock(&lu->install_lock);
	view = rcu_dereference_protected(lu->view, lockdep_is_held(&lu->install_lock));
	trbd_renewal_collect(renewal, &view->registry, house_fence_age(house));
	mutex_unlock(&lu->install_lock);
	ret = trbd_renewal_fence(renewal, lu->image->session, HOUSE_PATIENCE_MS);
	if (!ret && renewal->count)
		ret = trbd_lu_amend(lu, decide_renewed, renewal);
	if (ret && ret != -EINTR)
		pr_warn_ratelimited("%s: fences of earlier could not be renewed: error %d, trying again\n",
				    lu->image->name, ret);
	kfree(renewal);
}

/**
 * trbd_housekeeping() - see to the record, if there is anything to see to
 * @lu: state
 *
 * Context: the thread, when nobody waits for it; a few round trips, seconds for a monitor or for gateways that do not
 * answer.
 */
void trbd_housekeeping(struct trbd_lu *lu)
{
	struct house house = { .lu = lu, .now = trbd_clock_now(&lu->group->clock) / MSEC_PER_SEC };

	if (test_bit(TRBD_LU_UNREGISTERED, &lu->blocked))
		return;
	house_look(&house);
	if (house.tidy)
		trbd_housekeeping_amend(lu);
	if ((!house.renew && !house.silent) || time_before(jiffies, lu->housework) || trbd_lu_is_wanted(lu))
		return;
	lu->housework = jiffies + HOUSE_PAUSE;
	if (house.renew)
		house_renew(&house);
	if (house.silent)
		trbd_round_tidy(lu);
}
