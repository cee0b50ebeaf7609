/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RADOS_CLS_H
#define TRBD_RADOS_CLS_H

#include <linux/types.h>

struct trbd_object;

/**
 * struct trbd_cls_method - a method of an object class
 * @name: name of the method
 * @in: encoded arguments, NULL for none
 * @in_len: length of the arguments, at most one page
 * @optional: that what it asks for is not there is no error; the answer is empty then
 * @answer_len: set to the length of the answer
 */
struct trbd_cls_method {
	const char *name;
	const void *in;
	size_t in_len;
	bool optional;
	size_t answer_len;
};

int trbd_cls_call(const struct trbd_object *object, const char *class,
		  struct trbd_cls_method *methods, unsigned int num, void *out, size_t out_len,
		  unsigned int limit_ms);

#endif /* TRBD_RADOS_CLS_H */
