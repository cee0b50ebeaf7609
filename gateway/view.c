// SPDX-License-Identifier: GPL-2.0
/*
 * The view: the record of a logical unit's shared state, as this gateway has installed it.
 *
 *	read --> wait for the OSD map that the record names --> install --> ops->changed
 *
 * Every gateway keeps a view, and decides on commands by it without a look at the cluster. That is
 * as good as the record, because a change does not end before every gateway has it, or has been
 * fenced and knows that, or has no lease (gateway/group.c). A gateway without a lease refuses
 * nothing. After a time without a lease it refuses nothing either until it has read the record
 * again.
 *
 * A gateway that reads a record installs it, even when another one wrote it. A record that does not
 * list this gateway says that the gateway was fenced, or that the record was removed.
 */
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/wait.h>

#include "gateway/blocking.h"
#include "gateway/group.h"
#include "gateway/lu_state.h"
#include "gateway/ports.h"
#include "gateway/record_io.h"
#include "gateway/view.h"
#include "rados/fence.h"
#include "rados/session.h"
#include "rbd/image.h"
#include "tracepoints.h"

/* Copy a view's arrays. They stand behind the view in its memory. */
static void view_copy(struct trbd_lu_view *view, const struct trbd_record *record,
		      const struct trbd_record_registry *registry)
{
	struct trbd_record_gateway *gateways;
	struct trbd_record_fenced *fenced;
	struct trbd_record_group *groups;
	struct trbd_record_port *ports;

	view->pr.registrations = (struct trbd_pr_registration *)(view + 1);
	view->pr.room = record->pr.count;
	memcpy(view->pr.registrations, record->pr.registrations,
	       record->pr.count * sizeof(*view->pr.registrations));
	gateways = (struct trbd_record_gateway *)(view->pr.registrations + record->pr.count);
	memcpy(gateways, registry->gateways, registry->num_gateways * sizeof(*gateways));
	fenced = (struct trbd_record_fenced *)(gateways + registry->num_gateways);
	memcpy(fenced, registry->fenced, registry->num_fenced * sizeof(*fenced));
	groups = (struct trbd_record_group *)(fenced + registry->num_fenced);
	memcpy(groups, registry->groups, registry->num_groups * sizeof(*groups));
	ports = (struct trbd_record_port *)(groups + registry->num_groups);
	memcpy(ports, registry->ports, registry->num_ports * sizeof(*ports));
	view->registry = *registry;
	view->registry.gateways = gateways;
	view->registry.fenced = fenced;
	view->registry.groups = groups;
	view->registry.ports = ports;
}

static struct trbd_lu_view *view_alloc(const struct trbd_lu *lu, const struct trbd_record *record,
				       const struct trbd_record_registry *registry)
{
	size_t size = sizeof(struct trbd_lu_view);
	struct trbd_lu_view *view;

	BUILD_BUG_ON(sizeof(struct trbd_pr_registration) % 8 ||
		     sizeof(struct trbd_record_gateway) % 8 ||
		     sizeof(struct trbd_record_fenced) % 8 ||
		     sizeof(struct trbd_record_group) % 2);
	size += record->pr.count * sizeof(*view->pr.registrations) +
		registry->num_gateways * sizeof(*registry->gateways) +
		registry->num_fenced * sizeof(*registry->fenced) +
		registry->num_groups * sizeof(*registry->groups) +
		registry->num_ports * sizeof(*registry->ports);
	view = kvzalloc(size, GFP_KERNEL);
	if (!view)
		return NULL;
	view->generation = record->generation;
	view->settled = record->settled;
	view->resets = record->resets;
	view->spc2_gateway = record->spc2_gateway;
	view->spc2_orphan = *record->pr.spc2.initiator &&
			    !trbd_record_find_gateway(record, record->spc2_gateway);
	view->registering = lu->next_id && trbd_record_find_gateway(record, lu->next_id);
	view->pr = record->pr;
	view_copy(view, record, registry);
	return view;
}

/*
 * @install_lock held. Check whether this gateway is not in the registry any more. Then another one
 * has fenced it, whether it noticed or not, or there is another record. A gateway that was fenced
 * an hour ago and slept through that can still read, and the list of fences tells it.
 */
