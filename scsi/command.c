// SPDX-License-Identifier: GPL-2.0
/*
 * Commands of the logical unit: from a CDB to the function that executes it.
 *
 * scsi/cdb.c lists the commands, and names the handler that decodes each of them. The handlers are
 * here. A command passes twice:
 *
 *	trbd_parse_cdb()     before the data of a write have arrived: look the row up, decode, check
 *	command_execute()    when the data are complete: admit the command (scsi/admit.c), and
 *	                     start its I/O. A command that is over the unit's limits waits before
 *	                     that (scsi/throttle.c)
 *
 * sbc_parse_cdb() does the decoding, the LBA range and the transfer length. The functions that
 * start I/O return 0 at once, since iSCSI calls them in its receive thread. trbd_complete() ends
 * the command later, in messenger context.
 *
 * LIO compares the length of a command's data with the length that the initiator announced, in a
 * function that is not exported. Some commands LIO does not know, or does not execute. For these we
 * show it a CDB of the same shape that it knows, see command_parse_as().
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/types.h>
#include <scsi/scsi_proto.h>
#include <target/target_core_fabric.h>

#include "compat/target.h"
#include "protocol.h"
#include "rbd/image.h"
#include "scsi/abandoned.h"
#include "scsi/admit.h"
#include "scsi/cdb.h"
#include "scsi/cmd.h"
#include "scsi/cmd_priv.h"
#include "scsi/command.h"
#include "scsi/compare_write.h"
#include "scsi/complete.h"
#include "scsi/condition.h"
#include "scsi/inquiry.h"
#include "scsi/log_sense.h"
#include "scsi/nexus_in_flight.h"
#include "scsi/opcodes.h"
#include "scsi/ports.h"
#include "scsi/pr_commands.h"
#include "scsi/provisioning.h"
#include "scsi/request_sense.h"
#include "scsi/rw.h"
#include "scsi/stats.h"
#include "scsi/throttle.h"
#include "scsi/unit.h"
#include "scsi/verify.h"

/* byte 1 */
#define COMMAND_DPO	0x10

/*
 * Execute a command for which there is nothing to do. A write is acknowledged when every replica
 * has it, so there is no cache to synchronize, and nothing to fetch ahead. The answer is that of a
 * READ.
 */
static sense_reason_t command_execute_nothing(struct se_cmd *cmd)
{
	trbd_complete(cmd, trbd_image_check(to_trbd_unit(cmd->se_dev)->image));
	return 0;
}

/*
 * LIO decodes UNMAP and WRITE SAME only for a backend that has hooks for them. It would call the
 * hooks range by range, and expect each to be finished on return. The handlers of these commands
 * take the whole command instead.
 */
static sense_reason_t command_never_unmap(struct se_cmd *cmd, sector_t lba, sector_t blocks)
{
	return TCM_LOGICAL_UNIT_COMMUNICATION_FAILURE;
}

static struct exec_cmd_ops command_ops = {
	.execute_rw = trbd_execute_rw,
	.execute_write_same = trbd_execute_write_same,
	.execute_unmap = command_never_unmap,
};

/* Decode the command as if its first two bytes were these. */
static sense_reason_t command_parse_as(struct se_cmd *cmd, u8 opcode, u8 byte1)
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

/*
 * Check the range of a command. A range that ends behind the last block is an error even if there
 * is nothing to do (SBC-3 4.2.2.4).
 */
static sense_reason_t command_check_range(struct se_cmd *cmd, const struct trbd_cdb *row)
{
	u64 blocks = cmd->se_dev->transport->get_blocks(cmd->se_dev) + 1;
	u64 lba = trbd_cdb_lba(row, cmd->t_task_cdb);

	if (lba > blocks || trbd_cdb_blocks(row, cmd->t_task_cdb) > blocks - lba)
		return TCM_ADDRESS_OUT_OF_RANGE;
	cmd->t_task_lba = lba;
	return 0;
}

