/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What log lines begin with. Kbuild includes this in front of every file: libceph's headers insist on putting
 * KBUILD_MODNAME there, which has the folder of our composite object in it, so they come first and are overruled.
 */
#ifndef TRBD_LOG_H
#define TRBD_LOG_H

#include <linux/ceph/ceph_debug.h>

#undef pr_fmt
#define pr_fmt(fmt) "target_core_rbd: " fmt

#endif /* TRBD_LOG_H */
