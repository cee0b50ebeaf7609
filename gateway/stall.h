/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_STALL_H
#define TRBD_GATEWAY_STALL_H

#include <linux/types.h>

int trbd_stall_init(void);
void trbd_stall_exit(void);
int trbd_stall_watch(void);
void trbd_stall_unwatch(void);
u64 trbd_stall_count(void);

#endif /* TRBD_GATEWAY_STALL_H */
