// SPDX-License-Identifier: GPL-2.0
/*
 * REPORT SUPPORTED OPERATION CODES (SPC-4 6.35): the table of commands (scsi/cdb.c) as an initiator
 * sees it, without the commands that an operator switched off.
 *
 * LIO has an answer of its own from 6.3 on. The answer of this file is the same on every kernel,
 * and tells what this unit does rather than what LIO would do.
 *
 * REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS (SPC-4 6.36) is here, too.
 */
#include <linux/kernel.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <scsi/scsi_proto.h>

#include "compat/target.h"
#include "scsi/cdb.h"
#include "scsi/cmd.h"
#include "scsi/complete.h"
#include "scsi/opcodes.h"

/* REPORTING OPTIONS, table 262 */
enum {
	OPTIONS_ALL = 0,
	OPTIONS_OPCODE = 1,
	OPTIONS_OPCODE_AND_SA = 2,
	OPTIONS_EITHER = 3,
};

/* SUPPORT, table 267 */
enum {
	SUPPORT_NONE = 1,
	SUPPORT_STANDARD = 3,
};

#define TIMEOUTS_LEN		12
#define OPCODES_HEADER_LEN	4
#define OPCODES_DESCRIPTOR_LEN	8
#define OPCODES_SERVACTV	0x01
#define OPCODES_CTDP		0x02
#define OPCODES_ONE_CTDP	0x80

#define FUNCTIONS_LEN		4
#define FUNCTIONS_LEN_EXTENDED	16
#define FUNCTIONS_REPD		0x80	/* byte 2 of the CDB: return the extended format */
/* byte 0 */
#define FUNCTIONS_ABORT_TASK	0x80
#define FUNCTIONS_LUN_RESET	0x08

/* Tell whether the command of this row is on, or an operator switched it off. */
static bool opcodes_is_there(const struct se_cmd *cmd, const struct trbd_cdb *row)
{
	const struct se_dev_attrib *attrib = &cmd->se_dev->dev_attrib;

	switch (row->needs) {
	case TRBD_CDB_IF_UNMAP:
		return attrib->emulate_tpu;
	case TRBD_CDB_IF_WRITE_SAME:
		return attrib->max_write_same_len;
	case TRBD_CDB_IF_CAW:
		return attrib->emulate_caw;
	case TRBD_CDB_IF_PR:
		return attrib->emulate_pr;
	default:
		return true;
	}
}

/* Write a command timeouts descriptor that recommends nothing. */
static u32 opcodes_put_timeouts(u8 *buf)
{
	put_unaligned_be16(TIMEOUTS_LEN - 2, buf);
	return TIMEOUTS_LEN;
}

static u32 opcodes_put_descriptor(u8 *buf, const struct trbd_cdb *row, bool timeouts)
{
	buf[0] = row->opcode;
	if (row->sa != TRBD_CDB_NO_SA) {
		put_unaligned_be16(row->sa, &buf[2]);
		buf[5] |= OPCODES_SERVACTV;
	}
	put_unaligned_be16(row->len, &buf[6]);
	if (!timeouts)
		return OPCODES_DESCRIPTOR_LEN;
	buf[5] |= OPCODES_CTDP;
	return OPCODES_DESCRIPTOR_LEN + opcodes_put_timeouts(buf + OPCODES_DESCRIPTOR_LEN);
}

static u32 opcodes_report_all(const struct se_cmd *cmd, u8 *buf, bool timeouts)
{
	const struct trbd_cdb *row = NULL;
	u32 len = OPCODES_HEADER_LEN;

	while ((row = trbd_cdb_next(row))) {
		if (opcodes_is_there(cmd, row))
			len += opcodes_put_descriptor(buf + len, row, timeouts);
	}
	put_unaligned_be32(len - OPCODES_HEADER_LEN, buf);
	return len;
}

/* Write CDB usage data, without the bits that an operator switched off. */
static void opcodes_put_usage(const struct se_cmd *cmd, u8 *buf, const struct trbd_cdb *row)
{
	trbd_cdb_usage(row, buf, trbd_cmd_may_have_fua(cmd->se_dev));
	if (row->needs == TRBD_CDB_IF_WRITE_SAME && !cmd->se_dev->dev_attrib.emulate_tpws)
		buf[trbd_cdb_write_same_byte(row)] &= ~TRBD_WRITE_SAME_UNMAP;
}

