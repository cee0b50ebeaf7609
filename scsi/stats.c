// SPDX-License-Identifier: GPL-2.0
/*
 * Counting commands, and measuring how long they take.
 *
 *	trbd_stats_begin()        a command is about to be executed: a tracepoint
 *	trbd_stats_end()          it is about to be answered here
 *	trbd_stats_refused()      LIO is about to answer it, since we refuse it
 *	trbd_stats_left_to_lio()  LIO is about to execute and to answer it
 *
 * One of the last three comes once for each command that reaches the unit. LIO refuses some before
 * that, for a unit attention of its own or the state of a port; nobody counts these here.
 *
 * A command is counted before it is answered. So an initiator that has its answer finds it in the
 * counters, and the unit cannot go away meanwhile.
 *
 * This is on the path of every command. Each processor has counters of its own (scsi/tally.h), and
 * adding to one takes one instruction that no interrupt can divide. On a machine of 32 bits a
 * reader may see a counter of which one half has been written.
 *
 * The latency counts from the moment at which LIO took the command up (scsi/cmd.h). So it has the
 * time in which the data of a write came.
 */
#include <linux/errno.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/time64.h>
#include <scsi/scsi_proto.h>
#include <target/target_core_base.h>

#include "rbd/image.h"
#include "scsi/cdb.h"
#include "scsi/cmd.h"
#include "scsi/stats.h"
#include "scsi/tally.h"
#include "scsi/unit.h"
#include "tracepoints.h"

static const char *stats_device(const struct se_cmd *cmd)
{
	return config_item_name(&cmd->se_dev->dev_group.cg_item);
}

static enum trbd_tally_answer stats_sense(u8 key)
{
	switch (key) {
	case NOT_READY:
		return TRBD_TALLY_NOT_READY;
	case MEDIUM_ERROR:
		return TRBD_TALLY_MEDIUM_ERROR;
	case HARDWARE_ERROR:
		return TRBD_TALLY_HARDWARE_ERROR;
	case ILLEGAL_REQUEST:
		return TRBD_TALLY_ILLEGAL_REQUEST;
	case UNIT_ATTENTION:
		return TRBD_TALLY_UNIT_ATTENTION;
	case DATA_PROTECT:
		return TRBD_TALLY_DATA_PROTECT;
	case ABORTED_COMMAND:
		return TRBD_TALLY_ABORTED;
	case MISCOMPARE:
		return TRBD_TALLY_MISCOMPARE;
	default:
		return TRBD_TALLY_CHECK_OTHER;
	}
}

static enum trbd_tally_answer stats_answer(const struct se_cmd *cmd, u8 status, u8 key)
{
	if (READ_ONCE(cmd->transport_state) & (CMD_T_ABORTED | CMD_T_STOP))
		return TRBD_TALLY_TASK_ABORTED;
	switch (status) {
	case SAM_STAT_GOOD:
		return TRBD_TALLY_GOOD;
	case SAM_STAT_CHECK_CONDITION:
		return stats_sense(key);
	case SAM_STAT_RESERVATION_CONFLICT:
		return TRBD_TALLY_CONFLICT;
	default:
		return TRBD_TALLY_BUSY;
	}
}

/* Return how many bytes of the medium a command concerns. */
static u64 stats_bytes(const struct se_cmd *cmd, enum trbd_cdb_kind kind)
{
	switch (kind) {
	case TRBD_CDB_KIND_READ:
	case TRBD_CDB_KIND_WRITE:
		return cmd->data_length;
	case TRBD_CDB_KIND_UNMAP:
	case TRBD_CDB_KIND_WRITE_SAME:
		return (u64)trbd_cmd_blocks(cmd) * cmd->se_dev->dev_attrib.block_size;
	default:
		return 0;
	}
}

/**
 * trbd_stats_begin() - note that a command is about to be executed
 * @cmd: command
 *
 * Context: any.
 */
void trbd_stats_begin(const struct se_cmd *cmd)
{
	if (trace_trbd_command_begin_enabled())
		trace_trbd_command_begin(stats_device(cmd), cmd->t_task_cdb[0], cmd->t_task_lba,
					 cmd->data_length);
}

/**
 * trbd_stats_end() - count a command that is about to be answered
 * @cmd: command
 * @status: its status
 * @key: its sense key, if @status is CHECK CONDITION
 *
 * Context: any.
 */
void trbd_stats_end(const struct se_cmd *cmd, u8 status, u8 key)
{
	struct trbd_tally __percpu *tally = to_trbd_unit(cmd->se_dev)->tally;
	enum trbd_cdb_kind kind = trbd_cdb_kind(cmd->t_task_cdb);
	u64 us = div_u64(ktime_get_raw_ns() - trbd_cmd_received_ns(cmd), NSEC_PER_USEC);
	enum trbd_tally_answer answer = stats_answer(cmd, status, key);
	unsigned int class = trbd_tally_class(kind);

	this_cpu_inc(tally->commands[kind]);
	this_cpu_inc(tally->answers[answer]);
	this_cpu_inc(tally->buckets[class][trbd_tally_bucket(us)]);
	this_cpu_add(tally->us[class], us);
	if (answer == TRBD_TALLY_GOOD)
		this_cpu_add(tally->bytes[kind], stats_bytes(cmd, kind));
	if (trace_trbd_command_end_enabled())
		trace_trbd_command_end(stats_device(cmd), cmd->t_task_cdb[0], cmd->t_task_lba,
				       cmd->data_length, status, key, us);
}

