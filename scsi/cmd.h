/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_CMD_H
#define TRBD_SCSI_CMD_H

#include <linux/math64.h>
#include <linux/time64.h>
#include <target/target_core_base.h>

/**
 * trbd_cmd_set_received() - note when LIO took a command up
 * @cmd: command
 * @now_ns: ktime_get_raw_ns()
 *
 * Its data, and the commands behind it, may have been in the socket for long when they get here.
 * The field belongs to LIO's own reservations, which stay empty.
 */
static inline void trbd_cmd_set_received(struct se_cmd *cmd, u64 now_ns)
{
	cmd->pr_res_key = now_ns;
}

/**
 * trbd_cmd_received_ns() - tell precisely when LIO took a command up
 * @cmd: command
 *
 * Return: ktime_get_raw_ns() of that moment.
 */
static inline u64 trbd_cmd_received_ns(const struct se_cmd *cmd)
{
	return cmd->pr_res_key;
}

/**
 * trbd_cmd_received() - tell when LIO took a command up
 * @cmd: command
 *
 * Return: trbd_clock_local_ms() of that moment.
 */
static inline u64 trbd_cmd_received(const struct se_cmd *cmd)
{
	return div_u64(cmd->pr_res_key, NSEC_PER_MSEC);
}

/**
 * trbd_cmd_set_blocks() - note how many blocks an UNMAP or a WRITE SAME concerns
 * @cmd: command
 * @blocks: number of blocks
 *
 * LIO uses the field for COMPARE AND WRITE only.
 */
static inline void trbd_cmd_set_blocks(struct se_cmd *cmd, u32 blocks)
{
	cmd->t_task_nolb = blocks;
}

/**
 * trbd_cmd_blocks() - tell how many blocks an UNMAP or a WRITE SAME concerns
 * @cmd: command that was executed
 *
 * Return: number of blocks.
 */
static inline u32 trbd_cmd_blocks(const struct se_cmd *cmd)
{
	return cmd->t_task_nolb;
}

/**
 * trbd_cmd_may_have_fua() - tell whether DPO and FUA are supported
 * @se_dev: device
 *
 * Return: true if MODE SENSE says that they are.
 */
static inline bool trbd_cmd_may_have_fua(const struct se_device *se_dev)
{
	return se_dev->dev_attrib.emulate_write_cache && se_dev->dev_attrib.emulate_fua_write;
}

u32 trbd_cmd_sent_length(const struct se_cmd *cmd);
u64 trbd_cmd_transfer_max(const struct se_cmd *cmd);

#endif /* TRBD_SCSI_CMD_H */
