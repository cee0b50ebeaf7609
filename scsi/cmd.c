// SPDX-License-Identifier: GPL-2.0
/*
 * Lengths of a command: how much data belongs to it, and how much it may move.
 */
#include <linux/minmax.h>
#include <linux/sizes.h>
#include <linux/types.h>
#include <target/target_core_base.h>

#include "protocol.h"
#include "rbd/image.h"
#include "scsi/cmd.h"
#include "scsi/unit.h"

#define TRANSFER_MAX		SZ_32M
#define TRANSFER_OBJECTS	1024

/**
 * trbd_cmd_sent_length() - tell how much of the data sent belongs to the command
 * @cmd: command that sends data
 *
 * If the initiator sends more than the CDB asks for, LIO keeps the excess as well.
 *
 * Context: any.
 * Return: bytes.
 */
u32 trbd_cmd_sent_length(const struct se_cmd *cmd)
{
	if (cmd->se_cmd_flags & SCF_UNDERFLOW_BIT)
		return cmd->data_length - cmd->residual_count;
	return cmd->data_length;
}

/**
 * trbd_cmd_transfer_max() - tell how much one command may move
 * @cmd: command
 *
 * That is more than MAXIMUM TRANSFER LENGTH of the block limits page says (SBC-3 6.5.3). Firmware
 * loads a kernel in one go and does not look there. An initiator that looks finds a length that can
 * be written over a slow network as well: the data of a WRITE have TRBD_ADMISSION_MS to arrive. All
 * objects of a command are in flight at once, so an image with tiny objects allows less.
 *
 * Context: any.
 * Return: bytes.
 */
u64 trbd_cmd_transfer_max(const struct se_cmd *cmd)
{
	u64 object_size = trbd_image_object_size(to_trbd_unit(cmd->se_dev)->image);

	return min_t(u64, TRANSFER_MAX, TRANSFER_OBJECTS * object_size);
}
