/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_UNIT_SETTINGS_H
#define TRBD_SCSI_UNIT_SETTINGS_H

#include "gateway/settings.h"

struct trbd_unit;

void trbd_unit_settings_usual(const struct trbd_unit *unit, u32 block_size,
			      struct trbd_settings *usual);
void trbd_unit_settings_read(const struct trbd_unit *unit, struct trbd_settings *settings);
void trbd_unit_settings_write(struct trbd_unit *unit, const struct trbd_settings *settings);

#endif /* TRBD_SCSI_UNIT_SETTINGS_H */
