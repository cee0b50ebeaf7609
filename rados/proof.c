// SPDX-License-Identifier: GPL-2.0
/*
 * Proving that OSDs which did not answer can be reached again.
 *
 * A link may lose large packets and let small ones through: a switch with a smaller MTU, a cable
 * that is about to fail. Heartbeats and map updates are small. So a gateway that goes by them comes
 * back at once after it has given up, takes writes from initiators, and hangs again.
 *
 * So the OSDs that did not answer (rados/unanswered.c) are asked first, each for the object of the
 * request that had waited. The request is as large as those of initiators, in both directions, and
 * goes over the connection that data will use:
 *
 *	READ		brings back data, if the object has any
 *	CMPXATTR	carries a value that no xattr has, and changes nothing
 *
 * An OSD looks at a request when it has all of it. So every answer proves the way there, also one
 * that says that there is no such object.
 *
 * Without an answer, the lost packets would hold up all that comes behind them in the same
 * connection, and TCP tries again ever more seldom, for minutes after the fault has gone. So the
 * connection is reset. Then a small request finds out what to tell the operator.
 */
#include <linux/ceph/libceph.h>
#include <linux/ceph/osd_client.h>
#include <linux/ceph/osdmap.h>
#include <linux/ceph/rados.h>
#include <linux/ceph/string_table.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/in.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/rbtree.h>
#include <linux/string.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "rados/clock.h"
#include "rados/proof.h"
#include "rados/request.h"
#include "rados/session.h"
#include "rados/unanswered.h"

/* more than a packet of any size, and than the 64 KiB that network cards cut into packets */
#define PROOF_BYTES		(128 * 1024)
/* fits into one packet of any link, with all headers */
#define PROOF_SMALL_BYTES	128
#define PROOF_MS		5000
/* the connection was reset, and must be made again first */
#define PROOF_SMALL_MS		4000

/**
 * struct proof_answer - the outcome of asking one OSD
 * @err: 0 if it has answered, or needs not be asked; -ETIMEDOUT if it has not answered; otherwise
 *	nobody knows
 * @osd: the OSD that was asked, which may not be the one that had not answered before
 * @small_err: the same as @err for a small request, if @err is -ETIMEDOUT
 */
struct proof_answer {
	int err;
	int osd;
	int small_err;
};

static int proof_set_ops(struct ceph_osd_request *req, size_t len)
{
	struct page **pages = ceph_alloc_page_vector(DIV_ROUND_UP(len, PAGE_SIZE), GFP_NOIO);
	void *value;
	int ret;

	if (IS_ERR(pages))
		return PTR_ERR(pages);
	osd_req_op_extent_init(req, 0, CEPH_OSD_OP_READ, 0, len, 0, 0);
	osd_req_op_extent_osd_data_pages(req, 0, pages, len, 0, false, true);
	value = kvzalloc(len, GFP_NOIO);
	if (!value)
		return -ENOMEM;
	ret = osd_req_op_xattr_init(req, 1, CEPH_OSD_OP_CMPXATTR, "tcr.proof", value, len,
				    CEPH_OSD_CMPXATTR_OP_NE, CEPH_OSD_CMPXATTR_MODE_STRING);
	kvfree(value);
	return ret;
}

/* Tell whether the result of a request is not the answer of an OSD that lets us go on. */
static bool proof_is_no_answer(int result)
{
	return result == -ETIMEDOUT || result == -EINTR || result == -ENOMEM ||
	       result == -ENOTCONN || result == -ESHUTDOWN;
}

static int proof_send(const struct trbd_object *object, size_t len, unsigned int limit_ms, int *osd)
{
	struct ceph_osd_request *req = trbd_request_alloc(object, 2, CEPH_OSD_FLAG_READ);
	int ret;

	if (!req)
		return -ENOMEM;
	ret = proof_set_ops(req, len);
	if (!ret)
		ret = ceph_osdc_alloc_messages(req, GFP_NOIO);
	if (!ret)
		ret = trbd_request_wait(object->session, req, limit_ms);
	*osd = req->r_t.osd;
	/* if the cluster has no OSD for the object, no link of ours is to blame */
	if (ret == -ETIMEDOUT && !req->r_attempts)
		ret = 0;
	ceph_osdc_put_request(req);
	return proof_is_no_answer(ret) ? ret : 0;
}

/* Reset the connection to an OSD. libceph makes a new one, and sends again what has no answer. */
static void proof_reset(struct trbd_session *session, int number)
{
	struct ceph_osd_client *osdc = trbd_session_osdc(session);
	struct rb_node *node;

	down_read(&osdc->lock);
	for (node = rb_first(&osdc->osds); node; node = rb_next(node)) {
		struct ceph_osd *osd = rb_entry(node, struct ceph_osd, o_node);
		struct ceph_connection *con = &osd->o_con;

		if (osd->o_osd != number)
			continue;
		mutex_lock(&con->mutex);
		if (con->sock && con->sock->sk->sk_protocol == IPPROTO_TCP)
			tcp_abort(con->sock->sk, ECONNRESET);
		mutex_unlock(&con->mutex);
	}
	up_read(&osdc->lock);
}

static void proof_ask(struct trbd_session *session, const struct trbd_suspect *suspect,
		      struct proof_answer *answer)
{
	const struct ceph_object_locator oloc = { .pool = suspect->pool, .pool_ns = suspect->ns };
	struct ceph_object_id oid = { };
	const struct trbd_object object = { .session = session, .oid = &oid, .oloc = &oloc };

