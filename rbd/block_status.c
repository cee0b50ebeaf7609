// SPDX-License-Identifier: GPL-2.0
/*
 * Tell whether anything is stored at a place of the image.
 *
 * This file reads one byte of the object. If there is no object, or the object has nothing at this
 * place, then the place reads as zeros and takes no space, up to the end of the stripe unit. If the
 * byte is there, everything up to the end of the unit is called mapped, although the object may end
 * before it: initiators may take mapped for "read it to find out". Two more cases are called
 * mapped. A clone's parent may have data at this place. Or nothing was found, but the image may
 * have been removed without our knowing.
 */
#include <linux/bvec.h>
#include <linux/ceph/libceph.h>
#include <linux/ceph/osd_client.h>
#include <linux/ceph/striper.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "rados/request.h"
#include "rados/session.h"
#include "rbd/block_status.h"
#include "rbd/image.h"

/**
 * struct block_status - a question in flight
 * @image: open image
 * @len: how many bytes the answer covers
 * @shared: if there is no object, the parent may have data there
 * @done: called with the answer
 * @arg: for @done
 * @bvec: describes @byte
 * @byte: where the byte that is read goes
 */
struct block_status {
	struct trbd_image *image;
	u64 len;
	bool shared;
	void (*done)(void *arg, int result, u64 len, bool mapped);
	void *arg;
	struct bio_vec bvec;
	u8 byte;
};

/*
 * Return: 1 if the place must be called mapped although there is no object, 0 if not, or a negative
 * errno.
 */
static int block_status_hole(const struct block_status *status)
{
	struct trbd_image *image = status->image;

	if (!trbd_session_pool_exists(image->session, image->data_oloc.pool))
		return -ENXIO;
	/* a read will tell; it ends with BUSY while the image may have been removed */
	return status->shared || trbd_image_check_hole(image);
}

/* Runs in messenger context or on libceph's completion workqueue. */
static void block_status_done(struct ceph_osd_request *req)
{
	struct block_status *status = req->r_priv;
	void (*done)(void *arg, int result, u64 len, bool mapped) = status->done;
	void *arg = status->arg;
	int result = trbd_request_result(req);
	u64 len = status->len;

	if (result == -ENOENT)
		result = block_status_hole(status);
	trbd_request_put(req);
	kfree(status);
	done(arg, min(result, 0), len, result > 0);
}

/**
 * trbd_block_status_submit() - ask whether a place of the image is mapped
 * @image: open image
 * @off: the place, bytes
 * @done: called once with 0 or a negative errno, the number of bytes from @off for which the answer
 *	holds, and the answer
 * @arg: for @done
 *
 * Context: process; may sleep for memory and locks, never for the network.
 * Return: 0 and @done will be called; or a negative errno and it will not: -ENOMEM, -ERANGE,
 * -ENOENT (deleted).
 */
int trbd_block_status_submit(struct trbd_image *image, u64 off,
			     void (*done)(void *arg, int result, u64 len, bool mapped), void *arg)
{
	struct trbd_extent extent = { .len = 1, .num_bvecs = 1 };
	struct ceph_osd_request *req;
	struct block_status *status;
	char name[TRBD_OBJECT_NAME_MAX];
	u64 size, objno;
	u32 objlen;
	int ret;

	ret = trbd_image_take_state(image, off, 1, NULL, &size);
	if (ret)
		return ret;

	status = kmalloc(sizeof(*status), GFP_NOWAIT | __GFP_NOWARN);
	if (!status)
		return -ENOMEM;
	ceph_calc_file_object_mapping(&image->layout, off, U32_MAX, &objno, &extent.off, &objlen);
	status->image = image;
	status->len = min_t(u64, objlen, size - off);
	status->shared = off < trbd_image_overlap(image);
	status->done = done;
	status->arg = arg;
	status->bvec.bv_page = virt_to_page(&status->byte);
	status->bvec.bv_offset = offset_in_page(&status->byte);
	status->bvec.bv_len = 1;
	extent.bvecs = &status->bvec;

	trbd_image_object_name(image, objno, name);
	req = trbd_request_read(image->session, name, &image->data_oloc, image->snap_id, &extent);
	if (!req) {
		kfree(status);
		return -ENOMEM;
	}
	trbd_request_submit(req, block_status_done, status);
	return 0;
}
