/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RBD_INQUIRY_H
#define TRBD_RBD_INQUIRY_H

#include <linux/types.h>

struct trbd_image;
struct trbd_inquiry;
struct trbd_quiesce;
struct trbd_watch_reply;

void trbd_inquiry_init(struct trbd_inquiry *inquiry, struct trbd_image *image,
		       void (*asked)(struct trbd_image *image));
int trbd_inquiry_start(struct trbd_inquiry *inquiry);
void trbd_inquiry_stop(struct trbd_inquiry *inquiry);
void trbd_inquiry_want(struct trbd_inquiry *inquiry);
void trbd_inquiry_wake(struct trbd_inquiry *inquiry);
bool trbd_inquiry_is_due(struct trbd_inquiry *inquiry);
void trbd_inquiry_await(struct trbd_inquiry *inquiry);
void trbd_inquiry_answer(struct trbd_quiesce *q, struct trbd_watch_reply *reply);

#endif /* TRBD_RBD_INQUIRY_H */
