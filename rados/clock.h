/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RADOS_CLOCK_H
#define TRBD_RADOS_CLOCK_H

#include <linux/atomic.h>
#include <linux/types.h>

#include "protocol.h"

/* A stamp is (granule << 28) | (slot << 20) | sequence and stays below 2^63. */
#define TRBD_GRANULE_SHIFT	28
#define TRBD_SLOT_SHIFT		20

#define TRBD_CLOCK_MAX_MS	((1ULL << (63 - TRBD_GRANULE_SHIFT)) * TRBD_GRANULE_MS - 1)

/**
 * struct trbd_clock - the common clock of a group of gateways, as this gateway keeps it
 * @offset_ms: common time minus trbd_clock_local_ms(); only ever grows
 * @slot: this gateway's slot in the group
 * @sequence: makes stamps of one granule differ
 *
 * Every mutation reads the clock, so there is no lock: each field is written whole.
 */
struct trbd_clock {
	atomic64_t offset_ms;
	atomic_t slot;
	atomic_t sequence;
};

u64 trbd_clock_local_ms(void);
void trbd_clock_init(struct trbd_clock *clock);
u64 trbd_clock_now(const struct trbd_clock *clock);
u64 trbd_clock_at(const struct trbd_clock *clock, u64 local_ms);
u64 trbd_clock_advance(struct trbd_clock *clock, u64 now_ms);
void trbd_clock_set_slot(struct trbd_clock *clock, u8 slot);
u64 trbd_clock_stamp(struct trbd_clock *clock, u64 now_ms);
u64 trbd_clock_granule_end(u64 now_ms);

#endif /* TRBD_RADOS_CLOCK_H */
