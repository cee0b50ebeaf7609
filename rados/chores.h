/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RADOS_CHORES_H
#define TRBD_RADOS_CHORES_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct ceph_osd_client;

/**
 * struct trbd_chore - something that is tried until it succeeds, as long as the session lives;
 * embedded by its owner
 * @node: in the session's list
 * @run: tries it once; may sleep for the cluster. Return: whether it is done
 * @drop: frees it, done or not; the session is not used any more
 */
struct trbd_chore {
	struct list_head node;
	bool (*run)(struct trbd_chore *chore);
	void (*drop)(struct trbd_chore *chore);
};

/**
 * struct trbd_chores - what a session has to do yet
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
