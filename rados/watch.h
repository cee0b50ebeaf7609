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
 * struct trbd_watch_reply - what goes back to the notifier with the answer to it
 * @len: bytes in @data
 * @data: the answer
 */
struct trbd_watch_reply {
	size_t len;
	u8 data[TRBD_WATCH_REPLY_MAX];
};

/**
 * struct trbd_watch_ack - what an acknowledgment needs to know
 * @notify_id: the OSD's number of the notification
 * @cookie: our number of the watch that it came on
 */
struct trbd_watch_ack {
	u64 notify_id;
	u64 cookie;
};

/**
 * struct trbd_watch_ops - what the owner of a watch is told
 * @arrived: a notification came, and @notify will be called with it unless the watch breaks first.
 *	On libceph's queue, must not sleep
 * @notify: handle a notification. It is acknowledged when this returns true, with an empty reply or
 *	with what it put there; otherwise the owner may acknowledge it later with trbd_watch_ack()
 *	and a copy of @ack. Payload is NULL/0 for an empty one. It is so, with @ack NULL, when one
 *	may have been missed, and now and then in any case. On the watch's thread
 * @lost: notifications are missed from now on: until @restored is called and trbd_watch_is_valid().
 *	More often than once; on a workqueue, must not sleep
 * @unconfirmed: they may be missed, until @notify or @restored is called and trbd_watch_is_valid().
 *	Likewise
 * @silent: the OSD will soon forget the watch. Every second from then on; on a workqueue, must not
 *	wait for the network
 * @is_over: the watch was lost, and is about to be given back: then others need not ask us any
 *	more. Is all over that must not happen then? Asked again until it is; with @late, it is to
 *	be called back. On the watch's thread
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
 * @owner: their argument; constant
 * @lreq: libceph's handle; touched by start, then by the thread, never by two at a time
 * @thread: handles notifications and watches again
 * @wait: the thread's
 * @ending: the thread is to end
 * @ended: it has given the handle back, and ends
 * @look: now and then, at how long ago the OSD confirmed the watch
 * @lock: guards what follows, and changes of @lreq; a spinlock because libceph's callbacks only
 *	queue
 * @pending: notifications to be handled
 * @confirmed: jiffies as of which the OSD last confirmed the watch, as far as we have looked; stays
 *	when the watch breaks
 * @num_pending: how many; bounded, since anybody who may write the object can notify
 * @lost: libceph reported an error on @lreq
 * @missed: a notification could not be queued, or may not have come
 * @late: the OSD has not confirmed it for longer than usual
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
