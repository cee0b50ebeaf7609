// SPDX-License-Identifier: GPL-2.0
/*
 * Answers to questions from outside the group: which gateway has been silent for how long, and what
 * an operator wants to see.
 */
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/sched/signal.h>
#include <linux/wait.h>

#include "gateway/group.h"
#include "gateway/group_object.h"
#include "gateway/stall.h"

/* a main object whose last reading is older than this has not answered in time */
#define GROUP_LATE_MS		(3 * TRBD_HEARTBEAT_MS)

static bool group_is_gateway(const struct trbd_group_peer *peer)
{
	return peer->state == TRBD_GROUP_ENTRY_VALID && peer->entry.owner;
}

/* @lock held. Count the gateways, and those of the others that have no heartbeat. */
static unsigned int group_count_gateways(const struct trbd_group *group, unsigned int *silent)
{
	unsigned int count = 0;
	int slot;

	*silent = 0;
	for (slot = 0; slot < TRBD_SLOTS; slot++) {
		const struct trbd_group_peer *peer = &group->peers[slot];

		count += group_is_gateway(peer);
		*silent += group_is_gateway(peer) && slot != group->slot && !peer->alive;
	}
	return count;
}

/*
 * @lock held. Write a line for each object: how long ago it answered, and whether it holds our
 * slot.
 */
static size_t group_show_objects(struct trbd_group *group, char *buf, size_t size)
{
	static const char *const holds[] = {
		[TRBD_GROUP_NOT_HELD] = "missing",
		[TRBD_GROUP_RETAKEN] = "retaken",
		[TRBD_GROUP_HELD] = "held",
	};
	u64 mono_ms = trbd_clock_local_ms();
	size_t len = 0;
	int i;

	for (i = 0; i < TRBD_GROUP_OBJECTS; i++) {
		const struct trbd_group_object *object = &group->objects[i];
		u64 sent_ms = READ_ONCE(object->sent_ms);

		len += scnprintf(buf + len, size - len, "object %s %s answered_ms %lld\n",
				 object->oid.name, holds[READ_ONCE(object->hold)],
				 sent_ms ? (s64)(mono_ms - sent_ms) : -1);
	}
	return len;
}

/* @lock held. Write a line for each entry of the table. */
static size_t group_show_peers(struct trbd_group *group, char *buf, size_t size)
{
	u64 now_ms = trbd_clock_now(&group->clock);
	size_t len = 0;
	int slot;

	for (slot = 0; slot < TRBD_SLOTS; slot++) {
		const struct trbd_group_peer *peer = &group->peers[slot];

		if (peer->state == TRBD_GROUP_ENTRY_FOREIGN)
			len += scnprintf(buf + len, size - len, "%d foreign\n", slot);
		else if (group_is_gateway(peer))
			len += scnprintf(buf + len, size - len, "%d %s %s last_heartbeat_ms %lld\n", slot,
					 peer->entry.name, slot == group->slot ? "self" :
					 peer->alive ? "alive" : "silent",
					 (s64)(now_ms - peer->entry.clock_ms));
	}
	return len;
}

/**
 * trbd_group_show() - describe the group for the operator
 * @group: membership
 * @buf: receives the text
 * @size: room in @buf
 *
 * The text has one line for this gateway with the counts, one for each object, and one for each
 * entry of the table.
 *
 * Context: process.
 * Return: length of the text, cut to what fits.
 */
size_t trbd_group_show(struct trbd_group *group, char *buf, size_t size)
{
	u64 mono_ms = trbd_clock_local_ms();
	unsigned int gateways, silent;
	size_t len;

	spin_lock(&group->lock);
	gateways = group_count_gateways(group, &silent);
	len = scnprintf(buf, size,
			"slot %d lease_ms %lld window_ms %d gateways %u silent %u out_of_touch %llu\n",
			group->slot, (s64)(group->lease.until_ms - mono_ms), TRBD_W_MS, gateways,
			silent, group->out_of_touch);
	len += group_show_objects(group, buf + len, size - len);
	len += group_show_peers(group, buf + len, size - len);
	spin_unlock(&group->lock);
	return len;
}

