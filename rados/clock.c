// SPDX-License-Identifier: GPL-2.0
/*
 * The clock that write stamps come from.
 *
 * All gateways of a group share a time. Wall clocks take no part in it, except that one of them
 * starts a group that never existed before. Each gateway counts with a clock of its own and adds an
 * offset. A gateway that hears of a later time moves its offset forward to it. So the common time
 * is the fastest gateway's, no gateway is behind a time that it has seen, and the time never goes
 * back.
 *
 * A stamp orders mutations of an object by granules of 256 ms. Within a granule two gateways may
 * pass each other. Therefore a gateway with a longer way to an OSD can write beside a nearer one
 * without losing every race.
 *
 * All times are in milliseconds. All functions may be called in any context.
 */
#include <linux/atomic.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/timekeeping.h>

#include "rados/clock.h"

/**
 * trbd_clock_local_ms() - read this machine's own clock
 *
 * The clock is CLOCK_MONOTONIC_RAW. A time daemon slews CLOCK_MONOTONIC by up to ten percent, and W
 * has no room for that.
 *
 * Return: ms since some moment in this machine's past.
 */
u64 trbd_clock_local_ms(void)
{
	return ktime_to_ms(ktime_get_raw());
}

/**
 * trbd_clock_init() - prepare a clock that nobody has set
 * @clock: clock
 */
void trbd_clock_init(struct trbd_clock *clock)
{
	atomic64_set(&clock->offset_ms, 0);
	atomic_set(&clock->slot, 0);
	atomic_set(&clock->sequence, 0);
}

/**
 * trbd_clock_now() - read the common time
 * @clock: clock
 *
 * Return: ms.
 */
u64 trbd_clock_now(const struct trbd_clock *clock)
{
	return trbd_clock_at(clock, trbd_clock_local_ms());
}

/**
 * trbd_clock_at() - work out the common time of another moment, as far as it is known now
 * @clock: clock
 * @local_ms: trbd_clock_local_ms() at that moment
 *
 * Return: ms.
 */
u64 trbd_clock_at(const struct trbd_clock *clock, u64 local_ms)
{
	return local_ms + atomic64_read(&clock->offset_ms);
}

/**
 * trbd_clock_advance() - move the clock forward to a later time
 * @clock: clock
 * @now_ms: the time that another clock shows
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
 * trbd_clock_set_slot() - set the slot that stamps name
 * @clock: clock
 * @slot: this gateway's slot in the group
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
 * trbd_clock_stamp() - make a stamp that no other mutation has
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
 * trbd_clock_granule_end() - work out the greatest stamp of a granule
 * @now_ms: any time in the granule
 *
 * Return: the limit for a guard that lets stamps pass up to the granule of @now_ms.
 */
u64 trbd_clock_granule_end(u64 now_ms)
{
	return clock_granule(now_ms) | ((1ULL << TRBD_GRANULE_SHIFT) - 1);
}
