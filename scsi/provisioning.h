/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_PROVISIONING_H
#define TRBD_SCSI_PROVISIONING_H

#include <target/target_core_base.h>

struct trbd_settings;

void trbd_provisioning_usual(struct trbd_settings *usual, u32 block_size, u64 object_size);
void trbd_provisioning_rescale(struct trbd_settings *settings, u32 to);
u64 trbd_unmap_blocks(struct se_cmd *cmd);
sense_reason_t trbd_execute_unmap(struct se_cmd *cmd);
sense_reason_t trbd_execute_write_same(struct se_cmd *cmd);
sense_reason_t trbd_execute_get_lba_status(struct se_cmd *cmd);

#endif /* TRBD_SCSI_PROVISIONING_H */
