/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The types that the module's pure code takes from the kernel, in user space: see
 * tests/unit/Makefile.
 */
#ifndef UNIT_LINUX_TYPES_H
#define UNIT_LINUX_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef int32_t s32;
/* as in the kernel, so that %llu fits on every architecture */
typedef unsigned long long u64;
typedef long long s64;

#endif /* UNIT_LINUX_TYPES_H */
