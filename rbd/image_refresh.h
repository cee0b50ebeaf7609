/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RBD_IMAGE_REFRESH_H
#define TRBD_RBD_IMAGE_REFRESH_H

#include <linux/types.h>

struct trbd_image;

void trbd_image_set_error(struct trbd_image *image, int error);
int trbd_image_check_features(struct trbd_image *image, u64 features, u64 incompat);
int trbd_image_refresh_locked(struct trbd_image *image);
int trbd_image_refresh(struct trbd_image *image);
void trbd_image_refresh_or_fail(struct trbd_image *image);

#endif /* TRBD_RBD_IMAGE_REFRESH_H */
