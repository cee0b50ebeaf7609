// SPDX-License-Identifier: GPL-2.0
/*
 * Being one of the gateways that serve an image.
 *
 * Who serves an image is in its record, each gateway under a number that it gave itself. A gateway watches the header
 * first, registers second, serves third. One that was fenced, or finds that it is not in the registry any more, stops
 * serving, gets a new identity (rados/recovery.c), and registers again under a new number:
 *
 *	unregistered --> registered --> fenced: session takes a new identity --> watched again --> registered
 *
 * Recoveries are counted, and a registration that overlaps with one is made again, since it may be of the identity that
 * is no more. It fences its former identity before it registers, also when others have done so: what was under way then
 * may be anywhere, the others may not have the OSD map that stops it, and the barrier in the record sees to that. And
 * whoever fenced it may have gone before it wrote that down, and the list forgets after an hour.
 */
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/utsname.h>

#include "gateway/group.h"
#include "gateway/lu_state.h"
#include "gateway/membership.h"
#include "gateway/round.h"
#include "rados/fence.h"
#include "rados/recovery.h"
#include "rbd/image.h"

#define UNREGISTER_TRIES	30

/**
 * struct registration - what to write into the registry
 * @lu: of which gateway
 * @address: its address now
 * @barrier: OSD map that has its former address on the blocklist, 0 for none
 */
struct registration {
	struct trbd_lu *lu;
	char address[TRBD_FENCE_ADDRESS_MAX];
	u32 barrier;
};

static enum trbd_pr_verdict decide_register(struct trbd_record *record, void *ctx)
{
	struct registration *registration = ctx;
	struct trbd_lu *lu = registration->lu;
	struct trbd_record_gateway *gateway;
	unsigned int i;

	record->barrier = max(record->barrier, registration->barrier);
	trbd_record_remove_gateway(record, lu->id);
	/* of a try whose answer did not come */
	trbd_record_remove_gateway(record, lu->next_id);
	if (record->num_gateways == TRBD_RECORD_GATEWAYS)
		return TRBD_PR_NO_RESOURCES;
	gateway = &record->gateways[record->num_gateways++];
	memset(gateway, 0, sizeof(*gateway));
	gateway->id = lu->next_id;
	gateway->slot = lu->group->slot >= 0 ? lu->group->slot : TRBD_SLOTS;
	strscpy(gateway->address, registration->address, sizeof(gateway->address));
	strscpy(gateway->name, init_utsname()->nodename, sizeof(gateway->name));

	/* whoever was fenced under the old address is not there any more */
	for (i = 0; i < record->num_fenced; i++) {
		if (strcmp(record->fenced[i].address, lu->address))
			continue;
		record->num_fenced--;
		memmove(&record->fenced[i], &record->fenced[i + 1],
			(record->num_fenced - i) * sizeof(record->fenced[0]));
		break;
	}
	return TRBD_PR_GOOD;
}

static enum trbd_pr_verdict decide_unregister(struct trbd_record *record, void *ctx)
{
	const struct trbd_lu *lu = ctx;

	trbd_record_remove_gateway(record, lu->id);
	trbd_record_remove_gateway(record, lu->next_id);
	return TRBD_PR_GOOD;
}

/**
 * trbd_membership_end() - leave the registry
 * @lu: state that is blocked as TRBD_LU_UNREGISTERED
 *
 * Waits for memory for a while: an entry that stays behind does not answer, and the next change of reservations fences
 * its address, which other images of this gateway may have as well.
 *
 * Context: process; a few round trips.
 * Return: as trbd_lu_amend().
 */
int trbd_membership_end(struct trbd_lu *lu)
{
	unsigned int tries = 0;
	int ret;

	do {
		ret = trbd_lu_amend(lu, decide_unregister, lu);
	} while (ret == -ENOMEM && tries++ < UNREGISTER_TRIES && !msleep_interruptible(TRBD_MEMBERSHIP_RETRY_MS));
	return ret;
}

/* Whatever was sent under an identity that we had must not be carried out once we serve again. */
static int fence_former(struct trbd_lu *lu, u32 *epoch)
{
	bool needed;
	int ret;

	spin_lock(&lu->lock);
	needed = lu->fence_former && *lu->address;
	spin_unlock(&lu->lock);
	if (!needed)
		return 0;
	ret = trbd_fence_client(lu->image->session, lu->address, epoch);
	if (ret != -EACCES && ret != -EPERM)
		return ret;
	pr_warn("%s: the former address %s cannot be put on the blocklist: error %d; the user needs the monitors' profile rbd\n",
		lu->image->name, lu->address, ret);
	return 0;
}

