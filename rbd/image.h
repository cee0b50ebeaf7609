/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RBD_IMAGE_H
#define TRBD_RBD_IMAGE_H

#include <linux/atomic.h>
#include <linux/ceph/libceph.h>
#include <linux/ceph/osdmap.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "rados/closing.h"
#include "rados/request.h"
#include "rados/watch.h"
#include "rbd/header.h"
#include "rbd/object_queue.h"
#include "rbd/quiesce.h"
#include "rbd/striping.h"

struct ceph_options;
struct ceph_snap_context;
struct task_struct;
struct trbd_clock;
struct trbd_session;

/* fsid, pool id, namespace (255 at most), image id, snapshot id, and the characters between them */
#define TRBD_IMAGE_IDENTITY_MAX	(36 + 20 + 255 + TRBD_IMAGE_ID_MAX + 20 + 8)

/**
 * struct trbd_image_ops - callbacks to the owner of an image, on a thread that may sleep
 * @resized: the size changed
 * @refreshed: the header was read again, since it may have changed
 * @notified: a notification on the header arrived that is not librbd's: its op, and the payload
 *	after the op. The callback may fill in @reply, which goes back to the sender
 * @watched: the header is watched again; notifications may have been missed before
 */
struct trbd_image_ops {
	void (*resized)(void *owner);
	void (*refreshed)(void *owner);
	void (*notified)(void *owner, u32 op, const void *payload, size_t len,
			 struct trbd_watch_reply *reply);
	void (*watched)(void *owner);
};

/**
 * struct trbd_image_spec - which image to open
 * @pool: pool name
 * @namespace: RADOS namespace in the pool, NULL for the default one
 * @image: image name
 * @snap: snapshot name, NULL for the image itself
 * @ops: callbacks to its owner
 * @owner: argument of @ops
 */
struct trbd_image_spec {
	const char *pool;
	const char *namespace;
	const char *image;
	const char *snap;
	const struct trbd_image_ops *ops;
	void *owner;
};

/**
 * struct trbd_guard_stats - how the guard dealt with this gateway's mutations of an image
 * @fallbacks: mutations that lost to a neighbour's of the same time, and were tried again
 * @stale: mutations that an OSD refused because something newer was there; they ended with BUSY
 * @late: mutations that were not sent because they had been accepted too long ago; they ended with
 *	BUSY
 * @shared: small writes that went along in another write's request
 */
struct trbd_guard_stats {
	atomic64_t fallbacks;
	atomic64_t stale;
	atomic64_t late;
	atomic64_t shared;
};

/**
 * struct trbd_copyups - the copyups of an image; guarded by the image's lock
 * @all: all copyups
 * @waiting: those of them that wait for others to give memory back
 * @bytes: how much memory the others may take
 * @start: starts those that wait
 */
struct trbd_copyups {
	struct list_head all;
	struct list_head waiting;
	u64 bytes;
	struct work_struct start;
};

/**
 * struct trbd_parent_link - a clone's relation to its parent; part of struct trbd_image
 * @open: opens a parent; constant
 * @named: the parent that the clone's header names; under the image's refresh_lock
 * @moves: @named is the target of a migration, and its source is open instead; under the image's
 *	refresh_lock
 * @error: why the parent that the header names could not be opened, or 0; under the image's
 *	refresh_lock
 * @opened: all parents that were opened, by their sibling; under the image's refresh_lock
 * @generation: counts the changes of the image's parent and overlap; under the image's lock
 * @waiters: those that want to know whether parent and overlap are still the same; under the
 *	image's lock
 * @confirm: answers @waiters
 */
struct trbd_parent_link {
	struct trbd_image *(*open)(struct trbd_image *child, const struct trbd_parent *spec);
	struct trbd_parent named;
	bool moves;
	int error;
	struct list_head opened;
	unsigned int generation;
	struct list_head waiters;
	struct work_struct confirm;
};

/**
 * struct trbd_inquiry - asks the other gateways whether somebody takes a snapshot
 * @image: the image in question
 * @asked: called when all answers are in; on the thread, which may sleep
 * @thread: asks; NULL if it was not started
 * @wait: for the thread, and for those that wait for it
 * @wanted: counts the reasons to ask
 * @done: how many of these reasons have been dealt with
 */
struct trbd_inquiry {
	struct trbd_image *image;
	void (*asked)(struct trbd_image *image);
	struct task_struct *thread;
	wait_queue_head_t wait;
	atomic_t wanted;
	atomic_t done;
};

