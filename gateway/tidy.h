/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_TIDY_H
#define TRBD_GATEWAY_TIDY_H

#include <linux/types.h>

struct trbd_lu;
struct trbd_record;
struct trbd_record_gateway;

void trbd_tidy_add_unit(struct trbd_lu *lu);
void trbd_tidy_remove_unit(struct trbd_lu *lu);
bool trbd_tidy_is_left_behind(const struct trbd_record_gateway *gateway);
bool trbd_tidy_entry_is_true(struct trbd_lu *lu, const struct trbd_record_gateway *gateway);
bool trbd_tidy_record(struct trbd_lu *lu, struct trbd_record *record);
int trbd_tidy(struct trbd_lu *lu);

#endif /* TRBD_GATEWAY_TIDY_H */
