// SPDX-License-Identifier: GPL-2.0
/*
 * One object of the group, and the thread that does all I/O there.
 *
 * An inactive placement group holds the requests that are sent to it for as long as it stays
 * inactive. So each object has a thread of its own, and none waits for another. A thread gets its
 * jobs from the group's thread and does one at a time. While it is still at one job, it gets no
 * other.
 *
 * A slot may be lost in an object, or may never have been taken there because the object was away.
 * A heartbeat takes it again if it is free. No other gateway can have it in a majority, since we
 * do. An object that is gone is made again first.
 */
#include <linux/ceph/ceph_hash.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/utsname.h>

#include "gateway/group_beat.h"
#include "gateway/group_object.h"
#include "rados/object.h"
#include "rados/session.h"

#define GROUP_OBJECT	"target_core_rbd.group"
/* how long the OSD keeps its time for a gateway that has left, s */
#define GROUP_LEFT_S	1

/* Read the table into object->table. @osd_ms is NULL, or is set to the time that the OSD noted. */
static int object_read(struct trbd_group_object *object, u64 *osd_ms)
{
	memset(object->table, 0, TRBD_GROUP_TABLE_SIZE);
	return min(trbd_object_read(&object->place, object->table, TRBD_GROUP_TABLE_SIZE,
				    osd_ms ? &object->witness : NULL, osd_ms, TRBD_GROUP_ANSWER_MS),
		   0);
}

/* @state held. Fill in our entry. */
static void object_make_entry(struct trbd_group *group, u64 owner, struct trbd_group_entry *entry)
{
	u64 age_ms = trbd_clock_local_ms() - group->steady_ms;

	memset(entry, 0, sizeof(*entry));
	entry->owner = owner;
	entry->clock_ms = trbd_clock_now(&group->clock);
	entry->limit_ms = group->limit_ms;
	entry->beats = group->beats;
	entry->age_ms = group->steady_ms ? min_t(u64, age_ms, TRBD_GROUP_AGE_MAX_MS)
					 : TRBD_GROUP_AGE_MAX_MS;
	entry->w_ms = TRBD_W_MS;
	strscpy(entry->name, init_utsname()->nodename, sizeof(entry->name));
}

/* Write our entry. @owner 0 gives the slot back. */
static int object_write(struct trbd_group_object *object, int slot, u64 expected, u64 owner)
{
	struct trbd_group *group = object->group;
	struct trbd_group_entry entry;
	u8 buf[TRBD_GROUP_ENTRY_SIZE];
	char xattr[16];
	struct trbd_object_condition condition = { .xattr = xattr,
						   .expected = expected,
						   .new = owner };
	struct trbd_object_change change = {
		.off = (u64)slot * TRBD_GROUP_ENTRY_SIZE,
		.buf = buf,
		.len = sizeof(buf),
		.witness = &object->witness,
		.limit_ms = TRBD_GROUP_ANSWER_MS,
	};

	mutex_lock(&group->state);
	group->beats++;
	object_make_entry(group, owner, &entry);
	mutex_unlock(&group->state);
	trbd_group_encode(&entry, buf);
	snprintf(xattr, sizeof(xattr), "slot.%02x", slot);
	snprintf(object->witness.lock, sizeof(object->witness.lock), "tcr.time.%02x", slot);
	snprintf(object->witness.cookie, sizeof(object->witness.cookie), "%llx", owner ?: expected);
	object->witness.keep_s = owner ? TRBD_WITNESS_LOCK_S : GROUP_LEFT_S;
	return trbd_object_change_if(&object->place, &condition, &change);
}

static int object_look(struct trbd_group_object *object)
{
	struct trbd_group *group = object->group;
	int ret;

	ret = trbd_object_create(&object->place, TRBD_GROUP_TABLE_SIZE);
	if (!ret)
		ret = object_read(object, NULL);
	if (ret)
		return ret;
	mutex_lock(&group->state);
	trbd_group_digest_table(object);
	mutex_unlock(&group->state);
	return 0;
}

/* Write our entry, and read all entries. */
static int object_exchange(struct trbd_group_object *object, int slot, u64 expected,
			   struct trbd_group_beat *beat)
{
	int ret;

	mutex_lock(&object->group->state);
	beat->slept_ms = object->group->slept_ms;
	mutex_unlock(&object->group->state);
	beat->sent_ms = trbd_clock_local_ms();
	ret = object_write(object, slot, expected, beat->owner);
	if (ret)
		return ret;
	beat->written_ms = trbd_clock_local_ms();
	beat->osd_ms = 0;
	return object_read(object, &beat->osd_ms);
}