/*
 * Have LIO decode a command whose shape it knows, but which it would execute in another way;
 * @execute comes from the handler.
 */
static sense_reason_t command_parse_then(struct se_cmd *cmd, const struct trbd_cdb *row,
					 trbd_cmd_fn execute)
{
	sense_reason_t ret = sbc_parse_cdb(cmd, &command_ops);

	cmd->execute_cmd = execute;
	return ret;
}

/* Decode a command without data that names a range. */
static sense_reason_t command_parse_range(struct se_cmd *cmd, const struct trbd_cdb *row,
					  trbd_cmd_fn execute)
{
	sense_reason_t ret = command_parse_as(cmd, trbd_cdb_like_range(row), 0);

	if (!ret)
		ret = command_check_range(cmd, row);
	if (!ret)
		cmd->execute_cmd = execute;
	return ret;
}

/*
 * Decode a VERIFY. BYTCHK (SBC-3 table 127) is 00b to verify the medium, 01b to compare with data.
 * One block to compare with all of them (11b) is not offered.
 */
static sense_reason_t command_parse_verify(struct se_cmd *cmd, const struct trbd_cdb *row,
					   trbd_cmd_fn execute)
{
	sense_reason_t ret;

	/* MODE SENSE does not offer it */
	if (cmd->t_task_cdb[1] & COMMAND_DPO && !trbd_cmd_may_have_fua(cmd->se_dev))
		return TCM_INVALID_CDB_FIELD;

	switch (cmd->t_task_cdb[1] >> 1 & 3) {
	case 0:
		ret = command_parse_range(cmd, row, execute);
		return !ret && !trbd_verify_fits(cmd) ? TCM_INVALID_CDB_FIELD : ret;
	case 1:
		ret = command_parse_as(cmd, trbd_cdb_like_write(row), 0);
		cmd->execute_cmd = execute;
		return ret;
	default:
		return TCM_INVALID_CDB_FIELD;
	}
}

static sense_reason_t command_parse_write_verify(struct se_cmd *cmd, const struct trbd_cdb *row,
						 trbd_cmd_fn execute)
{
	sense_reason_t ret = command_parse_as(cmd, trbd_cdb_like_write(row),
					      cmd->t_task_cdb[1] & COMMAND_DPO);

	if (cmd->t_task_cdb[1] >> 1 & 2)
		return TCM_INVALID_CDB_FIELD;
	cmd->execute_cmd = execute;
	return ret;
}

/* Decode GET LBA STATUS. READ CAPACITY (16) has its allocation length at the same place. */
static sense_reason_t command_parse_get_lba_status(struct se_cmd *cmd, const struct trbd_cdb *row,
						   trbd_cmd_fn execute)
{
	sense_reason_t ret = command_parse_as(cmd, row->opcode, SAI_READ_CAPACITY_16);

	if (trbd_cdb_lba(row, cmd->t_task_cdb) > cmd->se_dev->transport->get_blocks(cmd->se_dev))
		return TCM_ADDRESS_OUT_OF_RANGE;
	cmd->execute_cmd = execute;
	return ret;
}

/* Decode a command without data for the unit as a whole. */
static sense_reason_t command_parse_no_data(struct se_cmd *cmd, const struct trbd_cdb *row,
					    trbd_cmd_fn execute)
{
	sense_reason_t ret = command_parse_as(cmd, TEST_UNIT_READY, 0);

	cmd->execute_cmd = execute;
	return ret;
}

/* Decode LOG SENSE. MODE SENSE (10) has its allocation length at the same place. */
static sense_reason_t command_parse_log_sense(struct se_cmd *cmd, const struct trbd_cdb *row,
					      trbd_cmd_fn execute)
{
	sense_reason_t ret = command_parse_as(cmd, MODE_SENSE_10, 0);

	cmd->execute_cmd = execute;
	return ret;
}

/*
 * Decode a command that has its allocation length where REPORT LUNS has it. LIO would run that one
 * at the head of the queue.
 */
