// SPDX-License-Identifier: GPL-2.0
/*
 * Thin provisioning, and writing the same block many times: UNMAP and WRITE SAME (SBC-3 5.28, 5.43
 * to 5.45).
 *
 * Unmapped blocks read as zeros (LBPRZ = 1), so unmapping is zeroing that gives space back. WRITE
 * SAME of a block of zeros does the same, with or without its UNMAP bit, with one difference: if
 * there was no object, it leaves an object with a stamp, as a write would. So an older write cannot
 * land there any more. UNMAP of a place that was never written leaves nothing behind. SBC lets a
 * target ignore an UNMAP, so an older write that still lands breaks no promise.
 *
 * The ranges of a command are image I/Os side by side. The command ends when all of them have
 * ended.
 */
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <scsi/scsi_proto.h>
#include <target/target_core_fabric.h>

#include "compat/target.h"
#include "gateway/settings.h"
#include "rbd/block_status.h"
#include "rbd/io.h"
#include "scsi/cdb.h"
#include "scsi/cmd.h"
#include "scsi/complete.h"
#include "scsi/provisioning.h"
#include "scsi/unit.h"
#include "scsi/write_cmd.h"

/* how many objects one command may touch: each takes a request of its own */
#define UNMAP_OBJECTS_MAX	256
#define UNMAP_MAX		SZ_512M	/* bytes of one command */
#define UNMAP_DESCRIPTORS_MAX	255
/* unit in which OSDs allocate */
#define UNMAP_GRANULARITY	SZ_4K
#define UNMAP_HEADER_LEN	8
#define UNMAP_DESCRIPTOR_LEN	16
/* longest range of a WRITE SAME whose block is not zeros, bytes */
#define WRITE_SAME_MAX		SZ_4M

/**
 * trbd_provisioning_usual() - tell the usual settings about logical block provisioning
 * @usual: receives them
 * @block_size: of the unit, bytes
 * @object_size: size of the image's objects, bytes
 */
void trbd_provisioning_usual(struct trbd_settings *usual, u32 block_size, u64 object_size)
{
	trbd_settings_put(usual, TRBD_SETTING_UNMAP_BLOCKS,
			  min_t(u64, UNMAP_OBJECTS_MAX * object_size, UNMAP_MAX) / block_size);
	trbd_settings_put(usual, TRBD_SETTING_UNMAP_DESCRIPTORS, UNMAP_DESCRIPTORS_MAX);
	trbd_settings_put(usual, TRBD_SETTING_UNMAP_GRANULARITY, UNMAP_GRANULARITY / block_size);
	trbd_settings_put(usual, TRBD_SETTING_UNMAP_ZEROES, 1);
	trbd_settings_put(usual, TRBD_SETTING_TPU, 1);
	trbd_settings_put(usual, TRBD_SETTING_TPWS, 1);
	trbd_settings_put(usual, TRBD_SETTING_WRITE_SAME_BLOCKS, WRITE_SAME_MAX / block_size);
}

/* Rescale a limit. One that is switched off stays off, and one that is on stays on. */
static u32 provisioning_rescale(u32 blocks, u32 from, u32 to)
{
	u64 scaled = div_u64((u64)blocks * from, to);

	return blocks ? clamp_t(u64, scaled, 1, U32_MAX) : 0;
}

/**
 * trbd_provisioning_rescale() - change the block size, and keep the limits the same in bytes
 * @settings: settings
 * @to: the new block size, bytes
 *
 * LIO keeps the limits in blocks, and an operator may have set them.
 */
void trbd_provisioning_rescale(struct trbd_settings *settings, u32 to)
{
	static const enum trbd_setting limits[] = {
		TRBD_SETTING_UNMAP_BLOCKS, TRBD_SETTING_UNMAP_GRANULARITY,
		TRBD_SETTING_UNMAP_ALIGNMENT, TRBD_SETTING_WRITE_SAME_BLOCKS,
	};
	u32 from = trbd_settings_block_size(settings);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(limits); i++)
		trbd_settings_put(settings, limits[i],
				  provisioning_rescale(settings->values[limits[i]], from, to));
	trbd_settings_put(settings, TRBD_SETTING_BLOCK_SIZE, to);
}

