/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_GROUP_TABLE_H
#define TRBD_GATEWAY_GROUP_TABLE_H

#include <linux/types.h>

#include "rados/clock.h"

#define TRBD_GROUP_ENTRY_SIZE	64
#define TRBD_GROUP_TABLE_SIZE	(TRBD_SLOTS * TRBD_GROUP_ENTRY_SIZE)
#define TRBD_GROUP_NAME_MAX	16
#define TRBD_GROUP_AGE_MAX_MS	0xffffffffU

/**
 * struct trbd_group_entry - a gateway's entry about itself
 * @owner: random number of the gateway's membership, 0 for a slot that nobody has
 * @clock_ms: common time when the entry was written
 * @limit_ms: no stamp of this slot is later than this, whatever happens to the gateway
 * @beats: counts its heartbeats, at all objects together
 * @age_ms: how long before @clock_ms the gateway was last known to be in touch with a majority of
 *   the objects, and had been for longer than TRBD_SKEW_MS or had just joined;
 *   TRBD_GROUP_AGE_MAX_MS for longer ago
 * @w_ms: TRBD_W_MS of its version of this module
 * @name: host name, for people
 */
struct trbd_group_entry {
	u64 owner;
	u64 clock_ms;
	u64 limit_ms;
	u32 beats;
	u32 age_ms;
	u16 w_ms;
	char name[TRBD_GROUP_NAME_MAX];
};

/**
 * enum trbd_group_entry_state - kind of entry that a slot holds
 * @TRBD_GROUP_ENTRY_UNUSED: zeros
 * @TRBD_GROUP_ENTRY_VALID: an entry
 * @TRBD_GROUP_ENTRY_OTHER: an entry of another version; owner, beats and name are where version 1
 *   had them, clock and limit are 0 unless it is of version 2
 * @TRBD_GROUP_ENTRY_FOREIGN: anything else
 */
enum trbd_group_entry_state {
	TRBD_GROUP_ENTRY_UNUSED,
	TRBD_GROUP_ENTRY_VALID,
	TRBD_GROUP_ENTRY_OTHER,
	TRBD_GROUP_ENTRY_FOREIGN,
};

void trbd_group_encode(const struct trbd_group_entry *entry, u8 *buf);
enum trbd_group_entry_state trbd_group_decode(const u8 *buf, struct trbd_group_entry *entry);

#endif /* TRBD_GATEWAY_GROUP_TABLE_H */
