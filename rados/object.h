/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RADOS_OBJECT_H
#define TRBD_RADOS_OBJECT_H

#include <linux/types.h>

#include "rados/request.h"

struct trbd_witness;

/**
 * struct trbd_object_condition - the number in an xattr on which a change of the object depends
 * @xattr: name of the xattr; a missing one counts as 0
 * @expected: the number that the xattr must have
 * @new: the number that it gets in the same transaction
 */
struct trbd_object_condition {
	const char *xattr;
	u64 expected;
	u64 new;
};

/**
 * struct trbd_object_change - a write, or a call of a class method that writes
 * @class: object class; NULL for a write
 * @method: method of the class
 * @off: offset of a write, bytes
 * @buf: the data of a write, or the encoded arguments of the method
 * @len: length of @buf, bytes, at least 1
 * @witness: tells where the OSD notes its time in the same transaction, or NULL
 * @limit_ms: give up after this, or 0
 */
struct trbd_object_change {
	const char *class;
	const char *method;
	u64 off;
	const void *buf;
	size_t len;
	const struct trbd_witness *witness;
	unsigned int limit_ms;
};

int trbd_object_create(const struct trbd_object *object, u64 size);
int trbd_object_stat(const struct trbd_object *object);
int trbd_object_read(const struct trbd_object *object, void *buf, size_t len,
		     const struct trbd_witness *witness, u64 *osd_ms, unsigned int limit_ms);
int trbd_object_check_number(const struct trbd_object *object, const char *xattr, u64 number);
int trbd_object_change_if(const struct trbd_object *object,
			  const struct trbd_object_condition *condition,
			  const struct trbd_object_change *change);

#endif /* TRBD_RADOS_OBJECT_H */
