// SPDX-License-Identifier: GPL-2.0
/*
 * The block size that all gateways of a logical unit have.
 *
 * With another block size the same LBA is another place of the image. So the block size is in the unit's record. A
 * gateway that registers goes by it (gateway/registry.c). The only gateway of a unit may change it. A gateway among
 * several may not, since the others have told their hosts.
 */
#include <linux/completion.h>
#include <linux/errno.h>
#include <linux/printk.h>
#include <linux/sched/signal.h>

#include "gateway/block_size.h"
#include "gateway/lu.h"
#include "rbd/image.h"

/**
 * struct block_size_job - another block size
 * @job: job
 * @lu: state
 * @block_size: wanted, bytes
 * @other: another gateway that serves the unit, for people; empty when there is none
 * @over: the caller was killed
 * @result: 0, or an error
 * @done: the job has ended, and is not looked at any more
 */
struct block_size_job {
	struct trbd_lu_job job;
	struct trbd_lu *lu;
	u32 block_size;
	char other[TRBD_RECORD_NAME_MAX];
	bool over;
	int result;
	struct completion done;
};

static enum trbd_pr_verdict block_size_decide(struct trbd_record *record, void *ctx)
{
	struct block_size_job *job = ctx;
	unsigned int i;

	job->other[0] = 0;
	if (record->block_size == job->block_size)
		return TRBD_PR_GOOD;
	for (i = 0; i < record->num_gateways; i++) {
		if (record->gateways[i].id == job->lu->id)
			continue;
		strscpy(job->other, record->gateways[i].name, sizeof(job->other));
		return TRBD_PR_CONFLICT;
	}
	record->block_size = job->block_size;
	return TRBD_PR_GOOD;
}

static int block_size_result(const struct block_size_job *job, int verdict)
{
	if (verdict < 0 || verdict == TRBD_PR_GOOD)
		return verdict;
	pr_err("%s: the block size stays %u: gateway %s serves the image with it\n", job->lu->image->name,
	       job->lu->block_size, job->other);
	return -EBUSY;
}

static void block_size_run(struct trbd_lu *lu, struct trbd_lu_job *lu_job)
{
	struct block_size_job *job = container_of(lu_job, struct block_size_job, job);
	struct trbd_lu_request request = {
		.decide = block_size_decide,
		.ctx = job,
	};

	job->result = block_size_result(job, trbd_lu_update(lu, &request));
	if (!job->result)
		lu->block_size = job->block_size;
	trbd_lu_has_run(lu, lu_job);
	complete(&job->done);
}

static bool block_size_is_over(const struct trbd_lu_job *lu_job)
{
	return READ_ONCE(container_of(lu_job, struct block_size_job, job)->over);
}

static void block_size_end(struct trbd_lu_job *lu_job)
{
	struct block_size_job *job = container_of(lu_job, struct block_size_job, job);

	job->result = -EINTR;
	complete(&job->done);
}

/**
 * trbd_block_size_agree() - make a block size that of the unit
 * @lu: state of a unit that has no LUN here
 * @block_size: 512, 1024, 2048 or 4096 bytes
 *
 * Context: process; a few round trips, and as long as the cluster takes, unless the caller is killed.
 * Return: 0, and all gateways go by it from now on; -EBUSY when other gateways serve the unit with another one, and
 * there is a line in the log; -EINTR; others as trbd_lu_update().
 */
int trbd_block_size_agree(struct trbd_lu *lu, u32 block_size)
{
	struct block_size_job job = {
		.job.run = block_size_run,
		.job.is_over = block_size_is_over,
		.job.end = block_size_end,
		.lu = lu,
		.block_size = block_size,
	};

	init_completion(&job.done);
	trbd_lu_submit(lu, &job.job);
	if (wait_for_completion_killable(&job.done)) {
		WRITE_ONCE(job.over, true);
		trbd_lu_drop_unwanted(lu);
		wait_for_completion(&job.done);
	}
	return job.result;
}
