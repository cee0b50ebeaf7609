// SPDX-License-Identifier: GPL-2.0
/*
 * Changes of an image's data that are in flight: how far have they come, and which snapshots do
 * they know?
 *
 * A change keeps the snapshot context that it was built with, and libceph holds the change until an
 * OSD has answered. Suppose another client takes a snapshot meanwhile, and this gateway cannot hear
 * of it. Then such a change would alter the snapshot. So the owner of the image asks here whether
 * any change must be called back.
 *
 * Giving up (rados/recovery.c) calls back changes that are still on this machine. It does not call
 * back changes that an OSD has received. TCP tells the two apart: an OSD that stands still has a
 * kernel that acknowledges, and an OSD that cannot be reached has not. libceph itself only knows
 * that it has written a message to the socket.
 *
 *	no OSD, or held back by the OSD map or the OSD    unsent
 *	connection not open                               unsent: libceph sends it again once it is
 *	in libceph's queue, or half in the socket         unsent
 *	in the socket, not acknowledged by TCP            unsent
 *	acknowledged by TCP                               with the OSD
 *
 * A ping that is just on its way makes a connection look as if a change were unsent. Therefore the
 * caller asks twice.
 */
#include <linux/ceph/libceph.h>
#include <linux/ceph/messenger.h>
#include <linux/ceph/osd_client.h>
#include <linux/in.h>
#include <linux/net.h>
#include <linux/rbtree.h>
#include <linux/string.h>
#include <linux/tcp.h>
#include <net/sock.h>

#include "rados/in_flight.h"
#include "rados/session.h"

/* The changes to look for. */
struct in_flight_query {
	const char *prefix;
	bool unsent;
	u64 snap_seq;
};

static bool in_flight_socket_is_acknowledged(struct sock *sk)
{
	return sk->sk_protocol == IPPROTO_TCP &&
	       READ_ONCE(tcp_sk(sk)->snd_una) == READ_ONCE(tcp_sk(sk)->write_seq);
}

/* Tells whether the OSD's machine has everything that was given to the connection. */
static bool in_flight_connection_is_drained(struct ceph_connection *con)
{
	bool drained;

	mutex_lock(&con->mutex);
	drained = con->state == CEPH_CON_S_OPEN && con->sock && list_empty(&con->out_queue) &&
		  !con->out_msg && in_flight_socket_is_acknowledged(con->sock->sk);
	mutex_unlock(&con->mutex);
	return drained;
}

static bool in_flight_request_matches(const struct ceph_osd *osd,
				      const struct ceph_osd_request *req,
				      const struct in_flight_query *query, bool drained)
{
	size_t len = strlen(query->prefix);

	if (!req->r_snapc || strncmp(req->r_base_oid.name, query->prefix, len) ||
	    req->r_base_oid.name[len] != '.')
		return false;
	if (query->unsent)
		return !drained || req->r_t.paused || req->r_sent != osd->o_incarnation;
	return req->r_snapc->seq < query->snap_seq;
}

/* osdc->lock held. */
static bool in_flight_osd_has(struct ceph_osd *osd, const struct in_flight_query *query)
{
	struct rb_node *node;
	bool drained, has = false;

	mutex_lock(&osd->lock);
	/* the OSD without a number is where libceph keeps requests that no OSD serves */
	drained = query->unsent && osd->o_osd >= 0 && in_flight_connection_is_drained(&osd->o_con);
	for (node = rb_first(&osd->o_requests); node && !has; node = rb_next(node))
		has = in_flight_request_matches(osd,
						rb_entry(node, struct ceph_osd_request, r_node),
						query, drained);
	mutex_unlock(&osd->lock);
	return has;
}

static bool in_flight_has(struct trbd_session *session, const struct in_flight_query *query)
{
	struct ceph_osd_client *osdc = trbd_session_osdc(session);
	struct rb_node *node;
	bool has;

	down_read(&osdc->lock);
	has = in_flight_osd_has(&osdc->homeless_osd, query);
	for (node = rb_first(&osdc->osds); node && !has; node = rb_next(node))
		has = in_flight_osd_has(rb_entry(node, struct ceph_osd, o_node), query);
	up_read(&osdc->lock);
	return has;
}

/**
 * trbd_in_flight_unsent() - tell whether a change of an image's data can still be called back
 * @session: session with the image's cluster
 * @prefix: beginning of the names of its data objects, up to the "."
 *
 * Context: process; sleeps for libceph's locks, never for the network.
 * Return: true if there is a change that may not have reached its OSD.
 */
bool trbd_in_flight_unsent(struct trbd_session *session, const char *prefix)
{
	const struct in_flight_query query = { .prefix = prefix, .unsent = true };

	return in_flight_has(session, &query);
}

/**
 * trbd_in_flight_before() - tell whether a change in flight does not know the newest snapshots
 * @session: session with the image's cluster
 * @prefix: beginning of the names of the image's data objects, up to the "."
 * @snap_seq: number of the newest snapshot
 *
 * Context: process; sleeps for libceph's locks, never for the network.
 * Return: true if there is a change whose snapshot context is older than @snap_seq.
 */
bool trbd_in_flight_before(struct trbd_session *session, const char *prefix, u64 snap_seq)
{
	const struct in_flight_query query = { .prefix = prefix, .snap_seq = snap_seq };

	return in_flight_has(session, &query);
}
