// SPDX-License-Identifier: GPL-2.0
/*
 * The reasons why this gateway serves no command of a unit, and their tracepoints.
 *
 * Each reason is a bit of lu->blocked, and each command looks at all of them
 * (trbd_lu_is_blocked()). A reason may come while it is there already, and only a change is traced.
 */
#include <linux/bitops.h>

#include "gateway/blocking.h"
#include "gateway/lu_state.h"
#include "rbd/image.h"
#include "tracepoints.h"

/**
 * trbd_lu_block() - serve no command from now on
 * @lu: state
 * @reason: TRBD_LU_*
 *
 * Context: any.
 * Return: true if the unit was blocked for this reason already.
 */
bool trbd_lu_block(struct trbd_lu *lu, unsigned int reason)
{
	bool was = test_and_set_bit(reason, &lu->blocked);

	if (!was)
		trace_trbd_blocked(lu->image->name, reason);
	return was;
}

/**
 * trbd_lu_unblock() - serve commands again, unless there is another reason not to
 * @lu: state
 * @reason: TRBD_LU_*
 *
 * Context: any.
 */
void trbd_lu_unblock(struct trbd_lu *lu, unsigned int reason)
{
	if (test_and_clear_bit(reason, &lu->blocked))
		trace_trbd_unblocked(lu->image->name, reason);
}
