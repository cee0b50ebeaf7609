// SPDX-License-Identifier: GPL-2.0
/*
 * Limits of an image: what the metadata say, and that gateways that draw from one bucket never get
 * more than the limit together, however the load is split, and get it when they want it.
 *
 * The gateways here are the module's own code for the bucket and for a gateway's stock. Around them
 * is a clock, and initiators that always have a few commands waiting.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/qos_bucket.h"
#include "gateway/qos_stock.h"
#include "ktap.h"
#include "protocol.h"

#define GATEWAYS	4

/* A gateway, with the commands that initiators have sent it and that wait. */
struct gateway {
	struct trbd_qos_stock stock;
	struct trbd_qos_cost cost;
	u64 id;
	u64 late_ms;		/* how far its idea of the time is behind */
	unsigned int depth;	/* how many commands wait; 0 for an idle gateway */
	unsigned int every_ms;	/* besides, a command comes this often, or never */
	unsigned int backlog;	/* how many of these wait */
	u64 done;
	u64 delayed;
};

static struct trbd_qos_bucket bucket;
static struct trbd_qos_limits limits;
static struct gateway gateways[GATEWAYS];
static u64 now_ms;

static void begin(void)
{
	unsigned int i;

	memset(&bucket, 0, sizeof(bucket));
	memset(&limits, 0, sizeof(limits));
	memset(gateways, 0, sizeof(gateways));
	now_ms = 1000000;
	for (i = 0; i < GATEWAYS; i++) {
		gateways[i].id = i + 1;
		/* gateways do not draw in the same moment */
		gateways[i].stock.drawn_ms = now_ms - TRBD_QOS_PERIOD_MS + 130 * i;
	}
}

static void limit(enum trbd_qos_kind kind, u64 rate, u64 burst, u64 seconds)
{
	const u64 items[TRBD_QOS_ITEMS] = { rate, burst, seconds };

	trbd_qos_set(&limits.limit[kind], items);
}

static void draw(struct gateway *g)
{
	struct trbd_qos_drawer self = { .id = g->id };
	u64 waiting[TRBD_QOS_KINDS] = { }, got[TRBD_QOS_KINDS];
	unsigned int kind;

	for (kind = 0; kind < TRBD_QOS_KINDS; kind++)
		waiting[kind] = (g->depth + g->backlog) * trbd_qos_cost_of(&g->cost, kind);
	if (trbd_qos_next_draw_ms(&g->stock, g->depth + g->backlog) > now_ms ||
	    !trbd_qos_wish(&g->stock, &limits, waiting, self.want))
		return;
	trbd_qos_draw(&bucket, &limits, now_ms - g->late_ms, &self, got);
	trbd_qos_add(&g->stock, &limits, self.want, got, now_ms);
}

static bool try(struct gateway *g)
{
	if (!trbd_qos_may_go(&g->stock, &limits, &g->cost, now_ms))
		return false;
	trbd_qos_take(&g->stock, &limits, &g->cost);
	g->done++;
	return true;
}

/* Let the gateways serve for a time. */
static void run(u64 ms)
{
	u64 end_ms = now_ms + ms;
	unsigned int i, n;

	for (; now_ms < end_ms; now_ms++) {
		for (i = 0; i < GATEWAYS; i++) {
			struct gateway *g = &gateways[i];

			draw(g);
			/* commands that go are replaced at once: each takes a millisecond */
			for (n = 0; n < g->depth && try(g); n++)
				;
			while (g->backlog && try(g))
				g->backlog--;
			if (g->every_ms && now_ms % g->every_ms == 0 && !try(g)) {
				g->backlog++;
				g->delayed++;
			}
		}
	}
}

static u64 done(void)
{
	unsigned int i;
	u64 sum = 0;

	for (i = 0; i < GATEWAYS; i++) {
		sum += gateways[i].done;
		gateways[i].done = 0;
	}
	return sum;
}

static bool near(u64 value, u64 wanted)
{
	return value * 100 >= wanted * 95 && value * 100 <= wanted * 105;
}