static void provisioning_submit_range(struct trbd_write_cmd *w, enum trbd_io_op op, u64 lba,
				      u64 blocks)
{
	u32 block_size = w->cmd->se_dev->dev_attrib.block_size;
	struct trbd_io_request request = {
		.op = op,
		.off = lba * block_size,
		.len = blocks * block_size,
	};

	if (blocks)
		trbd_write_cmd_submit(w, &request);
}

/* Count the complete descriptors of a parameter list. */
static unsigned int unmap_descriptors(const u8 *list, u32 len)
{
	u32 claimed = get_unaligned_be16(&list[2]);

	return min(claimed, len - UNMAP_HEADER_LEN) / UNMAP_DESCRIPTOR_LEN;
}

static const u8 *unmap_descriptor(const u8 *list, unsigned int i)
{
	return list + UNMAP_HEADER_LEN + i * UNMAP_DESCRIPTOR_LEN;
}

static sense_reason_t unmap_check(struct se_cmd *cmd, const u8 *list, unsigned int count)
{
	const struct se_dev_attrib *attrib = &cmd->se_dev->dev_attrib;
	u64 blocks = cmd->se_dev->transport->get_blocks(cmd->se_dev) + 1;
	u64 total = 0;
	unsigned int i;

	if (count > attrib->max_unmap_block_desc_count)
		return TCM_INVALID_PARAMETER_LIST;
	for (i = 0; i < count; i++) {
		u64 lba = get_unaligned_be64(unmap_descriptor(list, i));
		u32 number = get_unaligned_be32(unmap_descriptor(list, i) + 8);

		if (lba > blocks || number > blocks - lba)
			return TCM_ADDRESS_OUT_OF_RANGE;
		total += number;
	}
	if (total > attrib->max_unmap_lba_count)
		return TCM_INVALID_PARAMETER_LIST;
	trbd_cmd_set_blocks(cmd, total);
	return 0;
}

/**
 * trbd_unmap_blocks() - tell how many blocks an UNMAP names
 * @cmd: UNMAP with its parameter list, which was not checked yet
 *
 * Context: process; never sleeps for the network.
 * Return: blocks, but no more than a command may name.
 */
u64 trbd_unmap_blocks(struct se_cmd *cmd)
{
	u32 len = trbd_cmd_sent_length(cmd);
	unsigned int i, count = 0;
	u64 blocks = 0;
	const u8 *list = len < UNMAP_HEADER_LEN ? NULL : transport_kmap_data_sg(cmd);

	if (!list)
		return 0;
	count = unmap_descriptors(list, len);
	for (i = 0; i < count; i++)
		blocks += get_unaligned_be32(unmap_descriptor(list, i) + 8);
	transport_kunmap_data_sg(cmd);
	return min_t(u64, blocks, cmd->se_dev->dev_attrib.max_unmap_lba_count);
}

/*
 * Submit the ranges of an UNMAP. Descriptors that continue each other, as many initiators send
 * them, become one range.
 *
 * With some fabrics (vhost, loop) the list lies in the initiator's memory, and may have changed
 * since it was checked. Whatever it says now, we do no more than a command may ask for. Each range
 * is checked against the image in any case.
 */
static void unmap_start(struct trbd_write_cmd *w)
{
	const struct se_dev_attrib *attrib = &w->cmd->se_dev->dev_attrib;
	const u8 *list = transport_kmap_data_sg(w->cmd);
	u64 start = 0, end = 0, left = attrib->max_unmap_lba_count;
	unsigned int i, count;

	if (!list) {
		cmpxchg(&w->result, 0, -ENOMEM);
		return;
	}
	count = min(unmap_descriptors(list, trbd_cmd_sent_length(w->cmd)),
		    attrib->max_unmap_block_desc_count);
	for (i = 0; i < count; i++) {
		u64 lba = get_unaligned_be64(unmap_descriptor(list, i));
		u64 number = min_t(u64, get_unaligned_be32(unmap_descriptor(list, i) + 8), left);

		left -= number;
		if (lba != end) {
			provisioning_submit_range(w, TRBD_IO_DISCARD, start, end - start);
			start = lba;
			end = lba;
		}
		end += number;
	}
	provisioning_submit_range(w, TRBD_IO_DISCARD, start, end - start);
	transport_kunmap_data_sg(w->cmd);
}

