// SPDX-License-Identifier: GPL-2.0
/*
 * PERSISTENT RESERVE IN and OUT, RESERVE and RELEASE.
 *
 *	execute_cmd --> pr_submit() --> (thread of struct trbd_lu) pr_job_run() --> pr_run_...()
 *	                                                                               |
 *	                                     trbd_complete_verdict() <-- pr_job_end() <+
 *
 * The rules are in pr/, and the shared state is in gateway/lu.c. This file connects them with
 * LIO. These commands wait for the cluster, so they run on the unit's thread, one after the other.
 * All other commands look at this gateway's view (scsi/admit.c).
 *
 * LIO has reservations of its own, per gateway. They stay empty, because no command ever gets
 * there.
 *
 * PREEMPT ends when no command of a preempted nexus is in flight on any gateway. PREEMPT AND ABORT
 * does not tear commands out of libceph either. An OSD that has not answered may still carry out
 * the requests that it has. So a gateway that promises the end of a command has to wait for the
 * answer anyway.
 *
 * An SPC-2 reservation ends with its nexus (SPC-2 5.5.1), but LIO does not say when a session ends.
 * So the gateway through which the reservation was made looks for the session once a second, and
 * when another RESERVE comes. After that gateway has left the registry, the reservation is an
 * orphan: any other gateway releases it.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <target/target_core_fabric.h>

#include "compat/target.h"
#include "gateway/record_io.h"
#include "gateway/lu.h"
#include "gateway/round.h"
#include "pr/parameters.h"
#include "pr/rules.h"
#include "scsi/abandoned.h"
#include "scsi/cmd.h"
#include "scsi/complete.h"
#include "scsi/nexus_name.h"
#include "scsi/ports.h"
#include "scsi/pr_commands.h"
#include "scsi/unit.h"

/*
 * a RESERVE that meets another initiator's reservation checks up to this often whether the holder's
 * session has ended
 */
#define RESERVE_TRIES		20
#define RESERVE_RETRY_MS	10

/**
 * struct pr_job - a command that runs on the unit's thread
 * @job: entry in the queue of the thread
 * @run: the function that runs there
 * @cmd: LIO's command
 * @unit: its logical unit
 * @lu: the shared state to which the job belongs
 * @out: PERSISTENT RESERVE OUT: the decoded command; for the others only the nexus is used
 * @len: PERSISTENT RESERVE IN: length of the answer, bytes
 * @tries: RESERVE: how often it has met another initiator's reservation
 */
struct pr_job {
	struct trbd_lu_job job;
	void (*run)(struct trbd_lu *lu, struct pr_job *job);
	struct se_cmd *cmd;
	struct trbd_unit *unit;
	struct trbd_lu *lu;
	struct trbd_pr_out out;
	size_t len;
	unsigned int tries;
};

static void pr_job_end(struct pr_job *job, int verdict)
{
	struct se_cmd *cmd = job->cmd;
	size_t len = job->len;

	trbd_lu_has_run(job->lu, &job->job);
	kvfree(job->out.initiators);
	kfree(job);
	if (verdict == TRBD_PR_GOOD && cmd->data_direction == DMA_FROM_DEVICE)
		trbd_complete_data(cmd, len);
	else
		trbd_complete_verdict(cmd, verdict);
}

static bool pr_job_is_over(const struct trbd_lu_job *lu_job)
{
	return trbd_cmd_is_abandoned(container_of(lu_job, struct pr_job, job)->cmd);
}

/* End a job that nobody wants any more. */
static void pr_job_drop(struct trbd_lu_job *lu_job)
{
	pr_job_end(container_of(lu_job, struct pr_job, job), -EINTR);
}

/*
 * Run a job. If nobody wants it any more, do not begin it: it could take as long as the one before
 * it.
 */
static void pr_job_run(struct trbd_lu *lu, struct trbd_lu_job *lu_job)
{
	struct pr_job *job = container_of(lu_job, struct pr_job, job);

	if (pr_job_is_over(lu_job))
		pr_job_drop(lu_job);
	else
		job->run(lu, job);
}

