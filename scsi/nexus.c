// SPDX-License-Identifier: GPL-2.0
/*
 * The I_T nexuses of a logical unit: who they are, what each has in flight, what each must be told.
 *
 * A nexus is known from its first command on. LIO does not say when a session ends, so when there have become many, and
 * when an operator looks at them, the table is compared with LIO's lists of sessions. Sessions are told apart by their
 * address, which is never followed. A new session may get the address of one that is gone; that one had nothing in
 * flight any more, so whenever a nexus begins a command and has no other, it is looked at again who it is.
 *
 * Reservations belong to names, not to sessions: the initiator's TransportID and the target port, as text
 * (pr/transport_id.c; "NAME,t,0xTAG").
 *
 * Commands are counted from before anything is checked until they are answered, so whoever changes what is allowed
 * can wait for those that were allowed before. After a reset everything that is in flight has to be waited for, while
 * new commands keep coming: they are counted in two phases, which take turns with each reset.
 *
 *	command: count it; barrier; look at what is allowed
 *	change:  set what is allowed; barrier; look at the counts
 *
 * A command that is counted has its place in cmd->priv: the nexus, and in the lowest bits the phase and the kind.
 *
 * LIO takes up the commands of a session on one thread. When that thread alone stands still, the commands behind it age
 * in the socket and nothing else of this gateway notices. The thread gives itself away by a command that it took up
 * long before it executed it. Then the nexus is in quarantine: for a while its changes of data end with BUSY.
 */
#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <scsi/scsi_proto.h>
#include <target/target_core_base.h>
#include <target/target_core_fabric.h>

#include "rados/clock.h"
#include "scsi/nexus.h"

/* from here on those that are gone are looked for */
#define NEXUSES_ENOUGH	64U
/* 12 digits of an ISID and a NUL */
#define ISID_MAX	16

#define PLACE_PHASE	1UL
#define PLACE_KIND	2UL
#define PLACE_BITS	(PLACE_PHASE | PLACE_KIND)

/* A name as the record wants it: ASCII letters in lower case, without blanks and control characters. */
static void name_clean(char *name)
{
	for (; *name; name++) {
		if ((u8)*name <= ' ' || *name == 0x7f)
			*name = '_';
		else if (*name >= 'A' && *name <= 'Z')
			*name += 'a' - 'A';
	}
}

/* "PREFIX:" and the hexadecimal digits of a world wide name, which fabrics write in several ways. */
static bool name_wwn(char *name, const char *prefix, unsigned int digits, const char *wwn)
{
	size_t len = strscpy(name, prefix, TRBD_PR_INITIATOR_MAX);
	const char *p = wwn;

	if (!strncmp(p, "naa.", 4) || !strncmp(p, "eui.", 4))
		p += 4;
	else if (!strncasecmp(p, "0x", 2))
		p += 2;
	for (; *p && digits; p++) {
		if (*p == ':')
			continue;
		if (!isxdigit(*p))
			return false;
		name[len++] = tolower(*p);
		digits--;
	}
	name[len] = 0;
	return !digits && !*p;
}

static void name_initiator(struct se_session *sess, struct se_portal_group *tpg, char *name)
{
	const char *port = sess->se_node_acl->initiatorname;
	char isid[ISID_MAX] = "";

	switch (tpg->proto_id) {
	case SCSI_PROTOCOL_ISCSI:
		if (tpg->se_tpg_tfo->sess_get_initiator_sid)
			tpg->se_tpg_tfo->sess_get_initiator_sid(sess, isid, sizeof(isid));
		/* vhost and loopback have names like iSCSI's, and no ISID: format 00b of a TransportID */
		snprintf(name, TRBD_PR_INITIATOR_MAX, *isid ? "iscsi:%s,i,0x%s" : "iscsi:%s", port, isid);
		name_clean(name);
		return;
	case SCSI_PROTOCOL_FCP:
		if (name_wwn(name, "fc:", 16, port))
			return;
		break;
	case SCSI_PROTOCOL_SRP:
		if (name_wwn(name, "srp:", 32, port))
			return;
		break;
	case SCSI_PROTOCOL_SAS:
		if (name_wwn(name, "sas:", 16, port))
			return;
		break;
	}
	/* not a name of that protocol; it can be reserved by, and not be named in parameter lists */
	snprintf(name, TRBD_PR_INITIATOR_MAX, "other:%s", port);
	name_clean(name);
}

