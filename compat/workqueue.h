/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Older kernels bound a workqueue to processors unless it said WQ_UNBOUND. In newer kernels a
 * workqueue must say WQ_PERCPU for that.
 */
#ifndef TRBD_COMPAT_WORKQUEUE_H
#define TRBD_COMPAT_WORKQUEUE_H

#include <linux/workqueue.h>

#ifdef TRBD_HAVE_WQ_PERCPU
#define TRBD_COMPAT_WQ_PERCPU	WQ_PERCPU
#else
#define TRBD_COMPAT_WQ_PERCPU	0
#endif

#endif /* TRBD_COMPAT_WORKQUEUE_H */
