// SPDX-License-Identifier: GPL-2.0
/*
 * Noticing soon that our monitor is gone.
 *
 * A session talks to one monitor. When that one falls silent, libceph notices after half a minute
 * and goes to another. Fencing needs a monitor's answer, and the machine that must be fenced may be
 * the one our monitor was on: a gateway, a monitor and OSDs often share one. So whoever is about to
 * fence has the connection looked at. TCP breaks it when what we sent has not been acknowledged for
 * a few seconds, libceph then goes to another monitor by itself, and sends it what has not been
 * answered. A monitor whose machine acknowledges, but which does not answer, is left on request.
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

/* a monitor's machine acknowledges what we send within this, or is gone */
#define MONITOR_SILENCE_MS	2000

/* monc->mutex held. There is a connection, and libceph is not looking for another one anyway. */
static bool monitor_is_open(const struct ceph_mon_client *monc)
{
	return monc->cur_mon >= 0 && !monc->hunting;
}

/**
 * trbd_monitor_probe() - find out whether our monitor's machine is there
 * @session: session with the cluster
 *
 * Sends a little. When that is not acknowledged within two seconds, libceph goes to another
 * monitor.
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
 * trbd_monitor_change() - our monitor does not answer: go to another one
 * @session: session with the cluster
 *
 * With one monitor, or while libceph looks for another one anyway, nothing. What has not been
 * answered is sent to the other one.
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
		/* the messenger notices when it sends */
		ceph_con_keepalive(&monc->con);
	}
	mutex_unlock(&monc->mutex);
}
