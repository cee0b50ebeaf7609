// SPDX-License-Identifier: GPL-2.0
/*
 * Asking the other gateways whether somebody takes a snapshot.
 *
 * librbd asks the watchers of the header for quiet, once, and then makes the snapshot. A gateway
 * that begins to watch between the two has not been asked. It would write while all others are
 * quiet. The snapshot would then have that write, and lack one that was acknowledged before it. So
 * a gateway that watches the header, for the first time or again, asks the others, and does not
 * write before:
 *
 *	watch the header --> ask the others --> close the gate as theirs --> read it --> write
 *
 * The OSD delivers notifications in one order. If a QUIESCE came before our question, it came to
 * the others before our question, too, and they know it when they answer. If it comes later, it
 * comes to us as well, since we watched before we asked.
 *
 * The question is a notification on the header, framed as librbd frames its own. librbd and krbd
 * acknowledge it with an empty reply, or with -EOPNOTSUPP if they hold the image's lock. A gateway
 * answers in the same frame with all wishes for quiet that it knows:
 *
 *	question    u8 1, u8 1, u32 length, u32 operation
 *	answer      u8 1, u8 1, u32 length, u32 operation, u32 count,
 *	            { u64 gid, u64 handle, u64 request, u32 age }...
 *
 * The age of a wish is the number of milliseconds since its owner was last heard of. It lets all
 * gateways give the wish up at the same time. Any other answer counts as none. A gateway that does
 * not answer in time counts as none as well: it may be gone. If the question itself does not come
 * back, we ask again, and nothing is written until it does.
 *
 * The watch's thread cannot ask: two gateways that did so at once would wait for each other's
 * answer. A work cannot ask either: libceph's notify waits without a limit for an OSD that does not
 * answer, unless the caller is killed. Hence a thread.
 */
#include <linux/atomic.h>
#include <linux/build_bug.h>
#include <linux/ceph/decode.h>
#include <linux/ceph/libceph.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

#include "protocol.h"
#include "rados/notify.h"
#include "rados/session.h"
#include "rbd/image.h"
#include "rbd/inquiry.h"
#include "rbd/quiesce.h"

/* pause before asking again, and between looks at whether the watch is there */
#define INQUIRY_RETRY		HZ

#define INQUIRY_FRAME		(2 * sizeof(u8) + sizeof(__le32))
#define INQUIRY_WISH		(3 * sizeof(__le64) + sizeof(__le32))

static_assert(INQUIRY_FRAME + 2 * sizeof(__le32) + TRBD_QUIESCE_WISHES * INQUIRY_WISH <=
		      TRBD_WATCH_REPLY_MAX,
	      "an answer is too long");

/**
 * trbd_inquiry_answer() - answer another gateway that asks which wishes for quiet there are
 * @q: our gate
 * @reply: set to the answer
 *
 * Context: any in which a spinlock may be taken.
 */
void trbd_inquiry_answer(struct trbd_quiesce *q, struct trbd_watch_reply *reply)
{
	struct trbd_quiesce_open open[TRBD_QUIESCE_WISHES];
	unsigned int count = trbd_quiesce_list(q, open);
	void *p = reply->data;
	unsigned int i;

	ceph_start_encoding(&p, 1, 1, 2 * sizeof(__le32) + count * INQUIRY_WISH);
	ceph_encode_32(&p, TRBD_NOTIFY_INQUIRY);
	ceph_encode_32(&p, count);
	for (i = 0; i < count; i++) {
		ceph_encode_64(&p, open[i].id.gid);
		ceph_encode_64(&p, open[i].id.handle);
		ceph_encode_64(&p, open[i].id.request);
		ceph_encode_32(&p, open[i].age_ms);
	}
	reply->len = p - (void *)reply->data;
}

/* Take in an answer. Those of librbd, krbd and others come here as well. */
static void inquiry_answered(void *arg, const void *reply, size_t len)
{
	struct trbd_inquiry *inquiry = arg;
	struct trbd_quiesce_open open;
	void *p = (void *)reply;
	void *end = p + len;
	u32 count, body;
	u8 struct_v;

	if (!len || ceph_start_decoding(&p, end, 1, "inquiry", &struct_v, &body) ||
	    !ceph_has_room(&p, end, 2 * sizeof(u32)) || ceph_decode_32(&p) != TRBD_NOTIFY_INQUIRY)
		return;
	for (count = ceph_decode_32(&p); count && ceph_has_room(&p, end, INQUIRY_WISH); count--) {
		open.id.gid = ceph_decode_64(&p);
		open.id.handle = ceph_decode_64(&p);
		open.id.request = ceph_decode_64(&p);
		open.age_ms = ceph_decode_32(&p);
		if (trbd_quiesce_join(&inquiry->image->quiesce, &open))
			pr_info("%s: client.%llu takes a snapshot, as another gateway says; nothing is written until it is made\n",
				inquiry->image->name, open.id.gid);
	}
}

static int inquiry_ask(struct trbd_inquiry *inquiry)
{
	u8 message[INQUIRY_FRAME + sizeof(__le32)];
	void *p = message;

	ceph_start_encoding(&p, 1, 1, sizeof(__le32));
	ceph_encode_32(&p, TRBD_NOTIFY_INQUIRY);
	return trbd_notify(trbd_image_header(inquiry->image), message, sizeof(message),
			   TRBD_INQUIRY_TIMEOUT_S, inquiry_answered, inquiry);
}

