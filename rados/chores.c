// SPDX-License-Identifier: GPL-2.0
/*
 * Work that a session still has to do, and that nobody waits for.
 *
 * Something should have been done in the cluster, but the cluster did not answer, and the code that
 * started it cannot stay. The session keeps the work as a chore and tries it every few seconds.
 * Chores do not hold the session: when the session loses its last user, it drops all chores, done
 * or not.
 */
#include <linux/ceph/libceph.h>
#include <linux/ceph/osd_client.h>
#include <linux/jiffies.h>

#include "rados/chores.h"
#include "rados/queues.h"

/* others take longer than this to fence a client whose heartbeats go on */
#define CHORES_RETRY	(2 * HZ)

static struct trbd_chore *chores_take(struct trbd_chores *chores, struct list_head *from)
{
	struct trbd_chore *chore;

	spin_lock(&chores->lock);
	chore = list_first_entry_or_null(from, struct trbd_chore, node);
	if (chore)
		list_del(&chore->node);
	spin_unlock(&chores->lock);
	return chore;
}

static void chores_work(struct work_struct *work)
{
	struct trbd_chores *chores = container_of(to_delayed_work(work), struct trbd_chores, work);
	struct trbd_chore *chore;
	LIST_HEAD(due);
	bool more;

	spin_lock(&chores->lock);
	list_splice_init(&chores->list, &due);
	spin_unlock(&chores->lock);
	while ((chore = chores_take(chores, &due))) {
		if (chore->run(chore)) {
			chore->drop(chore);
			continue;
		}
		spin_lock(&chores->lock);
		list_add_tail(&chore->node, &chores->list);
		spin_unlock(&chores->lock);
	}
	spin_lock(&chores->lock);
	more = !list_empty(&chores->list);
	spin_unlock(&chores->lock);
	if (more)
		queue_delayed_work(trbd_wait_wq, &chores->work, CHORES_RETRY);
}

/**
 * trbd_chores_init() - prepare an empty list of chores
 * @chores: memory for the list
 */
void trbd_chores_init(struct trbd_chores *chores)
{
	spin_lock_init(&chores->lock);
	INIT_LIST_HEAD(&chores->list);
	INIT_DELAYED_WORK(&chores->work, chores_work);
}

/**
 * trbd_chores_add() - keep trying a chore
 * @chores: list of a session that the caller has a reference on
 * @chore: chore with run and drop set; the session owns it from now on
 *
 * Context: any in which a spinlock may be taken.
 */
void trbd_chores_add(struct trbd_chores *chores, struct trbd_chore *chore)
{
	spin_lock(&chores->lock);
	list_add_tail(&chore->node, &chores->list);
	spin_unlock(&chores->lock);
	queue_delayed_work(trbd_wait_wq, &chores->work, CHORES_RETRY);
}

/**
 * trbd_chores_stop() - drop all chores of a session that ends
 * @chores: list of a session without users
 * @osdc: OSD client of the session; all its requests end, and no request gets through any more
 *
 * Context: process; waits for the chore that is being tried, which ends without an answer.
 */
void trbd_chores_stop(struct trbd_chores *chores, struct ceph_osd_client *osdc)
{
	struct trbd_chore *chore;

	ceph_osdc_abort_requests(osdc, -ENOTCONN);
	cancel_delayed_work_sync(&chores->work);
	while ((chore = chores_take(chores, &chores->list)))
		chore->drop(chore);
}
