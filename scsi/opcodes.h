/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_OPCODES_H
#define TRBD_SCSI_OPCODES_H

#include <target/target_core_base.h>

/* SBC-3; the kernel's list has only the command of 10 bytes */
#define TRBD_PRE_FETCH_16	0x90

sense_reason_t trbd_execute_report_opcodes(struct se_cmd *cmd);

#endif /* TRBD_SCSI_OPCODES_H */
