// SPDX-License-Identifier: GPL-2.0
/*
 * Reservations: PERSISTENT RESERVE IN and OUT, RESERVE and RELEASE, LOGICAL UNIT RESET, and who may execute what.
 *
 * The rules are in pr/, the shared state is in gateway/lu_state.c; this file is between them and LIO. Commands that
 * read or change the state run on the state's thread, one after the other, since they wait for the cluster. All
 * others look at this gateway's copy when they are executed, after their data have come: no round trip, no allocation,
 * and no lock unless they are refused.
 *
 * LIO has reservations of its own, per gateway. They stay empty, because no command ever gets there.
 *
 * PREEMPT ends when no command of a preempted nexus is in flight on any gateway. PREEMPT AND ABORT and LOGICAL UNIT
 * RESET do not tear commands out of libceph either: what is in flight at an OSD may land as long as the OSD has not
 * answered, so whoever promises that it is over has to wait for the answer anyway.
 *
 * An SPC-2 reservation ends with its nexus (SPC-2 5.5.1), and LIO does not say when a session ends. The gateway that
 * it was made through looks once a second, and when another RESERVE comes, whether the session is there; when that
 * gateway has left the registry, any other one releases it.
 */
#include <linux/bitops.h>
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/kref.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <scsi/scsi_proto.h>
#include <target/target_core_fabric.h>

#include "compat/target.h"
#include "gateway/group.h"
#include "gateway/record_io.h"
#include "gateway/lu.h"
#include "gateway/round.h"
#include "pr/parameters.h"
#include "pr/rules.h"
#include "rbd/image.h"
#include "scsi/access.h"
#include "scsi/command.h"
#include "scsi/nexus.h"
#include "scsi/patience.h"
#include "scsi/reservation.h"
#include "scsi/sense.h"
#include "scsi/unit_attention.h"
#include "target_core_rbd.h"

#define RESET_LOOK_MS		500
#define RESET_RETRY_MS		1000
/* a RESERVE that meets another's looks so often whether that one's session has ended */
#define RESERVE_TRIES		20
#define RESERVE_RETRY_MS	10

/**
 * struct pr_job - a command that runs on the state's thread
 * @job: its place in the queue
 * @run: what it does there
 * @cmd: LIO's command
 * @dev: its device
 * @lu: the state that it is a job of
 * @out: PERSISTENT RESERVE OUT, decoded; for the others only the nexus counts
 * @len: PERSISTENT RESERVE IN: bytes to answer
 * @tries: RESERVE: how often it has met another's reservation
 */
struct pr_job {
	struct trbd_lu_job job;
	void (*run)(struct trbd_lu *lu, struct pr_job *job);
	struct se_cmd *cmd;
	struct trbd_device *dev;
	struct trbd_lu *lu;
	struct trbd_pr_out out;
	size_t len;
	unsigned int tries;
};

static void complete_verdict(struct se_cmd *cmd, int verdict)
{
	switch (verdict) {
	case TRBD_PR_GOOD:
		trbd_complete(cmd, 0);
		break;
	case TRBD_PR_CONFLICT:
		trbd_complete_conflict(cmd);
		break;
	case TRBD_PR_INVALID_CDB:
		trbd_complete_sense(cmd, ILLEGAL_REQUEST, 0x24, 0x00);
		break;
	case TRBD_PR_INVALID_PARAMETER:
		trbd_complete_sense(cmd, ILLEGAL_REQUEST, 0x26, 0x00);
		break;
	case TRBD_PR_INVALID_RELEASE:
		trbd_complete_sense(cmd, ILLEGAL_REQUEST, 0x26, 0x04);
		break;
	case TRBD_PR_NO_RESOURCES:
		trbd_complete_sense(cmd, ILLEGAL_REQUEST, 0x55, 0x04);
		break;
	case TRBD_PR_INVALID_LENGTH:
		trbd_complete_sense(cmd, ILLEGAL_REQUEST, 0x1a, 0x00);
		break;
	case -EINTR:
		trbd_complete(cmd, -EBUSY);
		break;
	case -EBADMSG:
	case -EPROTONOSUPPORT:
		/* the record is damaged: nothing that the medium or the path could help */
		trbd_complete(cmd, -EPROTO);
		break;
	default:
		trbd_complete(cmd, verdict);
	}
}

