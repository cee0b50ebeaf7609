/* SPDX-License-Identifier: GPL-2.0 */
/* Differences between kernels make no difference here: see scsi/scsi_proto.h beside this. */
#ifndef UNIT_COMPAT_TARGET_H
#define UNIT_COMPAT_TARGET_H

#include <linux/types.h>

static inline u16 get_unaligned_be16(const u8 *p)
{
	return (u16)(p[0] << 8 | p[1]);
}

static inline u32 get_unaligned_be32(const u8 *p)
{
	return (u32)get_unaligned_be16(p) << 16 | get_unaligned_be16(p + 2);
}

static inline u64 get_unaligned_be64(const u8 *p)
{
	return (u64)get_unaligned_be32(p) << 32 | get_unaligned_be32(p + 4);
}

static inline void put_unaligned_be16(u16 value, u8 *p)
{
	p[0] = (u8)(value >> 8);
	p[1] = (u8)value;
}

#endif /* UNIT_COMPAT_TARGET_H */
