/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_LINUX_WORKQUEUE_H
#define UNIT_LINUX_WORKQUEUE_H

struct delayed_work {
	int pending;
};

#endif /* UNIT_LINUX_WORKQUEUE_H */
