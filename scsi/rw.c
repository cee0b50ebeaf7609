// SPDX-License-Identifier: GPL-2.0
/*
 * READ and WRITE: the command's pages go to and from the image, without a copy where the fabric
 * allows it.
 *
 * A command may be unreasonably long: firmware and boot loaders read kernels in one go, and cannot
 * do otherwise. rbd/io.c makes a request for each object out of it. All requests of a write go at
 * once: a request that waited for its turn could be too old by then to be admitted (rados/guard.c).
 * Only data that must be copied first go piece by piece, because the table of a copy is one
 * allocation that may not wait.
 */
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/types.h>
#include <target/target_core_fabric.h>

#include "compat/target.h"
#include "rbd/io.h"
#include "scsi/abandoned.h"
#include "scsi/complete.h"
#include "scsi/rw.h"
#include "scsi/unit.h"
#include "scsi/write_cmd.h"

/* length of a piece that is copied, bytes */
#define COPY_MAX	SZ_4M

/*
 * fabrics that pass on pages to which their user may still write; all others own the pages of a
 * command
 */
static const char * const unstable_fabrics[] = { "loopback", "vhost", "xen-pvscsi" };

static bool rw_has_unstable_pages(const struct se_cmd *cmd)
{
	return match_string(unstable_fabrics, ARRAY_SIZE(unstable_fabrics),
			    cmd->se_tfo->fabric_name) >= 0;
}

static void rw_read_done(void *arg, int result)
{
	trbd_complete(arg, result);
}

static bool rw_read_unwanted(void *arg)
{
	return trbd_cmd_is_abandoned(arg);
}

static void rw_execute_read(struct se_cmd *cmd)
{
	struct trbd_io_request request = {
		.image = to_trbd_unit(cmd->se_dev)->image,
		.op = TRBD_IO_READ,
		.off = cmd->t_task_lba * cmd->se_dev->dev_attrib.block_size,
		.len = cmd->data_length,
		.sgl = cmd->t_data_sg,
		.nents = cmd->t_data_nents,
		.done = rw_read_done,
		.unwanted = rw_read_unwanted,
		.arg = cmd,
	};
	int ret = trbd_io_submit(&request);

	if (ret)
		trbd_complete(cmd, ret);
}

/**
 * trbd_start_write() - start writing the data of a command
 * @w: command
 *
 * Context: process; never sleeps for the network.
 */
void trbd_start_write(struct trbd_write_cmd *w)
{
	struct se_cmd *cmd = w->cmd;
	struct trbd_io_request request = {
		.op = TRBD_IO_WRITE,
		.unstable = rw_has_unstable_pages(cmd),
		.off = cmd->t_task_lba * cmd->se_dev->dev_attrib.block_size,
		.sgl = cmd->t_data_sg,
		.nents = cmd->t_data_nents,
	};
	u64 left = cmd->data_length;

	/* the first error, also of an earlier piece, is the command's result */
	while (left && !READ_ONCE(w->result)) {
		request.len = request.unstable ? min_t(u64, left, COPY_MAX) : left;
		trbd_write_cmd_submit(w, &request);
		request.off += request.len;
		request.sgl_off += request.len;
		left -= request.len;
	}
}

/**
 * trbd_execute_rw() - start READ or WRITE: execute_rw of struct exec_cmd_ops
 * @cmd: READ, or WRITE with its data
 * @sgl: its data
 * @nents: entries in @sgl
 * @direction: DMA_TO_DEVICE for WRITE
 *
 * Context: process; never sleeps for the network.
 * Return: 0.
 */
sense_reason_t trbd_execute_rw(struct se_cmd *cmd, struct scatterlist *sgl, u32 nents,
			       enum dma_data_direction direction)
{
	if (!cmd->data_length)
		trbd_complete(cmd, 0);
	else if (direction == DMA_TO_DEVICE)
		trbd_write_cmd_begin(cmd, trbd_start_write);
	else
		rw_execute_read(cmd);
	return 0;
}
