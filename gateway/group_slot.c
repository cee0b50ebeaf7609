// SPDX-License-Identifier: GPL-2.0
/*
 * Getting a slot, and the common time with it.
 *
 *	look at all objects --> and again, to see who is alive --> take a slot in all of them
 *	                                                            |         ^
 *	                                   got in a majority: member v        | not: give back,
 *	                                                                      | look again
 *
 * Once a majority of the objects has answered, the gateway does not wait for the others. Of two
 * gateways that try the same slot, one at most gets the majority. The gateway takes the slot later
 * in an object where it did not get it (gateway/group_object.c).
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/random.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "gateway/group_beat.h"
#include "gateway/group_object.h"
#include "gateway/group_slot.h"

/* the other objects may take this much longer when a majority has answered */
#define GROUP_GRACE_MS	200

/* Count the objects that have done their job well. @idle is set to how many are not at it. */
static int group_count(struct trbd_group *group, const u64 *told, int *idle, int *err)
{
	int i, good = 0;

	*idle = 0;
	spin_lock(&group->lock);
	for (i = 0; i < TRBD_GROUP_OBJECTS; i++) {
		const struct trbd_group_object *object = &group->objects[i];

		if (told[i] && object->begun == told[i] && object->job != TRBD_GROUP_IDLE)
			continue;
		++*idle;
		if (told[i] && !object->err)
			good++;
		else if (told[i] && *err != -ECANCELED)
			*err = object->err;
	}
	spin_unlock(&group->lock);
	return good;
}

static bool group_has_majority(struct trbd_group *group, const u64 *told)
{
	int idle, err = 0;

	return group_count(group, told, &idle, &err) >= TRBD_GROUP_MAJORITY;
}

static bool group_all_done(struct trbd_group *group, const u64 *told)
{
	int idle, err = 0;

	group_count(group, told, &idle, &err);
	return idle == TRBD_GROUP_OBJECTS;
}

/*
 * Wait for the objects that were told. Return: 0 if a majority did its job well, or an error of
 * another one. Each job ends by itself, after mount_timeout at the latest.
 */
static int group_wait(struct trbd_group *group, const u64 *told)
{
	int idle, err = -ETIMEDOUT;

	if (wait_event_killable(group->done,
				group_has_majority(group, told) || group_all_done(group, told)))
		return -EINTR;
	wait_event_killable_timeout(group->done, group_all_done(group, told),
				    msecs_to_jiffies(GROUP_GRACE_MS));
	return group_count(group, told, &idle, &err) >= TRBD_GROUP_MAJORITY ? 0 : err;
}

/* Give an object a job. Return: false if its thread is still at another one. */
static bool group_tell(struct trbd_group_object *object, enum trbd_group_job job, u64 *told)
{
	*told = 0;
	if (!trbd_group_post(object, job))
		return false;
	spin_lock(&object->group->lock);
	*told = object->begun;
	spin_unlock(&object->group->lock);
	return true;
}

/* Let the objects' threads end their jobs, but do not wait for one that gets no answer. */
static void group_settle(struct trbd_group *group)
{
	wait_event_killable_timeout(group->done, trbd_group_is_idle(group),
				    msecs_to_jiffies(GROUP_GRACE_MS));
}

static int group_look(struct trbd_group *group)
{
	u64 told[TRBD_GROUP_OBJECTS];
	int i;

	for (i = 0; i < TRBD_GROUP_OBJECTS; i++)
		group_tell(&group->objects[i], TRBD_GROUP_LOOK, &told[i]);
	return group_wait(group, told);
}

/* Count the objects that could be read and where the slot may be taken. */
static int group_count_free(struct trbd_group *group, int slot, u64 now_ms)
{
	int i, count = 0;

	for (i = 0; i < TRBD_GROUP_OBJECTS; i++)
		count += group->objects[i].read &&
			 trbd_quorum_is_free(&group->objects[i].view[slot], now_ms);
	return count;
}

/*
 * @state held. Pick a slot that is free in all objects that could be read, or else in a majority.
 * Prefer one that its gateway gave back, then one that was never used, then one that has been
 * silent for long.
 */
