/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The beginning of each log line. Kbuild includes this file in front of every source file.
 * libceph's headers insist on their own pr_fmt, with KBUILD_MODNAME, which has the folder of our
 * composite object in it. So those headers come first, and this file overrules them.
 */
#ifndef TRBD_LOG_H
#define TRBD_LOG_H

#include <linux/ceph/ceph_debug.h>

#undef pr_fmt
#define pr_fmt(fmt) "target_core_rbd: " fmt

#endif /* TRBD_LOG_H */
