// SPDX-License-Identifier: GPL-2.0
/*
 * Ending requests that nobody wants any more and that were never sent.
 *
 * libceph keeps a request for as long as there is no OSD for it: its placement group is inactive,
 * or the OSD map says to pause. What was never given to a connection can be taken back and will not
 * land. What was, even once, may be anywhere, and only a fence of the client holds it back
 * (rados/recovery.c).
 *
 * libceph takes its locks by itself to cancel a request, so we have to let go of them when we have
 * found one. In between libceph could send it, for a new OSD map, for a connection that is made
 * again or for a backoff that ends, and would cancel it all the same. So a request that was found
 * is turned first into one that libceph sends nowhere: its pool does not exist.
 *
 * A request that is cancelled is not called back by libceph. It may also end at the same moment:
 *
 *	result is not what it was before        it has ended by itself, and is called back as always
 *	the same, and it is complete            it was cancelled here: it is called back here
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
 * libceph looks at the pool when there is a new OSD map, at @paused when a connection is made
 * again, and at the placement group when a backoff ends.
 */
static void unsent_hold(struct ceph_osd *osd, struct ceph_osd_request *req)
{
	lockdep_assert_held(&osd->lock);

	req->r_t.base_oloc.pool = CEPH_NOPOOL;
	req->r_t.spgid.pgid.pool = CEPH_NOPOOL;
	req->r_t.paused = true;
}

/* osdc->lock held. Return: a request with a reference, which is not going to be sent, or NULL. */
static struct ceph_osd_request *osd_find(struct ceph_osd *osd,
					 void (*done)(struct ceph_osd_request *req),
					 bool (*unwanted)(void *priv))
{
	struct ceph_osd_request *req, *found = NULL;
	struct rb_node *node;

	mutex_lock(&osd->lock);
	for (node = rb_first(&osd->o_requests); node && !found; node = rb_next(node)) {
		req = rb_entry(node, struct ceph_osd_request, r_node);
		/* as long as it is here its callback has not been called, and priv is there */
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

/* Return: true if it was, and was called back. */
static bool unsent_cancel(struct ceph_osd_request *req)
{
	ceph_osdc_cancel_request(req);
	/* several may look at the same time, and one of them has it */
	if (!completion_done(&req->r_completion) ||
	    cmpxchg(&req->r_result, TRBD_REQUEST_PENDING, -EBUSY) != TRBD_REQUEST_PENDING)
		return false;
	req->r_callback(req);
	return true;
}

/**
 * trbd_unsent_cancel() - end requests that nobody wants any more and that were never sent
 * @session: session that they were submitted on
 * @done: callback that they were submitted with
 * @unwanted: called with what is for @done, with locks of libceph held: does nobody want this
 *	request any more?
 *
 * They end with -EBUSY.
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
