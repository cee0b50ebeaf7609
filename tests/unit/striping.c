// SPDX-License-Identifier: GPL-2.0
/*
 * Compare rbd/striping.h with a model that deals out the stripe units one by one, as the Ceph
 * documentation describes it: unit after unit in turn to the objects of a set, the next set when
 * these are full.
 */
#include <stdlib.h>

#include "rbd/striping.h"
#include "ktap.h"

/*
 * Walk the image unit by unit and compare each unit's place. Return: the first image offset that is
 * wrong, or -1.
 */
static long long compare_with_walk(const struct trbd_striping *s, unsigned int sets)
{
	u64 unit = 1ULL << s->unit_order;
	u64 units_per_object = 1ULL << (s->object_order - s->unit_order);
	u64 image = 0;
	unsigned int set;

	for (set = 0; set < sets; set++) {
		u64 stripe;

		for (stripe = 0; stripe < units_per_object; stripe++) {
			u32 position;

			for (position = 0; position < s->count; position++) {
				u64 objno = (u64)set * s->count + position;
				u64 objoff = stripe * unit;

				if (trbd_striping_image_offset(s, objno, objoff) != image ||
				    trbd_striping_image_offset(s, objno, objoff + unit - 1) != image + unit - 1)
					return image;
				image += unit;
			}
		}
	}
	return -1;
}

int main(void)
{
	static const struct trbd_striping layouts[] = {
		{ .object_order = 22, .unit_order = 22, .count = 1 },
		{ .object_order = 22, .unit_order = 16, .count = 4 },
		{ .object_order = 22, .unit_order = 16, .count = 1 },
		{ .object_order = 22, .unit_order = 22, .count = 3 },
		{ .object_order = 12, .unit_order = 9, .count = 7 },
		{ .object_order = 25, .unit_order = 12, .count = 16 },
	};
	const struct trbd_striping big = { .object_order = 25, .unit_order = 20, .count = 5 };
	unsigned int i;

	ktap_begin();
	for (i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		long long wrong = compare_with_walk(&layouts[i], 3);

		ktap_ok(wrong == -1, "objects of 2^%u, units of 2^%u, %u in a stripe: every unit in its place",
			layouts[i].object_order, layouts[i].unit_order, layouts[i].count);
		if (wrong != -1)
			printf("# first wrong image offset: %lld\n", wrong);
	}

	ktap_ok(trbd_striping_unit_left(&layouts[1], 0) == 65536, "a whole unit is left at its start");
	ktap_ok(trbd_striping_unit_left(&layouts[1], 65535) == 1, "one byte is left at its end");
	ktap_ok(trbd_striping_unit_left(&layouts[1], 65536 + 512) == 65024, "the unit counts, not the object");
	ktap_ok(trbd_striping_image_offset(&big, 5ULL << 32, 0) == (5ULL << 32) << 25,
		"offsets beyond 2^57 bytes do not overflow");
	return ktap_end();
}
