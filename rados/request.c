// SPDX-License-Identifier: GPL-2.0
/*
 * Requests on data objects: build and submit.
 *
 * This file builds a request completely (libceph request, both messages) before it submits the
 * request. So a lack of memory shows while nothing has happened yet, and the command can end with
 * BUSY. trbd_request_mutate() builds every change of a data object, whatever the change does. This
 * one place decides which ops stand in front of the change in the same transaction.
 *
 * A request moves from built to submitted to done. The callback done is called once per submitted
 * request, in messenger context or on libceph's completion workqueue, and no lock of libceph is
 * held. It may sleep for memory and locks, but not for another request. trbd_request_put() drops a
 * built request that is not submitted.
 *
 * The memory behind an extent belongs to the caller and stays untouched until done. libceph
 * computes its checksum when it sends, and may send again after a reconnect. So the caller must
 * first copy memory that can change meanwhile.
 */
#include <linux/bitops.h>
#include <linux/bvec.h>
#include <linux/ceph/libceph.h>
#include <linux/ceph/messenger.h>
#include <linux/ceph/osd_client.h>
#include <linux/ceph/rados.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>

#include "compat/osd.h"
#include "rados/closing.h"
#include "rados/guard.h"
#include "rados/recovery.h"
#include "rados/request.h"
#include "rados/session.h"

static_assert(TRBD_OSD_OPS_MAX <= CEPH_OSD_MAX_OPS, "libceph does not send that many ops");

/* pause between looks whether a connection has let go of a cancelled request */
#define REQUEST_LEAVE_US	1000
/* pause between looks whether a caller has waited for long enough */
#define REQUEST_LOOK		((unsigned long)HZ / 10)

static struct ceph_osd_request *request_new(struct trbd_session *session,
					    struct ceph_snap_context *snapc, unsigned int num_ops,
					    unsigned int flags)
{
	struct ceph_osd_request *req;

	req = ceph_osdc_alloc_request(trbd_session_osdc(session), snapc, num_ops, false, GFP_NOIO);
	if (!req)
		return NULL;
	/* libceph finally frees the data of each op, also of an op that was never set */
	memset(req->r_ops, 0, num_ops * sizeof(req->r_ops[0]));
	req->r_flags = flags;
	/*
	 * In a full pool the OSD refuses growth with -ENOSPC or -EDQUOT, and carries out everything
	 * else. Without the flag libceph holds back every write until there is room: an overwrite,
	 * a heartbeat, and even the UNMAP that would make room.
	 */
	if (flags & CEPH_OSD_FLAG_WRITE)
		req->r_flags |= CEPH_OSD_FLAG_FULL_TRY;
	return req;
}

/* Names the object of a request; without a formatted print if libceph has the room inside. */
static int request_set_name(struct ceph_osd_request *req, const char *name)
{
	struct ceph_object_id *oid = &req->r_base_oid;
	size_t len = strlen(name);

	if (len >= sizeof(oid->inline_name))
		return ceph_oid_aprintf(oid, GFP_NOIO, "%s", name);
	memcpy(oid->inline_name, name, len + 1);
	oid->name_len = len;
	return 0;
}

static struct ceph_osd_request *request_alloc(struct trbd_session *session, const char *oid_name,
					      const struct ceph_object_locator *oloc,
					      struct ceph_snap_context *snapc,
					      unsigned int num_ops, unsigned int flags)
{
	struct ceph_osd_request *req = request_new(session, snapc, num_ops, flags);

	if (!req)
		return NULL;
	ceph_oloc_copy(&req->r_base_oloc, oloc);
	if (request_set_name(req, oid_name)) {
		ceph_osdc_put_request(req);
		return NULL;
	}
	return req;
}

static void request_set_extent(struct ceph_osd_request *req, unsigned int which, u16 opcode,
			       const struct trbd_extent *extent)
{
	osd_req_op_extent_init(req, which, opcode, extent->off, extent->len, 0, 0);
	osd_req_op_extent_osd_data_bvecs(req, which, extent->bvecs, extent->num_bvecs, extent->len);
}

