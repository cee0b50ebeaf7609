// SPDX-License-Identifier: GPL-2.0
/*
 * Changing the settings that all gateways of a logical unit have.
 *
 * With another block size, the same LBA is another place in the image. With other settings, paths
 * answer the same command differently. So the unit's record holds the settings, and a gateway that
 * registers takes them from there (gateway/registry.c). A unit's only gateway may change them. One
 * of several gateways may not, since the others have told their hosts.
 *
 * A write to the record may be carried out though its answer does not come. So the gateway tries
 * again until it knows. Until then, both the former settings and the new ones count as its own.
 */
#include <linux/completion.h>
#include <linux/errno.h>
#include <linux/printk.h>
#include <linux/sched/signal.h>
#include <linux/string.h>

#include "gateway/lu.h"
#include "gateway/settings_update.h"
#include "protocol.h"
#include "rbd/image.h"

/* between two tries */
#define SETTINGS_RETRY_MS	100

/**
 * struct settings_job - a change of settings
 * @job: job
 * @lu: state
 * @settings: the settings wanted
 * @differs: the first one that the record has differently
 * @other: name of another gateway that serves the unit, for people
 * @over: error with which the caller stopped waiting, 0 as long as it waits
 * @result: 0, or an error
 * @done: completed when the job has ended, and nothing looks at it any more
 */
struct settings_job {
	struct trbd_lu_job job;
	struct trbd_lu *lu;
	const struct trbd_settings *settings;
	enum trbd_setting differs;
	char other[TRBD_RECORD_NAME_MAX];
	int over;
	int result;
	struct completion done;
};

static enum trbd_pr_verdict settings_decide(struct trbd_record *record, void *ctx)
{
	struct settings_job *job = ctx;
	unsigned int i;

	job->differs = trbd_settings_difference(&record->settings, job->settings);
	if (job->differs == TRBD_SETTINGS)
		return TRBD_PR_GOOD;
	for (i = 0; i < record->num_gateways; i++) {
		if (record->gateways[i].id == job->lu->id)
			continue;
		strscpy(job->other, record->gateways[i].name, sizeof(job->other));
		return TRBD_PR_CONFLICT;
	}
	/* nobody else has to understand the record */
	record->features |= TRBD_FEATURES;
	record->settings = *job->settings;
	return TRBD_PR_GOOD;
}

static int settings_result(const struct settings_job *job, int verdict)
{
	const char *name = job->lu->image->name;

	switch (verdict) {
	case TRBD_PR_CONFLICT:
		pr_err("%s: %s stays as it is: gateway %s serves the image, too\n", name,
		       trbd_setting_name(job->differs), job->other);
		return -EBUSY;
	case TRBD_PR_NO_RESOURCES:
		pr_err("%s: %s stays as it is: the record has no room\n", name,
		       trbd_setting_name(job->differs));
		return -ENOSPC;
	default:
		return verdict;
	}
}

/* Tell whether it is known what the record has after an update. */
static bool settings_are_decided(int verdict)
{
	return verdict >= 0 || verdict == -EBADMSG || verdict == -EPROTONOSUPPORT ||
	       verdict == -ENOENT;
}

static void settings_run(struct trbd_lu *lu, struct trbd_lu_job *lu_job)
{
	struct settings_job *job = container_of(lu_job, struct settings_job, job);
	struct trbd_lu_request request = {
		.decide = settings_decide,
		.ctx = job,
	};
	int verdict;

	lu->settings_wanted = *job->settings;
	WRITE_ONCE(lu->settings_undecided, true);
	verdict = trbd_lu_update(lu, &request);
	job->result = settings_result(job, verdict);
	if (settings_are_decided(verdict)) {
		if (!job->result)
			lu->settings = *job->settings;
		WRITE_ONCE(lu->settings_undecided, false);
	} else if (trbd_lu_clear_interrupt(lu) && !READ_ONCE(job->over)) {
		/* this gateway may have to register again first */
		trbd_lu_sleep(SETTINGS_RETRY_MS);
		trbd_lu_submit(lu, lu_job);
		return;
	}
	trbd_lu_has_run(lu, lu_job);
	complete(&job->done);
}

static bool settings_job_is_over(const struct trbd_lu_job *lu_job)
{
	return READ_ONCE(container_of(lu_job, struct settings_job, job)->over);
}

static void settings_end(struct trbd_lu_job *lu_job)
{
	struct settings_job *job = container_of(lu_job, struct settings_job, job);

	if (!job->result)
		job->result = job->over;
	complete(&job->done);
}

/**
 * trbd_settings_update() - set the settings of a unit on all its gateways
 * @lu: state
 * @settings: valid settings
 *
 * Context: process; takes a few round trips, and TRBD_SETTINGS_WAIT_MS at most.
 * Return: 0, and all gateways have the settings from now on; -EBUSY when other gateways serve the
 * unit with others, and a line in the log names one of them; -ENOSPC; -EINTR or -ETIMEDOUT when
 * nothing was tried; others as trbd_lu_update(). With lu->settings_undecided, the change may have
 * come into force all the same.
 */
int trbd_settings_update(struct trbd_lu *lu, const struct trbd_settings *settings)
{
	struct settings_job job = {
		.job.run = settings_run,
		.job.is_over = settings_job_is_over,
		.job.end = settings_end,
		.lu = lu,
		.settings = settings,
	};
	long left;

	init_completion(&job.done);
	trbd_lu_submit(lu, &job.job);
	left = wait_for_completion_killable_timeout(&job.done,
						    msecs_to_jiffies(TRBD_SETTINGS_WAIT_MS));
	if (left <= 0) {
		WRITE_ONCE(job.over, left ? -EINTR : -ETIMEDOUT);
		trbd_lu_drop_unwanted(lu);
		wait_for_completion(&job.done);
	}
	return job.result;
}
