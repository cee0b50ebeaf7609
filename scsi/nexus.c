// SPDX-License-Identifier: GPL-2.0
/*
 * The table of the I_T nexuses of a logical unit. scsi/nexus_in_flight.c counts the commands that
 * each has in flight, scsi/nexus_name.c names them, and scsi/unit_attention.c tells them what they
 * must know.
 *
 * A nexus is known from its first command on. LIO does not say when a session ends. So the table is
 * compared with LIO's lists of sessions when it has become long, and when an operator looks at it.
 * Sessions are told apart by their address, which is never followed. A new session may get the
 * address of one that is gone; the former one had nothing in flight any more. So whenever a nexus
 * begins a command and has no other, its names are checked again.
 */
#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <target/target_core_base.h>

#include "gateway/lu_state.h"
#include "scsi/nexus.h"
#include "scsi/nexus_name.h"

/* with this many nexuses in the table, look for those that are gone */
#define NEXUSES_ENOUGH	64U

/**
 * trbd_nexus_lookup() - look up the nexus of a session
 * @table: nexuses of the logical unit
 * @session: session; compared, never followed
 *
 * Context: under rcu_read_lock(), or with the lock of @table.
 * Return: the nexus, or NULL if the session has sent no command yet.
 */
struct trbd_nexus *trbd_nexus_lookup(struct trbd_nexus_table *table,
				     const struct se_session *session)
{
	struct trbd_nexus *nexus;

	hash_for_each_possible_rcu(table->nexuses, nexus, node, (unsigned long)session,
				   lockdep_is_held(&table->lock)) {
		if (nexus->session == session)
			return nexus;
	}
	return NULL;
}

/* Remove a nexus. Return false if a command has begun meanwhile, and the nexus stays. */
static bool nexus_forget(struct trbd_nexus_table *table, struct trbd_nexus *nexus)
{
	lockdep_assert_held(&table->lock);

	WRITE_ONCE(nexus->forgotten, true);
	/* pairs with the barrier in trbd_nexus_begin() */
	smp_mb();
	if (trbd_nexus_count_all(nexus)) {
		WRITE_ONCE(nexus->forgotten, false);
		return false;
	}
	hash_del_rcu(&nexus->node);
	kfree_rcu(nexus, rcu);
	table->count--;
	return true;
}

static void nexus_mark_sessions(struct trbd_nexus_table *table, struct se_portal_group *tpg)
{
	struct trbd_nexus *nexus;
	struct se_session *sess;

	spin_lock_bh(&tpg->session_lock);
	list_for_each_entry(sess, &tpg->tpg_sess_list, sess_list) {
		nexus = trbd_nexus_lookup(table, sess);
		if (nexus)
			nexus->seen = true;
	}
	spin_unlock_bh(&tpg->session_lock);
}

/**
 * trbd_nexus_forget_gone() - forget the nexuses whose sessions have ended
 * @table: nexuses of the logical unit
 * @se_dev: the unit
 *
 * Context: any but hard and soft interrupt.
 */
void trbd_nexus_forget_gone(struct trbd_nexus_table *table, struct se_device *se_dev)
{
	struct trbd_nexus *nexus;
	struct hlist_node *next;
	struct se_lun *lun;
	int bucket;

	spin_lock(&se_dev->se_port_lock);
	spin_lock(&table->lock);
	hash_for_each(table->nexuses, bucket, nexus, node)
		nexus->seen = false;
	list_for_each_entry(lun, &se_dev->dev_sep_list, lun_dev_link)
		nexus_mark_sessions(table, lun->lun_tpg);
	hash_for_each_safe(table->nexuses, bucket, next, nexus, node) {
		if (!nexus->seen)
			nexus_forget(table, nexus);
	}
	table->enough = max(2 * table->count, NEXUSES_ENOUGH);
	spin_unlock(&table->lock);
	spin_unlock(&se_dev->se_port_lock);
}

