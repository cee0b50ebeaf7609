// SPDX-License-Identifier: GPL-2.0
/*
 * Two operations on a watched object that libceph's own functions do not do well enough.
 *
 * ceph_osdc_notify_ack() waits for the OSD without a limit. ceph_osdc_list_watchers() has one page
 * of room for the answer; libceph drops a longer answer and waits for ever. This file builds both
 * requests itself. They wait for mount_timeout at most, and have room for the longest answer.
 *
 *	acknowledgment    u64 notify_id, u64 cookie, u32 len, bytes
 *	watchers           frame { u32 count, frame { entity name, u64 cookie, ... }... }
 *
 * The cookie of a watch is its watcher's own number for it. Two clients may use the same cookie.
 */
#include <linux/ceph/decode.h>
#include <linux/ceph/libceph.h>
#include <linux/ceph/msgr.h>
#include <linux/ceph/osd_client.h>
#include <linux/ceph/rados.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "rados/request.h"
#include "rados/watch_ops.h"

/* room for some 800 watchers */
#define WATCHERS_PAGES		16

/* The request owns the pages from here on. */
static void watch_ops_set_pages(struct ceph_osd_data *data, struct page **pages, u64 len)
{
	data->type = CEPH_OSD_DATA_TYPE_PAGES;
	data->pages = pages;
	data->length = len;
	data->alignment = 0;
	data->pages_from_pool = false;
	data->own_pages = true;
}

/* Consumes @req. Return: the result of the request. */
static int watch_ops_run(const struct trbd_object *object, struct ceph_osd_request *req)
{
	int ret = ceph_osdc_alloc_messages(req, GFP_NOIO);

	if (!ret)
		ret = trbd_request_wait(object->session, req, 0);
	ceph_osdc_put_request(req);
	return ret;
}

/**
 * trbd_notify_ack() - acknowledge a notification
 * @object: watched object
 * @notify_id: number of the notification
 * @cookie: number of the watch
 * @reply: reply to the notifier
 * @len: length of @reply, bytes, much less than a page
 *
 * Context: may sleep up to the session's mount_timeout.
 * Return: 0, -ENOMEM, -ETIMEDOUT, -EINTR after a fatal signal, errors of the OSD.
 */
int trbd_notify_ack(const struct trbd_object *object, u64 notify_id, u64 cookie, const void *reply,
		    size_t len)
{
	struct ceph_osd_request *req;
	struct ceph_osd_req_op *op;
	struct page **pages;
	void *start, *p;

	req = trbd_request_alloc(object, 1, CEPH_OSD_FLAG_READ);
	if (!req)
		return -ENOMEM;
	pages = ceph_alloc_page_vector(1, GFP_NOIO);
	if (IS_ERR(pages)) {
		ceph_osdc_put_request(req);
		return PTR_ERR(pages);
	}

	start = page_address(pages[0]);
	p = start;
	ceph_encode_64(&p, notify_id);
	ceph_encode_64(&p, cookie);
	ceph_encode_32(&p, len);
	ceph_encode_copy(&p, reply, len);

	op = osd_req_op_init(req, 0, CEPH_OSD_OP_NOTIFY_ACK, 0);
	op->indata_len = p - start;
	watch_ops_set_pages(osd_req_op_data(req, 0, notify_ack, request_data), pages,
			    op->indata_len);
	return min(watch_ops_run(object, req), 0);
}

/* Return: 1 if the client is among the watchers with that cookie, 0 if it is not, -EBADMSG. */
static int watchers_find(void *p, void *end, u64 gid, u64 cookie)
{
	struct ceph_entity_name name;
	u8 struct_v;
	u32 count, len;

	if (ceph_start_decoding(&p, end, 1, "obj_list_watch_response_t", &struct_v, &len))
		return -EBADMSG;
	ceph_decode_32_safe(&p, end, count, bad);
	while (count--) {
		void *next;

		if (ceph_start_decoding(&p, end, 1, "watch_item_t", &struct_v, &len))
			return -EBADMSG;
		next = p + len;
		ceph_decode_need(&p, next, sizeof(name) + sizeof(u64), bad);
		ceph_decode_copy(&p, &name, sizeof(name));
		if (name.type == CEPH_ENTITY_TYPE_CLIENT && le64_to_cpu(name.num) == gid &&
		    ceph_decode_64(&p) == cookie)
			return 1;
		p = next;
	}
	return 0;
bad:
	return -EBADMSG;
}

static int watchers_parse(struct page **pages, u32 len, u64 gid, u64 cookie)
{
	void *answer = kvmalloc(max_t(u32, len, 1), GFP_KERNEL);
	int ret;

	if (!answer)
		return -ENOMEM;
	ceph_copy_from_page_vector(pages, answer, 0, len);
	ret = watchers_find(answer, answer + len, gid, cookie);
	kvfree(answer);
	return ret;
}

/**
 * trbd_has_watcher() - find out whether a client watches an object
 * @object: the object
 * @gid: number of the client
 * @cookie: number of its watch
 *
 * Context: may sleep up to the session's mount_timeout.
 * Return: 1 if the client watches, 0 if it does not; -ENOMEM, -ETIMEDOUT, -EINTR after a fatal
 * signal, -EBADMSG, errors of the OSD.
 */
int trbd_has_watcher(const struct trbd_object *object, u64 gid, u64 cookie)
{
	struct ceph_osd_request *req;
	struct page **pages;
	int ret;

	req = trbd_request_alloc(object, 1, CEPH_OSD_FLAG_READ);
	if (!req)
		return -ENOMEM;
	pages = ceph_alloc_page_vector(WATCHERS_PAGES, GFP_NOIO);
	if (IS_ERR(pages)) {
		ceph_osdc_put_request(req);
		return PTR_ERR(pages);
	}
	osd_req_op_init(req, 0, CEPH_OSD_OP_LIST_WATCHERS, 0);
	watch_ops_set_pages(osd_req_op_data(req, 0, list_watchers, response_data), pages,
			    WATCHERS_PAGES * PAGE_SIZE);

	ceph_osdc_get_request(req);
	ret = watch_ops_run(object, req);
	if (ret >= 0)
		ret = watchers_parse(pages, req->r_ops[0].outdata_len, gid, cookie);
	ceph_osdc_put_request(req);
	return ret;
}
