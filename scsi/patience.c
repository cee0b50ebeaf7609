// SPDX-License-Identifier: GPL-2.0
/*
 * Commands that nobody wants any more, and that do not end because OSDs do not answer.
 *
 * Whoever asks LIO to abort a command, ends a session or removes a LUN waits until the commands concerned have ended,
 * and cannot be killed. A write ends with its answer, since it may land until then. So when OSDs do not answer for
 * long, the gateway gives up: everything that it has in flight on that cluster ends with an error, and it takes a new
 * identity (rados/recovery.c). That takes other commands along, which is why it is not done sooner, or for commands
 * that somebody still waits for: a cluster that stands still is a delay, and no error.
 *
 * LIO marks LUNs that go away, and the commands of an iSCSI session that ends, or, as for other fabrics, the session;
 * it tells of commands that are aborted, and takes them off its list. All of them are kept in a list of our own until
 * they end, each with the time since when nobody wants it. What of them was never sent is taken back at once
 * (rados/unsent.c). Nothing else is a reason to give up, however long others take that were in flight beside them.
 */
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "compat/target.h"
#include "gateway/lu.h"
#include "rados/queues.h"
#include "rados/session.h"
#include "rbd/image.h"
#include "rbd/object_io.h"
#include "scsi/nexus.h"
#include "scsi/patience.h"
#include "target_core_rbd.h"

/**
 * trbd_patience_is_over() - does somebody wait for the end of this command, and not for its answer?
 * @cmd: command in flight
 *
 * Context: any.
 * Return: true if it is aborted, or if its session or its LUN ends.
 */
bool trbd_patience_is_over(const struct se_cmd *cmd)
{
	return READ_ONCE(cmd->transport_state) & (CMD_T_ABORTED | CMD_T_STOP | CMD_T_FABRIC_STOP) ||
	       READ_ONCE(cmd->se_lun->lun_shutdown) || trbd_compat_session_stops(cmd);
}

/**
 * struct abandoned - a command in flight that nobody wants any more
 * @node: among all of the device
 * @cmd: command; compared, never followed
 * @since: jiffies when it was found, or when the gateway last gave up what it had in flight
 */
struct abandoned {
	struct list_head node;
	const struct se_cmd *cmd;
	unsigned long since;
};

static struct abandoned *patience_find(struct trbd_patience *patience, const struct se_cmd *cmd)
{
	struct abandoned *abandoned;

	lockdep_assert_held(&patience->lock);

	list_for_each_entry(abandoned, &patience->abandoned, node) {
		if (abandoned->cmd == cmd)
			return abandoned;
	}
	return NULL;
}

static void patience_forget(struct trbd_patience *patience, const struct se_cmd *cmd)
{
	struct abandoned *abandoned;
	unsigned long flags;

	spin_lock_irqsave(&patience->lock, flags);
	abandoned = patience_find(patience, cmd);
	if (abandoned) {
		list_del(&abandoned->node);
		WRITE_ONCE(patience->count, patience->count - 1);
	}
	spin_unlock_irqrestore(&patience->lock, flags);
	kfree(abandoned);
}

/* Return: false if the command is known. */
static bool patience_add(struct trbd_patience *patience, struct abandoned *abandoned)
{
	unsigned long flags;
	bool known;

	spin_lock_irqsave(&patience->lock, flags);
	known = patience_find(patience, abandoned->cmd);
	if (!known) {
		list_add_tail(&abandoned->node, &patience->abandoned);
		WRITE_ONCE(patience->count, patience->count + 1);
	}
	spin_unlock_irqrestore(&patience->lock, flags);
	return !known;
}

/* Counts a command that LIO does not free meanwhile, if it is in flight. */
static void patience_abandon(struct trbd_device *dev, const struct se_cmd *cmd, gfp_t gfp)
{
	struct abandoned *abandoned = kmalloc(sizeof(*abandoned), gfp);

	/* found again in a second */
	if (!abandoned)
		return;
	abandoned->cmd = cmd;
	abandoned->since = jiffies;
	if (!patience_add(&dev->patience, abandoned)) {
		kfree(abandoned);
		return;
	}
	/* pairs with the barrier in trbd_patience_end(): it ends and sees the count, or has ended and is seen here */
	smp_mb();
	if (!trbd_nexus_has(&dev->nexuses, cmd))
		patience_forget(&dev->patience, cmd);
}

