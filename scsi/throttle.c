// SPDX-License-Identifier: GPL-2.0
/*
 * The limits of a logical unit: commands that are over them wait here, before anything else.
 *
 *	execute_cmd --> tokens there, and nobody waits --> admit (scsi/admit.c), start the I/O
 *	     |                                              ^
 *	     +--> waiting ---- tokens, and its turn --------+
 *	             |    ---- abandoned; nothing is served; the limits are gone ----> admit
 *	             +-------- a write that gets too old; LOGICAL UNIT RESET --------> BUSY
 *
 * A command that waits has not been admitted. It is not counted as in flight, and it has no stamp.
 * When it goes, it passes all checks of that moment: reservations, the lease, the guard. So nothing
 * that is settled meanwhile can be undone by it. A PREEMPT or a reset does not wait for it either.
 * The time at which LIO took it up stays, and the guard goes by that. So a change of data can wait
 * for TRBD_QOS_WAIT_MS only, and then ends with BUSY.
 *
 * Commands that LIO has aborted, or whose LUN or session goes away, are let go without tokens, and
 * scsi/admit.c ends them. A task management function says so at once. All other reasons are found
 * by the look that this takes at everything that waits, every THROTTLE_LOOK_MS.
 *
 * Commands that read and commands that change data wait in lines of their own, since each can have
 * limits of its own. The thread of an iSCSI session never waits: it goes on with the next command,
 * of this unit or of another one.
 *
 * Tokens come from the bucket that all gateways share (gateway/qos_share.c). Without its answer
 * this gateway goes by an equal part of the limit. Snapshots have no limits, since a user who may
 * read a snapshot may not be allowed to write the bucket.
 */
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/mempool.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "gateway/lu.h"
#include "protocol.h"
#include "rados/clock.h"
#include "rados/queues.h"
#include "rbd/image.h"
#include "rbd/image_qos.h"
#include "rbd/image_watch.h"
#include "rbd/io.h"
#include "scsi/abandoned.h"
#include "scsi/cdb.h"
#include "scsi/cmd.h"
#include "scsi/provisioning.h"
#include "scsi/throttle.h"

#define THROTTLE_POOL_SIZE	64
/* how often to look at the commands that wait, at least */
#define THROTTLE_LOOK_MS	200

/**
 * struct throttle_waiter - a command that waits
 * @node: in its line
 * @cmd: LIO's command
 * @go: goes on with it
 * @cost: what it costs
 * @err: with which error it is to end, or 0
 */
struct throttle_waiter {
	struct list_head node;
	struct se_cmd *cmd;
	trbd_throttle_go go;
	struct trbd_qos_cost cost;
	int err;
};

static struct kmem_cache *throttle_cache;
static mempool_t *throttle_pool;

static struct trbd_unit *throttle_unit(struct trbd_throttle *throttle)
{
	return container_of(throttle, struct trbd_unit, throttle);
}

/*
 * Work out what a command costs, as librbd counts: one operation, and the length of its range, also
 * if it unmaps. Return: false for a command that is not limited.
 */
static bool throttle_cost(struct se_cmd *cmd, const struct trbd_cdb *row,
			  struct trbd_qos_cost *cost)
{
	u32 block_size = cmd->se_dev->dev_attrib.block_size;

	cost->write = trbd_cdb_access(row, cmd->t_task_cdb) == TRBD_PR_ACCESS_WRITE;
	switch (row->handler) {
	case TRBD_CDB_BY_LIO:
		cost->bytes = cmd->data_length;
		return true;
	case TRBD_CDB_VERIFY:
	case TRBD_CDB_WRITE_VERIFY:
	case TRBD_CDB_WRITE_SAME:
		cost->bytes = trbd_cdb_blocks(row, cmd->t_task_cdb) * block_size;
		return true;
	case TRBD_CDB_COMPARE_AND_WRITE:
		cost->bytes = block_size;
		return true;
	case TRBD_CDB_UNMAP:
		cost->bytes = trbd_unmap_blocks(cmd) * block_size;
		return true;
	default:
		return false;
	}
}