/* The ops determine the size of the messages, so this comes after every op is set. */
static struct ceph_osd_request *request_finish(struct ceph_osd_request *req)
{
	if (ceph_osdc_alloc_messages(req, GFP_NOIO)) {
		ceph_osdc_put_request(req);
		return NULL;
	}
	return req;
}

/**
 * trbd_request_read() - build a read of one object
 * @session: session to send it on
 * @oid_name: object name
 * @oloc: pool and namespace
 * @snap_id: snapshot to read, CEPH_NOSNAP for the head
 * @extent: range to read, and the memory to read into
 *
 * When the request is done, r_result is the number of bytes read (short at the end of the object),
 * -ENOENT for a missing object, or another negative errno.
 *
 * Context: may sleep for memory, never for the network.
 * Return: the request, or NULL for want of memory.
 */
struct ceph_osd_request *trbd_request_read(struct trbd_session *session, const char *oid_name,
					   const struct ceph_object_locator *oloc, u64 snap_id,
					   const struct trbd_extent *extent)
{
	struct ceph_osd_request *req;

	req = request_alloc(session, oid_name, oloc, NULL, 1, CEPH_OSD_FLAG_READ);
	if (!req)
		return NULL;

	req->r_snapid = snap_id;
	request_set_extent(req, 0, CEPH_OSD_OP_READ, extent);
	return request_finish(req);
}

/**
 * trbd_request_mutate() - build a change of one object
 * @session: session to send it on
 * @oid_name: object name
 * @oloc: pool and namespace
 * @mutation: the change
 *
 * When the request is done, r_result is 0 (or positive), or it is a negative errno and nothing was
 * changed: -ECANCELED when the guard refused it, -ENOENT when there is no object, -EEXIST when
 * there should not have been one, -ERANGE or -EOVERFLOW when the object has another version.
 *
 * Context: may sleep for memory, never for the network.
 * Return: the request, or NULL for want of memory.
 */
struct ceph_osd_request *trbd_request_mutate(struct trbd_session *session, const char *oid_name,
					     const struct ceph_object_locator *oloc,
					     const struct trbd_mutation *mutation)
{
	unsigned int first = mutation->version ? 1 : 0;
	unsigned int which = first + trbd_guard_num_ops(mutation->guard->mode);
	unsigned int num_ops = which + (mutation->kind != TRBD_MUTATION_NONE) + mutation->num_more;
	struct ceph_osd_request *req;
	unsigned int i;

	req = request_alloc(session, oid_name, oloc, mutation->snapc, num_ops, CEPH_OSD_FLAG_WRITE);
	if (!req)
		return NULL;

	ktime_get_real_ts64(&req->r_mtime);
	req->r_data_offset = mutation->extent.off;
	if (mutation->version)
		trbd_compat_assert_version(req, 0, mutation->version);
	trbd_guard_set_ops(mutation->guard, req, first);

	switch (mutation->kind) {
	case TRBD_MUTATION_WRITE:
		request_set_extent(req, which, CEPH_OSD_OP_WRITE, &mutation->extent);
		for (i = 0; i < mutation->num_more; i++)
			request_set_extent(req, which + 1 + i, CEPH_OSD_OP_WRITE,
					   mutation->more[i]);
		break;
	case TRBD_MUTATION_ZERO:
		osd_req_op_extent_init(req, which, CEPH_OSD_OP_ZERO, mutation->extent.off,
				       mutation->extent.len, 0, 0);
		break;
	case TRBD_MUTATION_TRUNCATE:
		osd_req_op_extent_init(req, which, CEPH_OSD_OP_TRUNCATE, mutation->extent.off, 0, 0,
				       0);
		break;
	case TRBD_MUTATION_NONE:
		break;
	}
	return request_finish(req);
}

