// SPDX-License-Identifier: GPL-2.0
/*
 * The thread of a logical unit's shared state, and becoming one of its gateways.
 *
 * One thread per image makes all changes of the image's record, except those of attach and detach.
 * The watch's thread only installs records. The unit's thread runs jobs, one after the other. A job
 * that nobody wants any more is taken off the queue without waiting for any other job. The running
 * job is interrupted only when nobody wants that job itself any more. Commands of several
 * initiators wait in one queue, and an abort of one of them does not concern the others.
 *
 * Between jobs the thread calls the floor above once a second, registers again after a fence, and
 * keeps the record true (gateway/housekeeping.c). Only gateways in the record's registry serve
 * (gateway/registry.c).
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "gateway/blocking.h"
#include "gateway/group.h"
#include "gateway/housekeeping.h"
#include "gateway/leaving.h"
#include "gateway/lu.h"
#include "gateway/lu_state.h"
#include "gateway/proving.h"
#include "gateway/record_io.h"
#include "gateway/registry.h"
#include "gateway/round.h"
#include "gateway/tidy.h"
#include "gateway/view.h"
#include "rados/object.h"
#include "rados/queues.h"
#include "rados/session.h"
#include "rbd/image.h"

#define LU_TICK_MS		1000
/* the thread checks the record's number once in this many ticks */
#define LU_POLL_TICKS		3

/**
 * trbd_lu_drop_unwanted() - end the jobs that nobody wants any more
 * @lu: state
 *
 * Unwanted jobs in the queue end here. The running job is interrupted if it is unwanted.
 *
 * Context: process.
 */
void trbd_lu_drop_unwanted(struct trbd_lu *lu)
{
	struct trbd_lu_job *job, *next;
	LIST_HEAD(unwanted);

	spin_lock(&lu->lock);
	list_for_each_entry_safe(job, next, &lu->jobs, node) {
		if (job->is_over && job->is_over(job))
			list_move_tail(&job->node, &unwanted);
	}
	if (lu->running && lu->running->is_over(lu->running))
		trbd_lu_interrupt(lu);
	spin_unlock(&lu->lock);
	list_for_each_entry_safe(job, next, &unwanted, node)
		job->end(job);
}

/**
 * trbd_lu_has_run() - note that a job is about to end, and must not be interrupted any more
 * @lu: state
 * @job: job, whether it has run or not
 *
 * Context: any in which a spinlock may be taken.
 */
void trbd_lu_has_run(struct trbd_lu *lu, struct trbd_lu_job *job)
{
	spin_lock(&lu->lock);
	if (lu->running == job)
		lu->running = NULL;
	spin_unlock(&lu->lock);
}

static void lu_catch_up(struct trbd_lu *lu)
{
	struct trbd_record *record;

	trbd_lu_refresh(lu, 0, &record);
	trbd_record_io_free(record);
}

/*
 * Look for a change of the record. Most changes come as notifications. An operator who restores or
 * removes a record by hand notifies nobody, and a gateway that missed that would serve on without
 * being in the registry. After a time without a lease, this also shows that the gateway has missed
 * nothing.
 */
static void lu_poll(struct trbd_lu *lu)
{
	unsigned long lapses = trbd_group_lapses(lu->group);
	int ret;

	if (test_bit(TRBD_LU_UNREGISTERED, &lu->blocked))
		return;
	ret = trbd_object_check_number(trbd_image_header(lu->image), TRBD_RECORD_XATTR,
				       trbd_lu_generation(lu));
	if (!ret)
		trbd_lu_note_read(lu, lapses);
	else if (ret == -ECANCELED)
		lu_catch_up(lu);
}

static bool lu_has_lapsed(struct trbd_lu *lu)
{
	return trbd_lu_lapses(lu) != trbd_group_lapses(lu->group);
}

static bool lu_has_work(struct trbd_lu *lu)
{
	bool work;

	spin_lock(&lu->lock);
	work = !list_empty(&lu->jobs) || lu->tick_wanted || lu->rejoin || lu->catch_up;
	spin_unlock(&lu->lock);
	return work;
}

static struct trbd_lu_job *lu_next_job(struct trbd_lu *lu)
{
	struct trbd_lu_job *job;

	lockdep_assert_held(&lu->lock);

