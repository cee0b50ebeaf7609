/* SPDX-License-Identifier: GPL-2.0 */
/*
 * LIO: struct sbc_ops was renamed to struct exec_cmd_ops when it also got the persistent reservation hooks. The
 * hooks this module fills in have the same names and types in both.
 *
 * get_unaligned_*() and put_unaligned_*() moved from asm/unaligned.h to linux/unaligned.h; target_core_backend.h
 * brings them along wherever they are, so whoever needs them includes this file.
 */
#ifndef TRBD_COMPAT_TARGET_H
#define TRBD_COMPAT_TARGET_H

#include <target/target_core_base.h>
#include <target/target_core_backend.h>

#ifndef TRBD_HAVE_EXEC_CMD_OPS
#define exec_cmd_ops sbc_ops
#endif

#endif /* TRBD_COMPAT_TARGET_H */
