/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_RESERVATION_H
#define TRBD_SCSI_RESERVATION_H

#include <linux/types.h>
#include <target/target_core_base.h>

struct trbd_cdb;
struct trbd_unit;

int trbd_reservation_start(struct trbd_unit *unit);
void trbd_reservation_stop(struct trbd_unit *unit);
bool trbd_reservation_admit(struct se_cmd *cmd, const struct trbd_cdb *row);
bool trbd_reservation_awaits(struct se_cmd *cmd);
sense_reason_t trbd_execute_pr_in(struct se_cmd *cmd);
sense_reason_t trbd_execute_pr_out(struct se_cmd *cmd);
sense_reason_t trbd_execute_reserve(struct se_cmd *cmd);
sense_reason_t trbd_execute_release(struct se_cmd *cmd);
void trbd_reservation_reset(struct trbd_unit *unit);
size_t trbd_reservation_show(struct trbd_unit *unit, char *buf, size_t size);

#endif /* TRBD_SCSI_RESERVATION_H */
