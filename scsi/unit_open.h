/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_UNIT_OPEN_H
#define TRBD_SCSI_UNIT_OPEN_H

#include <linux/types.h>

struct trbd_image;
struct trbd_image_ops;
struct trbd_unit;

/* callbacks for the image of a unit; the unit is their owner */
extern const struct trbd_image_ops trbd_unit_image_ops;

void trbd_unit_init(struct trbd_unit *unit);
void trbd_unit_destroy(struct trbd_unit *unit);
int trbd_unit_open(struct trbd_unit *unit, struct trbd_image *image);
void trbd_unit_close(struct trbd_unit *unit);
void trbd_unit_set_attributes(struct trbd_unit *unit);
u64 trbd_unit_last_block(struct trbd_unit *unit);

#endif /* TRBD_SCSI_UNIT_OPEN_H */
