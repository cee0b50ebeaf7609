/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RBD_FEATURES_H
#define TRBD_RBD_FEATURES_H

#include <linux/bits.h>
#include <linux/types.h>

/* Feature bits of an image, as librbd stores them (doc/dev/rbd-layering, cls_rbd get_features). */
#define TRBD_FEATURE_LAYERING		BIT_ULL(0)
#define TRBD_FEATURE_STRIPINGV2		BIT_ULL(1)
#define TRBD_FEATURE_EXCLUSIVE_LOCK	BIT_ULL(2)
#define TRBD_FEATURE_OBJECT_MAP		BIT_ULL(3)
#define TRBD_FEATURE_FAST_DIFF		BIT_ULL(4)
#define TRBD_FEATURE_DEEP_FLATTEN	BIT_ULL(5)
#define TRBD_FEATURE_JOURNALING		BIT_ULL(6)
#define TRBD_FEATURE_DATA_POOL		BIT_ULL(7)
#define TRBD_FEATURE_OPERATIONS		BIT_ULL(8)
#define TRBD_FEATURE_MIGRATING		BIT_ULL(9)
#define TRBD_FEATURE_NON_PRIMARY	BIT_ULL(10)
#define TRBD_FEATURE_DIRTY_CACHE	BIT_ULL(11)

u64 trbd_features_refused(u64 features, u64 incompat, bool read_only);
size_t trbd_features_names(u64 features, char *buf, size_t size);
u64 trbd_features_disableable(u64 features);

#endif /* TRBD_RBD_FEATURES_H */
