/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_COMPLETE_H
#define TRBD_SCSI_COMPLETE_H

#include <linux/types.h>

struct se_cmd;

void trbd_complete(struct se_cmd *cmd, int result);
void trbd_complete_data(struct se_cmd *cmd, size_t len);
void trbd_complete_verdict(struct se_cmd *cmd, int verdict);
void trbd_complete_conflict(struct se_cmd *cmd);
void trbd_complete_sense(struct se_cmd *cmd, u8 key, u8 asc, u8 ascq);
void trbd_complete_miscompare(struct se_cmd *cmd, u64 offset);

#endif /* TRBD_SCSI_COMPLETE_H */
