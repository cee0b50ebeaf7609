// SPDX-License-Identifier: GPL-2.0
/*
 * Coming back after being fenced.
 *
 * Other gateways put a client on the blocklist when it does not answer while reservations change. Each of its
 * requests ends with -EBLOCKLISTED then, for an hour. libceph can give a client a new identity (another nonce), and
 * sends what is pending again under the new one; but that is just what was fenced off. So all that was begun must be
 * over before:
 *
 *	users stop --> requests end with -ENOTCONN --> users have drained --> new identity --> users start again
 *
 * A command of several requests ends at the first that fails. Watches break and are made again by their own threads.
 */
#include <linux/ceph/libceph.h>
#include <linux/ceph/osd_client.h>
#include <linux/errno.h>
#include <linux/kernel.h>

#include "rados/recovery.h"
#include "rados/session.h"

static void recovery_work(struct work_struct *work)
{
	struct trbd_recovery *recovery = container_of(work, struct trbd_recovery, work);
	struct trbd_session *session = container_of(recovery, struct trbd_session, recovery);
	struct ceph_osd_client *osdc = trbd_session_osdc(session);
	struct trbd_recovery_user *user;

	mutex_lock(&recovery->lock);
	pr_warn("client.%llu is on the blocklist, by another gateway or by hand, and takes a new identity; what it had begun ends with an error\n",
		ceph_client_gid(session->client));
	list_for_each_entry(user, &recovery->users, node)
		user->ops->stop(user);
	ceph_osdc_abort_requests(osdc, -ENOTCONN);
	list_for_each_entry(user, &recovery->users, node)
		user->ops->drain(user);
	ceph_reset_client_addr(session->client);
	ceph_osdc_clear_abort_err(osdc);
	list_for_each_entry(user, &recovery->users, node)
		user->ops->restart(user);
	mutex_unlock(&recovery->lock);
	atomic_set(&recovery->running, 0);
}

/**
 * trbd_recovery_begin() - the session was fenced
 * @session: session whose requests end with -EBLOCKLISTED
 *
 * Asked again while it is under way, it goes the way once.
 *
 * Context: any.
 */
void trbd_recovery_begin(struct trbd_session *session)
{
	if (!atomic_xchg(&session->recovery.running, 1))
		queue_work(system_long_wq, &session->recovery.work);
}

/**
 * trbd_recovery_add_user() - ask this one from now on
 * @session: session that the user keeps a reference on
 * @user: ops are set
 *
 * Context: process; waits for a recovery that is under way.
 */
void trbd_recovery_add_user(struct trbd_session *session, struct trbd_recovery_user *user)
{
	mutex_lock(&session->recovery.lock);
	list_add_tail(&user->node, &session->recovery.users);
	mutex_unlock(&session->recovery.lock);
}

/**
 * trbd_recovery_remove_user() - and not any more
 * @session: its session
 * @user: user that was added
 *
 * Context: process; waits for a recovery that is under way.
 */
void trbd_recovery_remove_user(struct trbd_session *session, struct trbd_recovery_user *user)
{
	mutex_lock(&session->recovery.lock);
	list_del(&user->node);
	mutex_unlock(&session->recovery.lock);
}

/**
 * trbd_recovery_init() - a session without users
 * @recovery: its memory
 */
void trbd_recovery_init(struct trbd_recovery *recovery)
{
	mutex_init(&recovery->lock);
	INIT_LIST_HEAD(&recovery->users);
	atomic_set(&recovery->running, 0);
	INIT_WORK(&recovery->work, recovery_work);
}

/**
 * trbd_recovery_stop() - the session ends
 * @recovery: without users
 *
 * Context: process; waits for a recovery that is under way.
 */
void trbd_recovery_stop(struct trbd_recovery *recovery)
{
	cancel_work_sync(&recovery->work);
}
