// SPDX-License-Identifier: GPL-2.0
/*
 * Seeing to it that a change of the shared state is in force on every gateway.
 *
 * The message is a notification on the image's header that says "generation g". Whoever gets it reads the record if
 * it has not, installs it, and answers at once: who it is, which generation it has, and how many commands are still
 * in flight that the new state forbids. These are not waited for in the answer, or a gateway with one write on a slow
 * placement group would look dead; the sender asks again until there are none.
 *
 *	ask --> all registered gateways have it, nothing drains --> settled
 *	 ^          | somebody drains: again in a moment
 *	 |          | somebody did not answer: read the record again, ask once more
 *	 +----------+ nor then: fence it, take it out of the registry
 *
 * Who is to answer is in the record, not in the OSD's list of watchers: the watch of a gateway that is cut off
 * expires, and then it is in none of the OSD's lists, while a write that is stuck in it may still land. krbd, librbd
 * and others watch as well; they acknowledge without an answer of ours, and are none of our business.
 *
 * A gateway is fenced on evidence only: our own message went through the OSD and came back, more than once over some
 * seconds, and that gateway did not answer. If nothing comes back, nobody is fenced, and commands wait for the OSD.
 * The order is: blocklist it; if its heartbeats go on, wait until its lease is over, since until then it refuses by
 * what it knows; the map that says so into the record, as a barrier that everybody passes before it answers; out of
 * the registry. From then on a write of the fenced gateway can reach an object only as long as nobody
 * has touched that object through any gateway since.
 *
 * Notifications are framed as librbd frames its own, so that other clients understand that they are not meant:
 *
 *	u8 1, u8 1, u32 length, u32 operation, u64 generation
 */
#include <linux/ceph/decode.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "gateway/group.h"
#include "gateway/lu_record.h"
#include "gateway/lu_state.h"
#include "gateway/round.h"
#include "rados/fence.h"
#include "rados/notify.h"
#include "rados/watch.h"
#include "rbd/header.h"
#include "rbd/image.h"

/* not one of librbd's, which count from 0 */
#define ROUND_OP_GENERATION	0x74637201
/* for how long the OSD waits for answers: more than a lease and the time to watch again */
#define ROUND_TIMEOUT_S		4
/* a gateway that did not answer for this long, and at least twice, is fenced */
#define ROUND_SILENCE_MS	4000
#define ROUND_DRAIN_MIN_MS	2
#define ROUND_DRAIN_MAX_MS	200
#define ROUND_RETRY_MS		500

/* What a gateway answers. */
struct round_answer {
	__le64 id;
	__le64 generation;
	__le32 draining;
} __packed;

/**
 * struct round - a change on its way
 * @record: the record that is to be in force
 * @seen: which of its gateways have it
 * @draining: commands that are in flight in them
 */
struct round {
	const struct trbd_record *record;
	bool seen[TRBD_RECORD_GATEWAYS];
	unsigned int draining;
};

static u64 round_installed(struct trbd_lu *lu, unsigned int *draining)
{
	const struct trbd_lu_view *view;
	u64 generation;

	rcu_read_lock();
	view = rcu_dereference(lu->view);
	generation = view->generation;
	*draining = lu->ops->draining(lu->owner, &view->pr);
	rcu_read_unlock();
	return generation;
}

/* Reads and installs what the message speaks of, unless that was done. */
static int round_install(struct trbd_lu *lu, u64 wanted)
{
	struct trbd_record *record;
	unsigned int draining;
	int ret;

	if (round_installed(lu, &draining) >= wanted)
		return 0;
	ret = trbd_lu_refresh(lu, 0, &record);
	trbd_lu_record_free(record);
	return ret;
}

/**
 * trbd_round_notified() - a notification on the header that is not librbd's
 * @lu: state
 * @op: operation
 * @payload: what follows it
 * @len: its length
 * @reply: what goes back
 *
 * Anybody who may write to the pool can send one; all it makes us do is to look.
 *
 * Context: the watch's thread; one round trip.
 */
void trbd_round_notified(struct trbd_lu *lu, u32 op, const void *payload, size_t len, struct trbd_watch_reply *reply)
{
	struct round_answer answer;
	unsigned int draining;
	u64 generation;

	if (op != ROUND_OP_GENERATION || len < sizeof(__le64))
		return;
	/* one that cannot read the record has nothing to say, and does not answer for itself */
	if (round_install(lu, ceph_decode_64((void **)&payload)))
		return;
	generation = round_installed(lu, &draining);
	trbd_lu_wake(lu);
	/* who is not registered is not counted on */
	if (test_bit(TRBD_LU_UNREGISTERED, &lu->blocked))
		return;
	answer.id = cpu_to_le64(lu->id);
	answer.generation = cpu_to_le64(generation);
	answer.draining = cpu_to_le32(draining);
	memcpy(reply->data, &answer, sizeof(answer));
	reply->len = sizeof(answer);
}