static void end_job(struct pr_job *job, int verdict)
{
	struct se_cmd *cmd = job->cmd;
	size_t len = job->len;

	trbd_lu_has_run(job->lu, &job->job);
	kvfree(job->out.initiators);
	kfree(job);
	if (verdict == TRBD_PR_GOOD && cmd->data_direction == DMA_FROM_DEVICE)
		trbd_complete_data(cmd, len);
	else
		complete_verdict(cmd, verdict);
}

static bool job_is_over(const struct trbd_lu_job *lu_job)
{
	return trbd_patience_is_over(container_of(lu_job, struct pr_job, job)->cmd);
}

/* Nobody wants it any more. */
static void drop_job(struct trbd_lu_job *lu_job)
{
	end_job(container_of(lu_job, struct pr_job, job), -EINTR);
}

/* Not begun when nobody wants it any more: it could take as long as the one before it. */
static void run_job(struct trbd_lu *lu, struct trbd_lu_job *lu_job)
{
	struct pr_job *job = container_of(lu_job, struct pr_job, job);

	if (job_is_over(lu_job))
		drop_job(lu_job);
	else
		job->run(lu, job);
}

static sense_reason_t submit_job(struct se_cmd *cmd, void (*run)(struct trbd_lu *lu, struct pr_job *job))
{
	struct trbd_device *dev = to_trbd_device(cmd->se_dev);
	struct pr_job *job;

	if (!dev->lu) {
		trbd_complete(cmd, -EROFS);
		return 0;
	}
	if (test_bit(TRBD_LU_UNREGISTERED, &dev->lu->blocked)) {
		trbd_complete(cmd, -ENOTCONN);
		return 0;
	}
	job = kzalloc(sizeof(*job), GFP_NOWAIT | __GFP_NOWARN);
	if (!job) {
		trbd_complete(cmd, -ENOMEM);
		return 0;
	}
	job->cmd = cmd;
	job->dev = dev;
	job->lu = dev->lu;
	job->run = run;
	job->job.run = run_job;
	job->job.is_over = job_is_over;
	job->job.end = drop_job;
	trbd_nexus_name(cmd->se_sess, cmd->se_sess->se_tpg, &job->out.nexus);
	trbd_lu_submit(dev->lu, &job->job);
	return 0;
}

static bool tpg_has_session(struct se_portal_group *tpg, const struct trbd_pr_nexus *nexus)
{
	struct trbd_pr_nexus name;
	struct se_session *sess;
	bool found = false;

	spin_lock_bh(&tpg->session_lock);
	list_for_each_entry(sess, &tpg->tpg_sess_list, sess_list) {
		if (!sess->se_node_acl)
			continue;
		trbd_nexus_name(sess, tpg, &name);
		found = !strcmp(name.initiator, nexus->initiator) && !strcmp(name.target, nexus->target);
		if (found)
			break;
	}
	spin_unlock_bh(&tpg->session_lock);
	return found;
}

/* Has this nexus a session with this gateway? */
static bool nexus_is_there(struct trbd_device *dev, const struct trbd_pr_nexus *nexus)
{
	struct se_lun *lun;
	bool found = false;

	spin_lock(&dev->se_dev.se_port_lock);
	list_for_each_entry(lun, &dev->se_dev.dev_sep_list, lun_dev_link) {
		found = tpg_has_session(lun->lun_tpg, nexus);
		if (found)
			break;
	}
	spin_unlock(&dev->se_dev.se_port_lock);
	return found;
}

