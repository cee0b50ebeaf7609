/* SPDX-License-Identifier: GPL-2.0 */
#ifndef HISTORY_RESERVATION_H
#define HISTORY_RESERVATION_H

#include "text.h"

/**
 * struct era - a time without starts and ends of reservation commands
 * @from: when it begins; it ends where the next one begins
 * @may_write: nexuses that may write, in one of the states that are possible then
 * @may_read: the same for reads
 * @must_not_write: nexuses that are not allowed to, in one of the states that are possible then
 * @must_not_read: the same for reads
 */
struct era {
	uint64_t from;
	uint32_t may_write;
	uint32_t may_read;
	uint32_t must_not_write;
	uint32_t must_not_read;
};

/**
 * struct reservations - the eras of a history
 * @eras: the last one has no end
 * @count: how many
 * @wrong: reservation command that cannot have ended like that, or NULL
 * @undecided: too many at once to tell
 * @states: in words, the states that were possible just before
 */
struct reservations {
	struct era *eras;
	size_t count;
	const struct op *wrong;
	bool undecided;
	char states[256];
};

void reservations_find(struct reservations *reservations, const struct history *history);
void reservations_free(struct reservations *reservations);

bool reservations_let(const struct reservations *reservations, const struct op *op, uint64_t *last);
bool reservations_forbid(const struct reservations *reservations, const struct op *op);
bool reservations_stop(const struct reservations *reservations, const struct op *op, uint64_t *since);

#endif /* HISTORY_RESERVATION_H */
