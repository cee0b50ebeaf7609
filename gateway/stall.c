// SPDX-License-Identifier: GPL-2.0
/*
 * Noticing that this machine, or one of its processors, stood still.
 *
 * A machine that stood still while its clock went on has commands in its sockets that nobody waits
 * for any more. Its heartbeats show that only if peers went on meanwhile. And a hypervisor may take
 * away one processor only. Then heartbeats go on beside it, while the thread that ran there has
 * such commands.
 *
 * So every processor ticks. A tick that comes TRBD_JUMP_MS late counts as a stall of the machine,
 * and so does a look from the processor itself before its late tick. Each group compares the count
 * with the one it has seen (gateway/group_state.c).
 *
 * The ticks run while there is a group.
 */
#include <linux/atomic.h>
#include <linux/cpuhotplug.h>
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/workqueue.h>

#include "compat/workqueue.h"
#include "gateway/stall.h"
#include "protocol.h"
#include "rados/clock.h"

/**
 * struct stall_cpu - the tick of a processor
 * @tick: comes every TRBD_TICK_MS
 * @ticked_ms: trbd_clock_local_ms() when the processor was last seen running; 0 while it does not
 *   tick
 */
struct stall_cpu {
	struct delayed_work tick;
	u64 ticked_ms;
};

static DEFINE_PER_CPU(struct stall_cpu, stall_cpus);
static struct workqueue_struct *stall_wq;
static atomic64_t stalls = ATOMIC64_INIT(0);
static DEFINE_MUTEX(stall_lock);
static unsigned int stall_users;	/* guarded by stall_lock */
static int stall_state;			/* state of CPU hotplug; likewise */

static void stall_look(struct stall_cpu *cpu)
{
	u64 ticked_ms = READ_ONCE(cpu->ticked_ms);
	u64 now_ms = trbd_clock_local_ms();

	/* when two look at once, only one counts the stall */
	if (ticked_ms && now_ms > ticked_ms + TRBD_STALL_MS &&
	    cmpxchg64(&cpu->ticked_ms, ticked_ms, now_ms) == ticked_ms)
		atomic64_inc(&stalls);
}

static void stall_tick(struct work_struct *work)
{
	struct stall_cpu *cpu = container_of(to_delayed_work(work), struct stall_cpu, tick);

	stall_look(cpu);
	WRITE_ONCE(cpu->ticked_ms, trbd_clock_local_ms());
	queue_delayed_work_on(smp_processor_id(), stall_wq, &cpu->tick,
			      msecs_to_jiffies(TRBD_TICK_MS));
}

static int stall_online(unsigned int number)
{
	struct stall_cpu *cpu = per_cpu_ptr(&stall_cpus, number);

	WRITE_ONCE(cpu->ticked_ms, trbd_clock_local_ms());
	queue_delayed_work_on(number, stall_wq, &cpu->tick, msecs_to_jiffies(TRBD_TICK_MS));
	return 0;
}

static int stall_offline(unsigned int number)
{
	struct stall_cpu *cpu = per_cpu_ptr(&stall_cpus, number);

	cancel_delayed_work_sync(&cpu->tick);
	WRITE_ONCE(cpu->ticked_ms, 0);
	return 0;
}

/**
 * trbd_stall_watch() - make every processor tick
 *
 * trbd_stall_unwatch() must follow as often as this returns 0.
 *
 * Context: process; may sleep.
 * Return: 0 or a negative errno.
 */
int trbd_stall_watch(void)
{
	int ret = 0;

	mutex_lock(&stall_lock);
	if (!stall_users)
		ret = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "target_core_rbd:online", stall_online,
					stall_offline);
	if (ret >= 0) {
		if (!stall_users++)
			stall_state = ret;
		ret = 0;
	}
	mutex_unlock(&stall_lock);
	return ret;
}

/**
 * trbd_stall_unwatch() - undo trbd_stall_watch()
 *
 * Context: process; may sleep.
 */
void trbd_stall_unwatch(void)
{
	mutex_lock(&stall_lock);
	if (!--stall_users)
		cpuhp_remove_state(stall_state);
	mutex_unlock(&stall_lock);
}

/**
 * trbd_stall_count() - count how often this machine, or one of its processors, stood still
 *
 * This looks at the tick of the processor that it runs on, which may be late just now.
 *
 * Context: any.
 * Return: a number that only grows.
 */
u64 trbd_stall_count(void)
{
	stall_look(raw_cpu_ptr(&stall_cpus));
	return atomic64_read(&stalls);
}

/**
 * trbd_stall_init() - make the workqueue of the ticks
 *
 * Context: module init.
 * Return: 0 or -ENOMEM.
 */
int trbd_stall_init(void)
{
	unsigned int number;

	/* a tick belongs to its processor */
	stall_wq = alloc_workqueue("trbd-stall",
				   TRBD_COMPAT_WQ_PERCPU | WQ_HIGHPRI | WQ_MEM_RECLAIM, 0);
	if (!stall_wq)
		return -ENOMEM;
	for_each_possible_cpu(number)
		INIT_DELAYED_WORK(&per_cpu_ptr(&stall_cpus, number)->tick, stall_tick);
	return 0;
}

/**
 * trbd_stall_exit() - undo trbd_stall_init()
 *
 * Context: module exit; nobody watches.
 */
void trbd_stall_exit(void)
{
	destroy_workqueue(stall_wq);
}