static void test_values(void)
{
	static const struct {
		const char *text;
		bool good;
		u64 value;
	} values[] = {
		{ "0", true, 0 }, { "100", true, 100 }, { "10K", true, 10000 },
		{ "10M", true, 10000000 }, { "3E", true, 3000000000000000000ULL },
		{ "99999999999999999999999", true, ~0ULL }, { "99E", true, ~0ULL },
		{ "", false, 0 }, { "K", false, 0 }, { "10k", false, 0 }, { "10 M", false, 0 },
		{ "-1", false, 0 }, { "0x10", false, 0 }, { "5Mi", false, 0 }, { "5B", false, 0 },
	};
	char key[TRBD_QOS_KEY_MAX];
	unsigned int i;
	u64 value;

	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		bool good = trbd_qos_parse(values[i].text, strlen(values[i].text), &value);

		ktap_ok(good == values[i].good && (!good || value == values[i].value),
			"the value '%s' is %s", values[i].text,
			values[i].good ? "what Ceph makes of it" : "no number");
	}
	trbd_qos_key(TRBD_QOS_WRITE_IOPS, TRBD_QOS_BURST_S, key);
	ktap_ok(!strcmp(key, "conf_rbd_qos_write_iops_burst_seconds"), "the longest key is librbd's");
}

static void test_settings(void)
{
	begin();
	ktap_ok(!trbd_qos_is_limited(&limits), "an image without settings has no limit");
	limit(TRBD_QOS_BPS, 1000, 500, 7);
	ktap_ok(limits.limit[TRBD_QOS_BPS].rate == 1000 && limits.limit[TRBD_QOS_BPS].peak == 1000 &&
		limits.limit[TRBD_QOS_BPS].burst_s == 1, "a burst below the limit does not count");
	limit(TRBD_QOS_BPS, 0, 500, 7);
	ktap_ok(!trbd_qos_is_limited(&limits), "a burst without a limit is no limit");
	limit(TRBD_QOS_BPS, ~0ULL, ~0ULL, ~0ULL);
	ktap_ok(!trbd_qos_is_limited(&limits), "a limit beyond all bounds is none");
	limit(TRBD_QOS_BPS, 1000, ~0ULL, ~0ULL);
	trbd_qos_draw(&bucket, &limits, TRBD_QOS_TIME_MAX_MS, &(struct trbd_qos_drawer){ .id = 1 },
		      gateways[0].stock.got);
	ktap_ok(bucket.levels[TRBD_QOS_BPS].level ==
		TRBD_QOS_RATE_MAX * 1000 * TRBD_QOS_BURST_S_MAX, "the longest burst does not overflow");
}

static void test_splits(void)
{
	static const struct {
		const char *name;
		unsigned int depth[GATEWAYS];
		unsigned int every_ms[GATEWAYS];
	} splits[] = {
		{ "one gateway", { 32 }, { } },
		{ "two gateways alike", { 32, 32 }, { } },
		{ "four gateways alike", { 32, 32, 32, 32 }, { } },
		{ "a busy one beside a slow one", { 32 }, { 0, 100 } },
		{ "a deep queue beside a single command", { 128, 1 }, { } },
		{ "three of four with little", { 0, 0, 0, 64 }, { 50, 70, 90 } },
	};
	static const u64 rates[] = { 7, 100, 1000, 30000 };
	unsigned int i, j, k;

	for (i = 0; i < sizeof(splits) / sizeof(splits[0]); i++) {
		for (j = 0; j < sizeof(rates) / sizeof(rates[0]); j++) {
			u64 first, later;

			begin();
			limit(TRBD_QOS_IOPS, rates[j], 0, 0);
			for (k = 0; k < GATEWAYS; k++) {
				gateways[k].depth = splits[i].depth[k];
				gateways[k].every_ms = splits[i].every_ms[k];
			}
			run(10000);
			first = done();
			run(60000);
			later = done();
			ktap_ok(first <= rates[j] * 11 + GATEWAYS, "%s, %llu a second: at first no more than a full bucket (%llu in 10 s)",
				splits[i].name, rates[j], first);
			ktap_ok(near(later, rates[j] * 60), "%s, %llu a second: then the limit (%llu in 60 s)",
				splits[i].name, rates[j], later);
		}
	}
}

