/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_GROUP_BEAT_H
#define TRBD_GATEWAY_GROUP_BEAT_H

#include "gateway/group_state.h"

/**
 * struct trbd_group_beat - a heartbeat that came back
 * @owner: our number when it was sent
 * @take: the heartbeat took the slot
 * @slept_ms: the group's @slept_ms when it was sent
 * @sent_ms: trbd_clock_local_ms() when it was sent
 * @written_ms: trbd_clock_local_ms() between the end of the write and the sending of the read
 * @osd_ms: the time that the OSD noted with the write, by its clock; 0 if the OSD did not say
 */
struct trbd_group_beat {
	u64 owner;
	bool take;
	u64 slept_ms;
	u64 sent_ms;
	u64 written_ms;
	u64 osd_ms;
};

void trbd_group_merge_clocks(struct trbd_group *group);
void trbd_group_digest_table(struct trbd_group_object *object);
void trbd_group_digest(struct trbd_group_object *object, const struct trbd_group_beat *beat);
void trbd_group_lost(struct trbd_group_object *object);
void trbd_group_prove(struct trbd_group *group);

#endif /* TRBD_GATEWAY_GROUP_BEAT_H */
