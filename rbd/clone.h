/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RBD_CLONE_H
#define TRBD_RBD_CLONE_H

#include <linux/list.h>
#include <linux/types.h>

struct trbd_extent;
struct trbd_copyups;
struct trbd_image;

/**
 * struct trbd_copyup_waiter - a party that needs an object in a clone; embedded by its owner
 * @node: entry in the list of those that wait for the same copyup
 * @done: called once with 0: there is an object now, with the parent's data unless another client
 *	was faster; 1: the parent has only zeros there, and nothing was done; or a negative errno
 * @arg: for @done
 */
struct trbd_copyup_waiter {
	struct list_head node;
	void (*done)(void *arg, int result);
	void *arg;
};

void trbd_copyups_init(struct trbd_copyups *copyups);
u64 trbd_clone_object_overlap(struct trbd_image *image, u64 objno);
int trbd_clone_read(struct trbd_image *image, u64 objno, const struct trbd_extent *extent,
		    void (*done)(void *arg, int result, bool holes), void *arg);
int trbd_clone_copyup(struct trbd_image *image, u64 objno, struct trbd_copyup_waiter *waiter);

#endif /* TRBD_RBD_CLONE_H */