static void test_fair(void)
{
	begin();
	limit(TRBD_QOS_IOPS, 1000, 0, 0);
	gateways[0].depth = 64;
	gateways[1].depth = 64;
	run(5000);
	done();
	run(20000);
	ktap_ok(near(gateways[0].done, 10000) && near(gateways[1].done, 10000),
		"two busy gateways get half each (%llu and %llu)", gateways[0].done,
		gateways[1].done);

	begin();
	limit(TRBD_QOS_IOPS, 1000, 0, 0);
	gateways[0].depth = 64;
	gateways[1].every_ms = 20;
	run(5000);
	gateways[1].delayed = 0;
	done();
	run(20000);
	ktap_ok(gateways[1].done >= 990 && gateways[1].delayed * 20 <= gateways[1].done,
		"a gateway that wants little gets it beside a busy one (%llu, of which %llu had to wait)",
		gateways[1].done, gateways[1].delayed);
}

static void test_shift(void)
{
	unsigned int turn;
	u64 sum;

	begin();
	limit(TRBD_QOS_IOPS, 1000, 0, 0);
	run(1);
	gateways[0].depth = 64;
	run(5000);
	done();
	for (turn = 0; turn < 30; turn++) {
		gateways[turn % 3].depth = 0;
		gateways[(turn + 1) % 3].depth = 64;
		run(2000);
	}
	sum = done();
	ktap_ok(sum <= 60 * 1050, "a load that moves between gateways gets no more than the limit (%llu in 60 s)", sum);
	ktap_ok(sum >= 60 * 700, "and most of it");
}

static void test_death(void)
{
	begin();
	limit(TRBD_QOS_IOPS, 1000, 0, 0);
	gateways[0].depth = 64;
	gateways[1].depth = 64;
	run(5000);
	gateways[1].depth = 0;
	run(4 * TRBD_QOS_PERIOD_MS + 1000);
	done();
	run(10000);
	ktap_ok(near(done(), 10000), "a gateway that died leaves its part to the other one");
}

static void test_clocks(void)
{
	begin();
	limit(TRBD_QOS_IOPS, 1000, 0, 0);
	gateways[0].depth = 64;
	gateways[1].depth = 64;
	gateways[1].late_ms = 3000;
	run(5000);
	done();
	run(20000);
	ktap_ok(near(gateways[0].done + gateways[1].done, 20000),
		"a clock that is behind changes nothing about the limit");
	gateways[1].late_ms = 100;
	done();
	run(20000);
	ktap_ok(near(gateways[0].done, 10000) && near(gateways[1].done, 10000),
		"nor does it about the parts, once it is put right");
}

static void test_burst(void)
{
	begin();
	limit(TRBD_QOS_IOPS, 100, 1000, 5);
	gateways[0].depth = 64;
	run(4000);
	ktap_ok(gateways[0].done >= 3800 && gateways[0].done <= 5100,
		"a burst has its own rate (%llu in 4 s at 1000)", gateways[0].done);
	run(4000);
	ktap_ok(gateways[0].done <= 5000 + 8 * 100 + 1,
		"and ends after its time (%llu in 8 s)", gateways[0].done);
	done();
	run(60000);
	ktap_ok(near(gateways[0].done, 6000), "then the limit is in force (%llu in 60 s at 100)",
		gateways[0].done);
	gateways[0].depth = 0;
	run(60000);
	done();
	gateways[0].depth = 64;
	run(4000);
	ktap_ok(gateways[0].done >= 3800, "a pause makes room for the next burst (%llu in 4 s)",
		gateways[0].done);
}

static void test_long_command(void)
{
	u64 bytes;

	begin();
	limit(TRBD_QOS_WRITE_BPS, 1000000, 0, 0);
	gateways[0].cost = (struct trbd_qos_cost){ .write = true, .bytes = 4 << 20 };
	gateways[0].depth = 4;
	run(120000);
	bytes = gateways[0].done * (4 << 20);
	ktap_ok(gateways[0].done > 1, "a command that costs more than a bucket has goes");
	ktap_ok(bytes <= 121000000 + (4 << 20) && bytes >= 110000000,
		"and its debt is paid before the next one (%llu bytes in 120 s at 1000000)", bytes);
}

static void test_kinds(void)
{
	begin();
	limit(TRBD_QOS_WRITE_IOPS, 100, 0, 0);
	gateways[0].depth = 16;
	gateways[1].depth = 16;
	gateways[1].cost.write = true;
	run(10000);
	ktap_ok(gateways[0].done == 10000 * 16, "a limit of writes does not concern reads");
	ktap_ok(gateways[1].done <= 1101 && gateways[1].done >= 950, "but writes");
	begin();
	limit(TRBD_QOS_IOPS, 1000, 0, 0);
	limit(TRBD_QOS_BPS, 100000, 0, 0);
	gateways[0].depth = 16;
	gateways[0].cost.bytes = 1000;
	run(2000);
	done();
	run(20000);
	ktap_ok(near(gateways[0].done, 2000), "of two limits the lower one counts");
}

