/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RADOS_RECOVERY_H
#define TRBD_RADOS_RECOVERY_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>

struct ceph_client;
struct trbd_recovery_user;

/**
 * struct trbd_recovery_ops - what a user of the session does when it gets a new identity; called in
 * this order, on a
 *	thread that may sleep
 * @stop: begin nothing any more
 * @drain: wait until nothing that was begun is left. Requests end by themselves meanwhile
 * @restart: the new identity may be used. The old one may not have been fenced yet
 */
struct trbd_recovery_ops {
	void (*stop)(struct trbd_recovery_user *user);
	void (*drain)(struct trbd_recovery_user *user);
	void (*restart)(struct trbd_recovery_user *user);
};

/**
 * struct trbd_recovery_user - somebody whose work must not survive into a new identity; embedded by
 * its owner
 * @node: in the session's list
 * @ops: what it does
 */
struct trbd_recovery_user {
	struct list_head node;
	const struct trbd_recovery_ops *ops;
};

/**
 * struct trbd_recovery - a session's way to a new identity
 * @client: libceph's client of the session; constant
 * @lock: one recovery at a time, and guards @users
 * @users: who is asked
 * @running: it is under way, or about to be
 * @ended: jiffies when the last one was over
 * @gave_up: nobody fenced us, we gave up
 * @work: does it
 */
struct trbd_recovery {
	struct ceph_client *client;
	struct mutex lock;	/* see above */
	struct list_head users;
	atomic_t running;
	unsigned long ended;
	bool gave_up;
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
