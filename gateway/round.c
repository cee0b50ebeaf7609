// SPDX-License-Identifier: GPL-2.0
/*
 * Bringing a change of the shared state into force on every gateway.
 *
 * The message is a notification on the image's header that says "generation g". A gateway that gets
 * it reads the record if it has not done so, installs it, and answers at once. The answer says
 * which gateway it is, which generation it has, and how many commands are still in flight that the
 * new state forbids. The answer does not wait for these commands, or a gateway with one write on a
 * slow placement group would look dead. The sender asks again until there are none.
 *
 *	ask --> all registered gateways have it, nothing drains --> settled
 *	 ^          | somebody drains: again in a moment
 *	 |          | somebody did not answer: read the record again, ask once more
 *	 +----------+ it is proven that it is gone: fence it, take it out of the registry
 *
 * The record says which gateways must answer, and not the OSD's list of watchers. The watch of a
 * gateway that is cut off expires, and then it is in none of the OSD's lists, while a write that is
 * stuck in it may still land. krbd, librbd and others watch as well. They acknowledge without an
 * answer of ours, and do not concern us.
 *
 * A gateway is fenced on evidence only (gateway/silence.c), together with all others that are gone
 * (gateway/expulsion.c). If nothing comes back to ourselves, nobody is fenced, and commands wait
 * for the OSD. Two entries can have one address, when a backstore left one of them behind. If one
 * entry of a client has answered, the client lives, and takes out the other entry by itself.
 *
 * Notifications are framed as librbd frames its own, so that other clients understand that they are
 * not meant:
 *
 *	u8 1, u8 1, u32 length, u32 operation, u64 generation
 */
#include <linux/ceph/decode.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "gateway/expulsion.h"
#include "gateway/lu_state.h"
#include "gateway/record_io.h"
#include "gateway/round.h"
#include "gateway/silence.h"
#include "gateway/tidy.h"
#include "gateway/view.h"
#include "protocol.h"
#include "rados/monitor.h"
#include "rados/notify.h"
#include "rados/watch.h"
#include "rbd/header.h"
#include "rbd/image.h"

/* a round looks this often whether the group's table says that a gateway is gone */
#define ROUND_LOOK_MS		50
#define ROUND_DRAIN_MIN_MS	2U
#define ROUND_DRAIN_MAX_MS	200U
/* pause before asking again when a gateway did not answer */
#define ROUND_RETRY_MS		200
/* pause when the message did not come back */
#define ROUND_FAILED_MS		500
/* housekeeping asks this often */
#define ROUND_TIDY_TRIES	8

/* A gateway's answer. */
struct round_answer {
	__le64 id;
	__le64 generation;
	__le32 draining;
} __packed;

/**
 * struct round - a change on its way
 * @record: the record that must come into force
 * @seen: which of its gateways have it
 * @draining: commands that are in flight on them
 * @self: our own number
 * @heard: our own answer came back, too
 */
struct round {
	const struct trbd_record *record;
	bool seen[TRBD_RECORD_GATEWAYS];
	unsigned int draining;
	u64 self;
	bool heard;
};

static u64 round_installed(struct trbd_lu *lu, unsigned int *draining)
{
	const struct trbd_lu_view *view;
	u64 generation;

	rcu_read_lock();
	view = rcu_dereference(lu->view);
	generation = view->generation;
	*draining = lu->ops->draining(lu->owner, view);
	rcu_read_unlock();
	return generation;
}

/* Read and install the generation that a message names, unless it is installed. */
static int round_install(struct trbd_lu *lu, u64 wanted)
{
	struct trbd_record *record;
	unsigned int draining;
	int ret;

	if (round_installed(lu, &draining) >= wanted)
		return 0;
	ret = trbd_lu_refresh(lu, 0, &record);
	trbd_record_io_free(record);
	return ret;
}

/**
 * trbd_round_notified() - handle a notification on the header that is not librbd's
 * @lu: state
 * @op: operation
 * @payload: data behind the operation
 * @len: length of @payload
 * @reply: receives our answer
 *
 * Anybody who may write to the pool can send one. It only makes us look.
 *
 * Context: the watch's thread; takes one round trip.
 */
void trbd_round_notified(struct trbd_lu *lu, u32 op, const void *payload, size_t len,
			 struct trbd_watch_reply *reply)
{
	struct round_answer answer;
	unsigned int draining;
	u64 generation;

