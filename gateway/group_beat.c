// SPDX-License-Identifier: GPL-2.0
/*
 * A heartbeat that came back: its news of the others and of our own clocks, and for how long it
 * proves that we are in touch.
 *
 *	table read --> peers --> did our clock stand still? --> common clock --> lease
 *
 * Each object has the entries of all gateways. The entries of one gateway differ between objects by
 * its heartbeats in between. So the tables that were read lately count as one, both for telling the
 * state of the peers (gateway/quorum.c) and for the lease, which needs a majority. Liveness needs
 * two readings of one object. Clocks come from every entry that was ever read, so that no gateway
 * goes back in time.
 *
 * All functions here run with the group's state mutex held.
 */
#include <linux/kernel.h>
#include <linux/string.h>

#include "gateway/group_beat.h"

/* the times of OSDs and our own are cut to milliseconds */
#define GROUP_NAP_MS		3
/* a clock runs faster or slower than another one by less than one part in this many */
#define GROUP_DRIFT		1000

/*
 * @lock held. Note that a reading brought nothing new of a slot. Readings of several objects that
 * follow each other closely count as one. They tell how long a gateway has been silent only while
 * we hold a lease.
 */
static void group_note_silence(struct trbd_group *group, struct trbd_group_peer *peer)
{
	u64 now_ms = trbd_clock_local_ms();

	lockdep_assert_held(&group->lock);

	if (now_ms < peer->counted_ms + TRBD_HEARTBEAT_MS * 3 / 4)
		return;
	peer->counted_ms = now_ms;
	if (trbd_lease_holds(&group->lease, now_ms))
		peer->quiet++;
	if (peer->alive && ++peer->silent > TRBD_GROUP_SILENT_MAX)
		peer->alive = false;
}

/*
 * Bring a peer up to date after a reading. Liveness needs two readings: @beats says that the peer
 * has sent a heartbeat since the last reading of that object.
 */
static void group_note_peer(struct trbd_group *group, struct trbd_group_peer *peer,
			    const struct trbd_group_view *view, bool beats)
{
	const struct trbd_group_entry *entry = &view->entry;
	bool same, newer;

	spin_lock(&group->lock);
	same = view->state == peer->state && entry->owner == peer->entry.owner;
	/* an object that was not read for a while may have an older entry */
	newer = !same || (s32)(entry->beats - peer->entry.beats) > 0;
	if (!same || !entry->owner)
		peer->alive = false;
	else if (beats)
		peer->alive = true;
	if (newer) {
		peer->state = view->state;
		peer->entry = *entry;
		peer->heard_ms = trbd_clock_local_ms();
		peer->counted_ms = peer->heard_ms;
		peer->quiet = 0;
		peer->silent = 0;
	} else {
		group_note_silence(group, peer);
	}
	spin_unlock(&group->lock);
}

static bool object_is_fresh(const struct trbd_group_object *object, u64 now_ms)
{
	return object->read && now_ms < object->read_ms + TRBD_GROUP_FRESH_MS;
}

/*
 * Get a slot's entries in the objects that were read lately, or in all that were ever read when
 * those are too few.
 */
static void group_get_views(struct trbd_group *group, int slot,
			    const struct trbd_group_view **views)
{
	u64 now_ms = trbd_clock_local_ms();
	int i, fresh = 0;

	for (i = 0; i < TRBD_GROUP_OBJECTS; i++)
		fresh += object_is_fresh(&group->objects[i], now_ms);
	for (i = 0; i < TRBD_GROUP_OBJECTS; i++) {
		const struct trbd_group_object *object = &group->objects[i];
		bool counts = fresh >= TRBD_GROUP_MAJORITY ? object_is_fresh(object, now_ms)
							   : object->read;

		views[i] = counts ? &object->view[slot] : NULL;
	}
}

/*
 * Note that a slot was read anew. @was is what a reading of this object found there a moment ago,
 * or zeros if there was none.
 */
static void group_note_slot(struct trbd_group_object *object, int slot,
			    const struct trbd_group_entry *was)
{
	const struct trbd_group_entry *entry = &object->view[slot].entry;
	const struct trbd_group_view *views[TRBD_GROUP_OBJECTS];
	struct trbd_group *group = object->group;
	const struct trbd_group_view *view;
	bool beats;

	group_get_views(group, slot, views);
	view = trbd_quorum_merge(views);
	beats = entry->owner == was->owner && entry->owner == view->entry.owner &&
		entry->beats != was->beats;
	group_note_peer(group, &group->peers[slot], view, beats);
}

/**
 * trbd_group_digest_table() - take note of a table that was read
 * @object: its object; @table is filled in
 *
 * Context: the object's thread, with the group's @state.
 */