/* Looks for commands whose session or LUN ends. Return: whether there are any. */
static bool patience_search(struct trbd_device *dev)
{
	struct se_device *se_dev = &dev->se_dev;
	struct se_cmd *cmd;
	unsigned long flags;
	bool found = false;
	int i;

	for (i = 0; i < se_dev->queue_cnt; i++) {
		struct se_device_queue *queue = &se_dev->queues[i];

		spin_lock_irqsave(&queue->lock, flags);
		list_for_each_entry(cmd, &queue->state_list, state_list) {
			if (!trbd_patience_is_over(cmd))
				continue;
			found = true;
			patience_abandon(dev, cmd, GFP_ATOMIC | __GFP_NOWARN);
		}
		spin_unlock_irqrestore(&queue->lock, flags);
	}
	return found;
}

/* Have some been waited for too long? They have as long again then: one new identity after the other helps nobody. */
static bool patience_is_at_its_end(struct trbd_patience *patience)
{
	struct abandoned *abandoned;
	unsigned long flags;
	bool late = false;

	spin_lock_irqsave(&patience->lock, flags);
	list_for_each_entry(abandoned, &patience->abandoned, node)
		late |= time_after(jiffies, abandoned->since + msecs_to_jiffies(TRBD_ABANDONED_MS));
	if (late) {
		list_for_each_entry(abandoned, &patience->abandoned, node)
			abandoned->since = jiffies;
	}
	spin_unlock_irqrestore(&patience->lock, flags);
	return late;
}

static void patience_look(struct work_struct *work)
{
	struct trbd_patience *patience = container_of(to_delayed_work(work), struct trbd_patience, look);
	struct trbd_device *dev = container_of(patience, struct trbd_device, patience);

	if (patience_search(dev) && dev->lu)
		trbd_lu_drop_unwanted(dev->lu);
	/* what was never sent can be taken back, and is no reason to give up */
	if (READ_ONCE(patience->count))
		trbd_object_io_cancel_unwanted(dev->image->session);
	if (patience_is_at_its_end(patience)) {
		pr_warn_ratelimited("%s: commands that were aborted, or whose session or LUN ends, have no answer after %u s; giving up what is in flight\n",
				    dev->image->name, TRBD_ABANDONED_MS / 1000);
		trbd_session_give_up(dev->image->session);
	}
	queue_delayed_work(trbd_tick_wq, &patience->look, msecs_to_jiffies(TRBD_ABANDONED_LOOK_MS));
}

/**
 * trbd_patience_abort() - a task management function is about to wait for commands
 * @se_dev: device
 * @aborted: which; LIO has taken them off its list
 *
 * Context: process.
 */
void trbd_patience_abort(struct se_device *se_dev, struct list_head *aborted)
{
	struct trbd_device *dev = to_trbd_device(se_dev);
	struct se_cmd *cmd;

	if (list_empty(aborted))
		return;
	list_for_each_entry(cmd, aborted, state_list)
		patience_abandon(dev, cmd, GFP_NOIO | __GFP_NOFAIL);
	/* what reservation commands have written so far is brought into force by whoever comes next */
	if (dev->lu)
		trbd_lu_drop_unwanted(dev->lu);
}

/**
 * trbd_patience_end() - a command is about to be answered
 * @cmd: command, whether it was counted with its nexus or not
 *
 * Context: any.
 */
void trbd_patience_end(struct se_cmd *cmd)
{
	struct trbd_patience *patience = &to_trbd_device(cmd->se_dev)->patience;

	trbd_nexus_end(cmd);
	/* behind the atomic there; pairs with patience_abandon() */
	smp_mb__after_atomic();
	if (READ_ONCE(patience->count))
		patience_forget(patience, cmd);
}

/**
 * trbd_patience_init() - nobody waits
 * @patience: its memory
 */
void trbd_patience_init(struct trbd_patience *patience)
{
	INIT_DELAYED_WORK(&patience->look, patience_look);
	spin_lock_init(&patience->lock);
	INIT_LIST_HEAD(&patience->abandoned);
}

/**
 * trbd_patience_start() - look after a device from now on
 * @patience: of a device whose image is open
 *
 * Context: process.
 */
void trbd_patience_start(struct trbd_patience *patience)
{
	queue_delayed_work(trbd_tick_wq, &patience->look, msecs_to_jiffies(TRBD_ABANDONED_LOOK_MS));
}

/**
 * trbd_patience_stop() - and no longer
 * @patience: of a device without commands, started or not
 *
 * Context: process; may sleep.
 */
void trbd_patience_stop(struct trbd_patience *patience)
{
	cancel_delayed_work_sync(&patience->look);
}
