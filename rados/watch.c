// SPDX-License-Identifier: GPL-2.0
/*
 * Watching an object.
 *
 * libceph delivers every notification of a client on one single-threaded workqueue, and acknowledging is a round
 * trip to the OSD; one slow image would hold up all others, and a handler that waits for a notification would wait
 * for itself. So the callbacks below only queue, and each watch has a thread that handles, acknowledges, and
 * watches again when the watch broke.
 *
 *            start                 error from libceph               watch again worked
 *   (none) --------> established ---------------------> lost ------------------------> established
 *                          |                             | tries every second
 *                          +------------> stop <---------+
 *
 * The handle of a broken watch must be given back with unwatch before a new one is made; both can wait for an OSD
 * that does not answer. Unwatch is bounded by mount_timeout, and watch is not, but both can be killed: stop sends the
 * thread a SIGKILL, which also ends whatever metadata call its handler is in. Then the thread gives the last handle
 * back, and is killed once more if that takes long.
 *
 * The thread may be busy when a notification comes, or wait for the cluster. The owner is told at once that there is
 * one, on libceph's queue, and can be careful until the thread has handled it. The owner can also acknowledge later.
 *
 * libceph tells when an OSD says that the watch is gone, and not when no OSD says anything. So every second the
 * watch looks when the OSD last confirmed it: libceph pings every 5 s, and a ping that was answered confirms the
 * watch as of the time when it was sent.
 *
 *	after  8 s   the owner looks for itself once the OSD answers again: a notification may have been missed
 *	after  9 s   notifications may be missed for good: whoever sends one waits 10 s for the answers
 *	after 24 s   the owner calls back what must not happen unwatched: the OSD forgets a watch after 30 s
 *
 * libceph can say that a watch is lost while the OSD has it yet, and makes whoever notifies wait for us. So before the
 * handle is given back, what must not happen unwatched is over, or is called back after the same 24 s. But not within
 * 5 s: when all OSDs stood still, it ends as soon as they go on.
 *
 * And every minute the owner looks for itself in any case.
 *
 * After ceph_osdc_unwatch() no callback runs any more, once ceph_osdc_flush_notifies() has returned.
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

#include "rados/closing.h"
#include "rados/queues.h"
#include "rados/session.h"
#include "rados/watch.h"
#include "rados/watch_ops.h"

/* librbd's largest message is a few hundred bytes; what is longer is handled as if it were empty */
#define WATCH_PAYLOAD_MAX	SZ_4K
#define WATCH_PENDING_MAX	256
#define WATCH_RETRY_DELAY	HZ
#define WATCH_LOOK_INTERVAL	HZ
/* beyond the interval of libceph's pings, which it rounds to seconds */
#define WATCH_LATE		(3 * HZ)
/* librbd's notifications: 10 s */
#define WATCH_TRUSTED		(9 * HZ)
/* OSDs: osd_client_watch_timeout, 30 s; what is left is for calling back */
#define WATCH_SILENT		(24 * HZ)
#define WATCH_POLL_INTERVAL	(60 * HZ)
/* a lost watch is given back when all is over: how often to look, and how long at least before it is called back */
#define WATCH_OVER_MS		20
#define WATCH_OVER_MIN		(5 * HZ)
/* a signal that comes too soon is lost */
#define WATCH_KILL_INTERVAL	(HZ / 20)

struct watch_event {
	struct list_head node;
	struct trbd_watch_ack ack;
	size_t len;
	u8 payload[];
};

/* On libceph's notify workqueue. */
static void watch_notify_cb(void *arg, u64 notify_id, u64 cookie, u64 notifier_id, void *data, size_t data_len)
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

	/* before the thread knows; and once more, since the watch looked valid until then */
	watch->ops->lost(watch->owner);
	spin_lock(&watch->lock);
	watch->lost = true;
	spin_unlock(&watch->lock);
	watch->ops->lost(watch->owner);
	wake_up(&watch->wait);
}

/* @lock held. Return: for how long the OSD has not confirmed the watch, jiffies. */
static unsigned long watch_age(struct trbd_watch *watch)
{
	lockdep_assert_held(&watch->lock);
	/* given back only after it is taken away under the lock; a broken one confirms nothing */
	if (watch->lreq && !watch->lost)
		WRITE_ONCE(watch->confirmed, READ_ONCE(watch->lreq->watch_valid_thru));
	return jiffies - watch->confirmed;
}

static void watch_look(struct work_struct *work)
{
	struct trbd_watch *watch = container_of(to_delayed_work(work), struct trbd_watch, look);
	unsigned long late = watch->session->client->options->osd_keepalive_timeout + WATCH_LATE;
	unsigned long age;

	spin_lock(&watch->lock);
	age = watch_age(watch);
	watch->missed |= watch->late && age <= late;
	watch->late = age > late;
	spin_unlock(&watch->lock);

	if (age >= WATCH_TRUSTED)
		watch->ops->unconfirmed(watch->owner);
	if (age >= WATCH_SILENT)
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

	/* libceph would hold it back until there is room, and us with it */
	if (trbd_session_pool_is_full(watch->session, watch->oloc->pool))
		return -ENOSPC;
	lreq = ceph_osdc_watch(trbd_session_osdc(watch->session), (struct ceph_object_id *)watch->oid,
			       (struct ceph_object_locator *)watch->oloc, watch_notify_cb, watch_error_cb,
			       watch);
	if (IS_ERR(lreq)) {
		/* it may have been watched for a moment */
		ceph_osdc_flush_notifies(trbd_session_osdc(watch->session));
		return PTR_ERR(lreq) == -ERESTARTSYS ? -EINTR : PTR_ERR(lreq);
	}
	/* in a full pool libceph would hold it back when it watches again, by itself, at another OSD */
	down_write(&trbd_session_osdc(watch->session)->lock);
	lreq->t.flags |= CEPH_OSD_FLAG_FULL_TRY;
	up_write(&trbd_session_osdc(watch->session)->lock);
	spin_lock(&watch->lock);
	watch->lreq = lreq;
	watch->late = false;
	watch_age(watch);
	spin_unlock(&watch->lock);
	return 0;
}

