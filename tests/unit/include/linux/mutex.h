/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_LINUX_MUTEX_H
#define UNIT_LINUX_MUTEX_H

struct mutex {
	int locked;
};

#endif /* UNIT_LINUX_MUTEX_H */
