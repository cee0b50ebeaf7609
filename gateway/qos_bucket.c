// SPDX-License-Identifier: GPL-2.0
/*
 * The tokens of an image with limits: one bucket for all gateways, and its text.
 *
 * Tokens come in at the rate of the limit, and all gateways draw from the same bucket, some hundred
 * milliseconds ahead. A token is drawn once, so the gateways together never get more than the
 * limit, however the load is split between them.
 *
 * As in librbd, each kind of limit has two levels. The first holds what a burst may take in all:
 * its rate for its duration. The second holds one second of a burst, and comes in at the rate of a
 * burst. A gateway can draw the lesser of the two. Without a burst, both are one second of the
 * limit.
 *
 * Of several gateways that draw, each gets what it wants if there is enough for all of them.
 * Otherwise each has a right to an equal part of what has come in since it drew last. It may take
 * more only of what the others leave: each entry says what its gateway wanted, and that much, up to
 * its right, stays for it. An entry counts for DRAWER_ACTIVE_MS. So a gateway that dies, or is
 * idle, leaves the limit to the others after that.
 *
 * The time is the bucket's own. gateway/qos_share.c says how it goes on.
 *
 * No I/O and no memory: the unit tests compile this file as it is. Tokens are in thousandths, so
 * that a rate a second times milliseconds is exact. qos.h limits the rates so that nothing
 * overflows.
 *
 *	target_core_rbd.qos 1
 *	serial 17
 *	time 123456
 *	level KIND LEVEL PEAK
 *	drawer ID TIME WANT WANT WANT WANT WANT WANT
 *	end
 */
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/string.h>
#include <linux/types.h>

#include "gateway/qos_bucket.h"
#include "gateway/text.h"
#include "protocol.h"

#define BUCKET_MAGIC		"target_core_rbd.qos"
#define BUCKET_VERSION		1
/* a gateway that has not drawn for this long has no claim */
#define DRAWER_ACTIVE_MS	(4 * TRBD_QOS_PERIOD_MS)
/* more time than this at once fills every bucket but one with a very long burst */
#define BUCKET_STEP_MAX_MS	(3600U * 1000)
/* no level is greater: the greatest burst for the longest time, in thousandths */
#define BUCKET_LEVEL_MAX	(TRBD_QOS_RATE_MAX * 1000 * TRBD_QOS_BURST_S_MAX)

static void level_fill(struct trbd_qos_level *level, const struct trbd_qos_limit *limit, u64 ms)
{
	u64 room = limit->peak * 1000;
	u64 capacity = room * limit->burst_s;

	if (!level->used) {
		level->used = true;
		level->level = capacity;
		level->peak = room;
	}
	level->level = min(level->level + limit->rate * ms, capacity);
	level->peak = min3(level->peak + limit->peak * ms, room, level->level);
}

static void bucket_fill(struct trbd_qos_bucket *bucket, const struct trbd_qos_limits *limits,
			u64 now_ms)
{
	u64 ms = now_ms > bucket->time_ms ? now_ms - bucket->time_ms : 0;
	unsigned int kind;

	ms = min_t(u64, ms, BUCKET_STEP_MAX_MS);
	for (kind = 0; kind < TRBD_QOS_KINDS; kind++) {
		if (limits->limit[kind].rate)
			level_fill(&bucket->levels[kind], &limits->limit[kind], ms);
	}
	bucket->time_ms = max(bucket->time_ms, now_ms);
}

/* Drop the gateways that have no claim any more. An entry cannot be from the future. */
static void bucket_forget(struct trbd_qos_bucket *bucket)
{
	unsigned int i, kept = 0;

	for (i = 0; i < bucket->num_drawers; i++) {
		const struct trbd_qos_drawer *drawer = &bucket->drawers[i];

		if (drawer->time_ms <= bucket->time_ms &&
		    bucket->time_ms - drawer->time_ms < DRAWER_ACTIVE_MS)
			bucket->drawers[kept++] = *drawer;
	}
	bucket->num_drawers = kept;
}

static struct trbd_qos_drawer *bucket_find(struct trbd_qos_bucket *bucket, u64 id)
{
	unsigned int i;

	for (i = 0; i < bucket->num_drawers; i++) {
		if (bucket->drawers[i].id == id)
			return &bucket->drawers[i];
	}
	return NULL;
}

/* Compute what stays for the others: what each wanted, up to its equal part of a period. */
static u64 bucket_kept(const struct trbd_qos_bucket *bucket, const struct trbd_qos_limit *limit,
		       unsigned int kind, u64 id, unsigned int parts)
{
	u64 part = div_u64(limit->rate * TRBD_QOS_PERIOD_MS, parts);
	unsigned int i;
	u64 kept = 0;

	for (i = 0; i < bucket->num_drawers; i++) {
		if (bucket->drawers[i].id != id)
			kept += min(bucket->drawers[i].want[kind], part);
	}
	return kept;
}

/**
 * trbd_qos_draw() - draw tokens for a gateway
 * @bucket: the bucket; changed
 * @limits: the limits of the image
 * @now_ms: the bucket's time, as the gateway knows it
 * @self: the gateway's number, and what it wants of each kind, in thousandths
 * @got: receives what it gets of each kind, in thousandths
 */