/* Add a nexus to the table, under RCU. */
static struct trbd_nexus *nexus_remember(struct trbd_nexus_table *table, struct se_cmd *cmd,
					 const struct trbd_pr_nexus *name)
{
	struct trbd_nexus *nexus = kzalloc(sizeof(*nexus), GFP_NOWAIT | __GFP_NOWARN);
	struct se_session *session = cmd->se_sess;
	struct trbd_nexus *other;

	if (!nexus)
		return NULL;
	if (READ_ONCE(table->count) >= READ_ONCE(table->enough))
		trbd_nexus_forget_gone(table, cmd->se_dev);
	nexus->session = session;
	nexus->name = *name;
	nexus->seen = true;

	spin_lock(&table->lock);
	other = trbd_nexus_lookup(table, session);
	if (!other) {
		hash_add_rcu(table->nexuses, &nexus->node, (unsigned long)session);
		table->count++;
	}
	spin_unlock(&table->lock);
	if (other)
		kfree(nexus);
	return other ? other : nexus;
}

/**
 * trbd_nexus_find() - find or make the nexus through which a command came
 * @table: nexuses of the logical unit
 * @cmd: command
 *
 * Context: under rcu_read_lock(), and the nexus is valid until its end; allocates at most a little,
 * without waiting.
 * Return: the nexus, or NULL for want of memory.
 */
struct trbd_nexus *trbd_nexus_find(struct trbd_nexus_table *table, struct se_cmd *cmd)
{
	struct trbd_nexus *nexus = trbd_nexus_lookup(table, cmd->se_sess);
	struct trbd_pr_nexus name;

	if (nexus && (trbd_nexus_count_all(nexus) ||
		      trbd_nexus_name_matches(&nexus->name, cmd->se_sess, cmd->se_sess->se_tpg)))
		return nexus;

	trbd_nexus_name(cmd->se_sess, cmd->se_sess->se_tpg, &name);
	if (nexus && !trbd_nexus_name_is_equal(&nexus->name, &name)) {
		spin_lock(&table->lock);
		/* another command of the new session may have been faster */
		nexus = trbd_nexus_lookup(table, cmd->se_sess);
		if (nexus && !trbd_nexus_name_is_equal(&nexus->name, &name) &&
		    nexus_forget(table, nexus))
			nexus = NULL;
		spin_unlock(&table->lock);
	}
	if (!nexus)
		nexus = nexus_remember(table, cmd, &name);
	return nexus;
}

/**
 * trbd_nexus_conflicts() - tell whether a view forbids a command of a nexus
 * @nexus: nexus that the command came by
 * @view: the view
 * @access: access of the command
 *
 * Looking through thousands of registrations takes longer than the rest of a command. So a nexus
 * remembers what the last view forbids to it.
 *
 * Context: under rcu_read_lock(); any.
 * Return: true if the command ends with RESERVATION CONFLICT.
 */
bool trbd_nexus_conflicts(struct trbd_nexus *nexus, const struct trbd_lu_view *view,
			  enum trbd_pr_access access)
{
	u64 forbidden = atomic64_read(&nexus->forbidden);

	if (forbidden >> TRBD_PR_ACCESSES != view->number) {
		forbidden = view->number << TRBD_PR_ACCESSES |
			    trbd_pr_forbidden(&view->pr, &nexus->name);
		atomic64_set(&nexus->forbidden, forbidden);
	}
	return forbidden & BIT_ULL(access);
}

/**
 * trbd_nexus_table_init() - make an empty table
 * @table: its memory
 */
void trbd_nexus_table_init(struct trbd_nexus_table *table)
{
	spin_lock_init(&table->lock);
	hash_init(table->nexuses);
	table->count = 0;
	table->enough = NEXUSES_ENOUGH;
	table->phase = 0;
	table->new_phase = false;
}

/**
 * trbd_nexus_table_destroy() - forget all nexuses
 * @table: table of a device that has no commands any more
 */
void trbd_nexus_table_destroy(struct trbd_nexus_table *table)
{
	struct trbd_nexus *nexus;
	struct hlist_node *next;
	int bucket;

	spin_lock(&table->lock);
	hash_for_each_safe(table->nexuses, bucket, next, nexus, node)
		nexus_forget(table, nexus);
	spin_unlock(&table->lock);
}