/**
 * trbd_request_copyup() - build a call of cls_rbd copyup: write an object if there is none
 * @session: session to send it on
 * @oid_name: object name
 * @oloc: pool and namespace
 * @extent: data of the object, from its beginning
 *
 * This is the only mutation without a guard. It does not change the data that a read returns, see
 * rbd/clone.c.
 *
 * Context: may sleep for memory, never for the network.
 * Return: the request, or NULL for want of memory.
 */
struct ceph_osd_request *trbd_request_copyup(struct trbd_session *session, const char *oid_name,
					     const struct ceph_object_locator *oloc,
					     const struct trbd_extent *extent)
{
	struct ceph_osd_request *req;

	req = request_alloc(session, oid_name, oloc, NULL, 1, CEPH_OSD_FLAG_WRITE);
	if (!req)
		return NULL;

	ktime_get_real_ts64(&req->r_mtime);
	if (osd_req_op_cls_init(req, 0, "rbd", "copyup")) {
		ceph_osdc_put_request(req);
		return NULL;
	}
	osd_req_op_cls_request_data_bvecs(req, 0, extent->bvecs, extent->num_bvecs, extent->len);
	return request_finish(req);
}

/**
 * trbd_request_submit() - send a request on its way
 * @req: built request; its reference goes to @done
 * @done: called once, see the top of the file; must finally call trbd_request_put()
 * @priv: argument for @done, in req->r_priv
 *
 * Context: may sleep for locks, never for the network.
 */
void trbd_request_submit(struct ceph_osd_request *req, void (*done)(struct ceph_osd_request *req),
			 void *priv)
{
	req->r_callback = done;
	req->r_priv = priv;
	req->r_result = TRBD_REQUEST_PENDING;
	trbd_compat_start_request(req);
}

/*
 * Waits until no connection reads into the memory of a request. At one moment a connection has
 * looked up where an answer goes, and has not yet noted that it receives the answer. A request that
 * is cancelled at that moment does not stop the connection, which would read into memory that may
 * have another owner by then. The connection has a reference on the reply message until it has
 * received the answer, or is closed.
 */
static void request_leave_memory(const struct ceph_osd_request *req)
{
	while (kref_read(&req->r_reply->kref) > 1)
		fsleep(REQUEST_LEAVE_US);
}

static struct trbd_session *request_session(const struct ceph_osd_request *req)
{
	return req->r_osdc->client->private;
}

/*
 * Spares the OSD the acknowledgment of its answer. libceph's messenger sends one for each message,
 * in a frame of its own if nothing else is to be sent. An OSD keeps no answer to send it again: its
 * connections are lossy, and it ignores the frame.
 */
static void request_spare_ack(const struct ceph_osd_request *req)
{
	/* the answer holds a reference on the connection that brought it */
	struct ceph_connection *con = req->r_reply->con;

	if (!con || !test_bit(CEPH_CON_F_LOSSYTX, &con->flags))
		return;
	mutex_lock(&con->mutex);
	con->in_seq_acked = con->in_seq;
	mutex_unlock(&con->mutex);
}

/**
 * trbd_request_result() - get the result of a request that has ended
 * @req: request that is done
 *
 * After this call nothing reads into the memory behind the request's extent any more. A result that
 * says that the session was fenced begins its recovery.
 *
 * Context: the request's done; after the request was cancelled it may sleep until its connection is
 * closed.
 * Return: r_result; -EIO for an answer of the OSD that has another meaning here.
 */
int trbd_request_result(const struct ceph_osd_request *req)
{
	/* otherwise the messenger brought the answer, and holds its reference during this call */
	if (current_work() == &req->r_complete_work)
		request_leave_memory(req);
	else
		request_spare_ack(req);
	trbd_recovery_notice(&request_session(req)->recovery, req->r_result);
	return req->r_result == -EINPROGRESS ? -EIO : req->r_result;
}