/**
 * struct trbd_image - an open image
 * @session: session with its cluster; constant
 * @name: pool/namespace/image@snap, for messages; constant
 * @id: image id; constant
 * @header_oid: header object; constant
 * @header_oloc: its pool and namespace; constant
 * @header_object: @header_oid and @header_oloc, with the session; constant
 * @data_oloc: pool and namespace of the data objects; constant
 * @header: the part of the header that never changes; constant
 * @striping: the layout as shifts; constant
 * @layout: the layout in libceph's terms; constant
 * @snap_id: snapshot, or CEPH_NOSNAP for the image itself; constant
 * @watch: watch on the header object
 * @watched: @watch was started; constant
 * @inquiry: asks the other gateways whether somebody takes a snapshot; not started for a read-only
 *	image
 * @ops: from struct trbd_image_spec; constant
 * @owner: from struct trbd_image_spec; constant
 * @clock: source of stamps; set by the image's owner before the first mutation
 * @stats: counts for people to read
 * @refresh_lock: allows one refresh at a time, or an older answer could replace a newer one
 * @refused: features because of which the image cannot be served, as of the last reading; under
 *	@refresh_lock once open
 * @refresh_again: refreshes again after a failure
 * @quiesce: the gate that mutations go through
 * @object_queue: lets small writes to the same object take turns
 * @depth: how many clones stand in front of this parent; 0 for others; constant
 * @sibling: for a parent: entry in the list of those that its clone has opened
 * @link: for a clone: its link to the parent
 * @closing: closing has begun
 * @close: makes its calls end soon
 * @lock: guards the fields below; taken once per command and held for a few instructions
 * @size: bytes
 * @parent: for a clone: the image that it reads where it has nothing of its own; else NULL
 * @overlap: how much of a clone its parent backed when the header was read, bytes from the
 *	beginning; 0 if it was flattened
 * @copyups: objects of a clone that are being copied up
 * @snapc: snapshots that writes must preserve
 * @stale: a refresh failed, so @size and @snapc may be old; or the image has new features that
 *	forbid other writers. Mutations end with BUSY
 * @demoted: mirroring has demoted the image, so another cluster may write it. Mutations end with
 *	WRITE PROTECTED
 * @unwatched: notifications may be missed, so others may change size and snapshots without us.
 *	Mutations end with BUSY
 * @losses: how often we learned that notifications may be missed
 * @lost_turn: the turn of @quiesce that began when the watch was last lost
 * @unsent_looks: how many times in a row a change was unsent while the header's OSD was silent;
 *	only the watch's look uses it
 * @error: why the image cannot be used any more (-ENOENT: deleted), or 0
 */
struct trbd_image {
	struct trbd_session *session;
	char *name;
	char id[TRBD_IMAGE_ID_MAX];
	struct ceph_object_id header_oid;
	struct ceph_object_locator header_oloc;
	struct trbd_object header_object;
	struct ceph_object_locator data_oloc;
	struct trbd_header header;
	struct trbd_striping striping;
	struct ceph_file_layout layout;
	u64 snap_id;
	struct trbd_watch watch;
	bool watched;
	struct trbd_inquiry inquiry;
	const struct trbd_image_ops *ops;
	void *owner;
	struct trbd_clock *clock;
	struct trbd_guard_stats stats;
	struct mutex refresh_lock;	/* see above */
	u64 refused;
	struct delayed_work refresh_again;
	struct trbd_quiesce quiesce;
	struct trbd_object_queue object_queue;
	unsigned int depth;
	struct list_head sibling;
	struct trbd_parent_link link;
	bool closing;
	struct trbd_closing close;

	spinlock_t lock;	/* see above */
	u64 size;
	struct trbd_image *parent;
	u64 overlap;
	struct trbd_copyups copyups;
	struct ceph_snap_context *snapc;
	bool stale;
	bool demoted;
	bool unwatched;
	unsigned int losses;
	unsigned int lost_turn;
	unsigned int unsent_looks;
	int error;
};

/* image_open.c */
struct trbd_image *trbd_image_open(struct ceph_options *opt, const struct trbd_image_spec *spec);
void trbd_image_begin_close(struct trbd_image *image);
void trbd_image_close(struct trbd_image *image);

/* image.c */
const struct trbd_object *trbd_image_header(const struct trbd_image *image);
bool trbd_image_is_in_touch(struct trbd_image *image);
int trbd_image_check(struct trbd_image *image);
u64 trbd_image_size(struct trbd_image *image);
int trbd_image_take_state(struct trbd_image *image, u64 off, u64 len,
			  struct ceph_snap_context **snapc, u64 *size);
int trbd_image_check_state(struct trbd_image *image, const struct ceph_snap_context *snapc,
			   u64 size);
int trbd_image_check_hole(struct trbd_image *image);
u64 trbd_image_overlap(struct trbd_image *image);
u64 trbd_image_object_size(const struct trbd_image *image);
void trbd_image_object_name(const struct trbd_image *image, u64 objno, char *buf);
u64 trbd_image_stripe_size(const struct trbd_image *image);
size_t trbd_image_identity(const struct trbd_image *image, char *buf, size_t size);
size_t trbd_image_show(struct trbd_image *image, char *buf, size_t size);
bool trbd_image_read_only(const struct trbd_image *image);

#endif /* TRBD_RBD_IMAGE_H */
