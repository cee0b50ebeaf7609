/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RBD_IMAGE_QOS_H
#define TRBD_RBD_IMAGE_QOS_H

#include "rbd/qos.h"

struct trbd_image;

int trbd_image_read_qos(struct trbd_image *image, struct trbd_qos_limits *limits);

#endif /* TRBD_RBD_IMAGE_QOS_H */
