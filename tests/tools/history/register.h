/* SPDX-License-Identifier: GPL-2.0 */
#ifndef HISTORY_REGISTER_H
#define HISTORY_REGISTER_H

#include "text.h"

/**
 * enum access - the effect of a command on one block
 * @GETS: finds @value
 * @MISSES: finds another value than @value
 * @PUTS: makes it @value
 * @SWAPS: finds @expected and makes it @value
 */
enum access { GETS, MISSES, PUTS, SWAPS };

/**
 * struct part - a command as one block sees it
 * @op: the command
 * @access: its effect
 * @maybe: nobody knows whether it happened; PUTS and SWAPS only
 * @start: it did not happen before this
 * @end: nor after this; a @maybe part did not happen after it, if at all
 * @stale: if @maybe: a write that began after this and was acknowledged keeps it from happening any
 * more
 * @value: see enum access
 * @expected: see enum access
 */
struct part {
	const struct op *op;
	enum access access;
	bool maybe;
	uint64_t start;
	uint64_t end;
	uint64_t stale;
	uint64_t value;
	uint64_t expected;
};

/**
 * struct verdict - the fault of a block
 * @part: part that cannot be; NULL: there is no fault
 * @undecided: too much at once to tell
 * @possible: values that the block could have had just then, as far as @part knows
 * @possible_count: how many, at most POSSIBLE_MAX
 */
#define POSSIBLE_MAX	8
struct verdict {
	const struct part *part;
	bool undecided;
	uint64_t possible[POSSIBLE_MAX];
	unsigned int possible_count;
};

void register_check(struct part *parts, size_t count, struct verdict *verdict);

#endif /* HISTORY_REGISTER_H */
