// SPDX-License-Identifier: GPL-2.0
/*
 * The gateways of one pool and namespace: their slots, heartbeats and common clock, and how a
 * gateway learns that it was out of touch.
 *
 * The group has three objects, target_core_rbd.group and two more, in placement groups of their
 * own. Each object holds a table with one slot for each gateway (gateway/group_table.c). A gateway
 * takes the same slot in all objects, or in two at least. It writes its own entry every
 * TRBD_HEARTBEAT_MS, and reads all entries. The group has no leader, and no gateway writes the
 * entry of another one.
 *
 *	         no live peer: start at the
 *	join --> greatest limit; live peers: --> member --> leave: slot is free, the limit stays
 *	         take their clock                  |  ^
 *	 slot lost to another, or never got back   v  | rejoin, new slot
 *	 in time in a majority of the objects    (lost)
 *
 * A fact counts when it is so in a majority of the objects, and any two majorities have an object
 * in common (gateway/quorum.c). So one object may be away for any length of time, because its
 * placement group is inactive, or because this gateway has no way to its OSD.
 *
 * In normal operation the first two objects get heartbeats in turn, and the third one gets one once
 * a minute. All three get each heartbeat while one of the first two has not answered its last
 * heartbeat when the next one is due, or has lost our slot.
 *
 * A heartbeat that went to an OSD and back proves that this gateway was in touch with the OSD when
 * it sent the heartbeat. Two such heartbeats, at different objects, prove that it was in touch with
 * a majority when it sent the earlier one. The gateway has a lease from that moment. It accepts
 * mutations while it holds the lease. When the lease runs out, mutations wait. Then one of these
 * turns out:
 *
 *  - The other gateways could send heartbeats while we could not, as they say in their entries, or
 *    their clocks ran ahead of ours. So we were out of touch (cut off, paused). Initiators may have
 *    gone to other paths long ago, and the commands that they sent us then are still in our socket
 *    buffers. Every mutation that was accepted ends with BUSY, and so does every mutation that
 *    comes in the next few seconds.
 *  - Our clocks stood still. The OSDs show that, since they note their times with each heartbeat
 *    (rados/witness.c). The same follows, and the clocks of silent gateways count as well.
 *    Otherwise machines that stood still together would go on with a time that one of them has used
 *    before. A clock that stood still for less than what counts is put right.
 *  - No gateway could send heartbeats, or there is no other gateway: a majority of the objects was
 *    away. Nobody is ahead of anybody. A mutation that waited goes on if it is still within the
 *    guard's window.
 *
 * Wall clocks take part only when objects that never existed are made. Each entry carries a limit
 * that is well ahead of its clock. No stamp is ever later than the limit that a majority of the
 * objects has, since a gateway with a lease has written its entry to a majority a moment ago. So
 * when all gateways have died, the greatest limit in any two objects is ahead of every stamp. The
 * gateway that comes next starts there.
 *
 *	here             joining and leaving, turns
 *	group_show.c     questions from elsewhere
 *	group_slot.c     getting a slot and the time
 *	group_object.c   the I/O of an object
 *	group_beat.c     a heartbeat that came back
 *	group_state.c    slot, lease, quarantine; admission of commands
 *
 * Each of these files calls only those below it.
 *
 * Each object has a thread for its I/O, and one more thread gives them their jobs. Calls from the
 * data path only look at a few numbers under group->lock.
 */
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "gateway/group.h"
#include "gateway/group_object.h"
#include "gateway/group_slot.h"
#include "gateway/stall.h"
#include "rados/queues.h"
#include "rados/session.h"

/* a new member sends this many heartbeats early; later, one in so many comes early */
#define GROUP_PACE_BEATS	8
#define GROUP_PACE_RARELY	64
/* turns between two heartbeats at an object that is a spare */
#define GROUP_SPARE_TURNS	128
/* the same while a spare does not hold our slot; it must by the time one of the others is lost */
#define GROUP_SPARE_SOON	8

static DEFINE_MUTEX(groups_lock);
static LIST_HEAD(groups);		/* guarded by groups_lock */

static void group_tick(struct work_struct *work)
{
	struct trbd_group *group = container_of(to_delayed_work(work), struct trbd_group, tick);

	trbd_group_check_stall(group);
	trbd_group_check_lease(group);
	trbd_group_release_waiting(group, false);
	queue_delayed_work(trbd_tick_wq, &group->tick, msecs_to_jiffies(TRBD_TICK_MS));
}

