// SPDX-License-Identifier: GPL-2.0
/*
 * Watching an object.
 *
 * libceph delivers every notification of a client on one single-threaded workqueue, and
 * acknowledging is a round trip to the OSD. One slow image would hold up all others, and a handler
 * that waits for a notification would wait for itself. So the callbacks below only queue. Each
 * watch has a thread that handles notifications, acknowledges them, and watches again when the
 * watch broke.
 *
 *            start                 error from libceph               watch again worked
 *   (none) --------> established ---------------------> lost ------------------------> established
 *                          |                             | tries every second
 *                          +------------> stop <---------+
 *
 * The thread must give the handle of a broken watch back with unwatch before it makes a new one.
 * Both can wait for an OSD that does not answer. mount_timeout limits unwatch but not watch, and
 * both can be killed. trbd_watch_stop() sends the thread a SIGKILL, which also ends any metadata
 * call that its handler is in. Then the thread gives the last handle back, and is killed once more
 * if that takes long.
 *
 * The thread may be busy when a notification comes, or wait for the cluster. Therefore the owner is
 * told at once, on libceph's queue, that there is a notification. The owner can be careful until
 * the thread has handled it. The owner can also acknowledge later.
 *
 * libceph reports when an OSD says that the watch is gone. It does not report when no OSD says
 * anything. So every second the watch looks when the OSD last confirmed it. libceph pings every
 * 5 s, and a ping that was answered confirms the watch as of the time when the ping was sent.
 *
 *	after  8 s   the owner looks for itself once the OSD answers again: a notification may have
 *	             been missed
 *	after  9 s   notifications may be missed for good: a notifier waits 10 s for the answers
 *	after 24 s   the owner calls back changes that must not happen unwatched: the OSD forgets a
 *	             watch after 30 s
 *
 * libceph can report a watch as lost while the OSD still has it, and the OSD then makes each
 * notifier wait for us. So before the thread gives the handle back, changes that must not happen
 * unwatched must be over. The owner calls them back after the same 24 s, but not within the first
 * 5 s of that wait: when all OSDs stood still, the changes end as soon as the OSDs go on.
 *
 * In any case the owner looks for itself every minute.
 *
 * After ceph_osdc_unwatch() no callback runs any more, once ceph_osdc_flush_notifies() has
 * returned.
 */
#include <linux/ceph/libceph.h>
#include <linux/ceph/osd_client.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/lockdep.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "protocol.h"
#include "rados/closing.h"
#include "rados/request.h"
#include "rados/queues.h"
#include "rados/session.h"
#include "rados/watch.h"
#include "rados/watch_ops.h"

/* librbd's largest message is a few hundred bytes; a longer one is handled as if it were empty */
#define WATCH_PAYLOAD_MAX	SZ_4K
#define WATCH_PENDING_MAX	256
#define WATCH_RETRY_DELAY	HZ
#define WATCH_LOOK_INTERVAL	HZ
/* how often to look whether all changes have ended, so that a lost watch can be given back */
#define WATCH_OVER_LOOK_MS	20
/* how often to kill the thread again: a signal that comes too soon is lost */
#define WATCH_KILL_INTERVAL	(HZ / 20)

struct watch_event {
	struct list_head node;
	struct trbd_watch_ack ack;
	size_t len;
	u8 payload[];
};

/* On libceph's notify workqueue. */
static void watch_notify_cb(void *arg, u64 notify_id, u64 cookie, u64 notifier_id, void *data,
			    size_t data_len)
{
	struct trbd_watch *watch = arg;
	struct watch_event *event;

	if (data_len > WATCH_PAYLOAD_MAX)
		data_len = 0;
	watch->ops->arrived(watch->owner, data_len ? data : NULL, data_len);

	event = kmalloc(struct_size(event, payload, data_len), GFP_NOIO);
	if (event) {
		event->ack.notify_id = notify_id;
		event->ack.cookie = cookie;
		event->len = data_len;
		if (data_len)
			memcpy(event->payload, data, data_len);
	}

	spin_lock(&watch->lock);
	if (event && watch->num_pending < WATCH_PENDING_MAX) {
		list_add_tail(&event->node, &watch->pending);
		watch->num_pending++;
		event = NULL;
	} else {
		watch->missed = true;
	}
	spin_unlock(&watch->lock);
	kfree(event);
	wake_up(&watch->wait);
}

