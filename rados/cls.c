// SPDX-License-Identifier: GPL-2.0
/*
 * Metadata calls: one object, one answer, somebody waits for it.
 *
 * These are the calls by which an image is opened and refreshed. They differ from data requests in that they wait,
 * and in that they have a deadline: a person at a prompt waits for the end of "enable", and libceph itself would
 * wait for a dead OSD for ever. The deadline is the session's mount_timeout; a fatal signal ends the wait as well.
 *
 * Answers are taken into pages that the request owns, and copied out afterwards: a request that was cancelled
 * takes its pages along, and the caller's buffer is never written to after the call returned. A reply larger than its
 * pages would be dropped by libceph and the call would run into the deadline, so each reply has a page to spare.
 */
#include <linux/ceph/libceph.h>
#include <linux/ceph/osd_client.h>
#include <linux/ceph/rados.h>
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "rados/cls.h"
#include "rados/request.h"

static struct page **request_in_pages(const void *in, size_t in_len)
{
	struct page **pages = ceph_alloc_page_vector(1, GFP_NOIO);

	if (!IS_ERR(pages))
		memcpy(page_address(pages[0]), in, in_len);
	return pages;
}

static int cls_set_method(struct ceph_osd_request *req, unsigned int which, const char *class,
			  const struct trbd_cls_method *method)
{
	struct page **pages;
	int ret;

	if (method->in_len > PAGE_SIZE)
		return -E2BIG;
	ret = osd_req_op_cls_init(req, which, class, method->name);
	if (ret || !method->in_len)
		return ret;
	pages = request_in_pages(method->in, method->in_len);
	if (IS_ERR(pages))
		return PTR_ERR(pages);
	osd_req_op_cls_request_data_pages(req, which, pages, method->in_len, 0, false, true);
	return 0;
}

/* Copies the answers, which have come one behind the other, and returns their length. */
static int cls_take_answers(struct ceph_osd_request *req, struct trbd_cls_method *methods, unsigned int num,
			    struct page **pages, void *out, size_t out_len)
{
	size_t got = 0;
	unsigned int i;

	for (i = 0; i < num; i++) {
		if (req->r_ops[i].rval < 0)
			return req->r_ops[i].rval;
		methods[i].answer_len = req->r_ops[i].outdata_len;
		got += methods[i].answer_len;
	}
	if (got > out_len)
		return -ERANGE;
	ceph_copy_from_page_vector(pages, out, 0, got);
	return got;
}

/**
 * trbd_cls_calls() - call read methods of an object class, all at one moment
 * @session: session to send it on
 * @oid: object
 * @oloc: pool and namespace
 * @class: object class, "rbd"
 * @methods: what to call; their answer_len is set
 * @num: how many, at most TRBD_OSD_OPS_MAX
 * @out: where the answers go, one behind the other
 * @out_len: room in @out
 *
 * Context: may sleep up to the session's mount_timeout.
 * Return: the length of all answers; -ERANGE when they do not fit into @out, -ETIMEDOUT, -EINTR after a fatal
 * signal, -ENOENT for a missing object, -EOPNOTSUPP for a method the OSD does not know, other errors of the first
 * method that failed.
 */
int trbd_cls_calls(struct trbd_session *session, const struct ceph_object_id *oid,
		   const struct ceph_object_locator *oloc, const char *class, struct trbd_cls_method *methods,
		   unsigned int num, void *out, size_t out_len)
{
	unsigned int num_pages = DIV_ROUND_UP(out_len, PAGE_SIZE) + 1;
	struct ceph_osd_request *req;
	struct page **pages;
	unsigned int i;
	int ret = 0;

	req = trbd_request_alloc(session, oid, oloc, num, CEPH_OSD_FLAG_READ);
	if (!req)
		return -ENOMEM;

	for (i = 0; i < num && !ret; i++)
		ret = cls_set_method(req, i, class, &methods[i]);
	if (ret)
		goto out_put;

	pages = ceph_alloc_page_vector(num_pages, GFP_NOIO);
	if (IS_ERR(pages)) {
		ret = PTR_ERR(pages);
		goto out_put;
	}
	/* libceph reads what all ops answer into the memory of the first one until that is full */
	osd_req_op_cls_response_data_pages(req, 0, pages, (u64)num_pages << PAGE_SHIFT, 0, false, true);

	ret = ceph_osdc_alloc_messages(req, GFP_NOIO);
	if (!ret)
		ret = trbd_request_wait(session, req, 0);
	if (ret >= 0)
		ret = cls_take_answers(req, methods, num, pages, out, out_len);
out_put:
	ceph_osdc_put_request(req);
	return ret;
}

/**
 * trbd_cls_call() - call a read method of an object class
 * @session: session to send it on
 * @oid: object
 * @oloc: pool and namespace
 * @class: object class, "rbd"
 * @method: its method
 * @in: encoded arguments, NULL for none
 * @in_len: their length, at most one page
 * @out: where the answer goes
 * @out_len: room in @out
 *
 * Context: may sleep up to the session's mount_timeout.
 * Return: the length of the answer, or an error of trbd_cls_calls().
 */
int trbd_cls_call(struct trbd_session *session, const struct ceph_object_id *oid,
		  const struct ceph_object_locator *oloc, const char *class, const char *method,
		  const void *in, size_t in_len, void *out, size_t out_len)
{
	struct trbd_cls_method call = { .name = method, .in = in, .in_len = in_len };

	return trbd_cls_calls(session, oid, oloc, class, &call, 1, out, out_len);
}

/**
 * trbd_stat() - is there such an object?
 * @session: session to send it on
 * @oid: object
 * @oloc: pool and namespace
 *
 * Context: may sleep up to the session's mount_timeout.
 * Return: 0, -ENOENT, -ETIMEDOUT, -EINTR after a fatal signal, other errors of the OSD.
 */
int trbd_stat(struct trbd_session *session, const struct ceph_object_id *oid,
	      const struct ceph_object_locator *oloc)
{
	struct ceph_osd_request *req;
	struct page **pages;
	int ret;

	req = trbd_request_alloc(session, oid, oloc, 1, CEPH_OSD_FLAG_READ);
	if (!req)
		return -ENOMEM;

	pages = ceph_alloc_page_vector(1, GFP_NOIO);
	if (IS_ERR(pages)) {
		ret = PTR_ERR(pages);
		goto out_put;
	}
	osd_req_op_init(req, 0, CEPH_OSD_OP_STAT, 0);
	osd_req_op_raw_data_in_pages(req, 0, pages, PAGE_SIZE, 0, false, true);

	ret = ceph_osdc_alloc_messages(req, GFP_NOIO);
	if (ret)
		goto out_put;

	ret = min(trbd_request_wait(session, req, 0), 0);
out_put:
	ceph_osdc_put_request(req);
	return ret;
}