static void test_change(void)
{
	struct trbd_qos_limits before;

	begin();
	limit(TRBD_QOS_IOPS, 30000, 0, 0);
	gateways[0].depth = 64;
	run(5000);
	before = limits;
	limit(TRBD_QOS_IOPS, 10, 0, 0);
	trbd_qos_change(&gateways[0].stock, &before, &limits);
	done();
	run(10000);
	ktap_ok(gateways[0].done <= 10 * 11 + 1, "a lower limit is in force at once (%llu in 10 s at 10)",
		gateways[0].done);
	before = limits;
	limit(TRBD_QOS_IOPS, 1000, 0, 0);
	trbd_qos_change(&gateways[0].stock, &before, &limits);
	run(1000);
	done();
	run(10000);
	ktap_ok(near(gateways[0].done, 10000), "and so is a higher one");
}

static void test_alone(void)
{
	u64 want[TRBD_QOS_KINDS] = { ~0ULL }, got[TRBD_QOS_KINDS];

	begin();
	limit(TRBD_QOS_IOPS, 1000, 0, 0);
	gateways[0].stock.drawn_ms = now_ms - 500;
	trbd_qos_alone(&gateways[0].stock, &limits, 4, want, now_ms, got);
	ktap_ok(got[TRBD_QOS_IOPS] == 125000, "a gateway that cannot draw goes by an equal part");
	gateways[0].stock.drawn_ms = 0;
	trbd_qos_alone(&gateways[0].stock, &limits, 0, want, now_ms, got);
	ktap_ok(got[TRBD_QOS_IOPS] <= 2000000, "but not for a time that is long over");
}

static void test_text(void)
{
	static const char * const bad[] = {
		"", "target_core_rbd.qos 2\n", "target_core_rbd.qos 1\nserial 1\ntime 2\n",
		"target_core_rbd.qos 1\nserial 1\ntime 2\nlevel 6 1 1\nend\n",
		"target_core_rbd.qos 1\nserial 1\ntime 2\nlevel 0 1 2\nend\n",
		"target_core_rbd.qos 1\nserial 99999999999999999999\ntime 2\nend\n",
		"target_core_rbd.qos 1\nserial 1\ntime 2\ndrawer 0x0000000000000001 1 1\nend\n",
	};
	char text[TRBD_QOS_TEXT_MAX], again[TRBD_QOS_TEXT_MAX];
	struct trbd_qos_bucket read;
	unsigned int i, kind;
	size_t len;

	begin();
	for (kind = 0; kind < TRBD_QOS_KINDS; kind++)
		limit(kind, 1000 + kind, 0, 0);
	for (i = 0; i < GATEWAYS; i++) {
		gateways[i].depth = 8;
		gateways[i].cost.write = i & 1;
	}
	run(3000);
	len = trbd_qos_encode(&bucket, text, sizeof(text));
	strcpy(text + len, "rest of a longer one\n");
	ktap_ok(trbd_qos_decode(&read, text, len + 10), "what is written can be read, whatever is behind it");
	ktap_ok(read.num_drawers == GATEWAYS && trbd_qos_encode(&read, again, sizeof(again)) == len &&
		!memcmp(text, again, len), "and is the same");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ktap_ok(!trbd_qos_decode(&read, bad[i], strlen(bad[i])), "damaged text %u is refused", i);
	memset(&read, 0xff, sizeof(read));
	read.num_drawers = TRBD_QOS_DRAWERS;
	ktap_ok(trbd_qos_encode(&read, text, sizeof(text)) < sizeof(text), "the longest text has room");
	for (i = 0; i < len; i++)
		trbd_qos_decode(&read, again, i);
	ktap_ok(!trbd_qos_decode(&read, again, len - 1), "a text that is cut is refused");
}

int main(void)
{
	ktap_begin();
	test_values();
	test_settings();
	test_splits();
	test_fair();
	test_shift();
	test_death();
	test_clocks();
	test_burst();
	test_long_command();
	test_kinds();
	test_change();
	test_alone();
	test_text();
	return ktap_end();
}
