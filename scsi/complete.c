// SPDX-License-Identifier: GPL-2.0
/*
 * The end of a command: from an errno to a status and sense data on which an initiator can act.
 *
 * An initiator retries a command that ends with BUSY on the same path. NOT READY makes a multipath
 * host wait, or change the path and try again. MEDIUM ERROR, DATA PROTECT and ILLEGAL REQUEST are
 * final on every path and reach the application. So an error that concerns this gateway alone must
 * not be final, and an error that concerns the data must not look like a broken path.
 *
 * An error that says that this gateway cannot serve is worded by the gateway's state, not by the
 * errno (scsi/readiness.c). BUSY stays BUSY, which every initiator retries, until the gateway sends
 * hosts to other paths.
 *
 * LIO's own table cannot express most of this. So this file builds the sense data and hands them
 * over complete.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/types.h>
#include <scsi/scsi_common.h>
#include <scsi/scsi_proto.h>
#include <target/target_core_backend.h>
#include <target/target_core_base.h>

#include "pr/rules.h"
#include "scsi/abandoned.h"
#include "scsi/cdb.h"
#include "scsi/complete.h"
#include "scsi/readiness.h"
#include "scsi/serving.h"
#include "scsi/stats.h"
#include "scsi/unit.h"
#include "scsi/unit_attention.h"

/**
 * struct sense_rule - the sense data for an errno
 * @err: positive errno
 * @key: sense key
 * @asc: additional sense code
 * @ascq: its qualifier
 */
struct sense_rule {
	int err;
	u8 key;
	u8 asc;
	u8 ascq;
};

static const struct sense_rule read_rules[] = {
	{ EIO, MEDIUM_ERROR, 0x11, 0x00 },	/* UNRECOVERED READ ERROR */
	{ EBADMSG, MEDIUM_ERROR, 0x11, 0x00 },
	{ EILSEQ, MEDIUM_ERROR, 0x11, 0x00 },
};

static const struct sense_rule write_rules[] = {
	{ EIO, MEDIUM_ERROR, 0x0c, 0x00 },	/* WRITE ERROR */
	{ EROFS, DATA_PROTECT, 0x27, 0x00 },	/* WRITE PROTECTED */
	{ EPERM, DATA_PROTECT, 0x27, 0x00 },
	{ EACCES, DATA_PROTECT, 0x27, 0x00 },
	{ ENOSPC, DATA_PROTECT, 0x27, 0x07 },	/* SPACE ALLOCATION FAILED WRITE PROTECT */
	{ EDQUOT, DATA_PROTECT, 0x27, 0x07 },
};

static const struct sense_rule common_rules[] = {
	{ ERANGE, ILLEGAL_REQUEST, 0x21, 0x00 },	/* LOGICAL BLOCK ADDRESS OUT OF RANGE */
	{ ENOENT, NOT_READY, 0x04, 0x03 },	/* NOT READY, MANUAL INTERVENTION REQUIRED */
	{ ENXIO, NOT_READY, 0x04, 0x03 },
	{ EPERM, NOT_READY, 0x04, 0x03 },
	{ EACCES, NOT_READY, 0x04, 0x03 },
	{ ETIMEDOUT, NOT_READY, 0x08, 0x01 },	/* LOGICAL UNIT COMMUNICATION TIME-OUT */
};

/* INTERNAL TARGET FAILURE: an error that nobody thought of */
static const struct sense_rule other_rule = { 0, HARDWARE_ERROR, 0x44, 0x00 };

static const struct sense_rule *complete_find_rule(const struct sense_rule *rules, size_t count,
						   int err)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (rules[i].err == err)
			return &rules[i];
	}
	return NULL;
}

static const struct sense_rule *complete_rule(bool write, int err)
{
	const struct sense_rule *rule;

	rule = write ? complete_find_rule(write_rules, ARRAY_SIZE(write_rules), err) :
		       complete_find_rule(read_rules, ARRAY_SIZE(read_rules), err);
	if (!rule)
		rule = complete_find_rule(common_rules, ARRAY_SIZE(common_rules), err);
	return rule ? rule : &other_rule;
}

