// SPDX-License-Identifier: GPL-2.0
/*
 * Coming back after being fenced, and giving up.
 *
 * Other gateways put a client on the blocklist when it does not answer while reservations change.
 * Then each of its requests ends with -EBLOCKLISTED, for an hour. libceph can give a client a new
 * identity (another nonce), and then sends pending requests again under the new identity. But those
 * are the very requests that the fence was for. So everything that was begun must be over first:
 *
 *	users stop --> requests end with -ENOTCONN --> new identity --> users drain --> users start
 *
 * A command of several requests ends at the first request that fails, and nobody sends anything new
 * until all users have drained. Watches break, and their own threads make them again.
 *
 * A gateway gives up when OSDs do not answer and somebody waits for the end of commands that nobody
 * wants any more: an abort, a session that ends, a LUN that is removed (scsi/abandoned.c). It takes
 * the same way.
 *
 * The recovery notes which OSDs have not answered. They are asked again before the gateway serves
 * (rados/proof.c).
 *
 * Nothing that was sent may land later, when the cluster can be reached again. So the recovery
 * throws away the data that is still in the sockets, then closes the sockets, and only then waits
 * for users. The gateway puts its old identity on the blocklist itself, as soon as a monitor
 * answers and before it serves anything (gateway/registry.c). One kind of write remains: an OSD has
 * received it already and has not looked at it, because the OSD stands still or has a queue. Until
 * that OSD hears of the blocklist it may still carry the write out, if the guard lets it, and the
 * guard does so for as long as its window lasts. So code that ends writes with an error reports the
 * error only after that (scsi/write_cmd.c).
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
#include "rados/unanswered.h"
#include "tracepoints.h"

/* an operator who blocks an address whatever its nonce fences each new identity, too */
#define RECOVERY_PAUSE	HZ

/*
 * Throws away data that is in a socket and not sent. Otherwise the kernel would send that data
 * after the socket was closed, whenever the way is free again.
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
	trace_trbd_recovery(ceph_client_gid(client), recovery->gave_up, false);
	list_for_each_entry(user, &recovery->users, node)
		user->ops->stop(user);
	trbd_unanswered_note(&recovery->unanswered, osdc, recovery->gave_up);
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
	trace_trbd_recovery(ceph_client_gid(client), recovery->gave_up, true);
	WRITE_ONCE(recovery->ended, jiffies);
	atomic_set_release(&recovery->running, 0);
}

/**
 * trbd_recovery_start() - give the client a new identity
 * @recovery: recovery of the client's session
 * @gave_up: nobody fenced the client, we gave up
 *
 * The function does nothing while a recovery is under way.
 *
 * Context: any.
 */
void trbd_recovery_start(struct trbd_recovery *recovery, bool gave_up)
{
	if (atomic_xchg(&recovery->running, 1))
		return;
	recovery->gave_up = gave_up;
	atomic64_inc(gave_up ? &recovery->give_ups : &recovery->fences);
	queue_work(trbd_wait_wq, &recovery->work);
}

/**
 * trbd_recovery_notice() - start a recovery if the result of a request says that the client was
 * fenced
 * @recovery: recovery of the client's session
 * @result: result of any request
 *
 * Where a gateway serves only snapshots and the user may not watch their headers, nothing but the
 * result of a read can tell.
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
 * @recovery: recovery of the client's session
 *
 * Context: any.
 * Return: true from the start until everything that was begun under the old identity has drained.
 */
bool trbd_recovery_is_running(const struct trbd_recovery *recovery)
{
	return atomic_read(&recovery->running);
}

/**
 * trbd_recovery_add_user() - let each recovery from now on call a user
 * @recovery: recovery of the session that the user keeps a reference on
 * @user: user with its ops set
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
 * trbd_recovery_remove_user() - undo trbd_recovery_add_user()
 * @recovery: recovery that the user was added to
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
 * @recovery: zeroed memory for the recovery
 * @client: libceph's client, which the recovery gives new identities; must outlive @recovery
 */
void trbd_recovery_init(struct trbd_recovery *recovery, struct ceph_client *client)
{
	recovery->client = client;
	mutex_init(&recovery->lock);
	trbd_unanswered_init(&recovery->unanswered);
	INIT_LIST_HEAD(&recovery->users);
	atomic_set(&recovery->running, 0);
	recovery->ended = jiffies - RECOVERY_PAUSE - 1;
	INIT_WORK(&recovery->work, recovery_work);
}

/**
 * trbd_recovery_destroy() - end the recovery of a session that ends
 * @recovery: recovery without users
 *
 * Context: process; waits for a recovery that is under way.
 */
void trbd_recovery_destroy(struct trbd_recovery *recovery)
{
	cancel_work_sync(&recovery->work);
	trbd_unanswered_destroy(&recovery->unanswered);
}
