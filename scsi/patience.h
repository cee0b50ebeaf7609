/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_PATIENCE_H
#define TRBD_SCSI_PATIENCE_H

#include <linux/atomic.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct list_head;
struct se_cmd;
struct se_device;

/**
 * struct trbd_patience - for how long commands that nobody wants any more have not ended
 * @look: comes by once a second while the device is enabled
 * @aborting: a task management function waits for what was in flight when it came
 * @suspect: such a command; compared, never followed
 * @tag: its tag, because memory is used again
 * @since: jiffies when it was first seen, or another that ended since
 * @over: how many there were
 */
struct trbd_patience {
	struct delayed_work look;
	atomic_t aborting;
	const struct se_cmd *suspect;
	u64 tag;
	unsigned long since;
	unsigned int over;
};

void trbd_patience_init(struct trbd_patience *patience);
void trbd_patience_start(struct trbd_patience *patience);
void trbd_patience_stop(struct trbd_patience *patience);
bool trbd_patience_is_over(const struct se_cmd *cmd);
void trbd_patience_abort(struct se_device *se_dev, struct list_head *aborted);

#endif /* TRBD_SCSI_PATIENCE_H */
