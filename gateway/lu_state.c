// SPDX-License-Identifier: GPL-2.0
/*
 * The shared state of a logical unit: reservations, and who serves it.
 *
 * It is one record (gateway/lu_record.c), which is written on condition that nobody has written it since it was read.
 * So of two gateways that change it at once one is first, and the other decides again on what that one made.
 *
 *	read --> decide --> write if the number is still the same --> install here --> settle (gateway/round.c)
 *	  ^                          | it is not
 *	  +--------------------------+
 *
 * A change is in force when every registered gateway has installed it, and then the record says so: settled ==
 * generation. Who finds a record that is not settled settles it before it answers anything, since whoever made the
 * change may have died. So no two changes of reservations are ever on their way at once, and each gateway sees every
 * one of them.
 *
 * Every gateway keeps a copy, the view, and decides on commands by it without a look at the cluster. What makes that
 * as good as the record: a change does not end before every gateway has it, or has been fenced and knows, or has no
 * lease (gateway/group.c), without which it refuses nothing. After a time without a lease it refuses nothing either
 * until the record has been read again.
 *
 * Only gateways that are in the registry of the record serve (gateway/membership.c).
 *
 * All changes of an image's record come from one thread per image. The watch's thread only installs. A job that nobody
 * wants any more is taken off the queue, and waits for no other; the one that runs is interrupted only for its own
 * sake. Commands of several initiators wait in one queue, and what one of them gives up is nothing to the others.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "gateway/group.h"
#include "gateway/housekeeping.h"
#include "gateway/leaving.h"
#include "gateway/lu_record.h"
#include "gateway/lu_state.h"
#include "gateway/membership.h"
#include "gateway/round.h"
#include "rados/object.h"
#include "rados/queues.h"
#include "rados/session.h"
#include "rbd/header.h"
#include "rbd/image.h"

#define LU_TICK_MS		1000
/* how often the number is looked at, in ticks */
#define LU_POLL_TICKS		3
/* for how long another gateway may take to settle its change before we do it */
#define LU_PATIENCE_MS		500
/* of a record: for gateways, fences and resets, which registrations must not keep out */
#define LU_TEXT_RESERVE		(64 * 1024)

/**
 * trbd_lu_interrupted() - wait for a moment
 * @wait_ms: for how long at most
 *
 * Context: the thread.
 * Return: whether what the thread is doing is to end.
 */
bool trbd_lu_interrupted(unsigned int wait_ms)
{
	if (wait_ms)
		schedule_timeout_interruptible(msecs_to_jiffies(wait_ms));
	return signal_pending(current);
}

/**
 * trbd_lu_resume() - the next one is not meant by an interruption
 * @lu: state
 *
 * Context: the thread.
 * Return: whether to go on; false when the thread is to end.
 */
bool trbd_lu_resume(struct trbd_lu *lu)
{
	bool ending;

	spin_lock(&lu->lock);
	ending = lu->ending;
	if (!ending)
		flush_signals(current);
	spin_unlock(&lu->lock);
	return !ending;
}

/**
 * trbd_lu_interrupt() - let whatever the thread does end with -EINTR
 * @lu: state
 *
 * For a gateway that stops serving. What was changed is brought into force by whoever reads the record next.
 *
 * Context: any in which a spinlock may be taken.
 */
void trbd_lu_interrupt(struct trbd_lu *lu)
{
	send_sig(SIGKILL, lu->thread, 1);
}

/**
 * trbd_lu_drop_unwanted() - end the jobs that nobody wants any more
 * @lu: state
 *
 * Those in the queue end here; the one that runs is interrupted if it is one of them.
 *
 * Context: process.
 */
void trbd_lu_drop_unwanted(struct trbd_lu *lu)
{
	struct trbd_lu_job *job, *next;
	LIST_HEAD(unwanted);

	spin_lock(&lu->lock);
	list_for_each_entry_safe(job, next, &lu->jobs, node) {
		if (job->is_over && job->is_over(job))
			list_move_tail(&job->node, &unwanted);
	}
	if (lu->running && lu->running->is_over(lu->running))
		trbd_lu_interrupt(lu);
	spin_unlock(&lu->lock);
	list_for_each_entry_safe(job, next, &unwanted, node)
		job->end(job);
}

