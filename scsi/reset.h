/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_RESET_H
#define TRBD_SCSI_RESET_H

struct trbd_unit;

void trbd_reset_unit(struct trbd_unit *unit);

#endif /* TRBD_SCSI_RESET_H */
