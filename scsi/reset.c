// SPDX-License-Identifier: GPL-2.0
/*
 * LOGICAL UNIT RESET, on all gateways (SAM-5 6.3.3).
 *
 * A reset is a counter in the record, and spreads like any change of a reservation. It ends the
 * SPC-2 reservation. It does not tear commands out of libceph: an OSD that has not answered may
 * still carry out the requests that it has. So a reset waits until all commands that were in flight
 * have ended on every gateway.
 *
 *	trbd_reset_unit() --> (thread of struct trbd_lu) reset_run() --+--> done
 *	      |                       ^                                |
 *	      |                       +--------- again, after 1 s -----+
 *	      +--- not done after 10 s: the unit serves nothing until it is
 */
#include <linux/bitops.h>
#include <linux/completion.h>
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/kref.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "gateway/blocking.h"
#include "gateway/record_io.h"
#include "gateway/lu.h"
#include "protocol.h"
#include "rbd/image.h"
#include "scsi/reset.h"
#include "scsi/unit.h"

#define RESET_LOOK_MS		500
#define RESET_RETRY_MS		1000

/**
 * struct reset_job - a LOGICAL UNIT RESET
 * @job: entry in the queue of the unit's thread
 * @ref: one reference for the waiter, one for the thread
 * @done: the reset is in force
 * @overdue: nothing is served until the reset is done; under the lock of the shared state
 */
struct reset_job {
	struct trbd_lu_job job;
	struct kref ref;
	struct completion done;
	bool overdue;
};

static void reset_job_free(struct kref *ref)
{
	kfree(container_of(ref, struct reset_job, ref));
}

static enum trbd_pr_verdict reset_decide(struct trbd_record *record, void *ctx)
{
	memset(&record->pr.spc2, 0, sizeof(record->pr.spc2));
	record->spc2_gateway = 0;
	record->resets++;
	return TRBD_PR_GOOD;
}

/* Tell whether it is of no use to try a reset again. */
static bool reset_has_ended(int result)
{
	switch (result) {
	case 0:
	case -ENOENT:
	/* the record is damaged: the operator has to mend it, and a reset need not wait for that */
	case -EBADMSG:
	case -EPROTONOSUPPORT:
		return true;
	default:
		return false;
	}
}

static void reset_run(struct trbd_lu *lu, struct trbd_lu_job *lu_job)
{
	const struct trbd_lu_request request = {
		.decide = reset_decide,
		.action = TRBD_PR_RELEASE,
	};
	struct reset_job *job = container_of(lu_job, struct reset_job, job);
	int ret = trbd_lu_update(lu, &request);

	/* do not warn of an interrupted reset, written or not: it is tried again */
	if (ret && ret != -EINTR && ret != -ENOTCONN)
		pr_warn_ratelimited("%s: a reset cannot be made known to the other gateways: error %d\n",
				    lu->image->name, ret);
	/* this gateway may have to register again first */
	if (!reset_has_ended(ret) && trbd_lu_clear_interrupt(lu)) {
		trbd_lu_sleep(RESET_RETRY_MS);
		trbd_lu_submit(lu, &job->job);
		return;
	}

	spin_lock(&lu->lock);
	if (job->overdue && !--lu->overdue_resets)
		trbd_lu_unblock(lu, TRBD_LU_RESETTING);
	complete_all(&job->done);
	spin_unlock(&lu->lock);
	kref_put(&job->ref, reset_job_free);
}

/* Serve nothing until the reset has ended, unless it has ended just now. */
static void reset_is_overdue(struct trbd_lu *lu, struct reset_job *job)
{
	spin_lock(&lu->lock);
	if (!completion_done(&job->done)) {
		job->overdue = true;
		lu->overdue_resets++;
		trbd_lu_block(lu, TRBD_LU_RESETTING);
		pr_warn_ratelimited("%s: a reset takes long; nothing is served until all gateways have it\n",
				    lu->image->name);
	}
	spin_unlock(&lu->lock);
}

/* Wait for a reset, unless nothing is served anyway. Return whether it has ended. */
static bool reset_wait(struct trbd_lu *lu, struct reset_job *job)
{
	const unsigned long limit = jiffies + msecs_to_jiffies(TRBD_RESET_WAIT_MS);

	do {
		if (wait_for_completion_timeout(&job->done, msecs_to_jiffies(RESET_LOOK_MS)))
			return true;
	} while (!test_bit(TRBD_LU_RESETTING, &lu->blocked) &&
		 !test_bit(TRBD_LU_UNREGISTERED, &lu->blocked) && time_before(jiffies, limit));
	return false;
}

/**
 * trbd_reset_unit() - reset the logical unit on all gateways
 * @unit: logical unit
 *
 * If that takes too long, this gateway serves nothing until the reset is done. LIO does one reset
 * of a unit after the other, so a further reset does not wait while nothing is served.
 *
 * Context: process; sleeps for TRBD_RESET_WAIT_MS at most.
 */
void trbd_reset_unit(struct trbd_unit *unit)
{
	struct reset_job *job;

	if (!unit->lu)
		return;
	job = kzalloc(sizeof(*job), GFP_NOIO | __GFP_NOFAIL);
	kref_init(&job->ref);
	kref_get(&job->ref);
	init_completion(&job->done);
	job->job.run = reset_run;
	trbd_lu_submit(unit->lu, &job->job);
	if (!reset_wait(unit->lu, job))
		reset_is_overdue(unit->lu, job);
	kref_put(&job->ref, reset_job_free);
}
