/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_LOG_SENSE_H
#define TRBD_SCSI_LOG_SENSE_H

#include <target/target_core_base.h>

sense_reason_t trbd_execute_log_sense(struct se_cmd *cmd);

#endif /* TRBD_SCSI_LOG_SENSE_H */