/* On libceph's notify workqueue. */
static void watch_error_cb(void *arg, u64 cookie, int err)
{
	struct trbd_watch *watch = arg;

	/* tell the owner before the thread knows, and again once the watch looks invalid */
	watch->ops->lost(watch->owner);
	spin_lock(&watch->lock);
	watch->lost = true;
	spin_unlock(&watch->lock);
	watch->ops->lost(watch->owner);
	wake_up(&watch->wait);
}

/* watch->lock held. Return: for how long the OSD has not confirmed the watch, jiffies. */
static unsigned long watch_age(struct trbd_watch *watch)
{
	lockdep_assert_held(&watch->lock);
	/*
	 * watch_unregister() takes the handle away under the lock before it gives the handle back,
	 * so the handle is valid here. A broken watch confirms nothing.
	 */
	if (watch->lreq && !watch->lost)
		WRITE_ONCE(watch->confirmed, READ_ONCE(watch->lreq->watch_valid_thru));
	return jiffies - watch->confirmed;
}

static void watch_look(struct work_struct *work)
{
	struct trbd_watch *watch = container_of(to_delayed_work(work), struct trbd_watch, look);
	unsigned long late = watch->object->session->client->options->osd_keepalive_timeout +
			     msecs_to_jiffies(TRBD_WATCH_LATE_MS);
	unsigned long age;

	spin_lock(&watch->lock);
	age = watch_age(watch);
	watch->missed |= watch->late && age <= late;
	watch->late = age > late;
	spin_unlock(&watch->lock);

	if (age >= msecs_to_jiffies(TRBD_WATCH_TRUSTED_MS))
		watch->ops->unconfirmed(watch->owner);
	if (age >= msecs_to_jiffies(TRBD_WATCH_SILENT_MS))
		watch->ops->silent(watch->owner);
	wake_up(&watch->wait);
	queue_delayed_work(trbd_tick_wq, &watch->look, WATCH_LOOK_INTERVAL);
}

static struct watch_event *watch_next_event(struct trbd_watch *watch)
{
	struct watch_event *event;

	spin_lock(&watch->lock);
	event = list_first_entry_or_null(&watch->pending, struct watch_event, node);
	if (event) {
		list_del(&event->node);
		watch->num_pending--;
	}
	spin_unlock(&watch->lock);
	return event;
}

static void watch_drop_events(struct trbd_watch *watch)
{
	struct watch_event *event;

	while ((event = watch_next_event(watch)))
		kfree(event);
}

static int watch_register(struct trbd_watch *watch)
{
	struct ceph_osd_linger_request *lreq;

	/* libceph would hold the registration back until there is room, and this thread with it */
	if (trbd_session_pool_is_full(watch->object->session, watch->object->oloc->pool))
		return -ENOSPC;
	lreq = ceph_osdc_watch(trbd_session_osdc(watch->object->session),
			       (struct ceph_object_id *)watch->object->oid,
			       (struct ceph_object_locator *)watch->object->oloc, watch_notify_cb,
			       watch_error_cb, watch);
	if (IS_ERR(lreq)) {
		/* the watch may have existed for a moment */
		ceph_osdc_flush_notifies(trbd_session_osdc(watch->object->session));
		return PTR_ERR(lreq) == -ERESTARTSYS ? -EINTR : PTR_ERR(lreq);
	}
	/*
	 * libceph watches again by itself at another OSD. In a full pool it would hold that request
	 * back without the flag.
	 */
	down_write(&trbd_session_osdc(watch->object->session)->lock);
	lreq->t.flags |= CEPH_OSD_FLAG_FULL_TRY;
	up_write(&trbd_session_osdc(watch->object->session)->lock);
	spin_lock(&watch->lock);
	watch->lreq = lreq;
	watch->late = false;
	watch_age(watch);
	spin_unlock(&watch->lock);
	return 0;
}

/*
 * Gives the handle back. The loop goes on until there is memory for that, since a handle that leaks
 * keeps pinging. On the watch's thread: libceph waits up to mount_timeout, or until the thread is
 * killed.
 */
static void watch_unregister(struct trbd_watch *watch)
{
	struct ceph_osd_client *osdc = trbd_session_osdc(watch->object->session);
	struct ceph_osd_linger_request *lreq = watch->lreq;

	if (!lreq)
		return;
	spin_lock(&watch->lock);
	watch->lreq = NULL;
	spin_unlock(&watch->lock);
	while (ceph_osdc_unwatch(osdc, lreq) == -ENOMEM)
		schedule_timeout_uninterruptible(HZ / 10);
	ceph_osdc_flush_notifies(osdc);
}