	if (op != TRBD_NOTIFY_GENERATION || len < sizeof(__le64))
		return;
	/* if we cannot read the record we must not confirm it: stay silent */
	if (round_install(lu, ceph_decode_64((void **)&payload)))
		return;
	generation = round_installed(lu, &draining);
	trbd_lu_request_tick(lu);
	/* nobody counts on a gateway that is not registered */
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
	round->heard |= le64_to_cpu(answer.id) == round->self;
	for (i = 0; i < round->record->num_gateways; i++) {
		if (round->record->gateways[i].id == le64_to_cpu(answer.id) && !round->seen[i]) {
			round->seen[i] = true;
			round->draining += min(le32_to_cpu(answer.draining), 1000000U);
		}
	}
}

static int round_notify(struct trbd_lu *lu, u64 generation, unsigned int timeout_s,
			void (*answered)(void *arg, const void *reply, size_t len), void *arg)
{
	u8 message[18];
	void *p = message;

	ceph_start_encoding(&p, 1, 1, sizeof(__le32) + sizeof(__le64));
	ceph_encode_32(&p, TRBD_NOTIFY_GENERATION);
	ceph_encode_64(&p, generation);
	return trbd_notify(trbd_image_header(lu->image), message, sizeof(message), timeout_s,
			   answered, arg);
}

static void round_not_interested(void *arg, const void *reply, size_t len)
{
}

/**
 * trbd_round_announce() - announce our generation, so that the other gateways look for a change
 * @lu: state
 *
 * Context: the thread; takes one round trip, and the time that the others take to answer.
 */
void trbd_round_announce(struct trbd_lu *lu)
{
	unsigned int draining;

	round_notify(lu, round_installed(lu, &draining), TRBD_ROUND_TIMEOUT_S, round_not_interested,
		     NULL);
}

/* Tell whether the client of this entry has answered for another entry. */
static bool round_client_lives(const struct round *round, const struct trbd_record_gateway *gateway)
{
	const struct trbd_record *record = round->record;
	unsigned int i;

	for (i = 0; i < record->num_gateways; i++) {
		if (round->seen[i] && !strcmp(record->gateways[i].address, gateway->address))
			return true;
	}
	return false;
}

/* Wait while the group's table is about to say whether a gateway that did not answer is gone. */
static int round_await_table(struct trbd_lu *lu, const struct trbd_record *record)
{
	unsigned int tries;

	for (tries = 0; tries < TRBD_ROUND_TABLE_MS / ROUND_LOOK_MS; tries++) {
		if (!trbd_silence_is_open(&lu->silence, record, lu->group))
			return 0;
		if (trbd_lu_sleep(ROUND_LOOK_MS))
			return -EINTR;
	}
	return 0;
}

/*
 * Expel the gateways that are gone, after some did not answer. Return: 0 when they are out, 1 when
 * none is proven gone, or an error.
 */
static int round_expel(struct trbd_lu *lu, const struct round *round)
{
	bool gone[TRBD_RECORD_GATEWAYS] = { };
	unsigned int i, count = 0;
	int ret;

	/* fencing needs a monitor, so it is not too early to look for one */
	trbd_monitor_probe(lu->image->session);
	ret = round_await_table(lu, round->record);
	if (ret)
		return ret;
	for (i = 0; i < lu->silence.count; i++) {
		const struct trbd_silent *silent = &lu->silence.who[i];
		const struct trbd_record_gateway *gateway = trbd_record_find_gateway(round->record,
										     silent->id);

		if (!gateway || round_client_lives(round, gateway) ||
		    !trbd_silence_is_proven(silent, gateway, lu->group, round->heard))
			continue;
		gone[gateway - round->record->gateways] = true;
		count++;
	}
	return count ? trbd_expel(lu, round->record, gone) : 1;
}

/*
 * Ask all gateways, and note which do not answer. Return: 0 when the message came back, or an
 * error.
 */
static int round_ask(struct trbd_lu *lu, struct round *round)
{
	bool lively = trbd_silence_is_lively(&lu->silence, round->record, lu->group);
	unsigned int timeout_s = lively ? TRBD_ROUND_PATIENT_S : TRBD_ROUND_TIMEOUT_S;
	unsigned long asked_at = jiffies;
	int ret;

	memset(round->seen, 0, sizeof(round->seen));
	round->draining = 0;
	round->heard = false;
	ret = round_notify(lu, round->record->generation, timeout_s, round_answered, round);
	/* nobody was asked while the OSD stood still */
	if (time_after(jiffies, asked_at + timeout_s * HZ))
		asked_at = jiffies - timeout_s * HZ;
	if (!ret)
		trbd_silence_note(&lu->silence, round->record, round->seen, lu->id, asked_at);
	return ret;
}

/* Tell whether this machine left entries behind: those need nobody's answer. */
static bool round_has_left_behind(const struct trbd_record *record)
{
	unsigned int i;

	for (i = 0; i < record->num_gateways; i++) {
		if (trbd_tidy_is_left_behind(&record->gateways[i]))
			return true;
	}
	return false;
}