/**
 * trbd_request_version() - get the version of the object that a read saw
 * @req: read that is done
 *
 * Return: the version, for struct trbd_mutation; 0 when this kernel's libceph does not tell.
 */
u64 trbd_request_version(const struct ceph_osd_request *req)
{
	return trbd_compat_version(req);
}

/**
 * trbd_request_has_versions() - tell whether a mutation can depend on a version
 *
 * Return: true if trbd_request_version() tells versions.
 */
bool trbd_request_has_versions(void)
{
	return TRBD_COMPAT_HAS_VERSIONS;
}

/**
 * trbd_request_alloc() - allocate a request on a metadata object, for a caller that waits
 * @object: the object
 * @num_ops: number of ops that the request will have
 * @flags: CEPH_OSD_FLAG_*
 *
 * Context: may sleep.
 * Return: the request without ops and messages, or NULL for want of memory.
 */
struct ceph_osd_request *trbd_request_alloc(const struct trbd_object *object, unsigned int num_ops,
					    unsigned int flags)
{
	struct ceph_osd_request *req = request_new(object->session, NULL, num_ops, flags);

	if (!req)
		return NULL;
	ceph_oid_copy(&req->r_base_oid, object->oid);
	req->r_priv = (void *)object->oid;
	ceph_oloc_copy(&req->r_base_oloc, object->oloc);
	if (flags & CEPH_OSD_FLAG_WRITE)
		ktime_get_real_ts64(&req->r_mtime);
	return req;
}

static bool request_timed_out(struct trbd_session *session, const struct ceph_osd_request *req,
			      unsigned long start, unsigned int limit_ms)
{
	return trbd_session_timed_out(session, start) ||
	       trbd_closing_is_over(&session->closings, req->r_priv) ||
	       (limit_ms && time_after(jiffies, start + msecs_to_jiffies(limit_ms)));
}

/**
 * trbd_request_wait() - send a request ahead of data and wait for its answer
 * @session: session that the request was made for
 * @req: request with its messages; it must own the memory for its answer, since it may be cancelled
 * @limit_ms: give up after this, or 0 for the session's mount_timeout alone
 *
 * An OSD takes up requests of this priority before data requests that wait there.
 *
 * Context: may sleep up to the session's mount_timeout, or until the caller has closed for long
 * enough (rados/closing.c). In the rare case that the connection is just about to receive the
 * answer, it then sleeps until the connection has received the answer or is closed.
 * Return: r_result, or -ETIMEDOUT, or -EINTR after a fatal signal.
 */
int trbd_request_wait(struct trbd_session *session, struct ceph_osd_request *req,
		      unsigned int limit_ms)
{
	unsigned long look = limit_ms ? min(msecs_to_jiffies(limit_ms), REQUEST_LOOK)
				      : REQUEST_LOOK;
	unsigned long start = jiffies;
	long left;

	req->r_request->hdr.priority = cpu_to_le16(CEPH_MSG_PRIO_HIGH);
	trbd_compat_start_request(req);
	do {
		left = wait_for_completion_killable_timeout(&req->r_completion, look);
	} while (!left && !request_timed_out(session, req, start, limit_ms));
	if (left <= 0)
		ceph_osdc_cancel_request(req);
	/*
	 * A new identity cancels requests as well, and they end with an error. After an error that
	 * an OSD answered this takes a moment at most.
	 */
	if (left <= 0 || req->r_result < 0)
		request_leave_memory(req);
	if (left > 0) {
		trbd_recovery_notice(&session->recovery, req->r_result);
		return req->r_result;
	}
	return left ? -EINTR : -ETIMEDOUT;
}

/**
 * trbd_request_put() - drop a request that was never submitted, or is done
 * @req: the request
 *
 * Context: any in which memory may be freed.
 */
void trbd_request_put(struct ceph_osd_request *req)
{
	ceph_osdc_put_request(req);
}