/*
 * Gives the handle back; retried until there is memory for it, since a handle that leaks keeps pinging. On the watch's
 * thread: libceph waits up to mount_timeout, or until that is killed.
 */
static void watch_unregister(struct trbd_watch *watch)
{
	struct ceph_osd_client *osdc = trbd_session_osdc(watch->session);
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

	if (watch->ops->notify(watch->owner, event->len ? event->payload : NULL, event->len, &event->ack, &reply))
		trbd_watch_ack(watch, &event->ack, &reply);
	kfree(event);
}

/* Return: false if the thread is to end before that. */
static bool watch_await_over(struct trbd_watch *watch)
{
	unsigned long since = jiffies;
	bool late;

	do {
		late = time_after(jiffies, since + WATCH_OVER_MIN) &&
		       time_after(jiffies, READ_ONCE(watch->confirmed) + WATCH_SILENT);
		if (watch->ops->is_over(watch->owner, late))
			return true;
		schedule_timeout_interruptible(msecs_to_jiffies(WATCH_OVER_MS));
	} while (!READ_ONCE(watch->ending));
	return false;
}

static void watch_restore(struct trbd_watch *watch)
{
	int err;

	if (watch->lreq && !watch_await_over(watch))
		return;
	watch_unregister(watch);
	/* what was queued before belongs to a watch that is no more */
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

	/* only ours: nobody would ever take one from userspace off the queue again */
	allow_kernel_signal(SIGKILL);

	while (!READ_ONCE(watch->ending)) {
		wait_event_interruptible_timeout(watch->wait, watch_has_work(watch) || READ_ONCE(watch->ending),
						 WATCH_POLL_INTERVAL);
		if (READ_ONCE(watch->ending))
			break;

		spin_lock(&watch->lock);
		lost = watch->lost;
		missed = watch->missed || time_after_eq(jiffies, polled + WATCH_POLL_INTERVAL);
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
	/* what ended the loop is not meant for this; pairs with watch_end_thread() */
	spin_lock(&watch->lock);
	flush_signals(current);
	spin_unlock(&watch->lock);
	watch_unregister(watch);
	complete(&watch->ended);
	return 0;
}

/**
 * trbd_watch_start() - watch an object
 * @watch: to be filled in
 * @session: where
 * @oid: object, must outlive the watch
 * @oloc: pool and namespace, must outlive the watch
 * @ops: callbacks
 * @owner: their argument
 * @name: for the thread's name
 *
 * Context: may sleep for the OSD of the object; a fatal signal ends it. Make sure first that the object answers.
 * Return: 0, or a negative errno and nothing is left behind: -ENOENT, -EPERM, -ENOMEM, -EINTR, ...
 */
int trbd_watch_start(struct trbd_watch *watch, struct trbd_session *session,
		     const struct ceph_object_id *oid, const struct ceph_object_locator *oloc,
		     const struct trbd_watch_ops *ops, void *owner, const char *name)
{
	int ret;

	watch->session = session;
	watch->oid = oid;
	watch->oloc = oloc;
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
 * trbd_watch_is_valid() - would the watch be told of a notification now?
 * @watch: started watch
 *
 * Context: any in which a spinlock may be taken.
 * Return: true if it is registered, and was confirmed a moment ago.
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
 * trbd_watch_is_confirmed() - would no notification be missed for good now?
 * @watch: started watch
 *
 * Context: any in which a spinlock may be taken.
 * Return: true if the OSD has confirmed the watch less than 9 s ago.
 */
bool trbd_watch_is_confirmed(struct trbd_watch *watch)
{
	bool confirmed;

	/* as of the last look, or else as of now */
	if (time_before(jiffies, READ_ONCE(watch->confirmed) + WATCH_TRUSTED))
		return true;
	spin_lock(&watch->lock);
	confirmed = watch_age(watch) < WATCH_TRUSTED;
	spin_unlock(&watch->lock);
	return confirmed;
}

/**
 * trbd_watch_ack() - acknowledge a notification
 * @watch: started watch, or one that is being stopped
 * @ack: which
 * @reply: what goes back to the notifier, NULL for nothing
 *
 * An error means that the watch broke, which is reported on its own, or that whoever notified must do so again.
 *
 * Context: may sleep up to the session's mount_timeout.
 */
void trbd_watch_ack(struct trbd_watch *watch, const struct trbd_watch_ack *ack, const struct trbd_watch_reply *reply)
{
	trbd_notify_ack(watch->session, watch->oid, watch->oloc, ack->notify_id, ack->cookie,
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

/* The thread ends its present work; giving the handle back gets its time. */
static void watch_end_thread(struct trbd_watch *watch)
{
	unsigned long wait = trbd_closing_left(watch->session, watch->oid, trbd_session_timeout(watch->session));

	/* together, or the thread may see the one, and the other ends what it does then */
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
 * Context: process; when the object's OSD does not answer it may sleep up to the session's mount_timeout, or until the
 * owner has closed for long enough (rados/closing.c).
 */
void trbd_watch_stop(struct trbd_watch *watch)
{
	cancel_delayed_work_sync(&watch->look);
	watch_end_thread(watch);
	put_task_struct(watch->thread);
	watch_drop_events(watch);
}