void trbd_group_digest_table(struct trbd_group_object *object)
{
	static const struct trbd_group_entry none;
	struct trbd_group *group = object->group;
	u64 now_ms = trbd_clock_local_ms();
	bool again = object_is_fresh(object, now_ms);
	unsigned int foreign = 0;
	int slot, first = 0;

	object->read = true;
	object->read_ms = now_ms;
	for (slot = TRBD_SLOTS - 1; slot >= 0; slot--) {
		struct trbd_group_view *view = &object->view[slot];
		struct trbd_group_view was = *view;

		view->state = trbd_group_decode(object->table + slot * TRBD_GROUP_ENTRY_SIZE,
						&view->entry);
		group_note_slot(object, slot, again ? &was.entry : &none);
		if (view->state == TRBD_GROUP_ENTRY_FOREIGN && was.state != view->state) {
			foreign++;
			first = slot;
		}
	}
	if (foreign)
		pr_warn("group of pool %lld: %u slots of object %s, slot %d the first of them, are not ours and are left alone; if no other program uses the object, stop all gateways and remove it\n",
			group->oloc.pool, foreign, object->oid.name, first);
}

/* Tell whether an entry is another gateway's, with a plausible clock. */
static bool group_counts_clock(struct trbd_group *group, int slot,
			       const struct trbd_group_entry *entry, u64 now_ms)
{
	if (!entry->clock_ms || (entry->owner && entry->owner == group->owner))
		return false;
	if (entry->clock_ms <= now_ms + TRBD_GROUP_FAR_MS)
		return true;
	pr_warn_ratelimited("group of pool %lld: slot %d (%s) claims a time %llu hours ahead and is ignored\n",
			    group->oloc.pool, slot, entry->name,
			    (entry->clock_ms - now_ms) / (3600 * 1000));
	return false;
}

/*
 * Find the entry of another gateway with the latest clock, in any object. Silent gateways count
 * too, since their stamps may still be under way. Such a gateway may have joined while it heard of
 * nobody, begun a minute ahead of all others, and died since. Its stamps are ahead of its entry by
 * a lease and the time of admission at most. Return: NULL for none.
 */
static const struct trbd_group_entry *group_latest_entry(struct trbd_group *group)
{
	u64 now_ms = trbd_clock_now(&group->clock);
	const struct trbd_group_entry *latest = NULL;
	int slot, i;

	for (i = 0; i < TRBD_GROUP_OBJECTS; i++) {
		for (slot = 0; group->objects[i].read && slot < TRBD_SLOTS; slot++) {
			const struct trbd_group_entry *entry = &group->objects[i].view[slot].entry;

			if ((!latest || entry->clock_ms > latest->clock_ms) &&
			    group_counts_clock(group, slot, entry, now_ms))
				latest = entry;
		}
	}
	return latest;
}

/**
 * trbd_group_merge_clocks() - move forward to the latest clock of the others
 * @group: membership, with or without a slot
 *
 * Clocks of gateways in touch differ by TRBD_SKEW_MS at most. A clock that was further behind
 * belongs to a gateway that was paused. Such a gateway must not admit commands from its socket
 * buffers with the new time, so the quarantine begins first.
 *
 * Context: process, with the group's @state.
 */
void trbd_group_merge_clocks(struct trbd_group *group)
{
	const struct trbd_group_entry *latest = group_latest_entry(group);
	u64 latest_ms = latest ? latest->clock_ms : 0;
	bool jumped;

	spin_lock(&group->lock);
	jumped = latest_ms > trbd_clock_now(&group->clock) + TRBD_SKEW_MS;
	if (jumped)
		trbd_group_set_out_of_touch(group, latest_ms);
	trbd_clock_advance(&group->clock, latest_ms);
	spin_unlock(&group->lock);
	if (jumped)
		pr_warn("group of pool %lld: this gateway was out of touch (its clock was behind that of %s); writes it got before end with BUSY. If this comes again and again, one of the two machines has a clock that runs wrong\n",
			group->oloc.pool, latest->name);
}

/*
 * Compute for how long, at least, this machine's clocks have stood still since an earlier heartbeat
 * here. It is the time by which the OSD's clock has gone further than ours, after what is already
 * known to be missing. That heartbeat may be hours ago, when the object was away, and the two
 * clocks do not run alike.
 */
static u64 group_slept(const struct trbd_group_object *object, const struct trbd_group_beat *beat)
{
	u64 awake_ms = beat->written_ms + object->group->slept_ms - object->local_ref_ms;
	u64 ours_ms = object->osd_ref_ms + awake_ms + awake_ms / GROUP_DRIFT;

	if (!beat->osd_ms || !object->osd_ref_ms || beat->osd_ms <= ours_ms)
		return 0;
	return beat->osd_ms - ours_ms;
}

/*
 * Put right a clock that stood still for a moment. After a longer standstill, this gateway was out
 * of touch.
 */
