// SPDX-License-Identifier: GPL-2.0
/*
 * Small objects that gateways share: create, read, and write a part of it on condition.
 *
 * libceph can compare an xattr with a number and set it, but not read one. So what must be read lives in the
 * object's data, and a number in an xattr guards it: a write goes through only if the number is what the writer
 * thinks it is, and changes number and data in one transaction.
 *
 * Somebody waits for each of these calls; they end after the session's mount_timeout or with a fatal signal. A write
 * that ended early may still be applied later.
 */
#include <linux/ceph/libceph.h>
#include <linux/ceph/osd_client.h>
#include <linux/ceph/rados.h>
#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "rados/object.h"
#include "rados/request.h"
#include "rados/witness.h"

static int object_send(struct trbd_session *session, struct ceph_osd_request *req, unsigned int limit_ms)
{
	int ret = ceph_osdc_alloc_messages(req, GFP_NOIO);

	return ret ? ret : min(trbd_request_wait(session, req, limit_ms), 0);
}

/**
 * trbd_object_create() - make sure an object is there and has a size
 * @session: session to send it on
 * @oid: object
 * @oloc: pool and namespace
 * @size: bytes; writes within it need no room in a full pool
 *
 * Context: may sleep up to the session's mount_timeout.
 * Return: 0, also if it was there; -EPERM, -ETIMEDOUT, -EINTR, -ENOMEM, others.
 */
int trbd_object_create(struct trbd_session *session, const struct ceph_object_id *oid,
		       const struct ceph_object_locator *oloc, u64 size)
{
	struct ceph_osd_request *req;
	int ret;

	req = trbd_request_alloc(session, oid, oloc, 2, CEPH_OSD_FLAG_WRITE);
	if (!req)
		return -ENOMEM;
	osd_req_op_init(req, 0, CEPH_OSD_OP_CREATE, 0);
	osd_req_op_extent_init(req, 1, CEPH_OSD_OP_TRUNCATE, size, 0, 0, 0);
	ret = object_send(session, req, 0);
	ceph_osdc_put_request(req);
	return ret;
}

/* Ops 0 and 1: the data, and what the witness says; both answers go to @pages, one behind the other. */
static int object_init_read(struct ceph_osd_request *req, struct page **pages, size_t len,
			    const struct trbd_witness *witness)
{
	size_t room = len + (witness ? TRBD_WITNESS_ANSWER_MAX : 0);

	osd_req_op_extent_init(req, 0, CEPH_OSD_OP_READ, 0, len, 0, 0);
	osd_req_op_extent_osd_data_pages(req, 0, pages, room, 0, false, true);
	return witness ? trbd_witness_ask(req, 1, witness) : 0;
}

/* Return: by the OSD's clock, or 0. @got: length of the data in front of the answer, bytes. */
static u64 object_read_time(const struct ceph_osd_request *req, struct page **pages, size_t got,
			    const struct trbd_witness *witness)
{
	u32 len = req->r_ops[1].outdata_len;
	u64 time_ms = 0;
	void *answer;

	if (req->r_ops[1].rval < 0 || !len || len > TRBD_WITNESS_ANSWER_MAX)
		return 0;
	answer = kmalloc(len, GFP_NOIO);
	if (answer) {
		ceph_copy_from_page_vector(pages + (got >> PAGE_SHIFT), answer, offset_in_page(got), len);
		time_ms = trbd_witness_time(witness, answer, len);
	}
	kfree(answer);
	return time_ms;
}

/**
 * trbd_object_read() - read an object from its start, and when the OSD last noted its time
 * @session: session to send it on
 * @oid: object
 * @oloc: pool and namespace
 * @buf: where to
 * @len: room in @buf, bytes
 * @witness: where the OSD noted it, or NULL
 * @osd_ms: set to that time, ms by the OSD's clock, or to 0 when there is none; unless @witness is NULL
 * @limit_ms: give up after this, or 0
 *
 * Context: may sleep up to the session's mount_timeout.
 * Return: bytes read, short at the end of the object; -ENOENT, -ETIMEDOUT, -EINTR, -ENOMEM, others.
 */