static u32 opcodes_report_one(const struct se_cmd *cmd, u8 *buf, const struct trbd_cdb *row,
			      bool timeouts)
{
	u32 len = OPCODES_HEADER_LEN;

	if (!row) {
		buf[1] = SUPPORT_NONE;
		return len;
	}
	buf[1] = SUPPORT_STANDARD;
	put_unaligned_be16(row->len, &buf[2]);
	opcodes_put_usage(cmd, buf + len, row);
	len += row->len;
	if (timeouts) {
		buf[1] |= OPCODES_ONE_CTDP;
		len += opcodes_put_timeouts(buf + len);
	}
	return len;
}

/*
 * Find the row that an initiator asks for by opcode and, if the opcode has some, by service action.
 */
static const struct trbd_cdb *opcodes_find(const struct se_cmd *cmd, u8 opcode, u16 sa)
{
	const struct trbd_cdb *row = trbd_cdb_find_opcode(opcode);

	while (row && row->opcode == opcode && row->sa != TRBD_CDB_NO_SA && row->sa != sa)
		row = trbd_cdb_next(row);
	return row && row->opcode == opcode && opcodes_is_there(cmd, row) ? row : NULL;
}

static sense_reason_t opcodes_report(struct se_cmd *cmd, u8 *buf, u32 *len)
{
	const u8 *cdb = cmd->t_task_cdb;
	const struct trbd_cdb *first = trbd_cdb_find_opcode(cdb[3]);
	bool timeouts = cdb[2] & 0x80;
	u8 options = cdb[2] & 0x07;
	bool has_sa = first && first->sa != TRBD_CDB_NO_SA;

	if (options == OPTIONS_ALL) {
		*len = opcodes_report_all(cmd, buf, timeouts);
		return 0;
	}
	if (options > OPTIONS_EITHER)
		return TCM_INVALID_CDB_FIELD;
	if (first && options == (has_sa ? OPTIONS_OPCODE : OPTIONS_OPCODE_AND_SA))
		return TCM_INVALID_CDB_FIELD;
	*len = opcodes_report_one(cmd, buf,
				  opcodes_find(cmd, cdb[3], get_unaligned_be16(&cdb[4])), timeouts);
	return 0;
}

static size_t opcodes_buffer_size(void)
{
	const struct trbd_cdb *row = NULL;
	size_t size = OPCODES_HEADER_LEN;

	while ((row = trbd_cdb_next(row)))
		size += OPCODES_DESCRIPTOR_LEN + TIMEOUTS_LEN;
	return size;
}

/**
 * trbd_execute_report_opcodes() - answer REPORT SUPPORTED OPERATION CODES
 * @cmd: command
 *
 * Context: process.
 * Return: 0, or the reason of a CHECK CONDITION.
 */
sense_reason_t trbd_execute_report_opcodes(struct se_cmd *cmd)
{
	u8 *buf = kzalloc(opcodes_buffer_size(), GFP_NOWAIT | __GFP_NOWARN);
	sense_reason_t ret;
	u32 len = 0;

	if (!buf) {
		trbd_complete(cmd, -ENOMEM);
		return 0;
	}
	ret = opcodes_report(cmd, buf, &len);
	if (!ret)
		sg_copy_from_buffer(cmd->t_data_sg, cmd->t_data_nents, buf,
				    min(len, cmd->data_length));
	kfree(buf);
	if (!ret)
		trbd_complete_data(cmd, len);
	return ret;
}

/**
 * trbd_execute_report_task_management() - answer REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS
 * @cmd: command
 *
 * LIO performs ABORT TASK and LOGICAL UNIT RESET, and refuses the others.
 *
 * Context: any.
 * Return: 0, or the reason of the refusal.
 */
sense_reason_t trbd_execute_report_task_management(struct se_cmd *cmd)
{
	bool extended = cmd->t_task_cdb[2] & FUNCTIONS_REPD;
	u8 buf[FUNCTIONS_LEN_EXTENDED] = { FUNCTIONS_ABORT_TASK | FUNCTIONS_LUN_RESET };
	size_t len = extended ? FUNCTIONS_LEN_EXTENDED : FUNCTIONS_LEN;

	if (get_unaligned_be32(&cmd->t_task_cdb[6]) < FUNCTIONS_LEN)
		return TCM_INVALID_CDB_FIELD;
	/* no time-outs are recommended */
	buf[3] = len - FUNCTIONS_LEN;
	sg_copy_from_buffer(cmd->t_data_sg, cmd->t_data_nents, buf,
			    min_t(size_t, len, cmd->data_length));
	trbd_complete_data(cmd, len);
	return 0;
}