static sense_reason_t pr_submit(struct se_cmd *cmd,
				void (*run)(struct trbd_lu *lu, struct pr_job *job))
{
	struct trbd_unit *unit = to_trbd_unit(cmd->se_dev);
	struct pr_job *job;

	if (!unit->lu) {
		trbd_complete(cmd, -EROFS);
		return 0;
	}
	if (test_bit(TRBD_LU_UNREGISTERED, &unit->lu->blocked)) {
		trbd_complete(cmd, -ENOTCONN);
		return 0;
	}
	job = kzalloc(sizeof(*job), GFP_NOWAIT | __GFP_NOWARN);
	if (!job) {
		trbd_complete(cmd, -ENOMEM);
		return 0;
	}
	job->cmd = cmd;
	job->unit = unit;
	job->lu = unit->lu;
	job->run = run;
	job->job.run = pr_job_run;
	job->job.is_over = pr_job_is_over;
	job->job.end = pr_job_drop;
	trbd_nexus_name(cmd->se_sess, cmd->se_sess->se_tpg, &job->out.nexus);
	trbd_lu_submit(unit->lu, &job->job);
	return 0;
}

static bool pr_tpg_has_session(struct se_portal_group *tpg, const struct trbd_pr_nexus *nexus)
{
	struct trbd_pr_nexus name;
	struct se_session *sess;
	bool found = false;

	spin_lock_bh(&tpg->session_lock);
	list_for_each_entry(sess, &tpg->tpg_sess_list, sess_list) {
		if (!sess->se_node_acl)
			continue;
		trbd_nexus_name(sess, tpg, &name);
		found = trbd_nexus_name_is_equal(&name, nexus);
		if (found)
			break;
	}
	spin_unlock_bh(&tpg->session_lock);
	return found;
}

/* Tell whether this nexus has a session with this gateway. */
static bool pr_nexus_is_there(struct trbd_unit *unit, const struct trbd_pr_nexus *nexus)
{
	struct se_lun *lun;
	bool found = false;

	spin_lock(&unit->se_dev.se_port_lock);
	list_for_each_entry(lun, &unit->se_dev.dev_sep_list, lun_dev_link) {
		found = pr_tpg_has_session(lun->lun_tpg, nexus);
		if (found)
			break;
	}
	spin_unlock(&unit->se_dev.se_port_lock);
	return found;
}

/* Release an SPC-2 reservation whose nexus is gone. */
static void pr_drop_orphan(struct trbd_unit *unit, struct trbd_record *record)
{
	const struct trbd_pr_nexus *holder = &record->pr.spc2;
	/* NULL while the backstore is being removed; it stays valid on the unit's thread */
	const struct trbd_lu *lu = READ_ONCE(unit->lu);

	if (!lu || !*holder->initiator)
		return;
	if (record->spc2_gateway == lu->id ? !pr_nexus_is_there(unit, holder) :
	    !trbd_record_find_gateway(record, record->spc2_gateway)) {
		memset(&record->pr.spc2, 0, sizeof(record->pr.spc2));
		record->spc2_gateway = 0;
	}
}

static void pr_run_in(struct trbd_lu *lu, struct pr_job *job)
{
	struct se_cmd *cmd = job->cmd;
	struct trbd_record *record;
	size_t len;
	u8 *buf;
	int ret;

	ret = trbd_lu_read_settled(lu, 0, &record);
	if (ret) {
		pr_job_end(job, ret);
		return;
	}
	/*
	 * an SPC-2 reservation conflicts with this command, whichever initiator asks (SPC-2 5.5.1)
	 */
	pr_drop_orphan(job->unit, record);
	buf = kvzalloc(max(cmd->data_length, 1U), GFP_KERNEL);
	ret = buf ? TRBD_PR_CONFLICT : -ENOMEM;
	if (buf && !*record->pr.spc2.initiator) {
		len = trbd_pr_in(&record->pr, cmd->t_task_cdb[1] & 0x1f, buf, cmd->data_length);
		sg_copy_from_buffer(cmd->t_data_sg, cmd->t_data_nents, buf,
				    min_t(size_t, len, cmd->data_length));
		job->len = len;
		ret = TRBD_PR_GOOD;
	}
	kvfree(buf);
	trbd_record_io_free(record);
	pr_job_end(job, ret);
}