int trbd_object_read(struct trbd_session *session, const struct ceph_object_id *oid,
		     const struct ceph_object_locator *oloc, void *buf, size_t len,
		     const struct trbd_witness *witness, u64 *osd_ms, unsigned int limit_ms)
{
	struct ceph_osd_request *req;
	struct page **pages;
	size_t got;
	int ret;

	req = trbd_request_alloc(session, oid, oloc, witness ? 2 : 1, CEPH_OSD_FLAG_READ);
	if (!req)
		return -ENOMEM;

	pages = ceph_alloc_page_vector(DIV_ROUND_UP(len + TRBD_WITNESS_ANSWER_MAX, PAGE_SIZE), GFP_NOIO);
	if (IS_ERR(pages)) {
		ret = PTR_ERR(pages);
		goto out_put;
	}
	/* the request has the pages from here on */
	ret = object_init_read(req, pages, len, witness);
	if (!ret)
		ret = ceph_osdc_alloc_messages(req, GFP_NOIO);
	if (!ret)
		ret = trbd_request_wait(session, req, limit_ms);
	if (ret < 0)
		goto out_put;
	got = req->r_ops[0].outdata_len;
	ret = got > len ? -EBADMSG : got;
	if (ret > 0)
		ceph_copy_from_page_vector(pages, buf, 0, ret);
	if (ret >= 0 && witness)
		*osd_ms = object_read_time(req, pages, got, witness);
out_put:
	ceph_osdc_put_request(req);
	return ret;
}

static int object_compare_number(struct ceph_osd_request *req, const char *xattr, u64 number)
{
	__le64 operand = cpu_to_le64(number);

	return osd_req_op_xattr_init(req, 0, CEPH_OSD_OP_CMPXATTR, xattr, &operand, sizeof(operand),
				     CEPH_OSD_CMPXATTR_OP_EQ, CEPH_OSD_CMPXATTR_MODE_U64);
}

/* Ops 0 and 1: the number in an xattr is @expected, and becomes @new. */
static int object_set_number_if(struct ceph_osd_request *req, const char *xattr, u64 expected, u64 new)
{
	char text[24];
	int ret = object_compare_number(req, xattr, expected);

	if (ret)
		return ret;
	return osd_req_op_xattr_init(req, 1, CEPH_OSD_OP_SETXATTR, xattr, text,
				     scnprintf(text, sizeof(text), "%llu", new), 0, 0);
}

/* Pages with a copy of @buf; the request they go to will own them. */
static struct page **object_copy(const void *buf, size_t len)
{
	struct page **pages = ceph_alloc_page_vector(DIV_ROUND_UP(len, PAGE_SIZE), GFP_NOIO);
	size_t off;

	if (IS_ERR(pages))
		return pages;
	for (off = 0; off < len; off += PAGE_SIZE)
		memcpy_to_page(pages[off >> PAGE_SHIFT], 0, buf + off, min(len - off, PAGE_SIZE));
	return pages;
}

/**
 * trbd_object_number_is() - does an xattr have this number?
 * @session: session to send it on
 * @oid: object; must be there
 * @oloc: pool and namespace
 * @xattr: name of the xattr; a missing one counts as 0
 * @number: number
 *
 * Context: may sleep up to the session's mount_timeout.
 * Return: 0; -ECANCELED if it is another; -ENOENT, -ETIMEDOUT, -EINTR, -ENOMEM, others.
 */
int trbd_object_number_is(struct trbd_session *session, const struct ceph_object_id *oid,
			  const struct ceph_object_locator *oloc, const char *xattr, u64 number)
{
	struct ceph_osd_request *req = trbd_request_alloc(session, oid, oloc, 1, CEPH_OSD_FLAG_READ);
	int ret;

	if (!req)
		return -ENOMEM;
	ret = object_compare_number(req, xattr, number);
	if (!ret)
		ret = object_send(session, req, 0);
	ceph_osdc_put_request(req);
	return ret;
}