/* Give up once in a time without a lease; nothing new begins without one. */
static void group_give_up(struct trbd_group *group)
{
	u64 until_ms;

	spin_lock(&group->lock);
	until_ms = group->lease.until_ms;
	spin_unlock(&group->lock);
	if (trbd_clock_local_ms() <= until_ms)
		group->gave_up = false;
	if (group->gave_up || trbd_clock_local_ms() < until_ms + TRBD_GROUP_GIVE_UP_MS)
		return;
	pr_warn("group of pool %lld: no heartbeat for %u minutes; giving up what is in flight\n", group->oloc.pool,
		TRBD_GROUP_GIVE_UP_MS / 60000);
	group->gave_up = true;
	trbd_session_give_up(group->session);
}

/* Tell whether a main object fails, is late with its answer, or does not hold our slot. */
static bool group_needs_spares(struct trbd_group *group)
{
	bool needs = false;
	int i;

	mutex_lock(&group->state);
	spin_lock(&group->lock);
	for (i = 0; i < TRBD_GROUP_MAIN; i++) {
		const struct trbd_group_object *object = &group->objects[i];

		needs = needs || object->job != TRBD_GROUP_IDLE || object->err ||
			object->hold != TRBD_GROUP_HELD;
	}
	spin_unlock(&group->lock);
	mutex_unlock(&group->state);
	return needs;
}

/* Tell whether it is an object's turn. @all gives every object a turn. */
static bool group_is_turn(const struct trbd_group_object *object, unsigned int i, unsigned int turn,
			  bool all)
{
	enum trbd_group_hold hold = READ_ONCE(object->hold);

	if (all || (i >= TRBD_GROUP_MAIN && hold == TRBD_GROUP_RETAKEN))
		return true;
	if (i < TRBD_GROUP_MAIN)
		return turn % TRBD_GROUP_MAIN == i;
	return turn % (hold == TRBD_GROUP_HELD ? GROUP_SPARE_TURNS : GROUP_SPARE_SOON) == 1;
}

/* Send the heartbeats whose turn it is. */
static void group_turn(struct trbd_group *group)
{
	bool all = group_needs_spares(group);
	unsigned int turn = group->turns++;
	unsigned int i;

	for (i = 0; i < TRBD_GROUP_OBJECTS; i++) {
		if (group_is_turn(&group->objects[i], i, turn, all))
			trbd_group_post(&group->objects[i], TRBD_GROUP_BEAT);
	}
}

/*
 * Sleep until the next turn, and break the pace now and then. The clock of a peer that we read is
 * as old as its last heartbeat there. If two gateways kept the same pace, one would stay behind the
 * other for ever, by up to a second, and its writes would always lose their first try. A random
 * pace soon shows us each peer right after its heartbeat.
 */
static void group_sleep_since(struct trbd_group *group, u64 began_ms)
{
	u64 spent_ms = trbd_clock_local_ms() - began_ms;
	u64 wanted_ms = TRBD_HEARTBEAT_MS;

	if (group->turns < GROUP_PACE_BEATS || !(group->turns % GROUP_PACE_RARELY))
		wanted_ms = get_random_u32() % TRBD_HEARTBEAT_MS;

	if (spent_ms < wanted_ms)
		schedule_timeout_interruptible(msecs_to_jiffies(wanted_ms - spent_ms));
}

static int group_thread(void *arg)
{
	struct trbd_group *group = arg;
	int ret;

	allow_kernel_signal(SIGKILL);
	ret = trbd_group_take_slot(group);
	group->join_err = ret;
	complete_all(&group->joined);

	while (!ret && !kthread_should_stop()) {
		u64 began_ms = trbd_clock_local_ms();
		int err = 0;

		if (group->slot < 0) {
			group->turns = 0;
			err = trbd_group_take_slot(group);
		} else {
			group_turn(group);
		}
		group_give_up(group);
		/* the signal that ends the thread comes a moment before it is told to stop */
		if (err && err != -EINTR)
			pr_warn_ratelimited("group of pool %lld: no slot: error %d\n",
					    group->oloc.pool, err);
		group_sleep_since(group, began_ms);
	}
	while (!kthread_should_stop())
		group_sleep_since(group, trbd_clock_local_ms());
	return 0;
}

static void group_free(struct trbd_group *group)
{
	int i;

	trbd_stall_unwatch();
	for (i = 0; i < TRBD_GROUP_OBJECTS; i++)
		trbd_group_object_free(&group->objects[i]);
	ceph_oloc_destroy(&group->oloc);
	kvfree(group->peers);
	kfree(group);
}

static int group_init_objects(struct trbd_group *group)
{
	int i, ret = 0;

	for (i = 0; i < TRBD_GROUP_OBJECTS; i++)
		ret = trbd_group_object_init(group, i) ?: ret;
	return ret;
}

