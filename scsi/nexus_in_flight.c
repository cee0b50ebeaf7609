// SPDX-License-Identifier: GPL-2.0
/*
 * Which commands of an I_T nexus are in flight, and whether its session's thread stood still.
 *
 * A command is counted from before any check until it is answered, by its kind: read or write. So a
 * gateway that changes what is allowed can wait for the commands that were allowed before:
 *
 *	command: count it; barrier; look at what is allowed
 *	change:  set what is allowed; barrier; look at the counts
 *
 * After a reset the gateway has to wait for everything in flight, while new commands keep coming.
 * So commands are counted in two phases. A reset asks for a new phase, which begins when no command
 * of the phase before the present one is left:
 *
 *	phase 0 |-----------------|               |------
 *	phase 1                   |---------------|
 *	                       reset           reset
 *
 * LIO takes up the commands of a session on one thread. If that thread alone stands still, the
 * commands behind it age in the socket, and nothing else in this gateway notices. The thread gives
 * itself away by a command that it took up long before it executed it. Then the nexus is in
 * quarantine: for a while its changes of data end with BUSY.
 */
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <target/target_core_base.h>

#include "rados/clock.h"
#include "scsi/cmd_priv.h"
#include "scsi/nexus.h"
#include "scsi/nexus_in_flight.h"

/**
 * trbd_nexus_begin() - count a command as in flight
 * @table: nexuses of the logical unit
 * @cmd: command
 * @kind: TRBD_NEXUS_READS or TRBD_NEXUS_WRITES
 *
 * Context: any but hard interrupt.
 * Return: true, and trbd_nexus_end() must follow; or false for want of memory.
 */
bool trbd_nexus_begin(struct trbd_nexus_table *table, struct se_cmd *cmd, unsigned int kind)
{
	struct trbd_cmd_place place;
	struct trbd_nexus *nexus;
	unsigned int phase;

	BUILD_BUG_ON(TRBD_NEXUS_KINDS > 2);
	rcu_read_lock();
	for (;;) {
		nexus = trbd_nexus_find(table, cmd);
		if (!nexus)
			break;
		phase = READ_ONCE(table->phase);
		place = (struct trbd_cmd_place){ nexus, phase, kind };
		trbd_cmd_set_place(cmd, &place);
		atomic_inc(&nexus->in_flight[phase][kind]);
		/* count before any check; pairs with nexus_forget(), trbd_lu_install(), ... */
		smp_mb__after_atomic();
		if (!READ_ONCE(nexus->forgotten))
			break;
		atomic_dec(&nexus->in_flight[phase][kind]);
		trbd_cmd_clear(cmd);
	}
	rcu_read_unlock();
	return nexus;
}

/**
 * trbd_nexus_end() - stop counting a command, since it is about to be answered
 * @cmd: command, whether it was counted or not
 *
 * Context: any.
 */
void trbd_nexus_end(struct se_cmd *cmd)
{
	struct trbd_cmd_place place = trbd_cmd_place(cmd);

	if (!place.nexus)
		return;
	trbd_cmd_clear(cmd);
	/* orders the effects of the command before this */
	smp_mb__before_atomic();
	atomic_dec(&place.nexus->in_flight[place.phase][place.kind]);
}

/**
 * trbd_nexus_has() - tell whether a command is counted
 * @table: nexuses of the logical unit
 * @cmd: command that LIO does not free meanwhile; it may end
 *
 * A command that is not executed yet is never counted, whatever its cmd->priv says.
 *
 * Context: any.
 * Return: true from trbd_nexus_begin() to trbd_nexus_end().
 */
bool trbd_nexus_has(struct trbd_nexus_table *table, const struct se_cmd *cmd)
{
	const struct trbd_nexus *nexus;
	bool has;

	rcu_read_lock();
	nexus = trbd_nexus_lookup(table, cmd->se_sess);
	has = nexus && nexus == trbd_cmd_place(cmd).nexus;
	rcu_read_unlock();
	return has;
}

/* Note that a command of the nexus is executed. Return whether the session's thread stood still. */
static bool nexus_note(struct trbd_nexus *nexus, u64 received_ms, u64 limit_ms)
{
	u64 now_ms = trbd_clock_local_ms();
	bool stalled = now_ms > max(received_ms, READ_ONCE(nexus->executed_ms)) + limit_ms;

	WRITE_ONCE(nexus->executed_ms, now_ms);
	if (stalled)
		WRITE_ONCE(nexus->quarantine_until_ms, now_ms + TRBD_QUARANTINE_MS);
	return stalled;
}

/**
 * trbd_nexus_note_execution() - find out whether the thread of a session stood still
 * @cmd: command that is executed now; if it is not counted, nothing is found out
 * @received_ms: trbd_clock_local_ms() when LIO took it up
 * @limit_ms: if the way from there to here takes longer than this, the thread stood still
 *
 * If other commands of the nexus were executed meanwhile, the thread ran, and this command waited
 * for its data.
 *
 * Context: any.
 * Return: true if it stood still, and the nexus is in quarantine from now on.
 */
bool trbd_nexus_note_execution(struct se_cmd *cmd, u64 received_ms, u64 limit_ms)
{
	struct trbd_nexus *nexus = trbd_cmd_place(cmd).nexus;

	return nexus && nexus_note(nexus, received_ms, limit_ms);
}

