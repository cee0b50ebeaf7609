/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_LINUX_SPINLOCK_H
#define UNIT_LINUX_SPINLOCK_H

/* The tests have one thread. */
typedef struct { int locked; } spinlock_t;

#define spin_lock(lock)			((void)((lock)->locked = 1))
#define spin_unlock(lock)		((void)((lock)->locked = 0))
#define lockdep_assert_held(lock)	assert((lock)->locked)

#include <assert.h>

#endif /* UNIT_LINUX_SPINLOCK_H */
