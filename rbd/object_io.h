/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RBD_OBJECT_IO_H
#define TRBD_RBD_OBJECT_IO_H

#include <linux/types.h>
#include <linux/workqueue.h>

#include "rados/request.h"
#include "rbd/clone.h"
#include "rbd/io.h"
#include "rbd/object_queue.h"

struct trbd_image;

/**
 * struct trbd_object_io - an I/O on a contiguous range of one data object
 * @image: open image
 * @op: kind of the I/O. A write and a zero make the object, so that older writes find its stamp; a
 *	discard does not
 * @objno: number of the object
 * @extent: the range, and the memory of a read or write
 * @snapc: snapshot context of a mutation; the image I/O holds the reference
 * @size: size of the image when the command was accepted, bytes
 * @accepted_ms: common time at which the command was accepted
 * @holes: NULL, or set to true if a read finds nothing, not even in the parents
 * @done: called once after submit, at the end, with 0 or a negative errno; in messenger or
 *	workqueue context
 * @unwanted: tells whether nobody waits for the I/O any more. Called with locks held, until @done
 *	was called
 * @guard: guard of a mutation, from prepare to free
 * @req: request that is built or in flight
 * @limit: the limit with which the first try compares
 * @stamp: the stamp that a mutation sets
 * @rounds: how often the object, or the parent of a clone, came or went meanwhile
 * @overlaps: the parent backed the range of a read when the read was sent
 * @result: the result, if @later ends the I/O
 * @later: sends the fallback after a moment, or ends I/O that could not be sent
 * @place: a small write's place in the queue of its object
 * @copyup: waits for the object of a clone
 */
struct trbd_object_io {
	struct trbd_image *image;
	enum trbd_io_op op;
	u64 objno;
	struct trbd_extent extent;
	struct ceph_snap_context *snapc;
	u64 size;
	u64 accepted_ms;
	bool *holes;
	void (*done)(struct trbd_object_io *o, int result);
	bool (*unwanted)(const struct trbd_object_io *o);

	struct trbd_guard *guard;
	struct ceph_osd_request *req;
	u64 limit;
	u64 stamp;
	unsigned int rounds;
	bool overlaps;
	int result;
	struct delayed_work later;
	struct trbd_queue_place place;
	struct trbd_copyup_waiter copyup;
};

int trbd_object_io_prepare(struct trbd_object_io *o);
void trbd_object_io_submit(struct trbd_object_io *o);
void trbd_object_io_free(struct trbd_object_io *o);
void trbd_object_io_cancel_unwanted(struct trbd_image *image);

#endif /* TRBD_RBD_OBJECT_IO_H */
