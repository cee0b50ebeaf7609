/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_RW_H
#define TRBD_SCSI_RW_H

#include <linux/types.h>
#include <target/target_core_base.h>

struct trbd_write_cmd;

void trbd_start_write(struct trbd_write_cmd *w);
sense_reason_t trbd_execute_rw(struct se_cmd *cmd, struct scatterlist *sgl, u32 nents,
			       enum dma_data_direction direction);

#endif /* TRBD_SCSI_RW_H */