/**
 * trbd_execute_pr_in() - start PERSISTENT RESERVE IN (SPC-4 6.15)
 * @cmd: command
 *
 * Context: process; never sleeps for the network.
 * Return: 0, or the reason of the refusal.
 */
sense_reason_t trbd_execute_pr_in(struct se_cmd *cmd)
{
	if ((cmd->t_task_cdb[1] & 0x1f) >= TRBD_PR_IN_ACTIONS)
		return TCM_INVALID_CDB_FIELD;
	return pr_submit(cmd, pr_run_in);
}

static enum trbd_pr_verdict pr_decide_out(struct trbd_record *record, void *ctx)
{
	struct pr_job *job = ctx;

	pr_drop_orphan(job->unit, record);
	return trbd_pr_out(&record->pr, &job->out);
}

/* Have @decide change the shared state for the command's nexus. */
static int pr_update(struct pr_job *job, trbd_lu_decide decide, enum trbd_pr_action action,
		     unsigned int extra)
{
	struct trbd_lu_request request = {
		.decide = decide,
		.ctx = job,
		.action = action,
		.actor = &job->out.nexus,
		.extra = extra,
	};

	return trbd_lu_update(job->unit->lu, &request);
}

static int pr_decode_out(struct pr_job *job)
{
	struct se_cmd *cmd = job->cmd;
	struct trbd_pr_out *out = &job->out;
	u32 len = trbd_cmd_sent_length(cmd);
	unsigned int max_initiators;
	int verdict;
	u8 *list;

	if (len > TRBD_PR_LIST_MAX)
		return TRBD_PR_INVALID_LENGTH;
	out->rtpi = trbd_ports_rtpi(job->unit, cmd->se_lun);
	max_initiators = trbd_pr_out_max_initiators(cmd->t_task_cdb, len);
	list = kvmalloc(max(len, 1U), GFP_KERNEL);
	if (max_initiators)
		out->initiators = kvcalloc(max_initiators, sizeof(*out->initiators), GFP_KERNEL);
	if (!list || (max_initiators && !out->initiators)) {
		kvfree(list);
		return -ENOMEM;
	}
	sg_copy_to_buffer(cmd->t_data_sg, cmd->t_data_nents, list, len);
	verdict = trbd_pr_out_decode(cmd->t_task_cdb, list, len, out);
	kvfree(list);
	if (verdict == TRBD_PR_GOOD && out->action == TRBD_PR_REGISTER_AND_MOVE &&
	    !trbd_ports_find_target(job->unit, out->move_rtpi, out->move_to.target))
		return TRBD_PR_INVALID_PARAMETER;
	return verdict;
}

static void pr_run_out(struct trbd_lu *lu, struct pr_job *job)
{
	int verdict = pr_decode_out(job);

	if (verdict == TRBD_PR_GOOD)
		verdict = pr_update(job, pr_decide_out, job->out.action,
				    job->out.num_initiators + 1);
	pr_job_end(job, verdict);
}

/**
 * trbd_execute_pr_out() - start PERSISTENT RESERVE OUT (SPC-4 6.16)
 * @cmd: command with its parameter list
 *
 * Context: process; never sleeps for the network.
 * Return: 0.
 */
sense_reason_t trbd_execute_pr_out(struct se_cmd *cmd)
{
	return pr_submit(cmd, pr_run_out);
}

static enum trbd_pr_verdict pr_decide_reserve(struct trbd_record *record, void *ctx)
{
	struct pr_job *job = ctx;
	enum trbd_pr_verdict verdict;

	pr_drop_orphan(job->unit, record);
	verdict = trbd_pr_reserve_spc2(&record->pr, &job->out.nexus);
	if (*record->pr.spc2.initiator)
		record->spc2_gateway = job->unit->lu->id;
	return verdict;
}

static enum trbd_pr_verdict pr_decide_release(struct trbd_record *record, void *ctx)
{
	struct pr_job *job = ctx;
	enum trbd_pr_verdict verdict;

