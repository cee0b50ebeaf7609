// SPDX-License-Identifier: GPL-2.0
/*
 * Commands that change data: from execute_cmd, when the data are complete, to the end.
 *
 *	begin --> admitted --> entered --> start: image I/Os, each with the time of acceptance
 *	  |          ^            ^
 *	  |          |            +--- waiting, while the image is quiesced (rbd/quiesce.c) --> BUSY
 *	  |          | within the admission time
 *	  +--> waiting, while the group of gateways cannot be reached --> BUSY
 *	  +--> BUSY: this gateway was out of touch a moment ago
 *
 * A command is accepted when LIO takes it up, before it waits for its data or behind other
 * commands. The common time of that moment is worked out here and nowhere else. rados/guard.c
 * explains what depends on it.
 *
 * The guard relies on initiators: before an initiator writes something newer, it gives the older
 * write up, and it does not give up within the admission time. An error makes it give up at once.
 * When a session gets a new identity (rados/recovery.c), commands end with an error although OSDs
 * may still have their requests in their queues. Such an end waits until the guard would refuse all
 * of them, even beside the writes of a gateway whose clock is behind. Only commands that began a
 * moment ago wait that long; a command that an initiator gave up by itself is older.
 */
#include <linux/kernel.h>
#include <linux/mempool.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <target/target_core_base.h>

#include "gateway/group.h"
#include "protocol.h"
#include "rados/session.h"
#include "rbd/image.h"
#include "rbd/io.h"
#include "scsi/abandoned.h"
#include "scsi/cmd.h"
#include "scsi/complete.h"
#include "scsi/nexus_in_flight.h"
#include "scsi/unit.h"
#include "scsi/write_cmd.h"

#define WRITE_CMD_POOL_SIZE	64

static struct kmem_cache *write_cmd_cache;
static mempool_t *write_cmd_pool;

static void write_cmd_end(struct trbd_write_cmd *w, int result)
{
	void (*finish)(struct se_cmd *cmd, int result) = w->finish;
	struct se_cmd *cmd = w->cmd;

	if (w->memory)
		sgl_free(w->memory);
	mempool_free(w, write_cmd_pool);
	finish(cmd, result);
}

static struct trbd_image *write_cmd_image(struct trbd_write_cmd *w)
{
	return to_trbd_unit(w->cmd->se_dev)->image;
}

static void write_cmd_entered(struct trbd_quiesce_waiter *gate, int err)
{
	struct trbd_write_cmd *w = container_of(gate, struct trbd_write_cmd, gate);

	if (err) {
		write_cmd_end(w, err);
		return;
	}
	w->start(w);
	trbd_write_cmd_put(w, 0);
}

static void write_cmd_admitted(struct trbd_group_ticket *ticket, int err)
{
	struct trbd_write_cmd *w = container_of(ticket, struct trbd_write_cmd, ticket);

	if (err) {
		write_cmd_end(w, err);
		return;
	}
	w->gate.run = write_cmd_entered;
	if (!trbd_quiesce_enter(&write_cmd_image(w)->quiesce, &w->gate))
		write_cmd_entered(&w->gate, 0);
}

/**
 * trbd_write_cmd_begin() - accept a command that changes data
 * @cmd: command with its data complete
 * @start: begins the I/O, and adds 1 to pending for each. Called at once, or later on the group's
 *	thread, or never
 *
 * Context: process; never sleeps for the network. The command may be over when this returns.
 */
void trbd_write_cmd_begin(struct se_cmd *cmd, trbd_write_cmd_start start)
{
	struct trbd_unit *unit = to_trbd_unit(cmd->se_dev);
	struct trbd_write_cmd *w;
	int ret;

	/* LIO refuses writes to a read-only unit before this */
	if (!unit->group) {
		trbd_complete(cmd, -EROFS);
		return;
	}
	w = mempool_alloc(write_cmd_pool, GFP_NOWAIT | __GFP_NOWARN);
	if (!w) {
		trbd_complete(cmd, -ENOMEM);
		return;
	}
	w->cmd = cmd;
	w->start = start;
	w->result = 0;
	w->finish = trbd_complete;
	w->memory = NULL;
	atomic_set(&w->pending, 1);
	w->ticket.run = write_cmd_admitted;
	if (trbd_nexus_is_quarantined(cmd))
		ret = -EBUSY;
	else
		ret = trbd_group_admit(unit->group, &w->ticket, trbd_cmd_received(cmd));
	if (ret != -EINPROGRESS)
		write_cmd_admitted(&w->ticket, ret);
}

