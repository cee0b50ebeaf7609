/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_ABANDONED_H
#define TRBD_SCSI_ABANDONED_H

#include <linux/types.h>

struct list_head;
struct se_cmd;
struct trbd_abandoned;
struct trbd_unit;

void trbd_abandoned_init(struct trbd_abandoned *abandoned);
void trbd_abandoned_start(struct trbd_abandoned *abandoned);
void trbd_abandoned_stop(struct trbd_abandoned *abandoned);
bool trbd_cmd_is_abandoned(const struct se_cmd *cmd);
void trbd_abandoned_note_aborts(struct trbd_unit *unit, struct list_head *aborted);
void trbd_cmd_end(struct se_cmd *cmd);

#endif /* TRBD_SCSI_ABANDONED_H */
