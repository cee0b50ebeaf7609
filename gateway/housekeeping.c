// SPDX-License-Identifier: GPL-2.0
/*
 * Keeping the record of an image true, while nobody changes reservations.
 *
 *	our own entry			gets our slot in the group as it is now, by which others
 *					see that we live
 *	entries of ours			taken out when a backstore that is gone left them behind
 *	gateways			fenced and taken out after a minute of silence in the
 *					group
 *	fences				renewed every half hour, since Ceph forgets them after an
 *					hour; kept up for a day
 *
 * Any gateway does this, and they take turns. The first gateway in the registry does it at once,
 * and each further one a little later, so that it finds the work done. A gateway tries again later
 * when something fails. Jobs that wait for the thread go first.
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
#include "gateway/renewal.h"
#include "gateway/round.h"
#include "gateway/tidy.h"
#include "gateway/view.h"
#include "protocol.h"
#include "rados/clock.h"
#include "rbd/image.h"

/* pause before slow work is done or tried again */
#define HOUSE_PAUSE		(30 * HZ)
/* limit of the wait for a monitor; commands have to wait as long */
#define HOUSE_PATIENCE_MS	3000

/**
 * struct house - the work that housekeeping finds
 * @lu: state
 * @now: time, seconds
 * @turn: how many gateways come before us
 * @tidy: the record needs a change
 * @renew: fences need to be renewed
 * @silent: some gateways look gone
 */
struct house {
	struct trbd_lu *lu;
	u64 now;
	unsigned int turn;
	bool tidy;
	bool renew;
	bool silent;
};

/* in seconds; a gateway further down the registry waits longer */
static u64 house_fence_age(const struct house *house)
{
	return TRBD_HOUSE_RENEW_S + house->turn * TRBD_HOUSE_TURN_S;
}

static void house_look_at_gateway(struct house *house, const struct trbd_record_gateway *gateway)
{
	struct trbd_lu *lu = house->lu;
	unsigned int readings = (TRBD_HOUSE_SILENT_MS +
				 house->turn * TRBD_HOUSE_TURN_S * MSEC_PER_SEC) /
				TRBD_HEARTBEAT_MS;

	if (gateway->id == lu->id)
		house->tidy |= !trbd_tidy_entry_is_true(lu, gateway);
	else if (trbd_tidy_is_left_behind(gateway))
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
	while (house->turn < view->registry.num_gateways &&
	       view->registry.gateways[house->turn].id != lu->id)
		house->turn++;
	for (i = 0; i < view->registry.num_gateways; i++)
		house_look_at_gateway(house, &view->registry.gateways[i]);
	for (i = 0; i < view->registry.num_fenced; i++) {
		house->tidy |= trbd_fenced_is_old(&view->registry.fenced[i], house->now);
		house->renew |= trbd_fenced_is_due(&view->registry.fenced[i], house->now,
						   house_fence_age(house));
	}
	mutex_unlock(&lu->install_lock);
}

static enum trbd_pr_verdict house_decide_renewed(struct trbd_record *record, void *ctx)
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
		ret = trbd_lu_amend(lu, house_decide_renewed, renewal);
	if (ret && ret != -EINTR)
		pr_warn_ratelimited("%s: fences of earlier could not be renewed: error %d, trying again\n",
				    lu->image->name, ret);
	kfree(renewal);
}

/**
 * trbd_housekeeping() - keep the record true, if it needs anything
 * @lu: state
 *
 * Context: the thread, when no job waits for it; takes a few round trips, and seconds for a monitor
 * or for gateways that do not answer.
 */
void trbd_housekeeping(struct trbd_lu *lu)
{
	struct house house = { .lu = lu, .now = trbd_clock_now(&lu->group->clock) / MSEC_PER_SEC };

	if (test_bit(TRBD_LU_UNREGISTERED, &lu->blocked))
		return;
	house_look(&house);
	if (house.tidy)
		trbd_tidy(lu);
	if ((!house.renew && !house.silent) || time_before(jiffies, lu->housework) ||
	    trbd_lu_is_wanted(lu))
		return;
	lu->housework = jiffies + HOUSE_PAUSE;
	if (house.renew)
		house_renew(&house);
	if (house.silent)
		trbd_round_expel_silent(lu);
}
