// SPDX-License-Identifier: GPL-2.0
/*
 * Which features an image may have.
 *
 * Any number of gateways write an image at once, without a lock. Several writers would corrupt a
 * feature that relies on a single one: exclusive-lock by definition, object-map and fast-diff
 * because each writer would have to keep the map, journaling because each would have to append to
 * one journal. Images with such a feature are refused for writing. Their snapshots never change,
 * and may be exported read-only.
 *
 * A feature bit that this code does not know is refused if librbd marks it as incompatible for the
 * kind of access we want.
 *
 * There is no I/O and no state here: the unit tests compile this file as it is.
 */
#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/types.h>

#include "rbd/features.h"

#define FEATURES_SUPPORTED	(TRBD_FEATURE_LAYERING | TRBD_FEATURE_STRIPINGV2 | \
				 TRBD_FEATURE_DEEP_FLATTEN | TRBD_FEATURE_DATA_POOL | \
				 TRBD_FEATURE_OPERATIONS)
#define FEATURES_SINGLE_WRITER	(TRBD_FEATURE_EXCLUSIVE_LOCK | TRBD_FEATURE_OBJECT_MAP | \
				 TRBD_FEATURE_FAST_DIFF | TRBD_FEATURE_JOURNALING | \
				 TRBD_FEATURE_DIRTY_CACHE)
#define FEATURES_DISABLEABLE	(TRBD_FEATURE_EXCLUSIVE_LOCK | TRBD_FEATURE_OBJECT_MAP | \
				 TRBD_FEATURE_FAST_DIFF | TRBD_FEATURE_JOURNALING)

static const char *const feature_names[] = {
	"layering",   "striping",  "exclusive-lock", "object-map", "fast-diff",	  "deep-flatten",
	"journaling", "data-pool", "operations",     "migrating",  "non-primary", "dirty-cache",
};

/**
 * trbd_features_refused() - list the features because of which an image cannot be opened
 * @features: all features of the image
 * @incompat: those that a client must know, as returned by cls_rbd get_features for the wanted
 *	access
 * @read_only: a snapshot is opened, not the image
 *
 * Return: a mask of the offending features; 0 if the image can be opened.
 */
u64 trbd_features_refused(u64 features, u64 incompat, bool read_only)
{
	u64 known = FEATURES_SUPPORTED | FEATURES_SINGLE_WRITER | TRBD_FEATURE_MIGRATING |
		    TRBD_FEATURE_NON_PRIMARY;
	u64 refused = incompat & ~known;

	/* while an image migrates, part of its data is still in the source */
	refused |= features & TRBD_FEATURE_MIGRATING;
	if (!read_only)
		refused |= features & (FEATURES_SINGLE_WRITER | TRBD_FEATURE_NON_PRIMARY);
	return refused;
}

/**
 * trbd_features_disableable() - select the features that "rbd feature disable" can remove
 * @features: mask
 *
 * Return: those of @features.
 */
u64 trbd_features_disableable(u64 features)
{
	return features & FEATURES_DISABLEABLE;
}

/**
 * trbd_features_names() - spell features the way the rbd tool does
 * @features: mask
 * @buf: where the text goes; always terminated
 * @size: room in @buf, at least 1
 *
 * The names come highest bit first: object-map and fast-diff depend on exclusive-lock, so the list
 * can be given to "rbd feature disable" as it is. A bit without a name is written as "bit N".
 *
 * Return: length of the text, cut to what fits.
 */
size_t trbd_features_names(u64 features, char *buf, size_t size)
{
	size_t len = 0;
	int bit;

	buf[0] = '\0';
	for (bit = 63; bit >= 0; bit--) {
		if (!(features & BIT_ULL(bit)))
			continue;
		if (bit < (int)ARRAY_SIZE(feature_names))
			len += scnprintf(buf + len, size - len, "%s%s", len ? " " : "",
					 feature_names[bit]);
		else
			len += scnprintf(buf + len, size - len, "%sbit %d", len ? " " : "", bit);
	}
	return len;
}
