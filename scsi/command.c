// SPDX-License-Identifier: GPL-2.0
/*
 * Commands of the logical unit: which CDB goes where.
 *
 * parse_cdb runs before the data of a write have arrived, execute_cmd when they are complete. sbc_parse_cdb() does
 * the decoding, the LBA range and the transfer length; what runs as execute_cmd starts I/O and returns 0 at once
 * (iSCSI runs it in its receive thread), and trbd_complete() ends the command later, in messenger context.
 *
 * LIO compares the length of a command's data with what the initiator announced, in a function that is not
 * exported. For commands that it does not know, or does not do, it is shown a CDB of the same shape that it knows,
 * see parse_as().
 *
 * A command that scsi/access.c does not know gets INVALID COMMAND OPERATION CODE, also where LIO would do it:
 * what it does to the medium, and so what a reservation says to it, is not known either. Left out of there on purpose
 * are EXTENDED COPY and its kin: LIO re-issues their reads and writes for minutes, outside of any order with other
 * gateways. And SET TARGET PORT GROUPS: all paths are equal, and LIO would let any initiator take this gateway's away
 * from all others, until an operator comes.
 */
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/types.h>
#include <scsi/scsi_proto.h>
#include <target/target_core_fabric.h>

#include "compat/target.h"
#include "protocol.h"
#include "rados/clock.h"
#include "rbd/image.h"
#include "scsi/access.h"
#include "scsi/command.h"
#include "scsi/compare_write.h"
#include "scsi/inquiry.h"
#include "scsi/nexus.h"
#include "scsi/opcodes.h"
#include "scsi/provisioning.h"
#include "scsi/reservation.h"
#include "scsi/rw.h"
#include "scsi/sense.h"
#include "scsi/unit_attention.h"
#include "scsi/verify.h"
#include "target_core_rbd.h"

#define START_STOP_START	0x01
#define TRANSFER_MAX		SZ_32M
#define TRANSFER_OBJECTS	1024

/*
 * TEST UNIT READY, and what there is nothing to do for: a write is acknowledged when every replica has it, so there is
 * no cache to synchronize, and nothing to fetch ahead. Hosts ask this way whether a path is good. So the answer is that
 * of a READ, or a path to an image that was deleted would come back for ever.
 */
static sense_reason_t execute_nothing(struct se_cmd *cmd)
{
	trbd_complete(cmd, trbd_image_check(to_trbd_device(cmd->se_dev)->image));
	return 0;
}

/*
 * START STOP UNIT (SBC-3 5.25): the unit runs, so there is nothing to wait for, and START is done whether IMMED is set
 * or not. It cannot be stopped, since others use it, and has no medium to eject and no power conditions.
 */
static sense_reason_t execute_start_stop(struct se_cmd *cmd)
{
	const u8 *cdb = cmd->t_task_cdb;

	if (cdb[2] || cdb[3] || cdb[4] != START_STOP_START)
		return TCM_INVALID_CDB_FIELD;
	return execute_nothing(cmd);
}

/*
 * LIO decodes UNMAP and WRITE SAME only for a backend that has hooks for them, and would call the hooks range by
 * range, each to be finished on return. trbd_parse_cdb() puts the whole command into our hands instead.
 */
static sense_reason_t never_unmap(struct se_cmd *cmd, sector_t lba, sector_t blocks)
{
	return TCM_LOGICAL_UNIT_COMMUNICATION_FAILURE;
}

static struct exec_cmd_ops command_ops = {
	.execute_rw = trbd_execute_rw,
	.execute_write_same = trbd_execute_write_same,
	.execute_unmap = never_unmap,
};

/**
 * trbd_sent_length() - how much of what the initiator sends belongs to the command
 * @cmd: command that sends data
 *
 * LIO keeps what is sent beyond what the CDB asks for.
 *
 * Context: any.
 * Return: bytes.
 */
u32 trbd_sent_length(const struct se_cmd *cmd)
{
	return cmd->se_cmd_flags & SCF_UNDERFLOW_BIT ? cmd->data_length - cmd->residual_count : cmd->data_length;
}