/**
 * trbd_nexus_target_name() - the name of a target port
 * @tpg: target portal group
 * @name: where to, TRBD_PR_TARGET_MAX bytes
 */
void trbd_nexus_target_name(struct se_portal_group *tpg, char *name)
{
	snprintf(name, TRBD_PR_TARGET_MAX, "%s,t,0x%04x", tpg->se_tpg_tfo->tpg_get_wwn(tpg),
		 tpg->se_tpg_tfo->tpg_get_tag(tpg));
	name_clean(name);
}

/**
 * trbd_nexus_name() - who is at the other end of a session
 * @sess: session
 * @tpg: target portal group that it is with
 * @name: to be filled in
 *
 * Context: any.
 */
void trbd_nexus_name(struct se_session *sess, struct se_portal_group *tpg, struct trbd_pr_nexus *name)
{
	name_initiator(sess, tpg, name->initiator);
	trbd_nexus_target_name(tpg, name->target);
}

static int nexus_count(const struct trbd_nexus *nexus, unsigned int phase)
{
	return atomic_read(&nexus->in_flight[phase][TRBD_NEXUS_READS]) +
	       atomic_read(&nexus->in_flight[phase][TRBD_NEXUS_WRITES]);
}

static int nexus_count_all(const struct trbd_nexus *nexus)
{
	return nexus_count(nexus, 0) + nexus_count(nexus, 1);
}

/* Under RCU, or the lock. */
static struct trbd_nexus *nexus_lookup(struct trbd_nexus_table *table, const struct se_session *session)
{
	struct trbd_nexus *nexus;

	hash_for_each_possible_rcu(table->nexuses, nexus, node, (unsigned long)session,
				   lockdep_is_held(&table->lock)) {
		if (nexus->session == session)
			return nexus;
	}
	return NULL;
}

