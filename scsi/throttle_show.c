// SPDX-License-Identifier: GPL-2.0
/*
 * The limits of a logical unit, and what this gateway has of them, as text for the operator.
 */
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/spinlock.h>

#include "protocol.h"
#include "rados/clock.h"
#include "scsi/throttle_show.h"
#include "scsi/unit.h"

static size_t throttle_show_limits(const struct trbd_throttle *throttle, char *buf, size_t size)
{
	const char *before = "Limits: ";
	unsigned int kind;
	size_t len = 0;

	for (kind = 0; kind < TRBD_QOS_KINDS; kind++) {
		const struct trbd_qos_limit *limit = &throttle->limits.limit[kind];

		if (!limit->rate)
			continue;
		len += scnprintf(buf + len, size - len, "%s%s=%llu", before, trbd_qos_name(kind),
				 limit->rate);
		if (limit->peak > limit->rate)
			len += scnprintf(buf + len, size - len, "/%llu/%us", limit->peak,
					 limit->burst_s);
		before = ",";
	}
	return len;
}

/* Print what the last draw has brought, a second; 0 if that is long ago. */
static size_t throttle_show_share(const struct trbd_throttle *throttle, char *buf, size_t size)
{
	bool old = trbd_clock_local_ms() > throttle->stock.drawn_ms + 4 * TRBD_QOS_PERIOD_MS;
	const char *before = " LimitShare: ";
	unsigned int kind;
	size_t len = 0;

	for (kind = 0; kind < TRBD_QOS_KINDS; kind++) {
		u64 share = old ? 0 : div_u64(throttle->stock.got[kind], TRBD_QOS_PERIOD_MS);

		if (!throttle->limits.limit[kind].rate)
			continue;
		len += scnprintf(buf + len, size - len, "%s%s=%llu", before, trbd_qos_name(kind),
				 share);
		before = ",";
	}
	return len;
}

/**
 * trbd_throttle_show() - describe the limits as "Key: value" pairs
 * @unit: open unit
 * @buf: where the text goes
 * @size: room in @buf
 *
 * The values have no blanks and no colons.
 *
 * Context: process.
 * Return: length of the text, cut to what fits; 0 if there are no limits.
 */
size_t trbd_throttle_show(struct trbd_unit *unit, char *buf, size_t size)
{
	struct trbd_throttle *throttle = &unit->throttle;
	size_t len = 0;

	spin_lock(&throttle->lock);
	if (throttle->limited) {
		len += throttle_show_limits(throttle, buf, size);
		len += throttle_show_share(throttle, buf + len, size - len);
		len += scnprintf(buf + len, size - len,
				 " LimitBucket: %s LimitWaiting: %u LimitHeld: %llu LimitRefused: %llu ",
				 throttle->alone ? "away" : "shared", throttle->count,
				 throttle->held, throttle->refused);
	}
	spin_unlock(&throttle->lock);
	return len;
}