/* @lock held. */
static void throttle_count(struct trbd_throttle *throttle, const struct throttle_waiter *waiter,
			   bool comes)
{
	unsigned int kind;

	for (kind = 0; kind < TRBD_QOS_KINDS; kind++) {
		u64 tokens = trbd_qos_cost_of(&waiter->cost, kind);

		throttle->cost[kind] += comes ? tokens : -tokens;
	}
	throttle->count += comes ? 1 : -1;
}

/* @lock held. Draw when the next draw is due, or at once if that is over. */
static void throttle_want_draw(struct trbd_throttle *throttle, bool hurry)
{
	u64 now_ms = trbd_clock_local_ms();
	u64 due_ms = trbd_qos_next_draw_ms(&throttle->stock, hurry);
	unsigned long delay = msecs_to_jiffies(due_ms - min(due_ms, now_ms));

	lockdep_assert_held(&throttle->lock);
	if (!throttle->started || !throttle->limited)
		return;
	if (hurry)
		mod_delayed_work(trbd_wait_wq, &throttle->draw, delay);
	else
		queue_delayed_work(trbd_wait_wq, &throttle->draw, delay);
}

/* @lock held. */
static void throttle_want_release(struct trbd_throttle *throttle, u64 delay_ms)
{
	lockdep_assert_held(&throttle->lock);
	if (throttle->count)
		mod_delayed_work(trbd_io_wq, &throttle->release, msecs_to_jiffies(delay_ms));
}

/* @lock held. */
static void throttle_move(struct trbd_throttle *throttle, struct throttle_waiter *waiter,
			  struct list_head *ready)
{
	throttle_count(throttle, waiter, false);
	list_move_tail(&waiter->node, ready);
}

/* Tell whether this gateway serves nothing at the moment, so that a command need not wait here. */
static bool throttle_is_pointless(struct trbd_throttle *throttle)
{
	const struct trbd_unit *unit = throttle_unit(throttle);

	return !throttle->limited || !unit->lu || trbd_lu_is_blocked(unit->lu);
}

static bool throttle_is_too_old(const struct throttle_waiter *waiter, u64 now_ms)
{
	return waiter->cost.write && now_ms > trbd_cmd_received(waiter->cmd) + TRBD_QOS_WAIT_MS;
}

/* @lock held. Collect the commands that must not wait any longer. */
static void throttle_collect_over(struct trbd_throttle *throttle, struct list_head *line,
				  u64 now_ms, struct list_head *ready)
{
	bool all = throttle_is_pointless(throttle);
	struct throttle_waiter *waiter, *next;

	list_for_each_entry_safe(waiter, next, line, node) {
		if (!waiter->err && throttle_is_too_old(waiter, now_ms)) {
			waiter->err = -EBUSY;
			throttle->refused++;
		}
		if (all || waiter->err || trbd_cmd_is_abandoned(waiter->cmd))
			throttle_move(throttle, waiter, ready);
	}
}

/* @lock held. Collect the first command of a line if its tokens are there. */
static bool throttle_collect_first(struct trbd_throttle *throttle, struct list_head *line,
				   u64 now_ms, struct list_head *ready)
{
	struct throttle_waiter *waiter = list_first_entry_or_null(line, struct throttle_waiter,
								  node);

	if (!waiter ||
	    !trbd_qos_may_go(&throttle->stock, &throttle->limits, &waiter->cost, now_ms))
		return false;
	trbd_qos_take(&throttle->stock, &throttle->limits, &waiter->cost);
	throttle_move(throttle, waiter, ready);
	return true;
}

/* @lock held. Return: when to look again, ms from now. */
static u64 throttle_pause_ms(struct trbd_throttle *throttle, u64 now_ms)
{
	u64 pause_ms = THROTTLE_LOOK_MS;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(throttle->waiting); i++) {
		struct throttle_waiter *waiter =
			list_first_entry_or_null(&throttle->waiting[i], struct throttle_waiter,
						 node);

		if (waiter)
			pause_ms = min(pause_ms, trbd_qos_pause_ms(&throttle->stock,
								   &throttle->limits,
								   &waiter->cost, now_ms));
	}
	return max(pause_ms, 1ULL);
}