/**
 * trbd_lu_has_run() - a job is about to end, and is not to be interrupted any more
 * @lu: state
 * @job: job, whether it has run or not
 *
 * Context: any in which a spinlock may be taken.
 */
void trbd_lu_has_run(struct trbd_lu *lu, struct trbd_lu_job *job)
{
	spin_lock(&lu->lock);
	if (lu->running == job)
		lu->running = NULL;
	spin_unlock(&lu->lock);
}

/* A view's arrays stand behind it in its memory. */
static void lu_view_copy(struct trbd_lu_view *view, const struct trbd_record *record,
			 const struct trbd_registry *registry)
{
	struct trbd_record_gateway *gateways;
	struct trbd_record_fenced *fenced;

	view->pr.registrations = (struct trbd_pr_registration *)(view + 1);
	view->pr.room = record->pr.count;
	memcpy(view->pr.registrations, record->pr.registrations, record->pr.count * sizeof(*view->pr.registrations));
	gateways = (struct trbd_record_gateway *)(view->pr.registrations + record->pr.count);
	memcpy(gateways, registry->gateways, registry->num_gateways * sizeof(*gateways));
	fenced = (struct trbd_record_fenced *)(gateways + registry->num_gateways);
	memcpy(fenced, registry->fenced, registry->num_fenced * sizeof(*fenced));
	view->registry = *registry;
	view->registry.gateways = gateways;
	view->registry.fenced = fenced;
}

static struct trbd_lu_view *lu_view_alloc(const struct trbd_lu *lu, const struct trbd_record *record,
					  const struct trbd_registry *registry)
{
	size_t size = sizeof(struct trbd_lu_view);
	struct trbd_lu_view *view;

	BUILD_BUG_ON(sizeof(struct trbd_pr_registration) % 8 || sizeof(struct trbd_record_gateway) % 8);
	size += record->pr.count * sizeof(*view->pr.registrations) +
		registry->num_gateways * sizeof(*registry->gateways) +
		registry->num_fenced * sizeof(*registry->fenced);
	view = kvzalloc(size, GFP_KERNEL);
	if (!view)
		return NULL;
	view->generation = record->generation;
	view->settled = record->settled;
	view->resets = record->resets;
	view->spc2_gateway = record->spc2_gateway;
	view->spc2_orphan = *record->pr.spc2.initiator && !trbd_record_find_gateway(record, record->spc2_gateway);
	view->registering = lu->next_id && trbd_record_find_gateway(record, lu->next_id);
	view->pr = record->pr;
	lu_view_copy(view, record, registry);
	return view;
}

/*
 * @install_lock held. Not in the registry any more. Somebody has fenced us, whether we noticed or not; or there is
 * another record. A gateway that was fenced an hour ago and slept through that can still read, and the list tells it.
 */
static void lu_check_expelled(struct trbd_lu *lu, struct trbd_record *record)
{
	lockdep_assert_held(&lu->install_lock);

	if (test_bit(TRBD_LU_UNREGISTERED, &lu->blocked) || trbd_record_find_gateway(record, lu->id))
		return;
	set_bit(TRBD_LU_UNREGISTERED, &lu->blocked);
	if (trbd_record_find_fenced(record, lu->address)) {
		pr_warn("%s: this gateway is not in the registry of the image any more: it was fenced; it stops and comes back by itself\n",
			lu->image->name);
		trbd_recovery_begin(lu->image->session);
		return;
	}
	pr_warn("%s: the record of reservations was %s, without this gateway, which registers again\n",
		lu->image->name, record->generation ? "replaced" : "removed; all registrations are gone");
	spin_lock(&lu->lock);
	lu->rejoin = true;
	spin_unlock(&lu->lock);
	wake_up(&lu->wait);
}

/**
 * trbd_lu_install() - go by this record from now on
 * @lu: state
 * @record: what was read or written; one that is older than what is installed changes nothing
 *
 * Commands that begin after this returned go by it, and those from before are found by ops->draining.
 *
 * Context: process; no round trip.
 * Return: 0 or -ENOMEM.
 */
