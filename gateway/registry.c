// SPDX-License-Identifier: GPL-2.0
/*
 * Being one of the gateways that serve an image.
 *
 * The record of an image lists its gateways, each under a number that it gave itself. A gateway
 * watches the header first, registers second, serves third. A gateway that was fenced, or finds
 * that it is not in the registry any more, stops serving. It gets a new identity
 * (rados/recovery.c), and registers again under a new number:
 *
 *	unregistered --> registered --> fenced: new identity --> watched again --> registered
 *
 * An entry also says which machine it belongs to (gateway/machine.c). A gateway that comes back
 * after it died finds the entry of its former life by that, and replaces it. A gateway that answers
 * for such an entry lives, and keeps it. The former life is fenced first, since its requests may be
 * anywhere.
 *
 * Recoveries are counted. A gateway makes a registration again if it overlaps with a recovery,
 * since the registration may be of the identity that is no more. The gateway fences its former
 * identity before it registers, even when others have done so. The former identity's requests may
 * be anywhere, and the others may not have the OSD map that stops those requests. The barrier in
 * the record sees to that. And a gateway that fenced it may have gone before it wrote that down,
 * and the blocklist forgets it after an hour.
 *
 * A gateway takes over the record's settings when it registers first. A gateway that comes back
 * later, and finds others there, stays away: with another block size, its hosts would read and
 * write in other places than those of other gateways.
 *
 * For the same reason a gateway that registers renews all fences in the record, since perhaps no
 * gateway has served for an hour. The age of a fence says nothing, since the group's clock stands
 * still then. Most often there are none.
 *
 * A gateway writes only what every other gateway can read (gateway/record_text.c). It stays away as
 * long as gateways of version 1 of the record are there: those could not read any of it.
 *
 * A gateway whose OSDs had not answered may stay out instead (gateway/proving.c).
 */
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "gateway/blocking.h"
#include "gateway/group.h"
#include "gateway/lu_state.h"
#include "gateway/machine.h"
#include "gateway/proving.h"
#include "gateway/record_io.h"
#include "gateway/registry.h"
#include "gateway/renewal.h"
#include "gateway/round.h"
#include "gateway/tidy.h"
#include "gateway/view.h"
#include "rados/fence.h"
#include "rados/proof.h"
#include "rados/recovery.h"
#include "rados/session.h"
#include "rados/unanswered.h"
#include "rbd/image.h"

#define UNREGISTER_TRIES	30
/* tries until the commands have ended, before the thread sees to other work */
#define DRAIN_TRIES		25
#define DRAIN_RETRY_MS		20

/**
 * struct registry_former - a life of this machine that has ended
 * @id: its number
 * @address: its address
 */
struct registry_former {
	u64 id;
	char address[TRBD_ADDRESS_MAX];
};

/**
 * struct registry_entry - a new entry of the registry
 * @lu: state of the gateway's unit
 * @self: the entry itself
 * @barrier: OSD map that has its former addresses on the blocklist, 0 for none
 * @num_former: entries of @former
 * @former: lives that are on the blocklist
 * @settings: the record's
 * @older: name of a gateway whose module cannot read our record; empty if there is none
 * @renewal: fences of others
 * @unproven: OSDs that had not answered have not done so yet
 * @out: the entry was not written, since others serve the image
 */
struct registry_entry {
	struct trbd_lu *lu;
	struct trbd_record_gateway self;
	u32 barrier;
	unsigned int num_former;
	struct registry_former former[TRBD_RECORD_GATEWAYS];
	struct trbd_settings settings;
	char older[TRBD_RECORD_NAME_MAX];
	struct trbd_renewal renewal;
	bool unproven;
	bool out;
};

