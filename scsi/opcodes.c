// SPDX-License-Identifier: GPL-2.0
/*
 * REPORT SUPPORTED OPERATION CODES (SPC-4 6.35): what this logical unit does, and which bits of each CDB it looks at.
 *
 * LIO has an answer of its own from 6.3 on. This one is the same on every kernel, and tells what scsi/command.c
 * does rather than what LIO would.
 */
#include <linux/kernel.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <scsi/scsi_proto.h>

#include "compat/target.h"
#include "pr/parameters.h"
#include "scsi/access.h"
#include "scsi/command.h"
#include "scsi/opcodes.h"
#include "scsi/provisioning.h"
#include "scsi/sense.h"

#define OPCODES_NO_SA		0xffff
#define OPCODES_CDB_MAX		32

/* what follows the opcode in most CDBs of that length, with byte 1 given */
#define USAGE_RW_6	{ 0x1f, 0xff, 0xff, 0xff, 0x07 }
#define USAGE_RW_10(b1)	{ b1, 0xff, 0xff, 0xff, 0xff, 0x1f, 0xff, 0xff, 0x07 }
#define USAGE_RW_12(b1)	{ b1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0x07 }
#define USAGE_RW_16(b1)	\
	{ b1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0x07 }

#define USAGE_PR_IN	{ 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0x07 }
#define USAGE_PR_OUT	{ 0, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x07 }

/* Attributes that an operator may switch off. */
enum opcode_needs {
	NEEDS_NOTHING,
	NEEDS_UNMAP,
	NEEDS_WRITE_SAME,
	NEEDS_COMPARE_AND_WRITE,
	NEEDS_RESERVATIONS,
};

/**
 * struct opcode - a command that the unit knows
 * @opcode: operation code
 * @sa: service action, or OPCODES_NO_SA
 * @len: length of the CDB
 * @needs: what must be switched on
 * @usage: CDB usage data from byte 1 on; the service action's own bytes are filled in
 */
struct opcode {
	u8 opcode;
	u16 sa;
	u8 len;
	enum opcode_needs needs;
	u8 usage[OPCODES_CDB_MAX - 1];
};