int trbd_lu_install(struct trbd_lu *lu, struct trbd_record *record)
{
	struct trbd_lu_view *old, *view;
	struct trbd_registry registry;
	struct trbd_lu_change change;
	int ret = 0;

	mutex_lock(&lu->install_lock);
	old = rcu_dereference_protected(lu->view, lockdep_is_held(&lu->install_lock));
	/* 0 is a record that was removed */
	if (record->generation == old->generation || (record->generation && record->generation < old->generation))
		goto out;
	/* whoever makes the next record needs to know who was there */
	registry = record->generation ? trbd_registry_of(record) : old->registry;
	view = lu_view_alloc(lu, record, &registry);
	if (!view) {
		ret = -ENOMEM;
		goto out;
	}
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
	lu->ops->changed(lu->owner, &change);
	kvfree_rcu(old, rcu);
	lu_check_expelled(lu, record);
out:
	mutex_unlock(&lu->install_lock);
	return ret;
}

/* Waits for the OSD map that every gateway must have before it goes on with this record. */
static int lu_pass_barrier(struct trbd_lu *lu, const struct trbd_record *record)
{
	int ret = 0;

	if (record->barrier > READ_ONCE(lu->barrier)) {
		ret = trbd_fence_barrier(lu->image->session, record->barrier, lu->place.header.oid);
		if (!ret)
			WRITE_ONCE(lu->barrier, record->barrier);
	}
	return ret;
}

static u64 lu_generation(struct trbd_lu *lu)
{
	u64 generation;

	rcu_read_lock();
	generation = rcu_dereference(lu->view)->generation;
	rcu_read_unlock();
	return generation;
}

/*
 * A record that is read must be newer than the one that had been installed before. If it is not, then somebody has
 * removed that record,
 * and another gateway, whose clock is behind, has made a new one: to us, it was removed.
 */
static int lu_forget(struct trbd_lu *lu)
{
	struct trbd_record *nothing = kvzalloc(sizeof(*nothing), GFP_KERNEL);
	int ret = nothing ? trbd_lu_install(lu, nothing) : -ENOMEM;

	kvfree(nothing);
	return ret;
}

/* The record was read and is installed, or it was found that it is. @lapses: trbd_group_lapses() before that. */
static void lu_note_read(struct trbd_lu *lu, unsigned long lapses)
{
	/* pairs with trbd_lu_lapses() */
	smp_store_release(&lu->lapses, lapses);
}

/**
 * trbd_lu_refresh() - read the record, and go by it from now on
 * @lu: state
 * @extra: room for this many more registrations
 * @record: set to it, also when it could not be installed; trbd_lu_record_free() it
 *
 * Context: process; one round trip, and up to mount_timeout for an OSD map.
 * Return: 0; others as trbd_lu_record_read().
 */
int trbd_lu_refresh(struct trbd_lu *lu, unsigned int extra, struct trbd_record **record)
{
	unsigned long lapses = trbd_group_lapses(lu->group);
	u64 before = lu_generation(lu);
	int ret = trbd_lu_record_read(&lu->place, extra, record);

	if (!ret)
		ret = lu_pass_barrier(lu, *record);
	if (!ret && (*record)->generation < before)
		ret = lu_forget(lu);
	if (!ret)
		ret = trbd_lu_install(lu, *record);
	if (!ret)
		lu_note_read(lu, lapses);
	return ret;
}

/**
 * trbd_lu_carry() - begin a new record with what this gateway knew of the last one
 * @lu: state
 * @record: what was read; one that is there stays as it is
 *
 * Somebody has removed the record, and a gateway that is cut off does not know that yet: others must go on to ask it,
 * and to go by the map that fenced others before.
 *
 * Context: process; no round trip.
 */
void trbd_lu_carry(struct trbd_lu *lu, struct trbd_record *record)
{
	const struct trbd_lu_view *view;

	if (record->generation)
		return;
	record->barrier = max(record->barrier, trbd_fence_epoch(lu->image->session));
	record->block_size = lu->block_size;
	mutex_lock(&lu->install_lock);
	view = rcu_dereference_protected(lu->view, lockdep_is_held(&lu->install_lock));
	trbd_registry_carry(&view->registry, record);
	mutex_unlock(&lu->install_lock);
}

/**
 * trbd_lu_amend() - change what is not reservations: registry, barrier, settled
 * @lu: state
 * @decide: makes the change
 * @ctx: for @decide
 *
 * What was settled stays settled, and what was not stays so: nobody has to be told.
 *
 * Context: the thread, or attach and detach; a few round trips.
 * Return: 0; -EUSERS when @decide returned anything but TRBD_PR_GOOD; -EBADMSG, -EPROTONOSUPPORT for a record that
 * cannot be used; -ETIMEDOUT, -EINTR, -ENOMEM, -ESHUTDOWN, others.
 */
