/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_ADMIT_H
#define TRBD_SCSI_ADMIT_H

#include <linux/types.h>

struct se_cmd;
struct trbd_cdb;

bool trbd_admit_command(struct se_cmd *cmd, const struct trbd_cdb *row);
bool trbd_admit_is_awaited(struct se_cmd *cmd);

#endif /* TRBD_SCSI_ADMIT_H */
