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
 * it tells of commands that are aborted, and takes them off its list, so for these it is looked whether anything is
 * left of what was in flight at that moment.
 */
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/spinlock.h>

#include "compat/target.h"
#include "gateway/lu_state.h"
#include "rados/queues.h"
#include "rados/recovery.h"
#include "rbd/image.h"
#include "scsi/nexus.h"
#include "scsi/patience.h"
#include "target_core_rbd.h"

/* with what it takes to look and to end, less than the 15 seconds that initiators wait for an abort */
#define PATIENCE_MS		10000
#define PATIENCE_LOOK_MS	1000

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

/*
 * Looks for such commands: for the suspect, or for another one if that has ended. A reservation command is interrupted,
 * which no OSD is needed for. Return: whether there is any.
 */
static bool patience_find(struct trbd_patience *patience, struct trbd_device *dev)
{
	struct se_device *se_dev = &dev->se_dev;
	bool same = false;
	const struct se_cmd *found = NULL;
	unsigned int over = 0;
	struct se_cmd *cmd;
	unsigned long flags;
	u64 tag = 0;
	int i;

	for (i = 0; i < se_dev->queue_cnt; i++) {
		struct se_device_queue *queue = &se_dev->queues[i];

		spin_lock_irqsave(&queue->lock, flags);
		list_for_each_entry(cmd, &queue->state_list, state_list) {
			if (!trbd_patience_is_over(cmd))
				continue;
			over++;
			same |= cmd == patience->suspect && cmd->tag == patience->tag;
			found = cmd;
			tag = cmd->tag;
		}
		spin_unlock_irqrestore(&queue->lock, flags);
	}
	if (!same) {
		patience->suspect = found;
		patience->tag = tag;
		/* while they get fewer, these have been over for as long */
		if (over >= patience->over)
			patience->since = jiffies;
	}
	patience->over = over;
	if (over && dev->lu)
		trbd_lu_drop_unwanted(dev->lu);
	return over;
}

static bool patience_is_at_its_end(struct trbd_patience *patience, struct trbd_device *dev)
{
	const unsigned long limit = msecs_to_jiffies(PATIENCE_MS);
	unsigned long since;

	if (patience_find(patience, dev) && time_after(jiffies, patience->since + limit))
		return true;
	/* taken back before it is looked, or an abort that comes meanwhile would be forgotten */
	if (!atomic_xchg(&patience->aborting, 0) || !trbd_nexus_turning(&dev->nexuses, &since))
		return false;
	atomic_set(&patience->aborting, 1);
	return time_after(jiffies, since + limit);
}

static void patience_look(struct work_struct *work)
{
	struct trbd_patience *patience = container_of(to_delayed_work(work), struct trbd_patience, look);
	struct trbd_device *dev = container_of(patience, struct trbd_device, patience);

	if (patience_is_at_its_end(patience, dev)) {
		/* what is not gone with this has as long again; one new identity after the other helps nobody */
		patience->since = jiffies;
		pr_warn_ratelimited("%s: commands that were aborted, or whose session or LUN ends, have no answer after %u s; giving up what is in flight\n",
				    dev->image->name, PATIENCE_MS / 1000);
		trbd_recovery_give_up(dev->image->session);
	}
	queue_delayed_work(trbd_tick_wq, &patience->look, msecs_to_jiffies(PATIENCE_LOOK_MS));
}

/**
 * trbd_patience_abort() - a task management function is about to wait for commands
 * @se_dev: device
 * @aborted: which
 *
 * Context: process.
 */
void trbd_patience_abort(struct se_device *se_dev, struct list_head *aborted)
{
	struct trbd_device *dev = to_trbd_device(se_dev);

	if (list_empty(aborted))
		return;
	/* what they have written so far is brought into force by whoever comes next */
	if (dev->lu)
		trbd_lu_drop_unwanted(dev->lu);
	trbd_nexus_turn(&dev->nexuses);
	atomic_set(&dev->patience.aborting, 1);
}

/**
 * trbd_patience_init() - nobody waits
 * @patience: its memory
 */
void trbd_patience_init(struct trbd_patience *patience)
{
	INIT_DELAYED_WORK(&patience->look, patience_look);
	atomic_set(&patience->aborting, 0);
}

/**
 * trbd_patience_start() - look after a device from now on
 * @patience: of a device whose image is open
 *
 * Context: process.
 */
void trbd_patience_start(struct trbd_patience *patience)
{
	patience->suspect = NULL;
	patience->over = 0;
	queue_delayed_work(trbd_tick_wq, &patience->look, msecs_to_jiffies(PATIENCE_LOOK_MS));
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
