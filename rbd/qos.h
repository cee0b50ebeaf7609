/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RBD_QOS_H
#define TRBD_RBD_QOS_H

#include <linux/types.h>

/* the longest key of a limit in an image's metadata, and its end */
#define TRBD_QOS_KEY_MAX	48
/* a limit of more than this, operations or bytes a second, is as good as none */
#define TRBD_QOS_RATE_MAX	1000000000000ULL
/* a burst lasts this long at most, s */
#define TRBD_QOS_BURST_S_MAX	3600

/**
 * enum trbd_qos_kind - kinds of limits, as librbd has them
 * @TRBD_QOS_IOPS: operations
 * @TRBD_QOS_BPS: bytes
 * @TRBD_QOS_READ_IOPS: operations that read
 * @TRBD_QOS_WRITE_IOPS: operations that change data
 * @TRBD_QOS_READ_BPS: bytes of operations that read
 * @TRBD_QOS_WRITE_BPS: bytes of operations that change data
 * @TRBD_QOS_KINDS: number of kinds
 */
enum trbd_qos_kind {
	TRBD_QOS_IOPS,
	TRBD_QOS_BPS,
	TRBD_QOS_READ_IOPS,
	TRBD_QOS_WRITE_IOPS,
	TRBD_QOS_READ_BPS,
	TRBD_QOS_WRITE_BPS,
	TRBD_QOS_KINDS
};

/**
 * enum trbd_qos_item - what an image's metadata say of a kind, each under a key of its own
 * @TRBD_QOS_LIMIT: how much a second
 * @TRBD_QOS_BURST: how much a second in a burst
 * @TRBD_QOS_BURST_S: how long a burst lasts, s
 * @TRBD_QOS_ITEMS: number of items
 */
enum trbd_qos_item {
	TRBD_QOS_LIMIT,
	TRBD_QOS_BURST,
	TRBD_QOS_BURST_S,
	TRBD_QOS_ITEMS
};

/**
 * struct trbd_qos_limit - a limit
 * @rate: how much a second in the long run; 0 for no limit
 * @peak: how much a second in a burst, at least @rate
 * @burst_s: for how long a burst that follows a pause lasts, s; 1 without a burst
 */
struct trbd_qos_limit {
	u64 rate;
	u64 peak;
	u32 burst_s;
};

/**
 * struct trbd_qos_limits - the limits of an image
 * @limit: one for each kind
 */
struct trbd_qos_limits {
	struct trbd_qos_limit limit[TRBD_QOS_KINDS];
};

const char *trbd_qos_name(enum trbd_qos_kind kind);
void trbd_qos_key(enum trbd_qos_kind kind, enum trbd_qos_item item, char *key);
bool trbd_qos_parse(const char *text, size_t len, u64 *value);
void trbd_qos_set(struct trbd_qos_limit *limit, const u64 *items);
bool trbd_qos_is_limited(const struct trbd_qos_limits *limits);
bool trbd_qos_concerns(enum trbd_qos_kind kind, bool write);
bool trbd_qos_counts_bytes(enum trbd_qos_kind kind);

#endif /* TRBD_RBD_QOS_H */