static void write_cmd_leave(struct trbd_write_cmd *w)
{
	trbd_quiesce_leave(&write_cmd_image(w)->quiesce, &w->gate);
	write_cmd_end(w, w->result);
}

static void write_cmd_out_of_doubt(struct work_struct *work)
{
	write_cmd_leave(container_of(to_delayed_work(work), struct trbd_write_cmd, doubt));
}

/*
 * Return for how long, in ms, an OSD may still carry out a part of the command although it has
 * ended; 0 if its outcome is certain.
 */
static u64 write_cmd_doubt_ms(struct trbd_write_cmd *w)
{
	struct trbd_unit *unit = to_trbd_unit(w->cmd->se_dev);
	u64 age_ms;

	if (!w->result || (w->result != -ENOTCONN && w->result != -ESHUTDOWN &&
			   !trbd_session_is_recovering(unit->image->session)))
		return 0;
	age_ms = trbd_clock_now(&unit->group->clock) - w->ticket.accepted_ms;
	return age_ms < TRBD_DOUBT_MS ? TRBD_DOUBT_MS - age_ms : 0;
}

/**
 * trbd_write_cmd_put() - note that an I/O of a command is over
 * @w: command
 * @result: 0 or a negative errno; the first error is the command's
 *
 * The last I/O ends the command. If the result is an error, and an OSD may still carry out a part
 * of the command, the end waits until that is over.
 *
 * Context: any but hard interrupt.
 */
void trbd_write_cmd_put(struct trbd_write_cmd *w, int result)
{
	u64 doubt_ms;

	if (result)
		cmpxchg(&w->result, 0, result);
	if (!atomic_dec_and_test(&w->pending))
		return;
	doubt_ms = write_cmd_doubt_ms(w);
	if (doubt_ms) {
		INIT_DELAYED_WORK(&w->doubt, write_cmd_out_of_doubt);
		queue_delayed_work(trbd_io_wq, &w->doubt, msecs_to_jiffies(doubt_ms));
		return;
	}
	write_cmd_leave(w);
}

/**
 * trbd_write_cmd_io_done() - note that an image I/O of a command is over
 * @arg: the command, a struct trbd_write_cmd
 * @result: 0 or a negative errno
 */
void trbd_write_cmd_io_done(void *arg, int result)
{
	trbd_write_cmd_put(arg, result);
}

static bool write_cmd_unwanted(void *arg)
{
	return trbd_cmd_is_abandoned(((struct trbd_write_cmd *)arg)->cmd);
}

/**
 * trbd_write_cmd_submit() - start an image I/O of a command
 * @w: command
 * @request: image I/O; off, len, op and memory are set; this fills in the rest
 *
 * An error becomes the command's result.
 *
 * Context: process; never sleeps for the network.
 */
void trbd_write_cmd_submit(struct trbd_write_cmd *w, struct trbd_io_request *request)
{
	int ret;

	request->image = to_trbd_unit(w->cmd->se_dev)->image;
	request->accepted_ms = w->ticket.accepted_ms;
	request->done = trbd_write_cmd_io_done;
	request->unwanted = write_cmd_unwanted;
	request->arg = w;

	atomic_inc(&w->pending);
	ret = trbd_io_submit(request);
	if (ret)
		trbd_write_cmd_put(w, ret);
}

/**
 * trbd_write_cmd_init() - make the pool
 *
 * Context: module init.
 * Return: 0 or -ENOMEM.
 */
int trbd_write_cmd_init(void)
{
	write_cmd_cache = KMEM_CACHE(trbd_write_cmd, 0);
	if (!write_cmd_cache)
		return -ENOMEM;
	write_cmd_pool = mempool_create_slab_pool(WRITE_CMD_POOL_SIZE, write_cmd_cache);
	if (!write_cmd_pool) {
		kmem_cache_destroy(write_cmd_cache);
		return -ENOMEM;
	}
	return 0;
}

/**
 * trbd_write_cmd_exit() - undo trbd_write_cmd_init()
 *
 * Context: module exit.
 */
void trbd_write_cmd_exit(void)
{
	mempool_destroy(write_cmd_pool);
	kmem_cache_destroy(write_cmd_cache);
}