void trbd_qos_draw(struct trbd_qos_bucket *bucket, const struct trbd_qos_limits *limits, u64 now_ms,
		   const struct trbd_qos_drawer *self, u64 *got)
{
	struct trbd_qos_drawer *drawer;
	unsigned int kind, parts;
	u64 since_ms;

	bucket_fill(bucket, limits, now_ms);
	bucket_forget(bucket);
	drawer = bucket_find(bucket, self->id);
	since_ms = drawer ? min(bucket->time_ms - drawer->time_ms, 2ULL * TRBD_QOS_PERIOD_MS) : 0;
	parts = bucket->num_drawers + !drawer;
	for (kind = 0; kind < TRBD_QOS_KINDS; kind++) {
		const struct trbd_qos_limit *limit = &limits->limit[kind];
		struct trbd_qos_level *level = &bucket->levels[kind];
		u64 kept, there, right;

		got[kind] = 0;
		if (!limit->rate)
			continue;
		there = min(level->level, level->peak);
		kept = bucket_kept(bucket, limit, kind, self->id, parts);
		right = div_u64(limit->rate * since_ms, parts);
		got[kind] = min3(self->want[kind], there, max(right, there - min(there, kept)));
		level->level -= got[kind];
		level->peak -= got[kind];
	}
	if (!drawer && bucket->num_drawers < TRBD_QOS_DRAWERS)
		drawer = &bucket->drawers[bucket->num_drawers++];
	if (drawer) {
		*drawer = *self;
		drawer->time_ms = bucket->time_ms;
	}
	bucket->serial++;
}

/**
 * trbd_qos_encode() - write a bucket as text
 * @bucket: the bucket
 * @text: receives the text
 * @size: room in @text; TRBD_QOS_TEXT_MAX is enough
 *
 * Return: length of the text.
 */
size_t trbd_qos_encode(const struct trbd_qos_bucket *bucket, char *text, size_t size)
{
	struct trbd_text_writer w = { .text = text, .size = size };
	unsigned int i, kind;

	trbd_text_put(&w, BUCKET_MAGIC " %u\nserial %llu\ntime %llu\n", BUCKET_VERSION,
		      bucket->serial, bucket->time_ms);
	for (kind = 0; kind < TRBD_QOS_KINDS; kind++) {
		if (bucket->levels[kind].used)
			trbd_text_put(&w, "level %u %llu %llu\n", kind, bucket->levels[kind].level,
				      bucket->levels[kind].peak);
	}
	for (i = 0; i < bucket->num_drawers; i++) {
		const struct trbd_qos_drawer *drawer = &bucket->drawers[i];

		trbd_text_put(&w, "drawer 0x%016llx %llu", drawer->id, drawer->time_ms);
		for (kind = 0; kind < TRBD_QOS_KINDS; kind++)
			trbd_text_put(&w, " %llu", drawer->want[kind]);
		trbd_text_put(&w, "\n");
	}
	trbd_text_put(&w, "end\n");
	return min(w.len, size);
}

static bool decode_level(struct trbd_text_reader *r, struct trbd_qos_bucket *bucket)
{
	u64 kind, level, peak;

	if (!trbd_text_take_number(r, TRBD_QOS_KINDS - 1, &kind) ||
	    !trbd_text_take_number(r, BUCKET_LEVEL_MAX, &level) ||
	    !trbd_text_take_number(r, level, &peak) || !trbd_text_take_end_of_line(r))
		return false;
	bucket->levels[kind] = (struct trbd_qos_level){ true, level, peak };
	return true;
}

static bool decode_drawer(struct trbd_text_reader *r, struct trbd_qos_bucket *bucket)
{
	struct trbd_qos_drawer *drawer;
	unsigned int kind;

	if (bucket->num_drawers == TRBD_QOS_DRAWERS)
		return false;
	drawer = &bucket->drawers[bucket->num_drawers++];
	if (!trbd_text_take_key(r, &drawer->id) ||
	    !trbd_text_take_number(r, TRBD_QOS_TIME_MAX_MS, &drawer->time_ms))
		return false;
	for (kind = 0; kind < TRBD_QOS_KINDS; kind++) {
		if (!trbd_text_take_number(r, BUCKET_LEVEL_MAX, &drawer->want[kind]))
			return false;
	}
	return trbd_text_take_end_of_line(r);
}

/**
 * trbd_qos_decode() - read the text of a bucket
 * @bucket: filled in
 * @text: text that nobody vouches for; what is behind the line "end" does not count
 * @len: its length
 *
 * Return: true if it is one in the form that we write.
 */
bool trbd_qos_decode(struct trbd_qos_bucket *bucket, const char *text, size_t len)
{
	struct trbd_text_reader r = { .p = text, .end = text + len, .line = 1 };
	u64 version;

	memset(bucket, 0, sizeof(*bucket));
	if (!trbd_text_take_number_line(&r, BUCKET_MAGIC, BUCKET_VERSION, &version) ||
	    version != BUCKET_VERSION ||
	    !trbd_text_take_number_line(&r, "serial", TRBD_QOS_TIME_MAX_MS, &bucket->serial) ||
	    !trbd_text_take_number_line(&r, "time", TRBD_QOS_TIME_MAX_MS, &bucket->time_ms))
		return false;
	while (trbd_text_take_keyword(&r, "level")) {
		if (!decode_level(&r, bucket))
			return false;
	}
	while (trbd_text_take_keyword(&r, "drawer")) {
		if (!decode_drawer(&r, bucket))
			return false;
	}
	return trbd_text_take_keyword(&r, "end") && trbd_text_take_end_of_line(&r);
}
