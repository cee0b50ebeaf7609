/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for the group, which the code under test asks two questions. */
#ifndef UNIT_GATEWAY_GROUP_H
#define UNIT_GATEWAY_GROUP_H

#include <linux/types.h>

#include "rados/clock.h"

struct trbd_group {
	unsigned int quiet;
	bool silent;
};

static inline unsigned int trbd_group_quiet(struct trbd_group *group, unsigned int slot)
{
	(void)slot;
	return group->quiet;
}

static inline bool trbd_group_is_silent(struct trbd_group *group, unsigned int slot)
{
	(void)slot;
	return group->silent;
}

#endif /* UNIT_GATEWAY_GROUP_H */
