// SPDX-License-Identifier: GPL-2.0
/*
 * Fencing a client: the OSDs take nothing from it any more.
 *
 * A client is known by its address and nonce. The monitors put it on the blocklist of an OSD map,
 * and an OSD refuses the client's requests as soon as it has that map. An OSD gets the map sooner
 * or later. It certainly gets the map before it serves a request of a client that has the map
 * already. So every gateway that goes on after the fence must have that map first (the barrier).
 * From then on no request of the fenced client can land on an object that one of those gateways has
 * touched since.
 */
#include <linux/ceph/libceph.h>
#include <linux/ceph/mon_client.h>
#include <linux/ceph/osd_client.h>
#include <linux/err.h>
#include <linux/inet.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/wait.h>
#include <net/net_namespace.h>

#include "rados/fence.h"
#include "rados/monitor.h"
#include "rados/session.h"
#include "tracepoints.h"

/*
 * After this long without an answer we leave the monitor for another one. Monitors may be electing
 * a leader: if we left more often, none of them would have the time to answer.
 */
#define FENCE_PATIENCE	(5 * HZ)

/**
 * trbd_fence_epoch() - get the number of the newest OSD map that this client has
 * @session: session with the cluster
 *
 * In that map every client is fenced that this client has fenced itself, or whose fence it has
 * waited for as a barrier.
 *
 * Context: process; may sleep for the map's lock.
 * Return: the number of the map.
 */
u32 trbd_fence_epoch(struct trbd_session *session)
{
	struct ceph_osd_client *osdc = trbd_session_osdc(session);
	u32 epoch;

	down_read(&osdc->lock);
	epoch = osdc->osdmap->epoch;
	up_read(&osdc->lock);
	return epoch;
}

/*
 * The reverse of trbd_session_address(). The text is ADDRESS:PORT/NONCE, with an IPv6 address in
 * brackets.
 */
static int fence_parse(const char *text, struct ceph_entity_addr *addr)
{
	char host[TRBD_ADDRESS_MAX], *port, *nonce, *name = host;
	u32 number;

	memset(addr, 0, sizeof(*addr));
	if (strscpy(host, text, sizeof(host)) < 0)
		return -EINVAL;
	nonce = strrchr(host, '/');
	if (!nonce)
		return -EINVAL;
	*nonce++ = 0;
	port = strrchr(host, ':');
	if (!port)
		return -EINVAL;
	*port++ = 0;
	if (*name == '[') {
		size_t len = strlen(name);

		if (name[len - 1] != ']')
			return -EINVAL;
		name[len - 1] = 0;
		name++;
	}
	if (kstrtou32(nonce, 10, &number))
		return -EINVAL;
	addr->nonce = cpu_to_le32(number);
	return inet_pton_with_scope(&init_net, AF_UNSPEC, name, port, &addr->in_addr);
}

/**
 * struct fence_crew - several clients that are put on the blocklist at the same time
 * @session: session with the cluster
 * @left: number of clients that the monitors have not answered for yet
 * @wait: waits until @left is 0
 * @over: nobody waits for the answers any more
 */
struct fence_crew {
	struct trbd_session *session;
	atomic_t left;
	wait_queue_head_t wait;
	bool over;
};

/**
 * struct fence_hand - the thread that fences one client of a crew
 * @crew: the crew
 * @fence: the client
 * @task: the thread, or NULL when there is none
 */
struct fence_hand {
	struct fence_crew *crew;
	struct trbd_fence *fence;
	struct task_struct *task;
};

static int fence_add(struct trbd_session *session, struct trbd_fence *fence)
{
	struct ceph_entity_addr addr;
	int ret;

	ret = fence_parse(fence->address, &addr);
	if (ret)
		return ret;
	ret = ceph_monc_blocklist_add(&session->client->monc, &addr);
	if (!ret)
		fence->epoch = trbd_fence_epoch(session);
	else if (ret == -ERESTARTSYS)
		ret = -EINTR;
	trace_trbd_fence(fence->address, fence->epoch, ret);
	return ret;
}

static int fence_thread(void *arg)
{
	struct fence_hand *hand = arg;
	struct fence_crew *crew = hand->crew;

	/* the thread waits for a monitor, and fence_end() must be able to end that */
	allow_kernel_signal(SIGKILL);
	/* a signal that was sent before this point is lost; pairs with fence_end() */
	smp_mb();
	if (!READ_ONCE(crew->over))
		hand->fence->err = fence_add(crew->session, hand->fence);
	/* the crew stays until this thread has ended */
	if (atomic_dec_and_test(&crew->left))
		wake_up(&crew->wait);
	return 0;
}

