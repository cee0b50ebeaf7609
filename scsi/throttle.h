/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_THROTTLE_H
#define TRBD_SCSI_THROTTLE_H

#include <target/target_core_base.h>

#include "scsi/unit.h"

struct trbd_cdb;

/* goes on with a command that has waited; with an error, ends it instead */
typedef void (*trbd_throttle_go)(struct se_cmd *cmd, int err);

int trbd_throttle_init(void);
void trbd_throttle_exit(void);
void trbd_throttle_prepare(struct trbd_throttle *throttle);
void trbd_throttle_start(struct trbd_unit *unit);
void trbd_throttle_stop(struct trbd_unit *unit);
void trbd_throttle_refresh(struct trbd_unit *unit);
bool trbd_throttle_hold(struct se_cmd *cmd, const struct trbd_cdb *row, trbd_throttle_go go);
void trbd_throttle_look(struct trbd_unit *unit);
void trbd_throttle_refuse(struct trbd_unit *unit);

/**
 * trbd_throttle_is_on() - tell whether a unit has limits
 * @unit: logical unit
 *
 * Context: any.
 * Return: true if commands must ask trbd_throttle_hold().
 */
static inline bool trbd_throttle_is_on(const struct trbd_unit *unit)
{
	return READ_ONCE(unit->throttle.limited);
}

#endif /* TRBD_SCSI_THROTTLE_H */
