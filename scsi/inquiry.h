/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_INQUIRY_H
#define TRBD_SCSI_INQUIRY_H

#include <target/target_core_base.h>

struct trbd_image;

void trbd_inquiry_set_access(struct se_lun *lun);
void trbd_inquiry_set_identity(struct se_device *se_dev, const struct trbd_image *image);
bool trbd_inquiry_is_ours(const struct se_cmd *cmd);
sense_reason_t trbd_execute_inquiry(struct se_cmd *cmd);
unsigned int trbd_inquiry_io_min(struct se_device *se_dev);
unsigned int trbd_inquiry_io_opt(struct se_device *se_dev);
unsigned int trbd_inquiry_lbppbe(struct se_device *se_dev);

#endif /* TRBD_SCSI_INQUIRY_H */