	job = list_first_entry_or_null(&lu->jobs, struct trbd_lu_job, node);
	if (job)
		list_del(&job->node);
	lu->running = job && job->is_over ? job : NULL;
	return job;
}

static int lu_thread(void *arg)
{
	struct trbd_lu_job *job, *next;
	struct trbd_lu *lu = arg;
	unsigned int ticks = 0;

	/*
	 * allow only our own signal: root's would interrupt a command that an initiator waits for
	 */
	allow_kernel_signal(SIGKILL);
	while (trbd_lu_clear_interrupt(lu)) {
		bool tick_wanted, rejoin, catch_up;

		wait_event_interruptible_timeout(lu->wait, lu_has_work(lu),
						 msecs_to_jiffies(LU_TICK_MS));
		if (!trbd_lu_clear_interrupt(lu))
			break;

		spin_lock(&lu->lock);
		job = lu_next_job(lu);
		tick_wanted = lu->tick_wanted;
		rejoin = lu->rejoin;
		catch_up = lu->catch_up;
		lu->tick_wanted = false;
		lu->rejoin = false;
		lu->catch_up = false;
		spin_unlock(&lu->lock);

		/*
		 * run the job first: registering again may wait for a monitor, and before that jobs
		 * end at once
		 */
		if (job)
			job->run(lu, job);
		if (rejoin && trbd_registry_enter_again(lu)) {
			spin_lock(&lu->lock);
			lu->rejoin = true;
			spin_unlock(&lu->lock);
			trbd_lu_sleep(LU_TICK_MS);
		}
		if (catch_up)
			lu_catch_up(lu);
		if (tick_wanted || !job)
			lu->ops->tick(lu->owner);
		if (job)
			continue;
		if (!(++ticks % LU_POLL_TICKS) || lu_has_lapsed(lu))
			lu_poll(lu);
		trbd_housekeeping(lu);
		trbd_proving_look(lu);
	}
	/* only resets are left, and nobody waits for them; their run sees that */
	list_for_each_entry_safe(job, next, &lu->jobs, node)
		job->run(lu, job);
	return 0;
}

/**
 * trbd_lu_submit() - queue a job
 * @lu: state
 * @job: run is set
 *
 * A job that nobody wants any more ends at once. trbd_lu_drop_unwanted() may have looked through
 * the queue before the job was there.
 *
 * Context: process.
 */
void trbd_lu_submit(struct trbd_lu *lu, struct trbd_lu_job *job)
{
	bool over;

	spin_lock(&lu->lock);
	/* the running job may submit itself again */
	if (lu->running == job)
		lu->running = NULL;
	over = job->is_over && job->is_over(job);
	if (!over)
		list_add_tail(&job->node, &lu->jobs);
	spin_unlock(&lu->lock);
	if (over)
		job->end(job);
	else
		wake_up(&lu->wait);
}

/**
 * trbd_lu_watched() - catch up after the header is watched again
 * @lu: state
 *
 * The gateway missed all notifications in between.
 *
 * Context: any in which a spinlock may be taken.
 */
void trbd_lu_watched(struct trbd_lu *lu)
{
	spin_lock(&lu->lock);
	lu->rejoin = test_bit(TRBD_LU_UNREGISTERED, &lu->blocked);
	lu->catch_up = !lu->rejoin;
	spin_unlock(&lu->lock);
	wake_up(&lu->wait);
}

static void lu_free(struct trbd_lu *lu)
{
	kvfree(rcu_dereference_protected(lu->view, true));
	kfree(lu);
}

struct lu_leaving {
	struct work_struct work;
	struct trbd_lu *lu;
};

static void lu_leave_work(struct work_struct *work)
{
	struct trbd_lu *lu = container_of(work, struct lu_leaving, work)->lu;
	int ret = trbd_registry_leave(lu);

	if (!ret)
		/* the state of our ports has changed */
		trbd_round_announce(lu);
	if (!ret || ret == -ENOENT || ret == -EUSERS)
		return;
	pr_warn("%s: this gateway could not be taken out of the registry: error %d; it is tried again as long as it serves other images\n",
		lu->image->name, ret);
	trbd_leaving_add(lu);
}

/*
 * Leave the registry in another context than the caller's: a caller that was killed waits for no
 * answer, and the entry would stay.
 */