static sense_reason_t command_parse_like_report_luns(struct se_cmd *cmd, const struct trbd_cdb *row,
						     trbd_cmd_fn execute)
{
	sense_reason_t ret = command_parse_as(cmd, REPORT_LUNS, 0);

	cmd->sam_task_attr = TCM_SIMPLE_TAG;
	cmd->execute_cmd = execute;
	return ret;
}

/* Decode REPORT SUPPORTED OPERATION CODES. */
static sense_reason_t command_parse_report_opcodes(struct se_cmd *cmd, const struct trbd_cdb *row,
						   trbd_cmd_fn execute)
{
	if (!trbd_compat_reports_opcodes(cmd->se_dev))
		return TCM_UNSUPPORTED_SCSI_OPCODE;
	return command_parse_like_report_luns(cmd, row, execute);
}

/* Decode REPORT TARGET PORT GROUPS. LIO answers for a unit whose ports are not shared. */
static sense_reason_t command_parse_report_port_groups(struct se_cmd *cmd,
						       const struct trbd_cdb *row,
						       trbd_cmd_fn execute)
{
	sense_reason_t ret = sbc_parse_cdb(cmd, &command_ops);

	if (!ret && trbd_ports_are_shared(to_trbd_unit(cmd->se_dev)))
		cmd->execute_cmd = execute;
	return ret;
}

static sense_reason_t command_parse_request_sense(struct se_cmd *cmd, const struct trbd_cdb *row,
						  trbd_cmd_fn execute)
{
	sense_reason_t ret = sbc_parse_cdb(cmd, &command_ops);

	if (!ret && !trbd_request_sense_is_for_lio(cmd))
		cmd->execute_cmd = execute;
	return ret;
}

static sense_reason_t command_parse_inquiry(struct se_cmd *cmd, const struct trbd_cdb *row,
					    trbd_cmd_fn execute)
{
	sense_reason_t ret = sbc_parse_cdb(cmd, &command_ops);

	trbd_inquiry_set_access(cmd->se_lun);
	if (!ret && trbd_inquiry_is_ours(cmd))
		cmd->execute_cmd = execute;
	return ret;
}

/*
 * Decode a WRITE SAME without a data-out buffer (NDOB): the block is zeros. LIO does not know that
 * form. On a read-only unit, LIO refuses only commands that send data.
 */
static sense_reason_t command_parse_ndob(struct se_cmd *cmd, const struct trbd_cdb *row,
					 trbd_cmd_fn execute)
{
	u8 flags = cmd->t_task_cdb[trbd_cdb_write_same_byte(row)];
	u64 blocks = trbd_cdb_blocks(row, cmd->t_task_cdb);

	if (target_lun_is_rdonly(cmd) ||
	    trbd_image_read_only(to_trbd_unit(cmd->se_dev)->image))
		return TCM_WRITE_PROTECTED;
	if (flags & ~(TRBD_WRITE_SAME_NDOB | TRBD_WRITE_SAME_UNMAP) || !blocks ||
	    blocks > cmd->se_dev->dev_attrib.max_write_same_len)
		return TCM_INVALID_CDB_FIELD;
	return command_parse_range(cmd, row, execute);
}

/* Decode a WRITE SAME. LBPWS of page B2h tells whether it may unmap (SBC-3 5.43). */
static sense_reason_t command_parse_write_same(struct se_cmd *cmd, const struct trbd_cdb *row,
					       trbd_cmd_fn execute)
{
	const u8 *cdb = cmd->t_task_cdb;

	if (cdb[trbd_cdb_write_same_byte(row)] & TRBD_WRITE_SAME_UNMAP &&
	    !cmd->se_dev->dev_attrib.emulate_tpws)
		return TCM_INVALID_CDB_FIELD;
	if (trbd_cdb_is_ndob(row, cdb))
		return command_parse_ndob(cmd, row, execute);
	return command_parse_then(cmd, row, execute);
}

