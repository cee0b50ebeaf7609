// SPDX-License-Identifier: GPL-2.0
/*
 * Whether this gateway can serve a unit now, and for how long it has not been able to.
 *
 * The reasons are known on the floors below, each where it belongs: the unit's shared state, the
 * group's lease, the image's watch, the session's identity. This file looks at them when somebody
 * asks, and once a second, so that it knows since when there has been any.
 *
 * While the cluster is full, libceph holds back a watch that was lost. No other path is better
 * then, so the time does not count.
 */
#include <linux/atomic.h>
#include <linux/minmax.h>

#include "gateway/group.h"
#include "gateway/lu.h"
#include "rados/clock.h"
#include "rados/session.h"
#include "rbd/image.h"
#include "scsi/serving.h"
#include "scsi/unit.h"

static enum trbd_readiness_limit serving_limit(struct trbd_unit *unit)
{
	if (trbd_session_is_recovering(unit->image->session) ||
	    (unit->lu && trbd_lu_is_disabled(unit->lu)))
		return TRBD_LIMIT_ALL;
	if ((unit->group && !trbd_group_takes_changes(unit->group)) ||
	    !trbd_image_is_in_touch(unit->image))
		return TRBD_LIMIT_CHANGES;
	return TRBD_LIMIT_NONE;
}

/**
 * trbd_serving_look() - tell whether this gateway can serve a unit
 * @unit: open unit
 *
 * The time counts from the first look that found a reason.
 *
 * Context: any in which a spinlock may be taken.
 * Return: how the gateway describes itself.
 */
enum trbd_readiness trbd_serving_look(struct trbd_unit *unit)
{
	enum trbd_readiness_limit limit = serving_limit(unit);
	u64 now_ms = trbd_clock_local_ms();
	u64 since_ms;

	if (limit == TRBD_LIMIT_NONE)
		atomic64_set(&unit->unready_since_ms, 0);
	if (unit->lu && trbd_lu_is_in_standby(unit->lu))
		return TRBD_STANDBY;
	if (limit == TRBD_LIMIT_NONE)
		return TRBD_READY;
	since_ms = atomic64_cmpxchg(&unit->unready_since_ms, 0, now_ms) ?: now_ms;
	/* another call may have found the reason a moment later than we read the clock */
	return trbd_readiness_judge(limit, !unit->lu || trbd_lu_has_others(unit->lu),
				    now_ms - min(since_ms, now_ms));
}

/**
 * trbd_serving_sample() - look whether this gateway can serve a unit, though nobody asks
 * @unit: open unit
 *
 * Call this once a second.
 *
 * Context: process; may sleep for the OSD map's lock.
 */
void trbd_serving_sample(struct trbd_unit *unit)
{
	if (serving_limit(unit) == TRBD_LIMIT_CHANGES && trbd_session_is_full(unit->image->session))
		atomic64_set(&unit->unready_since_ms, 0);
	else
		trbd_serving_look(unit);
}
