/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_ROUND_H
#define TRBD_GATEWAY_ROUND_H

#include <linux/types.h>

struct trbd_lu;
struct trbd_record;
struct trbd_watch_reply;

int trbd_round_settle(struct trbd_lu *lu, struct trbd_record *known);
int trbd_round_call(struct trbd_lu *lu, const struct trbd_record *record, bool *answered);
void trbd_round_expel_silent(struct trbd_lu *lu);
void trbd_round_announce(struct trbd_lu *lu);
void trbd_round_notified(struct trbd_lu *lu, u32 op, const void *payload, size_t len,
			 struct trbd_watch_reply *reply);

#endif /* TRBD_GATEWAY_ROUND_H */
