/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_COMMAND_H
#define TRBD_SCSI_COMMAND_H

#include <target/target_core_base.h>

sense_reason_t trbd_parse_cdb(struct se_cmd *cmd);

#endif /* TRBD_SCSI_COMMAND_H */
