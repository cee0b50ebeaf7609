/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RBD_PARENT_H
#define TRBD_RBD_PARENT_H

#include <linux/list.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "rbd/header.h"

struct trbd_image;

/**
 * struct trbd_parent_link - a clone's relation to its parent; part of struct trbd_image
 * @named: the parent that the clone's header names; under the image's refresh_lock
 * @moves: @named is the target of a migration, and its source is open instead; likewise
 * @error: 0, or why the parent that the header names could not be opened; likewise
 * @opened: all parents that were opened, by their sibling; likewise
 * @generation: counts the changes of the image's parent and overlap; under the image's lock
 * @waiters: want to know whether both are still the same; likewise
 * @confirm: finds out
 */
struct trbd_parent_link {
	struct trbd_parent named;
	bool moves;
	int error;
	struct list_head opened;
	unsigned int generation;
	struct list_head waiters;
	struct work_struct confirm;
};

/**
 * struct trbd_parent_waiter - somebody who read from a parent; embedded by its owner
 * @node: among those who wait
 * @done: called once with 0, and then trbd_parent_generation() tells whether the parent was the right one; or with a
 *	negative errno when that cannot be found out or the right one cannot be opened
 * @arg: for @done
 */
struct trbd_parent_waiter {
	struct list_head node;
	void (*done)(void *arg, int result);
	void *arg;
};

void trbd_parent_init(struct trbd_image *image);
int trbd_parent_refresh(struct trbd_image *image);
unsigned int trbd_parent_generation(struct trbd_image *image);
struct trbd_image *trbd_parent_take(struct trbd_image *image, unsigned int *generation);
void trbd_parent_confirm(struct trbd_image *image, struct trbd_parent_waiter *waiter);

#endif /* TRBD_RBD_PARENT_H */
