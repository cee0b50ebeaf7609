// SPDX-License-Identifier: GPL-2.0
/*
 * Ending requests that nobody wants any more and that were never sent.
 *
 * libceph keeps a request for as long as there is no OSD for it: its placement group is inactive,
 * or the OSD map says to pause. A request that was never given to a connection can be taken back
 * and will not land. A request that was given to a connection, even once, may be anywhere, and only
 * a fence of the client holds it back (rados/recovery.c).
 *
 * libceph takes its locks by itself to cancel a request, so this file has to let go of them when it
 * has found one. In between libceph could send the request, and would cancel it all the same. It
 * sends for a new OSD map, for a connection that is made again, or for a backoff that ends. So this
 * file first turns the request into one that libceph sends nowhere: its pool does not exist.
 *
 * libceph does not call back a request that is cancelled. The request may also end at the same
 * moment:
 *
 *	its result has changed                  it has ended by itself, and is called back as always
 *	same result, and it is complete         it was cancelled here: it is called back here
 */
#include <linux/atomic.h>
#include <linux/ceph/libceph.h>
#include <linux/ceph/osd_client.h>
#include <linux/completion.h>
#include <linux/errno.h>
#include <linux/lockdep.h>
#include <linux/rbtree.h>

#include "rados/request.h"
#include "rados/session.h"
#include "rados/unsent.h"

/*
 * Keeps libceph from sending a request. libceph looks at the pool when there is a new OSD map, at
 * @paused when a connection is made again, and at the placement group when a backoff ends.
 */
static void unsent_hold(struct ceph_osd *osd, struct ceph_osd_request *req)
{
	lockdep_assert_held(&osd->lock);

	req->r_t.base_oloc.pool = CEPH_NOPOOL;
	req->r_t.spgid.pgid.pool = CEPH_NOPOOL;
	req->r_t.paused = true;
}

/* osdc->lock held. Return: a request with a reference, which libceph will not send, or NULL. */
static struct ceph_osd_request *osd_find(struct ceph_osd *osd,
					 void (*done)(struct ceph_osd_request *req),
					 bool (*unwanted)(void *priv))
{
	struct ceph_osd_request *req, *found = NULL;
	struct rb_node *node;

	mutex_lock(&osd->lock);
	for (node = rb_first(&osd->o_requests); node && !found; node = rb_next(node)) {
		req = rb_entry(node, struct ceph_osd_request, r_node);
		/*
		 * while the request is in this tree, nothing has called its callback, and priv is
		 * valid
		 */
		if (req->r_callback == done && !req->r_attempts && unwanted(req->r_priv)) {
			ceph_osdc_get_request(req);
			unsent_hold(osd, req);
			found = req;
		}
	}
	mutex_unlock(&osd->lock);
	return found;
}

static struct ceph_osd_request *unsent_find(struct ceph_osd_client *osdc,
					    void (*done)(struct ceph_osd_request *req),
					    bool (*unwanted)(void *priv))
{
	struct ceph_osd_request *req;
	struct rb_node *node;

	down_read(&osdc->lock);
	req = osd_find(&osdc->homeless_osd, done, unwanted);
	for (node = rb_first(&osdc->osds); node && !req; node = rb_next(node))
		req = osd_find(rb_entry(node, struct ceph_osd, o_node), done, unwanted);
	up_read(&osdc->lock);
	return req;
}

/* Return: true if the request was cancelled here, and was called back. */
static bool unsent_cancel(struct ceph_osd_request *req)
{
	ceph_osdc_cancel_request(req);
	/* several threads may look at the same time, and one of them gets the request */
	if (!completion_done(&req->r_completion) ||
	    cmpxchg(&req->r_result, TRBD_REQUEST_PENDING, -EBUSY) != TRBD_REQUEST_PENDING)
		return false;
	req->r_callback(req);
	return true;
}

/**
 * trbd_unsent_cancel() - end requests that nobody wants any more and that were never sent
 * @session: session that the requests were submitted on
 * @done: callback that they were submitted with
 * @unwanted: called with the argument of @done, with locks of libceph held; returns whether nobody
 *	wants this request any more
 *
 * The requests end with -EBUSY.
 *
 * Context: process; sleeps for libceph's locks, never for the network. Calls @done.
 */
void trbd_unsent_cancel(struct trbd_session *session, void (*done)(struct ceph_osd_request *req),
			bool (*unwanted)(void *priv))
{
	struct ceph_osd_request *req;
	bool cancelled = true;

	while (cancelled && (req = unsent_find(trbd_session_osdc(session), done, unwanted))) {
		cancelled = unsent_cancel(req);
		ceph_osdc_put_request(req);
	}
}
