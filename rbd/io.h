/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RBD_IO_H
#define TRBD_RBD_IO_H

#include <linux/types.h>

struct scatterlist;
struct trbd_image;
struct workqueue_struct;

/**
 * enum trbd_io_op - kind of an I/O
 * @TRBD_IO_READ: from the image to memory
 * @TRBD_IO_WRITE: from memory to the image
 * @TRBD_IO_ZERO: make the range read as zeros, as if zeros had been written
 * @TRBD_IO_DISCARD: make the range read as zeros, and give its space back. A place without an
 *	object stays so, and a write that was begun before may still land there
 */
enum trbd_io_op {
	TRBD_IO_READ,
	TRBD_IO_WRITE,
	TRBD_IO_ZERO,
	TRBD_IO_DISCARD,
};

/**
 * struct trbd_io_request - an I/O on an image, described by its submitter
 * @image: open image
 * @op: kind of the I/O
 * @unstable: the memory of a write may change before the write is done: write from a copy
 * @off: offset in the image, bytes
 * @len: length, bytes, at least 1
 * @accepted_ms: common time at which the command of a mutation was accepted, see rados/guard.c
 * @sgl: memory of a read or write; must stay until @done
 * @nents: entries in @sgl
 * @sgl_off: where in @sgl the memory begins, bytes; @len bytes at least follow
 * @holes: NULL, or set to true if a read finds a place that was never written
 * @done: called once at the end, with 0 or a negative errno; in messenger or workqueue context;
 *	must not wait for other I/O
 * @unwanted: NULL, or tells whether nobody waits for the I/O any more. It then ends with -EBUSY if
 *	it was never sent. Called with locks held, until @done was called
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

/* for later work of commands; the module destroys it at its exit, with everything on it */
extern struct workqueue_struct *trbd_io_wq;

int trbd_io_init(void);
void trbd_io_exit(void);
int trbd_io_submit(const struct trbd_io_request *request);

#endif /* TRBD_RBD_IO_H */
