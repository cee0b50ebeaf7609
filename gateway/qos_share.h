/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_QOS_SHARE_H
#define TRBD_GATEWAY_QOS_SHARE_H

#include <linux/types.h>

#include "gateway/qos_bucket.h"

struct trbd_object;

/**
 * struct trbd_qos_share - this gateway's access to the bucket of an image
 * @header: header object of the image; constant
 * @name: of the image, for messages; constant
 * @id: number of this gateway as one that draws; constant
 * @offset_ms: time of the bucket minus trbd_clock_local_ms()
 * @has_time: @offset_ms is known
 * @is_known: nobody else draws, so the bucket is most likely still as in @bucket
 * @collisions: how many draws in a row lost to other gateways
 * @warned: the bucket cannot be read, and the log says so
 * @bucket: the bucket as it was read or written last
 * @next: the bucket as it is to be written
 *
 * One caller at a time.
 */
struct trbd_qos_share {
	const struct trbd_object *header;
	const char *name;
	u64 id;
	u64 offset_ms;
	bool has_time;
	bool is_known;
	unsigned int collisions;
	bool warned;
	struct trbd_qos_bucket bucket;
	struct trbd_qos_bucket next;
};

void trbd_qos_share_init(struct trbd_qos_share *share, const struct trbd_object *header,
			 const char *name);
int trbd_qos_share_draw(struct trbd_qos_share *share, const struct trbd_qos_limits *limits,
			const u64 *want, u64 *got);

#endif /* TRBD_GATEWAY_QOS_SHARE_H */