int trbd_lu_amend(struct trbd_lu *lu, trbd_lu_decide decide, void *ctx)
{
	struct trbd_record *record;
	unsigned long lapses;
	u64 generation;
	int ret;

	do {
		lapses = trbd_group_lapses(lu->group);
		ret = trbd_lu_record_read(&lu->place, 0, &record);
		if (ret)
			return ret;
		ret = lu_pass_barrier(lu, record);
		trbd_lu_carry(lu, record);
		generation = record->generation;
		if (!ret && decide(record, ctx) != TRBD_PR_GOOD)
			ret = -EUSERS;
		if (!ret)
			ret = trbd_lu_record_write(&lu->place, record, lu->last_generation,
						   record->settled == generation);
		if (!ret)
			ret = trbd_lu_install(lu, record);
		if (!ret)
			lu_note_read(lu, lapses);
		trbd_lu_record_free(record);
		if (ret == -ECANCELED) {
			ret = trbd_lu_record_check_counter(&lu->place, generation);
			if (!ret)
				ret = -EAGAIN;
		}
	} while (ret == -EAGAIN);
	return ret;
}

/**
 * trbd_lu_read_settled() - the record, with all that it says in force everywhere
 * @lu: state
 * @extra: room for this many more registrations
 * @record: set to it; trbd_lu_record_free() it
 *
 * A change that somebody else has not finished is given a moment, and finished.
 *
 * Context: the thread; one round trip, or as long as commands drain and gateways are fenced.
 * Return: as trbd_lu_refresh(), and -ENOTCONN when this gateway does not serve.
 */
int trbd_lu_read_settled(struct trbd_lu *lu, unsigned int extra, struct trbd_record **record)
{
	unsigned int waited_ms = 0, wait_ms = 10;
	int ret;

	*record = NULL;
	/* no waiting for a cluster that may not be there */
	if (test_bit(TRBD_LU_UNREGISTERED, &lu->blocked))
		return -ENOTCONN;
	for (;;) {
		ret = trbd_lu_refresh(lu, extra, record);
		if (!ret && test_bit(TRBD_LU_UNREGISTERED, &lu->blocked))
			ret = -ENOTCONN;
		if (!ret && (*record)->settled == (*record)->generation)
			return 0;
		trbd_lu_record_free(*record);
		*record = NULL;
		if (ret)
			return ret;
		if (trbd_lu_interrupted(wait_ms))
			return -EINTR;
		waited_ms += wait_ms;
		wait_ms = min(2 * wait_ms, 100U);
		if (waited_ms < LU_PATIENCE_MS)
			continue;
		ret = trbd_round_settle(lu, NULL);
		if (ret)
			return ret;
	}
}

/**
 * trbd_lu_settled() - write into the record that it is in force everywhere
 * @lu: state
 * @record: record that is; of no use after that
 *
 * Context: the thread; one round trip.
 * Return: 0; -EAGAIN when there is a newer record; others.
 */
int trbd_lu_settled(struct trbd_lu *lu, struct trbd_record *record)
{
	u64 generation = record->generation;
	int ret = trbd_lu_record_write(&lu->place, record, lu->last_generation, true);

	if (ret == -ECANCELED)
		return trbd_lu_record_check_counter(&lu->place, generation) ?: -EAGAIN;
	return ret ? ret : trbd_lu_install(lu, record);
}

