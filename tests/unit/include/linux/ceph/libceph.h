/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_LINUX_CEPH_LIBCEPH_H
#define UNIT_LINUX_CEPH_LIBCEPH_H

/* nothing of it is used */

#endif /* UNIT_LINUX_CEPH_LIBCEPH_H */
