/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_TALLY_H
#define TRBD_SCSI_TALLY_H

#include <linux/bitops.h>
#include <linux/types.h>

#include "scsi/cdb.h"

/* upper bound of the first bucket: 2^6 us = 64 us */
#define TRBD_TALLY_SHIFT	6
/* each bucket reaches twice as far as the one before; the last one has no end */
#define TRBD_TALLY_BUCKETS	21

/* The classes of the histograms. The first ones are kinds of commands by the same numbers. */
#define TRBD_TALLY_OTHER	4
#define TRBD_TALLY_CLASSES	5

/* How a command ended. */
enum trbd_tally_answer {
	TRBD_TALLY_GOOD,
	TRBD_TALLY_BUSY,
	TRBD_TALLY_CONFLICT,
	TRBD_TALLY_NOT_READY,		/* from here on CHECK CONDITION, by sense key */
	TRBD_TALLY_MEDIUM_ERROR,
	TRBD_TALLY_HARDWARE_ERROR,
	TRBD_TALLY_ILLEGAL_REQUEST,
	TRBD_TALLY_UNIT_ATTENTION,
	TRBD_TALLY_DATA_PROTECT,
	TRBD_TALLY_ABORTED,
	TRBD_TALLY_MISCOMPARE,
	TRBD_TALLY_CHECK_OTHER,
	TRBD_TALLY_TASK_ABORTED,	/* aborted, or its session or LUN went away */
	TRBD_TALLY_LEFT_TO_LIO,		/* LIO executed and answered it */
	TRBD_TALLY_ANSWERS
};

/**
 * struct trbd_tally - counters of a unit's commands, on one processor or added up
 * @commands: commands by kind
 * @bytes: bytes of those that ended with GOOD, by kind
 * @answers: commands by answer
 * @us: sum of latencies by class, microseconds
 * @buckets: commands by class and latency
 */
struct trbd_tally {
	u64 commands[TRBD_CDB_KINDS];
	u64 bytes[TRBD_CDB_KINDS];
	u64 answers[TRBD_TALLY_ANSWERS];
	u64 us[TRBD_TALLY_CLASSES];
	u64 buckets[TRBD_TALLY_CLASSES][TRBD_TALLY_BUCKETS];
};

/**
 * trbd_tally_bucket() - find the bucket of a latency
 * @us: latency, microseconds
 *
 * A latency that equals an upper bound is in that bucket.
 *
 * Return: number of the bucket.
 */
static inline unsigned int trbd_tally_bucket(u64 us)
{
	unsigned int bucket = us ? fls64((us - 1) >> TRBD_TALLY_SHIFT) : 0;

	return bucket < TRBD_TALLY_BUCKETS ? bucket : TRBD_TALLY_BUCKETS - 1;
}

/**
 * trbd_tally_class() - find the histogram of a command
 * @kind: kind of the command
 *
 * Return: number of the class.
 */
static inline unsigned int trbd_tally_class(enum trbd_cdb_kind kind)
{
	return kind < TRBD_TALLY_OTHER ? kind : TRBD_TALLY_OTHER;
}

void trbd_tally_add(struct trbd_tally *sum, const struct trbd_tally *one);
size_t trbd_tally_show_counters(const struct trbd_tally *tally, char *buf, size_t size);
size_t trbd_tally_show_latency(const struct trbd_tally *tally, char *buf, size_t size);

#endif /* TRBD_SCSI_TALLY_H */