static int group_pick_slot(struct trbd_group *group, u64 now_ms)
{
	int slot, wanted, unused, stale, objects = 0;

	for (slot = 0; slot < TRBD_GROUP_OBJECTS; slot++)
		objects += group->objects[slot].read;
	for (wanted = objects; wanted >= TRBD_GROUP_MAJORITY; wanted--) {
		unused = -1;
		stale = -1;
		for (slot = 0; slot < TRBD_SLOTS; slot++) {
			const struct trbd_group_peer *peer = &group->peers[slot];

			if (peer->alive || group_count_free(group, slot, now_ms) < wanted)
				continue;
			if (peer->state == TRBD_GROUP_ENTRY_VALID && !peer->entry.owner)
				return slot;
			if (peer->state != TRBD_GROUP_ENTRY_VALID && unused < 0)
				unused = slot;
			if (peer->state == TRBD_GROUP_ENTRY_VALID && stale < 0)
				stale = slot;
		}
		if (unused >= 0 || stale >= 0)
			return unused >= 0 ? unused : stale;
	}
	return -1;
}

/* @state held. Find the greatest limit of a slot, or of all slots (-1), in all objects. */
static u64 group_limit(struct trbd_group *group, int which)
{
	u64 limit = 0;
	int slot, i;

	for (i = 0; i < TRBD_GROUP_OBJECTS; i++) {
		for (slot = 0; group->objects[i].read && slot < TRBD_SLOTS; slot++) {
			const struct trbd_group_view *view = &group->objects[i].view[slot];

			/* 0 unless it is an entry */
			if (which < 0 || slot == which)
				limit = max(limit, view->entry.limit_ms);
		}
	}
	return limit;
}

/* @state held. Find the time to start with, see gateway/group.c. */
static u64 group_start_time(struct trbd_group *group)
{
	u64 live = 0, limit = group_limit(group, -1);
	int slot;

	for (slot = 0; slot < TRBD_SLOTS; slot++) {
		const struct trbd_group_peer *peer = &group->peers[slot];

		if (peer->state == TRBD_GROUP_ENTRY_VALID && peer->alive)
			live = max(live, peer->entry.clock_ms);
	}
	/* the entry is half a heartbeat old, on average */
	if (live)
		return live + TRBD_HEARTBEAT_MS / 2;
	return limit ? limit + TRBD_GRANULE_MS : ktime_to_ms(ktime_get_real());
}

static bool group_has_owners(struct trbd_group *group)
{
	bool has = false;
	int slot;

	mutex_lock(&group->state);
	for (slot = 0; slot < TRBD_SLOTS; slot++)
		has = has || group->peers[slot].entry.owner;
	mutex_unlock(&group->state);
	return has;
}

/*
 * Tell whether a live gateway has other times or another version. Without our knowing, it may be
 * ahead of our clock, or hold a write for longer than we allow for.
 */
static bool group_disagrees(struct trbd_group *group)
{
	bool disagrees = false;
	int slot;

	mutex_lock(&group->state);
	for (slot = 0; slot < TRBD_SLOTS && !disagrees; slot++) {
		const struct trbd_group_peer *peer = &group->peers[slot];

		disagrees = peer->alive && (peer->state != TRBD_GROUP_ENTRY_VALID ||
					    peer->entry.w_ms != TRBD_W_MS);
		if (disagrees)
			pr_err("group of pool %lld: gateway %s (slot %d) runs a version of this module with other times; all gateways of a pool need the same one. Stop it, or install the same version here\n",
			       group->oloc.pool, peer->entry.name, slot);
	}
	mutex_unlock(&group->state);
	return disagrees;
}

/* @state held. Forget the slot and the readings of before. */
static void group_forget(struct trbd_group *group)
{
	int i;

	for (i = 0; i < TRBD_GROUP_OBJECTS; i++) {
		struct trbd_group_object *object = &group->objects[i];

		object->hold = TRBD_GROUP_NOT_HELD;
		object->osd_ref_ms = 0;
		object->sent_ms = 0;
		object->read = false;
	}
	group->proof_ms = 0;
}

/*
 * @state held. Move to the common time, and take a new number. Return: the slot to take, or
 * -EUSERS.
 */
static int group_prepare(struct trbd_group *group)
{
	u64 now_ms;
	int slot;

	trbd_clock_advance(&group->clock, group_start_time(group));
	trbd_group_merge_clocks(group);
	now_ms = trbd_clock_now(&group->clock);
	slot = group_pick_slot(group, now_ms);
	if (slot < 0) {
		pr_err("group of pool %lld: all %d slots are taken; no more gateways can serve this pool\n",
		       group->oloc.pool, TRBD_SLOTS);
		return -EUSERS;
	}
	get_random_bytes(&group->owner, sizeof(group->owner));
	/* the OSD reads a stored number as a signed one, and 0 means nobody */
	group->owner = (group->owner >> 1) | 1;
	group->beats = 0;
	group->limit_ms = max(now_ms, group_limit(group, slot)) + TRBD_GROUP_LIMIT_MS;
	return slot;
}

