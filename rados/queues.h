/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RADOS_QUEUES_H
#define TRBD_RADOS_QUEUES_H

struct workqueue_struct;

extern struct workqueue_struct *trbd_tick_wq;
extern struct workqueue_struct *trbd_wait_wq;

int trbd_queues_init(void);
void trbd_queues_exit(void);

#endif /* TRBD_RADOS_QUEUES_H */
