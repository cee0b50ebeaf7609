// SPDX-License-Identifier: GPL-2.0
/*
 * Counters and histograms of commands: each latency is in the right bucket, each command in the
 * right counters, and the texts say what monitoring reads.
 */
#include <linux/kernel.h>
#include <stdlib.h>
#include <string.h>

#include "ktap.h"
#include "scsi/tally.h"

static char text[8192];

/* Return whether the text has this line. */
static bool has(const char *line)
{
	const char *at = text;
	size_t len = strlen(line);

	while ((at = strstr(at, line))) {
		if ((at == text || at[-1] == '\n') && at[len] == '\n')
			return true;
		at += len;
	}
	return false;
}

static unsigned int lines(void)
{
	const char *at;
	unsigned int count = 0;

	for (at = text; *at; at++)
		count += *at == '\n';
	return count;
}

/* A latency belongs to the first bucket whose upper bound is not below it. */
static void test_buckets(void)
{
	unsigned int i;
	bool right = true;

	ktap_ok(trbd_tally_bucket(0) == 0 && trbd_tally_bucket(1) == 0 && trbd_tally_bucket(64) == 0,
		"up to 64 us: the first bucket");
	for (i = 0; i < TRBD_TALLY_BUCKETS - 1; i++)
		right &= trbd_tally_bucket(64ULL << i) == i && trbd_tally_bucket((64ULL << i) + 1) == i + 1;
	ktap_ok(right, "a bound is in its bucket, and one microsecond more is in the next one");
	ktap_ok(trbd_tally_bucket(33554432) == TRBD_TALLY_BUCKETS - 2, "33554432 us is the last bound");
	ktap_ok(trbd_tally_bucket(33554433) == TRBD_TALLY_BUCKETS - 1 &&
		trbd_tally_bucket(~0ULL) == TRBD_TALLY_BUCKETS - 1, "all that takes longer is in the last bucket");
}

static enum trbd_cdb_kind kind(unsigned char opcode)
{
	const u8 cdb[TRBD_CDB_MAX] = { opcode };

	return trbd_cdb_kind(cdb);
}

static void test_kinds(void)
{
	ktap_ok(kind(0x08) == TRBD_CDB_KIND_READ && kind(0x28) == TRBD_CDB_KIND_READ &&
		kind(0xa8) == TRBD_CDB_KIND_READ && kind(0x88) == TRBD_CDB_KIND_READ, "READ");
	ktap_ok(kind(0x0a) == TRBD_CDB_KIND_WRITE && kind(0x2a) == TRBD_CDB_KIND_WRITE &&
		kind(0xaa) == TRBD_CDB_KIND_WRITE && kind(0x8a) == TRBD_CDB_KIND_WRITE &&
		kind(0x2e) == TRBD_CDB_KIND_WRITE && kind(0x8e) == TRBD_CDB_KIND_WRITE,
		"WRITE, and WRITE AND VERIFY");
	ktap_ok(kind(0x42) == TRBD_CDB_KIND_UNMAP && kind(0x89) == TRBD_CDB_KIND_COMPARE_AND_WRITE,
		"UNMAP and COMPARE AND WRITE");
	ktap_ok(kind(0x41) == TRBD_CDB_KIND_WRITE_SAME && kind(0x93) == TRBD_CDB_KIND_WRITE_SAME &&
		kind(0x7f) == TRBD_CDB_KIND_WRITE_SAME, "WRITE SAME");
	ktap_ok(kind(0x2f) == TRBD_CDB_KIND_VERIFY && kind(0x8f) == TRBD_CDB_KIND_VERIFY, "VERIFY");
	ktap_ok(kind(0x35) == TRBD_CDB_KIND_FLUSH && kind(0x91) == TRBD_CDB_KIND_FLUSH &&
		kind(0x34) == TRBD_CDB_KIND_OTHER, "SYNCHRONIZE CACHE is a flush, PRE-FETCH is not");
	ktap_ok(kind(0x5e) == TRBD_CDB_KIND_RESERVATION_IN && kind(0x5f) == TRBD_CDB_KIND_RESERVATION_OUT &&
		kind(0x16) == TRBD_CDB_KIND_RESERVATION_OUT && kind(0x57) == TRBD_CDB_KIND_RESERVATION_OUT,
		"reservations");
	ktap_ok(kind(0x00) == TRBD_CDB_KIND_OTHER && kind(0x15) == TRBD_CDB_KIND_OTHER &&
		kind(0x12) == TRBD_CDB_KIND_OTHER && kind(0xff) == TRBD_CDB_KIND_OTHER,
		"all others, also what is not supported");
	ktap_ok(trbd_tally_class(TRBD_CDB_KIND_COMPARE_AND_WRITE) == TRBD_CDB_KIND_COMPARE_AND_WRITE &&
		trbd_tally_class(TRBD_CDB_KIND_WRITE_SAME) == TRBD_TALLY_OTHER &&
		trbd_tally_class(TRBD_CDB_KIND_OTHER) == TRBD_TALLY_OTHER,
		"kinds without a histogram of their own share one");
}

