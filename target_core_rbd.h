/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the floors above rbd/ share.
 */
#ifndef TARGET_CORE_RBD_H
#define TARGET_CORE_RBD_H

#include <linux/mutex.h>
#include <target/target_core_base.h>

#include "config.h"
#include "scsi/unit_attention.h"

struct trbd_group;
struct trbd_image;

/**
 * struct trbd_device - a backstore
 * @se_dev: LIO's part
 * @lock: guards @config, @image and @group against configfs writers; never taken on the data path
 * @config: what was written to the control file
 * @image: open while the device is enabled. LIO starts commands only between configure_device and destroy_device, so
 *	the data path reads it without a lock.
 * @group: the gateways of the image's pool, as long as @image; NULL for a snapshot, which nobody writes
 * @ua: what its nexuses have to be told
 */
struct trbd_device {
	struct se_device se_dev;
	struct mutex lock;	/* see above */
	struct trbd_config config;
	struct trbd_image *image;
	struct trbd_group *group;
	struct trbd_ua_table ua;
};

static inline struct trbd_device *to_trbd_device(struct se_device *se_dev)
{
	return container_of(se_dev, struct trbd_device, se_dev);
}

#endif /* TARGET_CORE_RBD_H */
