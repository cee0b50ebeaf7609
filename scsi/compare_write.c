// SPDX-License-Identifier: GPL-2.0
/*
 * COMPARE AND WRITE (SBC-3 5.2) of one block, atomic with respect to every write through every
 * gateway; see rbd/compare_write.c.
 */
#include <linux/errno.h>
#include <target/target_core_base.h>

#include "rbd/compare_write.h"
#include "scsi/compare_write.h"
#include "scsi/complete.h"
#include "scsi/unit.h"
#include "scsi/write_cmd.h"

static void compare_write_finish_miscompare(struct se_cmd *cmd, int result)
{
	trbd_complete_miscompare(cmd, cmd->sense_info);
}

static void compare_write_done(void *arg, int result, u32 offset)
{
	struct trbd_write_cmd *w = arg;

	if (result == -EILSEQ) {
		w->cmd->sense_info = offset;
		w->finish = compare_write_finish_miscompare;
	}
	trbd_write_cmd_put(w, result);
}

static void compare_write_start(struct trbd_write_cmd *w)
{
	struct se_cmd *cmd = w->cmd;
	struct trbd_compare_write request = {
		.image = to_trbd_unit(cmd->se_dev)->image,
		.off = cmd->t_task_lba * cmd->se_dev->dev_attrib.block_size,
		.len = cmd->se_dev->dev_attrib.block_size,
		.sgl = cmd->t_data_sg,
		.nents = cmd->t_data_nents,
		.accepted_ms = w->ticket.accepted_ms,
		.done = compare_write_done,
		.arg = w,
	};
	int ret;

	atomic_inc(&w->pending);
	ret = trbd_compare_write_submit(&request);
	if (ret)
		trbd_write_cmd_put(w, ret);
}

/**
 * trbd_execute_compare_and_write() - start COMPARE AND WRITE (SBC-3 5.2)
 * @cmd: command with its data: the block to compare with, then the block to write
 *
 * Context: process; never sleeps for the network.
 * Return: 0.
 */
sense_reason_t trbd_execute_compare_and_write(struct se_cmd *cmd)
{
	if (cmd->t_task_nolb)
		trbd_write_cmd_begin(cmd, compare_write_start);
	else
		trbd_complete(cmd, 0);
	return 0;
}
