/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_PR_COMMANDS_H
#define TRBD_SCSI_PR_COMMANDS_H

#include <target/target_core_base.h>

struct trbd_unit;

sense_reason_t trbd_execute_pr_in(struct se_cmd *cmd);
sense_reason_t trbd_execute_pr_out(struct se_cmd *cmd);
sense_reason_t trbd_execute_reserve(struct se_cmd *cmd);
sense_reason_t trbd_execute_release(struct se_cmd *cmd);
void trbd_pr_release_orphan(struct trbd_unit *unit);

#endif /* TRBD_SCSI_PR_COMMANDS_H */