/**
 * trbd_transfer_max() - how much one command may move
 * @cmd: command
 *
 * That is more than MAXIMUM TRANSFER LENGTH of the block limits page says (SBC-3 6.5.3). Firmware loads a kernel in one
 * go and does not look there. Who does look there gets what can be written over a slow network as well: the data of a
 * WRITE have TRBD_ADMISSION_MS to arrive. All objects of a command are in flight at once, so images whose objects are
 * tiny get less.
 *
 * Context: any.
 * Return: bytes.
 */
u64 trbd_transfer_max(const struct se_cmd *cmd)
{
	u64 object_size = trbd_image_object_size(to_trbd_device(cmd->se_dev)->image);

	return min_t(u64, TRANSFER_MAX, TRANSFER_OBJECTS * object_size);
}

/* Decodes the command as if its first two bytes were these. */
static sense_reason_t parse_as(struct se_cmd *cmd, u8 opcode, u8 byte1)
{
	u8 *cdb = cmd->t_task_cdb;
	u8 real[2] = { cdb[0], cdb[1] };
	sense_reason_t ret;

	cdb[0] = opcode;
	cdb[1] = byte1;
	ret = sbc_parse_cdb(cmd, &command_ops);
	memcpy(cdb, real, sizeof(real));
	return ret;
}

/* SBC-3 4.2.2.4: a range that ends behind the last block is an error even where nothing is to be done. */
static sense_reason_t check_range(struct se_cmd *cmd)
{
	u64 blocks = cmd->se_dev->transport->get_blocks(cmd->se_dev) + 1;
	u64 lba = trbd_rw_lba(cmd->t_task_cdb);

	if (lba > blocks || trbd_rw_blocks(cmd->t_task_cdb) > blocks - lba)
		return TCM_ADDRESS_OUT_OF_RANGE;
	cmd->t_task_lba = lba;
	return 0;
}

static bool is_16(const struct se_cmd *cmd)
{
	return cmd->t_task_cdb[0] >> 5 == 4;
}

/* A command without data that names a range. */
static sense_reason_t parse_range(struct se_cmd *cmd, sense_reason_t (*execute)(struct se_cmd *cmd))
{
	sense_reason_t ret = parse_as(cmd, is_16(cmd) ? SYNCHRONIZE_CACHE_16 : SYNCHRONIZE_CACHE, 0);

	if (!ret)
		ret = check_range(cmd);
	if (!ret)
		cmd->execute_cmd = execute;
	return ret;
}

/* BYTCHK, SBC-3 table 127: 00b the medium, 01b with data; one block for all of them (11b) is not offered. */
static sense_reason_t parse_verify(struct se_cmd *cmd)
{
	sense_reason_t ret;

	/* DPO where MODE SENSE does not offer it */
	if (cmd->t_task_cdb[1] & 0x10 && !trbd_command_may_have_fua(cmd->se_dev))
		return TCM_INVALID_CDB_FIELD;

	switch (cmd->t_task_cdb[1] >> 1 & 3) {
	case 0:
		ret = parse_range(cmd, trbd_execute_verify);
		return !ret && !trbd_verify_fits(cmd) ? TCM_INVALID_CDB_FIELD : ret;
	case 1:
		ret = parse_as(cmd, is_16(cmd) ? WRITE_16 : WRITE_10, 0);
		cmd->execute_cmd = trbd_execute_verify;
		return ret;
	default:
		return TCM_INVALID_CDB_FIELD;
	}
}

static sense_reason_t parse_write_verify(struct se_cmd *cmd)
{
	sense_reason_t ret = sbc_parse_cdb(cmd, &command_ops);

	if (cmd->t_task_cdb[1] >> 1 & 2)
		return TCM_INVALID_CDB_FIELD;
	cmd->execute_cmd = trbd_execute_write_verify;
	return ret;
}

