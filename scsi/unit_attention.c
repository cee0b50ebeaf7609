// SPDX-License-Identifier: GPL-2.0
/*
 * Unit attentions (SAM-5 5.14): conditions that every I_T nexus must be told once, before its next
 * command is executed.
 *
 * LIO has lists of its own, but no function to add to them from here; and they are per initiator,
 * not per nexus. So the logical unit keeps a bit for each condition with each nexus (scsi/nexus.c).
 * A nexus without a command so far is told nothing.
 *
 * scsi/request_sense.c has the commands report the conditions.
 */
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/kernel.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <scsi/scsi_proto.h>
#include <target/target_core_base.h>

#include "scsi/cdb.h"
#include "scsi/nexus.h"
#include "scsi/unit_attention.h"

static const struct trbd_ua_sense ua_codes[TRBD_UA_COUNT] = {
	[TRBD_UA_RESET] = { 0x29, 0x03 },
	[TRBD_UA_NEXUS_LOSS] = { 0x29, 0x07 },
	[TRBD_UA_RESERVATIONS_PREEMPTED] = { 0x2a, 0x03 },
	[TRBD_UA_RESERVATIONS_RELEASED] = { 0x2a, 0x04 },
	[TRBD_UA_REGISTRATIONS_PREEMPTED] = { 0x2a, 0x05 },
	[TRBD_UA_ACCESS_STATE] = { 0x2a, 0x06 },
	[TRBD_UA_INQUIRY] = { 0x3f, 0x03 },
	[TRBD_UA_CAPACITY] = { 0x2a, 0x09 },
	[TRBD_UA_PREVIOUS_BUSY] = { 0x2c, 0x07 },
	[TRBD_UA_PREVIOUS_CONFLICT] = { 0x2c, 0x09 },
};

/*
 * Tell whether a condition stays after it was reported. With UA_INTLCK_CTRL (SPC-4 7.5.8), only
 * REQUEST SENSE takes it off.
 */
static bool ua_stays(const struct se_cmd *cmd, const struct trbd_cdb *row)
{
	return row->handler != TRBD_CDB_REQUEST_SENSE &&
	       cmd->se_dev->dev_attrib.emulate_ua_intlck_ctrl != TARGET_UA_INTLCK_CTRL_CLEAR;
}

/**
 * trbd_ua_take() - take the condition of which a nexus is to be told next
 * @table: nexuses of the logical unit
 * @cmd: command that reports it
 * @row: its row in the table of commands
 * @sense: set to the condition
 *
 * The condition is taken off, unless UA_INTLCK_CTRL says that it stays.
 *
 * Context: process; allocates at most a little, without waiting.
 * Return: true if there is one.
 */
bool trbd_ua_take(struct trbd_nexus_table *table, struct se_cmd *cmd, const struct trbd_cdb *row,
		  struct trbd_ua_sense *sense)
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
	if (ua == TRBD_UA_COUNT)
		return false;
	*sense = ua_codes[ua];
	return true;
}

/**
 * trbd_ua_raise() - have a nexus told of a condition
 * @table: nexuses of the logical unit
 * @nexus: the nexus; under RCU
 * @ua: the condition
 *
 * If the nexus has not been told of the condition yet, it is told only once.
 *
 * Context: any.
 */
void trbd_ua_raise(struct trbd_nexus_table *table, struct trbd_nexus *nexus, enum trbd_ua ua)
{
	if (!test_and_set_bit(ua, &nexus->attentions))
		atomic64_inc(&table->attentions_raised);
}

/**
 * trbd_ua_raise_for_status() - have the nexus of a command told later of the command's status
 * @table: nexuses of the logical unit
 * @cmd: command that is about to be answered
 * @status: the status
 *
 * This happens only if UA_INTLCK_CTRL asks for it, and only for BUSY and RESERVATION CONFLICT.
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
		trbd_ua_raise(table, nexus, status == SAM_STAT_BUSY ? TRBD_UA_PREVIOUS_BUSY :
								      TRBD_UA_PREVIOUS_CONFLICT);
	rcu_read_unlock();
}

/**
 * trbd_ua_raise_all() - have every nexus told of a condition
 * @table: nexuses of the logical unit
 * @ua: the condition
 *
 * Context: any but hard and soft interrupt.
 */
void trbd_ua_raise_all(struct trbd_nexus_table *table, enum trbd_ua ua)
{
	struct trbd_nexus *nexus;
	int bucket;

	rcu_read_lock();
	hash_for_each_rcu(table->nexuses, bucket, nexus, node)
		trbd_ua_raise(table, nexus, ua);
	rcu_read_unlock();
}

/**
 * trbd_ua_show() - print the pending conditions for the operator
 * @table: nexuses of the logical unit
 * @buf: where the text goes
 * @size: room in @buf
 *
 * Each nexus with a pending condition gets a line: ASC/ASCQ..., target port, initiator port.
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
