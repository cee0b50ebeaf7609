// SPDX-License-Identifier: GPL-2.0
/*
 * The module's own workqueues.
 *
 * LIO's task management sleeps on a system workqueue until the commands that it aborts have ended.
 * 256 such works per processor fill that queue. A watchdog that has to end those commands must not
 * wait behind them, so no work of this module runs on a system workqueue:
 *
 *	trbd_tick_wq	looks at times and gives up. Its works never wait for the cluster or for
 *			each other
 *	trbd_wait_wq	works that may wait for the cluster
 *	trbd_io_wq	goes on with I/O (rbd/io.c)
 *
 * The queues are unbound, so a work also runs when the processor that queued it is busy. The queues
 * have rescuers, so a work also runs when the system is short of memory. Freeing memory may depend
 * on the writes that these works let go on.
 */
#include <linux/errno.h>
#include <linux/workqueue.h>

#include "rados/queues.h"

struct workqueue_struct *trbd_tick_wq;
struct workqueue_struct *trbd_wait_wq;

/**
 * trbd_queues_init() - make the workqueues
 *
 * Context: module init, before anything else can queue work.
 * Return: 0 or -ENOMEM.
 */
int trbd_queues_init(void)
{
	trbd_tick_wq = alloc_workqueue("trbd-tick", WQ_UNBOUND | WQ_MEM_RECLAIM | WQ_HIGHPRI, 0);
	if (!trbd_tick_wq)
		return -ENOMEM;
	trbd_wait_wq = alloc_workqueue("trbd-wait", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!trbd_wait_wq) {
		destroy_workqueue(trbd_tick_wq);
		return -ENOMEM;
	}
	return 0;
}

/**
 * trbd_queues_exit() - destroy the workqueues
 *
 * Context: module exit; no work is queued any more.
 */
void trbd_queues_exit(void)
{
	destroy_workqueue(trbd_wait_wq);
	destroy_workqueue(trbd_tick_wq);
}