static sense_reason_t parse_get_lba_status(struct se_cmd *cmd)
{
	sense_reason_t ret = parse_as(cmd, SERVICE_ACTION_IN_16, SAI_READ_CAPACITY_16);

	if (get_unaligned_be64(&cmd->t_task_cdb[2]) > cmd->se_dev->transport->get_blocks(cmd->se_dev))
		return TCM_ADDRESS_OUT_OF_RANGE;
	cmd->execute_cmd = trbd_execute_get_lba_status;
	return ret;
}

/* REPORT LUNS has its allocation length at the same place. */
static sense_reason_t parse_report_opcodes(struct se_cmd *cmd)
{
	sense_reason_t ret;

	if (!trbd_compat_reports_opcodes(cmd->se_dev))
		return TCM_UNSUPPORTED_SCSI_OPCODE;
	ret = parse_as(cmd, REPORT_LUNS, 0);
	cmd->sam_task_attr = TCM_SIMPLE_TAG;
	cmd->execute_cmd = trbd_execute_report_opcodes;
	return ret;
}

/* LIO has the right shape for these, and something else in mind. */
static sense_reason_t parse_then(struct se_cmd *cmd, sense_reason_t (*execute)(struct se_cmd *cmd))
{
	sense_reason_t ret = sbc_parse_cdb(cmd, &command_ops);

	cmd->execute_cmd = execute;
	return ret;
}

static sense_reason_t parse_request_sense(struct se_cmd *cmd)
{
	sense_reason_t ret = sbc_parse_cdb(cmd, &command_ops);

	if (!ret && !trbd_ua_is_for_lio(cmd))
		cmd->execute_cmd = trbd_execute_request_sense;
	return ret;
}

static sense_reason_t parse_inquiry(struct se_cmd *cmd)
{
	sense_reason_t ret = sbc_parse_cdb(cmd, &command_ops);

	trbd_inquiry_set_access(cmd->se_lun);
	if (!ret && trbd_inquiry_is_ours(cmd))
		cmd->execute_cmd = trbd_execute_inquiry;
	return ret;
}

/*
 * WRITE SAME (16) without a data-out buffer (NDOB): the block is zeros. LIO does not know that form, and where nothing
 * may be written it refuses commands that send data.
 */
static sense_reason_t parse_write_same_16(struct se_cmd *cmd)
{
	u8 flags = cmd->t_task_cdb[1];
	u64 blocks = trbd_rw_blocks(cmd->t_task_cdb);

	if (!(flags & TRBD_WRITE_SAME_NDOB))
		return parse_then(cmd, trbd_execute_write_same);
	if (target_lun_is_rdonly(cmd) || trbd_image_read_only(to_trbd_device(cmd->se_dev)->image))
		return TCM_WRITE_PROTECTED;
	if (flags & ~(TRBD_WRITE_SAME_NDOB | TRBD_WRITE_SAME_UNMAP) || !blocks ||
	    blocks > cmd->se_dev->dev_attrib.max_write_same_len)
		return TCM_INVALID_CDB_FIELD;
	return parse_range(cmd, trbd_execute_write_same);
}

/* LBPWS of page B2h (SBC-3 5.43): whether WRITE SAME may unmap. */
static sense_reason_t parse_write_same(struct se_cmd *cmd)
{
	const u8 *cdb = cmd->t_task_cdb;
	u8 flags = cdb[0] == VARIABLE_LENGTH_CMD ? cdb[10] : cdb[1];

	if (flags & TRBD_WRITE_SAME_UNMAP && !cmd->se_dev->dev_attrib.emulate_tpws)
		return TCM_INVALID_CDB_FIELD;
	if (cdb[0] == WRITE_SAME_16)
		return parse_write_same_16(cmd);
	return parse_then(cmd, trbd_execute_write_same);
}

static sense_reason_t parse_compare_and_write(struct se_cmd *cmd)
{
	sense_reason_t ret = sbc_parse_cdb(cmd, &command_ops);

	/* data that do not go with NUMBER OF LOGICAL BLOCKS are the CDB's mistake (SBC-3 5.2) */
	if (ret == TCM_INVALID_FIELD_IN_COMMAND_IU)
		return TCM_INVALID_CDB_FIELD;
	/* and so are none at all, which LIO lets through */
	if (!ret && cmd->t_task_nolb && !cmd->data_length)
		return TCM_INVALID_CDB_FIELD;
	if (!ret) {
		cmd->transport_complete_callback = NULL;
		cmd->execute_cmd = trbd_execute_compare_and_write;
	}
	return ret;
}

