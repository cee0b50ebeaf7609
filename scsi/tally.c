// SPDX-License-Identifier: GPL-2.0
/*
 * Counters and histograms of a unit's commands: their names, their sums, and their texts.
 *
 * Monitoring reads the texts (docs/metrics.md), so a name never changes its meaning. Lines may be
 * added.
 *
 *	counters    NAME VALUE
 *	latency     CLASS LE COUNT, and CLASS sum VALUE
 *
 * LE is the upper bound of a bucket in microseconds. COUNT has only the commands of that bucket,
 * and not those of the buckets below.
 *
 * No I/O, no locks: the unit tests compile this file as it is. scsi/stats.c counts.
 */
#include <linux/kernel.h>
#include <linux/types.h>

#include "scsi/tally.h"

/**
 * struct tally_counter - a line of the counters
 * @name: name
 * @off: where its number is in struct trbd_tally
 */
struct tally_counter {
	const char *name;
	size_t off;
};

#define COMMANDS(name, kind) \
	{ name, offsetof(struct trbd_tally, commands[kind]) }
#define BYTES(name, kind) \
	{ name, offsetof(struct trbd_tally, bytes[kind]) }
#define ANSWERS(name, answer) \
	{ name, offsetof(struct trbd_tally, answers[answer]) }

static const struct tally_counter tally_counters[] = {
	COMMANDS("reads", TRBD_CDB_KIND_READ),
	BYTES("read_bytes", TRBD_CDB_KIND_READ),
	COMMANDS("writes", TRBD_CDB_KIND_WRITE),
	BYTES("write_bytes", TRBD_CDB_KIND_WRITE),
	COMMANDS("unmaps", TRBD_CDB_KIND_UNMAP),
	BYTES("unmap_bytes", TRBD_CDB_KIND_UNMAP),
	COMMANDS("write_sames", TRBD_CDB_KIND_WRITE_SAME),
	BYTES("write_same_bytes", TRBD_CDB_KIND_WRITE_SAME),
	COMMANDS("compare_and_writes", TRBD_CDB_KIND_COMPARE_AND_WRITE),
	ANSWERS("miscompares", TRBD_TALLY_MISCOMPARE),
	COMMANDS("verifies", TRBD_CDB_KIND_VERIFY),
	COMMANDS("flushes", TRBD_CDB_KIND_FLUSH),
	COMMANDS("reservations_in", TRBD_CDB_KIND_RESERVATION_IN),
	COMMANDS("reservations_out", TRBD_CDB_KIND_RESERVATION_OUT),
	COMMANDS("other_commands", TRBD_CDB_KIND_OTHER),
	ANSWERS("good", TRBD_TALLY_GOOD),
	ANSWERS("busy", TRBD_TALLY_BUSY),
	ANSWERS("conflicts", TRBD_TALLY_CONFLICT),
	ANSWERS("check_not_ready", TRBD_TALLY_NOT_READY),
	ANSWERS("check_medium_error", TRBD_TALLY_MEDIUM_ERROR),
	ANSWERS("check_hardware_error", TRBD_TALLY_HARDWARE_ERROR),
	ANSWERS("check_illegal_request", TRBD_TALLY_ILLEGAL_REQUEST),
	ANSWERS("check_unit_attention", TRBD_TALLY_UNIT_ATTENTION),
	ANSWERS("check_data_protect", TRBD_TALLY_DATA_PROTECT),
	ANSWERS("check_aborted", TRBD_TALLY_ABORTED),
	ANSWERS("check_miscompare", TRBD_TALLY_MISCOMPARE),
	ANSWERS("check_other", TRBD_TALLY_CHECK_OTHER),
	ANSWERS("task_aborted", TRBD_TALLY_TASK_ABORTED),
	ANSWERS("left_to_lio", TRBD_TALLY_LEFT_TO_LIO),
};

static const char *const tally_classes[TRBD_TALLY_CLASSES] = {
	[TRBD_CDB_KIND_READ] = "read",
	[TRBD_CDB_KIND_WRITE] = "write",
	[TRBD_CDB_KIND_UNMAP] = "unmap",
	[TRBD_CDB_KIND_COMPARE_AND_WRITE] = "compare_and_write",
	[TRBD_TALLY_OTHER] = "other",
};

/**
 * trbd_tally_add() - add the counters of one processor
 * @sum: what they are added to
 * @one: the counters; they may grow meanwhile
 */
void trbd_tally_add(struct trbd_tally *sum, const struct trbd_tally *one)
{
	const u64 *from = (const u64 *)one;
	u64 *to = (u64 *)sum;
	size_t i;

	for (i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] += from[i];
}

/**
 * trbd_tally_show_counters() - print the counters
 * @tally: counters of all processors
 * @buf: where the text goes
 * @size: room in @buf
 *
 * Return: length of the text, cut to what fits.
 */
size_t trbd_tally_show_counters(const struct trbd_tally *tally, char *buf, size_t size)
{
	size_t len = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tally_counters); i++)
		len += scnprintf(buf + len, size - len, "%s %llu\n", tally_counters[i].name,
				 *(const u64 *)((const char *)tally + tally_counters[i].off));
	return len;
}

static size_t tally_show_class(const struct trbd_tally *tally, unsigned int class, char *buf,
			       size_t size)
{
	const char *name = tally_classes[class];
	size_t len = 0;
	unsigned int i;

	for (i = 0; i < TRBD_TALLY_BUCKETS - 1; i++)
		len += scnprintf(buf + len, size - len, "%s %llu %llu\n", name,
				 1ULL << (TRBD_TALLY_SHIFT + i), tally->buckets[class][i]);
	len += scnprintf(buf + len, size - len, "%s +Inf %llu\n", name, tally->buckets[class][i]);
	return len + scnprintf(buf + len, size - len, "%s sum %llu\n", name, tally->us[class]);
}

/**
 * trbd_tally_show_latency() - print the histograms
 * @tally: counters of all processors
 * @buf: where the text goes
 * @size: room in @buf
 *
 * Return: length of the text, cut to what fits.
 */
size_t trbd_tally_show_latency(const struct trbd_tally *tally, char *buf, size_t size)
{
	unsigned int class;
	size_t len = 0;

	for (class = 0; class < TRBD_TALLY_CLASSES; class++)
		len += tally_show_class(tally, class, buf + len, size - len);
	return len;
}