/* Releases an SPC-2 reservation whose nexus is gone. */
static void drop_orphan(struct trbd_device *dev, struct trbd_record *record)
{
	const struct trbd_pr_nexus *holder = &record->pr.spc2;
	/* none while the backstore is removed; on the state's thread it lasts */
	const struct trbd_lu *lu = READ_ONCE(dev->lu);

	if (!lu || !*holder->initiator)
		return;
	if (record->spc2_gateway == lu->id ? !nexus_is_there(dev, holder) :
	    !trbd_record_find_gateway(record, record->spc2_gateway)) {
		memset(&record->pr.spc2, 0, sizeof(record->pr.spc2));
		record->spc2_gateway = 0;
	}
}

static void run_pr_in(struct trbd_lu *lu, struct pr_job *job)
{
	struct se_cmd *cmd = job->cmd;
	struct trbd_record *record;
	size_t len;
	u8 *buf;
	int ret;

	ret = trbd_lu_read_settled(lu, 0, &record);
	if (ret) {
		end_job(job, ret);
		return;
	}
	/* SPC-2 5.5.1: whoever asks */
	drop_orphan(job->dev, record);
	buf = kvzalloc(max(cmd->data_length, 1U), GFP_KERNEL);
	ret = buf ? TRBD_PR_CONFLICT : -ENOMEM;
	if (buf && !*record->pr.spc2.initiator) {
		len = trbd_pr_in(&record->pr, cmd->t_task_cdb[1] & 0x1f, buf, cmd->data_length);
		sg_copy_from_buffer(cmd->t_data_sg, cmd->t_data_nents, buf, min_t(size_t, len, cmd->data_length));
		job->len = len;
		ret = TRBD_PR_GOOD;
	}
	kvfree(buf);
	trbd_record_io_free(record);
	end_job(job, ret);
}

/**
 * trbd_execute_pr_in() - PERSISTENT RESERVE IN (SPC-4 6.15)
 * @cmd: command
 *
 * Context: process; never sleeps for the network.
 * Return: 0, or the reason of a CHECK CONDITION.
 */
sense_reason_t trbd_execute_pr_in(struct se_cmd *cmd)
{
	if ((cmd->t_task_cdb[1] & 0x1f) >= TRBD_PR_IN_ACTIONS)
		return TCM_INVALID_CDB_FIELD;
	return submit_job(cmd, run_pr_in);
}

static enum trbd_pr_verdict decide_out(struct trbd_record *record, void *ctx)
{
	struct pr_job *job = ctx;

	drop_orphan(job->dev, record);
	return trbd_pr_out(&record->pr, &job->out);
}

/*
 * The name of the target port that has this relative target port identifier; on every gateway all ports are defined.
 * 0 is none; LIO gives it to those that are not enabled.
 */
static bool find_target(struct trbd_device *dev, u16 rtpi, char *name)
{
	struct se_lun *lun;
	bool found = false;

	if (!rtpi)
		return false;
	spin_lock(&dev->se_dev.se_port_lock);
	list_for_each_entry(lun, &dev->se_dev.dev_sep_list, lun_dev_link) {
		found = trbd_compat_rtpi(lun) == rtpi;
		if (found) {
			trbd_nexus_target_name(lun->lun_tpg, name);
			break;
		}
	}
	spin_unlock(&dev->se_dev.se_port_lock);
	return found;
}

/* Has @decide change the state for the command's nexus. */
static int update(struct pr_job *job, trbd_lu_decide decide, enum trbd_pr_action action, unsigned int extra)
{
	struct trbd_lu_request request = {
		.decide = decide,
		.ctx = job,
		.action = action,
		.actor = &job->out.nexus,
		.extra = extra,
	};

	return trbd_lu_update(job->dev->lu, &request);
}

