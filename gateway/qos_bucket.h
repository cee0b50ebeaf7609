/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_QOS_BUCKET_H
#define TRBD_GATEWAY_QOS_BUCKET_H

#include <linux/types.h>

#include "rbd/qos.h"

/* as many gateways can note their wishes; more can draw */
#define TRBD_QOS_DRAWERS	16
/* room for the text */
#define TRBD_QOS_TEXT_MAX	4096

/**
 * struct trbd_qos_level - the tokens of one kind that nobody has drawn yet, in thousandths
 * @used: the level counts; false before the kind had a limit
 * @level: tokens in all
 * @peak: how many of them may be drawn at once
 */
struct trbd_qos_level {
	bool used;
	u64 level;
	u64 peak;
};

/**
 * struct trbd_qos_drawer - a gateway that has drawn a moment ago
 * @id: its number
 * @time_ms: when it drew last, by the bucket's time
 * @want: what it wanted then, in thousandths
 */
struct trbd_qos_drawer {
	u64 id;
	u64 time_ms;
	u64 want[TRBD_QOS_KINDS];
};

/**
 * struct trbd_qos_bucket - the tokens of an image, from which all its gateways draw
 * @serial: counts the changes
 * @time_ms: the time up to which tokens have come in; only ever grows
 * @levels: one for each kind
 * @drawers: the gateways that drew lately
 * @num_drawers: entries in @drawers
 */
struct trbd_qos_bucket {
	u64 serial;
	u64 time_ms;
	struct trbd_qos_level levels[TRBD_QOS_KINDS];
	struct trbd_qos_drawer drawers[TRBD_QOS_DRAWERS];
	unsigned int num_drawers;
};

void trbd_qos_draw(struct trbd_qos_bucket *bucket, const struct trbd_qos_limits *limits, u64 now_ms,
		   const struct trbd_qos_drawer *self, u64 *got);
size_t trbd_qos_encode(const struct trbd_qos_bucket *bucket, char *text, size_t size);
bool trbd_qos_decode(struct trbd_qos_bucket *bucket, const char *text, size_t len);

#endif /* TRBD_GATEWAY_QOS_BUCKET_H */