/**
 * trbd_group_show_events() - print how often something happened to this gateway in the group
 * @group: membership
 * @buf: receives the text
 * @size: room in @buf
 *
 * Each line is a name and a number.
 *
 * Context: process.
 * Return: length of the text, cut to what fits.
 */
size_t trbd_group_show_events(struct trbd_group *group, char *buf, size_t size)
{
	size_t len;

	spin_lock(&group->lock);
	len = scnprintf(buf, size,
			"heartbeats %llu\nheartbeats_late %llu\nheartbeats_failed %llu\nleases_lost %llu\nout_of_touch %llu\nstalls %llu\n",
			group->heartbeats, group->heartbeats_late, group->heartbeats_failed,
			group->leases_lost, group->out_of_touch, trbd_stall_count());
	spin_unlock(&group->lock);
	return len;
}

/**
 * trbd_group_self() - tell how the others find this gateway in the table
 * @group: membership
 * @slot: set to our slot; TRBD_SLOTS when we have none
 * @member: set to the number of our membership, 0 when we have none
 *
 * Context: any in which a spinlock may be taken.
 */
void trbd_group_self(struct trbd_group *group, u32 *slot, u64 *member)
{
	spin_lock(&group->lock);
	*slot = group->slot >= 0 ? group->slot : TRBD_SLOTS;
	*member = group->slot >= 0 ? group->owner : 0;
	spin_unlock(&group->lock);
}

/**
 * trbd_group_quiet() - tell for how long a slot has been silent
 * @group: membership
 * @slot: slot; TRBD_SLOTS if it is not known
 *
 * Context: any in which a spinlock may be taken.
 * Return: how many readings in a row, about a heartbeat apart, found no heartbeat in the slot. Our
 * own heartbeat came through each time, so the count does not grow while the object cannot be
 * reached. 0 if nobody knows.
 */
unsigned int trbd_group_quiet(struct trbd_group *group, unsigned int slot)
{
	unsigned int quiet;

	if (slot >= TRBD_SLOTS)
		return 0;
	spin_lock(&group->lock);
	quiet = group->peers[slot].quiet;
	spin_unlock(&group->lock);
	return quiet;
}

/*
 * Compute how many silent readings it takes. While one of the main objects does not answer us, we
 * see only every second heartbeat.
 */
static unsigned int group_silent_readings(struct trbd_group *group)
{
	u64 now_ms = trbd_clock_local_ms();
	unsigned int i, readings = TRBD_GROUP_SILENT_READINGS;

	for (i = 0; i < TRBD_GROUP_MAIN; i++)
		readings += READ_ONCE(group->objects[i].read_ms) + GROUP_LATE_MS < now_ms;
	return readings;
}

/**
 * trbd_group_is_silent() - tell whether a gateway's heartbeats have failed for long enough
 * @group: membership
 * @slot: its slot; TRBD_SLOTS if it is not known
 *
 * By now the gateway most likely has no lease any more: its lease counts from its last heartbeat
 * but one.
 *
 * Context: any in which a spinlock may be taken.
 * Return: true if the gateway is gone; false also if nobody knows.
 */
bool trbd_group_is_silent(struct trbd_group *group, unsigned int slot)
{
	unsigned int readings = group_silent_readings(group);
	u64 now_ms = trbd_clock_local_ms();
	bool silent;

	if (slot >= TRBD_SLOTS)
		return false;
	spin_lock(&group->lock);
	silent = group->peers[slot].quiet >= readings &&
		 now_ms >= group->peers[slot].heard_ms + readings * TRBD_HEARTBEAT_MS;
	spin_unlock(&group->lock);
	return silent;
}