static int decode_out(struct pr_job *job)
{
	struct se_cmd *cmd = job->cmd;
	struct trbd_pr_out *out = &job->out;
	u32 len = trbd_sent_length(cmd);
	unsigned int max_initiators;
	int verdict;
	u8 *list;

	if (len > TRBD_PR_LIST_MAX)
		return TRBD_PR_INVALID_LENGTH;
	out->rtpi = trbd_compat_rtpi(cmd->se_lun);
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
	    !find_target(job->dev, out->move_rtpi, out->move_to.target))
		return TRBD_PR_INVALID_PARAMETER;
	return verdict;
}

static void run_pr_out(struct trbd_lu *lu, struct pr_job *job)
{
	int verdict = decode_out(job);

	if (verdict == TRBD_PR_GOOD)
		verdict = update(job, decide_out, job->out.action, job->out.num_initiators + 1);
	end_job(job, verdict);
}

/**
 * trbd_execute_pr_out() - PERSISTENT RESERVE OUT (SPC-4 6.16)
 * @cmd: command with its parameter list
 *
 * Context: process; never sleeps for the network.
 * Return: 0.
 */
sense_reason_t trbd_execute_pr_out(struct se_cmd *cmd)
{
	return submit_job(cmd, run_pr_out);
}

static enum trbd_pr_verdict decide_reserve(struct trbd_record *record, void *ctx)
{
	struct pr_job *job = ctx;
	enum trbd_pr_verdict verdict;

	drop_orphan(job->dev, record);
	verdict = trbd_pr_reserve_spc2(&record->pr, &job->out.nexus);
	if (*record->pr.spc2.initiator)
		record->spc2_gateway = job->dev->lu->id;
	return verdict;
}

static enum trbd_pr_verdict decide_release(struct trbd_record *record, void *ctx)
{
	struct pr_job *job = ctx;
	enum trbd_pr_verdict verdict;

	drop_orphan(job->dev, record);
	verdict = trbd_pr_release_spc2(&record->pr, &job->out.nexus);
	if (!*record->pr.spc2.initiator)
		record->spc2_gateway = 0;
	return verdict;
}

static bool is_reserved_spc2(struct trbd_lu *lu)
{
	bool reserved;

	rcu_read_lock();
	reserved = *rcu_dereference(lu->view)->pr.spc2.initiator;
	rcu_read_unlock();
	return reserved;
}

static void run_reserve(struct trbd_lu *lu, struct pr_job *job)
{
	int verdict = update(job, decide_reserve, TRBD_PR_RESERVE, 0);

	/*
	 * The holder may have logged out: LIO answers that before it takes the session down, and the gateway that it
	 * came by looks when it is asked.
	 */
	if (verdict == TRBD_PR_CONFLICT && is_reserved_spc2(lu) && job->tries < RESERVE_TRIES &&
	    !trbd_lu_sleep(RESERVE_RETRY_MS)) {
		if (!job->tries++)
			trbd_round_announce(lu);
		trbd_lu_submit(lu, &job->job);
	} else {
		end_job(job, verdict);
	}
}

static void run_release(struct trbd_lu *lu, struct pr_job *job)
{
	end_job(job, update(job, decide_release, TRBD_PR_RELEASE, 0));
}

/* Extents and third parties went out of use before SPC-2 was finished. */
static bool asks_for_obsolete(const struct se_cmd *cmd)
{
	return cmd->t_task_cdb[1] & 0x11;
}

/**
 * trbd_execute_reserve() - RESERVE (6) and (10) (SPC-2 7.21)
 * @cmd: command
 *
 * Context: process; never sleeps for the network.
 * Return: 0, or the reason of a CHECK CONDITION.
 */
sense_reason_t trbd_execute_reserve(struct se_cmd *cmd)
{
	if (asks_for_obsolete(cmd))
		return TCM_INVALID_CDB_FIELD;
	return submit_job(cmd, run_reserve);
}

/**
 * trbd_execute_release() - RELEASE (6) and (10) (SPC-2 7.18)
 * @cmd: command
 *
 * Context: process; never sleeps for the network.
 * Return: 0, or the reason of a CHECK CONDITION.
 */
