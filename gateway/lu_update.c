// SPDX-License-Identifier: GPL-2.0
/*
 * Changing the reservations of a logical unit.
 *
 * They are in one record (gateway/record_io.c), which is written on condition that nobody has
 * written it since it was read. So of two gateways that change it at once one is first, and the
 * other decides again on what that one made.
 *
 *	read --> decide --> write if the number is the same --> install --> settle (gateway/round.c)
 *	  ^                          | it is not
 *	  +--------------------------+
 *
 * A change is in force when every registered gateway has installed it, and then the record says so:
 * settled == generation. A gateway that finds a record that is not settled settles it before it
 * answers anything, since whoever made the change may have died. So no two changes of reservations
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

/* how long another gateway may take to settle its change before we settle it */
#define UPDATE_PATIENCE_MS	500

/**
 * trbd_lu_read_settled() - the record, with all that it says in force everywhere
 * @lu: state
 * @extra: room for this many more registrations
 * @record: set to it; trbd_record_io_free() it
 *
 * A change that somebody else has not finished is given a moment, and finished.
 *
 * Context: the thread; one round trip, or as long as commands drain and gateways are fenced.
 * Return: as trbd_lu_refresh(), and -ENOTCONN when this gateway does not serve.
 */
int trbd_lu_read_settled(struct trbd_lu *lu, unsigned int extra, struct trbd_record **record)
{
	unsigned int waited_ms = 0, wait_ms = 10;
	int ret;

	*record = NULL;
	/* no waiting for a cluster that may not be there */
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

/* One try of an update. Return: verdict, -EAGAIN when another was first, or another error. */
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

	/* nothing to do is done */
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
		/* written is written: without memory to install it, it is read again */
		ret = trbd_round_settle(lu, trbd_lu_install(lu, record) ? NULL : record);
	/* it may be in force, and BUSY would deny that */
	if (ret == -EINTR)
		ret = -ENOTCONN;
out:
	kvfree(before);
	kvfree(after);
	trbd_record_io_free(record);
	return ret;
}

/**
 * trbd_lu_update() - change the reservations, and see to it that the change is in force everywhere
 * @lu: state
 * @request: the change
 *
 * One that changes nothing is not written, and nobody hears of it.
 *
 * Context: the thread; a few round trips, or as long as commands drain and gateways are fenced.
 * Return: what @request->decide returned, and then the change is in force; or a negative errno as
 * of trbd_lu_read_settled(), and then it may be, later; but with -EINTR and -ENOMEM it is not, and
 * never will be.
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
