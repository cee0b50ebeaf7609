/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RBD_PARENT_H
#define TRBD_RBD_PARENT_H

#include <linux/list.h>
#include <linux/types.h>

struct trbd_image;
struct trbd_parent;

/**
 * struct trbd_parent_waiter - a read that waits for its parent to be confirmed; embedded by its
 *	owner
 * @node: entry in the list of waiters
 * @done: called once. With 0, trbd_parent_generation() tells whether the parent was the right one.
 *	A negative errno means that this is unknown, or that the right parent cannot be opened
 * @arg: for @done
 */
struct trbd_parent_waiter {
	struct list_head node;
	void (*done)(void *arg, int result);
	void *arg;
};

void trbd_parent_init(struct trbd_image *image,
		      struct trbd_image *(*open)(struct trbd_image *child,
						 const struct trbd_parent *spec));
int trbd_parent_refresh(struct trbd_image *image);
unsigned int trbd_parent_generation(struct trbd_image *image);
struct trbd_image *trbd_parent_take(struct trbd_image *image, unsigned int *generation);
void trbd_parent_confirm(struct trbd_image *image, struct trbd_parent_waiter *waiter);

#endif /* TRBD_RBD_PARENT_H */