sense_reason_t trbd_execute_release(struct se_cmd *cmd)
{
	if (asks_for_obsolete(cmd))
		return TCM_INVALID_CDB_FIELD;
	return submit_job(cmd, run_release);
}

/* Does this gateway's copy of the state forbid the command? Return: a verdict, or -ENOMEM. */
static int check_conflict(struct trbd_device *dev, struct se_cmd *cmd, enum trbd_pr_access access)
{
	const struct trbd_pr_state *pr;
	const struct trbd_nexus *nexus;
	int verdict = TRBD_PR_GOOD;

	rcu_read_lock();
	pr = &rcu_dereference(dev->lu->view)->pr;
	if (pr->type != TRBD_PR_NONE || *pr->spc2.initiator) {
		nexus = trbd_nexus_find(&dev->nexuses, cmd);
		if (!nexus)
			verdict = -ENOMEM;
		else if (trbd_pr_conflicts(pr, &nexus->name, access))
			verdict = TRBD_PR_CONFLICT;
	}
	rcu_read_unlock();
	return verdict;
}

/**
 * trbd_reservation_admit() - may this command be executed?
 * @cmd: command that is about to be
 *
 * From here on it is counted as in flight, if it is one that takes its time.
 *
 * Context: process; no round trip. Allocates when it is the first command of its nexus.
 * Return: true; or false, and the command has been answered.
 */
bool trbd_reservation_admit(struct se_cmd *cmd)
{
	struct trbd_access what = trbd_access_of(cmd->t_task_cdb);
	struct trbd_device *dev = to_trbd_device(cmd->se_dev);
	unsigned int kind = what.access == TRBD_PR_ACCESS_WRITE ? TRBD_NEXUS_WRITES : TRBD_NEXUS_READS;
	unsigned long lapses;
	int verdict;

	/* counted before anything is looked at, or it could slip between a change and the look at the counts */
	if (what.counted && !trbd_nexus_begin(&dev->nexuses, cmd, kind)) {
		trbd_complete(cmd, -ENOMEM);
		return false;
	}
	/* since LIO looked; whoever gave it up did not find it counted, and waits for it */
	if (what.counted && trbd_patience_is_over(cmd)) {
		trbd_complete(cmd, -EBUSY);
		return false;
	}
	if (trbd_ua_report(&dev->nexuses, cmd))
		return false;
	if (!dev->lu || what.access == TRBD_PR_ACCESS_ALWAYS)
		return true;
	if (trbd_lu_is_blocked(dev->lu)) {
		trbd_complete(cmd, -ENOTCONN);
		return false;
	}
	lapses = trbd_lu_lapses(dev->lu);
	verdict = check_conflict(dev, cmd, what.access);
	if (verdict == TRBD_PR_GOOD)
		return true;
	/* RESERVATION CONFLICT is final for an initiator, and what forbids the command here may be gone elsewhere */
	if (verdict == TRBD_PR_CONFLICT && !trbd_group_in_touch(dev->group, lapses))
		verdict = -EBUSY;
	complete_verdict(cmd, verdict);
	return false;
}

/**
 * trbd_reservation_awaits() - does somebody wait for the end of this command?
 * @cmd: command that trbd_reservation_admit() let pass
 *
 * For commands that take long, to end themselves.
 *
 * Context: any.
 * Return: true if a reset does, on any gateway, or a reservation that it is in the way of.
 */
bool trbd_reservation_awaits(struct se_cmd *cmd)
{
	struct trbd_device *dev = to_trbd_device(cmd->se_dev);

	if (!dev->lu)
		return false;
	return trbd_lu_is_blocked(dev->lu) || trbd_nexus_is_awaited(&dev->nexuses, cmd) ||
	       check_conflict(dev, cmd, trbd_access_of(cmd->t_task_cdb).access) != TRBD_PR_GOOD;
}