/* Protection information is not offered, so nobody may ask for it (SBC-3 table 61 and its like). */
static bool asks_for_protection(const struct se_cmd *cmd)
{
	switch (cmd->t_task_cdb[0]) {
	case VERIFY:
	case VERIFY_16:
	case WRITE_VERIFY:
	case WRITE_VERIFY_16:
	case WRITE_SAME:
	case WRITE_SAME_16:
	case COMPARE_AND_WRITE:
		return cmd->t_task_cdb[1] >> 5;
	default:
		return false;
	}
}

/* SPC-4 4.2.5: of a command that is known, a service action that is not is a field in the CDB. */
static sense_reason_t refuse_unknown(const u8 *cdb)
{
	return trbd_access_knows_opcode(cdb) ? TCM_INVALID_CDB_FIELD : TCM_UNSUPPORTED_SCSI_OPCODE;
}

static sense_reason_t parse_cdb(struct se_cmd *cmd)
{
	if (!trbd_access_of(cmd->t_task_cdb).known)
		return refuse_unknown(cmd->t_task_cdb);
	if (asks_for_protection(cmd))
		return TCM_INVALID_CDB_FIELD;

	switch (cmd->t_task_cdb[0]) {
	case TEST_UNIT_READY:
		return parse_then(cmd, execute_nothing);
	case REQUEST_SENSE:
		return parse_request_sense(cmd);
	case INQUIRY:
		return parse_inquiry(cmd);
	case COMPARE_AND_WRITE:
		return parse_compare_and_write(cmd);
	case SYNCHRONIZE_CACHE:
	case SYNCHRONIZE_CACHE_16:
	case PRE_FETCH:
	case TRBD_PRE_FETCH_16:
		return parse_range(cmd, execute_nothing);
	case VERIFY:
	case VERIFY_16:
		return parse_verify(cmd);
	case WRITE_VERIFY:
	case WRITE_VERIFY_16:
		return parse_write_verify(cmd);
	case MAINTENANCE_IN:
		if ((cmd->t_task_cdb[1] & 0x1f) == MI_REPORT_SUPPORTED_OPERATION_CODES)
			return parse_report_opcodes(cmd);
		return sbc_parse_cdb(cmd, &command_ops);
	case SERVICE_ACTION_IN_16:
		if ((cmd->t_task_cdb[1] & 0x1f) == SAI_GET_LBA_STATUS)
			return parse_get_lba_status(cmd);
		return sbc_parse_cdb(cmd, &command_ops);
	case START_STOP:
		return parse_then(cmd, execute_start_stop);
	case UNMAP:
		return parse_then(cmd, trbd_execute_unmap);
	case WRITE_SAME:
	case WRITE_SAME_16:
	case VARIABLE_LENGTH_CMD:
		return parse_write_same(cmd);
	case PERSISTENT_RESERVE_IN:
		return parse_then(cmd, trbd_execute_pr_in);
	case PERSISTENT_RESERVE_OUT:
		return parse_then(cmd, trbd_execute_pr_out);
	case RESERVE_6:
	case RESERVE_10:
		return parse_then(cmd, trbd_execute_reserve);
	case RELEASE_6:
	case RELEASE_10:
		return parse_then(cmd, trbd_execute_release);
	default:
		return sbc_parse_cdb(cmd, &command_ops);
	}
}

