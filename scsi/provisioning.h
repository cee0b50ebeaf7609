/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_PROVISIONING_H
#define TRBD_SCSI_PROVISIONING_H

#include <target/target_core_base.h>

void trbd_provisioning_set_attributes(struct se_dev_attrib *attrib, u64 object_size);
void trbd_provisioning_rescale(struct se_dev_attrib *attrib, u32 from);
sense_reason_t trbd_execute_unmap(struct se_cmd *cmd);
sense_reason_t trbd_execute_write_same(struct se_cmd *cmd);
sense_reason_t trbd_execute_get_lba_status(struct se_cmd *cmd);

#endif /* TRBD_SCSI_PROVISIONING_H */