static void view_check_expelled(struct trbd_lu *lu, struct trbd_record *record)
{
	lockdep_assert_held(&lu->install_lock);

	if (test_bit(TRBD_LU_UNREGISTERED, &lu->blocked) ||
	    trbd_record_find_gateway(record, lu->id))
		return;
	trbd_lu_block(lu, TRBD_LU_UNREGISTERED);
	if (trbd_record_find_fenced(record, lu->address)) {
		pr_warn("%s: this gateway is not in the registry of the image any more: it was fenced; it stops and comes back by itself\n",
			lu->image->name);
		trbd_session_recover(lu->image->session);
		return;
	}
	pr_warn("%s: the record of reservations was %s, without this gateway, which registers again\n",
		lu->image->name,
		record->generation ? "replaced" : "removed; all registrations are gone");
	spin_lock(&lu->lock);
	lu->rejoin = true;
	spin_unlock(&lu->lock);
	wake_up(&lu->wait);
}

/**
 * trbd_lu_install() - install a record as the view
 * @lu: state
 * @record: the record that was read or written; one that is older than the view changes nothing
 *
 * Commands that begin after this returned obey the view. ops->draining counts those from before.
 *
 * Context: process; no round trip.
 * Return: 0 or -ENOMEM.
 */
int trbd_lu_install(struct trbd_lu *lu, struct trbd_record *record)
{
	struct trbd_lu_view *old, *view;
	struct trbd_record_registry registry;
	struct trbd_lu_change change;
	int ret = 0;

	mutex_lock(&lu->install_lock);
	old = rcu_dereference_protected(lu->view, lockdep_is_held(&lu->install_lock));
	/* generation 0 stands for a record that was removed */
	if (record->generation == old->generation ||
	    (record->generation && record->generation < old->generation))
		goto out;
	/* the gateway that makes the next record needs the last registry */
	registry = record->generation ? trbd_record_registry(record) : old->registry;
	view = view_alloc(lu, record, &registry);
	if (!view) {
		ret = -ENOMEM;
		goto out;
	}
	view->number = old->number + 1;
	rcu_assign_pointer(lu->view, view);
	lu->last_generation = max(lu->last_generation, view->generation);
	/* pairs with the barrier between counting a command and looking at the view */
	smp_mb();
	change.old = &old->pr;
	change.new = &view->pr;
	change.action = record->action;
	change.actor = &record->actor;
	change.reset = old->generation && record->generation && view->resets != old->resets;
	change.mine = record->writer == lu->id;
	/* a record that was removed leaves the ports as they were */
	change.ports = !trbd_ports_tell_the_same(&old->registry, &view->registry);
	change.shared = view->registry.features & ~old->registry.features & TRBD_FEATURE_PORTS;
	lu->ops->changed(lu->owner, &change);
	trace_trbd_record_changed(lu->image->name, view->generation, view->settled, change.action,
				  view->pr.count, change.mine);
	kvfree_rcu(old, rcu);
	view_check_expelled(lu, record);
out:
	mutex_unlock(&lu->install_lock);
	return ret;
}

/* Wait for the OSD map that every gateway must have before it goes by this record. */
static int view_pass_barrier(struct trbd_lu *lu, const struct trbd_record *record)
{
	int ret = 0;

	if (record->barrier > READ_ONCE(lu->barrier)) {
		ret = trbd_fence_barrier(lu->image->session, record->barrier, lu->place.header.oid);
		if (!ret)
			WRITE_ONCE(lu->barrier, record->barrier);
	}
	return ret;
}

/**
 * trbd_lu_generation() - get the generation of the view
 * @lu: state
 *
 * Context: any.
 * Return: the generation, 0 before anything was installed.
 */
u64 trbd_lu_generation(struct trbd_lu *lu)
{
	u64 generation;

	rcu_read_lock();
	generation = rcu_dereference(lu->view)->generation;
	rcu_read_unlock();
	return generation;
}

/**
 * trbd_lu_has_others() - tell whether another gateway serves the image
 * @lu: state
 *
 * A gateway that died a while ago may still count.
 *
 * Context: any.
 * Return: true if the registry that was read last has an entry of another gateway.
 */
bool trbd_lu_has_others(struct trbd_lu *lu)
{
	const struct trbd_record_registry *registry;
	unsigned int i;
	bool others = false;

	rcu_read_lock();
	registry = &rcu_dereference(lu->view)->registry;
	for (i = 0; !others && i < registry->num_gateways; i++) {
		u64 id = registry->gateways[i].id;

		others = id != READ_ONCE(lu->id) && id != READ_ONCE(lu->next_id);
	}
	rcu_read_unlock();
	return others;
}

/*
 * Forget the view, after a record was read that is older. Somebody has removed the installed
 * record, and another gateway, whose clock is behind, has made a new one. To us, the record was
 * removed.
 */
static int view_forget(struct trbd_lu *lu)
{
	struct trbd_record *nothing = kvzalloc(sizeof(*nothing), GFP_KERNEL);
	int ret = nothing ? trbd_lu_install(lu, nothing) : -ENOMEM;

	kvfree(nothing);
	return ret;
}