/* @lock held. */
static void throttle_collect(struct trbd_throttle *throttle, struct list_head *ready)
{
	u64 now_ms = trbd_clock_local_ms();
	unsigned int i;
	bool more;

	for (i = 0; i < ARRAY_SIZE(throttle->waiting); i++)
		throttle_collect_over(throttle, &throttle->waiting[i], now_ms, ready);
	/* the lines take turns, since some limits concern both */
	do {
		more = false;
		for (i = 0; i < ARRAY_SIZE(throttle->waiting); i++)
			more |= throttle_collect_first(throttle, &throttle->waiting[i], now_ms,
						       ready);
	} while (more);
	throttle_want_release(throttle, throttle_pause_ms(throttle, now_ms));
	throttle_want_draw(throttle, throttle->count);
}

static void throttle_release_work(struct work_struct *work)
{
	struct trbd_throttle *throttle =
		container_of(to_delayed_work(work), struct trbd_throttle, release);
	struct throttle_waiter *waiter, *next;
	LIST_HEAD(ready);

	spin_lock(&throttle->lock);
	throttle_collect(throttle, &ready);
	spin_unlock(&throttle->lock);

	list_for_each_entry_safe(waiter, next, &ready, node) {
		struct se_cmd *cmd = waiter->cmd;
		trbd_throttle_go go = waiter->go;
		int err = waiter->err;

		mempool_free(waiter, throttle_pool);
		go(cmd, err);
	}
}

/* Count the gateways in the registry, this one included. */
static unsigned int throttle_gateways(const struct trbd_unit *unit)
{
	unsigned int count;

	rcu_read_lock();
	count = rcu_dereference(unit->lu->view)->registry.num_gateways;
	rcu_read_unlock();
	return count;
}

static int throttle_draw(struct trbd_throttle *throttle, const struct trbd_qos_limits *limits,
			 const u64 *want, u64 *got)
{
	/* freeing memory may wait for the writes that wait for tokens */
	unsigned int noio = memalloc_noio_save();
	int ret = trbd_qos_share_draw(&throttle->share, limits, want, got);

	memalloc_noio_restore(noio);
	if (ret == -EAGAIN)
		memset(got, 0, TRBD_QOS_KINDS * sizeof(*got));
	return ret == -EAGAIN ? 0 : ret;
}

static void throttle_draw_work(struct work_struct *work)
{
	struct trbd_throttle *throttle =
		container_of(to_delayed_work(work), struct trbd_throttle, draw);
	u64 want[TRBD_QOS_KINDS], got[TRBD_QOS_KINDS] = { };
	u64 began_ms = trbd_clock_local_ms();
	struct trbd_qos_limits limits;
	bool wanted;
	int ret;

	spin_lock(&throttle->lock);
	/* a draw may have ended since this was queued */
	if (trbd_qos_next_draw_ms(&throttle->stock, throttle->count) > began_ms) {
		throttle_want_draw(throttle, throttle->count);
		spin_unlock(&throttle->lock);
		return;
	}
	limits = throttle->limits;
	wanted = throttle->limited &&
		 trbd_qos_wish(&throttle->stock, &limits, throttle->cost, want);
	spin_unlock(&throttle->lock);
	if (!wanted)
		return;
	ret = throttle_draw(throttle, &limits, want, got);

	spin_lock(&throttle->lock);
	if (ret)
		trbd_qos_alone(&throttle->stock, &limits,
			       throttle_gateways(throttle_unit(throttle)), want, began_ms, got);
	throttle->alone = ret;
	/* what was drawn for other limits does not count */
	if (!memcmp(&limits, &throttle->limits, sizeof(limits)))
		trbd_qos_add(&throttle->stock, &limits, want, got, began_ms);
	throttle_want_release(throttle, 0);
	throttle_want_draw(throttle, false);
	spin_unlock(&throttle->lock);
}

