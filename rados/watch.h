/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RADOS_WATCH_H
#define TRBD_RADOS_WATCH_H

#include <linux/completion.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct ceph_osd_linger_request;
struct task_struct;
struct trbd_object;

#define TRBD_WATCH_REPLY_MAX	256

/**
 * struct trbd_watch_reply - the reply in an acknowledgment, which goes to the notifier
 * @len: bytes in @data
 * @data: the reply
 */
struct trbd_watch_reply {
	size_t len;
	u8 data[TRBD_WATCH_REPLY_MAX];
};

/**
 * struct trbd_watch_ack - the numbers that an acknowledgment needs
 * @notify_id: the OSD's number of the notification
 * @cookie: our number of the watch that the notification came on
 */
struct trbd_watch_ack {
	u64 notify_id;
	u64 cookie;
};

/**
 * struct trbd_watch_ops - callbacks for the owner of a watch
 * @arrived: a notification came, and @notify will be called with it unless the watch breaks first.
 *	On libceph's queue, must not sleep
 * @notify: handle a notification. If this returns true, the watch acknowledges the notification
 *	with the reply that this filled in, or with an empty one. Otherwise the owner may
 *	acknowledge it later with trbd_watch_ack() and a copy of @ack. Payload is NULL/0 for an
 *	empty notification. Payload and @ack are also NULL when a notification may have been missed,
 *	and now and then in any case. On the watch's thread
 * @lost: notifications are missed from now on, until @restored is called and trbd_watch_is_valid().
 *	May be called more than once; on a workqueue, must not sleep
 * @unconfirmed: notifications may be missed, until @notify or @restored is called and
 *	trbd_watch_is_valid(). May be called more than once; on a workqueue, must not sleep
 * @silent: the OSD will soon forget the watch. Called every second from then on; on a workqueue,
 *	must not wait for the network
 * @is_over: the watch was lost, and is about to be given back; after that, others need not ask us
 *	any more. Return whether all changes are over that must not happen then. Called again until
 *	it returns true; with @late, the owner must call those changes back. On the watch's thread
 * @restored: the watch was lost and is there again; notifications may have been missed. Also called
 *	with an error when watching again failed, before each further try: -ENOENT means that the
 *	object is gone. On the watch's thread
 */
struct trbd_watch_ops {
	void (*arrived)(void *owner, const void *payload, size_t len);
	bool (*notify)(void *owner, const void *payload, size_t len,
		       const struct trbd_watch_ack *ack, struct trbd_watch_reply *reply);
	void (*lost)(void *owner);
	void (*unconfirmed)(void *owner);
	void (*silent)(void *owner);
	bool (*is_over)(void *owner, bool late);
	void (*restored)(void *owner, int err);
};

/**
 * struct trbd_watch - a watch on one object, kept up by a thread of its own
 * @object: the watched object, owned by the caller; constant
 * @ops: callbacks; constant
 * @owner: argument of the callbacks; constant
 * @lreq: libceph's handle; start touches it, then the thread, never two at a time
 * @thread: handles notifications and watches again
 * @wait: the thread waits here
 * @ending: the thread is to end
 * @ended: the thread has given the handle back, and ends
 * @look: looks every second how long ago the OSD confirmed the watch
 * @lock: guards the fields below, and changes of @lreq; a spinlock because libceph's callbacks only
 *	queue
 * @pending: notifications to be handled
 * @confirmed: jiffies as of which the OSD last confirmed the watch, as far as we have looked; stays
 *	when the watch breaks
 * @num_pending: length of @pending; limited, since any client that may write the object can notify
 * @lost: libceph reported an error on @lreq
 * @missed: a notification could not be queued, or may not have come
 * @late: the OSD has not confirmed the watch for longer than usual
 */
struct trbd_watch {
	const struct trbd_object *object;
	const struct trbd_watch_ops *ops;
	void *owner;
	struct ceph_osd_linger_request *lreq;
	struct task_struct *thread;
	wait_queue_head_t wait;
	bool ending;
	struct completion ended;
	struct delayed_work look;
	spinlock_t lock;	/* see above */
	struct list_head pending;
	unsigned long confirmed;
	unsigned int num_pending;
	bool lost;
	bool missed;
	bool late;
};

int trbd_watch_start(struct trbd_watch *watch, const struct trbd_object *object,
		     const struct trbd_watch_ops *ops, void *owner, const char *name);
bool trbd_watch_is_valid(struct trbd_watch *watch);
bool trbd_watch_is_confirmed(struct trbd_watch *watch);
void trbd_watch_ack(struct trbd_watch *watch, const struct trbd_watch_ack *ack,
		    const struct trbd_watch_reply *reply);
void trbd_watch_renew(struct trbd_watch *watch);
void trbd_watch_stop(struct trbd_watch *watch);

#endif /* TRBD_RADOS_WATCH_H */
