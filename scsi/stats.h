/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_STATS_H
#define TRBD_SCSI_STATS_H

#include <target/target_core_base.h>

struct trbd_unit;

int trbd_stats_init(struct trbd_unit *unit);
void trbd_stats_destroy(struct trbd_unit *unit);
void trbd_stats_begin(const struct se_cmd *cmd);
void trbd_stats_end(const struct se_cmd *cmd, u8 status, u8 key);
void trbd_stats_refused(const struct se_cmd *cmd, sense_reason_t reason);
void trbd_stats_left_to_lio(const struct se_cmd *cmd);
size_t trbd_stats_show_counters(struct trbd_unit *unit, char *buf, size_t size);
size_t trbd_stats_show_latency(struct trbd_unit *unit, char *buf, size_t size);

#endif /* TRBD_SCSI_STATS_H */
