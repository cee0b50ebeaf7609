// SPDX-License-Identifier: GPL-2.0
/*
 * Coming back after being fenced, and giving up.
 *
 * Other gateways put a client on the blocklist when it does not answer while reservations change.
 * Each of its requests ends with -EBLOCKLISTED then, for an hour. libceph can give a client a new
 * identity (another nonce), and sends what is pending again under the new one; but that is just
 * what was fenced off. So all that was begun must be over before:
 *
 *	users stop --> requests end with -ENOTCONN --> new identity --> users drain --> users start
 *
 * A command of several requests ends at the first that fails, and until all have drained nothing
 * new is sent. Watches break and are made again by their own threads.
 *
 * A gateway gives up when OSDs do not answer and somebody waits for the end of commands that nobody
 * wants any more: an abort, a session that ends, a LUN that is removed (scsi/abandoned.c). That is
 * the same way.
 *
 * Nothing that was sent may land later, when the cluster can be reached again, so what is still in
 * the sockets is thrown away before they are closed, and they are closed before anybody waits. The
 * old identity is put on the blocklist by ourselves as soon as a monitor answers, and before
 * anything is served (gateway/registry.c). What is left is a write that an OSD has received already
 * and has not looked at, because it stands still or has a queue: until it hears of the blocklist it
 * may still carry that out, if the guard lets it, and the guard does so for as long as its window
 * lasts. So whoever ends writes with an error tells of it only after that (scsi/write_cmd.c).
 */
#include <linux/ceph/libceph.h>
#include <linux/ceph/osd_client.h>
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/net.h>
#include <linux/rbtree.h>
#include <net/sock.h>

#include "rados/queues.h"
#include "rados/recovery.h"

/* whoever blocks an address whatever its nonce fences each new identity, too */
#define RECOVERY_PAUSE	HZ

/*
 * What was written into a socket and not sent would be sent after it was closed, whenever the way
 * is free again.
 */
static void recovery_discard_unsent(struct ceph_osd_client *osdc)
{
	struct rb_node *node;

	down_read(&osdc->lock);
	for (node = rb_first(&osdc->osds); node; node = rb_next(node)) {
		struct ceph_connection *con = &rb_entry(node, struct ceph_osd, o_node)->o_con;

		mutex_lock(&con->mutex);
		if (con->sock)
			sock_no_linger(con->sock->sk);
		mutex_unlock(&con->mutex);
	}
	up_read(&osdc->lock);
}

static void recovery_work(struct work_struct *work)
{
	struct trbd_recovery *recovery = container_of(work, struct trbd_recovery, work);
	struct ceph_client *client = recovery->client;
	struct ceph_osd_client *osdc = &client->osdc;
	struct trbd_recovery_user *user;

	mutex_lock(&recovery->lock);
	pr_warn("client.%llu %s, and takes a new identity; what it had begun ends with an error\n",
		ceph_client_gid(client), recovery->gave_up ? "gave up waiting for OSDs" :
		"is on the blocklist, by another gateway or by hand");
	list_for_each_entry(user, &recovery->users, node)
		user->ops->stop(user);
	ceph_osdc_abort_requests(osdc, -ENOTCONN);
	recovery_discard_unsent(osdc);
	ceph_reset_client_addr(client);
	/* until it is cleared, that error is all that requests get */
	list_for_each_entry(user, &recovery->users, node)
		user->ops->drain(user);
	ceph_osdc_clear_abort_err(osdc);
	list_for_each_entry(user, &recovery->users, node)
		user->ops->restart(user);
	mutex_unlock(&recovery->lock);
	WRITE_ONCE(recovery->ended, jiffies);
	atomic_set_release(&recovery->running, 0);
}

/**
 * trbd_recovery_start() - give the client a new identity
 * @recovery: recovery of its session
 * @gave_up: nobody fenced the client, we gave up
 *
 * While one is under way, it does not start another.
 *
 * Context: any.
 */
void trbd_recovery_start(struct trbd_recovery *recovery, bool gave_up)
{
	if (atomic_xchg(&recovery->running, 1))
		return;
	recovery->gave_up = gave_up;
	queue_work(trbd_wait_wq, &recovery->work);
}

/**
 * trbd_recovery_notice() - start if the result of a request says that the client was fenced
 * @recovery: recovery of its session
 * @result: of any request
 *
 * Where only snapshots are served and the user may not watch their headers, nothing but reads can
 * tell.
 *
 * Context: any.
 */
void trbd_recovery_notice(struct trbd_recovery *recovery, int result)
{
	/* also known as EBLOCKLISTED */
	if (result == -ESHUTDOWN &&
	    time_after(jiffies, READ_ONCE(recovery->ended) + RECOVERY_PAUSE))
		trbd_recovery_start(recovery, false);
}

/**
 * trbd_recovery_is_running() - tell whether the client gets a new identity now
 * @recovery: recovery of its session
 *
 * Context: any.
 * Return: true from the start until all that was begun under the old identity has drained.
 */
bool trbd_recovery_is_running(const struct trbd_recovery *recovery)
{
	return atomic_read(&recovery->running);
}

/**
 * trbd_recovery_add_user() - add a user, who is asked in each recovery from now on
 * @recovery: recovery of the session that the user keeps a reference on
 * @user: ops are set
 *
 * Context: process; waits for a recovery that is under way.
 */
void trbd_recovery_add_user(struct trbd_recovery *recovery, struct trbd_recovery_user *user)
{
	mutex_lock(&recovery->lock);
	list_add_tail(&user->node, &recovery->users);
	mutex_unlock(&recovery->lock);
}

/**
 * trbd_recovery_remove_user() - remove a user
 * @recovery: that it was added to
 * @user: user that was added
 *
 * Context: process; waits for a recovery that is under way.
 */
void trbd_recovery_remove_user(struct trbd_recovery *recovery, struct trbd_recovery_user *user)
{
	mutex_lock(&recovery->lock);
	list_del(&user->node);
	mutex_unlock(&recovery->lock);
}

/**
 * trbd_recovery_init() - initialize the recovery of a session without users
 * @recovery: its memory
 * @client: libceph's client, which the recovery gives new identities; must outlive it
 */
void trbd_recovery_init(struct trbd_recovery *recovery, struct ceph_client *client)
{
	recovery->client = client;
	mutex_init(&recovery->lock);
	INIT_LIST_HEAD(&recovery->users);
	atomic_set(&recovery->running, 0);
	recovery->ended = jiffies - RECOVERY_PAUSE - 1;
	INIT_WORK(&recovery->work, recovery_work);
}

/**
 * trbd_recovery_destroy() - end the recovery of a session that ends
 * @recovery: without users
 *
 * Context: process; waits for a recovery that is under way.
 */
void trbd_recovery_destroy(struct trbd_recovery *recovery)
{
	cancel_work_sync(&recovery->work);
}
