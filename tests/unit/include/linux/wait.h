/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_LINUX_WAIT_H
#define UNIT_LINUX_WAIT_H

typedef struct { int waiters; } wait_queue_head_t;

#endif /* UNIT_LINUX_WAIT_H */
