/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RADOS_RECOVERY_H
#define TRBD_RADOS_RECOVERY_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>

#include "rados/unanswered.h"

struct ceph_client;
struct trbd_recovery_user;

/**
 * struct trbd_recovery_ops - the part of a session's user in a recovery
 * @stop: begin nothing any more
 * @drain: wait until nothing that was begun is left. Requests end by themselves meanwhile
 * @restart: use the new identity from now on. The old identity may not have been fenced yet
 *
 * A recovery calls them in this order, on a thread that may sleep.
 */
struct trbd_recovery_ops {
	void (*stop)(struct trbd_recovery_user *user);
	void (*drain)(struct trbd_recovery_user *user);
	void (*restart)(struct trbd_recovery_user *user);
};

/**
 * struct trbd_recovery_user - a user whose work must not survive into a new identity; embedded by
 * its owner
 * @node: entry in the session's list
 * @ops: functions that a recovery calls
 */
struct trbd_recovery_user {
	struct list_head node;
	const struct trbd_recovery_ops *ops;
};

/**
 * struct trbd_recovery - a session's way to a new identity
 * @client: libceph's client of the session; constant
 * @lock: held by the one recovery that runs; guards @users
 * @users: users that a recovery calls
 * @running: a recovery is under way, or about to be
 * @ended: jiffies when the last recovery was over
 * @gave_up: nobody fenced us, we gave up
 * @fences: how often this session was fenced
 * @give_ups: how often it gave up
 * @unanswered: the OSDs that had not answered when the last recoveries began
 * @work: carries out the recovery
 */
struct trbd_recovery {
	struct ceph_client *client;
	struct mutex lock;	/* see above */
	struct list_head users;
	atomic_t running;
	unsigned long ended;
	bool gave_up;
	atomic64_t fences;
	atomic64_t give_ups;
	struct trbd_unanswered unanswered;
	struct work_struct work;
};

void trbd_recovery_init(struct trbd_recovery *recovery, struct ceph_client *client);
void trbd_recovery_destroy(struct trbd_recovery *recovery);
void trbd_recovery_add_user(struct trbd_recovery *recovery, struct trbd_recovery_user *user);
void trbd_recovery_remove_user(struct trbd_recovery *recovery, struct trbd_recovery_user *user);
void trbd_recovery_start(struct trbd_recovery *recovery, bool gave_up);
void trbd_recovery_notice(struct trbd_recovery *recovery, int result);
bool trbd_recovery_is_running(const struct trbd_recovery *recovery);

#endif /* TRBD_RADOS_RECOVERY_H */