static void tell_attention(struct trbd_nexus *nexus, enum trbd_pr_attention attention)
{
	switch (attention) {
	case TRBD_PR_TELL_RESERVATIONS_PREEMPTED:
		trbd_ua_raise(nexus, TRBD_UA_RESERVATIONS_PREEMPTED);
		break;
	case TRBD_PR_TELL_REGISTRATIONS_PREEMPTED:
		trbd_ua_raise(nexus, TRBD_UA_REGISTRATIONS_PREEMPTED);
		break;
	case TRBD_PR_TELL_RESERVATIONS_RELEASED:
		trbd_ua_raise(nexus, TRBD_UA_RESERVATIONS_RELEASED);
		break;
	case TRBD_PR_TELL_NOTHING:
		break;
	}
}

/* A state was installed: what it means for each nexus. */
static void state_changed(void *owner, const struct trbd_lu_change *change)
{
	struct trbd_device *dev = owner;
	struct trbd_nexus *nexus;
	int bucket;

	rcu_read_lock();
	hash_for_each_rcu(dev->nexuses.nexuses, bucket, nexus, node) {
		tell_attention(nexus, trbd_pr_attention(change->old, change->new, change->action, change->actor,
							&nexus->name));
	}
	rcu_read_unlock();

	if (change->reset) {
		trbd_nexus_turn(&dev->nexuses);
		/* LIO tells those of the gateway that was asked for the reset */
		if (!change->mine)
			trbd_ua_raise_all(&dev->nexuses, TRBD_UA_RESET);
	}
}

static unsigned int state_draining(void *owner, const struct trbd_pr_state *pr)
{
	return trbd_nexus_draining(&((struct trbd_device *)owner)->nexuses, pr);
}

static unsigned int state_in_flight(void *owner)
{
	return trbd_nexus_in_flight(&((struct trbd_device *)owner)->nexuses);
}

static void state_come_back(void *owner)
{
	trbd_ua_raise_all(&((struct trbd_device *)owner)->nexuses, TRBD_UA_NEXUS_LOSS);
}

static enum trbd_pr_verdict decide_orphan(struct trbd_record *record, void *ctx)
{
	drop_orphan(ctx, record);
	return *record->pr.spc2.initiator ? TRBD_PR_CONFLICT : TRBD_PR_GOOD;
}

/* Is there an SPC-2 reservation whose nexus may be gone? */
static void state_tick(void *owner)
{
	struct trbd_device *dev = owner;
	const struct trbd_lu_request request = {
		.decide = decide_orphan,
		.ctx = dev,
		.action = TRBD_PR_RELEASE,
	};
	struct trbd_lu *lu = READ_ONCE(dev->lu);
	const struct trbd_lu_view *view;
	struct trbd_pr_nexus holder;
	bool orphan = false, mine;

	if (!lu || trbd_lu_is_blocked(lu))
		return;
	rcu_read_lock();
	view = rcu_dereference(lu->view);
	holder = view->pr.spc2;
	mine = view->spc2_gateway == lu->id;
	orphan = view->spc2_orphan;
	rcu_read_unlock();
	if (*holder.initiator && (orphan || (mine && !nexus_is_there(dev, &holder))))
		trbd_lu_update(lu, &request);
}

static const struct trbd_lu_ops state_ops = {
	.changed = state_changed,
	.draining = state_draining,
	.in_flight = state_in_flight,
	.come_back = state_come_back,
	.tick = state_tick,
};

/**
 * struct reset_job - a LOGICAL UNIT RESET
 * @job: its place in the queue
 * @ref: who waits, and the thread
 * @done: it is in force
 * @overdue: nothing is served until it is; under the state's lock
 */
struct reset_job {
	struct trbd_lu_job job;
	struct kref ref;
	struct completion done;
	bool overdue;
};

static void reset_job_free(struct kref *ref)
{
	kfree(container_of(ref, struct reset_job, ref));
}