static bool sends_data(const u8 *cdb)
{
	switch (cdb[0]) {
	case WRITE_6:
	case WRITE_10:
	case WRITE_12:
	case WRITE_16:
	case WRITE_VERIFY:
	case WRITE_VERIFY_16:
	case WRITE_SAME:
	case WRITE_SAME_16:
	case VARIABLE_LENGTH_CMD:
	case COMPARE_AND_WRITE:
	case UNMAP:
	case MODE_SELECT:
	case MODE_SELECT_10:
	case PERSISTENT_RESERVE_OUT:
		return true;
	case VERIFY:
	case VERIFY_16:
		return cdb[1] & 0x02;	/* BYTCHK */
	default:
		return false;
	}
}

/*
 * LIO believes the initiator which way data go, and looks at the length only. A WRITE that "reads" would write what
 * happens to be in the memory that was allocated for it, and hand that out; a READ that "writes" would write, as a
 * command that reservations let pass because it reads.
 */
static bool goes_the_wrong_way(const struct se_cmd *cmd)
{
	bool to_device = cmd->data_direction == DMA_TO_DEVICE;
	u32 len = to_device ? trbd_sent_length(cmd) : cmd->data_length;

	return len && to_device != sends_data(cmd->t_task_cdb);
}

/*
 * LIO refuses a command that announces less data than its CDB asks for; one that announces none would end as if it had
 * been done.
 */
static bool lacks_its_data(const struct se_cmd *cmd)
{
	return cmd->se_cmd_flags & SCF_OVERFLOW_BIT && sends_data(cmd->t_task_cdb);
}

/* LIO copies between units in a session of its own, which is nobody's nexus, long after the command was accepted. */
static bool is_copied_by_lio(const struct se_cmd *cmd)
{
	return !cmd->se_sess->se_tpg->se_tpg_tfo->tpg_get_wwn;
}

/* This is for everything that moves data: LIO allocates as much memory as an initiator says it expects. */
static bool is_too_long(const struct se_cmd *cmd)
{
	return cmd->data_length > trbd_transfer_max(cmd);
}

/*
 * A write may have to wait for its data, and no longer than for the admission of changes. Anything else is executed by
 * the thread that took it up, at once.
 */
static void look_for_stall(struct se_cmd *cmd)
{
	u64 limit_ms = cmd->data_direction == DMA_TO_DEVICE ? TRBD_ADMISSION_MS : TRBD_STALL_MS;

	if (trbd_nexus_note_execution(cmd, trbd_command_received(cmd), limit_ms))
		pr_warn_ratelimited("%s: the thread of a session stood still; for %u s its writes end with BUSY\n",
				    to_trbd_device(cmd->se_dev)->image->name, TRBD_QUARANTINE_MS / 1000);
}

/*
 * What is executed first: unit attentions and reservations, by what is true now, which may be long after the CDB was
 * parsed. cmd->priv holds the rest of the command until then, and after that its place among those in flight.
 */
static sense_reason_t execute(struct se_cmd *cmd)
{
	sense_reason_t (*rest)(struct se_cmd *cmd) = cmd->priv;
	sense_reason_t ret;

	cmd->priv = NULL;
	if (!trbd_reservation_admit(cmd))
		return 0;
	look_for_stall(cmd);
	ret = rest(cmd);
	/* LIO answers what was refused */
	if (ret)
		trbd_patience_end(cmd);
	return ret;
}

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

	/*
	 * LIO holds a command back behind an ORDERED one. Nobody would know how old its data are by then, and the
	 * guard needs to know; no initiator relies on the order, since it ends where the path changes. The page of
	 * extended INQUIRY data says so.
	 */
	cmd->sam_task_attr = TCM_SIMPLE_TAG;
	trbd_command_set_received(cmd, trbd_clock_local_ms());

	if (is_copied_by_lio(cmd))
		return TCM_UNSUPPORTED_SCSI_OPCODE;
	ret = parse_cdb(cmd);
	if (!ret && (goes_the_wrong_way(cmd) || lacks_its_data(cmd)))
		ret = TCM_INVALID_FIELD_IN_COMMAND_IU;
	if (!ret && is_too_long(cmd))
		ret = TCM_INVALID_CDB_FIELD;
	if (!ret) {
		cmd->priv = cmd->execute_cmd;
		cmd->execute_cmd = execute;
	}
	return ret;
}
