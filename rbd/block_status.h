/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RBD_BLOCK_STATUS_H
#define TRBD_RBD_BLOCK_STATUS_H

#include <linux/types.h>

struct trbd_image;

int trbd_block_status_submit(struct trbd_image *image, u64 off,
			     void (*done)(void *arg, int result, u64 len, bool mapped), void *arg);

#endif /* TRBD_RBD_BLOCK_STATUS_H */
