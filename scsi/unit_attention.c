// SPDX-License-Identifier: GPL-2.0
/*
 * Unit attentions (SAM-5 5.14): what every I_T nexus must be told once, before its next command is executed.
 *
 * LIO has lists of its own, and no function to add to them from here; they are also per initiator, not per nexus.
 * So the logical unit keeps its nexuses itself. One is known from its first command on: who never sent one has
 * nothing to be told. LIO does not say when a session ends, so a nexus is forgotten when there are too many, the one
 * that was silent longest first. Sessions are told apart by their address, which is never followed. A new one may
 * get the address of one that is gone, and with it a condition that was meant for that; it is told to look again
 * once more than it needs.
 *
 * A command is looked at when it is parsed. If its nexus has something coming, what is executed in its place is the
 * report. INQUIRY and REPORT LUNS pass, REQUEST SENSE returns the condition as data; both as SPC-4 5.14 asks.
 */
#include <linux/bitops.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <scsi/scsi_common.h>
#include <scsi/scsi_proto.h>
#include <target/target_core_backend.h>
#include <target/target_core_base.h>

#include "scsi/sense.h"
#include "scsi/unit_attention.h"
#include "target_core_rbd.h"

#define UA_NEXUSES_MAX	1024

/**
 * struct ua_nexus - an I_T nexus of a logical unit
 * @node: in its table
 * @rcu: for freeing it
 * @session: tells it from others; never followed
 * @used: jiffies of its last command, more or less
 * @pending: bit per enum trbd_ua
 */
struct ua_nexus {
	struct hlist_node node;
	struct rcu_head rcu;
	const struct se_session *session;
	unsigned long used;
	unsigned long pending;
};

static const struct {
	u8 asc;
	u8 ascq;
} ua_codes[TRBD_UA_COUNT] = {
	[TRBD_UA_CAPACITY] = { 0x2a, 0x09 },
};

static struct trbd_ua_table *ua_table(const struct se_cmd *cmd)
{
	return &to_trbd_device(cmd->se_dev)->ua;
}

/* Under RCU, or the lock. */
static struct ua_nexus *ua_find(struct trbd_ua_table *table, const struct se_session *session)
{
	struct ua_nexus *nexus;

	hash_for_each_possible_rcu(table->nexuses, nexus, node, (unsigned long)session,
				   lockdep_is_held(&table->lock)) {
		if (nexus->session == session)
			return nexus;
	}
	return NULL;
}

static void ua_forget(struct trbd_ua_table *table, struct ua_nexus *nexus)
{
	hash_del_rcu(&nexus->node);
	kfree_rcu(nexus, rcu);
	table->count--;
}

static void ua_forget_oldest(struct trbd_ua_table *table)
{
	struct ua_nexus *nexus, *oldest = NULL;
	int bucket;

	hash_for_each(table->nexuses, bucket, nexus, node) {
		if (!oldest || time_before(READ_ONCE(nexus->used), READ_ONCE(oldest->used)))
			oldest = nexus;
	}
	if (oldest)
		ua_forget(table, oldest);
}

/* Without memory the nexus stays unknown until its next command. */
static void ua_remember(struct trbd_ua_table *table, const struct se_session *session)
{
	struct ua_nexus *nexus = kzalloc(sizeof(*nexus), GFP_NOWAIT | __GFP_NOWARN);

	if (!nexus)
		return;
	nexus->session = session;
	nexus->used = jiffies;

	spin_lock(&table->lock);
	if (ua_find(table, session)) {
		kfree(nexus);
	} else {
		if (table->count == UA_NEXUSES_MAX)
			ua_forget_oldest(table);
		hash_add_rcu(table->nexuses, &nexus->node, (unsigned long)session);
		table->count++;
	}
	spin_unlock(&table->lock);
}

/* Return: the condition that is told next, which is taken off if @take; TRBD_UA_COUNT for none. */
static enum trbd_ua ua_next(const struct se_cmd *cmd, bool take)
{
	enum trbd_ua ua = TRBD_UA_COUNT;
	struct ua_nexus *nexus;

