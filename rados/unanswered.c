// SPDX-License-Identifier: GPL-2.0
/*
 * Noting which OSDs have not answered, before a session forgets its requests.
 *
 * A recovery ends all requests (rados/recovery.c). Those that had waited for longer than any OSD
 * takes that is well say where the trouble is: at the OSD, or on the way there. One request of each
 * OSD is noted by the name of its object. rados/proof.c asks for these objects before the gateway
 * serves again.
 *
 * A request that libceph never sent says nothing about an OSD: its placement group is inactive, or
 * the OSD map says to pause.
 *
 * Requests that merely wait for long are noted only when a recovery begins, and do not begin one. A
 * cluster that stands still is a delay for all gateways, and no reason to leave the hosts without
 * any.
 */
#include <linux/ceph/libceph.h>
#include <linux/ceph/osd_client.h>
#include <linux/ceph/string_table.h>
#include <linux/jiffies.h>
#include <linux/rbtree.h>
#include <linux/string.h>

#include "rados/clock.h"
#include "rados/unanswered.h"

/*
 * An OSD that is well answers sooner. This is also less than a gateway takes to give up, so the
 * request that made it give up counts.
 */
#define UNANSWERED_MS	5000

static bool unanswered_is_old(const struct ceph_osd_request *req)
{
	return req->r_attempts && !req->r_t.paused &&
	       time_after(jiffies, req->r_start_stamp + msecs_to_jiffies(UNANSWERED_MS));
}

/* Note a request. Return false if there is no room for its name. */
static bool unanswered_add(struct trbd_unanswered *unanswered, int osd,
			   const struct ceph_osd_request *req)
{
	struct trbd_suspect suspect = {
		.osd = osd,
		.pool = req->r_base_oloc.pool,
		.ns = req->r_base_oloc.pool_ns,
	};

	if (strscpy(suspect.name, req->r_base_oid.name, sizeof(suspect.name)) < 0)
		return false;
	if (trbd_suspects_add(&unanswered->suspects, &suspect)) {
		/* the list keeps a reference; without a namespace this does nothing */
		if (suspect.ns)
			ceph_get_string(suspect.ns);
		pr_warn("osd.%d has not answered a request for %s for %u s\n", osd, suspect.name,
			jiffies_to_msecs(jiffies - req->r_start_stamp) / 1000);
	}
	return true;
}

/* osdc->lock held. Note one request that waits for the OSD, if any has waited for long. */
static void unanswered_look_at(struct trbd_unanswered *unanswered, struct ceph_osd *osd)
{
	struct ceph_osd_request *req;
	struct rb_node *node;

	mutex_lock(&osd->lock);
	for (node = rb_first(&osd->o_requests); node; node = rb_next(node)) {
		req = rb_entry(node, struct ceph_osd_request, r_node);
		if (unanswered_is_old(req) && unanswered_add(unanswered, osd->o_osd, req))
			break;
	}
	mutex_unlock(&osd->lock);
}

/**
 * trbd_unanswered_note() - note the OSDs that have not answered
 * @unanswered: of the session
 * @osdc: its OSD client; nobody begins a request any more, and none has been ended
 * @gave_up: nobody fenced the session, it gave up
 *
 * A gateway that gives up although its heartbeats go through has a fault that they do not show. It
 * stays out for longer each time. A gateway without heartbeats was cut off, and whoever was fenced
 * may be well.
 *
 * Context: process; sleeps for libceph's locks, never for the network.
 */
void trbd_unanswered_note(struct trbd_unanswered *unanswered, struct ceph_osd_client *osdc,
			  bool gave_up)
{
	struct rb_node *node;

	mutex_lock(&unanswered->lock);
	unanswered->noted++;
	if (gave_up && unanswered->in_touch)
		trbd_suspects_relapse(&unanswered->suspects, trbd_clock_local_ms());
	unanswered->in_touch = false;
	down_read(&osdc->lock);
	for (node = rb_first(&osdc->osds); node; node = rb_next(node))
		unanswered_look_at(unanswered, rb_entry(node, struct ceph_osd, o_node));
	up_read(&osdc->lock);
	mutex_unlock(&unanswered->lock);
}

/**
 * trbd_unanswered_in_touch() - tell that the gateway has a lease although its session gives up
 * @unanswered: of the session; trbd_unanswered_note() follows
 *
 * Context: process.
 */
void trbd_unanswered_in_touch(struct trbd_unanswered *unanswered)
{
	mutex_lock(&unanswered->lock);
	unanswered->in_touch = true;
	mutex_unlock(&unanswered->lock);
}

/**
 * trbd_unanswered_init() - begin without any suspicion
 * @unanswered: zeroed memory
 */
void trbd_unanswered_init(struct trbd_unanswered *unanswered)
{
	mutex_init(&unanswered->lock);
}

/**
 * trbd_unanswered_destroy() - drop the references of the list
 * @unanswered: of a session that ends
 */
void trbd_unanswered_destroy(struct trbd_unanswered *unanswered)
{
	unsigned int i;

	for (i = 0; i < unanswered->suspects.count; i++)
		ceph_put_string(unanswered->suspects.who[i].ns);
	unanswered->suspects.count = 0;
}
