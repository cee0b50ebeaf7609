/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RADOS_CHORES_H
#define TRBD_RADOS_CHORES_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct ceph_osd_client;

/**
 * struct trbd_chore - something to try until it succeeds, as long as the session lives; embedded by
 * its owner
 * @node: entry in the session's list
 * @run: tries the chore once; may sleep for the cluster. Return: whether the chore is done
 * @drop: frees the chore, done or not; must not use the session any more
 */
struct trbd_chore {
	struct list_head node;
	bool (*run)(struct trbd_chore *chore);
	void (*drop)(struct trbd_chore *chore);
};

/**
 * struct trbd_chores - the work that a session still has to do
 * @lock: guards @list
 * @list: chores, without the one that is being tried
 * @work: tries all of them
 */
struct trbd_chores {
	spinlock_t lock;	/* see above */
	struct list_head list;
	struct delayed_work work;
};

void trbd_chores_init(struct trbd_chores *chores);
void trbd_chores_add(struct trbd_chores *chores, struct trbd_chore *chore);
void trbd_chores_stop(struct trbd_chores *chores, struct ceph_osd_client *osdc);

#endif /* TRBD_RADOS_CHORES_H */
