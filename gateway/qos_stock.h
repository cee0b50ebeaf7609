/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_QOS_STOCK_H
#define TRBD_GATEWAY_QOS_STOCK_H

#include <linux/types.h>

#include "rbd/qos.h"

/**
 * struct trbd_qos_cost - what a command takes
 * @write: it changes data; otherwise it reads
 * @bytes: how much data it concerns
 */
struct trbd_qos_cost {
	bool write;
	u64 bytes;
};

/**
 * struct trbd_qos_stock - the tokens that this gateway has drawn, in thousandths
 * @tokens: what is left of each kind; negative for a debt
 * @start: what there was after the last draw
 * @used: what was used since the last draw
 * @short_of: the last draw brought less than was wanted
 * @got: what the last draw brought
 * @drawn_ms: when the last draw began, 0 for never
 */
struct trbd_qos_stock {
	s64 tokens[TRBD_QOS_KINDS];
	u64 start[TRBD_QOS_KINDS];
	u64 used[TRBD_QOS_KINDS];
	bool short_of[TRBD_QOS_KINDS];
	u64 got[TRBD_QOS_KINDS];
	u64 drawn_ms;
};

u64 trbd_qos_cost_of(const struct trbd_qos_cost *cost, enum trbd_qos_kind kind);
bool trbd_qos_may_go(struct trbd_qos_stock *stock, const struct trbd_qos_limits *limits,
		     const struct trbd_qos_cost *cost, u64 now_ms);
void trbd_qos_take(struct trbd_qos_stock *stock, const struct trbd_qos_limits *limits,
		   const struct trbd_qos_cost *cost);
u64 trbd_qos_pause_ms(const struct trbd_qos_stock *stock, const struct trbd_qos_limits *limits,
		      const struct trbd_qos_cost *cost, u64 now_ms);
bool trbd_qos_wish(const struct trbd_qos_stock *stock, const struct trbd_qos_limits *limits,
		   const u64 *waiting, u64 *want);
u64 trbd_qos_next_draw_ms(const struct trbd_qos_stock *stock, bool waits);
void trbd_qos_add(struct trbd_qos_stock *stock, const struct trbd_qos_limits *limits,
		  const u64 *want, const u64 *got, u64 drawn_ms);
void trbd_qos_alone(const struct trbd_qos_stock *stock, const struct trbd_qos_limits *limits,
		    unsigned int gateways, const u64 *want, u64 now_ms, u64 *got);
void trbd_qos_change(struct trbd_qos_stock *stock, const struct trbd_qos_limits *from,
		     const struct trbd_qos_limits *to);

#endif /* TRBD_GATEWAY_QOS_STOCK_H */
