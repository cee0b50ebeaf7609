/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_NEXUS_IN_FLIGHT_H
#define TRBD_SCSI_NEXUS_IN_FLIGHT_H

#include <linux/types.h>

struct se_cmd;
struct trbd_nexus_table;
struct trbd_lu_view;

bool trbd_nexus_begin(struct trbd_nexus_table *table, struct se_cmd *cmd, unsigned int kind);
void trbd_nexus_end(struct se_cmd *cmd);
bool trbd_nexus_has(struct trbd_nexus_table *table, const struct se_cmd *cmd);
bool trbd_nexus_note_execution(struct se_cmd *cmd, u64 received_ms, u64 limit_ms);
int trbd_nexus_note_arrival(struct trbd_nexus_table *table, struct se_cmd *cmd, u64 received_ms,
			    u64 limit_ms);
bool trbd_nexus_is_quarantined(const struct se_cmd *cmd);
void trbd_nexus_new_phase(struct trbd_nexus_table *table);
unsigned int trbd_nexus_count_forbidden(struct trbd_nexus_table *table,
					const struct trbd_lu_view *view);
bool trbd_nexus_is_awaited(const struct trbd_nexus_table *table, const struct se_cmd *cmd);
unsigned int trbd_nexus_count_in_flight(struct trbd_nexus_table *table);

#endif /* TRBD_SCSI_NEXUS_IN_FLIGHT_H */