/* Take out the entries of this gateway, and of its former lives. */
static void registry_replace(struct registry_entry *entry, struct trbd_record *record)
{
	struct trbd_lu *lu = entry->lu;
	const struct trbd_record_gateway *gateway;
	unsigned int i;

	trbd_record_remove_gateway(record, lu->id);
	/* the entry of a try whose answer did not come */
	trbd_record_remove_gateway(record, lu->next_id);
	trbd_tidy_record(lu, record);
	for (i = 0; i < entry->num_former; i++) {
		const struct registry_former *former = &entry->former[i];

		gateway = trbd_record_find_gateway(record, former->id);
		if (!gateway || strcmp(gateway->address, former->address))
			continue;
		trbd_record_remove_gateway(record, former->id);
		trbd_record_add_fenced(record, former->address, entry->barrier,
				       trbd_clock_now(&lu->group->clock) / MSEC_PER_SEC);
	}
	/* the client that was fenced under the old address is not there any more */
	trbd_record_remove_fenced(record, lu->address);
}

/* Look for a gateway of version 1 of the record. It could not read what we write. */
static bool registry_has_older(struct registry_entry *entry, const struct trbd_record *record)
{
	bool found = record->version == 1 && record->num_gateways;

	strscpy(entry->older, found ? record->gateways[0].name : "", sizeof(entry->older));
	return found;
}

/*
 * Look for a setting that is another one since this gateway was away. LIO has the former value
 * here, and initiators were told of it.
 */
static enum trbd_setting registry_differs(const struct registry_entry *entry)
{
	const struct trbd_lu *lu = entry->lu;

	if (!lu->id)
		return TRBD_SETTINGS;
	if (lu->settings_undecided &&
	    trbd_settings_difference(&entry->settings, &lu->settings_wanted) == TRBD_SETTINGS)
		return TRBD_SETTINGS;
	return trbd_settings_difference(&entry->settings, &lu->settings);
}

static enum trbd_pr_verdict registry_decide_enter(struct trbd_record *record, void *ctx)
{
	struct trbd_record_registry registry;
	struct registry_entry *entry = ctx;
	struct trbd_lu *lu = entry->lu;

	record->barrier = max(record->barrier, entry->barrier);
	trbd_renewal_note(&entry->renewal, record);
	registry_replace(entry, record);
	if (registry_has_older(entry, record))
		return TRBD_PR_CONFLICT;
	entry->settings = record->settings;
	if (registry_differs(entry) != TRBD_SETTINGS)
		return TRBD_PR_CONFLICT;
	registry = trbd_record_registry(record);
	entry->out = entry->unproven && trbd_proving_others_serve(lu, &registry);
	if (entry->out)
		return TRBD_PR_GOOD;
	if (record->num_gateways == TRBD_RECORD_GATEWAYS)
		return TRBD_PR_NO_RESOURCES;
	record->gateways[record->num_gateways++] = entry->self;
	record->features |= trbd_record_common_features(record);
	return TRBD_PR_GOOD;
}

static enum trbd_pr_verdict registry_decide_leave(struct trbd_record *record, void *ctx)
{
	unsigned int was = record->num_gateways;
	const struct trbd_lu *lu = ctx;

	trbd_record_remove_gateway(record, lu->id);
	trbd_record_remove_gateway(record, lu->next_id);
	return record->num_gateways == was ? TRBD_PR_CONFLICT : TRBD_PR_GOOD;
}

/**
 * trbd_registry_leave() - leave the registry
 * @lu: state that is blocked as TRBD_LU_UNREGISTERED
 *
 * This waits a while for memory. An entry that stays behind does not answer, so the next change of
 * reservations would fence its address, which other images of this gateway may share.
 *
 * Context: process; takes a few round trips.
 * Return: -EUSERS if the registry has no entry of this unit, and others as trbd_lu_amend().
 */
int trbd_registry_leave(struct trbd_lu *lu)
{
	unsigned int tries = 0;
	int ret;

	do {
		ret = trbd_lu_amend(lu, registry_decide_leave, lu);
	} while (ret == -ENOMEM && tries++ < UNREGISTER_TRIES &&
		 !msleep_interruptible(TRBD_REGISTRY_RETRY_MS));
	return ret;
}

