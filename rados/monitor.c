// SPDX-License-Identifier: GPL-2.0
/*
 * Noticing soon that our monitor is gone.
 *
 * A session talks to one monitor. When that monitor falls silent, libceph takes half a minute to
 * notice, and then goes to another one. Fencing needs a monitor's answer. The machine that must be
 * fenced may be the one that our monitor was on: a gateway, a monitor and OSDs often share a
 * machine. So code that is about to fence has the connection probed first. TCP breaks the
 * connection when nothing has acknowledged our data for a few seconds. libceph then goes to another
 * monitor by itself, and sends it all requests that have no answer yet. trbd_monitor_change()
 * leaves a monitor that does not answer although its machine acknowledges.
 */
#include <linux/ceph/libceph.h>
#include <linux/ceph/messenger.h>
#include <linux/ceph/mon_client.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/tcp.h>
#include <net/sock.h>

#include "rados/monitor.h"
#include "rados/session.h"

/* a monitor's machine acknowledges our data within this time, or it is gone */
#define MONITOR_SILENCE_MS	2000

/*
 * monc->mutex held. Tells whether there is a connection, and libceph is not looking for another
 * one.
 */
static bool monitor_is_open(const struct ceph_mon_client *monc)
{
	return monc->cur_mon >= 0 && !monc->hunting;
}

/**
 * trbd_monitor_probe() - find out whether our monitor's machine is there
 * @session: session with the cluster
 *
 * The function sends a few bytes. If nothing acknowledges them within two seconds, libceph goes to
 * another monitor.
 *
 * Context: process; does not wait for the network.
 */
void trbd_monitor_probe(struct trbd_session *session)
{
	struct ceph_mon_client *monc = &session->client->monc;

	mutex_lock(&monc->mutex);
	if (monitor_is_open(monc)) {
		mutex_lock(&monc->con.mutex);
		if (monc->con.sock)
			tcp_sock_set_user_timeout(monc->con.sock->sk, MONITOR_SILENCE_MS);
		mutex_unlock(&monc->con.mutex);
		ceph_con_keepalive(&monc->con);
	}
	mutex_unlock(&monc->mutex);
}

/**
 * trbd_monitor_change() - leave a monitor that does not answer for another one
 * @session: session with the cluster
 *
 * libceph sends all requests that have no answer yet to the other monitor. The function does
 * nothing if the cluster has only one monitor, or while libceph looks for another one anyway.
 *
 * Context: process; does not wait for the network.
 */
void trbd_monitor_change(struct trbd_session *session)
{
	struct ceph_mon_client *monc = &session->client->monc;

	mutex_lock(&monc->mutex);
	if (monitor_is_open(monc) && monc->monmap->num_mon > 1) {
		mutex_lock(&monc->con.mutex);
		if (monc->con.sock)
			kernel_sock_shutdown(monc->con.sock, SHUT_RDWR);
		mutex_unlock(&monc->con.mutex);
		/* the messenger notices the shutdown when it sends */
		ceph_con_keepalive(&monc->con);
	}
	mutex_unlock(&monc->mutex);
}
