/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_OPCODES_H
#define TRBD_SCSI_OPCODES_H

#include <target/target_core_base.h>

sense_reason_t trbd_execute_report_opcodes(struct se_cmd *cmd);
sense_reason_t trbd_execute_report_task_management(struct se_cmd *cmd);

#endif /* TRBD_SCSI_OPCODES_H */