static void lu_leave(struct trbd_lu *lu)
{
	struct lu_leaving leaving = { .lu = lu };

	INIT_WORK_ONSTACK(&leaving.work, lu_leave_work);
	trbd_image_begin_close(lu->image);
	queue_work(trbd_wait_wq, &leaving.work);
	flush_work(&leaving.work);
	destroy_work_on_stack(&leaving.work);
}

/**
 * trbd_lu_attach() - become one of the gateways that serve an image
 * @image: open and watched; its notifications go to trbd_round_notified(); trbd_lu_watched() must
 *   follow, since some may have been missed before that
 * @group: the gateways of its pool
 * @ops: the floor above
 * @owner: argument of @ops
 *
 * Context: process; takes a few round trips.
 * Return: the state; ERR_PTR of -EBADMSG or -EPROTONOSUPPORT for a record that cannot be used,
 * -EPERM, -EUSERS when there are too many gateways, -ETIMEDOUT, -EINTR, -ENOMEM, others.
 */
struct trbd_lu *trbd_lu_attach(struct trbd_image *image, struct trbd_group *group,
			       const struct trbd_lu_ops *ops, void *owner)
{
	struct trbd_lu *lu = kzalloc(sizeof(*lu), GFP_KERNEL);
	struct trbd_lu_view *view;
	int ret;

	if (!lu)
		return ERR_PTR(-ENOMEM);
	lu->image = image;
	lu->place = trbd_record_io_place(image);
	lu->group = group;
	lu->housework = jiffies;
	lu->ops = ops;
	lu->owner = owner;
	lu->recovery.ops = &trbd_registry_recovery_ops;
	mutex_init(&lu->install_lock);
	spin_lock_init(&lu->lock);
	init_waitqueue_head(&lu->wait);
	INIT_LIST_HEAD(&lu->jobs);
	__set_bit(TRBD_LU_UNREGISTERED, &lu->blocked);
	view = kvzalloc(sizeof(*view), GFP_KERNEL);
	if (!view) {
		kfree(lu);
		return ERR_PTR(-ENOMEM);
	}
	view->number = 1;
	RCU_INIT_POINTER(lu->view, view);

	lu->thread = kthread_create(lu_thread, lu, "trbd-lu/%s", image->id);
	if (IS_ERR(lu->thread)) {
		ret = PTR_ERR(lu->thread);
		lu_free(lu);
		return ERR_PTR(ret);
	}
	get_task_struct(lu->thread);
	trbd_tidy_add_unit(lu);
	trbd_recovery_add_user(&image->session->recovery, &lu->recovery);
	do {
		ret = trbd_registry_enter(lu);
	} while (ret == -EAGAIN && !msleep_interruptible(TRBD_REGISTRY_RETRY_MS));
	if (ret) {
		trbd_recovery_remove_user(&image->session->recovery, &lu->recovery);
		/* the cluster may have carried out a request without an answer */
		if (ret == -ETIMEDOUT || ret == -EINTR || ret == -ENOMEM || ret == -EAGAIN)
			lu_leave(lu);
		kthread_stop(lu->thread);
		put_task_struct(lu->thread);
		trbd_tidy_remove_unit(lu);
		lu_free(lu);
		return ERR_PTR(ret);
	}
	wake_up_process(lu->thread);
	return lu;
}

/**
 * trbd_lu_detach() - stop serving the image
 * @lu: state; no command and no job is left, and nobody calls trbd_round_notified() any more
 *
 * The image is about to be closed.
 *
 * Context: process; may sleep for some seconds when the cluster does not answer, see
 * rados/closing.c. The gateway stays in the registry then, and tries to leave it as long as the
 * session is there. After that, others fence it.
 */
void trbd_lu_detach(struct trbd_lu *lu)
{
	trbd_recovery_remove_user(&lu->image->session->recovery, &lu->recovery);
	spin_lock(&lu->lock);
	lu->ending = true;
	spin_unlock(&lu->lock);
	trbd_lu_interrupt(lu);
	kthread_stop(lu->thread);
	put_task_struct(lu->thread);
	/* set the bit first, or our own change would look as if another gateway had expelled us */
	if (!trbd_lu_block(lu, TRBD_LU_UNREGISTERED) || lu->next_id)
		lu_leave(lu);
	trbd_tidy_remove_unit(lu);
	lu_free(lu);
}