/* See to the gateways that did not answer. Return: -EAGAIN after @wait_ms, or -EINTR. */
static int round_missed(struct trbd_lu *lu, const struct round *round, unsigned int *wait_ms)
{
	int ret;

	if (round_has_left_behind(round->record))
		ret = trbd_tidy(lu);
	else
		ret = round_expel(lu, round);
	*wait_ms = ret ? ROUND_RETRY_MS : 0;
	return ret == -EINTR ? ret : -EAGAIN;
}

/* Ask once. Return: 0 when @record is settled, -EAGAIN after @wait_ms, or another error. */
static int round_try(struct trbd_lu *lu, struct trbd_record *record, unsigned int *wait_ms)
{
	struct round round = { .record = record, .self = lu->id };
	unsigned int draining;
	int ret;

	ret = round_ask(lu, &round);
	if (ret) {
		*wait_ms = ROUND_FAILED_MS;
		return ret == -EINTR || ret == -ENOENT || ret == -ESHUTDOWN ? ret : -EAGAIN;
	}
	if (lu->silence.count)
		return round_missed(lu, &round, wait_ms);
	/* our own answer may be missing while the watch is being made again */
	round_installed(lu, &draining);
	if (round.draining || draining) {
		*wait_ms = clamp(2 * *wait_ms, ROUND_DRAIN_MIN_MS, ROUND_DRAIN_MAX_MS);
		return -EAGAIN;
	}
	*wait_ms = 0;
	return trbd_lu_mark_settled(lu, record);
}

/**
 * trbd_round_expel_silent() - ask the gateways that look gone, and fence those that are
 * @lu: state
 *
 * Context: the thread, when no job waits for it; takes seconds.
 */
void trbd_round_expel_silent(struct trbd_lu *lu)
{
	struct trbd_record *record;
	struct round round = { .self = lu->id };
	unsigned int tries;
	int ret = 1;

	for (tries = 0; tries < ROUND_TIDY_TRIES && ret > 0 && !trbd_lu_is_wanted(lu); tries++) {
		ret = trbd_lu_refresh(lu, 0, &record);
		round.record = record;
		if (!ret)
			ret = round_ask(lu, &round);
		if (!ret && lu->silence.count)
			ret = round_expel(lu, &round);
		trbd_record_io_free(record);
		if (ret > 0 && trbd_lu_sleep(ROUND_RETRY_MS))
			return;
	}
}

/**
 * trbd_round_call() - find out which gateways of a record are there
 * @lu: state; need not be registered
 * @record: as it was read
 * @answered: set for each of @record->gateways that answered within a second
 *
 * Context: process; takes a second at most, and as long as the OSD cannot be reached.
 * Return: 0 when the message came back; an error of trbd_notify().
 */
int trbd_round_call(struct trbd_lu *lu, const struct trbd_record *record, bool *answered)
{
	struct round round = { .record = record };
	int ret = round_notify(lu, record->generation, TRBD_ROUND_TIMEOUT_S, round_answered,
			       &round);

	memcpy(answered, round.seen, sizeof(round.seen));
	return ret;
}

/**
 * trbd_round_settle() - bring the record's last change into force on every gateway
 * @lu: state
 * @known: the record as it was just written and installed, or NULL. Of no use afterwards
 *
 * A change that was written must not end with an error, so this waits for memory, too. A dead
 * gateway costs three seconds.
 *
 * Context: the thread; sleeps until every registered gateway has the change and has drained, or is
 * fenced.
 * Return: 0; -EINTR, -ENOENT when the image was deleted, -ENOTCONN or -ESHUTDOWN when this gateway
 * was fenced itself, others.
 */
int trbd_round_settle(struct trbd_lu *lu, struct trbd_record *known)
{
	struct trbd_record *record = known;
	unsigned int wait_ms = 0;
	int ret;

	do {
		ret = 0;
		if (test_bit(TRBD_LU_UNREGISTERED, &lu->blocked))
			ret = -ENOTCONN;
		else if (!record)
			ret = trbd_lu_refresh(lu, 0, &record);
		if (!ret && record->settled != record->generation)
			ret = round_try(lu, record, &wait_ms);
		if (ret == -ENOMEM) {
			wait_ms = ROUND_FAILED_MS;
			ret = -EAGAIN;
		}
		if (record != known)
			trbd_record_io_free(record);
		record = NULL;
		if (ret == -EAGAIN && trbd_lu_sleep(wait_ms))
			ret = -EINTR;
	} while (ret == -EAGAIN);
	return ret;
}
