// SPDX-License-Identifier: GPL-2.0
/*
 * Abandoned commands: commands in flight that were aborted, or whose session or LUN goes away.
 *
 * A task management function, the end of a session and the removal of a LUN wait until the commands
 * concerned have ended, and cannot be killed. A write ends only with its answer, since it may land
 * until then. So when OSDs do not answer for long, the gateway gives up: everything that it has in
 * flight on that cluster ends with an error, and the gateway takes a new identity
 * (rados/recovery.c). That hits other commands as well. So the gateway gives up no sooner than it
 * must, and never for commands whose answer is still wanted: a cluster that stands still is a
 * delay, not an error.
 *
 * LIO marks LUNs that go away, and the commands of an iSCSI session that ends. For other fabrics it
 * marks the session. It reports commands that are aborted, and takes them off its list. This file
 * keeps all of these commands in a list until they end, each with the time since when it has been
 * abandoned. Requests of theirs that were never sent are taken back at once (rados/unsent.c).
 * Nothing else is a reason to give up, however long other commands take that were in flight beside
 * them.
 */
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "compat/target.h"
#include "gateway/lu.h"
#include "protocol.h"
#include "rados/queues.h"
#include "rados/session.h"
#include "rbd/image.h"
#include "rbd/object_io.h"
#include "scsi/abandoned.h"
#include "scsi/nexus_in_flight.h"
#include "scsi/serving.h"
#include "scsi/unit.h"

/**
 * trbd_cmd_is_abandoned() - tell whether a command's end is awaited, and its answer is not
 * @cmd: command in flight
 *
 * Context: any.
 * Return: true if it is aborted, or if its session or its LUN goes away.
 */
bool trbd_cmd_is_abandoned(const struct se_cmd *cmd)
{
	return READ_ONCE(cmd->transport_state) & (CMD_T_ABORTED | CMD_T_STOP | CMD_T_FABRIC_STOP) ||
	       READ_ONCE(cmd->se_lun->lun_shutdown) || trbd_compat_session_stops(cmd);
}

/**
 * struct abandoned_cmd - an abandoned command
 * @node: entry in the unit's list
 * @cmd: the command; compared, never followed
 * @since: jiffies when it was found, or when the gateway last gave up what it had in flight
 */
struct abandoned_cmd {
	struct list_head node;
	const struct se_cmd *cmd;
	unsigned long since;
};

static struct abandoned_cmd *abandoned_find(struct trbd_abandoned *abandoned,
					    const struct se_cmd *cmd)
{
	struct abandoned_cmd *entry;

	lockdep_assert_held(&abandoned->lock);

	list_for_each_entry(entry, &abandoned->cmds, node) {
		if (entry->cmd == cmd)
			return entry;
	}
	return NULL;
}

static void abandoned_forget(struct trbd_abandoned *abandoned, const struct se_cmd *cmd)
{
	struct abandoned_cmd *entry;
	unsigned long flags;

	spin_lock_irqsave(&abandoned->lock, flags);
	entry = abandoned_find(abandoned, cmd);
	if (entry) {
		list_del(&entry->node);
		WRITE_ONCE(abandoned->count, abandoned->count - 1);
	}
	spin_unlock_irqrestore(&abandoned->lock, flags);
	kfree(entry);
}

/* Add a command to the list. Return false if it is there already. */
static bool abandoned_add(struct trbd_abandoned *abandoned, struct abandoned_cmd *entry)
{
	unsigned long flags;
	bool known;

	spin_lock_irqsave(&abandoned->lock, flags);
	known = abandoned_find(abandoned, entry->cmd);
	if (!known) {
		list_add_tail(&entry->node, &abandoned->cmds);
		WRITE_ONCE(abandoned->count, abandoned->count + 1);
	}
	spin_unlock_irqrestore(&abandoned->lock, flags);
	return !known;
}

/* Note a command if it is in flight. LIO does not free it meanwhile. */
static void abandoned_note(struct trbd_unit *unit, const struct se_cmd *cmd, gfp_t gfp)
{
	struct abandoned_cmd *entry = kmalloc(sizeof(*entry), gfp);

	/* the next look will find the command again */
	if (!entry)
		return;
	entry->cmd = cmd;
	entry->since = jiffies;
	if (!abandoned_add(&unit->abandoned, entry)) {
		kfree(entry);
		return;
	}
	/*
	 * This pairs with the barrier in trbd_cmd_end(): either the command ends later and sees the
	 * count, or we see its end here.
	 */
	smp_mb();
	if (!trbd_nexus_has(&unit->nexuses, cmd))
		abandoned_forget(&unit->abandoned, cmd);
}

