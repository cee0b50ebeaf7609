// SPDX-License-Identifier: GPL-2.0
/*
 * Metadata calls: one object, one answer, and a caller that waits for it.
 *
 * An image is opened and refreshed by these calls. They differ from data requests in two ways: the
 * caller waits, and the wait has a deadline. A person at a prompt waits for the end of "enable",
 * and libceph by itself would wait for a dead OSD for ever. The deadline is the session's
 * mount_timeout. A fatal signal ends the wait as well.
 *
 * Answers go into pages that the request owns, and are copied out afterwards. A cancelled request
 * takes its pages along, so nothing writes to the caller's buffer after the call has returned.
 * libceph would drop a reply that is larger than its pages, and the call would run into the
 * deadline. Therefore each reply has a page to spare.
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

static struct page **cls_in_pages(const void *in, size_t in_len)
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
	if (method->optional)
		req->r_ops[which].flags |= CEPH_OSD_OP_FLAG_FAILOK;
	if (ret || !method->in_len)
		return ret;
	pages = cls_in_pages(method->in, method->in_len);
	if (IS_ERR(pages))
		return PTR_ERR(pages);
	osd_req_op_cls_request_data_pages(req, which, pages, method->in_len, 0, false, true);
	return 0;
}

/* Copies the answers, which have come one behind the other. Return: their length in all. */
static int cls_take_answers(struct ceph_osd_request *req, struct trbd_cls_method *methods,
			    unsigned int num, struct page **pages, void *out, size_t out_len)
{
	size_t got = 0;
	unsigned int i;

	for (i = 0; i < num; i++) {
		if (req->r_ops[i].rval < 0 &&
		    !(methods[i].optional && req->r_ops[i].rval == -ENOENT))
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
 * trbd_cls_call() - call read methods of an object class, all at one moment
 * @object: the object
 * @class: object class, "rbd"
 * @methods: methods to call; the call sets their answer_len
 * @num: number of methods, at most TRBD_OSD_OPS_MAX
 * @out: receives the answers, one behind the other
 * @out_len: room in @out
 * @limit_ms: how long to wait for the answer; 0 for the session's mount_timeout
 *
 * libceph drops an answer that is far too long, and it never comes.
 *
 * Context: may sleep up to @limit_ms.
 * Return: the length of all answers; -ERANGE when they do not fit into @out, -ETIMEDOUT, -EINTR
 * after a fatal signal, -ENOENT for a missing object, -EOPNOTSUPP for a method that the OSD does
 * not know, other errors of the first method that failed.
 */
int trbd_cls_call(const struct trbd_object *object, const char *class,
		  struct trbd_cls_method *methods, unsigned int num, void *out, size_t out_len,
		  unsigned int limit_ms)
{
	unsigned int num_pages = DIV_ROUND_UP(out_len, PAGE_SIZE) + 1;
	struct ceph_osd_request *req;
	struct page **pages;
	unsigned int i;
	int ret = 0;

	req = trbd_request_alloc(object, num, CEPH_OSD_FLAG_READ);
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
	/*
	 * libceph reads the answers of all ops into the memory of the first op until that is full
	 */
	osd_req_op_cls_response_data_pages(req, 0, pages, (u64)num_pages << PAGE_SHIFT, 0, false,
					   true);

	ret = ceph_osdc_alloc_messages(req, GFP_NOIO);
	if (!ret)
		ret = trbd_request_wait(object->session, req, limit_ms);
	if (ret >= 0)
		ret = cls_take_answers(req, methods, num, pages, out, out_len);
out_put:
	ceph_osdc_put_request(req);
	return ret;
}
