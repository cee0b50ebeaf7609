/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_CONDITION_H
#define TRBD_SCSI_CONDITION_H

#include <target/target_core_base.h>

sense_reason_t trbd_execute_test_unit_ready(struct se_cmd *cmd);
sense_reason_t trbd_execute_start_stop(struct se_cmd *cmd);
sense_reason_t trbd_execute_send_diagnostic(struct se_cmd *cmd);

#endif /* TRBD_SCSI_CONDITION_H */