static int object_take(struct trbd_group_object *object)
{
	struct trbd_group *group = object->group;
	struct trbd_group_beat beat = { .owner = object->owner, .take = true };
	bool late = false;
	int ret;

	ret = object_exchange(object, object->slot, object->expected, &beat);
	mutex_lock(&group->state);
	if (group->owner != beat.owner)
		late = true;
	else if (!ret)
		trbd_group_digest(object, &beat);
	mutex_unlock(&group->state);
	/* the group has taken a majority without this object, or has failed to */
	if (late && ret != -ECANCELED)
		object_write(object, object->slot, beat.owner, 0);
	return late ? -ECANCELED : ret;
}

static int object_give_back(struct trbd_group_object *object)
{
	return object_write(object, object->slot, object->owner, 0);
}

/* Find out who has the slot that is to be taken again. */
static int object_find_again(struct trbd_group_object *object, int slot, u64 owner, u64 *expected)
{
	struct trbd_group *group = object->group;
	const struct trbd_group_view *view = &object->view[slot];
	int ret;

	ret = object_look(object);
	if (ret)
		return ret;
	mutex_lock(&group->state);
	*expected = view->entry.owner;
	if (*expected != owner && !trbd_quorum_is_free(view, trbd_clock_now(&group->clock)))
		ret = -EBUSY;
	mutex_unlock(&group->state);
	return ret;
}

/* @state held. Keep the limit well ahead of the clock. */
static void object_move_limit(struct trbd_group *group)
{
	u64 now_ms = trbd_clock_now(&group->clock);

	if (now_ms + TRBD_GROUP_LIMIT_MS / 2 > group->limit_ms)
		group->limit_ms = now_ms + TRBD_GROUP_LIMIT_MS;
}

static int object_beat(struct trbd_group_object *object)
{
	struct trbd_group *group = object->group;
	struct trbd_group_beat beat = { };
	bool held, in_touch;
	u64 expected;
	int ret = 0, slot;

	mutex_lock(&group->state);
	slot = group->slot;
	beat.owner = group->owner;
	expected = beat.owner;
	held = object->hold != TRBD_GROUP_NOT_HELD;
	object_move_limit(group);
	mutex_unlock(&group->state);
	if (slot < 0)
		return -EAGAIN;

	if (!held)
		ret = object_find_again(object, slot, beat.owner, &expected);
	if (!ret)
		ret = object_exchange(object, slot, expected, &beat);

	mutex_lock(&group->state);
	if (!ret)
		trbd_group_digest(object, &beat);
	else if ((ret == -ECANCELED || ret == -ENOENT) && held && beat.owner == group->owner)
		trbd_group_lost(object);
	mutex_unlock(&group->state);
	in_touch = !ret && trbd_group_has_lease(group);
	if (in_touch)
		trbd_group_release_waiting(group, true);
	return ret;
}

static int object_do(struct trbd_group_object *object)
{
	switch (object->job) {
	case TRBD_GROUP_LOOK:
		return object_look(object);
	case TRBD_GROUP_TAKE:
		return object_take(object);
	case TRBD_GROUP_BEAT:
		return object_beat(object);
	case TRBD_GROUP_FREE:
		return object_give_back(object);
	case TRBD_GROUP_IDLE:
		break;
	}
	return 0;
}

/* Note the end of the job. Begin a heartbeat if one is wanted. */
static void object_end_job(struct trbd_group_object *object, int err)
{
	struct trbd_group *group = object->group;

	spin_lock(&group->lock);
	object->err = err;
	if (object->job == TRBD_GROUP_BEAT) {
		group->heartbeats += !err;
		group->heartbeats_failed += !!err;
		if (!err)
			object->good = object->begun;
	}
	object->job = TRBD_GROUP_IDLE;
	if (object->again) {
		object->again = false;
		object->job = TRBD_GROUP_BEAT;
		object->begun++;
	}
	spin_unlock(&group->lock);
	wake_up_all(&group->done);
}

static void object_report(struct trbd_group_object *object, enum trbd_group_job job, int err)
{
	struct trbd_group *group = object->group;

	/* the signal that ends the thread comes a moment before it is told to stop */
	if (!err || err == -EINTR || kthread_should_stop())
		return;
	if (err == -ESHUTDOWN)
		trbd_session_recover(group->session);
	/* -EBUSY: the slot is another gateway's there */
	if (job == TRBD_GROUP_BEAT && err != -EAGAIN && err != -EBUSY)
		pr_warn_ratelimited("group of pool %lld: heartbeat failed: error %d (object %s)\n",
				    group->oloc.pool, err, object->oid.name);
}

static int object_thread(void *arg)
{
	struct trbd_group_object *object = arg;
	enum trbd_group_job job;
	int err;

	allow_kernel_signal(SIGKILL);
	while (!kthread_should_stop()) {
		wait_event_interruptible(object->wake, READ_ONCE(object->job) != TRBD_GROUP_IDLE ||
					 kthread_should_stop());
		job = READ_ONCE(object->job);
		if (job == TRBD_GROUP_IDLE || kthread_should_stop())
			continue;
		err = object_do(object);
		object_report(object, job, err);
		object_end_job(object, err);
	}
	return 0;
}