static void test_counters(void)
{
	struct trbd_tally tally = { }, other = { };

	tally.commands[TRBD_CDB_KIND_READ] = 3;
	tally.bytes[TRBD_CDB_KIND_READ] = 12288;
	tally.answers[TRBD_TALLY_MISCOMPARE] = 2;
	tally.answers[TRBD_TALLY_LEFT_TO_LIO] = 18446744073709551615ULL;
	other.commands[TRBD_CDB_KIND_READ] = 4;
	other.answers[TRBD_TALLY_CONFLICT] = 1;
	trbd_tally_add(&tally, &other);
	trbd_tally_show_counters(&tally, text, sizeof(text));
	ktap_ok(has("reads 7"), "the counters of two processors are added up");
	ktap_ok(has("read_bytes 12288") && has("conflicts 1") && has("writes 0"), "each has its line");
	ktap_ok(has("miscompares 2") && has("check_miscompare 2"), "a miscompare has two names");
	ktap_ok(has("left_to_lio 18446744073709551615"), "a counter has 64 bits");
	ktap_ok(lines() == TRBD_CDB_KINDS + 4 + TRBD_TALLY_ANSWERS + 1, "and none is missing");
}

static void test_latency(void)
{
	struct trbd_tally tally = { };
	size_t len;

	tally.buckets[TRBD_CDB_KIND_WRITE][0] = 5;
	tally.buckets[TRBD_CDB_KIND_WRITE][1] = 6;
	tally.buckets[TRBD_TALLY_OTHER][TRBD_TALLY_BUCKETS - 1] = 7;
	tally.us[TRBD_CDB_KIND_WRITE] = 1000;
	len = trbd_tally_show_latency(&tally, text, sizeof(text));
	ktap_ok(has("write 64 5") && has("write 128 6"), "the counts are not cumulative");
	ktap_ok(has("other +Inf 7"), "the last bucket has no end");
	ktap_ok(has("read 33554432 0") && has("unmap 64 0") && has("compare_and_write 64 0"), "empty buckets are there");
	ktap_ok(has("write sum 1000") && has("read sum 0"), "each class has its sum");
	ktap_ok(lines() == TRBD_TALLY_CLASSES * (TRBD_TALLY_BUCKETS + 1), "and no line is missing");
	ktap_ok(len == strlen(text), "the length is told");
	len = trbd_tally_show_latency(&tally, text, 20);
	ktap_ok(len == 19 && strlen(text) == 19, "a text that does not fit is cut");
}

int main(void)
{
	ktap_begin();
	trbd_cdb_init();
	test_buckets();
	test_kinds();
	test_counters();
	test_latency();
	return ktap_end();
}