/* One try of an update. Return: verdict, -EAGAIN when another was first, or another error. */
static int lu_try_update(struct trbd_lu *lu, const struct trbd_lu_request *request)
{
	char *before = NULL, *after = NULL;
	struct trbd_record *record;
	size_t len = 0, new_len;
	u64 generation;
	int ret;

	ret = trbd_lu_read_settled(lu, request->extra, &record);
	if (ret)
		return ret;
	generation = record->generation;
	record->action = request->action;
	memset(&record->actor, 0, sizeof(record->actor));
	if (request->actor)
		record->actor = *request->actor;
	len = trbd_lu_record_encode(record, &before);
	ret = before ? request->decide(record, request->ctx) : -ENOMEM;
	if (ret != TRBD_PR_GOOD)
		goto out;

	/* nothing to do is done */
	new_len = trbd_lu_record_encode(record, &after);
	if (new_len == len && after && !memcmp(before, after, len))
		goto out;
	if (request->extra && new_len > len && new_len > TRBD_LU_TEXT_MAX - LU_TEXT_RESERVE) {
		ret = TRBD_PR_NO_RESOURCES;
		goto out;
	}

	record->writer = lu->id;
	ret = trbd_lu_record_write(&lu->place, record, lu->last_generation, false);
	if (ret == -ETIMEDOUT && trbd_lu_record_was_written(&lu->place, record))
		ret = 0;
	if (ret == -ENOSPC)
		ret = TRBD_PR_NO_RESOURCES;
	else if (ret == -ECANCELED)
		ret = trbd_lu_record_check_counter(&lu->place, generation) ?: -EAGAIN;
	else if (!ret)
		/* written is written: without memory to install it, it is read again */
		ret = trbd_round_settle(lu, trbd_lu_install(lu, record) ? NULL : record);
	/* it may be in force, and BUSY would deny that */
	if (ret == -EINTR)
		ret = -ENOTCONN;
out:
	kvfree(before);
	kvfree(after);
	trbd_lu_record_free(record);
	return ret;
}

/**
 * trbd_lu_update() - change the reservations, and see to it that the change is in force everywhere
 * @lu: state
 * @request: the change
 *
 * One that changes nothing is not written, and nobody hears of it.
 *
 * Context: the thread; a few round trips, or as long as commands drain and gateways are fenced.
 * Return: what @request->decide returned, and then the change is in force; or a negative errno as of
 * trbd_lu_read_settled(), and then it may be, later; but with -EINTR and -ENOMEM it is not, and never will be.
 */
int trbd_lu_update(struct trbd_lu *lu, const struct trbd_lu_request *request)
{
	int ret;

	do {
		ret = lu_try_update(lu, request);
		/* so that not the same one is first for ever */
		if (ret == -EAGAIN && trbd_lu_interrupted(get_random_u32() % 8))
			ret = -EINTR;
	} while (ret == -EAGAIN);
	return ret;
}

static void lu_catch_up(struct trbd_lu *lu)
{
	struct trbd_record *record;

	trbd_lu_refresh(lu, 0, &record);
	trbd_lu_record_free(record);
}

/*
 * Changes come as notifications. This is for what is done by hand, and does not notify: restoring a record, or removing
 * it. Who does not notice serves on without being in the registry. And after a time without a lease this shows that
 * nothing was missed.
 */
static void lu_poll(struct trbd_lu *lu)
{
	unsigned long lapses = trbd_group_lapses(lu->group);
	struct trbd_header_ref ref = trbd_image_header(lu->image);
	int ret;

	if (test_bit(TRBD_LU_UNREGISTERED, &lu->blocked))
		return;
	ret = trbd_object_number_is(ref.session, ref.oid, ref.oloc, TRBD_LU_XATTR, lu_generation(lu));
	if (!ret)
		lu_note_read(lu, lapses);
	else if (ret == -ECANCELED)
		lu_catch_up(lu);
}

static bool lu_has_lapsed(struct trbd_lu *lu)
{
	return trbd_lu_lapses(lu) != trbd_group_lapses(lu->group);
}

static bool lu_has_work(struct trbd_lu *lu)
{
	bool work;

	spin_lock(&lu->lock);
	work = !list_empty(&lu->jobs) || lu->nudged || lu->rejoin || lu->catch_up;
	spin_unlock(&lu->lock);
	return work;
}

/**
 * trbd_lu_is_wanted() - does somebody wait for the thread?
 * @lu: state
 *
 * For what the thread does in between, to make way.
 *
 * Context: the thread.
 * Return: whether there is a job, or it is interrupted.
 */
bool trbd_lu_is_wanted(struct trbd_lu *lu)
{
	bool wanted;

	spin_lock(&lu->lock);
	wanted = !list_empty(&lu->jobs) || lu->ending;
	spin_unlock(&lu->lock);
	return wanted || signal_pending(current);
}

static struct trbd_lu_job *lu_next_job(struct trbd_lu *lu)
{
	struct trbd_lu_job *job;

