// SPDX-License-Identifier: GPL-2.0
/*
 * OSDs under suspicion, and for how long a gateway stays out because of them.
 *
 * A gateway that gave up remembers which OSDs had not answered, with one object for each. Any
 * object of an OSD will do, since all requests to one OSD share a connection. So the list is short.
 * A gateway that cannot reach more OSDs than there is room for cannot reach those on the list
 * either.
 *
 *	the OSDs do not answer      5 s, 10 s, 20 s ... 5 min until they are asked again
 *	all of them have answered   the gateway serves; the next failure within 5 min goes on from
 *	                            where the last one was, and costs at least 5 s
 *
 * The second line is for a link that lets a single request through and fails under load.
 *
 * No I/O, no locks: the unit tests compile this file as it is.
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>

#include "rados/suspects.h"

#define SUSPECTS_WAIT_MIN_MS	5000ULL
#define SUSPECTS_WAIT_MAX_MS	300000ULL
/* a gateway that has served for this long since it proved itself starts anew */
#define SUSPECTS_FORGET_MS	300000

static struct trbd_suspect *suspects_find(struct trbd_suspects *suspects, int osd)
{
	unsigned int i;

	for (i = 0; i < suspects->count; i++) {
		if (suspects->who[i].osd == osd)
			return &suspects->who[i];
	}
	return NULL;
}

/**
 * trbd_suspects_add() - note an OSD that did not answer
 * @suspects: list
 * @suspect: the OSD and an object
 *
 * Return: true if the list has a copy now; false if it knows the OSD already, or is full.
 */
bool trbd_suspects_add(struct trbd_suspects *suspects, const struct trbd_suspect *suspect)
{
	if (suspects->count == TRBD_SUSPECTS_MAX || suspects_find(suspects, suspect->osd))
		return false;
	suspects->who[suspects->count++] = *suspect;
	return true;
}

/**
 * trbd_suspects_remove() - clear an OSD, which has answered
 * @suspects: list
 * @osd: its number
 * @removed: set to the entry
 *
 * Return: false if the list does not have the OSD.
 */
bool trbd_suspects_remove(struct trbd_suspects *suspects, int osd, struct trbd_suspect *removed)
{
	struct trbd_suspect *suspect = suspects_find(suspects, osd);
	unsigned int behind;

	if (!suspect)
		return false;
	*removed = *suspect;
	behind = suspects->who + suspects->count - (suspect + 1);
	memmove(suspect, suspect + 1, behind * sizeof(*suspect));
	suspects->count--;
	return true;
}

/**
 * trbd_suspects_pass() - note that all OSDs have answered
 * @suspects: empty list
 * @now_ms: time
 */
void trbd_suspects_pass(struct trbd_suspects *suspects, u64 now_ms)
{
	suspects->passed_ms = now_ms;
}

/**
 * trbd_suspects_fail() - stay out for longer than last time
 * @suspects: list
 * @now_ms: time
 */
void trbd_suspects_fail(struct trbd_suspects *suspects, u64 now_ms)
{
	suspects->wait_ms = min(max(2 * suspects->wait_ms, SUSPECTS_WAIT_MIN_MS),
				SUSPECTS_WAIT_MAX_MS);
	suspects->until_ms = now_ms + suspects->wait_ms;
}

/**
 * trbd_suspects_relapse() - note that the gateway gave up, though it was in touch with the others
 * @suspects: list, without the OSDs that have not answered this time
 * @now_ms: time
 *
 * The gateway asks at once when this is its first failure for a while. It stays out for longer when
 * it proved itself a moment ago, since that proof was worth nothing. So it does when it has served
 * without a proof.
 */
void trbd_suspects_relapse(struct trbd_suspects *suspects, u64 now_ms)
{
	if (suspects->count ||
	    (suspects->passed_ms && now_ms < suspects->passed_ms + SUSPECTS_FORGET_MS)) {
		trbd_suspects_fail(suspects, now_ms);
		return;
	}
	suspects->wait_ms = 0;
	suspects->until_ms = now_ms;
}

/**
 * trbd_suspects_wait_left() - tell for how long no OSD is asked
 * @suspects: list
 * @now_ms: time
 *
 * Return: ms, 0 if it is time to ask.
 */
u64 trbd_suspects_wait_left(const struct trbd_suspects *suspects, u64 now_ms)
{
	return suspects->until_ms > now_ms ? suspects->until_ms - now_ms : 0;
}