/* @key is the sense key, if there are sense data. */
static void complete_with_status(struct se_cmd *cmd, u8 status, u8 key)
{
	if (status != SAM_STAT_GOOD)
		trbd_ua_raise_for_status(&to_trbd_unit(cmd->se_dev)->nexuses, cmd, status);
	trbd_stats_end(cmd, status, key);
	trbd_cmd_end(cmd);
	target_complete_cmd(cmd, status);
}

static void complete_with_sense(struct se_cmd *cmd, u8 key, u8 asc, u8 ascq, const u64 *information)
{
	/* the fixed format has only four bytes for an LBA */
	bool descriptor = cmd->se_dev->transport->get_blocks(cmd->se_dev) > U32_MAX;
	u8 sense[SE_SENSE_BUF] = { };

	cmd->scsi_sense_length = sizeof(sense);
	scsi_build_sense_buffer(descriptor, sense, key, asc, ascq);
	if (information)
		scsi_set_sense_information(sense, sizeof(sense), *information);
	transport_copy_sense_to_cmd(cmd, sense);
	complete_with_status(cmd, SAM_STAT_CHECK_CONDITION, key);
}

/*
 * Tell whether a command writes. The direction of the data does not tell: WRITE SAME with NDOB
 * writes without data, VERIFY sends data and does not write them, and PERSISTENT RESERVE OUT writes
 * to the cluster, though not to the medium.
 */
static bool complete_is_write(const struct se_cmd *cmd)
{
	const u8 *cdb = cmd->t_task_cdb;
	enum trbd_pr_access access = trbd_cdb_access(trbd_cdb_find(cdb), cdb);

	return access == TRBD_PR_ACCESS_WRITE ||
	       (cmd->data_direction == DMA_TO_DEVICE && access != TRBD_PR_ACCESS_READ);
}

/*
 * Tell whether an error says that this gateway cannot serve, and not what is wrong with the command
 * or with the data.
 */
static bool complete_is_unready(int result, enum trbd_readiness readiness)
{
	switch (result) {
	case -ESHUTDOWN:	/* EBLOCKLISTED */
	case -ENOTCONN:
	case -ECONNRESET:
		return true;
	case -ETIMEDOUT:
		return readiness != TRBD_READY;
	case -EBUSY:
	case -EAGAIN:
		return readiness == TRBD_NOT_READY;
	default:
		return false;
	}
}

static void complete_with_error(struct se_cmd *cmd, int result, u8 key, u8 asc, u8 ascq)
{
	pr_warn_ratelimited("%s: opcode 0x%02x at LBA %llu failed: error %d, sense %x/%02x/%02x\n",
			    config_item_name(&cmd->se_dev->dev_group.cg_item), cmd->t_task_cdb[0],
			    cmd->t_task_lba, result, key, asc, ascq);
	complete_with_sense(cmd, key, asc, ascq, NULL);
}

/**
 * trbd_complete() - end a command
 * @cmd: command for which execute_cmd returned 0
 * @result: 0 for GOOD, or a negative errno
 *
 * Want of memory and the like end with BUSY: the command was not executed, or may be executed again
 * as it is.
 *
 * Context: any in which a spinlock may be taken.
 */
void trbd_complete(struct se_cmd *cmd, int result)
{
	const struct sense_rule *rule;
	enum trbd_readiness readiness;

	if (!result) {
		complete_with_status(cmd, SAM_STAT_GOOD, NO_SENSE);
		return;
	}
	readiness = trbd_serving_look(to_trbd_unit(cmd->se_dev));
	if (complete_is_unready(result, readiness)) {
		complete_with_error(cmd, result, NOT_READY, TRBD_READINESS_ASC,
				    trbd_readiness_ascq(readiness));
		return;
	}
	switch (result) {
	case -ENOMEM:
	case -EBUSY:
	case -EAGAIN:
		complete_with_status(cmd, SAM_STAT_BUSY, NO_SENSE);
		return;
	}

	rule = complete_rule(complete_is_write(cmd), -result);
	complete_with_error(cmd, result, rule->key, rule->asc, rule->ascq);
}

/*
 * Correct the overflow. LIO takes the allocation length of a CDB for the length of the data, and
 * reports the part beyond the initiator's room as an overflow. The length of the data is known only
 * now.
 */
