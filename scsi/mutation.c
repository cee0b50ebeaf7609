// SPDX-License-Identifier: GPL-2.0
/*
 * Commands that change data: from execute_cmd, when the data are complete, to the end.
 *
 *	begin --> admitted --> entered --> start: image I/Os, each with the time the command was accepted
 *	  |          ^            ^
 *	  |          |            +--- waiting, while the image is quiesced (rbd/quiesce.c) --> BUSY
 *	  |          | within the guard's window
 *	  +--> waiting, while the group of gateways cannot be reached --> BUSY
 *	  +--> BUSY: this gateway was out of touch a moment ago
 *
 * A command is accepted when LIO takes it up, before it waits for its data or behind other commands. The common time of
 * that moment is worked out here and nowhere else; see rados/guard.c for what hangs on it.
 *
 * The guard relies on initiators: none writes something newer before it gave the older write up, and that takes longer
 * than the guard's window. An error makes them give up at once. When a session gets a new identity (rados/recovery.c),
 * commands end with an error though OSDs may have what was sent in their queues. Such an end waits until the guard lets
 * none of it through any more, also beside what a gateway writes whose clock is behind. It takes that long only for
 * commands that began a moment ago; what somebody gave up waiting for is older.
 */
#include <linux/kernel.h>
#include <linux/mempool.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <target/target_core_base.h>

#include "gateway/group.h"
#include "rados/session.h"
#include "rbd/image.h"
#include "rbd/io.h"
#include "scsi/command.h"
#include "scsi/mutation.h"
#include "scsi/nexus.h"
#include "scsi/patience.h"
#include "scsi/sense.h"
#include "target_core_rbd.h"

#define MUTATION_POOL_SIZE	64

static struct kmem_cache *mutation_cache;
static mempool_t *mutation_pool;

static void mutation_end(struct trbd_mutation_cmd *m, int result)
{
	void (*finish)(struct se_cmd *cmd, int result) = m->finish;
	struct se_cmd *cmd = m->cmd;

	if (m->memory)
		sgl_free(m->memory);
	mempool_free(m, mutation_pool);
	finish(cmd, result);
}

static struct trbd_image *mutation_image(struct trbd_mutation_cmd *m)
{
	return to_trbd_device(m->cmd->se_dev)->image;
}

static void mutation_entered(struct trbd_quiesce_waiter *gate, int err)
{
	struct trbd_mutation_cmd *m = container_of(gate, struct trbd_mutation_cmd, gate);

	if (err) {
		mutation_end(m, err);
		return;
	}
	m->start(m);
	trbd_mutation_put(m, 0);
}

static void mutation_admitted(struct trbd_group_ticket *ticket, int err)
{
	struct trbd_mutation_cmd *m = container_of(ticket, struct trbd_mutation_cmd, ticket);

	if (err) {
		mutation_end(m, err);
		return;
	}
	m->gate.run = mutation_entered;
	if (!trbd_quiesce_enter(&mutation_image(m)->quiesce, &m->gate))
		mutation_entered(&m->gate, 0);
}

/**
 * trbd_mutation_begin() - accept a command that changes data
 * @cmd: command with its data complete
 * @start: begins the I/O; takes a place in pending for each. Called at once, or later on the group's thread, or never
 *
 * Context: process; never sleeps for the network. The command may be over when this returns.
 */
void trbd_mutation_begin(struct se_cmd *cmd, trbd_mutation_start start)
{
	struct trbd_device *dev = to_trbd_device(cmd->se_dev);
	struct trbd_mutation_cmd *m;
	int ret;

	/* LIO refuses writes to a read-only device before this */
	if (!dev->group) {
		trbd_complete(cmd, -EROFS);
		return;
	}
	m = mempool_alloc(mutation_pool, GFP_NOWAIT | __GFP_NOWARN);
	if (!m) {
		trbd_complete(cmd, -ENOMEM);
		return;
	}
	m->cmd = cmd;
	m->start = start;
	m->result = 0;
	m->finish = trbd_complete;
	m->memory = NULL;
	atomic_set(&m->pending, 1);
	m->ticket.run = mutation_admitted;
	if (trbd_nexus_is_quarantined(cmd))
		ret = -EBUSY;
	else
		ret = trbd_group_admit(dev->group, &m->ticket, trbd_command_received(cmd));
	if (ret != -EINPROGRESS)
		mutation_admitted(&m->ticket, ret);
}