/* Look for commands whose session or LUN goes away. Return whether there are any. */
static bool abandoned_search(struct trbd_unit *unit)
{
	struct se_device *se_dev = &unit->se_dev;
	struct se_cmd *cmd;
	unsigned long flags;
	bool found = false;
	int i;

	for (i = 0; i < se_dev->queue_cnt; i++) {
		struct se_device_queue *queue = &se_dev->queues[i];

		spin_lock_irqsave(&queue->lock, flags);
		list_for_each_entry(cmd, &queue->state_list, state_list) {
			if (!trbd_cmd_is_abandoned(cmd))
				continue;
			found = true;
			abandoned_note(unit, cmd, GFP_ATOMIC | __GFP_NOWARN);
		}
		spin_unlock_irqrestore(&queue->lock, flags);
	}
	return found;
}

/*
 * Tell whether a command has been abandoned for too long. If so, give all of them as much time
 * again: taking one new identity after the other would help nobody.
 */
static bool abandoned_is_overdue(struct trbd_abandoned *abandoned)
{
	struct abandoned_cmd *entry;
	unsigned long flags;
	bool late = false;

	spin_lock_irqsave(&abandoned->lock, flags);
	list_for_each_entry(entry, &abandoned->cmds, node)
		late |= time_after(jiffies, entry->since + msecs_to_jiffies(TRBD_ABANDONED_MS));
	if (late) {
		list_for_each_entry(entry, &abandoned->cmds, node)
			entry->since = jiffies;
	}
	spin_unlock_irqrestore(&abandoned->lock, flags);
	return late;
}

static void abandoned_look(struct work_struct *work)
{
	struct trbd_abandoned *abandoned =
		container_of(to_delayed_work(work), struct trbd_abandoned, look);
	struct trbd_unit *unit = container_of(abandoned, struct trbd_unit, abandoned);

	trbd_serving_sample(unit);
	if (abandoned_search(unit) && unit->lu)
		trbd_lu_drop_unwanted(unit->lu);
	/* requests that were never sent can be taken back, and are no reason to give up */
	if (READ_ONCE(abandoned->count))
		trbd_object_io_cancel_unwanted(unit->image);
	if (abandoned_is_overdue(abandoned)) {
		pr_warn_ratelimited("%s: commands that were aborted, or whose session or LUN ends, have no answer after %u s; giving up what is in flight\n",
				    unit->image->name, TRBD_ABANDONED_MS / 1000);
		trbd_session_give_up(unit->image->session);
	}
	queue_delayed_work(trbd_tick_wq, &abandoned->look,
			   msecs_to_jiffies(TRBD_ABANDONED_LOOK_MS));
}

/**
 * trbd_abandoned_note_aborts() - note commands that a task management function is about to wait for
 * @unit: logical unit
 * @aborted: the commands; LIO has taken them off its list
 *
 * Context: process.
 */
void trbd_abandoned_note_aborts(struct trbd_unit *unit, struct list_head *aborted)
{
	struct se_cmd *cmd;

	if (list_empty(aborted))
		return;
	list_for_each_entry(cmd, aborted, state_list)
		abandoned_note(unit, cmd, GFP_NOIO | __GFP_NOFAIL);
	/*
	 * the next reservation command brings into force whatever these commands have written so
	 * far
	 */
	if (unit->lu)
		trbd_lu_drop_unwanted(unit->lu);
}

/**
 * trbd_cmd_end() - take a command out of all lists, since it is about to be answered
 * @cmd: command, whether it was counted with its nexus or not
 *
 * Context: any.
 */
void trbd_cmd_end(struct se_cmd *cmd)
{
	struct trbd_abandoned *abandoned = &to_trbd_unit(cmd->se_dev)->abandoned;

	trbd_nexus_end(cmd);
	/*
	 * orders this after the atomic operation in trbd_nexus_end(); pairs with abandoned_note()
	 */
	smp_mb__after_atomic();
	if (READ_ONCE(abandoned->count))
		abandoned_forget(abandoned, cmd);
}

/**
 * trbd_abandoned_init() - make an empty list
 * @abandoned: its memory
 */
void trbd_abandoned_init(struct trbd_abandoned *abandoned)
{
	INIT_DELAYED_WORK(&abandoned->look, abandoned_look);
	spin_lock_init(&abandoned->lock);
	INIT_LIST_HEAD(&abandoned->cmds);
}

/**
 * trbd_abandoned_start() - look for abandoned commands from now on
 * @abandoned: part of a unit whose image is open
 *
 * Context: process.
 */
void trbd_abandoned_start(struct trbd_abandoned *abandoned)
{
	queue_delayed_work(trbd_tick_wq, &abandoned->look,
			   msecs_to_jiffies(TRBD_ABANDONED_LOOK_MS));
}

/**
 * trbd_abandoned_stop() - undo trbd_abandoned_start()
 * @abandoned: part of a unit without commands, started or not
 *
 * Context: process; may sleep.
 */
void trbd_abandoned_stop(struct trbd_abandoned *abandoned)
{
	cancel_delayed_work_sync(&abandoned->look);
}