static const struct opcode opcodes[] = {
	{ TEST_UNIT_READY, OPCODES_NO_SA, 6, NEEDS_NOTHING, { 0, 0, 0, 0, 0x07 } },
	{ REQUEST_SENSE, OPCODES_NO_SA, 6, NEEDS_NOTHING, { 0x01, 0, 0, 0xff, 0x07 } },
	{ READ_6, OPCODES_NO_SA, 6, NEEDS_NOTHING, USAGE_RW_6 },
	{ WRITE_6, OPCODES_NO_SA, 6, NEEDS_NOTHING, USAGE_RW_6 },
	{ INQUIRY, OPCODES_NO_SA, 6, NEEDS_NOTHING, { 0x01, 0xff, 0xff, 0xff, 0x07 } },
	{ MODE_SELECT, OPCODES_NO_SA, 6, NEEDS_NOTHING, { 0x11, 0, 0, 0xff, 0x07 } },
	{ MODE_SENSE, OPCODES_NO_SA, 6, NEEDS_NOTHING, { 0x08, 0xff, 0xff, 0xff, 0x07 } },
	{ START_STOP, OPCODES_NO_SA, 6, NEEDS_NOTHING, { 0x01, 0, 0x0f, 0xf7, 0x07 } },
	{ READ_CAPACITY, OPCODES_NO_SA, 10, NEEDS_NOTHING, { 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0x01, 0x07 } },
	{ READ_10, OPCODES_NO_SA, 10, NEEDS_NOTHING, USAGE_RW_10(0) },
	{ WRITE_10, OPCODES_NO_SA, 10, NEEDS_NOTHING, USAGE_RW_10(0) },
	{ WRITE_VERIFY, OPCODES_NO_SA, 10, NEEDS_NOTHING, USAGE_RW_10(0x02) },
	{ VERIFY, OPCODES_NO_SA, 10, NEEDS_NOTHING, USAGE_RW_10(0x02) },
	{ PRE_FETCH, OPCODES_NO_SA, 10, NEEDS_NOTHING, USAGE_RW_10(0x02) },
	{ SYNCHRONIZE_CACHE, OPCODES_NO_SA, 10, NEEDS_NOTHING, USAGE_RW_10(0x02) },
	{ WRITE_SAME, OPCODES_NO_SA, 10, NEEDS_WRITE_SAME, USAGE_RW_10(0x08) },
	{ UNMAP, OPCODES_NO_SA, 10, NEEDS_UNMAP, { 0, 0, 0, 0, 0, 0x1f, 0xff, 0xff, 0x07 } },
	{ MODE_SELECT_10, OPCODES_NO_SA, 10, NEEDS_NOTHING, { 0x11, 0, 0, 0, 0, 0, 0xff, 0xff, 0x07 } },
	{ MODE_SENSE_10, OPCODES_NO_SA, 10, NEEDS_NOTHING, { 0x18, 0xff, 0xff, 0, 0, 0, 0xff, 0xff, 0x07 } },
	{ PERSISTENT_RESERVE_IN, TRBD_PR_READ_KEYS, 10, NEEDS_RESERVATIONS, USAGE_PR_IN },
	{ PERSISTENT_RESERVE_IN, TRBD_PR_READ_RESERVATION, 10, NEEDS_RESERVATIONS, USAGE_PR_IN },
	{ PERSISTENT_RESERVE_IN, TRBD_PR_REPORT_CAPABILITIES, 10, NEEDS_RESERVATIONS, USAGE_PR_IN },
	{ PERSISTENT_RESERVE_IN, TRBD_PR_READ_FULL_STATUS, 10, NEEDS_RESERVATIONS, USAGE_PR_IN },
	{ PERSISTENT_RESERVE_OUT, TRBD_PR_REGISTER, 10, NEEDS_RESERVATIONS, USAGE_PR_OUT },
	{ PERSISTENT_RESERVE_OUT, TRBD_PR_RESERVE, 10, NEEDS_RESERVATIONS, USAGE_PR_OUT },
	{ PERSISTENT_RESERVE_OUT, TRBD_PR_RELEASE, 10, NEEDS_RESERVATIONS, USAGE_PR_OUT },
	{ PERSISTENT_RESERVE_OUT, TRBD_PR_CLEAR, 10, NEEDS_RESERVATIONS, USAGE_PR_OUT },
	{ PERSISTENT_RESERVE_OUT, TRBD_PR_PREEMPT, 10, NEEDS_RESERVATIONS, USAGE_PR_OUT },
	{ PERSISTENT_RESERVE_OUT, TRBD_PR_PREEMPT_AND_ABORT, 10, NEEDS_RESERVATIONS, USAGE_PR_OUT },
	{ PERSISTENT_RESERVE_OUT, TRBD_PR_REGISTER_AND_IGNORE, 10, NEEDS_RESERVATIONS, USAGE_PR_OUT },
	{ PERSISTENT_RESERVE_OUT, TRBD_PR_REGISTER_AND_MOVE, 10, NEEDS_RESERVATIONS, USAGE_PR_OUT },
	{ RESERVE_6, OPCODES_NO_SA, 6, NEEDS_RESERVATIONS, { 0x11, 0, 0, 0, 0x07 } },
	{ RELEASE_6, OPCODES_NO_SA, 6, NEEDS_RESERVATIONS, { 0x11, 0, 0, 0, 0x07 } },
	{ RESERVE_10, OPCODES_NO_SA, 10, NEEDS_RESERVATIONS, { 0x11, 0, 0, 0, 0, 0, 0, 0, 0x07 } },
	{ RELEASE_10, OPCODES_NO_SA, 10, NEEDS_RESERVATIONS, { 0x11, 0, 0, 0, 0, 0, 0, 0, 0x07 } },
	{ VARIABLE_LENGTH_CMD, WRITE_SAME_32, 32, NEEDS_WRITE_SAME,
	  { 0x07, 0, 0, 0, 0, 0x1f, 0x18, 0, 0, 0x08, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	    0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff } },
	{ READ_16, OPCODES_NO_SA, 16, NEEDS_NOTHING, USAGE_RW_16(0) },
	{ COMPARE_AND_WRITE, OPCODES_NO_SA, 16, NEEDS_COMPARE_AND_WRITE,
	  { 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0xff, 0x1f, 0x07 } },
	{ WRITE_16, OPCODES_NO_SA, 16, NEEDS_NOTHING, USAGE_RW_16(0) },
	{ WRITE_VERIFY_16, OPCODES_NO_SA, 16, NEEDS_NOTHING, USAGE_RW_16(0x02) },
	{ VERIFY_16, OPCODES_NO_SA, 16, NEEDS_NOTHING, USAGE_RW_16(0x02) },
	{ TRBD_PRE_FETCH_16, OPCODES_NO_SA, 16, NEEDS_NOTHING, USAGE_RW_16(0x02) },
	{ SYNCHRONIZE_CACHE_16, OPCODES_NO_SA, 16, NEEDS_NOTHING, USAGE_RW_16(0x02) },
	{ WRITE_SAME_16, OPCODES_NO_SA, 16, NEEDS_WRITE_SAME, USAGE_RW_16(0x09) },
	{ SERVICE_ACTION_IN_16, SAI_READ_CAPACITY_16, 16, NEEDS_NOTHING, USAGE_RW_16(0) },
	{ SERVICE_ACTION_IN_16, SAI_GET_LBA_STATUS, 16, NEEDS_NOTHING, USAGE_RW_16(0) },
	{ REPORT_LUNS, OPCODES_NO_SA, 12, NEEDS_NOTHING, { 0, 0xff, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0x07 } },
	{ MAINTENANCE_IN, MI_REPORT_TARGET_PGS, 12, NEEDS_NOTHING,
	  { 0xe0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0x07 } },
	{ MAINTENANCE_IN, MI_REPORT_SUPPORTED_OPERATION_CODES, 12, NEEDS_NOTHING,
	  { 0, 0x87, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0x07 } },
	{ READ_12, OPCODES_NO_SA, 12, NEEDS_NOTHING, USAGE_RW_12(0) },
	{ WRITE_12, OPCODES_NO_SA, 12, NEEDS_NOTHING, USAGE_RW_12(0) },
};

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
#define OPCODES_BUFFER		(4 + ARRAY_SIZE(opcodes) * (8 + TIMEOUTS_LEN))

