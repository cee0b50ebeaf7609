/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_LINUX_REFCOUNT_H
#define UNIT_LINUX_REFCOUNT_H

typedef struct { int refs; } refcount_t;

#endif /* UNIT_LINUX_REFCOUNT_H */