static void round_answered(void *arg, const void *reply, size_t len)
{
	struct round_answer answer;
	struct round *round = arg;
	unsigned int i;

	if (len != sizeof(answer))
		return;
	memcpy(&answer, reply, sizeof(answer));
	if (le64_to_cpu(answer.generation) < round->record->generation)
		return;
	for (i = 0; i < round->record->num_gateways; i++) {
		if (round->record->gateways[i].id == le64_to_cpu(answer.id) && !round->seen[i]) {
			round->seen[i] = true;
			round->draining += min(le32_to_cpu(answer.draining), 1000000U);
		}
	}
}

static int round_notify(struct trbd_lu *lu, u64 generation,
			void (*answered)(void *arg, const void *reply, size_t len), void *arg)
{
	struct trbd_header_ref ref = trbd_image_header(lu->image);
	u8 message[18];
	void *p = message;

	ceph_start_encoding(&p, 1, 1, sizeof(__le32) + sizeof(__le64));
	ceph_encode_32(&p, ROUND_OP_GENERATION);
	ceph_encode_64(&p, generation);
	return trbd_notify(ref.session, ref.oid, ref.oloc, message, sizeof(message), ROUND_TIMEOUT_S, answered, arg);
}

static int round_ask(struct trbd_lu *lu, struct round *round)
{
	memset(round->seen, 0, sizeof(round->seen));
	round->draining = 0;
	return round_notify(lu, round->record->generation, round_answered, round);
}

static void round_not_interested(void *arg, const void *reply, size_t len)
{
}

/**
 * trbd_round_nudge() - let the other gateways look whether they have something to do
 * @lu: state
 *
 * Context: the thread; one round trip, and the time that they take to answer.
 */
void trbd_round_nudge(struct trbd_lu *lu)
{
	unsigned int draining;

	round_notify(lu, round_installed(lu, &draining), round_not_interested, NULL);
}

/**
 * struct fencing - what to write into the record of a gateway that was fenced
 * @gateway: which
 * @epoch: OSD map that has it on the blocklist
 */
struct fencing {
	struct trbd_record_gateway gateway;
	u32 epoch;
};

static enum trbd_pr_verdict decide_fenced(struct trbd_record *record, void *ctx)
{
	const struct fencing *fencing = ctx;
	const struct trbd_record_gateway *gateway;
	struct trbd_record_fenced *fenced;

	record->barrier = max(record->barrier, fencing->epoch);
	gateway = trbd_record_find_gateway(record, fencing->gateway.id);
	/* it has come back under a new address, or somebody else has fenced it */
	if (!gateway || strcmp(gateway->address, fencing->gateway.address))
		return TRBD_PR_GOOD;
	trbd_record_remove_gateway(record, gateway->id);
	if (record->num_fenced == TRBD_RECORD_FENCED) {
		/* the list is for renewing; the oldest have been on the blocklist for long */
		record->num_fenced--;
		memmove(&record->fenced[0], &record->fenced[1], record->num_fenced * sizeof(record->fenced[0]));
	}
	fenced = &record->fenced[record->num_fenced++];
	strscpy(fenced->address, fencing->gateway.address, sizeof(fenced->address));
	fenced->epoch = fencing->epoch;
	return TRBD_PR_GOOD;
}

static int round_fence(struct trbd_lu *lu, const struct trbd_record_gateway *gateway)
{
	struct fencing fencing = { .gateway = *gateway };
	int ret;

	pr_warn_ratelimited("%s: gateway %s (%s) does not answer while reservations change; it is fenced\n",
			    lu->image->name, *gateway->name ? gateway->name : "?", gateway->address);
	ret = trbd_fence_client(lu->image->session, gateway->address, &fencing.epoch);
	if (ret) {
		pr_warn_ratelimited("%s: it cannot be put on the blocklist: error %d; the user needs the monitors' profile rbd\n",
				    lu->image->name, ret);
		return ret;
	}
	/* the OSD of the group learns of it with our next heartbeat; the last lease may have begun just before that */
	if (trbd_group_is_alive(lu->group, gateway->slot) && trbd_lu_interrupted(TRBD_HEARTBEAT_MS + TRBD_LEASE_MS))
		return -EINTR;
	return trbd_lu_amend(lu, decide_fenced, &fencing);
}

