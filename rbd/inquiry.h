/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RBD_INQUIRY_H
#define TRBD_RBD_INQUIRY_H

#include <linux/atomic.h>
#include <linux/types.h>
#include <linux/wait.h>

struct task_struct;
struct trbd_image;
struct trbd_quiesce;
struct trbd_watch_reply;

/**
 * struct trbd_inquiry - asking the other gateways whether somebody takes a snapshot
 * @image: of which image
 * @asked: all has been heard that there is to hear; called on the thread, which may sleep
 * @thread: asks; NULL if it was not started
 * @wait: for the thread, and for those who wait for it
 * @wanted: how often there was a reason to ask
 * @done: of how many of these it was asked since
 */
struct trbd_inquiry {
	struct trbd_image *image;
	void (*asked)(struct trbd_image *image);
	struct task_struct *thread;
	wait_queue_head_t wait;
	atomic_t wanted;
	atomic_t done;
};

void trbd_inquiry_init(struct trbd_inquiry *inquiry, struct trbd_image *image,
		       void (*asked)(struct trbd_image *image));
int trbd_inquiry_start(struct trbd_inquiry *inquiry);
void trbd_inquiry_stop(struct trbd_inquiry *inquiry);
void trbd_inquiry_want(struct trbd_inquiry *inquiry);
void trbd_inquiry_hurry(struct trbd_inquiry *inquiry);
bool trbd_inquiry_is_due(struct trbd_inquiry *inquiry);
void trbd_inquiry_await(struct trbd_inquiry *inquiry);
void trbd_inquiry_answer(struct trbd_quiesce *q, struct trbd_watch_reply *reply);

#endif /* TRBD_RBD_INQUIRY_H */