static sense_reason_t command_parse_caw(struct se_cmd *cmd, const struct trbd_cdb *row,
					trbd_cmd_fn execute)
{
	sense_reason_t ret = sbc_parse_cdb(cmd, &command_ops);

	/*
	 * data whose length does not match NUMBER OF LOGICAL BLOCKS are an error in the CDB (SBC-3
	 * 5.2)
	 */
	if (ret == TCM_INVALID_FIELD_IN_COMMAND_IU)
		return TCM_INVALID_CDB_FIELD;
	/* so is a lack of data, which LIO lets pass */
	if (!ret && cmd->t_task_nolb && !cmd->data_length)
		return TCM_INVALID_CDB_FIELD;
	if (!ret) {
		cmd->transport_complete_callback = NULL;
		cmd->execute_cmd = execute;
	}
	return ret;
}

/**
 * struct command_handler - the functions behind an enum trbd_cdb_handler
 * @parse: decodes and checks the CDB; sets cmd->execute_cmd, to @execute unless LIO is to execute
 *	the command
 * @execute: starts the I/O
 */
struct command_handler {
	sense_reason_t (*parse)(struct se_cmd *cmd, const struct trbd_cdb *row,
				trbd_cmd_fn execute);
	trbd_cmd_fn execute;
};

static const struct command_handler command_handlers[TRBD_CDB_HANDLERS] = {
	[TRBD_CDB_TEST_UNIT_READY] = { command_parse_then, trbd_execute_test_unit_ready },
	[TRBD_CDB_REQUEST_SENSE] = { command_parse_request_sense, trbd_execute_request_sense },
	[TRBD_CDB_INQUIRY] = { command_parse_inquiry, trbd_execute_inquiry },
	[TRBD_CDB_START_STOP] = { command_parse_then, trbd_execute_start_stop },
	[TRBD_CDB_SEND_DIAGNOSTIC] = { command_parse_no_data, trbd_execute_send_diagnostic },
	[TRBD_CDB_NO_OPERATION] = { command_parse_range, command_execute_nothing },
	[TRBD_CDB_VERIFY] = { command_parse_verify, trbd_execute_verify },
	[TRBD_CDB_WRITE_VERIFY] = { command_parse_write_verify, trbd_execute_write_verify },
	[TRBD_CDB_COMPARE_AND_WRITE] = { command_parse_caw, trbd_execute_compare_and_write },
	[TRBD_CDB_UNMAP] = { command_parse_then, trbd_execute_unmap },
	[TRBD_CDB_WRITE_SAME] = { command_parse_write_same, trbd_execute_write_same },
	[TRBD_CDB_GET_LBA_STATUS] = { command_parse_get_lba_status, trbd_execute_get_lba_status },
	[TRBD_CDB_PR_IN] = { command_parse_then, trbd_execute_pr_in },
	[TRBD_CDB_PR_OUT] = { command_parse_then, trbd_execute_pr_out },
	[TRBD_CDB_RESERVE] = { command_parse_then, trbd_execute_reserve },
	[TRBD_CDB_RELEASE] = { command_parse_then, trbd_execute_release },
	[TRBD_CDB_REPORT_PORT_GROUPS] = { command_parse_report_port_groups,
					  trbd_execute_report_port_groups },
	[TRBD_CDB_LOG_SENSE] = { command_parse_log_sense, trbd_execute_log_sense },
	[TRBD_CDB_REPORT_TASK_MANAGEMENT] = { command_parse_like_report_luns,
					      trbd_execute_report_task_management },
	[TRBD_CDB_REPORT_OPCODES] = { command_parse_report_opcodes, trbd_execute_report_opcodes },
};

/*
 * Refuse a command without a row. If the opcode is supported, an unknown service action is an
 * invalid field in the CDB (SPC-4 4.2.5).
 */
static sense_reason_t command_refuse_unknown(const struct se_cmd *cmd)
{
	return trbd_cdb_find_opcode(cmd->t_task_cdb[0]) ? TCM_INVALID_CDB_FIELD :
							  TCM_UNSUPPORTED_SCSI_OPCODE;
}