/*
 * @state held. Set the slot that an object's thread is to take. Return: whether it may be taken
 * there.
 */
static bool group_aim(struct trbd_group_object *object, int slot)
{
	const struct trbd_group_view *view = &object->view[slot];
	bool free = object->read &&
		    trbd_quorum_is_free(view, trbd_clock_now(&object->group->clock));

	spin_lock(&object->group->lock);
	free = free && object->job == TRBD_GROUP_IDLE;
	if (free) {
		object->slot = slot;
		object->owner = object->group->owner;
		object->expected = view->entry.owner;
	}
	spin_unlock(&object->group->lock);
	return free;
}

static void group_give_back(struct trbd_group *group)
{
	u64 told;
	int i;

	for (i = 0; i < TRBD_GROUP_OBJECTS; i++) {
		struct trbd_group_object *object = &group->objects[i];

		if (object->hold == TRBD_GROUP_HELD && !group_tell(object, TRBD_GROUP_FREE, &told))
			pr_warn("group of pool %lld: slot %d of object %s could not be given back\n", group->oloc.pool,
				object->slot, object->oid.name);
	}
}

/* Try to take a slot. Return: 0; -EAGAIN if others were faster; other errors. */
static int group_try(struct trbd_group *group)
{
	u64 told[TRBD_GROUP_OBJECTS] = { };
	int ret, slot, i;

	mutex_lock(&group->state);
	slot = group_prepare(group);
	for (i = 0; slot >= 0 && i < TRBD_GROUP_OBJECTS; i++) {
		if (group_aim(&group->objects[i], slot))
			group_tell(&group->objects[i], TRBD_GROUP_TAKE, &told[i]);
	}
	mutex_unlock(&group->state);
	if (slot < 0)
		return slot;
	ret = group_wait(group, told);

	mutex_lock(&group->state);
	if (!ret) {
		trbd_group_set_slot(group, slot);
		/*
		 * the clock, and with it the time of every earlier command, may have moved by any
		 * length
		 */
		if (group->served)
			trbd_group_declare_out_of_touch(group, "it joined again");
		trbd_group_prove(group);
		group->steady_ms = group->proof_ms;
	} else {
		group_give_back(group);
		/* an object that still tries must not succeed */
		group->owner = 0;
		group_forget(group);
	}
	group->served = group->served || !ret;
	mutex_unlock(&group->state);
	return ret == -ECANCELED || ret == -ENOENT ? -EAGAIN : ret;
}

/**
 * trbd_group_take_slot() - get a slot and the common time
 * @group: membership without a slot
 *
 * Context: the group's thread; bounded by mount_timeout for each round trip.
 * Return: 0; -EUSERS when all slots are taken; -EPROTONOSUPPORT when other gateways have other
 * times; -EPERM, -ETIMEDOUT, -EINTR, others.
 */
int trbd_group_take_slot(struct trbd_group *group)
{
	int ret, tries;

	mutex_lock(&group->state);
	group_forget(group);
	mutex_unlock(&group->state);
	group_settle(group);
	ret = group_look(group);
	/* liveness needs two readings */
	if (!ret && group_has_owners(group)) {
		schedule_timeout_killable(msecs_to_jiffies(TRBD_GROUP_LOOK_MS));
		ret = group_look(group);
	}
	if (!ret && group_disagrees(group))
		ret = -EPROTONOSUPPORT;
	for (tries = 0; !ret && tries < TRBD_SLOTS; tries++) {
		ret = group_try(group);
		if (ret != -EAGAIN)
			break;
		/* gateways that tried the same slot do not meet again */
		schedule_timeout_killable(msecs_to_jiffies(get_random_u32() % GROUP_GRACE_MS));
		group_settle(group);
		ret = fatal_signal_pending(current) ? -EINTR : group_look(group);
	}
	if (!ret)
		pr_info("group of pool %lld: joined as slot %d\n", group->oloc.pool, group->slot);
	return ret == -EAGAIN ? -EUSERS : ret;
}
