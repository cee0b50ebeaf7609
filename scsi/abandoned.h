/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_ABANDONED_H
#define TRBD_SCSI_ABANDONED_H

#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct list_head;
struct se_cmd;
struct trbd_unit;

/**
 * struct trbd_abandoned - the abandoned commands of a logical unit
 * @look: looks for them once a second while the unit is open
 * @lock: guards @cmds; also taken in interrupts
 * @cmds: they, as long as they are in flight, in the order in which they were found
 * @count: how many they are; read without the lock whenever a command ends
 */
struct trbd_abandoned {
	struct delayed_work look;
	spinlock_t lock;	/* see above */
	struct list_head cmds;
	unsigned int count;
};

void trbd_abandoned_init(struct trbd_abandoned *abandoned);
void trbd_abandoned_start(struct trbd_abandoned *abandoned);
void trbd_abandoned_stop(struct trbd_abandoned *abandoned);
bool trbd_cmd_is_abandoned(const struct se_cmd *cmd);
void trbd_abandoned_note_aborts(struct trbd_unit *unit, struct list_head *aborted);
void trbd_cmd_end(struct se_cmd *cmd);

#endif /* TRBD_SCSI_ABANDONED_H */
