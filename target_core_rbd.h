/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the floors above rbd/ share.
 */
#ifndef TARGET_CORE_RBD_H
#define TARGET_CORE_RBD_H

#include <linux/atomic.h>
#include <linux/mutex.h>
#include <target/target_core_base.h>

#include "config.h"
#include "scsi/nexus.h"
#include "scsi/patience.h"

struct dentry;
struct trbd_group;
struct trbd_image;
struct trbd_lu;

/**
 * enum trbd_phase - where a backstore is in its life
 * @TRBD_CLOSED: not enabled; it can be configured
 * @TRBD_OPENING: being enabled, which may have to wait for the cluster
 * @TRBD_OPEN: enabled
 */
enum trbd_phase {
	TRBD_CLOSED,
	TRBD_OPENING,
	TRBD_OPEN,
};

/**
 * struct trbd_device - a backstore
 * @se_dev: LIO's part
 * @enable_lock: held by those who enable and disable, also while they wait for the cluster; taken
 *	before @lock
 * @lock: guards @phase, the block size and the limits that go with it, held for moments only; never taken on the
 *	data path. Readers of configfs and debugfs hold it while they look at @image, @group and @lu, which do not
 *	change while @phase is TRBD_OPEN
 * @phase: where the device is in its life
 * @debugfs: its folder there; NULL or an error if it has none
 * @config: what was written to the control file; changes under @lock, while @phase is TRBD_CLOSED
 * @image: open while the device is enabled. LIO starts commands only between configure_device and destroy_device, so
 *	the data path reads it without a lock.
 * @group: the gateways of the image's pool, as long as @image; NULL for a snapshot, which nobody writes
 * @lu_lock: guards @lu against the image's watch, which does not know when the device goes
 * @lu: what all gateways of the image share, as long as @image; NULL for a snapshot. Commands read it without a lock.
 * @nexuses: its I_T nexuses
 * @patience: for how long commands that nobody wants any more have not ended
 * @long_verifies: VERIFY commands in progress that are longer than a transfer
 */
struct trbd_device {
	struct se_device se_dev;
	struct mutex enable_lock;	/* see above */
	struct mutex lock;	/* see above */
	enum trbd_phase phase;
	struct dentry *debugfs;
	struct trbd_config config;
	struct trbd_image *image;
	struct trbd_group *group;
	struct mutex lu_lock;	/* see above */
	struct trbd_lu *lu;
	struct trbd_nexus_table nexuses;
	struct trbd_patience patience;
	atomic_t long_verifies;
};

static inline struct trbd_device *to_trbd_device(struct se_device *se_dev)
{
	return container_of(se_dev, struct trbd_device, se_dev);
}

#endif /* TARGET_CORE_RBD_H */