static void group_look_at_witness(struct trbd_group_object *object,
				  const struct trbd_group_beat *beat)
{
	struct trbd_group *group = object->group;
	bool straddles = beat->slept_ms != group->slept_ms;
	u64 slept_ms = group_slept(object, beat);

	if (slept_ms >= GROUP_NAP_MS)
		group->slept_ms += slept_ms;
	if (slept_ms > TRBD_JUMP_MS)
		trbd_group_declare_out_of_touch(group, "its clocks stood still");
	else if (slept_ms >= GROUP_NAP_MS)
		trbd_clock_advance(&group->clock, trbd_clock_now(&group->clock) + slept_ms);

	/*
	 * A slow heartbeat is a poor reference: nobody knows when on its way the OSD noted the
	 * time. It yields too short a standstill, so it is better than none. A heartbeat is no
	 * reference at all when another object showed meanwhile that our clocks stood still: nobody
	 * knows whether the OSD noted its time before that or after it.
	 */
	if (straddles || !beat->osd_ms)
		return;
	if (!object->osd_ref_ms || slept_ms > TRBD_JUMP_MS ||
	    beat->written_ms - beat->sent_ms <= TRBD_JUMP_MS) {
		object->osd_ref_ms = beat->osd_ms;
		object->local_ref_ms = beat->sent_ms + group->slept_ms;
	}
}

/* Tell whether other gateways could go on while we could not. */
static bool group_others_went_on(struct trbd_group *group)
{
	u64 proof_ms = trbd_clock_at(&group->clock, group->proof_ms);
	u64 now_ms = trbd_clock_now(&group->clock);
	int slot, i;

	for (i = 0; i < TRBD_GROUP_OBJECTS; i++) {
		for (slot = 0; group->objects[i].read && slot < TRBD_SLOTS; slot++) {
			const struct trbd_group_view *view = &group->objects[i].view[slot];

			if (view->state == TRBD_GROUP_ENTRY_VALID &&
			    trbd_quorum_went_on(&view->entry, proof_ms) &&
			    group_counts_clock(group, slot, &view->entry, now_ms))
				return true;
		}
	}
	return false;
}

/**
 * trbd_group_prove() - work out for how long this gateway is in touch
 * @group: membership
 *
 * Each object has a last heartbeat that came back. This gateway was in touch with a majority when
 * it sent the second latest of these.
 *
 * Context: process, with the group's @state.
 */
void trbd_group_prove(struct trbd_group *group)
{
	u64 times[TRBD_GROUP_OBJECTS];
	u64 proof_ms;
	bool lapsed;
	int i;

	for (i = 0; i < TRBD_GROUP_OBJECTS; i++)
		times[i] = group->objects[i].hold == TRBD_GROUP_HELD ? group->objects[i].sent_ms
								     : 0;
	proof_ms = trbd_quorum_time(times);
	if (group->slot < 0 || proof_ms <= group->proof_ms)
		return;
	trbd_group_check_lease(group);
	lapsed = !trbd_lease_holds(&group->lease, trbd_clock_local_ms());
	if (lapsed && group->proof_ms && group_others_went_on(group))
		trbd_group_declare_out_of_touch(group, "no heartbeat came through");
	if (lapsed)
		group->since_ms = proof_ms;
	group->proof_ms = proof_ms;
	if (proof_ms - group->since_ms > TRBD_SKEW_MS)
		group->steady_ms = proof_ms;
	spin_lock(&group->lock);
	trbd_lease_renew(&group->lease, proof_ms, trbd_clock_local_ms());
	group->lapsed = false;
	spin_unlock(&group->lock);
}

/**
 * trbd_group_digest() - take note of a heartbeat that came back
 * @object: its object; @table is filled in
 * @beat: its times, and the slot's owner
 *
 * The first heartbeat after the slot was lost in an object proves nothing: it takes two to show
 * whether our clocks stood still.
 *
 * Context: the object's thread, with the group's @state.
 */
void trbd_group_digest(struct trbd_group_object *object, const struct trbd_group_beat *beat)
{
	struct trbd_group *group = object->group;

	trbd_group_digest_table(object);
	if (beat->owner != group->owner || (group->slot < 0 && !beat->take))
		return;
	group_look_at_witness(object, beat);
	if (group->slot >= 0)
		trbd_group_merge_clocks(group);
	if (object->hold == TRBD_GROUP_NOT_HELD && !beat->take) {
		/* there may be nothing to compare it with yet */
		if (object->osd_ref_ms)
			object->hold = TRBD_GROUP_RETAKEN;
		return;
	}
	object->hold = TRBD_GROUP_HELD;
	object->sent_ms = beat->sent_ms;
	trbd_group_prove(group);
}

/**
 * trbd_group_lost() - note that our slot in an object was taken, or the object removed
 * @object: the object
 *
 * Without a majority, everything that relied on the slot is void.
 *
 * Context: the object's thread, with the group's @state.
 */
void trbd_group_lost(struct trbd_group_object *object)
{
	struct trbd_group *group = object->group;
	int i, held = 0;

	object->hold = TRBD_GROUP_NOT_HELD;
	object->osd_ref_ms = 0;
	object->sent_ms = 0;
	for (i = 0; i < TRBD_GROUP_OBJECTS; i++)
		held += group->objects[i].hold == TRBD_GROUP_HELD;
	if (held >= TRBD_GROUP_MAJORITY || group->slot < 0)
		return;
	trbd_group_set_slot(group, -1);
	trbd_group_declare_out_of_touch(group, "its slot was lost");
}