/*
 * Return whether there is a reason to ask, and a watch that reports any QUIESCE that the others get
 * from now on.
 */
static bool inquiry_may_ask(struct trbd_inquiry *inquiry)
{
	return trbd_inquiry_is_due(inquiry) && trbd_watch_is_valid(&inquiry->image->watch);
}

static void inquiry_try(struct trbd_inquiry *inquiry)
{
	/* read this before asking: a watch that is lost meanwhile is a reason to ask again */
	int wanted = atomic_read_acquire(&inquiry->wanted);
	int ret;

	if (!inquiry_may_ask(inquiry))
		return;
	ret = inquiry_ask(inquiry);
	/*
	 * without a header nobody takes a snapshot, and reading the header will show that it is
	 * gone
	 */
	if (ret && ret != -ENOENT) {
		schedule_timeout_interruptible(INQUIRY_RETRY);
		return;
	}
	atomic_set_release(&inquiry->done, wanted);
	inquiry->asked(inquiry->image);
	wake_up_all(&inquiry->wait);
}

static int inquiry_thread(void *arg)
{
	struct trbd_inquiry *inquiry = arg;

	/* freeing memory may wait for the writes that wait for this thread */
	memalloc_noio_save();
	/* only signals of the kernel: nothing would ever take one from userspace off the queue */
	allow_kernel_signal(SIGKILL);

	while (!kthread_should_stop()) {
		wait_event_interruptible(inquiry->wait,
					 trbd_inquiry_is_due(inquiry) || kthread_should_stop());
		wait_event_interruptible_timeout(inquiry->wait,
						 inquiry_may_ask(inquiry) || kthread_should_stop(),
						 INQUIRY_RETRY);
		if (!kthread_should_stop())
			inquiry_try(inquiry);
	}
	return 0;
}

/**
 * trbd_inquiry_init() - prepare an inquiry, with nothing to ask yet
 * @inquiry: to be filled in
 * @image: the image in question
 * @asked: called when all answers are in; reads the header
 */
void trbd_inquiry_init(struct trbd_inquiry *inquiry, struct trbd_image *image,
		       void (*asked)(struct trbd_image *image))
{
	inquiry->image = image;
	inquiry->asked = asked;
	inquiry->thread = NULL;
	init_waitqueue_head(&inquiry->wait);
	atomic_set(&inquiry->wanted, 0);
	atomic_set(&inquiry->done, 0);
}

/**
 * trbd_inquiry_start() - start the thread that asks whenever there is a reason
 * @inquiry: initialised; the image's header is watched
 *
 * Context: process.
 * Return: 0 or a negative errno.
 */
int trbd_inquiry_start(struct trbd_inquiry *inquiry)
{
	struct task_struct *thread = kthread_create(inquiry_thread, inquiry, "trbd-ask/%s",
						    inquiry->image->id);

	if (IS_ERR(thread))
		return PTR_ERR(thread);
	get_task_struct(thread);
	inquiry->thread = thread;
	wake_up_process(thread);
	return 0;
}

/**
 * trbd_inquiry_stop() - stop asking, and end the thread
 * @inquiry: initialised, started or not
 *
 * Context: process; waits for a read of the header that is under way elsewhere.
 */
void trbd_inquiry_stop(struct trbd_inquiry *inquiry)
{
	if (!inquiry->thread)
		return;
	send_sig(SIGKILL, inquiry->thread, 1);
	kthread_stop(inquiry->thread);
	put_task_struct(inquiry->thread);
	inquiry->thread = NULL;
}

/**
 * trbd_inquiry_want() - note a reason to ask: a client may have asked for quiet without us
 * @inquiry: initialised
 *
 * Context: any.
 */
void trbd_inquiry_want(struct trbd_inquiry *inquiry)
{
	atomic_inc_return_release(&inquiry->wanted);
	wake_up_all(&inquiry->wait);
}

/**
 * trbd_inquiry_wake() - have the others asked now, since the header is watched
 * @inquiry: initialised
 *
 * Context: any.
 */
void trbd_inquiry_wake(struct trbd_inquiry *inquiry)
{
	wake_up_all(&inquiry->wait);
}

/**
 * trbd_inquiry_is_due() - tell whether there is a reason to ask that came after the last answers
 * @inquiry: initialised
 *
 * Context: any.
 * Return: true if there is; while there is, nothing may be written.
 */
bool trbd_inquiry_is_due(struct trbd_inquiry *inquiry)
{
	return atomic_read(&inquiry->wanted) != atomic_read_acquire(&inquiry->done);
}

/**
 * trbd_inquiry_await() - wait until the others were asked and the header was read after that
 * @inquiry: started
 *
 * Context: process; waits up to mount_timeout, or until a fatal signal. The thread goes on asking
 * after that.
 */
void trbd_inquiry_await(struct trbd_inquiry *inquiry)
{
	wait_event_killable_timeout(inquiry->wait, !READ_ONCE(inquiry->image->unwatched),
				    trbd_session_timeout(inquiry->image->session));
}
