/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RBD_IMAGE_WATCH_H
#define TRBD_RBD_IMAGE_WATCH_H

struct trbd_image;
struct trbd_quiesce_ops;

extern const struct trbd_quiesce_ops trbd_image_gate_ops;

int trbd_image_watch(struct trbd_image *image);
void trbd_image_look_again(struct trbd_image *image);

#endif /* TRBD_RBD_IMAGE_WATCH_H */