/**
 * trbd_execute_unmap() - start UNMAP (SBC-3 5.28)
 * @cmd: command with its parameter list
 *
 * All descriptors are checked before anything is unmapped.
 *
 * Context: process; never sleeps for the network.
 * Return: 0, or the reason of a CHECK CONDITION.
 */
sense_reason_t trbd_execute_unmap(struct se_cmd *cmd)
{
	u32 len = trbd_cmd_sent_length(cmd);
	unsigned int count;
	sense_reason_t ret;
	const u8 *list;

	/* ANCHOR, which page B2h does not offer, or reserved bits */
	if (cmd->t_task_cdb[1])
		return TCM_INVALID_CDB_FIELD;
	trbd_cmd_set_blocks(cmd, 0);
	if (!len) {
		trbd_complete(cmd, 0);
		return 0;
	}
	if (len < UNMAP_HEADER_LEN)
		return TCM_PARAMETER_LIST_LENGTH_ERROR;

	list = transport_kmap_data_sg(cmd);
	if (!list) {
		trbd_complete(cmd, -ENOMEM);
		return 0;
	}
	count = unmap_descriptors(list, len);
	ret = unmap_check(cmd, list, count);
	transport_kunmap_data_sg(cmd);
	if (ret)
		return ret;

	if (count)
		trbd_write_cmd_begin(cmd, unmap_start);
	else
		trbd_complete(cmd, 0);
	return 0;
}

static u64 write_same_blocks(const struct se_cmd *cmd)
{
	return trbd_cdb_blocks(trbd_cdb_find(cmd->t_task_cdb), cmd->t_task_cdb);
}

static bool write_same_is_ndob(const struct se_cmd *cmd)
{
	return trbd_cdb_is_ndob(trbd_cdb_find(cmd->t_task_cdb), cmd->t_task_cdb);
}

static bool write_same_is_zeros(struct se_cmd *cmd)
{
	struct sg_mapping_iter block;
	bool zero = true;

	sg_miter_start(&block, cmd->t_data_sg, cmd->t_data_nents, SG_MITER_FROM_SG);
	while (zero && sg_miter_next(&block))
		zero = !memchr_inv(block.addr, 0, block.length);
	sg_miter_stop(&block);
	return zero;
}

/* Make a table of @len bytes that repeats one page, which is filled with the block. */
static int write_same_memory(struct trbd_write_cmd *w, u64 len, struct sg_table *table)
{
	u32 block_size = w->cmd->se_dev->dev_attrib.block_size;
	struct scatterlist *sg;
	unsigned int nents, i;
	u32 off;

	w->memory = sgl_alloc(PAGE_SIZE, GFP_NOWAIT | __GFP_NOWARN, &nents);
	if (!w->memory)
		return -ENOMEM;
	for (off = 0; off < PAGE_SIZE; off += block_size)
		sg_copy_to_buffer(w->cmd->t_data_sg, w->cmd->t_data_nents,
				  sg_virt(w->memory) + off, block_size);

	if (sg_alloc_table(table, DIV_ROUND_UP(len, PAGE_SIZE), GFP_NOWAIT | __GFP_NOWARN))
		return -ENOMEM;
	for_each_sg(table->sgl, sg, table->nents, i)
		sg_set_page(sg, sg_page(w->memory), min_t(u64, PAGE_SIZE, len - i * PAGE_SIZE), 0);
	return 0;
}

