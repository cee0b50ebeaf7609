/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TEST_LINUX_ATOMIC_H
#define TEST_LINUX_ATOMIC_H

/* for structs that have them; the code under test does not touch them */
typedef struct { int counter; } atomic_t;
typedef struct { long long counter; } atomic64_t;

#endif