static enum trbd_pr_verdict decide_reset(struct trbd_record *record, void *ctx)
{
	memset(&record->pr.spc2, 0, sizeof(record->pr.spc2));
	record->spc2_gateway = 0;
	record->resets++;
	return TRBD_PR_GOOD;
}

/* Is it of no use to try a reset again? */
static bool reset_has_ended(int result)
{
	switch (result) {
	case 0:
	case -ENOENT:
	/* the record is damaged, which is for the operator to mend, and a reset need not wait for that */
	case -EBADMSG:
	case -EPROTONOSUPPORT:
		return true;
	default:
		return false;
	}
}

static void run_reset(struct trbd_lu *lu, struct trbd_lu_job *lu_job)
{
	const struct trbd_lu_request request = {
		.decide = decide_reset,
		.action = TRBD_PR_RELEASE,
	};
	struct reset_job *job = container_of(lu_job, struct reset_job, job);
	int ret = trbd_lu_update(lu, &request);

	/* not of an interrupted one, written or not: it is tried again */
	if (ret && ret != -EINTR && ret != -ENOTCONN)
		pr_warn_ratelimited("%s: a reset cannot be made known to the other gateways: error %d\n",
				    lu->image->name, ret);
	/* this gateway may have to register again before */
	if (!reset_has_ended(ret) && trbd_lu_clear_interrupt(lu)) {
		trbd_lu_sleep(RESET_RETRY_MS);
		trbd_lu_submit(lu, &job->job);
		return;
	}

	spin_lock(&lu->lock);
	if (job->overdue && !--lu->overdue_resets)
		clear_bit(TRBD_LU_RESETTING, &lu->blocked);
	complete_all(&job->done);
	spin_unlock(&lu->lock);
	kref_put(&job->ref, reset_job_free);
}

/* Nothing is served until it has ended, unless it has just now. */
static void reset_is_overdue(struct trbd_lu *lu, struct reset_job *job)
{
	spin_lock(&lu->lock);
	if (!completion_done(&job->done)) {
		job->overdue = true;
		lu->overdue_resets++;
		set_bit(TRBD_LU_RESETTING, &lu->blocked);
		pr_warn_ratelimited("%s: a reset takes long; nothing is served until all gateways have it\n",
				    lu->image->name);
	}
	spin_unlock(&lu->lock);
}

/* Waits for a reset, unless nothing is served anyway. Return: whether it has ended. */
static bool reset_wait(struct trbd_lu *lu, struct reset_job *job)
{
	const unsigned long limit = jiffies + msecs_to_jiffies(TRBD_RESET_WAIT_MS);

	do {
		if (wait_for_completion_timeout(&job->done, msecs_to_jiffies(RESET_LOOK_MS)))
			return true;
	} while (!test_bit(TRBD_LU_RESETTING, &lu->blocked) && !test_bit(TRBD_LU_UNREGISTERED, &lu->blocked) &&
		 time_before(jiffies, limit));
	return false;
}

/**
 * trbd_reservation_reset() - LOGICAL UNIT RESET, on all gateways (SAM-5 6.3.3)
 * @dev: device
 *
 * Ends the SPC-2 reservation, waits for what is in flight everywhere, and lets the other gateways tell their nexuses.
 * If that takes too long, this one serves nothing until it is through. LIO does one reset of a unit after the other, so
 * while nothing is served a further one does not wait.
 *
 * Context: process; sleeps for TRBD_RESET_WAIT_MS at most.
 */
void trbd_reservation_reset(struct trbd_device *dev)
{
	struct reset_job *job;

	if (!dev->lu)
		return;
	job = kzalloc(sizeof(*job), GFP_NOIO | __GFP_NOFAIL);
	kref_init(&job->ref);
	kref_get(&job->ref);
	init_completion(&job->done);
	job->job.run = run_reset;
	trbd_lu_submit(dev->lu, &job->job);
	if (!reset_wait(dev->lu, job))
		reset_is_overdue(dev->lu, job);
	kref_put(&job->ref, reset_job_free);
}

