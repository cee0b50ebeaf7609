/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_GROUP_OBJECT_H
#define TRBD_GATEWAY_GROUP_OBJECT_H

#include "gateway/group_state.h"

int trbd_group_object_init(struct trbd_group *group, unsigned int index);
int trbd_group_object_start(struct trbd_group_object *object, unsigned int index);
void trbd_group_object_stop(struct trbd_group_object *object);
void trbd_group_object_free(struct trbd_group_object *object);
bool trbd_group_post(struct trbd_group_object *object, enum trbd_group_job job);
bool trbd_group_is_idle(struct trbd_group *group);

#endif /* TRBD_GATEWAY_GROUP_OBJECT_H */
