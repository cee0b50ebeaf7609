// SPDX-License-Identifier: GPL-2.0
/*
 * Notifying the watchers of an object, and collecting their answers.
 *
 * The OSD collects the answers. It sends them back when all watchers have answered, or when the
 * time is up, and then adds a list of the watchers that have not answered. A watcher whose watch
 * has expired is in neither list. So the lists say who is there, and never who is not.
 *
 *	u32 count, { u64 gid, u64 cookie, u32 len, answer }...,
 *	u32 count, { u64 gid, u64 cookie }...
 */
#include <linux/ceph/decode.h>
#include <linux/ceph/libceph.h>
#include <linux/ceph/osd_client.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "rados/notify.h"
#include "rados/request.h"
#include "rados/session.h"

/* room for the answers of a thousand watchers; an OSD that sends more talks nonsense */
#define NOTIFY_REPLY_MAX	(256 * 1024)

static int notify_parse(void *p, void *end,
			void (*answered)(void *arg, const void *reply, size_t len), void *arg)
{
	u32 count, len;

	ceph_decode_32_safe(&p, end, count, bad);
	while (count--) {
		ceph_decode_skip_n(&p, end, 2 * sizeof(u64), bad);
		ceph_decode_32_safe(&p, end, len, bad);
		ceph_decode_need(&p, end, len, bad);
		answered(arg, p, len);
		p += len;
	}
	return 0;
bad:
	return -EBADMSG;
}

/**
 * trbd_notify() - notify the watchers of an object and wait for their answers
 * @object: the object
 * @payload: message to the watchers
 * @len: length of @payload, bytes
 * @timeout_s: for how long the OSD waits for answers, seconds
 * @answered: called with the answer of each watcher that acknowledged, before this returns
 * @arg: argument of @answered
 *
 * Context: process; sleeps until all have answered or @timeout_s is over, and for as long as the
 * OSD cannot be reached; a fatal signal ends the wait.
 * Return: 0 when the notification went through the OSD and came back, whoever answered; -EINTR,
 * -ENOENT, -ETIMEDOUT when the OSD said nothing, -EBADMSG, -ENOMEM, others.
 */
int trbd_notify(const struct trbd_object *object, const void *payload, size_t len,
		unsigned int timeout_s, void (*answered)(void *arg, const void *reply, size_t len),
		void *arg)
{
	struct page **pages = NULL;
	size_t reply_len = 0;
	void *reply;
	int ret;

	ret = ceph_osdc_notify(trbd_session_osdc(object->session),
			       (struct ceph_object_id *)object->oid,
			       (struct ceph_object_locator *)object->oloc, (void *)payload, len,
			       timeout_s, &pages, &reply_len);
	if (ret == -ERESTARTSYS)
		ret = -EINTR;
	if (!pages)
		return ret ? ret : -EBADMSG;

	/* with pages, -ETIMEDOUT comes from the OSD: some watchers have not answered */
	if (!ret || ret == -ETIMEDOUT) {
		ret = reply_len > NOTIFY_REPLY_MAX ? -EBADMSG : -ENOMEM;
		reply = ret == -ENOMEM ? kvmalloc(max_t(size_t, reply_len, 1), GFP_KERNEL) : NULL;
		if (reply) {
			ceph_copy_from_page_vector(pages, reply, 0, reply_len);
			ret = notify_parse(reply, reply + reply_len, answered, arg);
			kvfree(reply);
		}
	}
	ceph_release_page_vector(pages, calc_pages_for(0, reply_len));
	return ret;
}