/* @lock held. Return: false when a command has begun meanwhile, and the nexus stays. */
static bool nexus_forget(struct trbd_nexus_table *table, struct trbd_nexus *nexus)
{
	lockdep_assert_held(&table->lock);

	WRITE_ONCE(nexus->forgotten, true);
	/* pairs with the barrier in trbd_nexus_begin() */
	smp_mb();
	if (nexus_count_all(nexus)) {
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
		nexus = nexus_lookup(table, sess);
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

/* Under RCU. */
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
	other = nexus_lookup(table, session);
	if (!other) {
		hash_add_rcu(table->nexuses, &nexus->node, (unsigned long)session);
		table->count++;
	}
	spin_unlock(&table->lock);
	if (other)
		kfree(nexus);
	return other ? other : nexus;
}

static bool name_equal(const struct trbd_pr_nexus *a, const struct trbd_pr_nexus *b)
{
	return !strcmp(a->initiator, b->initiator) && !strcmp(a->target, b->target);
}

/**
 * trbd_nexus_find() - the nexus that a command came by
 * @table: nexuses of the logical unit
 * @cmd: command
 *
 * Context: under rcu_read_lock(), which also says for how long it is valid; allocates at most a little, without
 * waiting.
 * Return: the nexus, or NULL for want of memory.
 */
struct trbd_nexus *trbd_nexus_find(struct trbd_nexus_table *table, struct se_cmd *cmd)
{
	struct trbd_nexus *nexus = nexus_lookup(table, cmd->se_sess);
	struct trbd_pr_nexus name;

	if (nexus && nexus_count_all(nexus))
		return nexus;

	trbd_nexus_name(cmd->se_sess, cmd->se_sess->se_tpg, &name);
	if (nexus && !name_equal(&nexus->name, &name)) {
		spin_lock(&table->lock);
		/* of two commands of the new session one is first */
		nexus = nexus_lookup(table, cmd->se_sess);
		if (nexus && !name_equal(&nexus->name, &name) && nexus_forget(table, nexus))
			nexus = NULL;
		spin_unlock(&table->lock);
	}
	if (!nexus)
		nexus = nexus_remember(table, cmd, &name);
	return nexus;
}

static struct trbd_nexus *place_nexus(const struct se_cmd *cmd)
{
	return (struct trbd_nexus *)((unsigned long)READ_ONCE(cmd->priv) & ~PLACE_BITS);
}

static unsigned int place_phase(const struct se_cmd *cmd)
{
	return (unsigned long)cmd->priv & PLACE_PHASE ? 1 : 0;
}

static unsigned int place_kind(const struct se_cmd *cmd)
{
	return (unsigned long)cmd->priv & PLACE_KIND ? 1 : 0;
}

/* A nexus comes from kzalloc(), so its lowest bits are free. */
static void place_set(struct se_cmd *cmd, struct trbd_nexus *nexus, unsigned int phase, unsigned int kind)
{
	WRITE_ONCE(cmd->priv, (void *)((unsigned long)nexus | (phase ? PLACE_PHASE : 0) | (kind ? PLACE_KIND : 0)));
}

/**
 * trbd_nexus_begin() - count a command from now on
 * @table: nexuses of the logical unit
 * @cmd: command
 * @kind: TRBD_NEXUS_READS or TRBD_NEXUS_WRITES
 *
 * Context: any but hard interrupt.
 * Return: true, and trbd_nexus_end() must follow; false for want of memory.
 */
bool trbd_nexus_begin(struct trbd_nexus_table *table, struct se_cmd *cmd, unsigned int kind)
{
	struct trbd_nexus *nexus;
	unsigned int phase;

	BUILD_BUG_ON(TRBD_NEXUS_KINDS > 2);
	rcu_read_lock();
	for (;;) {
		nexus = trbd_nexus_find(table, cmd);
		if (!nexus)
			break;
		phase = READ_ONCE(table->phase);
		place_set(cmd, nexus, phase, kind);
		atomic_inc(&nexus->in_flight[phase][kind]);
		/* before whatever is looked at next; pairs with nexus_forget(), trbd_lu_install() and the like */
		smp_mb__after_atomic();
		if (!READ_ONCE(nexus->forgotten))
			break;
		atomic_dec(&nexus->in_flight[phase][kind]);
		WRITE_ONCE(cmd->priv, NULL);
	}
	rcu_read_unlock();
	return nexus;
}

/**
 * trbd_nexus_end() - a command is about to be answered
 * @cmd: command, whether it was counted or not
 *
 * Context: any.
 */
void trbd_nexus_end(struct se_cmd *cmd)
{
	struct trbd_nexus *nexus = place_nexus(cmd);
	unsigned int phase = place_phase(cmd);
	unsigned int kind = place_kind(cmd);

	if (!nexus)
		return;
	WRITE_ONCE(cmd->priv, NULL);
	/* what the command did comes before */
	smp_mb__before_atomic();
	atomic_dec(&nexus->in_flight[phase][kind]);
}

/**
 * trbd_nexus_has() - is a command counted?
 * @table: nexuses of the logical unit
 * @cmd: command that LIO does not free meanwhile; it may end
 *
 * Before a command is executed its cmd->priv is something else, see scsi/command.c.
 *
 * Context: any.
 * Return: true from trbd_nexus_begin() to trbd_nexus_end().
 */
bool trbd_nexus_has(struct trbd_nexus_table *table, const struct se_cmd *cmd)
{
	const struct trbd_nexus *nexus;
	bool has;

	rcu_read_lock();
	nexus = nexus_lookup(table, cmd->se_sess);
	has = nexus && nexus == place_nexus(cmd);
	rcu_read_unlock();
	return has;
}

/**
 * trbd_nexus_note_execution() - look whether the thread of a session stood still
 * @cmd: command that is executed now; one that is not counted says nothing
 * @received_ms: trbd_clock_local_ms() when LIO took it up
 * @limit_ms: longer than this it takes from there to here only if the thread stood still
 *
 * While other commands of the nexus are executed, the thread runs, and this one had to wait for its data.
 *
 * Context: any.
 * Return: true if it stood still, and the nexus is in quarantine from now on.
 */
bool trbd_nexus_note_execution(struct se_cmd *cmd, u64 received_ms, u64 limit_ms)
{
	struct trbd_nexus *nexus = place_nexus(cmd);
	u64 now_ms = trbd_clock_local_ms();
	bool stalled;

	if (!nexus)
		return false;
	stalled = now_ms > max(received_ms, READ_ONCE(nexus->executed_ms)) + limit_ms;
	WRITE_ONCE(nexus->executed_ms, now_ms);
	if (stalled)
		WRITE_ONCE(nexus->quarantine_until_ms, now_ms + TRBD_QUARANTINE_MS);
	return stalled;
}

/**
 * trbd_nexus_is_quarantined() - may a command be older than it looks?
 * @cmd: command that is counted
 *
 * Context: any.
 * Return: true while the nexus is in quarantine.
 */
bool trbd_nexus_is_quarantined(const struct se_cmd *cmd)
{
	u64 until_ms = READ_ONCE(place_nexus(cmd)->quarantine_until_ms);

	/* most never were */
	return until_ms && trbd_clock_local_ms() < until_ms;
}

/* @lock held. Return: commands that were counted in the other phase. */
static unsigned int nexus_count_other_phase(struct trbd_nexus_table *table)
{
	struct trbd_nexus *nexus;
	unsigned int count = 0;
	int bucket;

	hash_for_each(table->nexuses, bucket, nexus, node)
		count += nexus_count(nexus, !table->phase);
	return count;
}

/* @lock held */
static unsigned int nexus_try_turn(struct trbd_nexus_table *table)
{
	unsigned int count = nexus_count_other_phase(table);

	lockdep_assert_held(&table->lock);
	if (table->turn && !count) {
		WRITE_ONCE(table->phase, !table->phase);
		table->turn = false;
		/* pairs with trbd_nexus_begin() */
		smp_mb();
		count = nexus_count_other_phase(table);
	}
	/* not even begun to wait for those of this reset */
	return count + table->turn;
}

/**
 * trbd_nexus_turn() - trbd_nexus_draining() counts all commands from before now
 * @table: nexuses of the logical unit
 *
 * Context: any but hard and soft interrupt.
 */
void trbd_nexus_turn(struct trbd_nexus_table *table)
{
	spin_lock(&table->lock);
	table->turn = true;
	nexus_try_turn(table);
	spin_unlock(&table->lock);
}

/**
 * trbd_nexus_draining() - commands that were allowed to begin and would not be now
 * @table: nexuses of the logical unit
 * @pr: what is reserved
 *
 * Context: any but hard and soft interrupt.
 * Return: how many there are, with those from before the last trbd_nexus_turn().
 */
unsigned int trbd_nexus_draining(struct trbd_nexus_table *table, const struct trbd_pr_state *pr)
{
	struct trbd_nexus *nexus;
	unsigned int count;
	int bucket;

	spin_lock(&table->lock);
	count = nexus_try_turn(table);
	hash_for_each(table->nexuses, bucket, nexus, node) {
		unsigned int reads = atomic_read(&nexus->in_flight[0][TRBD_NEXUS_READS]) +
				     atomic_read(&nexus->in_flight[1][TRBD_NEXUS_READS]);
		unsigned int writes = atomic_read(&nexus->in_flight[0][TRBD_NEXUS_WRITES]) +
				      atomic_read(&nexus->in_flight[1][TRBD_NEXUS_WRITES]);

		if (reads && trbd_pr_conflicts(pr, &nexus->name, TRBD_PR_ACCESS_READ))
			count += reads;
		if (writes && trbd_pr_conflicts(pr, &nexus->name, TRBD_PR_ACCESS_WRITE))
			count += writes;
	}
	spin_unlock(&table->lock);
	return count;
}

/**
 * trbd_nexus_is_awaited() - does a reset wait for this command?
 * @table: nexuses of the logical unit
 * @cmd: command that is in flight
 *
 * Context: any.
 * Return: true if it was counted before the last trbd_nexus_turn(), or if there are others for which that waits.
 */
bool trbd_nexus_is_awaited(const struct trbd_nexus_table *table, const struct se_cmd *cmd)
{
	return READ_ONCE(table->turn) || (place_nexus(cmd) && place_phase(cmd) != READ_ONCE(table->phase));
}

/**
 * trbd_nexus_in_flight() - commands in flight
 * @table: nexuses of the logical unit
 *
 * Context: any but hard and soft interrupt.
 * Return: how many there are.
 */
unsigned int trbd_nexus_in_flight(struct trbd_nexus_table *table)
{
	struct trbd_nexus *nexus;
	unsigned int count = 0;
	int bucket;

	spin_lock(&table->lock);
	hash_for_each(table->nexuses, bucket, nexus, node)
		count += nexus_count_all(nexus);
	spin_unlock(&table->lock);
	return count;
}

/**
 * trbd_nexus_table_init() - an empty table
 * @table: its memory
 */
void trbd_nexus_table_init(struct trbd_nexus_table *table)
{
	spin_lock_init(&table->lock);
	hash_init(table->nexuses);
	table->count = 0;
	table->enough = NEXUSES_ENOUGH;
	table->phase = 0;
	table->turn = false;
}

/**
 * trbd_nexus_table_destroy() - forget all nexuses
 * @table: of a device that has no commands any more
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