static void watch_handle_event(struct trbd_watch *watch, struct watch_event *event)
{
	struct trbd_watch_reply reply = { };

	if (watch->ops->notify(watch->owner, event->len ? event->payload : NULL, event->len,
			       &event->ack, &reply))
		trbd_watch_ack(watch, &event->ack, &reply);
	kfree(event);
}

/*
 * Waits until all changes are over that must not happen unwatched. Return: false if the thread must
 * end first.
 */
static bool watch_await_over(struct trbd_watch *watch)
{
	unsigned long since = jiffies;
	bool late;

	do {
		late = time_after(jiffies, since + msecs_to_jiffies(TRBD_WATCH_OVER_MS)) &&
		       time_after(jiffies, READ_ONCE(watch->confirmed) +
						   msecs_to_jiffies(TRBD_WATCH_SILENT_MS));
		if (watch->ops->is_over(watch->owner, late))
			return true;
		schedule_timeout_interruptible(msecs_to_jiffies(WATCH_OVER_LOOK_MS));
	} while (!READ_ONCE(watch->ending));
	return false;
}

static void watch_restore(struct trbd_watch *watch)
{
	int err;

	if (watch->lreq && !watch_await_over(watch))
		return;
	watch_unregister(watch);
	/* the queued notifications belong to a watch that is no more */
	watch_drop_events(watch);

	spin_lock(&watch->lock);
	watch->lost = false;
	spin_unlock(&watch->lock);

	err = watch_register(watch);
	if (READ_ONCE(watch->ending))
		return;
	if (err) {
		spin_lock(&watch->lock);
		watch->lost = true;
		spin_unlock(&watch->lock);
	}
	watch->ops->restored(watch->owner, err);
	if (err)
		schedule_timeout_interruptible(WATCH_RETRY_DELAY);
}

static bool watch_has_work(struct trbd_watch *watch)
{
	bool work;

	spin_lock(&watch->lock);
	work = watch->lost || watch->missed || !list_empty(&watch->pending);
	spin_unlock(&watch->lock);
	return work;
}

static int watch_thread(void *arg)
{
	struct trbd_watch *watch = arg;
	unsigned long polled = jiffies;
	struct watch_event *event;
	bool lost, missed;

	/* only the kernel's signals: nothing would take one from userspace off the queue again */
	allow_kernel_signal(SIGKILL);

	while (!READ_ONCE(watch->ending)) {
		wait_event_interruptible_timeout(watch->wait,
						 watch_has_work(watch) || READ_ONCE(watch->ending),
						 msecs_to_jiffies(TRBD_WATCH_POLL_MS));
		if (READ_ONCE(watch->ending))
			break;

		spin_lock(&watch->lock);
		lost = watch->lost;
		missed = watch->missed ||
			 time_after_eq(jiffies, polled + msecs_to_jiffies(TRBD_WATCH_POLL_MS));
		watch->missed = false;
		spin_unlock(&watch->lock);

		if (lost) {
			watch_restore(watch);
			continue;
		}
		if (missed) {
			struct trbd_watch_reply reply;

			polled = jiffies;
			watch->ops->notify(watch->owner, NULL, 0, NULL, &reply);
		}
		event = watch_next_event(watch);
		if (event)
			watch_handle_event(watch, event);
	}
	/* the signal must end the loop, not the unwatch below; pairs with watch_end_thread() */
	spin_lock(&watch->lock);
	flush_signals(current);
	spin_unlock(&watch->lock);
	watch_unregister(watch);
	complete(&watch->ended);
	return 0;
}

/**
 * trbd_watch_start() - watch an object
 * @watch: memory for the watch
 * @object: the object; must outlive the watch
 * @ops: callbacks
 * @owner: argument of the callbacks
 * @name: part of the thread's name
 *
 * Context: may sleep for the OSD of the object; a fatal signal ends it. Make sure first that the
 * object answers.
 * Return: 0, or a negative errno and nothing is left behind: -ENOENT, -EPERM, -ENOMEM, -EINTR, ...
 */
