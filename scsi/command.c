// SPDX-License-Identifier: GPL-2.0
/*
 * Commands of the logical unit: from a CDB to image I/O.
 *
 * parse_cdb runs before the data of a write have arrived, execute_cmd when they are complete. sbc_parse_cdb() does
 * the decoding, the LBA range and the transfer length; the functions here run as execute_cmd. They start I/O and return
 * 0 at once (iSCSI runs them in its receive thread); trbd_complete() ends the command later, in messenger context.
 *
 * What is answered with INVALID COMMAND OPERATION CODE on purpose:
 *   COMPARE AND WRITE         LIO's own is atomic within one gateway only
 *   EXTENDED COPY and kin     LIO re-issues its reads and writes for minutes, outside of any order with other gateways
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>
#include <scsi/scsi_proto.h>
#include <target/target_core_fabric.h>

#include "compat/target.h"
#include "rbd/io.h"
#include "scsi/command.h"
#include "scsi/sense.h"
#include "target_core_rbd.h"

/* Fabrics that pass on pages which their user may still write to; all others own the pages of a command. */
static const char * const unstable_fabrics[] = { "loopback", "vhost", "xen-pvscsi" };

static bool has_unstable_pages(const struct se_cmd *cmd)
{
	return match_string(unstable_fabrics, ARRAY_SIZE(unstable_fabrics), cmd->se_tfo->fabric_name) >= 0;
}

static void rw_done(void *arg, int result)
{
	trbd_complete(arg, result);
}

static sense_reason_t execute_rw(struct se_cmd *cmd, struct scatterlist *sgl, u32 nents,
				 enum dma_data_direction direction)
{
	struct trbd_io_request request = {
		.image = to_trbd_device(cmd->se_dev)->image,
		.op = direction == DMA_TO_DEVICE ? TRBD_IO_WRITE : TRBD_IO_READ,
		.off = cmd->t_task_lba * cmd->se_dev->dev_attrib.block_size,
		.len = cmd->data_length,
		.sgl = sgl,
		.nents = nents,
		.done = rw_done,
		.arg = cmd,
	};
	int ret;

	if (!request.len) {
		trbd_complete(cmd, 0);
		return 0;
	}
	if (request.op == TRBD_IO_WRITE)
		request.unstable = has_unstable_pages(cmd);

	ret = trbd_io_submit(&request);
	if (ret)
		trbd_complete(cmd, ret);
	return 0;
}

/* A write is acknowledged when every replica has it, so there is no cache to synchronize. */
static sense_reason_t execute_sync_cache(struct se_cmd *cmd)
{
	trbd_complete(cmd, 0);
	return 0;
}

/* SBC-3 5.22: a range that ends behind the last block is an error even where nothing is to be done. */
static sense_reason_t parse_sync_cache(struct se_cmd *cmd)
{
	const u8 *cdb = cmd->t_task_cdb;
	u64 blocks = cmd->se_dev->transport->get_blocks(cmd->se_dev) + 1;
	u64 lba, count;

	if (cdb[0] == SYNCHRONIZE_CACHE) {
		lba = get_unaligned_be32(&cdb[2]);
		count = get_unaligned_be16(&cdb[7]);
	} else {
		lba = get_unaligned_be64(&cdb[2]);
		count = get_unaligned_be32(&cdb[10]);
	}
	if (lba > blocks || count > blocks - lba)
		return TCM_ADDRESS_OUT_OF_RANGE;
	cmd->execute_cmd = execute_sync_cache;
	return 0;
}

static struct exec_cmd_ops command_ops = {
	.execute_rw = execute_rw,
};

/**
 * trbd_parse_cdb() - struct target_backend_ops parse_cdb
 * @cmd: command
 *
 * Context: may sleep; iSCSI calls it in its receive thread.
 * Return: 0 with cmd->execute_cmd set, or the reason why not.
 */
sense_reason_t trbd_parse_cdb(struct se_cmd *cmd)
{
	sense_reason_t ret;

	switch (cmd->t_task_cdb[0]) {
	case COMPARE_AND_WRITE:
	case EXTENDED_COPY:
	case RECEIVE_COPY_RESULTS:
		return TCM_UNSUPPORTED_SCSI_OPCODE;
	}

	ret = sbc_parse_cdb(cmd, &command_ops);
	if (ret)
		return ret;

	switch (cmd->t_task_cdb[0]) {
	case SYNCHRONIZE_CACHE:
	case SYNCHRONIZE_CACHE_16:
		return parse_sync_cache(cmd);
	}
	return 0;
}
