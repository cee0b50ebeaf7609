/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A workqueue was bound to processors unless it said WQ_UNBOUND; from some version on it has to say
 * WQ_PERCPU for that.
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
