// SPDX-License-Identifier: GPL-2.0
/*
 * Small objects that gateways share: create them, read them, and write a part of them on condition.
 *
 * libceph can compare an xattr with a number and set it, but cannot read one. So the content that
 * must be read lives in the object's data, and a number in an xattr guards it. A write goes through
 * only if the number is the one that the writer expects. The write changes number and data in one
 * transaction.
 *
 * The caller waits for each of these calls. A call ends after the session's mount_timeout, or with
 * a fatal signal. A write that ended early may still be applied later.
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

/* Consumes @req. */
static int object_send(const struct trbd_object *object, struct ceph_osd_request *req,
		       unsigned int limit_ms)
{
	int ret = ceph_osdc_alloc_messages(req, GFP_NOIO);

	if (!ret)
		ret = min(trbd_request_wait(object->session, req, limit_ms), 0);
	ceph_osdc_put_request(req);
	return ret;
}

/**
 * trbd_object_create() - make sure that an object exists and has a size
 * @object: the object
 * @size: bytes; writes within it need no room in a full pool
 *
 * Context: may sleep up to the session's mount_timeout.
 * Return: 0, also if the object existed; -EPERM, -ETIMEDOUT, -EINTR, -ENOMEM, others.
 */
int trbd_object_create(const struct trbd_object *object, u64 size)
{
	struct ceph_osd_request *req = trbd_request_alloc(object, 2, CEPH_OSD_FLAG_WRITE);

	if (!req)
		return -ENOMEM;
	osd_req_op_init(req, 0, CEPH_OSD_OP_CREATE, 0);
	osd_req_op_extent_init(req, 1, CEPH_OSD_OP_TRUNCATE, size, 0, 0, 0);
	return object_send(object, req, 0);
}

/**
 * trbd_object_stat() - find out whether an object exists
 * @object: the object
 *
 * Context: may sleep up to the session's mount_timeout.
 * Return: 0, -ENOENT, -ETIMEDOUT, -EINTR after a fatal signal, other errors of the OSD.
 */
int trbd_object_stat(const struct trbd_object *object)
{
	struct ceph_osd_request *req = trbd_request_alloc(object, 1, CEPH_OSD_FLAG_READ);
	struct page **pages;

	if (!req)
		return -ENOMEM;
	pages = ceph_alloc_page_vector(1, GFP_NOIO);
	if (IS_ERR(pages)) {
		ceph_osdc_put_request(req);
		return PTR_ERR(pages);
	}
	osd_req_op_init(req, 0, CEPH_OSD_OP_STAT, 0);
	osd_req_op_raw_data_in_pages(req, 0, pages, PAGE_SIZE, 0, false, true);
	return object_send(object, req, 0);
}

/*
 * Sets ops 0 and 1: read the data, and ask the witness. Both answers go to @pages, one behind the
 * other.
 */
static int object_init_read(struct ceph_osd_request *req, struct page **pages, size_t len,
			    const struct trbd_witness *witness)
{
	size_t room = len + (witness ? TRBD_WITNESS_ANSWER_MAX : 0);

	osd_req_op_extent_init(req, 0, CEPH_OSD_OP_READ, 0, len, 0, 0);
	osd_req_op_extent_osd_data_pages(req, 0, pages, room, 0, false, true);
	return witness ? trbd_witness_ask(req, 1, witness) : 0;
}

/*
 * Return: time by the OSD's clock, ms, or 0. @got: length of the data in front of the answer,
 * bytes.
 */
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
		ceph_copy_from_page_vector(pages + (got >> PAGE_SHIFT), answer, offset_in_page(got),
					   len);
		time_ms = trbd_witness_time(witness, answer, len);
	}
	kfree(answer);
	return time_ms;
}

