// SPDX-License-Identifier: GPL-2.0
/*
 * Taking gateways that are gone out of the registry.
 *
 *	put all on the blocklist --> read the group's objects --> their leases end --> write once
 *
 * Once this gateway has read a majority of the group's objects, their OSDs have the map that fenced
 * those gateways, and let none of their heartbeats through any more. So it is known how much is
 * left of their leases. A gateway that has been silent for a lease has nothing left. The map that
 * has them on the blocklist goes into the record as a barrier. Every gateway passes the barrier
 * before it answers. From then on a write of a fenced gateway can reach an object only as long as
 * no gateway that is not fenced has touched that object since.
 *
 * The command that waits for all this may be aborted. The next command goes on where that one
 * stopped, since the evidence notes which gateways are on the blocklist, and when each lease ends
 * (gateway/silence.c).
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "gateway/expulsion.h"
#include "gateway/group.h"
#include "gateway/lu_state.h"
#include "gateway/view.h"
#include "rados/clock.h"
#include "rados/fence.h"
#include "rados/session.h"
#include "rbd/image.h"

/**
 * struct expulsion - gateways that are being taken out
 * @silence: evidence about them
 * @count: entries of @who and @fences
 * @to_fence: how many of them, from the first, are not on the blocklist yet
 * @who: their entries, as they were read
 * @fences: their clients
 * @now: time, seconds
 */
struct expulsion {
	struct trbd_silence *silence;
	unsigned int count;
	unsigned int to_fence;
	const struct trbd_record_gateway *who[TRBD_RECORD_GATEWAYS];
	struct trbd_fence fences[TRBD_RECORD_GATEWAYS];
	u64 now;
};

static enum trbd_pr_verdict decide_expelled(struct trbd_record *record, void *ctx)
{
	const struct expulsion *expulsion = ctx;
	const struct trbd_record_gateway *gateway;
	unsigned int i;

	for (i = 0; i < expulsion->count; i++) {
		const struct trbd_fence *fence = &expulsion->fences[i];

		if (fence->err)
			continue;
		record->barrier = max(record->barrier, fence->epoch);
		gateway = trbd_record_find_gateway(record, expulsion->who[i]->id);
		/* another gateway has fenced it, or it has come back under a new number */
		if (!gateway || strcmp(gateway->address, fence->address))
			continue;
		trbd_record_remove_gateway(record, gateway->id);
		trbd_record_add_fenced(record, fence->address, fence->epoch, expulsion->now);
	}
	return TRBD_PR_GOOD;
}

/*
 * Put the gateways that are gone on the blocklist. Return: 0 when at least one is there, or an
 * error.
 */
static int expulsion_fence(struct trbd_lu *lu, struct expulsion *expulsion)
{
	bool fenced = expulsion->count > expulsion->to_fence;
	unsigned int i;
	int ret = 0;

	if (expulsion->to_fence)
		ret = trbd_fence_clients(lu->image->session, expulsion->fences, expulsion->to_fence,
					 0);
	/* even after an interruption, note the fences that were answered before it */
	for (i = 0; i < expulsion->to_fence; i++) {
		if (!expulsion->fences[i].err)
			trbd_silence_fenced(expulsion->silence, expulsion->who[i],
					    expulsion->fences[i].epoch);
		if (!expulsion->fences[i].err)
			atomic64_inc(&lu->image->session->expelled);
	}
	if (ret)
		return ret;
	for (i = 0; i < expulsion->to_fence; i++) {
		if (!expulsion->fences[i].err) {
			fenced = true;
			continue;
		}
		ret = expulsion->fences[i].err;
		pr_warn_ratelimited("%s: %s cannot be put on the blocklist: error %d; the user needs the monitors' profile rbd\n",
				    lu->image->name, expulsion->fences[i].address, ret);
	}
	return fenced ? 0 : ret;
}

