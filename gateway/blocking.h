/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_BLOCKING_H
#define TRBD_GATEWAY_BLOCKING_H

#include <linux/types.h>

struct trbd_lu;

bool trbd_lu_block(struct trbd_lu *lu, unsigned int reason);
void trbd_lu_unblock(struct trbd_lu *lu, unsigned int reason);

#endif /* TRBD_GATEWAY_BLOCKING_H */
