// SPDX-License-Identifier: GPL-2.0
/*
 * Three objects as one.
 *
 * Any two majorities of the objects have one in common. So whatever a gateway has written to a
 * majority, everybody sees who reads a majority; and a gateway that cannot write to a majority any
 * more cannot prove that it is in touch.
 *
 * No I/O and no state: compiled as it is by the unit tests.
 */
#include <linux/kernel.h>
#include <linux/types.h>

#include "gateway/quorum.h"

/**
 * trbd_quorum_time() - the time that a majority of the objects reaches
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

/* Does @view tell more about the slot than @best does? */
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
 * trbd_quorum_merge() - whose is a slot, and what did that gateway say last?
 * @views: the slot in each object, NULL for one that could not be read
 *
 * A slot belongs to whoever has it in a majority. When nobody has it in those that could be read,
 * the latest entry counts: a slot is taken only from one who has been silent for long.
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
 * trbd_quorum_is_free() - may a slot of one object be taken there?
 * @view: the slot, as it was read
 * @now_ms: common time
 *
 * Return: true if nobody has it, or its gateway has been silent for long; false if the entry does
 * not say since when.
 */
bool trbd_quorum_is_free(const struct trbd_group_view *view, u64 now_ms)
{
	if (view->state == TRBD_GROUP_ENTRY_UNUSED)
		return true;
	return view->entry.clock_ms &&
	       (!view->entry.owner || view->entry.clock_ms + TRBD_SLOT_REUSE_MS < now_ms);
}

/**
 * trbd_quorum_went_on() - was a gateway in touch while we were not?
 * @entry: what it says of itself, read after we are in touch again
 * @proof_ms: common time when we were last in touch before
 *
 * In a time of trouble for all, another one may have been in touch a little later than we were
 * before it, and a little earlier after it: its beat at an object comes up to two heartbeats before
 * or after ours, by a clock that may differ. The latter does not count with it either: it tells of
 * no moment of a time in touch that has been shorter.
 *
 * Return: true if it was in touch for longer than that.
 */
bool trbd_quorum_went_on(const struct trbd_group_entry *entry, u64 proof_ms)
{
	if (!entry->owner || entry->age_ms == TRBD_GROUP_AGE_MAX_MS)
		return false;
	return entry->clock_ms > proof_ms + entry->age_ms + TRBD_SKEW_MS;
}