/* A line for each registration that holds the reservation, or that does not. */
static size_t show_registrations(const struct trbd_pr_state *pr, bool holders, char *buf, size_t size)
{
	size_t len = 0;
	unsigned int i;

	for (i = 0; i < pr->count; i++) {
		const struct trbd_pr_registration *registration = &pr->registrations[i];

		if (trbd_pr_holds(pr, registration) == holders)
			len += scnprintf(buf + len, size - len, "%s 0x%016llx %s %s\n",
					 holders ? "holder" : "registered", registration->key,
					 registration->nexus.target, registration->nexus.initiator);
	}
	return len;
}

/**
 * trbd_reservation_show() - the shared state as this gateway has it, for the operator
 * @dev: device
 * @buf: where to
 * @size: room in @buf
 *
 * The counts come first, then who holds the reservation: not everything may fit.
 *
 * Context: process.
 * Return: length of the text, cut to what fits.
 */
size_t trbd_reservation_show(struct trbd_device *dev, char *buf, size_t size)
{
	const struct trbd_lu_view *view;
	const struct trbd_pr_state *pr;
	size_t len = 0;

	if (!dev->lu)
		return 0;
	/* what would have been told to those that are gone is no news to anybody */
	trbd_nexus_forget_gone(&dev->nexuses, &dev->se_dev);
	rcu_read_lock();
	view = rcu_dereference(dev->lu->view);
	pr = &view->pr;
	len += scnprintf(buf, size, "id %llu %s generation %llu settled %llu resets %u in_flight %u draining %u\n",
			 dev->lu->id, trbd_lu_is_blocked(dev->lu) ? "blocked" : "serving", view->generation,
			 view->settled, view->resets, trbd_nexus_in_flight(&dev->nexuses),
			 trbd_nexus_draining(&dev->nexuses, pr));
	len += scnprintf(buf + len, size - len, "pr_generation %u aptpl %u registrations %u\n", pr->generation,
			 pr->aptpl, pr->count);
	if (*pr->spc2.initiator)
		len += scnprintf(buf + len, size - len, "reserve %s %s\n", pr->spc2.target, pr->spc2.initiator);
	if (pr->type != TRBD_PR_NONE)
		len += scnprintf(buf + len, size - len, "type %u\n", pr->type);
	len += show_registrations(pr, true, buf + len, size - len);
	len += trbd_ua_show(&dev->nexuses, buf + len, size - len);
	len += show_registrations(pr, false, buf + len, size - len);
	rcu_read_unlock();
	return len;
}

/**
 * trbd_reservation_start() - share the state with the other gateways
 * @dev: device with its image and group
 *
 * Context: process; a few round trips.
 * Return: 0, or an error of trbd_lu_attach().
 */
int trbd_reservation_start(struct trbd_device *dev)
{
	struct trbd_lu *lu = trbd_lu_attach(dev->image, dev->group, &state_ops, dev);

	if (IS_ERR(lu))
		return PTR_ERR(lu);
	mutex_lock(&dev->lu_lock);
	WRITE_ONCE(dev->lu, lu);
	mutex_unlock(&dev->lu_lock);
	/* what came before that was not heard */
	trbd_lu_watched(lu);
	return 0;
}

/**
 * trbd_reservation_stop() - and no longer
 * @dev: device without commands, whose image is about to be closed
 *
 * Context: process; may sleep for some seconds when the cluster does not answer.
 */
void trbd_reservation_stop(struct trbd_device *dev)
{
	struct trbd_lu *lu = dev->lu;

	mutex_lock(&dev->lu_lock);
	WRITE_ONCE(dev->lu, NULL);
	mutex_unlock(&dev->lu_lock);
	if (lu)
		trbd_lu_detach(lu);
}
