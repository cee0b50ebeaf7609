/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_REQUEST_SENSE_H
#define TRBD_SCSI_REQUEST_SENSE_H

#include <target/target_core_base.h>

struct trbd_cdb;
struct trbd_nexus_table;

bool trbd_request_sense_report(struct trbd_nexus_table *table, struct se_cmd *cmd,
			       const struct trbd_cdb *row);
bool trbd_request_sense_is_for_lio(struct se_cmd *cmd);
sense_reason_t trbd_execute_request_sense(struct se_cmd *cmd);

#endif /* TRBD_SCSI_REQUEST_SENSE_H */