static sense_reason_t command_parse(struct se_cmd *cmd, const struct trbd_cdb *row)
{
	const struct command_handler *handler;

	if (trbd_cdb_asks_for_protection(row, cmd->t_task_cdb))
		return TCM_INVALID_CDB_FIELD;
	if (row->handler == TRBD_CDB_BY_LIO)
		return sbc_parse_cdb(cmd, &command_ops);
	handler = &command_handlers[row->handler];
	return handler->parse(cmd, row, handler->execute);
}

/*
 * Tell whether the data go the wrong way. LIO believes the initiator about the direction, and
 * checks the length only. A WRITE that "reads" would write whatever is in the memory that was
 * allocated for it, and hand that out. A READ that "writes" would write, although reservations let
 * it pass because it reads.
 */
static bool command_goes_the_wrong_way(const struct se_cmd *cmd, const struct trbd_cdb *row)
{
	bool to_device = cmd->data_direction == DMA_TO_DEVICE;
	u32 len = to_device ? trbd_cmd_sent_length(cmd) : cmd->data_length;

	return len && to_device != trbd_cdb_sends_data(row, cmd->t_task_cdb);
}

/*
 * Tell whether a command lacks its data. LIO refuses a command that announces less data than its
 * CDB asks for, but one that announces none would end as if it had been done.
 */
static bool command_lacks_its_data(const struct se_cmd *cmd, const struct trbd_cdb *row)
{
	return cmd->se_cmd_flags & SCF_OVERFLOW_BIT && trbd_cdb_sends_data(row, cmd->t_task_cdb);
}

/*
 * Tell whether the command comes from LIO's copying between units. LIO does that in a session of
 * its own, which is no initiator's nexus, long after the command was accepted.
 */
static bool command_is_copied_by_lio(const struct se_cmd *cmd)
{
	return !cmd->se_sess->se_tpg->se_tpg_tfo->tpg_get_wwn;
}

/*
 * Tell whether a command moves too much data. This applies to every command with data: LIO
 * allocates as much memory as an initiator says it expects.
 */
static bool command_is_too_long(const struct se_cmd *cmd)
{
	return cmd->data_length > trbd_cmd_transfer_max(cmd);
}

/*
 * Tell how long the thread of a session may take from taking a command up to executing it. A write
 * may have to wait for its data, but no longer than for the admission of changes. The thread that
 * takes up any other command executes it at once.
 */
static u64 command_stall_ms(const struct se_cmd *cmd)
{
	return cmd->data_direction == DMA_TO_DEVICE ? TRBD_ADMISSION_MS : TRBD_STALL_MS;
}

static void command_warn_of_stall(struct se_cmd *cmd)
{
	pr_warn_ratelimited("%s: the thread of a session stood still; for %u s its writes end with BUSY\n",
			    to_trbd_unit(cmd->se_dev)->image->name, TRBD_QUARANTINE_MS / 1000);
}

/*
 * Tell whether LIO executes and answers a command. LIO calls us back for the commands that move
 * data.
 */
static bool command_is_left_to_lio(const struct trbd_cdb *row, trbd_cmd_fn rest)
{
	return !(row->flags & TRBD_CDB_COUNTED) && rest != command_handlers[row->handler].execute;
}

/*
 * Admit a command, and start its I/O. Unit attentions and reservations are checked now, by the
 * present state: the CDB may have been parsed long before.
 */
static sense_reason_t command_run(struct se_cmd *cmd, bool arrives)
{
	const struct trbd_cdb *row = trbd_cdb_find(cmd->t_task_cdb);
	trbd_cmd_fn rest = trbd_cmd_take_rest(cmd);
	bool left = command_is_left_to_lio(row, rest);
	sense_reason_t ret;

	trbd_stats_begin(cmd);
	if (!trbd_admit_command(cmd, row))
		return 0;
	if (arrives &&
	    trbd_nexus_note_execution(cmd, trbd_cmd_received(cmd), command_stall_ms(cmd)))
		command_warn_of_stall(cmd);
	if (left)
		trbd_stats_left_to_lio(cmd);
	ret = rest(cmd);
	/* LIO answers a command that was refused */
	if (ret && !left)
		trbd_stats_refused(cmd, ret);
	if (ret)
		trbd_cmd_end(cmd);
	return ret;
}