static bool opcode_is_there(const struct se_cmd *cmd, const struct opcode *op)
{
	const struct se_dev_attrib *attrib = &cmd->se_dev->dev_attrib;

	switch (op->needs) {
	case NEEDS_UNMAP:
		return attrib->emulate_tpu;
	case NEEDS_WRITE_SAME:
		return attrib->max_write_same_len;
	case NEEDS_COMPARE_AND_WRITE:
		return attrib->emulate_caw;
	case NEEDS_RESERVATIONS:
		return attrib->emulate_pr;
	default:
		return true;
	}
}

/* Command timeouts descriptor without a recommendation. */
static u32 put_timeouts(u8 *buf)
{
	put_unaligned_be16(TIMEOUTS_LEN - 2, buf);
	return TIMEOUTS_LEN;
}

static u32 report_all(const struct se_cmd *cmd, u8 *buf, bool timeouts)
{
	u32 len = 4;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(opcodes); i++) {
		const struct opcode *op = &opcodes[i];
		u8 *descriptor = buf + len;

		if (!opcode_is_there(cmd, op))
			continue;
		descriptor[0] = op->opcode;
		if (op->sa != OPCODES_NO_SA) {
			put_unaligned_be16(op->sa, &descriptor[2]);
			descriptor[5] |= 0x01;	/* SERVACTV */
		}
		put_unaligned_be16(op->len, &descriptor[6]);
		len += 8;
		if (timeouts) {
			descriptor[5] |= 0x02;	/* CTDP */
			len += put_timeouts(buf + len);
		}
	}
	put_unaligned_be32(len - 4, buf);
	return len;
}

