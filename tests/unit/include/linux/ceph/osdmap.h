/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_LINUX_CEPH_OSDMAP_H
#define UNIT_LINUX_CEPH_OSDMAP_H

#include <linux/types.h>

struct ceph_object_id {
	const char *name;
};

struct ceph_object_locator {
	s64 pool;
};

#endif /* UNIT_LINUX_CEPH_OSDMAP_H */
