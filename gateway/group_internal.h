/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the group share: group.c, group_slot.c, group_beat.c, group_object.c. Nobody else includes this. */
#ifndef TRBD_GATEWAY_GROUP_INTERNAL_H
#define TRBD_GATEWAY_GROUP_INTERNAL_H

#include "gateway/group.h"

/**
 * struct trbd_group_beat - a heartbeat that came back
 * @owner: our number when it was sent
 * @take: it took the slot
 * @slept_ms: the group's when it was sent
 * @sent_ms: trbd_clock_local_ms() when it was sent
 * @written_ms: trbd_clock_local_ms() when the write had come back, and the reading had not been
 *   sent
 * @osd_ms: the time that the OSD noted with the write, by its clock; 0 if it did not say
 */
struct trbd_group_beat {
	u64 owner;
	bool take;
	u64 slept_ms;
	u64 sent_ms;
	u64 written_ms;
	u64 osd_ms;
};

/* group_object.c */
int trbd_group_object_init(struct trbd_group *group, unsigned int index);
int trbd_group_object_start(struct trbd_group_object *object, unsigned int index);
void trbd_group_object_stop(struct trbd_group_object *object);
void trbd_group_object_free(struct trbd_group_object *object);
bool trbd_group_post(struct trbd_group_object *object, enum trbd_group_job job);
bool trbd_group_is_idle(struct trbd_group *group);

/* group_beat.c */
void trbd_group_merge_clocks(struct trbd_group *group);
void trbd_group_digest_table(struct trbd_group_object *object);
void trbd_group_digest(struct trbd_group_object *object, const struct trbd_group_beat *beat);
void trbd_group_lost(struct trbd_group_object *object);
void trbd_group_prove(struct trbd_group *group);

/* group_slot.c */
int trbd_group_take_slot(struct trbd_group *group);

/* group.c */
void trbd_group_set_slot(struct trbd_group *group, int slot);
void trbd_group_set_out_of_touch(struct trbd_group *group, u64 now_ms);
void trbd_group_declare_out_of_touch(struct trbd_group *group, const char *why);
bool trbd_group_has_lease(struct trbd_group *group);
void trbd_group_release_waiting(struct trbd_group *group, bool in_touch);

#endif /* TRBD_GATEWAY_GROUP_INTERNAL_H */
