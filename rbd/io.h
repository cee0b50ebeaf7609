/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RBD_IO_H
#define TRBD_RBD_IO_H

#include <linux/types.h>

struct scatterlist;
struct trbd_image;
struct workqueue_struct;

/**
 * enum trbd_io_op - what an I/O does
 * @TRBD_IO_READ: image to memory
 * @TRBD_IO_WRITE: memory to image
 * @TRBD_IO_ZERO: the range reads as zeros from then on, as if zeros had been written
 * @TRBD_IO_DISCARD: the range reads as zeros from then on, and space is given back; a place that
 *	has none stays so, and a write that was begun before may still land there
 */
enum trbd_io_op {
	TRBD_IO_READ,
	TRBD_IO_WRITE,
	TRBD_IO_ZERO,
	TRBD_IO_DISCARD,
};

/**
 * struct trbd_io_request - one I/O on an image, described by its submitter
 * @image: open image
 * @op: what to do
 * @unstable: the memory of a write may change before it is done: write from a copy
 * @off: offset in the image, bytes
 * @len: length, bytes, at least 1
 * @accepted_ms: common time when the command of a mutation was accepted, see rados/guard.c
 * @sgl: memory of a read or write; stays until @done
 * @nents: entries in @sgl
 * @sgl_off: where in @sgl the memory begins, bytes; at least @len bytes follow
 * @holes: NULL, or set to true when a read finds a place that was never written
 * @done: called once when all is done, with 0 or a negative errno; in messenger or workqueue
 *	context, must not wait for other I/O
 * @unwanted: NULL, or whether nobody waits for it any more: then it ends with -EBUSY if it was
 *	never sent. Called with locks held until @done was
 * @arg: for @done and @unwanted
 */
struct trbd_io_request {
	struct trbd_image *image;
	enum trbd_io_op op;
	bool unstable;
	u64 off;
	u64 len;
	u64 accepted_ms;
	struct scatterlist *sgl;
	unsigned int nents;
	u64 sgl_off;
	bool *holes;
	void (*done)(void *arg, int result);
	bool (*unwanted)(void *arg);
	void *arg;
};

/* for what commands do later; gone when the module is, with whatever runs on it */
extern struct workqueue_struct *trbd_io_wq;

int trbd_io_init(void);
void trbd_io_exit(void);
int trbd_io_submit(const struct trbd_io_request *request);

#endif /* TRBD_RBD_IO_H */