static void complete_mend_overflow(struct se_cmd *cmd, size_t len)
{
	u64 wanted = min_t(u64, len, (u64)cmd->data_length + cmd->residual_count);

	if (!(cmd->se_cmd_flags & SCF_OVERFLOW_BIT))
		return;
	if (wanted <= cmd->data_length) {
		cmd->se_cmd_flags &= ~SCF_OVERFLOW_BIT;
		cmd->residual_count = 0;
	} else {
		cmd->residual_count = wanted - cmd->data_length;
	}
}

/**
 * trbd_complete_data() - end a command with GOOD and with data, which may be shorter than requested
 * @cmd: command for which execute_cmd returned 0, with the data in place
 * @len: length of the data, bytes; a part beyond the requested length is cut off
 *
 * Context: any but hard interrupt.
 */
void trbd_complete_data(struct se_cmd *cmd, size_t len)
{
	trbd_stats_end(cmd, SAM_STAT_GOOD, NO_SENSE);
	trbd_cmd_end(cmd);
	complete_mend_overflow(cmd, len);
	target_complete_cmd_with_length(cmd, SAM_STAT_GOOD, min_t(size_t, len, cmd->data_length));
}

/**
 * trbd_complete_conflict() - end a command with RESERVATION CONFLICT
 * @cmd: command for which execute_cmd returned 0
 *
 * Context: any but hard interrupt.
 */
void trbd_complete_conflict(struct se_cmd *cmd)
{
	complete_with_status(cmd, SAM_STAT_RESERVATION_CONFLICT, NO_SENSE);
}

/**
 * trbd_complete_sense() - end a command with CHECK CONDITION
 * @cmd: command for which execute_cmd returned 0
 * @key: sense key
 * @asc: additional sense code
 * @ascq: its qualifier
 *
 * Context: any but hard interrupt.
 */
void trbd_complete_sense(struct se_cmd *cmd, u8 key, u8 asc, u8 ascq)
{
	complete_with_sense(cmd, key, asc, ascq, NULL);
}

/**
 * trbd_complete_miscompare() - end a command that compared and found a difference
 * @cmd: command for which execute_cmd returned 0
 * @offset: offset of the first byte that differs, in the data of the command
 *
 * The sense data are MISCOMPARE DURING VERIFY OPERATION, with the offset in the INFORMATION field
 * (SBC-3 5.2, 5.30).
 *
 * Context: any but hard interrupt.
 */
void trbd_complete_miscompare(struct se_cmd *cmd, u64 offset)
{
	complete_with_sense(cmd, MISCOMPARE, 0x1d, 0x00, &offset);
}

/**
 * trbd_complete_verdict() - end a command with the verdict of the reservation rules
 * @cmd: command for which execute_cmd returned 0
 * @verdict: an enum trbd_pr_verdict, or a negative errno
 *
 * Context: any in which a spinlock may be taken.
 */
void trbd_complete_verdict(struct se_cmd *cmd, int verdict)
{
	switch (verdict) {
	case TRBD_PR_GOOD:
		trbd_complete(cmd, 0);
		break;
	case TRBD_PR_CONFLICT:
		trbd_complete_conflict(cmd);
		break;
	case TRBD_PR_INVALID_CDB:
		trbd_complete_sense(cmd, ILLEGAL_REQUEST, 0x24, 0x00);
		break;
	case TRBD_PR_INVALID_PARAMETER:
		trbd_complete_sense(cmd, ILLEGAL_REQUEST, 0x26, 0x00);
		break;
	case TRBD_PR_INVALID_RELEASE:
		trbd_complete_sense(cmd, ILLEGAL_REQUEST, 0x26, 0x04);
		break;
	case TRBD_PR_NO_RESOURCES:
		trbd_complete_sense(cmd, ILLEGAL_REQUEST, 0x55, 0x04);
		break;
	case TRBD_PR_INVALID_LENGTH:
		trbd_complete_sense(cmd, ILLEGAL_REQUEST, 0x1a, 0x00);
		break;
	case -EINTR:
		trbd_complete(cmd, -EBUSY);
		break;
	case -EBADMSG:
	case -EPROTONOSUPPORT:
		/* the record is damaged: neither another medium nor another path would help */
		trbd_complete(cmd, -EPROTO);
		break;
	default:
		trbd_complete(cmd, verdict);
	}
}
