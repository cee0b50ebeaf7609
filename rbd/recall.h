/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RBD_RECALL_H
#define TRBD_RBD_RECALL_H

#include <linux/types.h>

struct trbd_image;

void trbd_recall_unsent(struct trbd_image *image);
void trbd_recall_older(struct trbd_image *image, u64 snap_seq);
bool trbd_recall_is_over(struct trbd_image *image, bool late);

#endif /* TRBD_RBD_RECALL_H */
