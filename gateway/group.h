/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_GROUP_H
#define TRBD_GATEWAY_GROUP_H

#include "gateway/group_state.h"

struct ceph_object_locator;

struct trbd_group *trbd_group_join(struct trbd_session *session,
				   const struct ceph_object_locator *oloc);
void trbd_group_leave(struct trbd_group *group, unsigned long wait);

/* group_show.c */
void trbd_group_self(struct trbd_group *group, u32 *slot, u64 *member);
unsigned int trbd_group_quiet(struct trbd_group *group, unsigned int slot);
bool trbd_group_is_silent(struct trbd_group *group, unsigned int slot);
bool trbd_group_is_alive(struct trbd_group *group, unsigned int slot, u64 member);
int trbd_group_touch(struct trbd_group *group);
unsigned int trbd_group_lease_left(struct trbd_group *group, unsigned int slot, u64 member);
size_t trbd_group_show(struct trbd_group *group, char *buf, size_t size);
size_t trbd_group_show_events(struct trbd_group *group, char *buf, size_t size);

#endif /* TRBD_GATEWAY_GROUP_H */
