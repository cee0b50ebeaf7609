/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the floors above rbd/ share.
 */
#ifndef TARGET_CORE_RBD_H
#define TARGET_CORE_RBD_H

#include <linux/mutex.h>
#include <target/target_core_base.h>

#include "config.h"
#include "scsi/nexus.h"
#include "scsi/patience.h"

struct trbd_group;
struct trbd_image;
struct trbd_lu;

/**
 * struct trbd_device - a backstore
 * @se_dev: LIO's part
 * @lock: guards @config, @image and @group against configfs writers; never taken on the data path
 * @config: what was written to the control file
 * @image: open while the device is enabled. LIO starts commands only between configure_device and destroy_device, so
 *	the data path reads it without a lock.
 * @group: the gateways of the image's pool, as long as @image; NULL for a snapshot, which nobody writes
 * @lu_lock: guards @lu against the image's watch, which does not know when the device goes
 * @lu: what all gateways of the image share, as long as @image; NULL for a snapshot. Commands read it without a lock.
 * @nexuses: its I_T nexuses
 * @patience: for how long commands that nobody wants any more have not ended
 */
struct trbd_device {
	struct se_device se_dev;
	struct mutex lock;	/* see above */
	struct trbd_config config;
	struct trbd_image *image;
	struct trbd_group *group;
	struct mutex lu_lock;	/* see above */
	struct trbd_lu *lu;
	struct trbd_nexus_table nexuses;
	struct trbd_patience patience;
};

static inline struct trbd_device *to_trbd_device(struct se_device *se_dev)
{
	return container_of(se_dev, struct trbd_device, se_dev);
}

#endif /* TARGET_CORE_RBD_H */
