// SPDX-License-Identifier: GPL-2.0
/*
 * The limits of an image: librbd's settings rbd_qos_*, as "rbd config image set" leaves them in the
 * image's metadata.
 *
 *	conf_rbd_qos_KIND_limit          0 for no limit
 *	conf_rbd_qos_KIND_burst          0 for no burst
 *	conf_rbd_qos_KIND_burst_seconds  1 unless it is there
 *
 * KIND is iops, bps, or one of these behind read_ or write_. A value is text as it was typed: a
 * number, and K, M, G, T, P or E for a power of 1000.
 *
 * No I/O and no state: the unit tests compile this file as it is.
 */
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/string.h>
#include <linux/types.h>

#include "rbd/qos.h"

static const char * const qos_names[TRBD_QOS_KINDS] = {
	[TRBD_QOS_IOPS] = "iops",
	[TRBD_QOS_BPS] = "bps",
	[TRBD_QOS_READ_IOPS] = "read_iops",
	[TRBD_QOS_WRITE_IOPS] = "write_iops",
	[TRBD_QOS_READ_BPS] = "read_bps",
	[TRBD_QOS_WRITE_BPS] = "write_bps",
};

static const char * const qos_items[TRBD_QOS_ITEMS] = {
	[TRBD_QOS_LIMIT] = "limit",
	[TRBD_QOS_BURST] = "burst",
	[TRBD_QOS_BURST_S] = "burst_seconds",
};

static const char qos_prefixes[] = "KMGTPE";

/**
 * trbd_qos_name() - tell the name of a kind of limits
 * @kind: kind
 *
 * Return: its name, as in the keys.
 */
const char *trbd_qos_name(enum trbd_qos_kind kind)
{
	return qos_names[kind];
}

/**
 * trbd_qos_key() - make a key of the image's metadata
 * @kind: kind of limit
 * @item: which item of it
 * @key: receives the key, TRBD_QOS_KEY_MAX bytes
 */
void trbd_qos_key(enum trbd_qos_kind kind, enum trbd_qos_item item, char *key)
{
	scnprintf(key, TRBD_QOS_KEY_MAX, "conf_rbd_qos_%s_%s", qos_names[kind], qos_items[item]);
}

static bool qos_scale(u64 *value, u64 by)
{
	bool fits = *value <= U64_MAX / by;

	*value = fits ? *value * by : U64_MAX;
	return fits;
}

/**
 * trbd_qos_parse() - read a value
 * @text: the value as it is in the metadata; nobody vouches for it
 * @len: its length
 * @value: receives the number, U64_MAX if it is greater
 *
 * Return: true if Ceph would take the text for a number.
 */
bool trbd_qos_parse(const char *text, size_t len, u64 *value)
{
	const char *prefix = NULL;
	size_t i;

	if (len > 1 && text[len - 1])
		prefix = strchr(qos_prefixes, text[len - 1]);
	if (prefix)
		len--;
	*value = 0;
	for (i = 0; i < len; i++) {
		unsigned int digit = text[i] - '0';

		if (digit > 9)
			return false;
		*value = qos_scale(value, 10) && *value <= U64_MAX - digit ? *value + digit :
									    U64_MAX;
	}
	for (; prefix && prefix >= qos_prefixes; prefix--)
		qos_scale(value, 1000);
	return len;
}

/**
 * trbd_qos_set() - make a limit of what the metadata say
 * @limit: receives the limit
 * @items: a number for each item; 0 for one that is not there
 *
 * librbd goes by the limit alone when the burst is less than the limit.
 */
void trbd_qos_set(struct trbd_qos_limit *limit, const u64 *items)
{
	bool burst = items[TRBD_QOS_BURST] > items[TRBD_QOS_LIMIT];

	limit->rate = items[TRBD_QOS_LIMIT] < TRBD_QOS_RATE_MAX ? items[TRBD_QOS_LIMIT] : 0;
	limit->peak = burst ? min(items[TRBD_QOS_BURST], TRBD_QOS_RATE_MAX) : limit->rate;
	limit->burst_s = 1;
	if (burst && items[TRBD_QOS_BURST_S] > 1)
		limit->burst_s = min(items[TRBD_QOS_BURST_S], (u64)TRBD_QOS_BURST_S_MAX);
}

/**
 * trbd_qos_is_limited() - tell whether there is any limit
 * @limits: limits of an image
 *
 * Return: true if there is.
 */
bool trbd_qos_is_limited(const struct trbd_qos_limits *limits)
{
	unsigned int kind;

	for (kind = 0; kind < TRBD_QOS_KINDS; kind++) {
		if (limits->limit[kind].rate)
			return true;
	}
	return false;
}

/**
 * trbd_qos_concerns() - tell whether a limit concerns a command
 * @kind: kind of limit
 * @write: the command changes data; otherwise it reads
 *
 * Return: true if it does.
 */
bool trbd_qos_concerns(enum trbd_qos_kind kind, bool write)
{
	switch (kind) {
	case TRBD_QOS_READ_IOPS:
	case TRBD_QOS_READ_BPS:
		return !write;
	case TRBD_QOS_WRITE_IOPS:
	case TRBD_QOS_WRITE_BPS:
		return write;
	default:
		return true;
	}
}

/**
 * trbd_qos_counts_bytes() - tell what a limit counts
 * @kind: kind of limit
 *
 * Return: true if it counts bytes, false for operations.
 */
bool trbd_qos_counts_bytes(enum trbd_qos_kind kind)
{
	return kind == TRBD_QOS_BPS || kind == TRBD_QOS_READ_BPS || kind == TRBD_QOS_WRITE_BPS;
}
