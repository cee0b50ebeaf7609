/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_COMPARE_WRITE_H
#define TRBD_SCSI_COMPARE_WRITE_H

#include <target/target_core_base.h>

sense_reason_t trbd_execute_compare_and_write(struct se_cmd *cmd);

#endif /* TRBD_SCSI_COMPARE_WRITE_H */
