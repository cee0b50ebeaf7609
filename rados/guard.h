/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RADOS_GUARD_H
#define TRBD_RADOS_GUARD_H

#include <linux/types.h>

struct ceph_osd_data;
struct ceph_osd_request;
struct page;

/**
 * enum trbd_guard_mode - the conditions and changes in the same transaction as a mutation
 * @TRBD_GUARD_STAMP: object's stamp <= @limit; stamp = @value. The first try.
 * @TRBD_GUARD_TAG: object's stamp <= @limit; tag = @value. The fallback: the stamp does not move.
 * @TRBD_GUARD_CREATE: no such object; stamp = @value.
 * @TRBD_GUARD_CONDITIONAL: object's stamp == @limit and tag == @limit; stamp = @value. The second
 *	half of a load-linked/store-conditional pair.
 * @TRBD_GUARD_LINK: object's stamp <= @limit; stamp = @value, tag = @value. The first half.
 */
enum trbd_guard_mode {
	TRBD_GUARD_STAMP,
	TRBD_GUARD_TAG,
	TRBD_GUARD_CREATE,
	TRBD_GUARD_CONDITIONAL,
	TRBD_GUARD_LINK,
};

/* room for three ops, each with a name and a number */
#define TRBD_GUARD_ATTRS_MAX	80

/**
 * struct trbd_guard - one guard and the memory of its ops
 * @mode: tells which conditions and changes the guard has
 * @limit: number that the object's stamp is compared with
 * @value: number that is set
 * @page: page of @attrs; libceph wants page pointers
 * @data: the place in the request that refers to @attrs
 * @attrs: names and values of the xattr ops; one guard never crosses a page, see guard.c
 */
struct trbd_guard {
	enum trbd_guard_mode mode;
	u64 limit;
	u64 value;
	struct page *page;
	struct ceph_osd_data *data;
	u8 attrs[TRBD_GUARD_ATTRS_MAX];
};

int trbd_guard_init(void);
void trbd_guard_exit(void);
struct trbd_guard *trbd_guard_alloc(void);
void trbd_guard_free(struct trbd_guard *guard);
unsigned int trbd_guard_num_ops(enum trbd_guard_mode mode);
void trbd_guard_set_ops(struct trbd_guard *guard, struct ceph_osd_request *req, unsigned int first);

#endif /* TRBD_RADOS_GUARD_H */
