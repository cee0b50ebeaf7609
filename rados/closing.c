// SPDX-License-Identifier: GPL-2.0
/*
 * Closing what was opened, in bounded time.
 *
 * Nobody can kill the process that removes a backstore, so a silent cluster must not hold it for long. Calls
 * to the cluster end after mount_timeout, a minute, and closing takes several. So whoever closes says so, and all
 * calls that were made for them, and for nobody else, end a moment later: those that have been waiting, and those that
 * begin then. Calls are told apart by the name of the object that they were made with, which is where the image has it.
 *
 * A gateway with a hundred backstores is shut down by removing one after the other. When one has waited in vain, the
 * next ones do not wait for as long again: what is well answers within the shorter time, too. A minute later it is
 * tried anew. This is so for all sessions together, since they have often one cluster.
 *
 * Nothing depends on the answers. An entry that stays in the registry is taken out later, by this gateway or by others,
 * and an OSD forgets a watch by itself.
 */
#include <linux/compiler.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>

#include "rados/closing.h"
#include "rados/session.h"

/* an OSD that is well takes much less */
#define CLOSING_WAIT		(3 * HZ)
#define CLOSING_WAIT_SHORT	(HZ / 10)
/* for how long it is remembered that somebody waited in vain */
#define CLOSING_MEMORY		(60 * HZ)

static unsigned long in_vain_until;
static bool in_vain;

static unsigned long closing_wait(void)
{
	if (READ_ONCE(in_vain) && time_before(jiffies, READ_ONCE(in_vain_until)))
		return CLOSING_WAIT_SHORT;
	WRITE_ONCE(in_vain, false);
	return CLOSING_WAIT;
}

/**
 * trbd_closing_was_in_vain() - there was no answer; the next ones who close wait for a shorter time
 *
 * Context: any.
 */
void trbd_closing_was_in_vain(void)
{
	WRITE_ONCE(in_vain_until, jiffies + CLOSING_MEMORY);
	WRITE_ONCE(in_vain, true);
}

/**
 * trbd_closings_init() - nobody closes anything
 * @closings: of a new session
 */
void trbd_closings_init(struct trbd_closings *closings)
{
	spin_lock_init(&closings->lock);
	INIT_LIST_HEAD(&closings->list);
}

/**
 * trbd_closing_begin() - calls of this caller end soon from now on
 * @session: session that the calls are made on
 * @closing: its memory
 * @caller: name of the object that they are made with
 *
 * Context: any in which a spinlock may be taken. trbd_closing_end() must follow.
 */
void trbd_closing_begin(struct trbd_session *session, struct trbd_closing *closing, const void *caller)
{
	closing->caller = caller;
	closing->until = jiffies + closing_wait();
	spin_lock(&session->closings.lock);
	list_add(&closing->node, &session->closings.list);
	spin_unlock(&session->closings.lock);
}

/**
 * trbd_closing_end() - there are none any more
 * @session: session that they were made on
 * @closing: that was begun
 *
 * Context: any in which a spinlock may be taken.
 */
void trbd_closing_end(struct trbd_session *session, struct trbd_closing *closing)
{
	spin_lock(&session->closings.lock);
	list_del(&closing->node);
	spin_unlock(&session->closings.lock);
}

/**
 * trbd_closing_left() - for how long may this caller wait for an answer?
 * @session: session
 * @caller: name of an object
 * @otherwise: for one that does not close, jiffies
 *
 * Context: any in which a spinlock may be taken.
 * Return: jiffies, a few at least: what is well gets the chance to answer.
 */
unsigned long trbd_closing_left(struct trbd_session *session, const void *caller, unsigned long otherwise)
{
	const struct trbd_closing *closing;
	unsigned long left = otherwise;

	spin_lock(&session->closings.lock);
	list_for_each_entry(closing, &session->closings.list, node) {
		if (closing->caller == caller)
			left = max_t(long, closing->until - jiffies, CLOSING_WAIT_SHORT);
	}
	spin_unlock(&session->closings.lock);
	return left;
}

/**
 * trbd_closing_is_over() - has this caller waited for long enough?
 * @session: session
 * @caller: name of an object
 *
 * To be asked by whoever has waited for a moment and got no answer.
 *
 * Context: any in which a spinlock may be taken.
 * Return: true for one that closes and has; then it is noted that it was in vain.
 */
bool trbd_closing_is_over(struct trbd_session *session, const void *caller)
{
	const struct trbd_closing *closing;
	bool over = false;

	if (list_empty_careful(&session->closings.list))
		return false;
	spin_lock(&session->closings.lock);
	list_for_each_entry(closing, &session->closings.list, node)
		over |= closing->caller == caller && !time_before(jiffies, closing->until);
	spin_unlock(&session->closings.lock);
	if (over)
		trbd_closing_was_in_vain();
	return over;
}
