/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_LINUX_LIST_H
#define UNIT_LINUX_LIST_H

struct list_head {
	struct list_head *next, *prev;
};

#endif /* UNIT_LINUX_LIST_H */