/**
 * trbd_group_is_alive() - tell whether a gateway's heartbeats go on
 * @group: membership
 * @slot: its slot; TRBD_SLOTS if it is not known
 * @member: the number of its membership, 0 if it is not known
 *
 * Context: any in which a spinlock may be taken.
 * Return: true as of the last reading; false also if nobody knows.
 */
bool trbd_group_is_alive(struct trbd_group *group, unsigned int slot, u64 member)
{
	const struct trbd_group_peer *peer;
	bool alive;

	if (slot >= TRBD_SLOTS || !member)
		return false;
	spin_lock(&group->lock);
	peer = &group->peers[slot];
	alive = peer->alive && peer->state == TRBD_GROUP_ENTRY_VALID && peer->entry.owner == member;
	spin_unlock(&group->lock);
	return alive;
}

/* @lock held. Count the objects where a heartbeat that was begun after @wanted has come back. */
static int group_count_touched(struct trbd_group *group, const u64 *wanted)
{
	int i, count = 0;

	for (i = 0; i < TRBD_GROUP_OBJECTS; i++)
		count += group->objects[i].good > wanted[i];
	return count;
}

static bool group_is_touched(struct trbd_group *group, const u64 *wanted)
{
	int count;

	spin_lock(&group->lock);
	count = group_count_touched(group, wanted);
	spin_unlock(&group->lock);
	return count >= TRBD_GROUP_MAJORITY;
}

/**
 * trbd_group_touch() - send a heartbeat to all objects, and wait for a majority of them
 * @group: membership
 *
 * When this has come back, the OSDs of these objects have every OSD map that we have. So they
 * refuse every heartbeat of a client that one of these maps has on the blocklist, and that client
 * has no majority.
 *
 * Context: process; takes one heartbeat.
 * Return: 0; -ETIMEDOUT when no majority has answered; -EINTR after a fatal signal.
 */
int trbd_group_touch(struct trbd_group *group)
{
	u64 wanted[TRBD_GROUP_OBJECTS];
	long left;
	int i;

	for (i = 0; i < TRBD_GROUP_OBJECTS; i++) {
		struct trbd_group_object *object = &group->objects[i];
		bool idle;

		spin_lock(&group->lock);
		wanted[i] = object->begun;
		idle = object->job == TRBD_GROUP_IDLE;
		object->again = object->again || !idle;
		spin_unlock(&group->lock);
		if (idle)
			trbd_group_post(object, TRBD_GROUP_BEAT);
	}
	left = wait_event_killable_timeout(group->done, group_is_touched(group, wanted),
					   msecs_to_jiffies(TRBD_GROUP_ANSWER_MS));
	if (left < 0)
		return -EINTR;
	return left ? 0 : -ETIMEDOUT;
}

/**
 * trbd_group_lease_left() - tell for how long a gateway without heartbeats may still hold a lease
 * @group: membership; trbd_group_touch() has come back since that gateway was fenced
 * @slot: its slot, TRBD_SLOTS if it is not known
 * @member: the number of its membership, 0 if it is not known
 *
 * The gateway's heartbeats have ended at two objects at least. Its lease ends TRBD_LEASE_MS after
 * the later of its last heartbeats there at the latest. It had sent both before the last news of it
 * arrived here from any object.
 *
 * Context: any in which a spinlock may be taken.
 * Return: milliseconds; TRBD_LEASE_MS if nobody knows, and 0 for a gateway that has been silent for
 * that long.
 */
unsigned int trbd_group_lease_left(struct trbd_group *group, unsigned int slot, u64 member)
{
	u64 until_ms, now_ms;

	if (slot >= TRBD_SLOTS || !member)
		return TRBD_LEASE_MS;
	spin_lock(&group->lock);
	now_ms = trbd_clock_local_ms();
	until_ms = now_ms + TRBD_LEASE_MS;
	if (group->peers[slot].entry.owner == member)
		until_ms = group->peers[slot].heard_ms + TRBD_LEASE_MS;
	spin_unlock(&group->lock);
	return until_ms > now_ms ? until_ms - now_ms : 0;
}
