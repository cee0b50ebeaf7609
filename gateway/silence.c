// SPDX-License-Identifier: GPL-2.0
/*
 * Evidence that a gateway is gone.
 *
 * There are two witnesses. One is the image's header: a message went through its OSD and came back,
 * and the gateway did not answer. The other one is the group's table: our own heartbeats went
 * through, and the gateway's did not (gateway/group_beat.c counts that all the time, whether
 * anybody asks or not).
 *
 *	both, three readings and one second	it is gone
 *	no answer, but heartbeats		it is gone when it was asked more than once over
 *						eight seconds
 *	heartbeats fail, but it answers		it is there
 *
 * Neither witness says anything while we hear nothing ourselves. A reading of the table counts only
 * when our own heartbeat is in it, and a message only when it came back. So while the cluster
 * stands still, no gateway looks gone.
 *
 * The evidence belongs to the unit and not to the command that asks. When a command is aborted, the
 * next one goes on where it stopped. Evidence is void when nobody has asked for a while, since the
 * gateway may have answered others meanwhile.
 *
 * The steps that follow go on in the same way: a gateway that is gone is fenced, and then the
 * unit's thread waits for the end of its last lease. The evidence notes both. Otherwise commands
 * that are aborted again and again would begin that wait anew each time, and none of them would
 * come to its end.
 */
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "gateway/group.h"
#include "gateway/silence.h"
#include "protocol.h"

static struct trbd_silent *silence_find(struct trbd_silence *silence, u64 id)
{
	unsigned int i;

	for (i = 0; i < silence->count; i++) {
		if (silence->who[i].id == id)
			return &silence->who[i];
	}
	return NULL;
}

/* Tell whether a gateway is registered, is not ourselves, and did not answer. */
static bool silence_is_missed(const struct trbd_record *record, const bool *answered, u64 self,
			      u64 id)
{
	const struct trbd_record_gateway *gateway = trbd_record_find_gateway(record, id);

	return gateway && !answered[gateway - record->gateways] && id != self;
}

static void silence_drop(struct trbd_silence *silence, const struct trbd_record *record,
			 const bool *answered, u64 self)
{
	unsigned int i, count = 0;

	for (i = 0; i < silence->count; i++) {
		if (time_after(jiffies,
			       silence->who[i].last + msecs_to_jiffies(TRBD_SILENCE_KEEP_MS)) ||
		    !silence_is_missed(record, answered, self, silence->who[i].id))
			continue;
		silence->who[count++] = silence->who[i];
	}
	silence->count = count;
}

/**
 * trbd_silence_note() - note that the gateways were asked, and which did not answer
 * @silence: evidence; is brought up to date
 * @record: lists the registered gateways
 * @answered: which of @record->gateways answered
 * @self: our own number
 * @asked_at: jiffies when they were asked
 *
 * The message came back.
 */
void trbd_silence_note(struct trbd_silence *silence, const struct trbd_record *record,
		       const bool *answered, u64 self, unsigned long asked_at)
{
	struct trbd_silent *silent;
	unsigned int i;

	silence_drop(silence, record, answered, self);
	for (i = 0; i < record->num_gateways; i++) {
		u64 id = record->gateways[i].id;

		if (!silence_is_missed(record, answered, self, id))
			continue;
		silent = silence_find(silence, id);
		if (!silent) {
			/* there is room: each entry here is in the record, and only once */
			silent = &silence->who[silence->count++];
			memset(silent, 0, sizeof(*silent));
			silent->id = id;
			silent->since = asked_at;
		}
		silent->last = jiffies;
		silent->asked++;
	}
}

/* Find the slot of a silent gateway; TRBD_SLOTS if it has been taken out, or nobody knows. */
static unsigned int silence_slot(const struct trbd_silent *silent, const struct trbd_record *record)
{
	const struct trbd_record_gateway *gateway = trbd_record_find_gateway(record, silent->id);

	return gateway ? gateway->slot : TRBD_SLOTS;
}

/**
 * trbd_silence_is_open() - tell whether the group's table is about to prove a silent gateway gone
 * @silence: gateways that did not answer
 * @record: lists the registered gateways
 * @group: the gateways of the pool
 *
 * Return: true if the heartbeats of any of them have begun to fail.
 */
bool trbd_silence_is_open(const struct trbd_silence *silence, const struct trbd_record *record,
			  struct trbd_group *group)
{
	unsigned int i, slot;

	for (i = 0; i < silence->count; i++) {
		slot = silence_slot(&silence->who[i], record);
		if (trbd_group_quiet(group, slot) && !trbd_group_is_silent(group, slot))
			return true;
	}
	return false;
}

