// SPDX-License-Identifier: GPL-2.0
/*
 * Changing the reservations of a logical unit.
 *
 * The reservations are in one record (gateway/record_io.c). A gateway writes it on condition that
 * nobody has written it since the gateway read it. So when two gateways change it at once, one is
 * first, and the other decides again on the result of the first.
 *
 *	read --> decide --> write if the number is the same --> install --> settle (gateway/round.c)
 *	  ^                          | it is not
 *	  +--------------------------+
 *
 * A change is in force when every registered gateway has installed it. The record then says so:
 * settled == generation. A gateway that finds an unsettled record settles it before it answers
 * anything, since the gateway that made the change may have died. So no two changes of reservations
 * are ever on their way at once, and each gateway sees every one of them.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/string.h>

#include "gateway/lu_state.h"
#include "gateway/lu_update.h"
#include "gateway/record_io.h"
#include "gateway/round.h"
#include "gateway/view.h"
#include "protocol.h"

/* another gateway may take this long to settle its change before we settle it */
#define UPDATE_PATIENCE_MS	500

/**
 * trbd_lu_read_settled() - read the record, with everything in it in force everywhere
 * @lu: state
 * @extra: room for this many more registrations
 * @record: set to the record; trbd_record_io_free() it
 *
 * When another gateway has not finished its change, this waits a moment, and then finishes it.
 *
 * Context: the thread; takes one round trip, or as long as commands drain and gateways are fenced.
 * Return: as trbd_lu_refresh(), and -ENOTCONN when this gateway does not serve.
 */
int trbd_lu_read_settled(struct trbd_lu *lu, unsigned int extra, struct trbd_record **record)
{
	unsigned int waited_ms = 0, wait_ms = 10;
	int ret;

	*record = NULL;
	/* do not wait for a cluster that may not be there */
	if (test_bit(TRBD_LU_UNREGISTERED, &lu->blocked))
		return -ENOTCONN;
	for (;;) {
		ret = trbd_lu_refresh(lu, extra, record);
		if (!ret && test_bit(TRBD_LU_UNREGISTERED, &lu->blocked))
			ret = -ENOTCONN;
		if (!ret && (*record)->settled == (*record)->generation)
			return 0;
		trbd_record_io_free(*record);
		*record = NULL;
		if (ret)
			return ret;
		if (trbd_lu_sleep(wait_ms))
			return -EINTR;
		waited_ms += wait_ms;
		wait_ms = min(2 * wait_ms, 100U);
		if (waited_ms < UPDATE_PATIENCE_MS)
			continue;
		ret = trbd_round_settle(lu, NULL);
		if (ret)
			return ret;
	}
}

/* Try an update once. Return: verdict, -EAGAIN when another gateway was first, or another error. */
static int update_try(struct trbd_lu *lu, const struct trbd_lu_request *request)
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
	len = trbd_record_io_encode(record, &before);
	ret = before ? request->decide(record, request->ctx) : -ENOMEM;
	if (ret != TRBD_PR_GOOD)
		goto out;

	/* a change that changes nothing is done */
	new_len = trbd_record_io_encode(record, &after);
	if (new_len == len && after && !memcmp(before, after, len))
		goto out;
	if (request->extra && new_len > len &&
	    new_len > TRBD_RECORD_TEXT_MAX - TRBD_RECORD_TEXT_RESERVE) {
		ret = TRBD_PR_NO_RESOURCES;
		goto out;
	}

	record->writer = lu->id;
	ret = trbd_record_io_write(&lu->place, record, lu->last_generation, false);
	if (ret == -ETIMEDOUT && trbd_record_io_was_written(&lu->place, record))
		ret = 0;
	if (ret == -ENOSPC)
		ret = TRBD_PR_NO_RESOURCES;
	else if (ret == -ECANCELED)
		ret = trbd_record_io_check_counter(&lu->place, generation) ?: -EAGAIN;
	else if (!ret)
		/* the change is written: without memory to install it, read it again */
		ret = trbd_round_settle(lu, trbd_lu_install(lu, record) ? NULL : record);
	/* the change may be in force, and BUSY would deny that */
	if (ret == -EINTR)
		ret = -ENOTCONN;
out:
	kvfree(before);
	kvfree(after);
	trbd_record_io_free(record);
	return ret;
}

/**
 * trbd_lu_update() - change the reservations, and bring the change into force everywhere
 * @lu: state
 * @request: the change
 *
 * A change that changes nothing is not written, and nobody hears of it.
 *
 * Context: the thread; takes a few round trips, or as long as commands drain and gateways are
 * fenced.
 * Return: the verdict of @request->decide, and the change is in force; or a negative errno as of
 * trbd_lu_read_settled(), and the change may come into force later. With -EINTR and -ENOMEM it
 * never does.
 */
int trbd_lu_update(struct trbd_lu *lu, const struct trbd_lu_request *request)
{
	int ret;

	do {
		ret = update_try(lu, request);
		/* random back-off, so that one gateway cannot always win */
		if (ret == -EAGAIN && trbd_lu_sleep(get_random_u32() % 8))
			ret = -EINTR;
	} while (ret == -EAGAIN);
	return ret;
}
