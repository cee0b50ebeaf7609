/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_GROUP_SLOT_H
#define TRBD_GATEWAY_GROUP_SLOT_H

struct trbd_group;

int trbd_group_take_slot(struct trbd_group *group);

#endif /* TRBD_GATEWAY_GROUP_SLOT_H */