/**
 * trbd_stats_refused() - count a command that LIO answers, since we refuse it
 * @cmd: command
 * @reason: the reason, which LIO makes sense data of
 *
 * Context: any.
 */
void trbd_stats_refused(const struct se_cmd *cmd, sense_reason_t reason)
{
	switch (reason) {
	case TCM_OUT_OF_RESOURCES:
	case TCM_LUN_BUSY:
		trbd_stats_end(cmd, SAM_STAT_BUSY, NO_SENSE);
		break;
	case TCM_WRITE_PROTECTED:
		trbd_stats_end(cmd, SAM_STAT_CHECK_CONDITION, DATA_PROTECT);
		break;
	case TCM_LOGICAL_UNIT_COMMUNICATION_FAILURE:
		trbd_stats_end(cmd, SAM_STAT_CHECK_CONDITION, NOT_READY);
		break;
	default:
		trbd_stats_end(cmd, SAM_STAT_CHECK_CONDITION, ILLEGAL_REQUEST);
	}
}

/**
 * trbd_stats_left_to_lio() - count a command that LIO executes and answers
 * @cmd: command that is about to be executed; nobody may look at it after that
 *
 * Such a command takes no time, and is in no histogram.
 *
 * Context: any.
 */
void trbd_stats_left_to_lio(const struct se_cmd *cmd)
{
	struct trbd_tally __percpu *tally = to_trbd_unit(cmd->se_dev)->tally;

	this_cpu_inc(tally->commands[trbd_cdb_kind(cmd->t_task_cdb)]);
	this_cpu_inc(tally->answers[TRBD_TALLY_LEFT_TO_LIO]);
}

/* Return the counters of all processors, kfree() them; or NULL for want of memory. */
static struct trbd_tally *stats_sum(const struct trbd_unit *unit)
{
	struct trbd_tally *sum = kzalloc(sizeof(*sum), GFP_KERNEL);
	int cpu;

	if (!sum)
		return NULL;
	for_each_possible_cpu(cpu)
		trbd_tally_add(sum, per_cpu_ptr(unit->tally, cpu));
	return sum;
}

/**
 * trbd_stats_show_counters() - print the counters of a unit
 * @unit: open unit
 * @buf: where the text goes
 * @size: room in @buf
 *
 * Context: process.
 * Return: length of the text, cut to what fits; 0 for want of memory.
 */
size_t trbd_stats_show_counters(struct trbd_unit *unit, char *buf, size_t size)
{
	const struct trbd_guard_stats *guard = &unit->image->stats;
	struct trbd_tally *sum = stats_sum(unit);
	size_t len;

	if (!sum)
		return 0;
	len = trbd_tally_show_counters(sum, buf, size);
	kfree(sum);
	return len + scnprintf(buf + len, size - len,
			       "unit_attentions %llu\nretries_guard %llu\nguard_stale %llu\nguard_late %llu\nwrites_shared %llu\n",
			       (u64)atomic64_read(&unit->nexuses.attentions_raised),
			       (u64)atomic64_read(&guard->fallbacks),
			       (u64)atomic64_read(&guard->stale),
			       (u64)atomic64_read(&guard->late),
			       (u64)atomic64_read(&guard->shared));
}

/**
 * trbd_stats_show_latency() - print the histograms of a unit
 * @unit: open unit
 * @buf: where the text goes
 * @size: room in @buf
 *
 * Context: process.
 * Return: length of the text, cut to what fits; 0 for want of memory.
 */
size_t trbd_stats_show_latency(struct trbd_unit *unit, char *buf, size_t size)
{
	struct trbd_tally *sum = stats_sum(unit);
	size_t len = 0;

	if (sum)
		len = trbd_tally_show_latency(sum, buf, size);
	kfree(sum);
	return len;
}

/**
 * trbd_stats_init() - make the counters of a unit, all 0
 * @unit: unit without commands
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int trbd_stats_init(struct trbd_unit *unit)
{
	unit->tally = alloc_percpu(struct trbd_tally);
	return unit->tally ? 0 : -ENOMEM;
}

/**
 * trbd_stats_destroy() - undo trbd_stats_init()
 * @unit: unit without commands; trbd_stats_init() may have failed
 *
 * Context: process.
 */
void trbd_stats_destroy(struct trbd_unit *unit)
{
	free_percpu(unit->tally);
	unit->tally = NULL;
}