static void mutation_leave(struct trbd_mutation_cmd *m)
{
	trbd_quiesce_leave(&mutation_image(m)->quiesce, &m->gate);
	mutation_end(m, m->result);
}

static void mutation_out_of_doubt(struct work_struct *work)
{
	mutation_leave(container_of(to_delayed_work(work), struct trbd_mutation_cmd, doubt));
}

/* Return: for how long something of it may be carried out yet, though it has ended; 0 for what is certain. */
static u64 mutation_doubt_ms(struct trbd_mutation_cmd *m)
{
	struct trbd_device *dev = to_trbd_device(m->cmd->se_dev);
	u64 age_ms;

	if (!m->result || (m->result != -ENOTCONN && m->result != -ESHUTDOWN &&
			   !trbd_session_is_recovering(dev->image->session)))
		return 0;
	age_ms = trbd_clock_now(&dev->group->clock) - m->ticket.accepted_ms;
	return age_ms < TRBD_DOUBT_MS ? TRBD_DOUBT_MS - age_ms : 0;
}

/**
 * trbd_mutation_put() - an I/O of the command is over
 * @m: command
 * @result: 0 or a negative errno; the first error is the command's
 *
 * The last one ends the command; after a moment, when that is an error and something of it may be carried out yet.
 *
 * Context: any but hard interrupt.
 */
void trbd_mutation_put(struct trbd_mutation_cmd *m, int result)
{
	u64 doubt_ms;

	if (result)
		cmpxchg(&m->result, 0, result);
	if (!atomic_dec_and_test(&m->pending))
		return;
	doubt_ms = mutation_doubt_ms(m);
	if (doubt_ms) {
		INIT_DELAYED_WORK(&m->doubt, mutation_out_of_doubt);
		queue_delayed_work(trbd_io_wq, &m->doubt, msecs_to_jiffies(doubt_ms));
		return;
	}
	mutation_leave(m);
}

/**
 * trbd_mutation_io_done() - the done of an image I/O of such a command
 * @arg: the command, a struct trbd_mutation_cmd
 * @result: 0 or a negative errno
 */
void trbd_mutation_io_done(void *arg, int result)
{
	trbd_mutation_put(arg, result);
}

static bool mutation_unwanted(void *arg)
{
	return trbd_patience_is_over(((struct trbd_mutation_cmd *)arg)->cmd);
}

/**
 * trbd_mutation_submit() - start an image I/O of such a command
 * @m: command
 * @request: off, len, op and memory are set; the rest is filled in
 *
 * Context: process; never sleeps for the network.
 * Return: 0; what fails is the command's result as well.
 */
int trbd_mutation_submit(struct trbd_mutation_cmd *m, struct trbd_io_request *request)
{
	int ret;

	request->image = to_trbd_device(m->cmd->se_dev)->image;
	request->accepted_ms = m->ticket.accepted_ms;
	request->done = trbd_mutation_io_done;
	request->unwanted = mutation_unwanted;
	request->arg = m;

	atomic_inc(&m->pending);
	ret = trbd_io_submit(request);
	if (ret)
		trbd_mutation_put(m, ret);
	return ret;
}

/**
 * trbd_mutation_init() - make the pool
 *
 * Context: module init.
 * Return: 0 or -ENOMEM.
 */
int trbd_mutation_init(void)
{
	mutation_cache = KMEM_CACHE(trbd_mutation_cmd, 0);
	if (!mutation_cache)
		return -ENOMEM;
	mutation_pool = mempool_create_slab_pool(MUTATION_POOL_SIZE, mutation_cache);
	if (!mutation_pool) {
		kmem_cache_destroy(mutation_cache);
		return -ENOMEM;
	}
	return 0;
}

/**
 * trbd_mutation_exit() - undo trbd_mutation_init()
 *
 * Context: module exit.
 */
void trbd_mutation_exit(void)
{
	mempool_destroy(mutation_pool);
	kmem_cache_destroy(mutation_cache);
}
