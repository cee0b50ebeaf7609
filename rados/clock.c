// SPDX-License-Identifier: GPL-2.0
/*
 * The clock that write stamps come from.
 *
 * All gateways of a group share a time. Nobody's wall clock takes part in it, except to start a
 * group that never was: each gateway counts with a clock of its own and adds an offset, and whoever
 * hears of a later time moves forward to it. So the common time is the fastest gateway's, no
 * gateway is behind what it has seen, and nothing ever goes back.
 *
 * A stamp orders mutations of an object by granules of 256 ms. Within a granule two gateways may
 * pass each other; that is what lets one with a longer way to an OSD write beside a nearer one
 * without losing every race.
 *
 * Units: milliseconds. Any context.
 */
#include <linux/atomic.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/timekeeping.h>

#include "rados/clock.h"

/**
 * trbd_clock_local_ms() - read this machine's own clock
 *
 * CLOCK_MONOTONIC_RAW: a time daemon slews CLOCK_MONOTONIC, by up to ten percent, and W has no room
 * for that.
 *
 * Return: ms since some moment of this machine's.
 */
u64 trbd_clock_local_ms(void)
{
	return ktime_to_ms(ktime_get_raw());
}

/**
 * trbd_clock_init() - a clock that nobody has set
 * @clock: clock
 */
void trbd_clock_init(struct trbd_clock *clock)
{
	atomic64_set(&clock->offset_ms, 0);
	atomic_set(&clock->slot, 0);
	atomic_set(&clock->sequence, 0);
}

/**
 * trbd_clock_now() - common time
 * @clock: clock
 *
 * Return: ms.
 */
u64 trbd_clock_now(const struct trbd_clock *clock)
{
	return trbd_clock_at(clock, trbd_clock_local_ms());
}

/**
 * trbd_clock_at() - common time of another moment, as far as is known now
 * @clock: clock
 * @local_ms: trbd_clock_local_ms() then
 *
 * Return: ms.
 */
u64 trbd_clock_at(const struct trbd_clock *clock, u64 local_ms)
{
	return local_ms + atomic64_read(&clock->offset_ms);
}

/**
 * trbd_clock_advance() - hear of a later time
 * @clock: clock
 * @now_ms: what somebody's clock says
 *
 * Return: by how many ms the clock moved forward; 0 if it was not behind.
 */
u64 trbd_clock_advance(struct trbd_clock *clock, u64 now_ms)
{
	s64 wanted = now_ms - trbd_clock_local_ms();
	s64 offset = atomic64_read(&clock->offset_ms);

	do {
		if (wanted <= offset)
			return 0;
	} while (!atomic64_try_cmpxchg(&clock->offset_ms, &offset, wanted));
	return wanted - offset;
}

/**
 * trbd_clock_set_slot() - whose stamps these are
 * @clock: clock
 * @slot: number in the group
 */
void trbd_clock_set_slot(struct trbd_clock *clock, u8 slot)
{
	atomic_set(&clock->slot, slot);
}

static u64 clock_granule(u64 now_ms)
{
	return div_u64(now_ms, TRBD_GRANULE_MS) << TRBD_GRANULE_SHIFT;
}

/**
 * trbd_clock_stamp() - a stamp that no other mutation has
 * @clock: clock
 * @now_ms: time of the stamp, a reading of the same clock
 *
 * Return: the stamp.
 */
u64 trbd_clock_stamp(struct trbd_clock *clock, u64 now_ms)
{
	u64 sequence = (u32)atomic_inc_return(&clock->sequence) & ((1U << TRBD_SLOT_SHIFT) - 1);

	return clock_granule(now_ms) | ((u64)atomic_read(&clock->slot) << TRBD_SLOT_SHIFT) |
	       sequence;
}

/**
 * trbd_clock_granule_end() - the greatest stamp of a granule
 * @now_ms: any time in the granule
 *
 * Return: what stamps not later than @now_ms are compared with.
 */
u64 trbd_clock_granule_end(u64 now_ms)
{
	return clock_granule(now_ms) | ((1ULL << TRBD_GRANULE_SHIFT) - 1);
}