/* DPO and FUA */
static u8 cache_bits(u8 opcode)
{
	switch (opcode) {
	case READ_10:
	case READ_12:
	case READ_16:
	case WRITE_10:
	case WRITE_12:
	case WRITE_16:
	case COMPARE_AND_WRITE:
		return 0x18;
	case VERIFY:
	case VERIFY_16:
	case WRITE_VERIFY:
	case WRITE_VERIFY_16:
		return 0x10;
	default:
		return 0;
	}
}

/* CDB usage data: the opcode and the service action as they are, and for the rest the bits that count. */
static void put_usage(const struct se_cmd *cmd, u8 *buf, const struct opcode *op)
{
	buf[0] = op->opcode;
	memcpy(buf + 1, op->usage, op->len - 1);
	if (op->opcode == VARIABLE_LENGTH_CMD)
		put_unaligned_be16(op->sa, &buf[8]);
	else if (op->sa != OPCODES_NO_SA)
		buf[1] |= op->sa;
	if (trbd_command_may_have_fua(cmd->se_dev))
		buf[1] |= cache_bits(op->opcode);
	if (op->needs == NEEDS_WRITE_SAME && !cmd->se_dev->dev_attrib.emulate_tpws)
		buf[op->opcode == VARIABLE_LENGTH_CMD ? 10 : 1] &= ~TRBD_WRITE_SAME_UNMAP;
}

static u32 report_one(const struct se_cmd *cmd, u8 *buf, const struct opcode *op, bool timeouts)
{
	u32 len = 4;

	if (!op) {
		buf[1] = SUPPORT_NONE;
		return len;
	}
	buf[1] = SUPPORT_STANDARD;
	put_unaligned_be16(op->len, &buf[2]);
	put_usage(cmd, buf + len, op);
	len += op->len;
	if (timeouts) {
		buf[1] |= 0x80;	/* CTDP */
		len += put_timeouts(buf + len);
	}
	return len;
}

static sense_reason_t report(struct se_cmd *cmd, u8 *buf, u32 *len)
{
	const u8 *cdb = cmd->t_task_cdb;
	u16 sa = get_unaligned_be16(&cdb[4]);
	bool timeouts = cdb[2] & 0x80;
	const struct opcode *found = NULL;
	bool has_sa = false, known = false;
	u8 options = cdb[2] & 0x07;
	size_t i;

	if (options == OPTIONS_ALL) {
		*len = report_all(cmd, buf, timeouts);
		return 0;
	}
	if (options > OPTIONS_EITHER)
		return TCM_INVALID_CDB_FIELD;

	for (i = 0; i < ARRAY_SIZE(opcodes); i++) {
		const struct opcode *op = &opcodes[i];

		if (op->opcode != cdb[3])
			continue;
		known = true;
		has_sa = op->sa != OPCODES_NO_SA;
		if (opcode_is_there(cmd, op) && (!has_sa || op->sa == sa))
			found = op;
	}
	if (known && ((options == OPTIONS_OPCODE && has_sa) || (options == OPTIONS_OPCODE_AND_SA && !has_sa)))
		return TCM_INVALID_CDB_FIELD;
	*len = report_one(cmd, buf, found, timeouts);
	return 0;
}

/**
 * trbd_execute_report_opcodes() - REPORT SUPPORTED OPERATION CODES
 * @cmd: command
 *
 * Context: process.
 * Return: 0, or the reason of a CHECK CONDITION.
 */
sense_reason_t trbd_execute_report_opcodes(struct se_cmd *cmd)
{
	u8 *buf = kzalloc(OPCODES_BUFFER, GFP_NOWAIT | __GFP_NOWARN);
	sense_reason_t ret;
	u32 len = 0;

	if (!buf) {
		trbd_complete(cmd, -ENOMEM);
		return 0;
	}
	ret = report(cmd, buf, &len);
	if (!ret)
		sg_copy_from_buffer(cmd->t_data_sg, cmd->t_data_nents, buf, min(len, cmd->data_length));
	kfree(buf);
	if (!ret)
		trbd_complete_data(cmd, len);
	return ret;
}
