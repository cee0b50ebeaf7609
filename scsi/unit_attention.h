/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_UNIT_ATTENTION_H
#define TRBD_SCSI_UNIT_ATTENTION_H

#include <linux/hashtable.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct se_cmd;

/**
 * enum trbd_ua - unit attention conditions, the ones that are told first come first
 * @TRBD_UA_CAPACITY: CAPACITY DATA HAS CHANGED
 */
enum trbd_ua {
	TRBD_UA_CAPACITY,
	TRBD_UA_COUNT
};

#define TRBD_UA_HASH_BITS	5

/**
 * struct trbd_ua_table - the nexuses of a logical unit, and what each has not been told yet
 * @lock: guards changes of the lists
 * @nexuses: by session; read under RCU
 * @count: how many there are
 */
struct trbd_ua_table {
	spinlock_t lock;	/* see above */
	DECLARE_HASHTABLE(nexuses, TRBD_UA_HASH_BITS);
	unsigned int count;
};

void trbd_ua_init(struct trbd_ua_table *table);
void trbd_ua_destroy(struct trbd_ua_table *table);
void trbd_ua_raise(struct trbd_ua_table *table, enum trbd_ua ua);
void trbd_ua_intercept(struct se_cmd *cmd);

#endif /* TRBD_SCSI_UNIT_ATTENTION_H */
