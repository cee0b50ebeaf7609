/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_BLOCK_SIZE_H
#define TRBD_GATEWAY_BLOCK_SIZE_H

#include <linux/types.h>

struct trbd_lu;

int trbd_block_size_agree(struct trbd_lu *lu, u32 block_size);

#endif /* TRBD_GATEWAY_BLOCK_SIZE_H */