/* @lock held. Have the command wait. Return: false for want of memory. */
static bool throttle_add(struct trbd_throttle *throttle, struct se_cmd *cmd,
			 const struct trbd_qos_cost *cost, trbd_throttle_go go)
{
	struct throttle_waiter *waiter = mempool_alloc(throttle_pool, GFP_NOWAIT | __GFP_NOWARN);
	struct list_head *line = &throttle->waiting[cost->write];

	if (!waiter)
		return false;
	waiter->cmd = cmd;
	waiter->go = go;
	waiter->cost = *cost;
	waiter->err = 0;
	throttle_count(throttle, waiter, true);
	throttle->held++;
	/* those before it have a look coming */
	if (list_empty(line)) {
		list_add_tail(&waiter->node, line);
		throttle_want_release(throttle,
				      throttle_pause_ms(throttle, trbd_clock_local_ms()));
		throttle_want_draw(throttle, true);
	} else {
		list_add_tail(&waiter->node, line);
	}
	return true;
}

/**
 * trbd_throttle_hold() - let a command go on, or have it wait for tokens
 * @cmd: command that was not admitted yet, and takes time (TRBD_CDB_COUNTED)
 * @row: its row in the table of commands
 * @go: goes on with it later, on a workqueue
 *
 * Context: process; never sleeps. If the command waits it may be over when this returns.
 * Return: true if @go was or will be called; false if the command goes on at once.
 */
bool trbd_throttle_hold(struct se_cmd *cmd, const struct trbd_cdb *row, trbd_throttle_go go)
{
	struct trbd_throttle *throttle = &to_trbd_unit(cmd->se_dev)->throttle;
	struct trbd_qos_cost cost;
	bool held = false, fits = true;

	if (!throttle_cost(cmd, row, &cost))
		return false;
	spin_lock(&throttle->lock);
	if (throttle_is_pointless(throttle)) {
		/* it ends at once, or needs no token */
	} else if (list_empty(&throttle->waiting[cost.write]) &&
		   trbd_qos_may_go(&throttle->stock, &throttle->limits, &cost,
				   trbd_clock_local_ms())) {
		trbd_qos_take(&throttle->stock, &throttle->limits, &cost);
		throttle_want_draw(throttle, false);
	} else {
		held = true;
		fits = throttle_add(throttle, cmd, &cost, go);
	}
	spin_unlock(&throttle->lock);
	if (!fits)
		go(cmd, -ENOMEM);
	return held;
}

/**
 * trbd_throttle_look() - look at the commands that wait, since some may have been aborted
 * @unit: logical unit
 *
 * Context: process.
 */
void trbd_throttle_look(struct trbd_unit *unit)
{
	struct trbd_throttle *throttle = &unit->throttle;

	spin_lock(&throttle->lock);
	throttle_want_release(throttle, 0);
	spin_unlock(&throttle->lock);
}

/**
 * trbd_throttle_refuse() - end all commands that wait with BUSY, since the unit was reset
 * @unit: logical unit
 *
 * Context: process.
 */
void trbd_throttle_refuse(struct trbd_unit *unit)
{
	struct trbd_throttle *throttle = &unit->throttle;
	struct throttle_waiter *waiter;
	unsigned int i;

	spin_lock(&throttle->lock);
	for (i = 0; i < ARRAY_SIZE(throttle->waiting); i++) {
		list_for_each_entry(waiter, &throttle->waiting[i], node)
			waiter->err = -EBUSY;
	}
	throttle_want_release(throttle, 0);
	spin_unlock(&throttle->lock);
}

/* Go by other limits from now on. */
static void throttle_set(struct trbd_throttle *throttle, const struct trbd_qos_limits *limits)
{
	bool limited = trbd_qos_is_limited(limits);
	bool was_limited, changes;

	spin_lock(&throttle->lock);
	was_limited = throttle->limited;
	changes = memcmp(&throttle->limits, limits, sizeof(*limits));
	if (changes) {
		trbd_qos_change(&throttle->stock, &throttle->limits, limits);
		throttle->limits = *limits;
		WRITE_ONCE(throttle->limited, limited);
		throttle_want_release(throttle, 0);
	}
	spin_unlock(&throttle->lock);
	if (changes)
		pr_info("%s: %s\n", throttle->share.name,
			!limited ? "the image has no limits any more"
			: was_limited ? "the image has other limits"
				      : "the image has limits");
}

