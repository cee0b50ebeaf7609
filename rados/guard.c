// SPDX-License-Identifier: GPL-2.0
/*
 * The write guard: it makes the OSDs refuse every stale write.
 *
 * Gateway X gets a write and cannot reach the OSD. Its initiator gives up, changes the path, and
 * writes something newer through gateway Y. When X reaches the OSD again, its write lands on top.
 * Neither fencing nor waiting closes this gap for good, because a request may be anywhere by then.
 * So the OSD itself decides. Every mutation of a data object carries a stamp, and the object keeps
 * the latest stamp that it has seen. The OSD refuses a mutation with an older stamp in the same
 * transaction that would have applied it.
 *
 *	first try   stamp of the object <= end of my granule       stamp := mine          mutate
 *	fallback    stamp of the object <= accepted + window       tag := unique          mutate
 *	create      there is no object                             stamp := mine          mutate
 *
 * The fallback is for a write that lost against a neighbour's write of the same time. It is safe
 * for two reasons. An initiator that writes something newer does so after it gave the older write
 * up, and the window is shorter than that. And the fallback does not move the stamp back. The tag
 * tells a load-linked/store-conditional pair that a fallback wrote.
 *
 * CMPXATTR on an OSD compares "operand op stored" as unsigned numbers. The operand has 8 bytes,
 * little endian, and the stored value is decimal text. An object without the xattr counts as 0. A
 * missing object is -ENOENT. A comparison that fails is -ECANCELED, and the OSD applies nothing.
 *
 * osd_req_op_xattr_init() would allocate a page and a pagelist for each op. The code below fills
 * the ops itself, over memory from a slab whose objects do not cross a page.
 */
#include <linux/build_bug.h>
#include <linux/ceph/libceph.h>
#include <linux/ceph/osd_client.h>
#include <linux/ceph/rados.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "rados/guard.h"

#define GUARD_POOL_SIZE		64
#define GUARD_ATTR_STAMP	"tcr.stamp"
#define GUARD_ATTR_TAG		"tcr.tag"

static struct kmem_cache *guard_cache;
static mempool_t *guard_pool;

/*
 * Gives an op an attribute and a value. The messenger sends the data behind a request piece by
 * piece. So all ops of a guard share one piece, which belongs to the first of them: the OSD goes by
 * the lengths in the ops.
 */
static void guard_set_op(struct trbd_guard *guard, struct ceph_osd_req_op *op, const char *name,
			 const void *value, size_t value_len)
{
	size_t name_len = strlen(name);

	op->xattr.name_len = name_len;
	op->xattr.value_len = value_len;
	op->indata_len = name_len + value_len;

	if (!guard->data) {
		guard->data = &op->xattr.osd_data;
		guard->data->type = CEPH_OSD_DATA_TYPE_PAGES;
		guard->data->pages = &guard->page;
		guard->data->length = 0;
		guard->data->alignment = offset_in_page(guard->attrs);
		guard->data->pages_from_pool = false;
		guard->data->own_pages = false;
	}
	memcpy(guard->attrs + guard->data->length, name, name_len);
	memcpy(guard->attrs + guard->data->length + name_len, value, value_len);
	guard->data->length += op->indata_len;
}

static void guard_compare(struct trbd_guard *guard, struct ceph_osd_request *req,
			  unsigned int which, const char *name, u8 cmp_op)
{
	struct ceph_osd_req_op *op = osd_req_op_init(req, which, CEPH_OSD_OP_CMPXATTR, 0);
	__le64 operand = cpu_to_le64(guard->limit);

	guard_set_op(guard, op, name, &operand, sizeof(operand));
	op->xattr.cmp_op = cmp_op;
	op->xattr.cmp_mode = CEPH_OSD_CMPXATTR_MODE_U64;
}

static void guard_store(struct trbd_guard *guard, struct ceph_osd_request *req, unsigned int which,
			const char *name)
{
	struct ceph_osd_req_op *op = osd_req_op_init(req, which, CEPH_OSD_OP_SETXATTR, 0);
	char value[24];

	guard_set_op(guard, op, name, value, scnprintf(value, sizeof(value), "%llu", guard->value));
}

