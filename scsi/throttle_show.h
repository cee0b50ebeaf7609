/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_THROTTLE_SHOW_H
#define TRBD_SCSI_THROTTLE_SHOW_H

#include <linux/types.h>

struct trbd_unit;

size_t trbd_throttle_show(struct trbd_unit *unit, char *buf, size_t size);

#endif /* TRBD_SCSI_THROTTLE_SHOW_H */
