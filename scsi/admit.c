// SPDX-License-Identifier: GPL-2.0
/*
 * May a command run now, and does somebody wait for it to end?
 *
 *	count it with its nexus      scsi/nexus_in_flight.c
 *	abandoned meanwhile?    -->  BUSY
 *	unit attention pending? -->  CHECK CONDITION, scsi/request_sense.c
 *	unit not registered?    -->  NOT READY
 *	reservation conflict?   -->  RESERVATION CONFLICT; BUSY without a lease
 *
 * This is looked at when a command is executed, after its data have come. It takes no round trip,
 * no lock unless the command is refused, and no allocation but for the first command of a nexus: it
 * looks at this gateway's copy of the shared state, under RCU. The order matters. A command is
 * counted before anything is looked at, and a gateway that changes the state installs it before it
 * looks at the counts; so either the command sees the change, or the change waits for the command.
 *
 * Commands that change data pass a second gate, the lease of the group: scsi/write_cmd.c.
 */
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/rcupdate.h>

#include "gateway/group.h"
#include "gateway/lu.h"
#include "pr/rules.h"
#include "scsi/abandoned.h"
#include "scsi/admit.h"
#include "scsi/cdb.h"
#include "scsi/complete.h"
#include "scsi/nexus.h"
#include "scsi/nexus_in_flight.h"
#include "scsi/request_sense.h"
#include "scsi/unit.h"

/* Does this gateway's copy of the state forbid the command? Return: a verdict, or -ENOMEM. */
static int admit_check_conflict(struct trbd_unit *unit, struct se_cmd *cmd,
				enum trbd_pr_access access)
{
	const struct trbd_pr_state *pr;
	const struct trbd_nexus *nexus;
	int verdict = TRBD_PR_GOOD;

	rcu_read_lock();
	pr = &rcu_dereference(unit->lu->view)->pr;
	if (pr->type != TRBD_PR_NONE || *pr->spc2.initiator) {
		nexus = trbd_nexus_find(&unit->nexuses, cmd);
		if (!nexus)
			verdict = -ENOMEM;
		else if (trbd_pr_conflicts(pr, &nexus->name, access))
			verdict = TRBD_PR_CONFLICT;
	}
	rcu_read_unlock();
	return verdict;
}

/**
 * trbd_admit_command() - let a command run, or answer it
 * @cmd: command that is about to be
 * @row: its row in the table of commands
 *
 * From here on it is counted as in flight, if it is one that takes its time.
 *
 * Context: process; no round trip. Allocates when it is the first command of its nexus.
 * Return: true; or false, and the command has been answered.
 */
bool trbd_admit_command(struct se_cmd *cmd, const struct trbd_cdb *row)
{
	enum trbd_pr_access access = trbd_cdb_access(row, cmd->t_task_cdb);
	struct trbd_unit *unit = to_trbd_unit(cmd->se_dev);
	unsigned int kind = access == TRBD_PR_ACCESS_WRITE ? TRBD_NEXUS_WRITES : TRBD_NEXUS_READS;
	bool counted = row->flags & TRBD_CDB_COUNTED;
	unsigned long lapses;
	int verdict;

	/* before anything is looked at, or it could slip between a change and the counting */
	if (counted && !trbd_nexus_begin(&unit->nexuses, cmd, kind)) {
		trbd_complete(cmd, -ENOMEM);
		return false;
	}
	/* LIO looked before; whoever abandoned it since then did not find it counted */
	if (counted && trbd_cmd_is_abandoned(cmd)) {
		trbd_complete(cmd, -EBUSY);
		return false;
	}
	if (trbd_request_sense_report(&unit->nexuses, cmd, row))
		return false;
	if (!unit->lu || access == TRBD_PR_ACCESS_ALWAYS)
		return true;
	if (trbd_lu_is_blocked(unit->lu)) {
		trbd_complete(cmd, -ENOTCONN);
		return false;
	}
	lapses = trbd_lu_lapses(unit->lu);
	verdict = admit_check_conflict(unit, cmd, access);
	if (verdict == TRBD_PR_GOOD)
		return true;
	/* final for an initiator, and the reservation may be gone elsewhere */
	if (verdict == TRBD_PR_CONFLICT && !trbd_group_in_touch(unit->group, lapses))
		verdict = -EBUSY;
	trbd_complete_verdict(cmd, verdict);
	return false;
}

/**
 * trbd_admit_is_awaited() - tell whether somebody waits for the end of this command
 * @cmd: command that trbd_admit_command() let pass
 *
 * For commands that take long: they end themselves then.
 *
 * Context: any.
 * Return: true if a reset does, on any gateway, or a reservation that it is in the way of.
 */
bool trbd_admit_is_awaited(struct se_cmd *cmd)
{
	struct trbd_unit *unit = to_trbd_unit(cmd->se_dev);
	enum trbd_pr_access access;

	if (!unit->lu)
		return false;
	if (trbd_lu_is_blocked(unit->lu) || trbd_nexus_is_awaited(&unit->nexuses, cmd))
		return true;
	access = trbd_cdb_access(trbd_cdb_find(cmd->t_task_cdb), cmd->t_task_cdb);
	return admit_check_conflict(unit, cmd, access) != TRBD_PR_GOOD;
}