static void write_same_start(struct trbd_write_cmd *w)
{
	struct se_cmd *cmd = w->cmd;
	u32 block_size = cmd->se_dev->dev_attrib.block_size;
	struct trbd_io_request request = {
		.op = TRBD_IO_WRITE,
		.off = cmd->t_task_lba * block_size,
		.len = write_same_blocks(cmd) * block_size,
	};
	struct sg_table table;
	int ret;

	if (write_same_is_ndob(cmd) || write_same_is_zeros(cmd)) {
		request.op = TRBD_IO_ZERO;
		trbd_write_cmd_submit(w, &request);
		return;
	}

	ret = write_same_memory(w, request.len, &table);
	if (ret) {
		cmpxchg(&w->result, 0, ret);
		return;
	}
	request.sgl = table.sgl;
	request.nents = table.nents;
	trbd_write_cmd_submit(w, &request);
	/* the I/O has its own tables once it is submitted */
	sg_free_table(&table);
}

/**
 * trbd_execute_write_same() - start WRITE SAME (10), (16), (32) (SBC-3 5.43 to 5.45)
 * @cmd: command with its block, or with NDOB; range and flags were checked
 *
 * Context: process; never sleeps for the network.
 * Return: 0, or the reason of a CHECK CONDITION.
 */
sense_reason_t trbd_execute_write_same(struct se_cmd *cmd)
{
	if (!write_same_is_ndob(cmd) && cmd->data_length != cmd->se_dev->dev_attrib.block_size)
		return TCM_INVALID_CDB_FIELD;
	trbd_cmd_set_blocks(cmd, write_same_blocks(cmd));
	trbd_write_cmd_begin(cmd, write_same_start);
	return 0;
}

/* PROVISIONING STATUS, SBC-3 table 91 */
enum {
	LBA_STATUS_MAPPED = 0,
	LBA_STATUS_DEALLOCATED = 1,
};

#define LBA_STATUS_LEN		24	/* header and one descriptor */
#define LBA_STATUS_HEADER_LEN	8

static void provisioning_status_done(void *arg, int result, u64 len, bool mapped)
{
	struct se_cmd *cmd = arg;
	u32 block_size = cmd->se_dev->dev_attrib.block_size;
	u8 data[LBA_STATUS_LEN] = { };
	u8 *descriptor = data + LBA_STATUS_HEADER_LEN;

	if (!result) {
		/* the length of everything after this field */
		put_unaligned_be32(sizeof(data) - 4, &data[0]);
		put_unaligned_be64(get_unaligned_be64(&cmd->t_task_cdb[2]), &descriptor[0]);
		put_unaligned_be32(min_t(u64, DIV_ROUND_UP_ULL(len, block_size), U32_MAX),
				   &descriptor[8]);
		descriptor[12] = mapped ? LBA_STATUS_MAPPED : LBA_STATUS_DEALLOCATED;
		sg_copy_from_buffer(cmd->t_data_sg, cmd->t_data_nents, data,
				    min_t(u32, sizeof(data), cmd->data_length));
		trbd_complete_data(cmd, sizeof(data));
	} else {
		trbd_complete(cmd, result);
	}
}

/**
 * trbd_execute_get_lba_status() - start GET LBA STATUS (SBC-3 5.6)
 * @cmd: command; its LBA was checked
 *
 * The answer has one descriptor, which the standard allows: an initiator asks again from its end.
 *
 * Context: process; never sleeps for the network.
 * Return: 0.
 */
sense_reason_t trbd_execute_get_lba_status(struct se_cmd *cmd)
{
	u64 off = get_unaligned_be64(&cmd->t_task_cdb[2]) * cmd->se_dev->dev_attrib.block_size;
	int ret;

	if (!cmd->data_length) {
		trbd_complete(cmd, 0);
		return 0;
	}
	ret = trbd_block_status_submit(to_trbd_unit(cmd->se_dev)->image, off,
				       provisioning_status_done, cmd);
	if (ret)
		trbd_complete(cmd, ret);
	return 0;
}
