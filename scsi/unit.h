/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_UNIT_H
#define TRBD_SCSI_UNIT_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <target/target_core_base.h>

#include "scsi/nexus.h"
#include "scsi/throttle_state.h"

struct trbd_group;
struct trbd_image;
struct trbd_lu;
struct trbd_tally;

/**
 * struct trbd_abandoned - the abandoned commands of a logical unit
 * @look: looks for them once a second while the unit is open
 * @lock: guards @cmds; also taken in interrupts
 * @cmds: abandoned commands in flight, in the order in which they were found
 * @count: length of @cmds; read without the lock whenever a command ends
 */
struct trbd_abandoned {
	struct delayed_work look;
	spinlock_t lock;	/* see above */
	struct list_head cmds;
	unsigned int count;
};

/**
 * struct trbd_unit - a logical unit, as this gateway serves it
 * @se_dev: the part that LIO sees
 * @image: open while the backstore is enabled. LIO starts commands only between configure_device
 *	and destroy_device, so the data path reads it without a lock.
 * @group: the gateways of the image's pool, as long as @image; NULL for a snapshot, to which nobody
 *	writes
 * @lu_lock: guards @lu against callbacks from the image's watch, which may come while the unit goes
 *	away
 * @lu: the state that all gateways of the image share, as long as @image; NULL for a snapshot.
 *	Commands read it without a lock.
 * @nexuses: its I_T nexuses
 * @abandoned: commands in flight whose answer nobody wants any more
 * @throttle: the limits of the unit
 * @ports_missing: for how many looks the record has had a port that LIO does not have here; the
 *	unit's thread's
 * @ports_full: the record has no room for the ports that LIO has here
 * @tally: counters of its commands, for each processor; as long as @image
 * @long_verifies: number of VERIFY commands in progress that are longer than a transfer
 * @unready_since_ms: trbd_clock_local_ms() since when this gateway cannot serve everything, 0 if it
 *	can; scsi/serving.c
 */
struct trbd_unit {
	struct se_device se_dev;
	struct trbd_image *image;
	struct trbd_group *group;
	struct mutex lu_lock;	/* see above */
	struct trbd_lu *lu;
	struct trbd_nexus_table nexuses;
	struct trbd_abandoned abandoned;
	struct trbd_throttle throttle;
	unsigned int ports_missing;
	bool ports_full;
	struct trbd_tally __percpu *tally;
	atomic_t long_verifies;
	atomic64_t unready_since_ms;
};

static inline struct trbd_unit *to_trbd_unit(struct se_device *se_dev)
{
	return container_of(se_dev, struct trbd_unit, se_dev);
}

#endif /* TRBD_SCSI_UNIT_H */
