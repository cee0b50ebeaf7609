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
struct se_portal_group;
struct se_session;

#define TRBD_NEXUS_HASH_BITS	6

/* commands in flight are counted apart: those that read, those that change something */
enum {
	TRBD_NEXUS_READS,
	TRBD_NEXUS_WRITES,
	TRBD_NEXUS_KINDS
};

/**
 * struct trbd_nexus - an I_T nexus of a logical unit
 * @node: in its table
 * @rcu: for freeing it
 * @session: tells it from others; never followed
 * @name: who it is
 * @attentions: what it must be told, bit per enum trbd_ua
 * @in_flight: commands that have begun, by phase of the table and kind
 * @executed_ms: trbd_clock_local_ms() when a command was last executed
 * @quarantine_until_ms: trbd_clock_local_ms(): until then its changes of data end with BUSY
 * @forgotten: about to be freed
 * @seen: has a session, as far as was looked
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
	bool forgotten;
	bool seen;
};

/**
 * struct trbd_nexus_table - the nexuses of a logical unit
 * @lock: guards changes of the lists, and of @phase
 * @nexuses: by session; read under RCU
 * @count: how many there are
 * @enough: when there are more, those that are gone are looked for
 * @phase: commands that begin now are counted under this one
 * @turn: the phase is to be changed as soon as the other one is empty
 */
struct trbd_nexus_table {
	spinlock_t lock;	/* see above */
	DECLARE_HASHTABLE(nexuses, TRBD_NEXUS_HASH_BITS);
	unsigned int count;
	unsigned int enough;
	unsigned int phase;
	bool turn;
};

void trbd_nexus_table_init(struct trbd_nexus_table *table);
void trbd_nexus_table_destroy(struct trbd_nexus_table *table);
void trbd_nexus_forget_gone(struct trbd_nexus_table *table, struct se_device *se_dev);
void trbd_nexus_name(struct se_session *sess, struct se_portal_group *tpg, struct trbd_pr_nexus *name);
void trbd_nexus_target_name(struct se_portal_group *tpg, char *name);
struct trbd_nexus *trbd_nexus_find(struct trbd_nexus_table *table, struct se_cmd *cmd);
bool trbd_nexus_begin(struct trbd_nexus_table *table, struct se_cmd *cmd, unsigned int kind);
void trbd_nexus_end(struct se_cmd *cmd);
bool trbd_nexus_note_execution(struct se_cmd *cmd, u64 received_ms, u64 limit_ms);
bool trbd_nexus_is_quarantined(const struct se_cmd *cmd);
void trbd_nexus_turn(struct trbd_nexus_table *table);
unsigned int trbd_nexus_draining(struct trbd_nexus_table *table, const struct trbd_pr_state *pr);
bool trbd_nexus_has(struct trbd_nexus_table *table, const struct se_cmd *cmd);
bool trbd_nexus_is_awaited(const struct trbd_nexus_table *table, const struct se_cmd *cmd);
unsigned int trbd_nexus_in_flight(struct trbd_nexus_table *table);

#endif /* TRBD_SCSI_NEXUS_H */