static void fence_start(struct fence_hand *hand)
{
	struct task_struct *task = kthread_create(fence_thread, hand, "trbd-fence");

	hand->fence->err = -EINTR;
	if (IS_ERR(task)) {
		hand->fence->err = PTR_ERR(task);
		atomic_dec(&hand->crew->left);
		return;
	}
	get_task_struct(task);
	hand->task = task;
	wake_up_process(task);
}

/* Ends the thread. If the monitors have not answered yet, it ends without their answer. */
static void fence_end(struct fence_hand *hand)
{
	if (!hand->task)
		return;
	WRITE_ONCE(hand->crew->over, true);
	/* pairs with fence_thread() */
	smp_mb();
	send_sig(SIGKILL, hand->task, 1);
	kthread_stop(hand->task);
	put_task_struct(hand->task);
}

/* Return: 0 when every client has its result; -EINTR, -ETIMEDOUT. */
static int fence_wait(struct fence_crew *crew, unsigned int timeout_ms)
{
	unsigned long start = jiffies;
	long ret;

	for (;;) {
		ret = wait_event_interruptible_timeout(crew->wait, !atomic_read(&crew->left),
						       FENCE_PATIENCE);
		if (ret > 0)
			return 0;
		if (ret < 0)
			return -EINTR;
		if (timeout_ms && time_after(jiffies, start + msecs_to_jiffies(timeout_ms)))
			return -ETIMEDOUT;
		trbd_monitor_change(crew->session);
	}
}

/**
 * trbd_fence_clients() - put clients on the blocklist, all at the same time
 * @session: session with the cluster
 * @fences: the clients; each entry receives its own result
 * @count: number of clients, at least 1
 * @timeout_ms: for how long to wait for the monitors, 0 for ever
 *
 * The monitors make one map of all requests that arrive at the same time, and one map takes them up
 * to a second. A monitor that does not answer is left for another one.
 *
 * Context: process; sleeps until the monitors have answered; a signal ends the wait.
 * Return: 0, whatever the results of the clients are; -EINTR, -ETIMEDOUT, -ENOMEM. The result of a
 * client is 0, -EINVAL for an invalid address, -EACCES without the right to fence, -EINTR, -ENOMEM,
 * or another error.
 */
int trbd_fence_clients(struct trbd_session *session, struct trbd_fence *fences, unsigned int count,
		       unsigned int timeout_ms)
{
	struct fence_crew crew = { .session = session, .left = ATOMIC_INIT(count) };
	struct fence_hand *hands = kcalloc(count, sizeof(*hands), GFP_KERNEL);
	unsigned int i;
	int ret;

	if (!hands)
		return -ENOMEM;
	trbd_monitor_probe(session);
	init_waitqueue_head(&crew.wait);
	for (i = 0; i < count; i++) {
		hands[i].crew = &crew;
		hands[i].fence = &fences[i];
		fence_start(&hands[i]);
	}
	ret = fence_wait(&crew, timeout_ms);
	for (i = 0; i < count; i++)
		fence_end(&hands[i]);
	kfree(hands);
	return ret;
}

/**
 * trbd_fence_client() - put a client on the blocklist
 * @session: session with the cluster
 * @address: address and nonce, as trbd_session_address() gave them on that machine
 * @epoch: set to the number of an OSD map that has the client on the blocklist
 *
 * Context: process; sleeps until the monitors have answered; a signal ends the wait.
 * Return: 0; an error of trbd_fence_clients(), or the error of the one client.
 */
int trbd_fence_client(struct trbd_session *session, const char *address, u32 *epoch)
{
	struct trbd_fence fence = { .address = address };
	int ret = trbd_fence_clients(session, &fence, 1, 0);

	if (!ret)
		ret = fence.err;
	if (!ret)
		*epoch = fence.epoch;
	return ret;
}

/**
 * trbd_fence_barrier() - wait for this OSD map or a newer one
 * @session: session with the cluster
 * @epoch: number of the OSD map; the map need not exist
 * @caller: tells who waits, see rados/closing.c
 *
 * After this has returned 0, requests are sent with that map or a newer one. libceph's own barrier
 * would hold back everything that the session sends until the map comes, and cannot be taken back
 * when the number was wrong.
 *
 * Context: process; sleeps until the map is there, up to mount_timeout, or until @caller has closed
 * for long enough.
 * Return: 0, -ETIMEDOUT, -EINTR.
 */
int trbd_fence_barrier(struct trbd_session *session, u32 epoch, const void *caller)
{
	unsigned long start = jiffies;
	int ret;

	do {
		ceph_osdc_maybe_request_map(trbd_session_osdc(session));
		ret = ceph_monc_wait_osdmap(&session->client->monc, epoch, HZ);
	} while (ret == -ETIMEDOUT && !trbd_session_timed_out(session, start) &&
		 !trbd_closing_is_over(&session->closings, caller));
	return ret == -ERESTARTSYS ? -EINTR : ret;
}