/* Find out when the leases of the fenced gateways end. Return: 0, or an error. */
static int expulsion_touch(struct trbd_lu *lu, const struct expulsion *expulsion)
{
	unsigned int i;
	int ret;

	ret = trbd_group_touch(lu->group);
	for (i = 0; !ret && i < expulsion->count; i++) {
		const struct trbd_record_gateway *gateway = expulsion->who[i];

		if (!trbd_silence_is_outlasting(expulsion->silence, gateway))
			trbd_silence_outlast(expulsion->silence, gateway,
					     trbd_group_lease_left(lu->group, gateway->slot,
								   gateway->member));
	}
	return ret;
}

/* Wait until the leases of the fenced gateways are over. Return: 0, or an error. */
static int expulsion_outlast(struct trbd_lu *lu, const struct expulsion *expulsion)
{
	unsigned int i, left_ms = 0;
	bool known = true;
	int ret = 0;

	for (i = 0; i < expulsion->count; i++) {
		if (!expulsion->fences[i].err)
			known &= trbd_silence_is_outlasting(expulsion->silence, expulsion->who[i]);
	}
	if (!known)
		ret = expulsion_touch(lu, expulsion);
	for (i = 0; !ret && i < expulsion->count; i++) {
		if (!expulsion->fences[i].err)
			left_ms = max(left_ms, trbd_silence_lease_left(expulsion->silence,
								       expulsion->who[i]));
	}
	if (!ret && left_ms && trbd_lu_sleep(left_ms))
		ret = -EINTR;
	return ret;
}

/* Collect gateways that are on the blocklist (@fenced), or those that are not yet. */
static void expulsion_collect(struct expulsion *expulsion, const struct trbd_record *record,
			      const bool *gone, bool fenced)
{
	unsigned int i;

	for (i = 0; i < record->num_gateways; i++) {
		const struct trbd_record_gateway *gateway = &record->gateways[i];
		u32 epoch = trbd_silence_fence(expulsion->silence, gateway);

		if (!gone[i] || !!epoch != fenced)
			continue;
		expulsion->who[expulsion->count] = gateway;
		expulsion->fences[expulsion->count].epoch = epoch;
		expulsion->fences[expulsion->count++].address = gateway->address;
	}
}

/**
 * trbd_expel() - fence gateways that are gone, and take them out of the registry
 * @lu: state
 * @record: lists the registered gateways
 * @gone: tells for each of @record->gateways whether it must go
 *
 * Context: the unit's thread; sleeps for a monitor, a lease at most, and a few round trips; an
 * interruption ends it.
 * Return: 0 when some are out, or none had to go; -EINTR, -ENOMEM, an error of trbd_fence_clients()
 * or trbd_lu_amend().
 */
int trbd_expel(struct trbd_lu *lu, const struct trbd_record *record, const bool *gone)
{
	struct expulsion *expulsion = kzalloc(sizeof(*expulsion), GFP_KERNEL);
	unsigned int i;
	int ret = 0;

	if (!expulsion)
		return -ENOMEM;
	expulsion->silence = &lu->silence;
	expulsion_collect(expulsion, record, gone, false);
	expulsion->to_fence = expulsion->count;
	expulsion_collect(expulsion, record, gone, true);
	for (i = 0; i < expulsion->to_fence; i++) {
		const struct trbd_record_gateway *gateway = expulsion->who[i];

		pr_warn_ratelimited("%s: gateway %s (%s) does not answer; it is fenced\n",
				    lu->image->name, *gateway->name ? gateway->name : "?",
				    gateway->address);
	}
	expulsion->now = trbd_clock_now(&lu->group->clock) / MSEC_PER_SEC;
	if (expulsion->count)
		ret = expulsion_fence(lu, expulsion);
	if (!ret && expulsion->count)
		ret = expulsion_outlast(lu, expulsion);
	if (!ret && expulsion->count)
		ret = trbd_lu_amend(lu, decide_expelled, expulsion);
	kfree(expulsion);
	return ret;
}
