/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RBD_PARENT_H
#define TRBD_RBD_PARENT_H

#include <linux/list.h>
#include <linux/types.h>

struct trbd_image;
struct trbd_parent;

/**
 * struct trbd_parent_waiter - somebody who read from a parent; embedded by its owner
 * @node: among those who wait
 * @done: called once with 0, and then trbd_parent_generation() tells whether the parent was the
 *	right one; or with a negative errno when that cannot be found out or the right one cannot be
 *	opened
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
