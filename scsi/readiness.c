// SPDX-License-Identifier: GPL-2.0
/*
 * How a gateway that cannot serve describes itself to hosts.
 *
 * A host that hears of a transition (02/04/0A) waits on this path, and tries again. A host that
 * hears of an unavailable port (02/04/0C) takes another path at once, or reports an error to the
 * application if it has none. docs/hosts.md says which drivers do so. So the first answer is right
 * as long as waiting helps, and the second one when it does not:
 *
 *	limit         others      answer
 *	changes       -           ready, and changes end with BUSY, for TRBD_TRANSITION_MS; then 0C
 *	everything    none        0A for TRBD_TRANSITION_MS, then 0C
 *	everything    some        0A for TRBD_MOMENT_MS, then 0C
 *
 * Changes are also refused when the cluster stands still, and then they are refused on every path.
 * A gateway cannot tell whether that is so. Every initiator sends a command again that ended with
 * BUSY, and not all of them do so after NOT READY. Some do not even connect then.
 *
 * A gateway that an operator took out of service says so (02/04/0B), whatever else is wrong.
 *
 * A gateway that serves nothing has been fenced, or gave up. The others can go on then, and it will
 * probably not be back within a few seconds. If there are no others, there is probably no other
 * path either.
 *
 * This decides how a refusal is worded, and nothing else. So whatever it decides, it lets no
 * command pass.
 *
 * No I/O, no locks: the unit tests compile this file as it is.
 */
#include "protocol.h"
#include "scsi/readiness.h"

#define ASCQ_TRANSITION		0x0a	/* ASYMMETRIC ACCESS STATE TRANSITION */
#define ASCQ_STANDBY		0x0b	/* TARGET PORT IN STANDBY STATE */
#define ASCQ_UNAVAILABLE	0x0c	/* TARGET PORT IN UNAVAILABLE STATE */

/**
 * trbd_readiness_judge() - decide how a gateway describes itself
 * @limit: what it cannot do
 * @others: there is another gateway in the registry of the image, or nobody can tell
 * @for_ms: for how long it has not served everything, ms
 *
 * Context: any.
 * Return: the description.
 */
enum trbd_readiness trbd_readiness_judge(enum trbd_readiness_limit limit, bool others, u64 for_ms)
{
	switch (limit) {
	case TRBD_LIMIT_CHANGES:
		return for_ms < TRBD_TRANSITION_MS ? TRBD_READY : TRBD_NOT_READY;
	case TRBD_LIMIT_ALL:
		return for_ms < (others ? TRBD_MOMENT_MS : TRBD_TRANSITION_MS) ? TRBD_READY_SOON :
										 TRBD_NOT_READY;
	default:
		return TRBD_READY;
	}
}

/**
 * trbd_readiness_ascq() - get the sense data for a command that a gateway cannot serve
 * @readiness: how the gateway describes itself; TRBD_READY if it could not serve a moment ago
 *
 * The sense key is NOT READY, and the additional sense code is TRBD_READINESS_ASC.
 *
 * Context: any.
 * Return: the additional sense code qualifier.
 */
u8 trbd_readiness_ascq(enum trbd_readiness readiness)
{
	switch (readiness) {
	case TRBD_STANDBY:
		return ASCQ_STANDBY;
	case TRBD_NOT_READY:
		return ASCQ_UNAVAILABLE;
	default:
		return ASCQ_TRANSITION;
	}
}