int trbd_watch_start(struct trbd_watch *watch, const struct trbd_object *object,
		     const struct trbd_watch_ops *ops, void *owner, const char *name)
{
	int ret;

	watch->object = object;
	watch->ops = ops;
	watch->owner = owner;
	watch->lreq = NULL;
	watch->confirmed = jiffies;
	watch->lost = false;
	watch->missed = false;
	watch->late = false;
	watch->num_pending = 0;
	watch->ending = false;
	init_completion(&watch->ended);
	INIT_DELAYED_WORK(&watch->look, watch_look);
	spin_lock_init(&watch->lock);
	INIT_LIST_HEAD(&watch->pending);
	init_waitqueue_head(&watch->wait);

	watch->thread = kthread_create(watch_thread, watch, "trbd/%s", name);
	if (IS_ERR(watch->thread))
		return PTR_ERR(watch->thread);
	get_task_struct(watch->thread);

	ret = watch_register(watch);
	if (ret) {
		kthread_stop(watch->thread);
		put_task_struct(watch->thread);
		watch_drop_events(watch);
		return ret;
	}
	wake_up_process(watch->thread);
	queue_delayed_work(trbd_tick_wq, &watch->look, WATCH_LOOK_INTERVAL);
	return 0;
}

/**
 * trbd_watch_is_valid() - tell whether the watch would hear of a notification now
 * @watch: started watch
 *
 * Context: any in which a spinlock may be taken.
 * Return: true if the watch is registered, and the OSD confirmed it a moment ago.
 */
bool trbd_watch_is_valid(struct trbd_watch *watch)
{
	bool valid;

	spin_lock(&watch->lock);
	valid = watch->lreq && !watch->lost && !watch->late;
	spin_unlock(&watch->lock);
	return valid;
}

/**
 * trbd_watch_is_confirmed() - tell whether no notification can be missed for good now
 * @watch: started watch
 *
 * Context: any in which a spinlock may be taken.
 * Return: true if the OSD has confirmed the watch less than 9 s ago.
 */
bool trbd_watch_is_confirmed(struct trbd_watch *watch)
{
	bool confirmed;

	/* go by the last look if that is enough, or else look now */
	if (time_before(jiffies,
			READ_ONCE(watch->confirmed) + msecs_to_jiffies(TRBD_WATCH_TRUSTED_MS)))
		return true;
	spin_lock(&watch->lock);
	confirmed = watch_age(watch) < msecs_to_jiffies(TRBD_WATCH_TRUSTED_MS);
	spin_unlock(&watch->lock);
	return confirmed;
}

/**
 * trbd_watch_ack() - acknowledge a notification
 * @watch: started watch, or one that is being stopped
 * @ack: tells which notification
 * @reply: reply to the notifier, NULL for none
 *
 * There are two kinds of errors. The watch broke, which is reported on its own; or the notifier
 * must notify again.
 *
 * Context: may sleep up to the session's mount_timeout.
 */
void trbd_watch_ack(struct trbd_watch *watch, const struct trbd_watch_ack *ack,
		    const struct trbd_watch_reply *reply)
{
	trbd_notify_ack(watch->object, ack->notify_id, ack->cookie,
			reply ? reply->data : NULL, reply ? reply->len : 0);
}

/**
 * trbd_watch_renew() - watch again, as if the watch had been lost
 * @watch: started watch
 *
 * Context: any.
 */
void trbd_watch_renew(struct trbd_watch *watch)
{
	watch_error_cb(watch, 0, -ENOTCONN);
}

/* Ends whatever the thread is doing. The thread then gets time to give the handle back. */
static void watch_end_thread(struct trbd_watch *watch)
{
	struct trbd_session *session = watch->object->session;
	unsigned long wait = trbd_closing_left(&session->closings, watch->object->oid,
					       trbd_session_timeout(session));

	/*
	 * Do both under the lock. Otherwise the thread may see that it is to end, and the signal
	 * may end its watch_unregister().
	 */
	spin_lock(&watch->lock);
	WRITE_ONCE(watch->ending, true);
	send_sig(SIGKILL, watch->thread, 1);
	spin_unlock(&watch->lock);
	if (!wait_for_completion_timeout(&watch->ended, wait ? wait : MAX_SCHEDULE_TIMEOUT)) {
		trbd_closing_was_in_vain();
		do {
			send_sig(SIGKILL, watch->thread, 1);
		} while (!wait_for_completion_timeout(&watch->ended, WATCH_KILL_INTERVAL));
	}
	kthread_stop(watch->thread);
}

/**
 * trbd_watch_stop() - end a watch
 * @watch: started watch
 *
 * No callback runs any more when this returns.
 *
 * Context: process. When the object's OSD does not answer, it may sleep up to the session's
 * mount_timeout, or until the owner has closed for long enough (rados/closing.c).
 */
void trbd_watch_stop(struct trbd_watch *watch)
{
	cancel_delayed_work_sync(&watch->look);
	watch_end_thread(watch);
	put_task_struct(watch->thread);
	watch_drop_events(watch);
}