/**
 * trbd_silence_is_lively() - tell whether the heartbeats of any silent gateway go on
 * @silence: gateways that did not answer
 * @record: lists the registered gateways
 * @group: the gateways of the pool
 *
 * Return: true if some gateway should get more time to answer.
 */
bool trbd_silence_is_lively(const struct trbd_silence *silence, const struct trbd_record *record,
			    struct trbd_group *group)
{
	unsigned int i;

	for (i = 0; i < silence->count; i++) {
		if (!trbd_group_quiet(group, silence_slot(&silence->who[i], record)))
			return true;
	}
	return false;
}

/**
 * trbd_silence_is_proven() - tell whether a gateway is gone
 * @silent: evidence about it
 * @gateway: its entry
 * @group: the gateways of the pool
 * @heard: we heard the message ourselves when the gateway was asked last
 *
 * Return: true if it must be fenced.
 */
bool trbd_silence_is_proven(const struct trbd_silent *silent,
			    const struct trbd_record_gateway *gateway, struct trbd_group *group,
			    bool heard)
{
	if (heard && trbd_group_is_silent(group, gateway->slot))
		return time_after_eq(jiffies, silent->since + msecs_to_jiffies(TRBD_SILENCE_MS));
	return silent->asked >= TRBD_SILENCE_ALONE_ASKED &&
	       time_after(jiffies, silent->since + msecs_to_jiffies(TRBD_SILENCE_ALONE_MS));
}

/**
 * trbd_silence_fenced() - note that a gateway was put on the blocklist
 * @silence: gateways that did not answer
 * @gateway: its entry
 * @epoch: OSD map that has it there
 */
void trbd_silence_fenced(struct trbd_silence *silence, const struct trbd_record_gateway *gateway,
			 u32 epoch)
{
	struct trbd_silent *silent = silence_find(silence, gateway->id);

	if (!silent)
		return;
	strscpy(silent->fence, gateway->address, sizeof(silent->fence));
	silent->fenced = jiffies;
	silent->epoch = epoch;
	silent->outlasting = false;
}

/*
 * Find a gateway that was fenced under the address of its entry, recently enough to be so yet.
 * Return: the evidence about it, or NULL.
 */
static struct trbd_silent *silence_find_fenced(struct trbd_silence *silence,
					       const struct trbd_record_gateway *gateway)
{
	struct trbd_silent *silent = silence_find(silence, gateway->id);

	if (!silent || !silent->epoch || strcmp(silent->fence, gateway->address) ||
	    time_after(jiffies, silent->fenced + msecs_to_jiffies(TRBD_SILENCE_FENCE_MS)))
		return NULL;
	return silent;
}

/**
 * trbd_silence_fence() - tell whether a silent gateway has been put on the blocklist
 * @silence: gateways that did not answer
 * @gateway: its entry
 *
 * Return: OSD map that has it there, 0 if it must be put there.
 */
u32 trbd_silence_fence(struct trbd_silence *silence, const struct trbd_record_gateway *gateway)
{
	const struct trbd_silent *silent = silence_find_fenced(silence, gateway);

	return silent ? silent->epoch : 0;
}

/**
 * trbd_silence_outlast() - begin to wait for the end of a gateway's lease
 * @silence: gateways that did not answer
 * @gateway: its entry; it was fenced, and gets no new lease
 * @lease_ms: how much is left of its last lease
 */
void trbd_silence_outlast(struct trbd_silence *silence, const struct trbd_record_gateway *gateway,
			  unsigned int lease_ms)
{
	struct trbd_silent *silent = silence_find_fenced(silence, gateway);

	if (!silent)
		return;
	silent->outlasting = true;
	/* one more, since this tick has begun already */
	silent->lease_ends = jiffies + msecs_to_jiffies(lease_ms) + 1;
}

/**
 * trbd_silence_is_outlasting() - tell whether the end of a gateway's lease is known
 * @silence: gateways that did not answer
 * @gateway: its entry
 *
 * Return: true if trbd_silence_lease_left() can be asked.
 */
bool trbd_silence_is_outlasting(struct trbd_silence *silence,
				const struct trbd_record_gateway *gateway)
{
	const struct trbd_silent *silent = silence_find_fenced(silence, gateway);

	return silent && silent->outlasting;
}

/**
 * trbd_silence_lease_left() - tell how long to wait for the end of a gateway's lease
 * @silence: gateways that did not answer
 * @gateway: its entry; trbd_silence_is_outlasting()
 *
 * Return: milliseconds; 0 when the lease is over.
 */
unsigned int trbd_silence_lease_left(struct trbd_silence *silence,
				     const struct trbd_record_gateway *gateway)
{
	const struct trbd_silent *silent = silence_find_fenced(silence, gateway);

	if (!silent || !time_before(jiffies, silent->lease_ends))
		return 0;
	return jiffies_to_msecs(silent->lease_ends - jiffies);
}