/* Fence our former identity: none of its requests may be carried out once we serve again. */
static int registry_fence_own(struct trbd_lu *lu, u32 *epoch)
{
	bool needed;
	int ret;

	spin_lock(&lu->lock);
	needed = lu->fence_own && *lu->address;
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

/* Find the entries of former lives of this machine. Return: how many, or an error. */
static int registry_find_former(struct registry_entry *entry, const struct trbd_record *record,
				bool *former)
{
	struct trbd_lu *lu = entry->lu;
	bool answered[TRBD_RECORD_GATEWAYS];
	unsigned int i, count = 0;
	int ret;

	for (i = 0; i < record->num_gateways; i++) {
		const struct trbd_record_gateway *gateway = &record->gateways[i];

		former[i] = !strcmp(gateway->machine, entry->self.machine) &&
			    gateway->id != lu->id && gateway->id != lu->next_id &&
			    !trbd_session_is_ours(gateway->address);
		count += former[i];
	}
	if (!count)
		return 0;
	ret = trbd_round_call(lu, record, answered);
	if (ret)
		return ret;
	for (i = 0; i < record->num_gateways; i++) {
		if (!former[i] || !answered[i])
			continue;
		pr_warn_once("%s: gateway %s at %s has the same host name, address and firmware as this one\n",
			     lu->image->name, record->gateways[i].name,
			     record->gateways[i].address);
		former[i] = false;
		count--;
	}
	return count;
}

/*
 * Put former lives on the blocklist. An entry stays in the registry when that fails, and other
 * gateways will see to it.
 */
static int registry_fence_former(struct registry_entry *entry, const struct trbd_record *record,
				 const bool *former, unsigned int count)
{
	struct trbd_fence *fences = kcalloc(count, sizeof(*fences), GFP_KERNEL);
	unsigned int i, n = 0;
	int ret;

	if (!fences)
		return -ENOMEM;
	for (i = 0; i < record->num_gateways; i++) {
		struct registry_former *to = &entry->former[n];

		if (!former[i])
			continue;
		to->id = record->gateways[i].id;
		strscpy(to->address, record->gateways[i].address, sizeof(to->address));
		fences[n++].address = to->address;
	}
	ret = trbd_fence_clients(entry->lu->image->session, fences, count, 0);
	for (i = 0; !ret && i < count; i++) {
		if (fences[i].err)
			continue;
		entry->former[entry->num_former++] = entry->former[i];
		entry->barrier = max(entry->barrier, fences[i].epoch);
	}
	kfree(fences);
	return ret;
}

/* Renew the fences of other clients. A gateway without the right to do so serves all the same. */
static int registry_renew_fences(struct registry_entry *entry, struct trbd_record *record)
{
	struct trbd_renewal *renewal = &entry->renewal;
	struct trbd_lu *lu = entry->lu;
	struct trbd_record_registry registry;
	unsigned int i;
	int ret;

	renewal->now = trbd_clock_now(&lu->group->clock) / MSEC_PER_SEC;
	/* registry_fence_own() has just fenced it */
	trbd_record_remove_fenced(record, lu->address);
	registry = trbd_record_registry(record);
	trbd_renewal_collect(renewal, &registry, 0);
	ret = trbd_renewal_fence(renewal, lu->image->session, 0);
	for (i = 0; !ret && i < renewal->count; i++) {
		const struct trbd_fence *fence = &renewal->fences[i];

		if (fence->err == -EACCES || fence->err == -EPERM)
			pr_warn_ratelimited("%s: the fence of %s cannot be renewed: error %d; the user needs the monitors' profile rbd\n",
					    lu->image->name, fence->address, fence->err);
		else if (fence->err != -EINVAL)
			ret = fence->err;
	}
	return ret;
}

/* Fence every client whose requests must not be carried out any more once this gateway serves. */
static int registry_fence(struct registry_entry *entry)
{
	bool former[TRBD_RECORD_GATEWAYS];
	struct trbd_record *record;
	int ret;

	ret = trbd_record_io_read(&entry->lu->place, 0, &record);
	if (ret)
		return ret;
	trbd_lu_carry(entry->lu, record);
	ret = registry_find_former(entry, record, former);
	if (ret > 0)
		ret = registry_fence_former(entry, record, former, ret);
	if (!ret)
		ret = registry_renew_fences(entry, record);
	trbd_record_io_free(record);
	return ret;
}

/* Write our entry. Return: 0, or an error. */
static int registry_write(struct trbd_lu *lu, struct registry_entry *entry)
{
	struct trbd_record_gateway *self = &entry->self;
	int ret;

	entry->lu = lu;
	ret = registry_fence_own(lu, &entry->barrier);
	if (ret)
		return ret;
	mutex_lock(&lu->install_lock);
	/* the decoder takes any number; ours is not 0 */
	if (!lu->next_id)
		WRITE_ONCE(lu->next_id, get_random_u64() | 1);
	mutex_unlock(&lu->install_lock);
	self->id = lu->next_id;
	self->features = TRBD_FEATURES;
	trbd_group_self(lu->group, &self->slot, &self->member);
	trbd_session_address(lu->image->session, self->address, sizeof(self->address));
	trbd_machine_host(self->name, sizeof(self->name));
	trbd_machine_name(self->address, self->machine, sizeof(self->machine));
	ret = registry_fence(entry);
	if (!ret)
		ret = trbd_lu_amend(lu, registry_decide_enter, entry);
	if (ret == -EUSERS && *entry->older) {
		pr_err_ratelimited("%s: gateway %s serves the image with a module that knows only version 1 of the record and could not read what this one writes; stop the image on all gateways of that version first\n",
				   lu->image->name, entry->older);
		return -EPROTONOSUPPORT;
	}
	if (ret == -EUSERS && registry_differs(entry) != TRBD_SETTINGS)
		pr_warn_ratelimited("%s: the record has another %s than this gateway, which stays away; delete its backstore and make it anew\n",
				    lu->image->name, trbd_setting_name(registry_differs(entry)));
	return ret;
}

/* The record has been written without this gateway. */
static void registry_note_out(struct trbd_lu *lu, unsigned int recoveries)
{
	spin_lock(&lu->lock);
	/* the record has the barrier */
	if (lu->recoveries == recoveries)
		lu->fence_own = false;
	spin_unlock(&lu->lock);
	if (lu->out)
		return;
	lu->out = true;
	pr_warn("%s: other gateways serve the image, and this one stays out until the OSDs that had not answered do so\n",
		lu->image->name);
	trbd_round_announce(lu);
}

/**
 * trbd_registry_enter() - become one of the gateways of the image, under a new number
 * @lu: state that is blocked as TRBD_LU_UNREGISTERED; not any more afterwards
 *
 * A gateway that has served before leaves the registry instead while others serve the image and
 * trbd_proof_is_due().
 *
 * The number stays the same until the registration succeeds, so that a try whose answer did not
 * come leaves no second entry behind.
 *
 * Context: process; takes a few round trips, and a monitor's answer after the gateway had given up.
 * Return: 0; -EAGAIN when a recovery is under way or was meanwhile, so that the entry is of the old
 * identity, when another gateway has taken the entry out again, or when this gateway stays out;
 * -EPROTONOSUPPORT when a gateway of version 1 of the record serves the image; an error of
 * trbd_lu_amend().
 */
int trbd_registry_enter(struct trbd_lu *lu)
{
	const struct trbd_lu_view *view;
	struct registry_entry *entry;
	unsigned int recoveries;
	int ret;

	spin_lock(&lu->lock);
	recoveries = lu->recoveries;
	spin_unlock(&lu->lock);
	if (recoveries % 2)
		return -EAGAIN;

	entry = kvzalloc(sizeof(*entry), GFP_KERNEL);
	if (!entry)
		return -ENOMEM;
	/* an operator who enables an image gets it */
	entry->unproven = lu->id && trbd_proof_is_due(lu->image->session);
	ret = registry_write(lu, entry);
	if (!ret && entry->out) {
		registry_note_out(lu, recoveries);
		ret = -EAGAIN;
	}
	if (ret)
		goto out;

	mutex_lock(&lu->install_lock);
	view = rcu_dereference_protected(lu->view, lockdep_is_held(&lu->install_lock));
	spin_lock(&lu->lock);
	if (lu->recoveries == recoveries && view->registering) {
		WRITE_ONCE(lu->id, lu->next_id);
		WRITE_ONCE(lu->next_id, 0);
		lu->settings = entry->settings;
		lu->fence_own = false;
		lu->unannounced = true;
		strscpy(lu->address, entry->self.address, sizeof(lu->address));
		strscpy(lu->machine, entry->self.machine, sizeof(lu->machine));
		trbd_lu_unblock(lu, TRBD_LU_UNREGISTERED);
	} else {
		ret = -EAGAIN;
	}
	spin_unlock(&lu->lock);
	mutex_unlock(&lu->install_lock);
out:
	kvfree(entry);
	return ret;
}

/*
 * Wait for the commands in flight to end. A gateway that was not fenced has some, and nobody counts
 * them any more.
 */
static bool registry_has_drained(struct trbd_lu *lu)
{
	unsigned int tries;

	for (tries = 0; tries < DRAIN_TRIES && lu->ops->in_flight(lu->owner); tries++) {
		if (trbd_lu_sleep(DRAIN_RETRY_MS))
			return false;
	}
	return !lu->ops->in_flight(lu->owner);
}

/**
 * trbd_registry_enter_again() - serve again, if this gateway does not
 * @lu: state
 *
 * Context: the thread; as trbd_registry_enter(), and as trbd_proof_run().
 * Return: true if the caller must try again.
 */
bool trbd_registry_enter_again(struct trbd_lu *lu)
{
	int ret;

	if (!test_bit(TRBD_LU_UNREGISTERED, &lu->blocked))
		return false;
	if (!registry_has_drained(lu) || trbd_proving_stays_out(lu))
		return true;
	ret = trbd_registry_enter(lu);
	if (ret) {
		if (ret != -EAGAIN)
			pr_warn_ratelimited("%s: cannot be registered again: error %d, trying again\n",
					    lu->image->name, ret);
		return true;
	}
	lu->out = false;
	pr_info("%s: this gateway serves the image again%s\n", lu->image->name,
		trbd_proof_is_due(lu->image->session) ?
		", since no other one does; OSDs that had not answered have not done so yet" : "");
	lu->ops->come_back(lu->owner);
	/* the record may have a new barrier */
	trbd_round_announce(lu);
	return false;
}

static void registry_stop_serving(struct trbd_recovery_user *user)
{
	struct trbd_lu *lu = container_of(user, struct trbd_lu, recovery);

	spin_lock(&lu->lock);
	lu->recoveries++;
	trbd_lu_block(lu, TRBD_LU_UNREGISTERED);
	spin_unlock(&lu->lock);
	/* pairs with the barrier between counting a command and looking whether it may be served */
	smp_mb();
	/* the thread may be waiting for a monitor */
	trbd_lu_interrupt(lu);
	if (trbd_group_in_touch(lu->group, trbd_group_lapses(lu->group)))
		trbd_unanswered_in_touch(&lu->image->session->recovery.unanswered);
}

static void registry_drain(struct trbd_recovery_user *user)
{
	struct trbd_lu *lu = container_of(user, struct trbd_lu, recovery);

	while (lu->ops->in_flight(lu->owner)) {
		/* requests fail now, but the gate may stay closed for long */
		trbd_quiesce_refuse(&lu->image->quiesce, 0);
		schedule_timeout_uninterruptible(msecs_to_jiffies(20));
	}
}

/*
 * Count the end of the recovery, and renew the watch. Otherwise libceph would take the watch over
 * into the new identity, and nobody would know of the interruption.
 */
static void registry_restart(struct trbd_recovery_user *user)
{
	struct trbd_lu *lu = container_of(user, struct trbd_lu, recovery);

	spin_lock(&lu->lock);
	lu->recoveries++;
	lu->fence_own = true;
	spin_unlock(&lu->lock);
	trbd_watch_renew(&lu->image->watch);
}

const struct trbd_recovery_ops trbd_registry_recovery_ops = {
	.stop = registry_stop_serving,
	.drain = registry_drain,
	.restart = registry_restart,
};
