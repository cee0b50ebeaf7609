/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_PATIENCE_H
#define TRBD_SCSI_PATIENCE_H

#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct list_head;
struct se_cmd;
struct se_device;

/**
 * struct trbd_patience - commands in flight that nobody wants any more
 * @look: comes by once a second while the unit is open
 * @lock: guards @abandoned; also taken in interrupts
 * @abandoned: such commands, as long as they are in flight, in the order in which they were found
 * @count: how many they are; read without the lock whenever a command ends
 */
struct trbd_patience {
	struct delayed_work look;
	spinlock_t lock;	/* see above */
	struct list_head abandoned;
	unsigned int count;
};

void trbd_patience_init(struct trbd_patience *patience);
void trbd_patience_start(struct trbd_patience *patience);
void trbd_patience_stop(struct trbd_patience *patience);
bool trbd_patience_is_over(const struct se_cmd *cmd);
void trbd_patience_abort(struct se_device *se_dev, struct list_head *aborted);
void trbd_patience_end(struct se_cmd *cmd);

#endif /* TRBD_SCSI_PATIENCE_H */