/**
 * trbd_throttle_refresh() - read the limits again, since they may have changed
 * @unit: logical unit, open or not
 *
 * Context: process; one round trip, two if there are limits.
 */
void trbd_throttle_refresh(struct trbd_unit *unit)
{
	struct trbd_throttle *throttle = &unit->throttle;
	struct trbd_qos_limits limits = { };
	int ret;

	mutex_lock(&throttle->refresh_lock);
	if (throttle->started) {
		ret = trbd_image_read_qos(unit->image, &limits);
		if (!ret)
			throttle_set(throttle, &limits);
		else if (ret != -EINTR && ret != -ENOENT)
			pr_warn_ratelimited("%s: the limits of the image cannot be read: error %d; they stay as they are for the moment\n",
					    unit->image->name, ret);
		if (ret && ret != -EINTR && ret != -ENOENT)
			trbd_image_look_again(unit->image);
	}
	mutex_unlock(&throttle->refresh_lock);
}

static void throttle_set_started(struct trbd_throttle *throttle, bool started)
{
	mutex_lock(&throttle->refresh_lock);
	spin_lock(&throttle->lock);
	throttle->started = started;
	WRITE_ONCE(throttle->limited, false);
	memset(&throttle->limits, 0, sizeof(throttle->limits));
	memset(&throttle->stock, 0, sizeof(throttle->stock));
	spin_unlock(&throttle->lock);
	mutex_unlock(&throttle->refresh_lock);
}

/**
 * trbd_throttle_start() - go by the limits of the image from now on
 * @unit: unit that was opened, before any initiator can see it; a snapshot has no limits
 *
 * Context: process; one round trip, two if there are limits.
 */
void trbd_throttle_start(struct trbd_unit *unit)
{
	struct trbd_image *image = unit->image;

	if (trbd_image_read_only(image))
		return;
	trbd_qos_share_init(&unit->throttle.share, trbd_image_header(image), image->name);
	throttle_set_started(&unit->throttle, true);
	trbd_throttle_refresh(unit);
}

/**
 * trbd_throttle_stop() - undo trbd_throttle_start(), if it was done
 * @unit: unit without commands, whose image is about to be closed
 *
 * Context: process; waits for a request that is under way.
 */
void trbd_throttle_stop(struct trbd_unit *unit)
{
	throttle_set_started(&unit->throttle, false);
	cancel_delayed_work_sync(&unit->throttle.draw);
	cancel_delayed_work_sync(&unit->throttle.release);
}

/**
 * trbd_throttle_prepare() - make a throttle without limits
 * @throttle: its memory, zeroed
 */
void trbd_throttle_prepare(struct trbd_throttle *throttle)
{
	mutex_init(&throttle->refresh_lock);
	spin_lock_init(&throttle->lock);
	INIT_LIST_HEAD(&throttle->waiting[0]);
	INIT_LIST_HEAD(&throttle->waiting[1]);
	INIT_DELAYED_WORK(&throttle->draw, throttle_draw_work);
	INIT_DELAYED_WORK(&throttle->release, throttle_release_work);
}

/**
 * trbd_throttle_init() - make the pool
 *
 * Context: module init.
 * Return: 0 or -ENOMEM.
 */
int trbd_throttle_init(void)
{
	throttle_cache = kmem_cache_create("trbd_throttle", sizeof(struct throttle_waiter), 0, 0,
					   NULL);
	if (!throttle_cache)
		return -ENOMEM;
	throttle_pool = mempool_create_slab_pool(THROTTLE_POOL_SIZE, throttle_cache);
	if (!throttle_pool) {
		kmem_cache_destroy(throttle_cache);
		return -ENOMEM;
	}
	return 0;
}

/**
 * trbd_throttle_exit() - undo trbd_throttle_init()
 *
 * Context: module exit.
 */
void trbd_throttle_exit(void)
{
	mempool_destroy(throttle_pool);
	kmem_cache_destroy(throttle_cache);
}