/**
 * trbd_object_read() - read an object from its start, and the time that the OSD last noted
 * @object: the object
 * @buf: receives the data
 * @len: room in @buf, bytes
 * @witness: tells where the OSD noted its time, or NULL
 * @osd_ms: set to that time, ms by the OSD's clock, or to 0 when there is none; untouched when
 *	@witness is NULL
 * @limit_ms: give up after this, or 0
 *
 * Context: may sleep up to the session's mount_timeout.
 * Return: bytes read, short at the end of the object; -ENOENT, -ETIMEDOUT, -EINTR, -ENOMEM, others.
 */
int trbd_object_read(const struct trbd_object *object, void *buf, size_t len,
		     const struct trbd_witness *witness, u64 *osd_ms, unsigned int limit_ms)
{
	struct ceph_osd_request *req;
	struct page **pages;
	size_t got;
	int ret;

	req = trbd_request_alloc(object, witness ? 2 : 1, CEPH_OSD_FLAG_READ);
	if (!req)
		return -ENOMEM;

	pages = ceph_alloc_page_vector(DIV_ROUND_UP(len + TRBD_WITNESS_ANSWER_MAX, PAGE_SIZE),
				       GFP_NOIO);
	if (IS_ERR(pages)) {
		ret = PTR_ERR(pages);
		goto out_put;
	}
	/* the request owns the pages from here on */
	ret = object_init_read(req, pages, len, witness);
	if (!ret)
		ret = ceph_osdc_alloc_messages(req, GFP_NOIO);
	if (!ret)
		ret = trbd_request_wait(object->session, req, limit_ms);
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

/* Sets ops 0 and 1: compare the number, and store the new one. */
static int object_set_condition(struct ceph_osd_request *req,
				const struct trbd_object_condition *condition)
{
	char text[24];
	int ret = object_compare_number(req, condition->xattr, condition->expected);

	if (ret)
		return ret;
	return osd_req_op_xattr_init(req, 1, CEPH_OSD_OP_SETXATTR, condition->xattr, text,
				     scnprintf(text, sizeof(text), "%llu", condition->new), 0, 0);
}

/* Makes pages with a copy of @buf. The request that they go to will own them. */
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
 * trbd_object_check_number() - compare the number in an xattr
 * @object: the object; must exist
 * @xattr: name of the xattr; a missing one counts as 0
 * @number: expected number
 *
 * Context: may sleep up to the session's mount_timeout.
 * Return: 0; -ECANCELED if it is another number; -ENOENT, -ETIMEDOUT, -EINTR, -ENOMEM, others.
 */
int trbd_object_check_number(const struct trbd_object *object, const char *xattr, u64 number)
{
	struct ceph_osd_request *req = trbd_request_alloc(object, 1, CEPH_OSD_FLAG_READ);
	int ret;

	if (!req)
		return -ENOMEM;
	ret = object_compare_number(req, xattr, number);
	if (!ret)
		return object_send(object, req, 0);
	ceph_osdc_put_request(req);
	return ret;
}

/* Sets op 2, the change itself. */
static int object_set_change(struct ceph_osd_request *req, const struct trbd_object_change *change)
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

/**
 * trbd_object_change_if() - change an object if the number in an xattr is the expected one
 * @object: the object; must exist
 * @condition: the expected number and the new one
 * @change: the change
 *
 * Context: may sleep up to the session's mount_timeout.
 * Return: 0; -ECANCELED if it was another number; -ENOENT, -ETIMEDOUT, -EINTR, -ENOMEM, others.
 */
int trbd_object_change_if(const struct trbd_object *object,
			  const struct trbd_object_condition *condition,
			  const struct trbd_object_change *change)
{
	struct ceph_osd_request *req;
	int ret;

	req = trbd_request_alloc(object, change->witness ? 4 : 3, CEPH_OSD_FLAG_WRITE);
	if (!req)
		return -ENOMEM;
	ret = object_set_condition(req, condition);
	if (!ret)
		ret = object_set_change(req, change);
	if (!ret && change->witness)
		ret = trbd_witness_note(req, 3, change->witness);
	if (!ret)
		return object_send(object, req, change->limit_ms);
	ceph_osdc_put_request(req);
	return ret;
}