	rcu_read_lock();
	nexus = ua_find(ua_table(cmd), cmd->se_sess);
	if (nexus) {
		do {
			ua = find_first_bit(&nexus->pending, TRBD_UA_COUNT);
		} while (take && ua < TRBD_UA_COUNT && !test_and_clear_bit(ua, &nexus->pending));
	}
	rcu_read_unlock();
	return ua;
}

static sense_reason_t execute_unit_attention(struct se_cmd *cmd)
{
	enum trbd_ua ua = ua_next(cmd, true);

	/* another command of the nexus was faster; this one is sent again */
	if (ua == TRBD_UA_COUNT)
		trbd_complete(cmd, -EBUSY);
	else
		trbd_complete_sense(cmd, UNIT_ATTENTION, ua_codes[ua].asc, ua_codes[ua].ascq);
	return 0;
}

/* SPC-4 6.39: sense data as the data of the command, in the format that DESC asks for. */
static sense_reason_t execute_request_sense(struct se_cmd *cmd)
{
	enum trbd_ua ua = ua_next(cmd, true);
	u8 sense[18] = { };
	void *data;

	if (ua == TRBD_UA_COUNT)
		scsi_build_sense_buffer(cmd->t_task_cdb[1] & 1, sense, NO_SENSE, 0, 0);
	else
		scsi_build_sense_buffer(cmd->t_task_cdb[1] & 1, sense, UNIT_ATTENTION, ua_codes[ua].asc,
					ua_codes[ua].ascq);
	data = transport_kmap_data_sg(cmd);
	if (!data)
		return TCM_OUT_OF_RESOURCES;
	memcpy(data, sense, min_t(u32, sizeof(sense), cmd->data_length));
	transport_kunmap_data_sg(cmd);
	trbd_complete(cmd, 0);
	return 0;
}

/**
 * trbd_ua_intercept() - let a command report a unit attention, if its nexus has one coming
 * @cmd: command that was parsed without an error
 *
 * Context: process; allocates at most a few bytes, without waiting.
 */
void trbd_ua_intercept(struct se_cmd *cmd)
{
	struct trbd_ua_table *table = ua_table(cmd);
	struct ua_nexus *nexus;
	bool pending = false;

	rcu_read_lock();
	nexus = ua_find(table, cmd->se_sess);
	if (nexus) {
		pending = READ_ONCE(nexus->pending);
		/* not with every command: others read this line too */
		if (time_after(jiffies, READ_ONCE(nexus->used) + HZ))
			WRITE_ONCE(nexus->used, jiffies);
	}
	rcu_read_unlock();

	if (!nexus)
		ua_remember(table, cmd->se_sess);
	if (!pending)
		return;

	switch (cmd->t_task_cdb[0]) {
	case INQUIRY:
	case REPORT_LUNS:
		break;
	case REQUEST_SENSE:
		cmd->execute_cmd = execute_request_sense;
		break;
	default:
		cmd->execute_cmd = execute_unit_attention;
	}
}

/**
 * trbd_ua_raise() - every nexus is to be told
 * @table: nexuses of the logical unit
 * @ua: what
 *
 * A condition that a nexus has not been told yet is told once.
 *
 * Context: any but hard and soft interrupt.
 */
void trbd_ua_raise(struct trbd_ua_table *table, enum trbd_ua ua)
{
	struct ua_nexus *nexus;
	int bucket;

	rcu_read_lock();
	hash_for_each_rcu(table->nexuses, bucket, nexus, node)
		set_bit(ua, &nexus->pending);
	rcu_read_unlock();
}

/**
 * trbd_ua_init() - an empty table
 * @table: its memory
 */
void trbd_ua_init(struct trbd_ua_table *table)
{
	spin_lock_init(&table->lock);
	hash_init(table->nexuses);
	table->count = 0;
}

/**
 * trbd_ua_destroy() - forget all nexuses
 * @table: of a device that has no commands any more
 */
void trbd_ua_destroy(struct trbd_ua_table *table)
{
	struct ua_nexus *nexus;
	struct hlist_node *next;
	int bucket;

	spin_lock(&table->lock);
	hash_for_each_safe(table->nexuses, bucket, next, nexus, node)
		ua_forget(table, nexus);
	spin_unlock(&table->lock);
}