/**
 * trbd_lu_note_read() - note that the view is what the record says
 * @lu: state
 * @lapses: trbd_group_lapses() before the record, or the number in its xattr, was read
 *
 * Context: any.
 */
void trbd_lu_note_read(struct trbd_lu *lu, unsigned long lapses)
{
	/* pairs with trbd_lu_lapses() */
	smp_store_release(&lu->lapses, lapses);
}

/**
 * trbd_lu_refresh() - read the record and install it
 * @lu: state
 * @extra: room for this many more registrations
 * @record: set to the record, even when it could not be installed; trbd_record_io_free() it
 *
 * Context: process; takes one round trip, and up to mount_timeout for an OSD map.
 * Return: 0; others as trbd_record_io_read().
 */
int trbd_lu_refresh(struct trbd_lu *lu, unsigned int extra, struct trbd_record **record)
{
	unsigned long lapses = trbd_group_lapses(lu->group);
	u64 before = trbd_lu_generation(lu);
	int ret = trbd_record_io_read(&lu->place, extra, record);

	if (!ret)
		ret = view_pass_barrier(lu, *record);
	if (!ret && (*record)->generation < before)
		ret = view_forget(lu);
	if (!ret)
		ret = trbd_lu_install(lu, *record);
	if (!ret)
		trbd_lu_note_read(lu, lapses);
	return ret;
}

/**
 * trbd_lu_carry() - begin a new record with the last one's registry and fences
 * @lu: state
 * @record: the record that was read; one that exists stays as it is
 *
 * Somebody has removed the record, and a gateway that is cut off does not know that yet. The others
 * must still ask it, and must still have the map that fenced others before.
 *
 * Context: process; no round trip.
 */
void trbd_lu_carry(struct trbd_lu *lu, struct trbd_record *record)
{
	const struct trbd_lu_view *view;

	if (record->generation)
		return;
	record->barrier = max(record->barrier, trbd_fence_epoch(lu->image->session));
	record->settings = lu->settings;
	mutex_lock(&lu->install_lock);
	view = rcu_dereference_protected(lu->view, lockdep_is_held(&lu->install_lock));
	trbd_record_carry_registry(&view->registry, record);
	mutex_unlock(&lu->install_lock);
}

/**
 * trbd_lu_amend() - change something else than reservations: registry, barrier, settled
 * @lu: state
 * @decide: makes the change
 * @ctx: argument of @decide
 *
 * A settled record stays settled, and an unsettled one stays unsettled. So nobody has to be told.
 *
 * Context: the thread, or attach and detach; takes a few round trips.
 * Return: 0; -EUSERS when @decide returned anything but TRBD_PR_GOOD; -EBADMSG, -EPROTONOSUPPORT
 * for a record that cannot be used; -ETIMEDOUT, -EINTR, -ENOMEM, -ESHUTDOWN, others.
 */
int trbd_lu_amend(struct trbd_lu *lu, trbd_lu_decide decide, void *ctx)
{
	struct trbd_record *record;
	unsigned long lapses;
	u64 generation;
	int ret;

	do {
		lapses = trbd_group_lapses(lu->group);
		ret = trbd_record_io_read(&lu->place, 0, &record);
		if (ret)
			return ret;
		ret = view_pass_barrier(lu, record);
		trbd_lu_carry(lu, record);
		generation = record->generation;
		if (!ret && decide(record, ctx) != TRBD_PR_GOOD)
			ret = -EUSERS;
		if (!ret)
			ret = trbd_record_io_write(&lu->place, record, lu->last_generation,
						   record->settled == generation);
		if (!ret)
			ret = trbd_lu_install(lu, record);
		if (!ret)
			trbd_lu_note_read(lu, lapses);
		trbd_record_io_free(record);
		if (ret == -ECANCELED) {
			ret = trbd_record_io_check_counter(&lu->place, generation);
			if (!ret)
				ret = -EAGAIN;
		}
	} while (ret == -EAGAIN);
	return ret;
}

/**
 * trbd_lu_mark_settled() - mark a record as settled: it is in force everywhere
 * @lu: state
 * @record: record that is in force; of no use afterwards
 *
 * Context: the thread; takes one round trip.
 * Return: 0; -EAGAIN when there is a newer record; others.
 */
int trbd_lu_mark_settled(struct trbd_lu *lu, struct trbd_record *record)
{
	u64 generation = record->generation;
	int ret = trbd_record_io_write(&lu->place, record, lu->last_generation, true);

	if (ret == -ECANCELED)
		return trbd_record_io_check_counter(&lu->place, generation) ?: -EAGAIN;
	return ret ? ret : trbd_lu_install(lu, record);
}