/**
 * struct silence - who has not answered since when
 * @count: entries of @who
 * @who: gateways, and jiffies when each was asked first without an answer
 */
struct silence {
	unsigned int count;
	struct {
		u64 id;
		unsigned long since;
	} who[TRBD_RECORD_GATEWAYS];
};

static bool silence_has(const struct silence *silence, u64 id)
{
	unsigned int i;

	for (i = 0; i < silence->count; i++) {
		if (silence->who[i].id == id)
			return true;
	}
	return false;
}

/* Is it a registered gateway that did not answer, and not ourselves? */
static bool round_misses(const struct round *round, const struct trbd_lu *lu, u64 id)
{
	const struct trbd_record_gateway *gateway = trbd_record_find_gateway(round->record, id);

	return gateway && !round->seen[gateway - round->record->gateways] && id != lu->id;
}

/* Who did not answer this time, either. */
static void silence_note(struct silence *silence, const struct trbd_lu *lu, const struct round *round)
{
	unsigned int i, count = 0;

	for (i = 0; i < silence->count; i++) {
		if (round_misses(round, lu, silence->who[i].id))
			silence->who[count++] = silence->who[i];
	}
	silence->count = count;
	for (i = 0; i < round->record->num_gateways; i++) {
		u64 id = round->record->gateways[i].id;

		if (!round_misses(round, lu, id) || silence_has(silence, id))
			continue;
		silence->who[silence->count].id = id;
		silence->who[silence->count++].since = jiffies;
	}
}

/* Fences those that have been silent for long enough, and were asked more than once. */
static int round_fence_silent(struct trbd_lu *lu, const struct trbd_record *record, const struct silence *silence)
{
	unsigned int i;
	int ret;

	for (i = 0; i < silence->count; i++) {
		if (!time_after(jiffies, silence->who[i].since + msecs_to_jiffies(ROUND_SILENCE_MS)))
			continue;
		ret = round_fence(lu, trbd_record_find_gateway(record, silence->who[i].id));
		if (ret)
			return ret;
	}
	return 0;
}

/* One asking. Return: 0 when @record is settled, -EAGAIN after @wait_ms, or another error. */
static int round_try(struct trbd_lu *lu, struct trbd_record *record, struct silence *silence, unsigned int *wait_ms)
{
	struct round round = { .record = record };
	unsigned int draining;
	int ret;

	ret = round_ask(lu, &round);
	if (ret) {
		*wait_ms = ROUND_RETRY_MS;
		return ret == -EINTR || ret == -ENOENT || ret == -ESHUTDOWN ? ret : -EAGAIN;
	}
	silence_note(silence, lu, &round);
	if (silence->count) {
		*wait_ms = ROUND_RETRY_MS;
		ret = round_fence_silent(lu, record, silence);
		return ret == -EINTR ? ret : -EAGAIN;
	}
	/* our own answer may be missing, when the watch is being made again */
	round_installed(lu, &draining);
	if (round.draining || draining) {
		*wait_ms = clamp(2 * *wait_ms, ROUND_DRAIN_MIN_MS, ROUND_DRAIN_MAX_MS);
		return -EAGAIN;
	}
	*wait_ms = 0;
	return trbd_lu_settled(lu, record);
}

/**
 * trbd_round_settle() - bring the record's last change into force on every gateway
 * @lu: state
 * @known: the record as it was written just now, and installed; or NULL. Of no use after that
 *
 * Context: the thread; sleeps until every registered gateway has the change and has drained, or is fenced, and until
 * there is memory: a change that was written must not end with an error. A gateway that is dead costs ten seconds.
 * Return: 0; -EINTR, -ENOENT when the image was deleted, -ENOTCONN or -ESHUTDOWN when this gateway was fenced itself,
 * others.
 */
int trbd_round_settle(struct trbd_lu *lu, struct trbd_record *known)
{
	struct trbd_record *record = known;
	struct silence silence = { };
	unsigned int wait_ms = 0;
	int ret;

	do {
		ret = 0;
		if (test_bit(TRBD_LU_UNREGISTERED, &lu->blocked))
			ret = -ENOTCONN;
		else if (!record)
			ret = trbd_lu_refresh(lu, 0, &record);
		if (!ret && record->settled != record->generation)
			ret = round_try(lu, record, &silence, &wait_ms);
		if (ret == -ENOMEM) {
			wait_ms = ROUND_RETRY_MS;
			ret = -EAGAIN;
		}
		if (record != known)
			trbd_lu_record_free(record);
		record = NULL;
		if (ret == -EAGAIN && trbd_lu_interrupted(wait_ms))
			ret = -EINTR;
	} while (ret == -EAGAIN);
	return ret;
}
