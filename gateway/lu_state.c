// SPDX-License-Identifier: GPL-2.0
/*
 * The state of a logical unit that all its gateways share, as this gateway has it. This is the
 * bottom of the files that work on it.
 *
 *	lu.c             the thread, its jobs; attach and detach
 *	lu_update.c      a change of reservations, brought into force
 *	housekeeping.c   keeping the record true
 *	registry.c       being one of the gateways; coming back after a fence
 *	round.c          bringing a change into force on every gateway
 *	expulsion.c      fencing gateways that are gone
 *	tidy.c           cleaning up entries and fences in a record
 *	view.c           reading and writing the record, and installing it
 *	here             the thread's interruptions
 *
 * Each of these files calls only those below it.
 *
 * The functions of these files run on the unit's thread, or wait for the cluster on a caller's
 * behalf. An interruption ends the thread's current work. It is meant for that work only, so the
 * thread clears it before the next job.
 */
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "gateway/lu_state.h"

/**
 * trbd_lu_sleep() - sleep until the time is over or the thread is interrupted
 * @wait_ms: for how long at most
 *
 * Context: the thread.
 * Return: true if the thread must end its current work.
 */
bool trbd_lu_sleep(unsigned int wait_ms)
{
	if (wait_ms)
		schedule_timeout_interruptible(msecs_to_jiffies(wait_ms));
	return signal_pending(current);
}

/**
 * trbd_lu_clear_interrupt() - clear a pending interrupt before the next job
 * @lu: state
 *
 * Context: the thread.
 * Return: true to go on; false when the thread must end.
 */
bool trbd_lu_clear_interrupt(struct trbd_lu *lu)
{
	bool ending;

	spin_lock(&lu->lock);
	ending = lu->ending;
	if (!ending)
		flush_signals(current);
	spin_unlock(&lu->lock);
	return !ending;
}

/**
 * trbd_lu_interrupt() - interrupt the thread, which ends its work with -EINTR
 * @lu: state
 *
 * This is for a gateway that stops serving. The gateway that reads the record next brings any
 * change that was left behind into force.
 *
 * Context: any in which a spinlock may be taken.
 */
void trbd_lu_interrupt(struct trbd_lu *lu)
{
	send_sig(SIGKILL, lu->thread, 1);
}

/**
 * trbd_lu_is_wanted() - tell whether a job waits for the thread
 * @lu: state
 *
 * The thread asks this during its work between jobs, to make way.
 *
 * Context: the thread.
 * Return: true if there is a job, or the thread was interrupted.
 */
bool trbd_lu_is_wanted(struct trbd_lu *lu)
{
	bool wanted;

	spin_lock(&lu->lock);
	wanted = !list_empty(&lu->jobs) || lu->ending;
	spin_unlock(&lu->lock);
	return wanted || signal_pending(current);
}

/**
 * trbd_lu_request_tick() - ask for a call of ops->tick soon
 * @lu: state
 *
 * Context: any in which a spinlock may be taken.
 */
void trbd_lu_request_tick(struct trbd_lu *lu)
{
	spin_lock(&lu->lock);
	lu->tick_wanted = true;
	spin_unlock(&lu->lock);
	wake_up(&lu->wait);
}
