/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_EXPULSION_H
#define TRBD_GATEWAY_EXPULSION_H

#include <linux/types.h>

struct trbd_lu;
struct trbd_record;

int trbd_expel(struct trbd_lu *lu, const struct trbd_record *record, const bool *gone);

#endif /* TRBD_GATEWAY_EXPULSION_H */
