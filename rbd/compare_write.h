/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RBD_COMPARE_WRITE_H
#define TRBD_RBD_COMPARE_WRITE_H

#include <linux/types.h>

struct scatterlist;
struct trbd_image;

/**
 * struct trbd_compare_write - a request to compare a range of one object, and to write it if it was
 *	equal, atomically
 * @image: open image
 * @off: offset in the image, bytes
 * @len: length, bytes, at most a page; within one stripe unit
 * @sgl: @len bytes to compare with, then @len bytes to write; may go when the submit returns
 * @nents: entries in @sgl
 * @accepted_ms: common time at which the command was accepted
 * @done: called once, with 0, with -EILSEQ if the data differ at byte @offset, or with another
 *	negative errno
 * @arg: for @done
 */
struct trbd_compare_write {
	struct trbd_image *image;
	u64 off;
	u32 len;
	struct scatterlist *sgl;
	unsigned int nents;
	u64 accepted_ms;
	void (*done)(void *arg, int result, u32 offset);
	void *arg;
};

int trbd_compare_write_init(void);
void trbd_compare_write_exit(void);
int trbd_compare_write_submit(const struct trbd_compare_write *request);

#endif /* TRBD_RBD_COMPARE_WRITE_H */
