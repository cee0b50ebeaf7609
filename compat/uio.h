/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The direction of an iterator was READ, for memory that is written into, until it got names of its
 * own.
 */
#ifndef TRBD_COMPAT_UIO_H
#define TRBD_COMPAT_UIO_H

#include <linux/uio.h>

#ifndef ITER_DEST
#define ITER_DEST	READ
#endif

#endif /* TRBD_COMPAT_UIO_H */
