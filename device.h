/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A backstore: a logical unit, with its part in configfs. Only the files at the top include this
 * header; the floor below them knows struct trbd_unit.
 */
#ifndef TRBD_DEVICE_H
#define TRBD_DEVICE_H

#include <linux/mutex.h>
#include <target/target_core_base.h>

#include "config.h"
#include "scsi/unit.h"

struct dentry;

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
 * @unit: the logical unit, with LIO's part
 * @enable_lock: held while a process enables or disables the device, also while it waits for the
 *	cluster; taken before @lock
 * @lock: guards @phase, the block size and the limits that go with it; held for moments only, and
 *	never taken on the data path. Readers of configfs and debugfs hold it while they look at the
 *	image, the group and the shared state of @unit, which do not change while @phase is
 *	TRBD_OPEN
 * @phase: where the device is in its life
 * @debugfs: folder of the device in debugfs; NULL or an error if there is none
 * @config: keys from the control file; change under @lock, while @phase is TRBD_CLOSED
 */
struct trbd_device {
	struct trbd_unit unit;
	struct mutex enable_lock;	/* see above */
	struct mutex lock;	/* see above */
	enum trbd_phase phase;
	struct dentry *debugfs;
	struct trbd_config config;
};

static inline struct trbd_device *to_trbd_device(struct se_device *se_dev)
{
	return container_of(to_trbd_unit(se_dev), struct trbd_device, unit);
}

#endif /* TRBD_DEVICE_H */
