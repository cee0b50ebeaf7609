/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_HOUSEKEEPING_H
#define TRBD_GATEWAY_HOUSEKEEPING_H

#include <linux/types.h>

struct trbd_lu;
struct trbd_record;

bool trbd_housekeeping_tidy(struct trbd_lu *lu, struct trbd_record *record);
int trbd_housekeeping_amend(struct trbd_lu *lu);
void trbd_housekeeping(struct trbd_lu *lu);

#endif /* TRBD_GATEWAY_HOUSEKEEPING_H */