	ceph_oid_init(&oid);
	answer->err = ceph_oid_aprintf(&oid, GFP_NOIO, "%s", suspect->name);
	if (!answer->err)
		answer->err = proof_send(&object, PROOF_BYTES, PROOF_MS, &answer->osd);
	if (answer->err == -ETIMEDOUT) {
		proof_reset(session, answer->osd);
		answer->small_err = proof_send(&object, PROOF_SMALL_BYTES, PROOF_SMALL_MS,
					       &answer->osd);
		if (answer->small_err == -ETIMEDOUT)
			proof_reset(session, answer->osd);
		else if (answer->small_err)
			answer->err = answer->small_err;
	}
	ceph_oid_destroy(&oid);
}

/*
 * @lock held. Copy the first suspect, with a reference on its namespace. Return 1, or 0 if there is
 * none.
 */
static int proof_first(const struct trbd_unanswered *unanswered, struct trbd_suspect *suspect)
{
	lockdep_assert_held(&unanswered->lock);

	if (!unanswered->suspects.count)
		return 0;
	*suspect = unanswered->suspects.who[0];
	if (suspect->ns)
		ceph_get_string(suspect->ns);
	return 1;
}

/* Return: 1 and a suspect to ask, 0 if there is none, -EAGAIN if it is not our turn. */
static int proof_begin(struct trbd_unanswered *unanswered, struct trbd_suspect *suspect,
		       unsigned int *noted)
{
	int ret;

	mutex_lock(&unanswered->lock);
	if (unanswered->suspects.count &&
	    (unanswered->proving ||
	     trbd_suspects_wait_left(&unanswered->suspects, trbd_clock_local_ms())))
		ret = -EAGAIN;
	else
		ret = proof_first(unanswered, suspect);
	if (ret > 0)
		unanswered->proving = true;
	*noted = unanswered->noted;
	mutex_unlock(&unanswered->lock);
	return ret;
}

/* @lock held. The OSD has answered. Return: 1 and the next one to ask, or 0. */
static int proof_passed(struct trbd_unanswered *unanswered, struct trbd_suspect *suspect)
{
	struct trbd_suspect removed;
	int ret;

	if (trbd_suspects_remove(&unanswered->suspects, suspect->osd, &removed))
		ceph_put_string(removed.ns);
	ret = proof_first(unanswered, suspect);
	if (!ret) {
		trbd_suspects_pass(&unanswered->suspects, trbd_clock_local_ms());
		pr_info("the OSDs that had not answered do so again, also requests of %u KiB\n",
			PROOF_BYTES / 1024);
	}
	return ret;
}

/* @lock held. */
static void proof_failed(struct trbd_session *session, struct trbd_unanswered *unanswered,
			 const struct proof_answer *answer)
{
	struct trbd_suspects *suspects = &unanswered->suspects;
	char address[TRBD_ADDRESS_MAX];

	atomic64_inc(&session->proofs_failed);
	trbd_suspects_fail(suspects, trbd_clock_local_ms());
	trbd_session_osd_address(session, answer->osd, address, sizeof(address));
	if (answer->small_err)
		pr_warn("osd.%d at %s does not answer, one of %u: look at this OSD and at the link to it; the next try is in %llu s\n",
			answer->osd, address, suspects->count,
			div_u64(suspects->wait_ms, MSEC_PER_SEC));
	else
		pr_warn("osd.%d at %s, one of %u, answers small requests, and none of %u KiB: look at the MTU of all links to it, and at their errors; the next try is in %llu s\n",
			answer->osd, address, suspects->count, PROOF_BYTES / 1024,
			div_u64(suspects->wait_ms, MSEC_PER_SEC));
}

/* Return: 1 and the next suspect to ask; 0 if all have answered; or an error. */
static int proof_note(struct trbd_session *session, struct trbd_suspect *suspect,
		      unsigned int noted, const struct proof_answer *answer)
{
	struct trbd_unanswered *unanswered = &session->recovery.unanswered;
	struct ceph_string *ns = suspect->ns;
	int ret = answer->err;

	mutex_lock(&unanswered->lock);
	/* an answer to the former identity says nothing of what happened since */
	if (unanswered->noted != noted)
		ret = -EAGAIN;
	else if (!ret)
		ret = proof_passed(unanswered, suspect);
	else if (ret == -ETIMEDOUT)
		proof_failed(session, unanswered, answer);
	if (ret <= 0)
		unanswered->proving = false;
	mutex_unlock(&unanswered->lock);
	ceph_put_string(ns);
	return ret;
}

/**
 * trbd_proof_is_due() - tell whether OSDs have not answered this session's requests
 * @session: the session
 *
 * Context: process.
 * Return: true until trbd_proof_run() succeeds.
 */
bool trbd_proof_is_due(struct trbd_session *session)
{
	struct trbd_unanswered *unanswered = &session->recovery.unanswered;
	bool due;

	mutex_lock(&unanswered->lock);
	due = unanswered->suspects.count;
	mutex_unlock(&unanswered->lock);
	return due;
}

/**
 * trbd_proof_run() - ask the OSDs that had not answered, if it is time to
 * @session: the session
 *
 * Several units of a session may call this at the same time, and one of them asks. After a failure
 * nobody asks for a while, which gets longer each time.
 *
 * Context: process; takes a round trip for each of a few OSDs, and up to 9 s for one that does not
 * answer. A fatal signal ends it.
 * Return: 0 if all have answered; -EAGAIN if it is not time, or another thread asks; -ETIMEDOUT if
 * one does not answer; -EINTR, -ENOTCONN, -ENOMEM, others.
 */
int trbd_proof_run(struct trbd_session *session)
{
	struct proof_answer answer = { };
	struct trbd_suspect suspect;
	unsigned int noted;
	int ret = proof_begin(&session->recovery.unanswered, &suspect, &noted);

	while (ret > 0) {
		proof_ask(session, &suspect, &answer);
		ret = proof_note(session, &suspect, noted, &answer);
	}
	return ret;
}
