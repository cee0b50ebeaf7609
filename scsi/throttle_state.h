/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_THROTTLE_STATE_H
#define TRBD_SCSI_THROTTLE_STATE_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "gateway/qos_share.h"
#include "gateway/qos_stock.h"

/**
 * struct trbd_throttle - the limits of a logical unit, and the commands that wait for them
 * @limited: there is a limit; read on every command, without the lock
 * @refresh_lock: one reading of the limits at a time, or an older answer could replace a newer one;
 *	guards @started, which is written under @lock as well
 * @started: the unit is open, and is no snapshot
 * @share: access to the tokens that all gateways share; for @draw only
 * @draw: draws tokens
 * @release: lets commands go
 * @lock: guards the fields that follow; taken in process context only
 * @limits: the limits in force
 * @stock: the tokens of this gateway
 * @waiting: commands that wait in the order in which they came: those that read, and those that
 *	change data
 * @cost: what the commands that wait cost, of each kind, in thousandths
 * @count: number of commands that wait
 * @held: how many commands have had to wait so far
 * @refused: how many of them ended with BUSY, since they had waited for too long
 * @alone: the last draw had no answer
 */
struct trbd_throttle {
	bool limited;
	struct mutex refresh_lock;	/* see above */
	bool started;
	struct trbd_qos_share share;
	struct delayed_work draw;
	struct delayed_work release;
	spinlock_t lock;	/* see above */
	struct trbd_qos_limits limits;
	struct trbd_qos_stock stock;
	struct list_head waiting[2];
	u64 cost[TRBD_QOS_KINDS];
	unsigned int count;
	u64 held;
	u64 refused;
	bool alone;
};

#endif /* TRBD_SCSI_THROTTLE_STATE_H */
