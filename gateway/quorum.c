// SPDX-License-Identifier: GPL-2.0
/*
 * Three objects as one.
 *
 * Any two majorities of the objects have an object in common. So a gateway that reads a majority
 * sees everything that another gateway has written to a majority. A gateway that cannot write to a
 * majority any more cannot prove that it is in touch.
 *
 * No I/O and no state: the unit tests compile this file as it is.
 */
#include <linux/kernel.h>
#include <linux/types.h>

#include "gateway/quorum.h"

/**
 * trbd_quorum_time() - find the time that a majority of the objects reaches
 * @times: one for each object, 0 for an object that has none
 *
 * Return: the TRBD_GROUP_MAJORITY-th latest of them.
 */
u64 trbd_quorum_time(const u64 *times)
{
	u64 latest = 0, second = 0;
	int i;

	for (i = 0; i < TRBD_GROUP_OBJECTS; i++) {
		if (times[i] > latest) {
			second = latest;
			latest = times[i];
		} else if (times[i] > second) {
			second = times[i];
		}
	}
	return second;
}

static int quorum_count_owner(const struct trbd_group_view *const *views, u64 owner)
{
	int i, count = 0;

	for (i = 0; i < TRBD_GROUP_OBJECTS; i++)
		count += views[i] && views[i]->state == TRBD_GROUP_ENTRY_VALID &&
			 views[i]->entry.owner == owner;
	return count;
}

/* Tell whether @view says more about the slot than @best does. */
static bool quorum_is_better(const struct trbd_group_view *const *views,
			     const struct trbd_group_view *view, const struct trbd_group_view *best)
{
	bool major, best_major;

	if (view->state != TRBD_GROUP_ENTRY_VALID || best->state != TRBD_GROUP_ENTRY_VALID)
		return view->state == TRBD_GROUP_ENTRY_VALID ||
		       (best->state != TRBD_GROUP_ENTRY_VALID &&
			view->state == TRBD_GROUP_ENTRY_OTHER);
	major = quorum_count_owner(views, view->entry.owner) >= TRBD_GROUP_MAJORITY;
	best_major = quorum_count_owner(views, best->entry.owner) >= TRBD_GROUP_MAJORITY;
	if (major != best_major)
		return major;
	return view->entry.clock_ms > best->entry.clock_ms;
}

/**
 * trbd_quorum_merge() - find out whose a slot is, and what that gateway said last
 * @views: the slot in each object, NULL for one that could not be read
 *
 * A slot belongs to the gateway that has it in a majority. When none has it in the objects that
 * could be read, the latest entry counts: a slot is taken only from a gateway that has been silent
 * for long.
 *
 * Return: one of @views; an entry of another version if there is no valid one, and something
 * foreign or unused if there is no entry at all. NULL if nothing could be read.
 */
const struct trbd_group_view *trbd_quorum_merge(const struct trbd_group_view *const *views)
{
	const struct trbd_group_view *best = NULL;
	int i;

	for (i = 0; i < TRBD_GROUP_OBJECTS; i++) {
		if (views[i] && (!best || quorum_is_better(views, views[i], best)))
			best = views[i];
	}
	return best;
}

/**
 * trbd_quorum_is_free() - tell whether a slot may be taken in one object
 * @view: the slot, as it was read
 * @now_ms: common time
 *
 * Return: true if nobody has the slot, or its gateway has been silent for long; false if the entry
 * does not say since when.
 */
bool trbd_quorum_is_free(const struct trbd_group_view *view, u64 now_ms)
{
	if (view->state == TRBD_GROUP_ENTRY_UNUSED)
		return true;
	return view->entry.clock_ms &&
	       (!view->entry.owner || view->entry.clock_ms + TRBD_SLOT_REUSE_MS < now_ms);
}

/**
 * trbd_quorum_went_on() - tell whether a gateway was in touch while we were not
 * @entry: its entry about itself, read after we are in touch again
 * @proof_ms: common time when we were last in touch before
 *
 * When all gateways are in trouble, another one may have been in touch a little later than we were
 * before the trouble, and a little earlier than we were after it. Its heartbeat at an object comes
 * up to two heartbeats before or after ours, by a clock that may differ. Its earlier return does
 * not count: its entry says nothing of a time in touch that has been shorter than TRBD_SKEW_MS.
 *
 * Return: true if that gateway was in touch for longer than this.
 */
bool trbd_quorum_went_on(const struct trbd_group_entry *entry, u64 proof_ms)
{
	if (!entry->owner || entry->age_ms == TRBD_GROUP_AGE_MAX_MS)
		return false;
	return entry->clock_ms > proof_ms + entry->age_ms + TRBD_SKEW_MS;
}