/**
 * trbd_guard_num_ops() - tell how many ops stand in front of the mutation
 * @mode: kind of guard
 *
 * Return: 2 or 3.
 */
unsigned int trbd_guard_num_ops(enum trbd_guard_mode mode)
{
	switch (mode) {
	case TRBD_GUARD_CONDITIONAL:
	case TRBD_GUARD_LINK:
		return 3;
	default:
		return 2;
	}
}

/**
 * trbd_guard_set_ops() - put the guard in front of a mutation
 * @guard: guard with mode, limit and value set; must outlive @req
 * @req: request
 * @first: index of the first of trbd_guard_num_ops() free ops
 *
 * Context: any; allocates nothing.
 */
void trbd_guard_set_ops(struct trbd_guard *guard, struct ceph_osd_request *req, unsigned int first)
{
	guard->data = NULL;
	switch (guard->mode) {
	case TRBD_GUARD_STAMP:
		guard_compare(guard, req, first, GUARD_ATTR_STAMP, CEPH_OSD_CMPXATTR_OP_GTE);
		guard_store(guard, req, first + 1, GUARD_ATTR_STAMP);
		break;
	case TRBD_GUARD_TAG:
		guard_compare(guard, req, first, GUARD_ATTR_STAMP, CEPH_OSD_CMPXATTR_OP_GTE);
		guard_store(guard, req, first + 1, GUARD_ATTR_TAG);
		break;
	case TRBD_GUARD_CREATE:
		osd_req_op_init(req, first, CEPH_OSD_OP_CREATE, CEPH_OSD_OP_FLAG_EXCL);
		guard_store(guard, req, first + 1, GUARD_ATTR_STAMP);
		break;
	case TRBD_GUARD_CONDITIONAL:
		guard_compare(guard, req, first, GUARD_ATTR_STAMP, CEPH_OSD_CMPXATTR_OP_EQ);
		guard_compare(guard, req, first + 1, GUARD_ATTR_TAG, CEPH_OSD_CMPXATTR_OP_EQ);
		guard_store(guard, req, first + 2, GUARD_ATTR_STAMP);
		break;
	case TRBD_GUARD_LINK:
		guard_compare(guard, req, first, GUARD_ATTR_STAMP, CEPH_OSD_CMPXATTR_OP_GTE);
		guard_store(guard, req, first + 1, GUARD_ATTR_STAMP);
		guard_store(guard, req, first + 2, GUARD_ATTR_TAG);
		break;
	}
}

/**
 * trbd_guard_alloc() - allocate a guard
 *
 * Context: any in which memory may be allocated without waiting; never waits for the pool.
 * Return: the guard with its page set, or NULL.
 */
struct trbd_guard *trbd_guard_alloc(void)
{
	struct trbd_guard *guard = mempool_alloc(guard_pool, GFP_NOWAIT | __GFP_NOWARN);

	if (guard)
		guard->page = virt_to_page(guard);
	return guard;
}

/**
 * trbd_guard_free() - free a guard
 * @guard: guard whose request is done, or NULL
 */
void trbd_guard_free(struct trbd_guard *guard)
{
	if (guard)
		mempool_free(guard, guard_pool);
}

/**
 * trbd_guard_init() - make the pool of guards
 *
 * Context: module init.
 * Return: 0 or -ENOMEM.
 */
int trbd_guard_init(void)
{
	/* the size is a power of two, and each object is aligned to it: no object crosses a page */
	size_t size = roundup_pow_of_two(sizeof(struct trbd_guard));

	BUILD_BUG_ON(sizeof(struct trbd_guard) > PAGE_SIZE);
	guard_cache = kmem_cache_create("trbd_guard", size, size, 0, NULL);
	if (!guard_cache)
		return -ENOMEM;
	guard_pool = mempool_create_slab_pool(GUARD_POOL_SIZE, guard_cache);
	if (!guard_pool) {
		kmem_cache_destroy(guard_cache);
		return -ENOMEM;
	}
	return 0;
}

/**
 * trbd_guard_exit() - undo trbd_guard_init()
 *
 * Context: module exit.
 */
void trbd_guard_exit(void)
{
	mempool_destroy(guard_pool);
	kmem_cache_destroy(guard_cache);
}
