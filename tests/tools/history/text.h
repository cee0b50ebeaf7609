/* SPDX-License-Identifier: GPL-2.0 */
#ifndef HISTORY_TEXT_H
#define HISTORY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "block.h"

#define SECOND		1000000000ULL
#define NEVER		UINT64_MAX
#define NEXUSES_MAX	32

enum kind {
	READ, WRITE, SAME, UNMAP, CAW,
	REGISTER, UNREGISTER, RESERVE, RELEASE, CLEAR, PREEMPT, PREEMPT_AND_ABORT,
	LOGIN,
	KINDS
};

/**
 * enum result - how a command ended
 * @GOOD: it happened
 * @MISCOMPARE: it found other data
 * @CONFLICT: it was not allowed, and did not happen
 * @NOT_DONE: it did not happen
 * @UNKNOWN: there is an answer that does not say whether it happened
 * @LOST: there is no answer
 */
enum result { GOOD, MISCOMPARE, CONFLICT, NOT_DONE, UNKNOWN, LOST, RESULTS };

/**
 * struct op - a line of a history
 * @start: ns
 * @end: ns; of a LOST one, when it was given up
 * @line: its number in the file
 * @nexus: number of the nexus
 * @kind: kind of command
 * @result: how it ended
 * @a: first block; victim; type of the reservation
 * @b: blocks; type of the reservation when @a is a victim
 * @value: value that was written
 * @expected: value that a COMPARE AND WRITE expected
 * @read: values that were read, one for each block; NULL unless @kind is READ and @result is GOOD
 */
struct op {
	uint64_t start;
	uint64_t end;
	uint64_t value;
	uint64_t expected;
	uint64_t *read;
	size_t line;
	uint32_t a;
	uint32_t b;
	uint8_t nexus;
	uint8_t kind;
	uint8_t result;
};

/**
 * struct history - one file
 * @name: name of the file
 * @ops: its lines, in the order they began
 * @count: how many
 * @values: memory of the values that were read
 * @begin: when the first one began, which is printed as 0 s
 */
struct history {
	const char *name;
	struct op *ops;
	size_t count;
	uint64_t *values;
	uint64_t begin;
};

extern const char *const kind_names[KINDS];
extern const char *const result_names[RESULTS];

bool history_read(struct history *history, const char *name);
void history_free(struct history *history);
bool op_is_open(const struct op *op);
void op_print(const struct history *history, const struct op *op);
const char *value_text(uint64_t value);
double seconds(const struct history *history, uint64_t time);

#endif /* HISTORY_TEXT_H */