/**
 * trbd_nexus_note_arrival() - find the same out from a command that may have to wait
 * @table: nexuses of the logical unit
 * @cmd: command that the session's thread would execute now; not counted yet
 * @received_ms: as of trbd_nexus_note_execution()
 * @limit_ms: likewise
 *
 * Context: process. Allocates for the first command of its nexus.
 * Return: 1 if the thread stood still, and the nexus is in quarantine from now on; 0 if not;
 * -ENOMEM.
 */
int trbd_nexus_note_arrival(struct trbd_nexus_table *table, struct se_cmd *cmd, u64 received_ms,
			    u64 limit_ms)
{
	struct trbd_nexus *nexus;
	int ret = -ENOMEM;

	rcu_read_lock();
	nexus = trbd_nexus_find(table, cmd);
	if (nexus)
		ret = nexus_note(nexus, received_ms, limit_ms);
	rcu_read_unlock();
	return ret;
}

/**
 * trbd_nexus_is_quarantined() - tell whether a command may be older than it looks
 * @cmd: command that is counted
 *
 * Context: any.
 * Return: true while the nexus is in quarantine.
 */
bool trbd_nexus_is_quarantined(const struct se_cmd *cmd)
{
	u64 until_ms = READ_ONCE(trbd_cmd_place(cmd).nexus->quarantine_until_ms);

	/* most nexuses never were in quarantine */
	return until_ms && trbd_clock_local_ms() < until_ms;
}

/* Return how many commands of the old phase are in flight. */
static unsigned int nexus_count_old_phase(struct trbd_nexus_table *table)
{
	struct trbd_nexus *nexus;
	unsigned int count = 0;
	int bucket;

	lockdep_assert_held(&table->lock);

	hash_for_each(table->nexuses, bucket, nexus, node)
		count += trbd_nexus_count(nexus, !table->phase);
	return count;
}

/*
 * Begin the new phase, if one is wanted and the old one is over. Return how many earlier commands
 * are in flight, but at least 1 while the new phase has not begun.
 */
static unsigned int nexus_try_new_phase(struct trbd_nexus_table *table)
{
	unsigned int count = nexus_count_old_phase(table);

	if (table->new_phase && !count) {
		WRITE_ONCE(table->phase, !table->phase);
		table->new_phase = false;
		/* pairs with trbd_nexus_begin() */
		smp_mb();
		count = nexus_count_old_phase(table);
	}
	return count + table->new_phase;
}

/**
 * trbd_nexus_new_phase() - count all commands in flight as forbidden from now on
 * @table: nexuses of the logical unit
 *
 * Context: any but hard and soft interrupt.
 */
void trbd_nexus_new_phase(struct trbd_nexus_table *table)
{
	spin_lock(&table->lock);
	table->new_phase = true;
	nexus_try_new_phase(table);
	spin_unlock(&table->lock);
}

/**
 * trbd_nexus_count_forbidden() - count commands in flight that would not be allowed to begin now
 * @table: nexuses of the logical unit
 * @view: the view
 *
 * Context: under rcu_read_lock(), in any context but hard and soft interrupt.
 * Return: their number, including all from before the last trbd_nexus_new_phase().
 */
unsigned int trbd_nexus_count_forbidden(struct trbd_nexus_table *table,
					const struct trbd_lu_view *view)
{
	struct trbd_nexus *nexus;
	unsigned int count;
	int bucket;

	spin_lock(&table->lock);
	count = nexus_try_new_phase(table);
	hash_for_each(table->nexuses, bucket, nexus, node) {
		unsigned int reads = atomic_read(&nexus->in_flight[0][TRBD_NEXUS_READS]) +
				     atomic_read(&nexus->in_flight[1][TRBD_NEXUS_READS]);
		unsigned int writes = atomic_read(&nexus->in_flight[0][TRBD_NEXUS_WRITES]) +
				      atomic_read(&nexus->in_flight[1][TRBD_NEXUS_WRITES]);

		if (reads && trbd_nexus_conflicts(nexus, view, TRBD_PR_ACCESS_READ))
			count += reads;
		if (writes && trbd_nexus_conflicts(nexus, view, TRBD_PR_ACCESS_WRITE))
			count += writes;
	}
	spin_unlock(&table->lock);
	return count;
}

/**
 * trbd_nexus_is_awaited() - tell whether a reset waits for this command
 * @table: nexuses of the logical unit
 * @cmd: command that is in flight
 *
 * Context: any.
 * Return: true if the command was counted before the last trbd_nexus_new_phase(), or if the new
 * phase still waits for other commands.
 */
bool trbd_nexus_is_awaited(const struct trbd_nexus_table *table, const struct se_cmd *cmd)
{
	struct trbd_cmd_place place = trbd_cmd_place(cmd);

	return READ_ONCE(table->new_phase) ||
	       (place.nexus && place.phase != READ_ONCE(table->phase));
}

/**
 * trbd_nexus_count_in_flight() - count commands in flight
 * @table: nexuses of the logical unit
 *
 * Context: any but hard and soft interrupt.
 * Return: their number.
 */
unsigned int trbd_nexus_count_in_flight(struct trbd_nexus_table *table)
{
	struct trbd_nexus *nexus;
	unsigned int count = 0;
	int bucket;

	spin_lock(&table->lock);
	hash_for_each(table->nexuses, bucket, nexus, node)
		count += trbd_nexus_count_all(nexus);
	spin_unlock(&table->lock);
	return count;
}
