/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_VERIFY_H
#define TRBD_SCSI_VERIFY_H

#include <target/target_core_base.h>

int trbd_verify_init(void);
void trbd_verify_exit(void);
bool trbd_verify_fits(const struct se_cmd *cmd);
sense_reason_t trbd_execute_verify(struct se_cmd *cmd);
sense_reason_t trbd_execute_write_verify(struct se_cmd *cmd);

#endif /* TRBD_SCSI_VERIFY_H */
