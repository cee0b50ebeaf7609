// SPDX-License-Identifier: GPL-2.0
/*
 * Drawing tokens from the bucket that the gateways of an image share.
 *
 * The bucket is the data of the image's header object, where neither librbd nor krbd has any. It
 * comes and goes with the image, and no copy of the image takes it along. A draw reads it, lets
 * gateway/qos_bucket.c decide, and writes it on condition that the number in an xattr is still the
 * same. A gateway that draws alone knows what it has written, and does not read it again.
 *
 * The time of the bucket is nobody's clock. A gateway adds the time that has gone by on its own
 * clock since it saw the bucket last. A gateway that finds a later time in the bucket goes by that
 * one from then on. So the time never goes faster than the fastest of their clocks, and it stands
 * still while no gateway is there.
 *
 * If an answer to a write is lost, the tokens are drawn and nobody gets them. That errs on the
 * right side.
 */
#include <linux/ceph/libceph.h>
#include <linux/ceph/osdmap.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "gateway/qos_share.h"
#include "protocol.h"
#include "rados/clock.h"
#include "rados/object.h"

#define SHARE_XATTR		"tcr.qos"
#define SHARE_TRIES		3
/* after so many draws in a row that lost to others, the number must be wrong */
#define SHARE_COLLISIONS_MAX	8

/**
 * trbd_qos_share_init() - prepare to draw
 * @share: to be filled in
 * @header: header object of the image
 * @name: of the image, for messages
 */
void trbd_qos_share_init(struct trbd_qos_share *share, const struct trbd_object *header,
			 const char *name)
{
	memset(share, 0, sizeof(*share));
	share->header = header;
	share->name = name;
	share->id = get_random_u64();
}

static void share_warn(struct trbd_qos_share *share)
{
	const char *header = share->header->oid->name;

	if (!share->warned) {
		pr_warn("%s: the gateways cannot share the limits, and each goes by its part: the header's bucket is damaged\n",
			share->name);
		pr_warn("%s: run: rados -p POOL setxattr %s " SHARE_XATTR " 0; rados -p POOL truncate %s 0\n",
			share->name, header, header);
	}
	share->warned = true;
}

/* Read the bucket. An empty one begins full. */
static int share_read(struct trbd_qos_share *share, char *text)
{
	int len = trbd_object_read(share->header, text, TRBD_QOS_TEXT_MAX, NULL, NULL,
				   TRBD_QOS_ANSWER_MS);

	if (len < 0)
		return len;
	if (!trbd_qos_decode(&share->bucket, text, len)) {
		memset(&share->bucket, 0, sizeof(share->bucket));
		if (len)
			share_warn(share);
	}
	return 0;
}

static u64 share_now(struct trbd_qos_share *share)
{
	u64 local_ms = trbd_clock_local_ms();

	if (!share->bucket.serial && !share->has_time)
		share->offset_ms = 0;
	else if (!share->has_time || share->bucket.time_ms > local_ms + share->offset_ms)
		share->offset_ms = share->bucket.time_ms - local_ms;
	share->has_time = true;
	return local_ms + share->offset_ms;
}

static int share_write(struct trbd_qos_share *share, char *text)
{
	const struct trbd_object_condition condition = {
		.xattr = SHARE_XATTR,
		.expected = share->bucket.serial,
		.new = share->next.serial,
	};
	const struct trbd_object_change change = {
		.buf = text,
		.len = trbd_qos_encode(&share->next, text, TRBD_QOS_TEXT_MAX),
		.limit_ms = TRBD_QOS_ANSWER_MS,
	};

	return trbd_object_change_if(share->header, &condition, &change);
}

/* Try to draw once. Return: 0; -ECANCELED if another gateway was faster; others. */
static int share_try(struct trbd_qos_share *share, const struct trbd_qos_limits *limits,
		     const struct trbd_qos_drawer *self, u64 *got, char *text)
{
	int ret = share->is_known ? 0 : share_read(share, text);

	share->is_known = false;
	if (ret)
		return ret;
	share->next = share->bucket;
	trbd_qos_draw(&share->next, limits, share_now(share), self, got);
	ret = share_write(share, text);
	if (ret)
		return ret;
	share->bucket = share->next;
	share->is_known = share->bucket.num_drawers == 1 && share->bucket.drawers[0].id == share->id;
	return 0;
}

/**
 * trbd_qos_share_draw() - draw tokens
 * @share: access to the bucket
 * @limits: limits of the image
 * @want: what is wanted of each kind, in thousandths
 * @got: receives what there is; only if this returns 0
 *
 * Context: process; takes one to three round trips, and more beside gateways that draw in the same
 * moment. Each one ends after TRBD_QOS_ANSWER_MS.
 * Return: 0; -EAGAIN if others were faster each time; -EBADMSG for a damaged bucket, -ETIMEDOUT,
 * -EINTR, -ENOMEM, others.
 */
int trbd_qos_share_draw(struct trbd_qos_share *share, const struct trbd_qos_limits *limits,
			const u64 *want, u64 *got)
{
	struct trbd_qos_drawer self = { .id = share->id };
	char *text = kmalloc(TRBD_QOS_TEXT_MAX, GFP_NOIO);
	int ret = -ECANCELED, tries;

	if (!text)
		return -ENOMEM;
	memcpy(self.want, want, sizeof(self.want));
	for (tries = 0; tries < SHARE_TRIES && ret == -ECANCELED; tries++)
		ret = share_try(share, limits, &self, got, text);
	kfree(text);
	if (ret != -ECANCELED) {
		share->collisions = 0;
		if (!ret)
			share->warned = false;
		return ret;
	}
	if (++share->collisions < SHARE_COLLISIONS_MAX)
		return -EAGAIN;
	share_warn(share);
	return -EBADMSG;
}
