/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RBD_STRIPING_H
#define TRBD_RBD_STRIPING_H

#include <linux/math64.h>
#include <linux/types.h>

/**
 * struct trbd_striping - how the bytes of an image are spread over its objects
 * @object_order: log2 of the object size in bytes
 * @unit_order: log2 of the stripe unit in bytes, at most @object_order
 * @count: objects in a stripe, at least 1
 */
struct trbd_striping {
	u8 object_order;
	u8 unit_order;
	u32 count;
};

/**
 * trbd_striping_unit_left() - tell how many bytes are left to the end of the stripe unit
 * @s: layout
 * @objoff: offset in an object, bytes
 *
 * Return: 1 to the stripe unit's size. So many bytes of the object are neighbours in the image as
 * well.
 */
static inline u64 trbd_striping_unit_left(const struct trbd_striping *s, u64 objoff)
{
	u64 unit = 1ULL << s->unit_order;

	return unit - (objoff & (unit - 1));
}

/**
 * trbd_striping_image_offset() - tell where in the image a byte of an object is
 * @s: layout
 * @objno: object number
 * @objoff: offset in the object, bytes
 *
 * This is the inverse of libceph's ceph_calc_file_object_mapping(), which deals stripe units out in
 * turn to the @count objects of an object set until these are full.
 *
 * Return: offset in the image, bytes.
 */
static inline u64 trbd_striping_image_offset(const struct trbd_striping *s, u64 objno, u64 objoff)
{
	u32 position;
	u64 set = div_u64_rem(objno, s->count, &position);
	u64 stripe = (set << (s->object_order - s->unit_order)) + (objoff >> s->unit_order);

	return ((stripe * s->count + position) << s->unit_order) +
	       (objoff & ((1ULL << s->unit_order) - 1));
}

#endif /* TRBD_RBD_STRIPING_H */
