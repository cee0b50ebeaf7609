/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_LINUX_COMPLETION_H
#define UNIT_LINUX_COMPLETION_H

struct completion {
	int done;
};

#endif /* UNIT_LINUX_COMPLETION_H */