/* Go on with a command that has waited for the unit's limits. Answer it as LIO would. */
static void command_go(struct se_cmd *cmd, int err)
{
	sense_reason_t ret;

	if (err) {
		trbd_cmd_take_rest(cmd);
		trbd_stats_begin(cmd);
		trbd_complete(cmd, err);
		return;
	}
	ret = command_run(cmd, false);
	if (!ret)
		return;
	spin_lock_irq(&cmd->t_state_lock);
	cmd->transport_state &= ~CMD_T_SENT;
	spin_unlock_irq(&cmd->t_state_lock);
	transport_generic_request_failure(cmd, ret);
}

/*
 * Execute a command of a unit with limits. Whether the session's thread stood still shows now, and
 * not after the command has waited.
 */
static sense_reason_t command_execute_limited(struct se_cmd *cmd)
{
	struct trbd_unit *unit = to_trbd_unit(cmd->se_dev);
	int stalled = trbd_nexus_note_arrival(&unit->nexuses, cmd, trbd_cmd_received(cmd),
					      command_stall_ms(cmd));

	if (stalled < 0) {
		command_go(cmd, stalled);
		return 0;
	}
	if (stalled)
		command_warn_of_stall(cmd);
	if (trbd_throttle_hold(cmd, trbd_cdb_find(cmd->t_task_cdb), command_go))
		return 0;
	return command_run(cmd, false);
}

static sense_reason_t command_execute(struct se_cmd *cmd)
{
	if (trbd_throttle_is_on(to_trbd_unit(cmd->se_dev)) &&
	    trbd_cdb_find(cmd->t_task_cdb)->flags & TRBD_CDB_COUNTED)
		return command_execute_limited(cmd);
	return command_run(cmd, true);
}

static sense_reason_t command_decode(struct se_cmd *cmd)
{
	const struct trbd_cdb *row;
	sense_reason_t ret;

	if (command_is_copied_by_lio(cmd))
		return TCM_UNSUPPORTED_SCSI_OPCODE;
	row = trbd_cdb_find(cmd->t_task_cdb);
	if (!row)
		return command_refuse_unknown(cmd);
	ret = command_parse(cmd, row);
	if (!ret && (command_goes_the_wrong_way(cmd, row) || command_lacks_its_data(cmd, row)))
		ret = TCM_INVALID_FIELD_IN_COMMAND_IU;
	if (!ret && command_is_too_long(cmd))
		ret = TCM_INVALID_CDB_FIELD;
	return ret;
}

/**
 * trbd_parse_cdb() - decode a command: parse_cdb of struct target_backend_ops
 * @cmd: command
 *
 * Context: may sleep; iSCSI calls it in its receive thread.
 * Return: 0 with cmd->execute_cmd set, or the reason of the refusal.
 */
sense_reason_t trbd_parse_cdb(struct se_cmd *cmd)
{
	sense_reason_t ret;

	/*
	 * LIO would hold a command back behind an ORDERED one. Nobody would know how old its data
	 * are by then, and the guard needs to know. No initiator relies on the order, since it ends
	 * where the path changes. The page of extended INQUIRY data says that only SIMPLE is
	 * supported.
	 */
	cmd->sam_task_attr = TCM_SIMPLE_TAG;
	trbd_cmd_set_received(cmd, ktime_get_raw_ns());

	ret = command_decode(cmd);
	if (ret) {
		trbd_stats_refused(cmd, ret);
	} else {
		trbd_cmd_set_rest(cmd, cmd->execute_cmd);
		cmd->execute_cmd = command_execute;
	}
	return ret;
}
