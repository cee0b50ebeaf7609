// SPDX-License-Identifier: GPL-2.0
/*
 * REQUEST SENSE, and how a command reports a unit attention.
 *
 * If a unit attention is pending for the nexus of a command, the command reports it instead of
 * being executed. INQUIRY and REPORT LUNS run, and REQUEST SENSE returns the condition as data,
 * both as SPC-4 5.14 asks.
 */
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/scatterlist.h>
#include <linux/spinlock.h>
#include <scsi/scsi_common.h>
#include <scsi/scsi_proto.h>
#include <target/target_core_base.h>

#include "scsi/cdb.h"
#include "scsi/complete.h"
#include "scsi/readiness.h"
#include "scsi/request_sense.h"
#include "scsi/serving.h"
#include "scsi/unit.h"
#include "scsi/unit_attention.h"

#define SENSE_FIXED_LEN		18
#define SENSE_DESCRIPTOR_LEN	8	/* without any descriptor */

/*
 * Answer with sense data as the data of the command, in the format that DESC asks for (SPC-4 6.39).
 */
static void request_sense_answer(struct se_cmd *cmd, u8 key, u8 asc, u8 ascq)
{
	bool descriptor = cmd->t_task_cdb[1] & 0x01;
	size_t len = descriptor ? SENSE_DESCRIPTOR_LEN : SENSE_FIXED_LEN;
	u8 sense[SENSE_FIXED_LEN] = { };

	scsi_build_sense_buffer(descriptor, sense, key, asc, ascq);
	sg_copy_from_buffer(cmd->t_data_sg, cmd->t_data_nents, sense,
			    min_t(size_t, len, cmd->data_length));
	trbd_complete_data(cmd, len);
}

/*
 * Tell whether LIO has a unit attention for the initiator. It keeps a list for each LUN that the
 * initiator sees.
 */
static bool request_sense_lio_has_one(struct se_cmd *cmd, u8 *asc, u8 *ascq)
{
	struct se_dev_entry *deve;
	struct se_ua *ua = NULL;

	rcu_read_lock();
	hlist_for_each_entry_rcu(deve, &cmd->se_sess->se_node_acl->lun_entry_hlist, link) {
		if (deve->mapped_lun != cmd->orig_fe_lun)
			continue;
		spin_lock(&deve->ua_lock);
		ua = list_first_entry_or_null(&deve->ua_list, struct se_ua, ua_nacl_list);
		if (ua) {
			*asc = ua->ua_asc;
			*ascq = ua->ua_ascq;
		}
		spin_unlock(&deve->ua_lock);
		break;
	}
	rcu_read_unlock();
	return ua;
}

/**
 * trbd_request_sense_is_for_lio() - tell whether LIO should answer this REQUEST SENSE
 * @cmd: REQUEST SENSE
 *
 * Context: process.
 * Return: true if LIO has something to tell, and the initiator asks for the only format that LIO
 * knows.
 */
bool trbd_request_sense_is_for_lio(struct se_cmd *cmd)
{
	u8 asc, ascq;

	return !(cmd->t_task_cdb[1] & 0x01) && request_sense_lio_has_one(cmd, &asc, &ascq);
}

/**
 * trbd_execute_request_sense() - answer REQUEST SENSE if no unit attention of ours is pending
 *	(SPC-4 6.39)
 * @cmd: command
 *
 * LIO may have a unit attention. This code can look at it, but cannot take it off LIO's list. So
 * the next command reports it once more. Else the data say why TEST UNIT READY would end with NOT
 * READY, if it would.
 *
 * Context: process.
 * Return: 0.
 */
sense_reason_t trbd_execute_request_sense(struct se_cmd *cmd)
{
	enum trbd_readiness readiness = trbd_serving_look(to_trbd_unit(cmd->se_dev));
	u8 asc = 0, ascq = 0;

	if (request_sense_lio_has_one(cmd, &asc, &ascq))
		request_sense_answer(cmd, UNIT_ATTENTION, asc, ascq);
	else if (readiness != TRBD_READY)
		request_sense_answer(cmd, NOT_READY, TRBD_READINESS_ASC,
				     trbd_readiness_ascq(readiness));
	else
		request_sense_answer(cmd, NO_SENSE, 0, 0);
	return 0;
}

/**
 * trbd_request_sense_report() - let a command report a unit attention that is pending for its nexus
 * @table: nexuses of the logical unit
 * @cmd: command that is about to be executed
 * @row: its row in the table of commands
 *
 * Context: process; allocates at most a little, without waiting.
 * Return: true if the command was answered.
 */
bool trbd_request_sense_report(struct trbd_nexus_table *table, struct se_cmd *cmd,
			       const struct trbd_cdb *row)
{
	struct trbd_ua_sense ua;

	if (row->flags & TRBD_CDB_NO_ATTENTION || !trbd_ua_take(table, cmd, row, &ua))
		return false;
	if (row->handler == TRBD_CDB_REQUEST_SENSE)
		request_sense_answer(cmd, UNIT_ATTENTION, ua.asc, ua.ascq);
	else
		trbd_complete_sense(cmd, UNIT_ATTENTION, ua.asc, ua.ascq);
	return true;
}
