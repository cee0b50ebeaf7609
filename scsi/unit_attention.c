// SPDX-License-Identifier: GPL-2.0
/*
 * Unit attentions (SAM-5 5.14): what every I_T nexus must be told once, before its next command is
 * executed.
 *
 * LIO has lists of its own, and no function to add to them from here; they are also per initiator,
 * not per nexus. So the logical unit keeps a bit per condition with each nexus (scsi/nexus.c). A
 * nexus is told nothing before its first command.
 *
 * A command whose nexus has something coming reports it instead of being executed. INQUIRY and
 * REPORT LUNS pass, REQUEST SENSE returns the condition as data; both as SPC-4 5.14 asks.
 */
#include <linux/bitops.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/scatterlist.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <scsi/scsi_common.h>
#include <scsi/scsi_proto.h>
#include <target/target_core_backend.h>
#include <target/target_core_base.h>

#include "scsi/cdb.h"
#include "scsi/complete.h"
#include "scsi/nexus.h"
#include "scsi/unit_attention.h"

#define SENSE_FIXED_LEN		18
#define SENSE_DESCRIPTOR_LEN	8	/* without any descriptor */

static const struct {
	u8 asc;
	u8 ascq;
} ua_codes[TRBD_UA_COUNT] = {
	[TRBD_UA_RESET] = { 0x29, 0x03 },
	[TRBD_UA_NEXUS_LOSS] = { 0x29, 0x07 },
	[TRBD_UA_RESERVATIONS_PREEMPTED] = { 0x2a, 0x03 },
	[TRBD_UA_RESERVATIONS_RELEASED] = { 0x2a, 0x04 },
	[TRBD_UA_REGISTRATIONS_PREEMPTED] = { 0x2a, 0x05 },
	[TRBD_UA_CAPACITY] = { 0x2a, 0x09 },
	[TRBD_UA_PREVIOUS_BUSY] = { 0x2c, 0x07 },
	[TRBD_UA_PREVIOUS_CONFLICT] = { 0x2c, 0x09 },
};

/* UA_INTLCK_CTRL (SPC-4 7.5.8): nothing but REQUEST SENSE takes a condition off. */
static bool ua_stays(const struct se_cmd *cmd, const struct trbd_cdb *row)
{
	return row->handler != TRBD_CDB_REQUEST_SENSE &&
	       cmd->se_dev->dev_attrib.emulate_ua_intlck_ctrl != TARGET_UA_INTLCK_CTRL_CLEAR;
}

/*
 * Takes off the condition that is told next, if it does not stay. Return: it, or TRBD_UA_COUNT for
 * none.
 */
static enum trbd_ua ua_take(struct trbd_nexus_table *table, struct se_cmd *cmd,
			    const struct trbd_cdb *row)
{
	enum trbd_ua ua = TRBD_UA_COUNT;
	struct trbd_nexus *nexus;

	rcu_read_lock();
	nexus = trbd_nexus_find(table, cmd);
	if (nexus && READ_ONCE(nexus->attentions)) {
		do {
			ua = find_first_bit(&nexus->attentions, TRBD_UA_COUNT);
		} while (ua < TRBD_UA_COUNT && !ua_stays(cmd, row) &&
			 !test_and_clear_bit(ua, &nexus->attentions));
	}
	rcu_read_unlock();
	return ua;
}

/* SPC-4 6.39: sense data as the data of the command, in the format that DESC asks for. */
static void ua_answer_request_sense(struct se_cmd *cmd, u8 key, u8 asc, u8 ascq)
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
 * Has LIO a unit attention for the initiator? It has a list for each LUN that the initiator sees.
 */
static bool ua_lio_has_one(struct se_cmd *cmd, u8 *asc, u8 *ascq)
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
 * trbd_ua_is_for_lio() - tell whether LIO should answer this REQUEST SENSE
 * @cmd: REQUEST SENSE
 *
 * Context: process.
 * Return: whether it has something to tell, in the only format that it knows.
 */
bool trbd_ua_is_for_lio(struct se_cmd *cmd)
{
	u8 asc, ascq;

	return !(cmd->t_task_cdb[1] & 0x01) && ua_lio_has_one(cmd, &asc, &ascq);
}

/**
 * trbd_execute_request_sense() - answer REQUEST SENSE when we have nothing to tell (SPC-4 6.39)
 * @cmd: command
 *
 * LIO may have. Here it can be looked at, and not be taken off its list, so the next command
 * reports it once more.
 *
 * Context: process.
 * Return: 0.
 */