/**
 * struct object_change - what is done to an object on condition
 * @class: object class, or NULL to write
 * @method: its method
 * @off: where to write, bytes
 * @buf: what is written, or the encoded arguments of the method
 * @len: its length, at least 1
 * @witness: where the OSD notes its time, or NULL
 * @limit_ms: when to give up, or 0
 */
struct object_change {
	const char *class;
	const char *method;
	u64 off;
	const void *buf;
	size_t len;
	const struct trbd_witness *witness;
	unsigned int limit_ms;
};

/* Op 2. */
static int object_init_change(struct ceph_osd_request *req, const struct object_change *change)
{
	struct page **pages;
	int ret;

	if (change->class) {
		ret = osd_req_op_cls_init(req, 2, change->class, change->method);
		if (ret)
			return ret;
	} else {
		osd_req_op_extent_init(req, 2, CEPH_OSD_OP_WRITE, change->off, change->len, 0, 0);
	}
	pages = object_copy(change->buf, change->len);
	if (IS_ERR(pages))
		return PTR_ERR(pages);
	if (change->class)
		osd_req_op_cls_request_data_pages(req, 2, pages, change->len, 0, false, true);
	else
		osd_req_op_extent_osd_data_pages(req, 2, pages, change->len, 0, false, true);
	return 0;
}

static int object_change_if(struct trbd_session *session, const struct ceph_object_id *oid,
			    const struct ceph_object_locator *oloc, const char *xattr, u64 expected, u64 new,
			    const struct object_change *change)
{
	struct ceph_osd_request *req;
	int ret;

	req = trbd_request_alloc(session, oid, oloc, change->witness ? 4 : 3, CEPH_OSD_FLAG_WRITE);
	if (!req)
		return -ENOMEM;
	ret = object_set_number_if(req, xattr, expected, new);
	if (!ret)
		ret = object_init_change(req, change);
	if (!ret && change->witness)
		ret = trbd_witness_note(req, 3, change->witness);
	if (!ret)
		ret = object_send(session, req, change->limit_ms);
	ceph_osdc_put_request(req);
	return ret;
}

/**
 * trbd_object_write_if() - write a part of an object if an xattr has the expected number
 * @session: session to send it on
 * @oid: object; must be there
 * @oloc: pool and namespace
 * @write: what
 *
 * Context: may sleep up to the session's mount_timeout.
 * Return: 0; -ECANCELED if the number was another; -ENOENT, -ETIMEDOUT, -EINTR, -ENOMEM, others.
 */
int trbd_object_write_if(struct trbd_session *session, const struct ceph_object_id *oid,
			 const struct ceph_object_locator *oloc, const struct trbd_object_write *write)
{
	struct object_change change = {
		.off = write->off,
		.buf = write->buf,
		.len = write->len,
		.witness = write->witness,
		.limit_ms = write->limit_ms,
	};

	return object_change_if(session, oid, oloc, write->xattr, write->expected, write->new, &change);
}

/**
 * trbd_object_call_if() - call a writing class method if an xattr has the expected number
 * @session: session to send it on
 * @oid: object; must be there
 * @oloc: pool and namespace
 * @xattr: name of the xattr; a missing one counts as 0
 * @expected: what it must be
 * @new: what it becomes in the same transaction
 * @class: object class
 * @method: its method
 * @in: encoded arguments
 * @in_len: their length, at least 1
 *
 * Context: may sleep up to the session's mount_timeout.
 * Return: 0; -ECANCELED if the number was another; -ENOENT, -ETIMEDOUT, -EINTR, -ENOMEM, others.
 */
int trbd_object_call_if(struct trbd_session *session, const struct ceph_object_id *oid,
			const struct ceph_object_locator *oloc, const char *xattr, u64 expected, u64 new,
			const char *class, const char *method, const void *in, size_t in_len)
{
	struct object_change change = { .class = class, .method = method, .buf = in, .len = in_len };

	return object_change_if(session, oid, oloc, xattr, expected, new, &change);
}
