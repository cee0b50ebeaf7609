// SPDX-License-Identifier: GPL-2.0
/*
 * Requests on data objects: build and submit.
 *
 * A request is built completely (libceph request, both messages) before it is submitted, so that running out of
 * memory is noticed while nothing has happened yet and the command can end with BUSY. Every change of a data
 * object is built by trbd_request_mutate(), whatever it does: this is the one place that decides which ops stand in
 * front of the change in the same transaction.
 *
 * A request moves from built to submitted to done. Done is called once per submitted request, in messenger context or
 * on libceph's completion workqueue, without locks of libceph held; it may sleep for memory and locks, but not for
 * another request. A built request that is not submitted is dropped with trbd_request_put().
 *
 * The memory behind an extent belongs to the caller and stays untouched until done. libceph sums it up when it
 * sends, and may send again after a reconnect: memory that can change meanwhile must be copied first.
 */
#include <linux/bvec.h>
#include <linux/ceph/libceph.h>
#include <linux/ceph/osd_client.h>
#include <linux/ceph/rados.h>
#include <linux/timekeeping.h>

#include "rados/request.h"
#include "rados/session.h"

static struct ceph_osd_request *request_alloc(struct trbd_session *session, const char *oid_name,
					      const struct ceph_object_locator *oloc,
					      struct ceph_snap_context *snapc,
					      unsigned int num_ops, unsigned int flags)
{
	struct ceph_osd_request *req;

	req = ceph_osdc_alloc_request(trbd_session_osdc(session), snapc, num_ops, false, GFP_NOIO);
	if (!req)
		return NULL;

	req->r_flags = flags;
	ceph_oloc_copy(&req->r_base_oloc, oloc);
	if (ceph_oid_aprintf(&req->r_base_oid, GFP_NOIO, "%s", oid_name)) {
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

/* Messages are sized by the ops, so this comes after every op is set. */
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
 * @extent: where, and the memory to read into
 *
 * When it is done, r_result is the number of bytes read (short at the end of the object), -ENOENT for a missing
 * object, or another negative errno.
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
 * @mutation: what to change
 *
 * When it is done, r_result is 0 (or positive), or a negative errno and then nothing was changed.
 *
 * Context: may sleep for memory, never for the network.
 * Return: the request, or NULL for want of memory.
 */
struct ceph_osd_request *trbd_request_mutate(struct trbd_session *session, const char *oid_name,
					     const struct ceph_object_locator *oloc,
					     const struct trbd_mutation *mutation)
{
	struct ceph_osd_request *req;

	req = request_alloc(session, oid_name, oloc, mutation->snapc, 1, CEPH_OSD_FLAG_WRITE);
	if (!req)
		return NULL;

	ktime_get_real_ts64(&req->r_mtime);
	req->r_data_offset = mutation->extent.off;

	switch (mutation->kind) {
	case TRBD_MUTATION_WRITE:
		request_set_extent(req, 0, CEPH_OSD_OP_WRITE, &mutation->extent);
		break;
	}
	return request_finish(req);
}

/**
 * trbd_request_submit() - send a request on its way
 * @req: built request; its reference goes to @done
 * @done: called once, see the top of the file; must trbd_request_put() in the end
 * @priv: for @done, in req->r_priv
 *
 * Context: may sleep for locks, never for the network.
 */
void trbd_request_submit(struct ceph_osd_request *req, void (*done)(struct ceph_osd_request *req),
			 void *priv)
{
	req->r_callback = done;
	req->r_priv = priv;
	ceph_osdc_start_request(req->r_osdc, req);
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