	pr_drop_orphan(job->unit, record);
	verdict = trbd_pr_release_spc2(&record->pr, &job->out.nexus);
	if (!*record->pr.spc2.initiator)
		record->spc2_gateway = 0;
	return verdict;
}

static bool pr_is_reserved_spc2(struct trbd_lu *lu)
{
	bool reserved;

	rcu_read_lock();
	reserved = *rcu_dereference(lu->view)->pr.spc2.initiator;
	rcu_read_unlock();
	return reserved;
}

static void pr_run_reserve(struct trbd_lu *lu, struct pr_job *job)
{
	int verdict = pr_update(job, pr_decide_reserve, TRBD_PR_RESERVE, 0);

	/*
	 * The holder may have logged out. LIO answers a logout before it takes the session down.
	 * The gateway of that session looks again when it is asked.
	 */
	if (verdict == TRBD_PR_CONFLICT && pr_is_reserved_spc2(lu) && job->tries < RESERVE_TRIES &&
	    !trbd_lu_sleep(RESERVE_RETRY_MS)) {
		if (!job->tries++)
			trbd_round_announce(lu);
		trbd_lu_submit(lu, &job->job);
	} else {
		pr_job_end(job, verdict);
	}
}

static void pr_run_release(struct trbd_lu *lu, struct pr_job *job)
{
	pr_job_end(job, pr_update(job, pr_decide_release, TRBD_PR_RELEASE, 0));
}

/*
 * Tell whether a command asks for extents or third parties. Both went out of use before SPC-2 was
 * finished.
 */
static bool pr_asks_for_obsolete(const struct se_cmd *cmd)
{
	return cmd->t_task_cdb[1] & 0x11;
}

/**
 * trbd_execute_reserve() - start RESERVE (6) and (10) (SPC-2 7.21)
 * @cmd: command
 *
 * Context: process; never sleeps for the network.
 * Return: 0, or the reason of a CHECK CONDITION.
 */
sense_reason_t trbd_execute_reserve(struct se_cmd *cmd)
{
	if (pr_asks_for_obsolete(cmd))
		return TCM_INVALID_CDB_FIELD;
	return pr_submit(cmd, pr_run_reserve);
}

/**
 * trbd_execute_release() - start RELEASE (6) and (10) (SPC-2 7.18)
 * @cmd: command
 *
 * Context: process; never sleeps for the network.
 * Return: 0, or the reason of a CHECK CONDITION.
 */
sense_reason_t trbd_execute_release(struct se_cmd *cmd)
{
	if (pr_asks_for_obsolete(cmd))
		return TCM_INVALID_CDB_FIELD;
	return pr_submit(cmd, pr_run_release);
}

static enum trbd_pr_verdict pr_decide_orphan(struct trbd_record *record, void *ctx)
{
	pr_drop_orphan(ctx, record);
	return *record->pr.spc2.initiator ? TRBD_PR_CONFLICT : TRBD_PR_GOOD;
}

/**
 * trbd_pr_release_orphan() - release an SPC-2 reservation whose nexus is gone
 * @unit: logical unit
 *
 * If the reservation was made through this gateway, this looks for its session.
 *
 * Context: unit's thread; a few round trips if there is such a reservation.
 */
void trbd_pr_release_orphan(struct trbd_unit *unit)
{
	const struct trbd_lu_request request = {
		.decide = pr_decide_orphan,
		.ctx = unit,
		.action = TRBD_PR_RELEASE,
	};
	struct trbd_lu *lu = READ_ONCE(unit->lu);
	const struct trbd_lu_view *view;
	struct trbd_pr_nexus holder;
	bool orphan = false, mine;

	if (!lu || test_bit(TRBD_LU_UNREGISTERED, &lu->blocked) ||
	    test_bit(TRBD_LU_RESETTING, &lu->blocked))
		return;
	rcu_read_lock();
	view = rcu_dereference(lu->view);
	holder = view->pr.spc2;
	mine = view->spc2_gateway == lu->id;
	orphan = view->spc2_orphan;
	rcu_read_unlock();
	if (*holder.initiator && (orphan || (mine && !pr_nexus_is_there(unit, &holder))))
		trbd_lu_update(lu, &request);
}