/**
 * trbd_membership_begin() - become one of the gateways of the image, under a new number
 * @lu: state that is blocked as TRBD_LU_UNREGISTERED; not any more afterwards
 *
 * The number stays the same until it is done, so that a try whose answer did not come leaves no second entry behind.
 *
 * Context: process; a few round trips, and a monitor's answer after the gateway had given up.
 * Return: 0; -EAGAIN when a recovery is under way or was meanwhile, so what was written is of the old identity, or when
 * somebody has taken it out again; an error of trbd_lu_amend().
 */
int trbd_membership_begin(struct trbd_lu *lu)
{
	struct registration registration = { .lu = lu };
	const struct trbd_lu_view *view;
	unsigned int recoveries;
	int ret;

	spin_lock(&lu->lock);
	recoveries = lu->recoveries;
	spin_unlock(&lu->lock);
	if (recoveries % 2)
		return -EAGAIN;

	ret = fence_former(lu, &registration.barrier);
	if (ret)
		return ret;
	mutex_lock(&lu->install_lock);
	/* the decoder takes any number; ours is not 0 */
	if (!lu->next_id)
		lu->next_id = get_random_u64() | 1;
	mutex_unlock(&lu->install_lock);
	trbd_fence_own_address(lu->image->session, registration.address, sizeof(registration.address));
	ret = trbd_lu_amend(lu, decide_register, &registration);
	if (ret)
		return ret;

	mutex_lock(&lu->install_lock);
	view = rcu_dereference_protected(lu->view, lockdep_is_held(&lu->install_lock));
	spin_lock(&lu->lock);
	if (lu->recoveries == recoveries && view->registering) {
		lu->id = lu->next_id;
		lu->next_id = 0;
		lu->fence_former = false;
		strscpy(lu->address, registration.address, sizeof(lu->address));
		clear_bit(TRBD_LU_UNREGISTERED, &lu->blocked);
	} else {
		ret = -EAGAIN;
	}
	spin_unlock(&lu->lock);
	mutex_unlock(&lu->install_lock);
	return ret;
}

/**
 * trbd_membership_renew() - serve again, if this gateway does not
 * @lu: state
 *
 * Context: the thread; as trbd_membership_begin().
 * Return: whether it must be tried again.
 */
bool trbd_membership_renew(struct trbd_lu *lu)
{
	int ret;

	if (!test_bit(TRBD_LU_UNREGISTERED, &lu->blocked))
		return false;
	ret = trbd_membership_begin(lu);
	if (ret) {
		if (ret != -EAGAIN)
			pr_warn_ratelimited("%s: cannot be registered again: error %d, trying again\n",
					    lu->image->name, ret);
		return true;
	}
	pr_info("%s: this gateway serves the image again\n", lu->image->name);
	lu->ops->come_back(lu->owner);
	/* there may be a new barrier */
	trbd_round_nudge(lu);
	return false;
}

static void recovery_stop(struct trbd_recovery_user *user)
{
	struct trbd_lu *lu = container_of(user, struct trbd_lu, recovery);

	spin_lock(&lu->lock);
	lu->recoveries++;
	set_bit(TRBD_LU_UNREGISTERED, &lu->blocked);
	spin_unlock(&lu->lock);
	/* pairs with the barrier between counting a command and looking whether it may be served */
	smp_mb();
	/* it may wait for a monitor */
	trbd_lu_interrupt(lu);
}

static void recovery_drain(struct trbd_recovery_user *user)
{
	struct trbd_lu *lu = container_of(user, struct trbd_lu, recovery);

	while (lu->ops->in_flight(lu->owner)) {
		/* what is sent now fails, but whoever closed the gate may not open it for long */
		trbd_quiesce_refuse(&lu->image->quiesce);
		schedule_timeout_uninterruptible(msecs_to_jiffies(20));
	}
}

/* Without this the watch would be taken over into the new identity, and nobody would know that it was interrupted. */
static void recovery_restart(struct trbd_recovery_user *user)
{
	struct trbd_lu *lu = container_of(user, struct trbd_lu, recovery);

	spin_lock(&lu->lock);
	lu->recoveries++;
	lu->fence_former = true;
	spin_unlock(&lu->lock);
	trbd_watch_renew(&lu->image->watch);
}

const struct trbd_recovery_ops trbd_membership_recovery_ops = {
	.stop = recovery_stop,
	.drain = recovery_drain,
	.restart = recovery_restart,
};
