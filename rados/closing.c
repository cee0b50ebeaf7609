// SPDX-License-Identifier: GPL-2.0
/*
 * Closing an image in bounded time.
 *
 * A process that removes a backstore cannot be killed, and a cluster that does not answer must not
 * hold it for long. Calls to the cluster end after mount_timeout, which is a minute, and closing
 * takes several calls. So the closing code announces itself. From then on all calls that are made
 * for it, and for nobody else, end a moment later: calls that have been waiting, and calls that
 * begin afterwards. A call is told apart by the address of the object name that it was made with.
 * That name lies within the image.
 *
 * A gateway with a hundred backstores is shut down by removing one after the other. When one
 * removal has waited in vain, the next ones wait for a shorter time: an OSD that is well answers
 * within the shorter time, too. A minute later a removal may wait for the full time again. All
 * sessions share this memory, because they often share one cluster.
 *
 * Nothing depends on the answers. This gateway or another one takes an entry that stays in the
 * registry out later, and an OSD forgets a watch by itself.
 */
#include <linux/compiler.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>

#include "rados/closing.h"

/* an OSD that is well takes much less */
#define CLOSING_WAIT		(3 * HZ)
#define CLOSING_WAIT_SHORT	(HZ / 10)
/* how long we remember that a caller waited in vain */
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
 * trbd_closing_was_in_vain() - note that nothing answered, so that the next callers wait less
 *
 * Context: any.
 */
void trbd_closing_was_in_vain(void)
{
	WRITE_ONCE(in_vain_until, jiffies + CLOSING_MEMORY);
	WRITE_ONCE(in_vain, true);
}

/**
 * trbd_closings_init() - prepare an empty list of closing callers
 * @closings: list of a new session
 */
void trbd_closings_init(struct trbd_closings *closings)
{
	spin_lock_init(&closings->lock);
	INIT_LIST_HEAD(&closings->list);
}

/**
 * trbd_closing_begin() - let the calls of this caller end soon from now on
 * @closings: list of the session that the calls are made on
 * @closing: memory for the entry
 * @caller: name of the object that the calls are made with
 *
 * Context: any in which a spinlock may be taken. trbd_closing_end() must follow.
 */
void trbd_closing_begin(struct trbd_closings *closings, struct trbd_closing *closing,
			const void *caller)
{
	closing->caller = caller;
	closing->until = jiffies + closing_wait();
	spin_lock(&closings->lock);
	list_add(&closing->node, &closings->list);
	spin_unlock(&closings->lock);
}

/**
 * trbd_closing_end() - undo trbd_closing_begin()
 * @closings: list that the entry is in
 * @closing: entry that was begun
 *
 * Context: any in which a spinlock may be taken.
 */
void trbd_closing_end(struct trbd_closings *closings, struct trbd_closing *closing)
{
	spin_lock(&closings->lock);
	list_del(&closing->node);
	spin_unlock(&closings->lock);
}

/**
 * trbd_closing_left() - tell for how long a caller may wait for an answer
 * @closings: list of the session
 * @caller: name of an object
 * @otherwise: jiffies for a caller that does not close
 *
 * Context: any in which a spinlock may be taken.
 * Return: jiffies, always a few at least: an OSD that is well gets the chance to answer.
 */
unsigned long trbd_closing_left(struct trbd_closings *closings, const void *caller,
				unsigned long otherwise)
{
	const struct trbd_closing *closing;
	unsigned long left = otherwise;

	spin_lock(&closings->lock);
	list_for_each_entry(closing, &closings->list, node) {
		if (closing->caller == caller)
			left = max_t(long, closing->until - jiffies, CLOSING_WAIT_SHORT);
	}
	spin_unlock(&closings->lock);
	return left;
}

/**
 * trbd_closing_is_over() - tell whether a closing caller has waited for long enough
 * @closings: list of the session
 * @caller: name of an object
 *
 * The function is for a caller that has waited for a moment and got no answer.
 *
 * Context: any in which a spinlock may be taken.
 * Return: true if the caller closes and its time is up; it is then noted that it waited in vain.
 */
bool trbd_closing_is_over(struct trbd_closings *closings, const void *caller)
{
	const struct trbd_closing *closing;
	bool over = false;

	if (list_empty_careful(&closings->list))
		return false;
	spin_lock(&closings->lock);
	list_for_each_entry(closing, &closings->list, node)
		over |= closing->caller == caller && !time_before(jiffies, closing->until);
	spin_unlock(&closings->lock);
	if (over)
		trbd_closing_was_in_vain();
	return over;
}
