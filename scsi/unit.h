/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_UNIT_H
#define TRBD_SCSI_UNIT_H

#include <linux/atomic.h>
#include <linux/mutex.h>
#include <target/target_core_base.h>

#include "scsi/abandoned.h"
#include "scsi/nexus.h"

struct trbd_group;
struct trbd_image;
struct trbd_image_ops;
struct trbd_lu;

/**
 * struct trbd_unit - a logical unit, as this gateway serves it
 * @se_dev: LIO's part
 * @image: open while the backstore is enabled. LIO starts commands only between configure_device
 *	and destroy_device, so the data path reads it without a lock.
 * @group: the gateways of the image's pool, as long as @image; NULL for a snapshot, which nobody
 *	writes
 * @lu_lock: guards @lu against the image's watch, which does not know when the unit goes
 * @lu: what all gateways of the image share, as long as @image; NULL for a snapshot. Commands read
 *	it without a lock.
 * @nexuses: its I_T nexuses
 * @abandoned: commands in flight that nobody wants any more
 * @long_verifies: VERIFY commands in progress that are longer than a transfer
 */
struct trbd_unit {
	struct se_device se_dev;
	struct trbd_image *image;
	struct trbd_group *group;
	struct mutex lu_lock;	/* see above */
	struct trbd_lu *lu;
	struct trbd_nexus_table nexuses;
	struct trbd_abandoned abandoned;
	atomic_t long_verifies;
};

static inline struct trbd_unit *to_trbd_unit(struct se_device *se_dev)
{
	return container_of(se_dev, struct trbd_unit, se_dev);
}

/* for the image of a unit, with the unit as their owner */
extern const struct trbd_image_ops trbd_unit_image_ops;

void trbd_unit_init(struct trbd_unit *unit);
void trbd_unit_destroy(struct trbd_unit *unit);
int trbd_unit_open(struct trbd_unit *unit, struct trbd_image *image);
void trbd_unit_close(struct trbd_unit *unit);
void trbd_unit_set_attributes(struct trbd_unit *unit);
u64 trbd_unit_last_block(struct trbd_unit *unit);
size_t trbd_unit_show_reservations(struct trbd_unit *unit, char *buf, size_t size);

#endif /* TRBD_SCSI_UNIT_H */