static struct trbd_group *group_alloc(struct trbd_session *session,
				      const struct ceph_object_locator *oloc)
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
	mutex_init(&group->state);
	INIT_LIST_HEAD(&group->waiting);
	INIT_DELAYED_WORK(&group->tick, group_tick);
	group->stalls = trbd_stall_count();
	init_completion(&group->joined);
	init_waitqueue_head(&group->done);
	trbd_clock_init(&group->clock);
	ceph_oloc_init(&group->oloc);
	ceph_oloc_copy(&group->oloc, oloc);
	group->peers = kvcalloc(TRBD_SLOTS, sizeof(*group->peers), GFP_KERNEL);
	if (group_init_objects(group) || !group->peers) {
		group_free(group);
		return NULL;
	}
	return group;
}

static void group_stop_objects(struct trbd_group *group)
{
	int i;

	for (i = 0; i < TRBD_GROUP_OBJECTS; i++)
		trbd_group_object_stop(&group->objects[i]);
}

/* Start the threads of the objects, and make the group's own thread. */
static int group_start(struct trbd_group *group)
{
	int i, ret = 0;

	for (i = 0; !ret && i < TRBD_GROUP_OBJECTS; i++)
		ret = trbd_group_object_start(&group->objects[i], i);
	if (ret)
		goto err_stop;
	group->thread = kthread_create(group_thread, group, "trbd-group/%lld", group->oloc.pool);
	if (IS_ERR(group->thread)) {
		ret = PTR_ERR(group->thread);
		goto err_stop;
	}
	get_task_struct(group->thread);
	return 0;
err_stop:
	group_stop_objects(group);
	return ret;
}

static void group_give_slot_back(struct trbd_group *group, unsigned long wait)
{
	int i;

	if (group->slot < 0)
		return;
	wait_event_timeout(group->done, trbd_group_is_idle(group),
			   min(msecs_to_jiffies(TRBD_HEARTBEAT_MS), wait));
	mutex_lock(&group->state);
	/* from now on no stamp of ours is later than this */
	group->limit_ms = trbd_clock_now(&group->clock) + TRBD_GRANULE_MS;
	for (i = 0; i < TRBD_GROUP_OBJECTS; i++) {
		struct trbd_group_object *object = &group->objects[i];

		object->slot = group->slot;
		object->owner = group->owner;
		if (object->hold != TRBD_GROUP_NOT_HELD)
			trbd_group_post(object, TRBD_GROUP_FREE);
	}
	mutex_unlock(&group->state);
	wait_event_timeout(group->done, trbd_group_is_idle(group),
			   min(msecs_to_jiffies(TRBD_GROUP_ANSWER_MS), wait));
}

static void group_stop(struct trbd_group *group, unsigned long wait)
{
	cancel_delayed_work_sync(&group->tick);
	send_sig(SIGKILL, group->thread, 1);
	kthread_stop(group->thread);
	put_task_struct(group->thread);
	group_give_slot_back(group, wait);
	group_stop_objects(group);
}

/**
 * trbd_group_join() - become a member of a pool's group, or share an existing membership
 * @session: session with the cluster; must outlive the membership
 * @oloc: pool and namespace
 *
 * Context: process; may sleep up to mount_timeout for each round trip, and for three heartbeats to
 * find out which gateways live.
 * Return: the membership; ERR_PTR of -EUSERS (no slot is free), -EPERM, -ETIMEDOUT, -EINTR,
 * -ENOMEM, others.
 */
struct trbd_group *trbd_group_join(struct trbd_session *session,
				   const struct ceph_object_locator *oloc)
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
	ret = group_start(group);
	if (ret) {
		mutex_unlock(&groups_lock);
		group_free(group);
		return ERR_PTR(ret);
	}
	list_add_tail(&group->node, &groups);
	queue_delayed_work(trbd_tick_wq, &group->tick, msecs_to_jiffies(TRBD_TICK_MS));
	wake_up_process(group->thread);
out_unlock:
	mutex_unlock(&groups_lock);

	ret = wait_for_completion_killable(&group->joined);
	if (!ret)
		ret = group->join_err;
	if (ret) {
		trbd_group_leave(group, msecs_to_jiffies(TRBD_GROUP_ANSWER_MS));
		return ERR_PTR(ret == -ERESTARTSYS ? -EINTR : ret);
	}
	return group;
}

/**
 * trbd_group_leave() - end the use of a membership
 * @group: membership; none of the caller's tickets wait
 * @wait: how long to wait for the cluster's answer, jiffies
 *
 * The last user gives the slot back.
 *
 * Context: process; may sleep for some seconds when the cluster does not answer.
 */
void trbd_group_leave(struct trbd_group *group, unsigned long wait)
{
	if (!refcount_dec_and_mutex_lock(&group->ref, &groups_lock))
		return;
	list_del(&group->node);
	mutex_unlock(&groups_lock);

	group_stop(group, wait);
	group_free(group);
}