	lockdep_assert_held(&lu->lock);

	job = list_first_entry_or_null(&lu->jobs, struct trbd_lu_job, node);
	if (job)
		list_del(&job->node);
	lu->running = job && job->is_over ? job : NULL;
	return job;
}

static int lu_thread(void *arg)
{
	struct trbd_lu_job *job, *next;
	struct trbd_lu *lu = arg;
	unsigned int ticks = 0;

	/* only ours: root's would interrupt a command that somebody waits for */
	allow_kernel_signal(SIGKILL);
	while (trbd_lu_resume(lu)) {
		bool nudged, rejoin, catch_up;

		wait_event_interruptible_timeout(lu->wait, lu_has_work(lu), msecs_to_jiffies(LU_TICK_MS));
		if (!trbd_lu_resume(lu))
			break;

		spin_lock(&lu->lock);
		job = lu_next_job(lu);
		nudged = lu->nudged;
		rejoin = lu->rejoin;
		catch_up = lu->catch_up;
		lu->nudged = false;
		lu->rejoin = false;
		lu->catch_up = false;
		spin_unlock(&lu->lock);

		/* first: registering again may wait for a monitor, and jobs end at once before that */
		if (job)
			job->run(lu, job);
		if (rejoin && trbd_membership_renew(lu)) {
			spin_lock(&lu->lock);
			lu->rejoin = true;
			spin_unlock(&lu->lock);
			trbd_lu_interrupted(LU_TICK_MS);
		}
		if (catch_up)
			lu_catch_up(lu);
		if (nudged || !job)
			lu->ops->tick(lu->owner);
		if (job)
			continue;
		if (!(++ticks % LU_POLL_TICKS) || lu_has_lapsed(lu))
			lu_poll(lu);
		trbd_housekeeping(lu);
	}
	/* only resets that nobody waits for any more; they see that it is over */
	list_for_each_entry_safe(job, next, &lu->jobs, node)
		job->run(lu, job);
	return 0;
}

/**
 * trbd_lu_submit() - have a job run
 * @lu: state
 * @job: run is set
 *
 * A job that is no longer wanted ends at once: the one who gave it up may have looked through the queue before it was
 * there.
 *
 * Context: process.
 */
void trbd_lu_submit(struct trbd_lu *lu, struct trbd_lu_job *job)
{
	bool over;

	spin_lock(&lu->lock);
	/* it may be the one that runs, and come again */
	if (lu->running == job)
		lu->running = NULL;
	over = job->is_over && job->is_over(job);
	if (!over)
		list_add_tail(&job->node, &lu->jobs);
	spin_unlock(&lu->lock);
	if (over)
		job->end(job);
	else
		wake_up(&lu->wait);
}

/**
 * trbd_lu_wake() - call ops->tick soon
 * @lu: state
 *
 * Context: any in which a spinlock may be taken.
 */
void trbd_lu_wake(struct trbd_lu *lu)
{
	spin_lock(&lu->lock);
	lu->nudged = true;
	spin_unlock(&lu->lock);
	wake_up(&lu->wait);
}

/**
 * trbd_lu_watched() - the header is watched again; what was said meanwhile was not heard
 * @lu: state
 *
 * Context: any in which a spinlock may be taken.
 */
void trbd_lu_watched(struct trbd_lu *lu)
{
	spin_lock(&lu->lock);
	lu->rejoin = test_bit(TRBD_LU_UNREGISTERED, &lu->blocked);
	lu->catch_up = !lu->rejoin;
	spin_unlock(&lu->lock);
	wake_up(&lu->wait);
}

static void lu_free(struct trbd_lu *lu)
{
	kvfree(rcu_dereference_protected(lu->view, true));
	kfree(lu);
}

struct lu_leaving {
	struct work_struct work;
	struct trbd_lu *lu;
};

static void lu_leave_work(struct work_struct *work)
{
	struct trbd_lu *lu = container_of(work, struct lu_leaving, work)->lu;
	int ret = trbd_membership_end(lu);

	if (!ret || ret == -ENOENT)
		return;
	pr_warn("%s: this gateway could not be taken out of the registry: error %d; it is tried again as long as it serves other images\n",
		lu->image->name, ret);
	trbd_leaving_add(lu);
}

