/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_PORTS_H
#define TRBD_SCSI_PORTS_H

#include <target/target_core_base.h>

struct trbd_unit;

bool trbd_ports_are_shared(struct trbd_unit *unit);
u16 trbd_ports_rtpi(struct trbd_unit *unit, const struct se_lun *lun);
bool trbd_ports_find_target(struct trbd_unit *unit, u16 rtpi, char *name);
void trbd_ports_set_standby(struct trbd_unit *unit, bool standby);
size_t trbd_ports_show(struct trbd_unit *unit, char *buf, size_t size);
sense_reason_t trbd_execute_report_port_groups(struct se_cmd *cmd);
sense_reason_t trbd_execute_identification(struct se_cmd *cmd);

/* on the unit's thread only */
void trbd_ports_look(struct trbd_unit *unit);

#endif /* TRBD_SCSI_PORTS_H */
