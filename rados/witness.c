// SPDX-License-Identifier: GPL-2.0
/*
 * The time of an OSD, as a witness of our own time.
 *
 * A machine whose clocks stood still cannot see that from its clocks. An OSD tells its time through
 * the object class "lock". A lock that is taken for a while carries the time at which it expires,
 * by the OSD's clock. So a request that writes also renews a lock, and a request that reads also
 * asks when that lock expires.
 *
 * Nobody waits for the lock. It is a shared lock with an entry for each client and cookie, and the
 * class drops entries that have expired. A client that goes lets its entry expire at once.
 * Otherwise a program that makes and removes a unit again and again would leave so many that the
 * answer to the reader has no room for them.
 */
#include <linux/ceph/decode.h>
#include <linux/ceph/libceph.h>
#include <linux/ceph/osd_client.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/time64.h>

#include "protocol.h"
#include "rados/witness.h"

/* values of cls_lock_types.h */
#define LOCK_SHARED		2
#define LOCK_MAY_RENEW		1

static void witness_encode_string(void **p, const char *text)
{
	ceph_encode_string(p, *p + strlen(text) + sizeof(__le32), text, strlen(text));
}

/* Gives op @which a page with its arguments; the request owns the page. */
static int witness_set_arguments(struct ceph_osd_request *req, unsigned int which, const void *in,
				 size_t len)
{
	struct page **pages = ceph_alloc_page_vector(1, GFP_NOIO);

	if (IS_ERR(pages))
		return PTR_ERR(pages);
	memcpy(page_address(pages[0]), in, len);
	osd_req_op_cls_request_data_pages(req, which, pages, len, 0, false, true);
	return 0;
}

/**
 * trbd_witness_note() - have the OSD note its time (cls_lock lock)
 * @req: request that writes
 * @which: index of the op
 * @witness: tells where the OSD notes the time
 *
 * Context: may sleep for memory.
 * Return: 0 or -ENOMEM.
 */
int trbd_witness_note(struct ceph_osd_request *req, unsigned int which,
		      const struct trbd_witness *witness)
{
	/* name, type, cookie, tag, description, duration, flags */
	size_t len = strlen(witness->lock) + 1 + strlen(witness->cookie) + 4 * sizeof(__le32) +
		     2 * sizeof(__le32) + 1;
	u8 in[128];
	void *p = in;
	int ret;

	if (len + CEPH_ENCODING_START_BLK_LEN > sizeof(in))
		return -EINVAL;
	ceph_start_encoding(&p, 1, 1, len);
	witness_encode_string(&p, witness->lock);
	ceph_encode_8(&p, LOCK_SHARED);
	witness_encode_string(&p, witness->cookie);
	witness_encode_string(&p, "");
	witness_encode_string(&p, "");
	ceph_encode_32(&p, witness->keep_s);
	ceph_encode_32(&p, 0);
	ceph_encode_8(&p, LOCK_MAY_RENEW);

	ret = osd_req_op_cls_init(req, which, "lock", "lock");
	return ret ? ret : witness_set_arguments(req, which, in, p - (void *)in);
}

/**
 * trbd_witness_ask() - ask for the time that the OSD noted (cls_lock get_info)
 * @req: request that reads
 * @which: index of the op; the caller decides where its answer goes
 * @witness: tells where the OSD noted the time
 *
 * Context: may sleep for memory.
 * Return: 0 or -ENOMEM.
 */
int trbd_witness_ask(struct ceph_osd_request *req, unsigned int which,
		     const struct trbd_witness *witness)
{
	size_t len = strlen(witness->lock) + sizeof(__le32);
	u8 in[64];
	void *p = in;
	int ret;

	if (len + CEPH_ENCODING_START_BLK_LEN > sizeof(in))
		return -EINVAL;
	ceph_start_encoding(&p, 1, 1, len);
	witness_encode_string(&p, witness->lock);
	ret = osd_req_op_cls_init(req, which, "lock", "get_info");
	return ret ? ret : witness_set_arguments(req, which, in, p - (void *)in);
}

/* locker_id_t: the name of a client, a cookie. Return: whether the cookie is ours, or -EBADMSG. */
static int witness_decode_id(const struct trbd_witness *witness, void **p, void *end)
{
	u32 struct_len, len;
	void *next;
	u8 struct_v;
	int ours;

	if (ceph_start_decoding(p, end, 1, "locker_id_t", &struct_v, &struct_len))
		return -EBADMSG;
	next = *p + struct_len;
	ceph_decode_skip_n(p, next, 1 + sizeof(u64), bad);
	ceph_decode_32_safe(p, next, len, bad);
	ceph_decode_need(p, next, len, bad);
	ours = len == strlen(witness->cookie) && !memcmp(*p, witness->cookie, len);
	*p = next;
	return ours;
bad:
	return -EBADMSG;
}

/* locker_info_t begins with the time at which the entry expires. Return: that time in ms, or 0. */
static u64 witness_decode_expiration(void **p, void *end)
{
	u32 struct_len, sec, nsec;
	void *next;
	u8 struct_v;

	if (ceph_start_decoding(p, end, 1, "locker_info_t", &struct_v, &struct_len))
		return 0;
	next = *p + struct_len;
	ceph_decode_32_safe(p, next, sec, bad);
	ceph_decode_32_safe(p, next, nsec, bad);
	*p = next;
	return (u64)sec * MSEC_PER_SEC + nsec / NSEC_PER_MSEC;
bad:
	return 0;
}

/**
 * trbd_witness_time() - get the time when the OSD carried out the request that noted it
 * @witness: tells where the OSD noted the time
 * @answer: answer to trbd_witness_ask(); need not be valid
 * @len: length of @answer, bytes
 *
 * Context: any.
 * Return: ms by the OSD's clock; 0 when the answer does not say.
 */
u64 trbd_witness_time(const struct trbd_witness *witness, void *answer, size_t len)
{
	void *p = answer, *end = answer + len;
	u32 struct_len, count;
	u64 expiration_ms;
	u8 struct_v;
	int ours;

	if (ceph_start_decoding(&p, end, 1, "cls_lock_get_info_reply", &struct_v, &struct_len))
		return 0;
	ceph_decode_32_safe(&p, end, count, bad);
	while (count--) {
		ours = witness_decode_id(witness, &p, end);
		expiration_ms = ours < 0 ? 0 : witness_decode_expiration(&p, end);
		if (!expiration_ms)
			break;
		if (ours)
			return expiration_ms - TRBD_WITNESS_LOCK_S * MSEC_PER_SEC;
	}
bad:
	return 0;
}
