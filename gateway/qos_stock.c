// SPDX-License-Identifier: GPL-2.0
/*
 * The tokens that this gateway has drawn from an image's bucket, and how its commands use them.
 *
 * A command goes when there is any token of each kind that it takes, and takes all that it costs.
 * So the largest command goes as well, and leaves a debt. The next draws pay the debt before any
 * other command goes.
 *
 * When a draw has brought less than was wanted, commands go evenly over the period until the next
 * draw, and not all at its start. Otherwise there is no such pace: a command goes as it comes.
 *
 * A gateway draws for the commands that wait, for its debt, and for as much as it has used in the
 * last period and a little more. Tokens that nobody has used for two periods are dropped but for a
 * small reserve, or they could all be used in one moment much later.
 *
 * No I/O and no memory: the unit tests compile this file as it is.
 */
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/string.h>
#include <linux/types.h>

#include "gateway/qos_stock.h"
#include "protocol.h"

/* part of a period's tokens, at the rate of a burst, that a gateway keeps though it uses none */
#define STOCK_RESERVE		16
/* pause between two draws that both brought what was wanted */
#define STOCK_HURRY_MS		100

static s64 stock_reserve(const struct trbd_qos_limit *limit)
{
	return div_u64(limit->peak * TRBD_QOS_PERIOD_MS, STOCK_RESERVE);
}

/**
 * trbd_qos_cost_of() - tell how many tokens of a kind a command takes
 * @cost: cost of the command
 * @kind: kind
 *
 * Return: tokens, in thousandths; 0 if the kind does not concern the command.
 */
u64 trbd_qos_cost_of(const struct trbd_qos_cost *cost, enum trbd_qos_kind kind)
{
	if (!trbd_qos_concerns(kind, cost->write))
		return 0;
	return 1000 * (trbd_qos_counts_bytes(kind) ? cost->bytes : 1);
}

/* Tell whether the pace allows more of a kind now. */
static bool stock_is_due(const struct trbd_qos_stock *stock, unsigned int kind, u64 now_ms)
{
	u64 since_ms = now_ms - min(stock->drawn_ms, now_ms);

	return !stock->short_of[kind] || since_ms >= TRBD_QOS_PERIOD_MS ||
	       stock->used[kind] * TRBD_QOS_PERIOD_MS <= stock->start[kind] * since_ms;
}

static void stock_drop_old(struct trbd_qos_stock *stock, const struct trbd_qos_limits *limits,
			   u64 now_ms)
{
	unsigned int kind;

	if (now_ms < stock->drawn_ms + 2 * TRBD_QOS_PERIOD_MS)
		return;
	for (kind = 0; kind < TRBD_QOS_KINDS; kind++)
		stock->tokens[kind] = min(stock->tokens[kind], stock_reserve(&limits->limit[kind]));
}

/**
 * trbd_qos_may_go() - tell whether a command may go now
 * @stock: tokens of this gateway
 * @limits: limits of the image
 * @cost: cost of the command
 * @now_ms: trbd_clock_local_ms()
 *
 * Return: true if it may; then trbd_qos_take() follows.
 */
bool trbd_qos_may_go(struct trbd_qos_stock *stock, const struct trbd_qos_limits *limits,
		     const struct trbd_qos_cost *cost, u64 now_ms)
{
	unsigned int kind;

	stock_drop_old(stock, limits, now_ms);
	for (kind = 0; kind < TRBD_QOS_KINDS; kind++) {
		if (!limits->limit[kind].rate || !trbd_qos_cost_of(cost, kind))
			continue;
		if (stock->tokens[kind] <= 0 || !stock_is_due(stock, kind, now_ms))
			return false;
	}
	return true;
}

/**
 * trbd_qos_take() - take the tokens of a command
 * @stock: tokens of this gateway; may become a debt
 * @limits: limits of the image
 * @cost: cost of the command
 */
void trbd_qos_take(struct trbd_qos_stock *stock, const struct trbd_qos_limits *limits,
		   const struct trbd_qos_cost *cost)
{
	unsigned int kind;

	for (kind = 0; kind < TRBD_QOS_KINDS; kind++) {
		u64 tokens = trbd_qos_cost_of(cost, kind);

		if (!limits->limit[kind].rate)
			continue;
		stock->tokens[kind] -= tokens;
		stock->used[kind] += tokens;
	}
}

/**
 * trbd_qos_pause_ms() - tell when to look again whether a command may go
 * @stock: tokens of this gateway
 * @limits: limits of the image
 * @cost: cost of the command
 * @now_ms: trbd_clock_local_ms()
 *
 * Return: ms from now; a period if a draw must come first.
 */
