/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_COMMAND_H
#define TRBD_SCSI_COMMAND_H

#include <target/target_core_base.h>

/*
 * When LIO took the command up, trbd_clock_local_ms(). Its data, and the commands behind it, may
 * have been in the socket for long when they get here. The field is for LIO's own reservations,
 * which stay empty.
 */
static inline void trbd_command_set_received(struct se_cmd *cmd, u64 now_ms)
{
	cmd->pr_res_key = now_ms;
}

static inline u64 trbd_command_received(const struct se_cmd *cmd)
{
	return cmd->pr_res_key;
}

/* DPO and FUA count where MODE SENSE says so. */
static inline bool trbd_command_may_have_fua(const struct se_device *se_dev)
{
	return se_dev->dev_attrib.emulate_write_cache && se_dev->dev_attrib.emulate_fua_write;
}

sense_reason_t trbd_parse_cdb(struct se_cmd *cmd);
u32 trbd_sent_length(const struct se_cmd *cmd);
u64 trbd_transfer_max(const struct se_cmd *cmd);

#endif /* TRBD_SCSI_COMMAND_H */
