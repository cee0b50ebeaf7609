/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_NEXUS_H
#define TRBD_SCSI_NEXUS_H

#include <linux/atomic.h>
#include <linux/hashtable.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "pr/rules.h"

struct se_cmd;
struct se_device;
struct se_session;
struct trbd_lu_view;

#define TRBD_NEXUS_HASH_BITS	6

/* commands in flight are counted by kind: those that read, those that change something */
enum {
	TRBD_NEXUS_READS,
	TRBD_NEXUS_WRITES,
	TRBD_NEXUS_KINDS
};

/**
 * struct trbd_nexus - an I_T nexus of a logical unit
 * @node: entry in its table
 * @rcu: used to free it
 * @session: distinguishes it from others; never followed
 * @name: its names
 * @attentions: unit attentions that it must be told, a bit for each enum trbd_ua
 * @in_flight: how many commands are in flight, by phase of the table and by kind
 * @executed_ms: trbd_clock_local_ms() when a command was last executed
 * @quarantine_until_ms: trbd_clock_local_ms() until which its changes of data end with BUSY
 * @forbidden: the number of a view, and in the lowest TRBD_PR_ACCESSES bits what that view forbids
 *   to it
 * @forgotten: it is about to be freed
 * @seen: a session was found for it when the sessions were last looked at
 */
struct trbd_nexus {
	struct hlist_node node;
	struct rcu_head rcu;
	const struct se_session *session;
	struct trbd_pr_nexus name;
	unsigned long attentions;
	atomic_t in_flight[2][TRBD_NEXUS_KINDS];
	u64 executed_ms;
	u64 quarantine_until_ms;
	atomic64_t forbidden;
	bool forgotten;
	bool seen;
};

/**
 * struct trbd_nexus_table - the nexuses of a logical unit
 * @lock: guards changes of the lists, and of @phase
 * @nexuses: the nexuses by session; read under RCU
 * @count: number of nexuses
 * @enough: with this many nexuses, those that are gone are looked for
 * @phase: the phase under which new commands are counted
 * @attentions_raised: how many unit attentions nexuses were or will be told
 * @new_phase: the phase must change as soon as no command of the other one is in flight
 */
struct trbd_nexus_table {
	spinlock_t lock;	/* see above */
	DECLARE_HASHTABLE(nexuses, TRBD_NEXUS_HASH_BITS);
	unsigned int count;
	unsigned int enough;
	unsigned int phase;
	atomic64_t attentions_raised;
	bool new_phase;
};

/**
 * trbd_nexus_count() - count the commands of a nexus in one phase
 * @nexus: nexus
 * @phase: 0 or 1
 *
 * Return: number of commands in flight.
 */
static inline unsigned int trbd_nexus_count(const struct trbd_nexus *nexus, unsigned int phase)
{
	return atomic_read(&nexus->in_flight[phase][TRBD_NEXUS_READS]) +
	       atomic_read(&nexus->in_flight[phase][TRBD_NEXUS_WRITES]);
}

/**
 * trbd_nexus_count_all() - count the commands of a nexus
 * @nexus: nexus
 *
 * Return: number of commands in flight.
 */
static inline unsigned int trbd_nexus_count_all(const struct trbd_nexus *nexus)
{
	return trbd_nexus_count(nexus, 0) + trbd_nexus_count(nexus, 1);
}

void trbd_nexus_table_init(struct trbd_nexus_table *table);
void trbd_nexus_table_destroy(struct trbd_nexus_table *table);
void trbd_nexus_forget_gone(struct trbd_nexus_table *table, struct se_device *se_dev);
struct trbd_nexus *trbd_nexus_lookup(struct trbd_nexus_table *table,
				     const struct se_session *session);
struct trbd_nexus *trbd_nexus_find(struct trbd_nexus_table *table, struct se_cmd *cmd);
bool trbd_nexus_conflicts(struct trbd_nexus *nexus, const struct trbd_lu_view *view,
			  enum trbd_pr_access access);

#endif /* TRBD_SCSI_NEXUS_H */