sense_reason_t trbd_execute_request_sense(struct se_cmd *cmd)
{
	u8 asc = 0, ascq = 0;
	bool attention = ua_lio_has_one(cmd, &asc, &ascq);

	ua_answer_request_sense(cmd, attention ? UNIT_ATTENTION : NO_SENSE, asc, ascq);
	return 0;
}

/**
 * trbd_ua_report() - let a command report a unit attention, if its nexus has one coming
 * @table: nexuses of the logical unit
 * @cmd: command that is to be executed
 * @row: its row in the table of commands
 *
 * Context: process; allocates at most a little, without waiting.
 * Return: whether the command was answered.
 */
bool trbd_ua_report(struct trbd_nexus_table *table, struct se_cmd *cmd, const struct trbd_cdb *row)
{
	enum trbd_ua ua;

	if (row->flags & TRBD_CDB_NO_ATTENTION)
		return false;
	ua = ua_take(table, cmd, row);
	if (ua == TRBD_UA_COUNT)
		return false;
	if (row->handler == TRBD_CDB_REQUEST_SENSE)
		ua_answer_request_sense(cmd, UNIT_ATTENTION, ua_codes[ua].asc, ua_codes[ua].ascq);
	else
		trbd_complete_sense(cmd, UNIT_ATTENTION, ua_codes[ua].asc, ua_codes[ua].ascq);
	return true;
}

/**
 * trbd_ua_raise() - have a nexus told
 * @nexus: which; under RCU
 * @ua: what
 *
 * A condition that it has not been told yet is told once.
 *
 * Context: any.
 */
void trbd_ua_raise(struct trbd_nexus *nexus, enum trbd_ua ua)
{
	set_bit(ua, &nexus->attentions);
}

/**
 * trbd_ua_raise_for_status() - have the nexus of a command told later how that ended
 * @table: nexuses of the logical unit
 * @cmd: command that is about to be answered
 * @status: with which status
 *
 * If UA_INTLCK_CTRL asks for that, and for BUSY and RESERVATION CONFLICT.
 *
 * Context: any but hard interrupt; allocates at most a little, without waiting.
 */
void trbd_ua_raise_for_status(struct trbd_nexus_table *table, struct se_cmd *cmd, u8 status)
{
	struct trbd_nexus *nexus;

	if (cmd->se_dev->dev_attrib.emulate_ua_intlck_ctrl != TARGET_UA_INTLCK_CTRL_ESTABLISH_UA)
		return;
	if (status != SAM_STAT_BUSY && status != SAM_STAT_RESERVATION_CONFLICT)
		return;
	rcu_read_lock();
	nexus = trbd_nexus_find(table, cmd);
	if (nexus)
		trbd_ua_raise(nexus, status == SAM_STAT_BUSY ? TRBD_UA_PREVIOUS_BUSY :
							       TRBD_UA_PREVIOUS_CONFLICT);
	rcu_read_unlock();
}

/**
 * trbd_ua_raise_all() - have every nexus told
 * @table: nexuses of the logical unit
 * @ua: what
 *
 * Context: any but hard and soft interrupt.
 */
void trbd_ua_raise_all(struct trbd_nexus_table *table, enum trbd_ua ua)
{
	struct trbd_nexus *nexus;
	int bucket;

	rcu_read_lock();
	hash_for_each_rcu(table->nexuses, bucket, nexus, node)
		trbd_ua_raise(nexus, ua);
	rcu_read_unlock();
}

/**
 * trbd_ua_show() - print what is still to be told, for the operator
 * @table: nexuses of the logical unit
 * @buf: where to
 * @size: room in @buf
 *
 * A line for each nexus that has something coming: ASC/ASCQ..., target port, initiator port.
 *
 * Context: any but hard and soft interrupt.
 * Return: length of the text, cut to what fits.
 */
size_t trbd_ua_show(struct trbd_nexus_table *table, char *buf, size_t size)
{
	struct trbd_nexus *nexus;
	size_t len = 0;
	int bucket;

	rcu_read_lock();
	hash_for_each_rcu(table->nexuses, bucket, nexus, node) {
		unsigned long attentions = READ_ONCE(nexus->attentions);
		unsigned int ua;

		if (!attentions)
			continue;
		len += scnprintf(buf + len, size - len, "unit_attention");
		for_each_set_bit(ua, &attentions, TRBD_UA_COUNT)
			len += scnprintf(buf + len, size - len, " %02x/%02x", ua_codes[ua].asc,
					 ua_codes[ua].ascq);
		len += scnprintf(buf + len, size - len, " %s %s\n", nexus->name.target,
				 nexus->name.initiator);
	}
	rcu_read_unlock();
	return len;
}