/**
 * trbd_group_post() - give the thread of an object a job
 * @object: object
 * @job: job; for taking and giving back, @slot, @owner and @expected of the object are set
 *
 * Context: any in which a spinlock may be taken.
 * Return: false if the thread is still at another job.
 */
bool trbd_group_post(struct trbd_group_object *object, enum trbd_group_job job)
{
	bool idle;

	spin_lock(&object->group->lock);
	idle = object->job == TRBD_GROUP_IDLE;
	if (idle) {
		object->job = job;
		object->begun++;
	} else if (job == TRBD_GROUP_BEAT) {
		object->group->heartbeats_late++;
	}
	spin_unlock(&object->group->lock);
	if (idle)
		wake_up(&object->wake);
	return idle;
}

/**
 * trbd_group_is_idle() - tell whether the threads of all objects are done
 * @group: membership
 *
 * Context: any in which a spinlock may be taken.
 * Return: true if no thread has a job.
 */
bool trbd_group_is_idle(struct trbd_group *group)
{
	bool idle = true;
	int i;

	spin_lock(&group->lock);
	for (i = 0; i < TRBD_GROUP_OBJECTS; i++)
		idle = idle && group->objects[i].job == TRBD_GROUP_IDLE;
	spin_unlock(&group->lock);
	return idle;
}

/* Hash the name of an object. The lower bits of the hash choose its placement group. */
static unsigned int object_hash(const struct ceph_object_locator *oloc, const char *name)
{
	/* a namespace of 255 bytes (see config.c), a separator, and the name */
	char key[320];
	int len = 0;

	if (oloc->pool_ns)
		len = scnprintf(key, sizeof(key), "%.*s\037", (int)oloc->pool_ns->len,
				oloc->pool_ns->str);
	len += scnprintf(key + len, sizeof(key) - len, "%s", name);
	return ceph_str_hash(CEPH_STR_HASH_RJENKINS, key, len);
}

/*
 * Choose the name of an object: .group, and then the first of .group.1, .group.2, ... whose
 * placement group differs from those of the objects before. The names differ in the two lowest bits
 * of the hash, so this holds in every pool of four placement groups or more.
 */
static void object_name(struct trbd_group *group, unsigned int index)
{
	char name[sizeof(GROUP_OBJECT) + 12] = GROUP_OBJECT;
	unsigned int i, hash, number = 0;

	for (i = 0; i < index; i++) {
		hash = object_hash(&group->oloc, name) ^
		       object_hash(&group->oloc, group->objects[i].oid.name);
		if (hash & 3)
			continue;
		snprintf(name, sizeof(name), "%s.%u", GROUP_OBJECT, ++number);
		i = -1;
	}
	ceph_oid_init(&group->objects[index].oid);
	ceph_oid_printf(&group->objects[index].oid, "%s", name);
}

/**
 * trbd_group_object_init() - set up an object, without its thread
 * @group: membership, with its pool and namespace
 * @index: which object; those before have been set up
 *
 * Context: process; may sleep for memory.
 * Return: 0 or -ENOMEM; trbd_group_object_free() follows in any case.
 */
int trbd_group_object_init(struct trbd_group *group, unsigned int index)
{
	struct trbd_group_object *object = &group->objects[index];

	object->group = group;
	init_waitqueue_head(&object->wake);
	object_name(group, index);
	object->place.session = group->session;
	object->place.oid = &object->oid;
	object->place.oloc = &group->oloc;
	object->table = kvzalloc(TRBD_GROUP_TABLE_SIZE, GFP_KERNEL);
	object->view = kvcalloc(TRBD_SLOTS, sizeof(*object->view), GFP_KERNEL);
	return object->table && object->view ? 0 : -ENOMEM;
}

/**
 * trbd_group_object_start() - start the thread of an object
 * @object: object
 * @index: its number
 *
 * Context: process; may sleep for memory.
 * Return: 0 or a negative errno.
 */
int trbd_group_object_start(struct trbd_group_object *object, unsigned int index)
{
	struct task_struct *thread;

	thread = kthread_create(object_thread, object, "trbd-group/%lld.%u",
				object->group->oloc.pool, index);
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	object->thread = get_task_struct(thread);
	wake_up_process(thread);
	return 0;
}

/**
 * trbd_group_object_stop() - end the thread of an object, and the request that it waits for
 * @object: object, whose thread may not have been started
 *
 * Context: process; may sleep.
 */
void trbd_group_object_stop(struct trbd_group_object *object)
{
	if (!object->thread)
		return;
	send_sig(SIGKILL, object->thread, 1);
	kthread_stop(object->thread);
	put_task_struct(object->thread);
	object->thread = NULL;
}

/**
 * trbd_group_object_free() - undo trbd_group_object_init()
 * @object: object, without a thread
 *
 * Context: process.
 */
void trbd_group_object_free(struct trbd_group_object *object)
{
	ceph_oid_destroy(&object->oid);
	kvfree(object->view);
	kvfree(object->table);
}