u64 trbd_qos_pause_ms(const struct trbd_qos_stock *stock, const struct trbd_qos_limits *limits,
		      const struct trbd_qos_cost *cost, u64 now_ms)
{
	u64 since_ms = now_ms - min(stock->drawn_ms, now_ms);
	u64 due_ms, latest_ms = 0;
	unsigned int kind;

	for (kind = 0; kind < TRBD_QOS_KINDS; kind++) {
		if (!limits->limit[kind].rate || !trbd_qos_cost_of(cost, kind))
			continue;
		if (stock->tokens[kind] <= 0 || !stock->start[kind])
			return TRBD_QOS_PERIOD_MS;
		if (stock_is_due(stock, kind, now_ms))
			continue;
		due_ms = div64_u64(stock->used[kind] * TRBD_QOS_PERIOD_MS, stock->start[kind]) + 1;
		latest_ms = max(latest_ms, due_ms);
	}
	return latest_ms - min(latest_ms, since_ms);
}

/**
 * trbd_qos_wish() - tell how much to draw
 * @stock: tokens of this gateway
 * @limits: limits of the image
 * @waiting: cost of the commands that wait, of each kind, in thousandths
 * @want: receives what is wanted of each kind, in thousandths
 *
 * Return: true if a draw makes sense; false if nothing is used, waits or is owed.
 */
bool trbd_qos_wish(const struct trbd_qos_stock *stock, const struct trbd_qos_limits *limits,
		   const u64 *waiting, u64 *want)
{
	unsigned int kind;
	bool busy = false;

	for (kind = 0; kind < TRBD_QOS_KINDS; kind++) {
		const struct trbd_qos_limit *limit = &limits->limit[kind];
		s64 wanted = waiting[kind] + stock->used[kind] + stock->used[kind] / 4 +
			     stock_reserve(limit) - stock->tokens[kind];

		want[kind] = 0;
		if (!limit->rate || wanted <= 0)
			continue;
		want[kind] = min((u64)wanted, limit->peak * 1000);
		busy = busy || waiting[kind] || stock->used[kind] || stock->tokens[kind] < 0;
	}
	return busy;
}

/**
 * trbd_qos_next_draw_ms() - tell when the next draw is due
 * @stock: tokens of this gateway
 * @waits: a command waits for tokens, and not for its pace
 *
 * Return: trbd_clock_local_ms() of that moment; it may be over.
 */
u64 trbd_qos_next_draw_ms(const struct trbd_qos_stock *stock, bool waits)
{
	unsigned int kind;
	bool enough = true;

	for (kind = 0; kind < TRBD_QOS_KINDS; kind++)
		enough = enough && !stock->short_of[kind];
	if (!stock->drawn_ms)
		return 0;
	return stock->drawn_ms + (waits && enough ? STOCK_HURRY_MS : TRBD_QOS_PERIOD_MS);
}

/**
 * trbd_qos_add() - add what a draw has brought
 * @stock: tokens of this gateway
 * @limits: limits of the image
 * @want: what was wanted of each kind, in thousandths
 * @got: what the draw has brought
 * @drawn_ms: trbd_clock_local_ms() when the draw began
 */
void trbd_qos_add(struct trbd_qos_stock *stock, const struct trbd_qos_limits *limits,
		  const u64 *want, const u64 *got, u64 drawn_ms)
{
	unsigned int kind;

	for (kind = 0; kind < TRBD_QOS_KINDS; kind++) {
		if (!limits->limit[kind].rate)
			continue;
		stock->tokens[kind] += got[kind];
		stock->start[kind] = max(stock->tokens[kind], 0LL);
		stock->used[kind] = 0;
		stock->got[kind] = got[kind];
		stock->short_of[kind] = got[kind] < want[kind];
	}
	stock->drawn_ms = drawn_ms;
}

/**
 * trbd_qos_alone() - tell what a gateway may have that cannot draw
 * @stock: tokens of this gateway
 * @limits: limits of the image
 * @gateways: how many gateways serve the image
 * @want: what is wanted of each kind, in thousandths
 * @now_ms: trbd_clock_local_ms()
 * @got: receives an equal part of the limit for the time since the last draw
 */
void trbd_qos_alone(const struct trbd_qos_stock *stock, const struct trbd_qos_limits *limits,
		    unsigned int gateways, const u64 *want, u64 now_ms, u64 *got)
{
	u64 since_ms = min(now_ms - min(stock->drawn_ms, now_ms), 4ULL * TRBD_QOS_PERIOD_MS);
	unsigned int kind;

	for (kind = 0; kind < TRBD_QOS_KINDS; kind++)
		got[kind] = min(want[kind], div_u64(limits->limit[kind].rate * since_ms,
						    max(gateways, 1U)));
}

/**
 * trbd_qos_change() - go by other limits
 * @stock: tokens of this gateway
 * @from: the limits so far
 * @to: the limits from now on
 *
 * A kind whose limit changes begins without tokens and without a debt.
 */
void trbd_qos_change(struct trbd_qos_stock *stock, const struct trbd_qos_limits *from,
		     const struct trbd_qos_limits *to)
{
	unsigned int kind;

	for (kind = 0; kind < TRBD_QOS_KINDS; kind++) {
		if (!memcmp(&from->limit[kind], &to->limit[kind], sizeof(to->limit[kind])))
			continue;
		stock->tokens[kind] = 0;
		stock->start[kind] = 0;
		stock->used[kind] = 0;
		stock->got[kind] = 0;
		stock->short_of[kind] = false;
	}
}
