/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_QUORUM_H
#define TRBD_GATEWAY_QUORUM_H

#include <linux/types.h>

#include "gateway/group_table.h"
#include "protocol.h"

/**
 * struct trbd_group_view - a slot, as it was read from one object
 * @state: kind of entry that the slot holds
 * @entry: valid if @state says so
 */
struct trbd_group_view {
	enum trbd_group_entry_state state;
	struct trbd_group_entry entry;
};

u64 trbd_quorum_time(const u64 *times);
const struct trbd_group_view *trbd_quorum_merge(const struct trbd_group_view *const *views);
bool trbd_quorum_is_free(const struct trbd_group_view *view, u64 now_ms);
bool trbd_quorum_went_on(const struct trbd_group_entry *entry, u64 proof_ms);

#endif /* TRBD_GATEWAY_QUORUM_H */
