/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_LINUX_ATOMIC_H
#define UNIT_LINUX_ATOMIC_H

/* The tests have one thread. */
typedef struct { int counter; } atomic_t;
typedef struct { long long counter; } atomic64_t;

#define atomic_set(v, i)		((void)((v)->counter = (i)))
#define atomic_read(v)			((v)->counter)
#define atomic_inc_return(v)		(++(v)->counter)
#define atomic64_set(v, i)		((void)((v)->counter = (i)))
#define atomic64_read(v)		((v)->counter)
#define atomic64_try_cmpxchg(v, old, new) \
	((v)->counter == *(old) ? ((v)->counter = (new), true) : (*(old) = (v)->counter, false))

#endif /* UNIT_LINUX_ATOMIC_H */
