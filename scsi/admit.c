// SPDX-License-Identifier: GPL-2.0
/*
 * Whether a command may run now, and whether its end is awaited.
 *
 *	count it with its nexus      scsi/nexus_in_flight.c
 *	abandoned meanwhile?    -->  BUSY
 *	unit attention pending? -->  CHECK CONDITION, scsi/request_sense.c
 *	gateway does not serve? -->  NOT READY
 *	reservation conflict?   -->  RESERVATION CONFLICT; BUSY without a lease
 *
 * These checks run when a command is executed, after its data have come. They take no round trip,
 * no lock unless the command is refused, and no allocation except for the first command of a nexus.
 * They look at this gateway's view of the record, under RCU. The order matters. A command is
 * counted before any check. A gateway that changes the state installs the change before it looks at
 * the counts. So either the command sees the change, or the change waits for the command.
 *
 * A command that changes data passes a second check, the lease of the group: scsi/write_cmd.c.
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

/* Tell whether this gateway's view forbids the command. Return a verdict, or -ENOMEM. */
static int admit_check_conflict(struct trbd_unit *unit, struct se_cmd *cmd,
				enum trbd_pr_access access)
{
	const struct trbd_lu_view *view;
	struct trbd_nexus *nexus;
	int verdict = TRBD_PR_GOOD;

	rcu_read_lock();
	view = rcu_dereference(unit->lu->view);
	if (trbd_pr_is_reserved(&view->pr)) {
		nexus = trbd_nexus_find(&unit->nexuses, cmd);
		if (!nexus)
			verdict = -ENOMEM;
		else if (trbd_nexus_conflicts(nexus, view, access))
			verdict = TRBD_PR_CONFLICT;
	}
	rcu_read_unlock();
	return verdict;
}

/**
 * trbd_admit_command() - let a command run, or answer it
 * @cmd: command that is about to run
 * @row: its row in the table of commands
 *
 * From here on the command counts as in flight, if its row says that it is counted.
 *
 * Context: process; no round trip. Allocates for the first command of its nexus.
 * Return: true; or false if the command has been answered.
 */
bool trbd_admit_command(struct se_cmd *cmd, const struct trbd_cdb *row)
{
	enum trbd_pr_access access = trbd_cdb_access(row, cmd->t_task_cdb);
	struct trbd_unit *unit = to_trbd_unit(cmd->se_dev);
	unsigned int kind = access == TRBD_PR_ACCESS_WRITE ? TRBD_NEXUS_WRITES : TRBD_NEXUS_READS;
	bool counted = row->flags & TRBD_CDB_COUNTED;
	unsigned long lapses;
	int verdict;

	/* count first, or the command could slip in between a change and the counting */
	if (counted && !trbd_nexus_begin(&unit->nexuses, cmd, kind)) {
		trbd_complete(cmd, -ENOMEM);
		return false;
	}
	/* LIO checked earlier. If the command was abandoned since then, it was not yet counted. */
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
	/* a conflict is final for an initiator, but the reservation may be gone elsewhere */
	if (verdict == TRBD_PR_CONFLICT && !trbd_group_in_touch(unit->group, lapses))
		verdict = -EBUSY;
	trbd_complete_verdict(cmd, verdict);
	return false;
}

/**
 * trbd_admit_is_awaited() - tell whether a reset or a reservation waits for a command's end
 * @cmd: command that trbd_admit_command() let pass
 *
 * Commands that take long ask this. If it is so, they end themselves.
 *
 * Context: any.
 * Return: true if a reset waits, on any gateway, or a reservation with which the command conflicts.
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