/* Not in the caller's context: one that was killed waits for no answer, and the entry would stay. */
static void lu_leave(struct trbd_lu *lu)
{
	struct lu_leaving leaving = { .lu = lu };

	INIT_WORK_ONSTACK(&leaving.work, lu_leave_work);
	trbd_image_begin_close(lu->image);
	queue_work(trbd_wait_wq, &leaving.work);
	flush_work(&leaving.work);
	destroy_work_on_stack(&leaving.work);
}

/**
 * trbd_lu_attach() - become one of the gateways that serve an image
 * @image: open and watched; what it is notified of goes to trbd_round_notified(), and since something may have been
 *	missed before that, trbd_lu_watched() must follow
 * @group: the gateways of its pool
 * @ops: the floor above
 * @owner: argument of @ops
 *
 * Context: process; a few round trips.
 * Return: the state; ERR_PTR of -EBADMSG or -EPROTONOSUPPORT for a record that cannot be used, -EPERM, -EUSERS when
 * there are too many gateways, -ETIMEDOUT, -EINTR, -ENOMEM, others.
 */
struct trbd_lu *trbd_lu_attach(struct trbd_image *image, struct trbd_group *group, const struct trbd_lu_ops *ops,
			       void *owner)
{
	struct trbd_lu *lu = kzalloc(sizeof(*lu), GFP_KERNEL);
	int ret;

	if (!lu)
		return ERR_PTR(-ENOMEM);
	lu->image = image;
	lu->place = trbd_lu_record_place(image);
	lu->group = group;
	lu->housework = jiffies;
	lu->ops = ops;
	lu->owner = owner;
	lu->recovery.ops = &trbd_membership_recovery_ops;
	mutex_init(&lu->install_lock);
	spin_lock_init(&lu->lock);
	init_waitqueue_head(&lu->wait);
	INIT_LIST_HEAD(&lu->jobs);
	__set_bit(TRBD_LU_UNREGISTERED, &lu->blocked);
	RCU_INIT_POINTER(lu->view, kvzalloc(sizeof(struct trbd_lu_view), GFP_KERNEL));
	if (!rcu_access_pointer(lu->view)) {
		kfree(lu);
		return ERR_PTR(-ENOMEM);
	}

	lu->thread = kthread_create(lu_thread, lu, "trbd-lu/%s", image->id);
	if (IS_ERR(lu->thread)) {
		ret = PTR_ERR(lu->thread);
		lu_free(lu);
		return ERR_PTR(ret);
	}
	get_task_struct(lu->thread);
	trbd_membership_add(lu);
	trbd_recovery_add_user(image->session, &lu->recovery);
	do {
		ret = trbd_membership_begin(lu);
	} while (ret == -EAGAIN && !msleep_interruptible(TRBD_MEMBERSHIP_RETRY_MS));
	if (ret) {
		trbd_recovery_remove_user(image->session, &lu->recovery);
		/* what was sent may have been done */
		if (ret == -ETIMEDOUT || ret == -EINTR || ret == -ENOMEM || ret == -EAGAIN)
			lu_leave(lu);
		kthread_stop(lu->thread);
		put_task_struct(lu->thread);
		trbd_membership_remove(lu);
		lu_free(lu);
		return ERR_PTR(ret);
	}
	wake_up_process(lu->thread);
	return lu;
}

/**
 * trbd_lu_detach() - serve the image no more
 * @lu: state; no command and no job is left, and nobody calls trbd_round_notified() any more
 *
 * The image is about to be closed.
 *
 * Context: process; may sleep for some seconds when the cluster does not answer, see rados/closing.c. The gateway
 * stays in the registry then, and tries to leave it as long as the session is there. When it is not, others fence it.
 */
void trbd_lu_detach(struct trbd_lu *lu)
{
	trbd_recovery_remove_user(lu->image->session, &lu->recovery);
	spin_lock(&lu->lock);
	lu->ending = true;
	spin_unlock(&lu->lock);
	trbd_lu_interrupt(lu);
	kthread_stop(lu->thread);
	put_task_struct(lu->thread);
	/* set first, or what we write about ourselves would look as if another had expelled us */
	if (!test_and_set_bit(TRBD_LU_UNREGISTERED, &lu->blocked) || lu->next_id)
		lu_leave(lu);
	trbd_membership_remove(lu);
	lu_free(lu);
}
