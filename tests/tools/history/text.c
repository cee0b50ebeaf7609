// SPDX-License-Identifier: GPL-2.0
/*
 * Histories as text; see README.md for the format.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

const char *const kind_names[KINDS] = {
	"read", "write", "same", "unmap", "caw",
	"register", "unregister", "reserve", "release", "clear", "preempt", "abort",
	"login",
};

const char *const result_names[RESULTS] = { "good", "miscompare", "conflict", "not done", "unknown", "lost" };

/* a history that is being read, whose length is not known yet */
struct reader {
	FILE *file;
	struct history *history;
	size_t line;
	size_t room;
	size_t values;
	size_t values_room;
};

static void *grow(void *memory, size_t size)
{
	memory = realloc(memory, size);
	if (!memory) {
		fprintf(stderr, "no memory\n");
		exit(2);
	}
	return memory;
}

static bool bad(const struct reader *reader, const char *what)
{
	fprintf(stderr, "%s:%zu: %s\n", reader->history->name, reader->line, what);
	return false;
}

static bool parse_number(const char *word, uint64_t max, uint64_t *number)
{
	char *end;

	if (!word || *word < '0' || *word > '9')
		return false;
	*number = strtoull(word, &end, 10);
	return !*end && *number <= max;
}

static bool parse_value(const char *word, uint64_t *value)
{
	uint64_t nexus, command;
	char *end;

	if (!word)
		return false;
	if (!strcmp(word, "0")) {
		*value = VALUE_ZEROS;
	} else if (!strcmp(word, "torn")) {
		*value = VALUE_TORN;
	} else if (!strcmp(word, "astray")) {
		*value = VALUE_ASTRAY;
	} else if (!strcmp(word, "foreign")) {
		*value = VALUE_FOREIGN;
	} else {
		nexus = strtoull(word, &end, 10);
		if (*end != '.' || nexus >= NEXUSES_MAX ||
		    !parse_number(end + 1, VALUE_COMMAND(UINT64_MAX), &command))
			return false;
		*value = VALUE(nexus, command);
	}
	return true;
}

/*
 * A gateway also ends a COMPARE AND WRITE with BUSY when it cannot tell whether its own earlier try
 * went through. Only some sense data mean that nothing happened, namely those that say so: UNIT
 * ATTENTION and ILLEGAL REQUEST.
 */
static enum result parse_result(const char *word, enum kind kind)
{
	if (!strcmp(word, "good"))
		return GOOD;
	if (!strcmp(word, "miscompare"))
		return MISCOMPARE;
	if (!strcmp(word, "conflict"))
		return CONFLICT;
	if (!strcmp(word, "full") || (!strcmp(word, "busy") && kind != CAW))
		return NOT_DONE;
	if (!strcmp(word, "lost"))
		return LOST;
	if (!strncmp(word, "6/", 2) || !strncmp(word, "5/", 2))
		return NOT_DONE;
	return UNKNOWN;
}

static bool parse_values(struct reader *reader, struct op *op)
{
	struct history *history = reader->history;
	uint32_t i;

	if (op->kind == CAW && !parse_value(strtok(NULL, " \n"), &op->expected))
		return bad(reader, "the expected value is missing");
	if ((op->kind == WRITE || op->kind == SAME || op->kind == CAW) &&
	    !parse_value(strtok(NULL, " \n"), &op->value))
		return bad(reader, "the written value is missing");
	if (op->kind != READ || op->result != GOOD)
		return true;
	if (reader->values + op->b > reader->values_room) {
		reader->values_room = 2 * reader->values_room + op->b + 1024;
		history->values = grow(history->values, reader->values_room * sizeof(*history->values));
	}
	for (i = 0; i < op->b; i++) {
		if (!parse_value(strtok(NULL, " \n"), &history->values[reader->values + i]))
			return bad(reader, "a value is missing");
	}
	/* the memory may move; this becomes a pointer at the end */
	op->read = (uint64_t *)(uintptr_t)reader->values;
	reader->values += op->b;
	return true;
}

static bool parse_op(struct reader *reader, struct op *op, const char *first)
{
	uint64_t nexus, a, b;
	const char *word;
	int kind;

	memset(op, 0, sizeof(*op));
	op->line = reader->line;
	if (!parse_number(first, NEVER - 1, &op->start) || !parse_number(strtok(NULL, " \n"), NEVER - 1, &op->end))
		return bad(reader, "should begin with two times");
	if (op->end < op->start)
		return bad(reader, "ends before it starts");
	if (!parse_number(strtok(NULL, " \n"), NEXUSES_MAX - 1, &nexus))
		return bad(reader, "no nexus");
	word = strtok(NULL, " \n");
	for (kind = 0; word && kind < KINDS && strcmp(word, kind_names[kind]); kind++)
		;
	if (!word || kind == KINDS)
		return bad(reader, "unknown kind");
	if (!parse_number(strtok(NULL, " \n"), UINT32_MAX, &a) || !parse_number(strtok(NULL, " \n"), 65536, &b))
		return bad(reader, "no operands");
	if ((kind == PREEMPT || kind == PREEMPT_AND_ABORT) && a >= NEXUSES_MAX)
		return bad(reader, "no such victim");
	word = strtok(NULL, " \n");
	if (!word)
		return bad(reader, "no result");
	op->nexus = (uint8_t)nexus;
	op->kind = (uint8_t)kind;
	op->a = (uint32_t)a;
	op->b = (uint32_t)b;
	op->result = (uint8_t)parse_result(word, (enum kind)kind);
	if (!parse_values(reader, op))
		return false;
	return !strtok(NULL, " \n") || bad(reader, "more than there should be");
}

static int compare_ops(const void *x, const void *y)
{
	const struct op *a = x, *b = y;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->line < b->line ? -1 : a->line > b->line;
}

static bool read_lines(struct reader *reader)
{
	struct history *history = reader->history;
	char *line = NULL, *word;
	size_t size = 0;
	bool ok = true;

	while (ok && getline(&line, &size, reader->file) >= 0) {
		reader->line++;
		word = strtok(line, " \n");
		if (!word || *word == '#' || !strcmp(word, "nexus"))
			continue;
		if (history->count == reader->room) {
			reader->room = 2 * reader->room + 1024;
			history->ops = grow(history->ops, reader->room * sizeof(*history->ops));
		}
		ok = parse_op(reader, &history->ops[history->count], word);
		history->count += ok;
	}
	free(line);
	return ok;
}

/**
 * history_read() - read a file
 * @history: filled in; history_free() in any case
 * @name: of the file; kept
 *
 * Return: false when it is no history; stderr has the reason then.
 */
bool history_read(struct history *history, const char *name)
{
	struct reader reader = { .history = history };
	size_t i;
	bool ok;

	memset(history, 0, sizeof(*history));
	history->name = name;
	reader.file = fopen(name, "r");
	if (!reader.file) {
		perror(name);
		return false;
	}
	ok = read_lines(&reader);
	fclose(reader.file);
	if (!ok)
		return false;
	for (i = 0; i < history->count; i++) {
		struct op *op = &history->ops[i];

		op->read = op->kind == READ && op->result == GOOD ? history->values + (uintptr_t)op->read : NULL;
	}
	if (!history->count)
		return bad(&reader, "nothing in it");
	qsort(history->ops, history->count, sizeof(*history->ops), compare_ops);
	history->begin = history->ops[0].start;
	return true;
}

void history_free(struct history *history)
{
	free(history->ops);
	free(history->values);
}

double seconds(const struct history *history, uint64_t time)
{
	return (double)(time - history->begin) / (double)SECOND;
}

/* Valid until the fourth call after this one. */
const char *value_text(uint64_t value)
{
	static char texts[4][32];
	static unsigned int next;
	char *text = texts[next++ % 4];

	switch (value) {
	case VALUE_ZEROS:
		return "zeros";
	case VALUE_TORN:
		return "a torn block";
	case VALUE_ASTRAY:
		return "data of another block";
	case VALUE_FOREIGN:
		return "data from before";
	default:
		snprintf(text, sizeof(texts[0]), "%u.%" PRIu64, VALUE_NEXUS(value), VALUE_COMMAND(value));
		return text;
	}
}

/* Tell whether nobody knows if it happened. */
bool op_is_open(const struct op *op)
{
	return op->result == UNKNOWN || op->result == LOST;
}

/* Print a line about a command. */
void op_print(const struct history *history, const struct op *op)
{
	printf("    line %zu: %.6f to %.6f s, nexus %u: %s", op->line, seconds(history, op->start),
	       seconds(history, op->end), op->nexus, kind_names[op->kind]);
	if (op->kind <= CAW)
		printf(" of %u at %u", op->b, op->a);
	else if (op->kind == PREEMPT || op->kind == PREEMPT_AND_ABORT)
		printf(" nexus %u, type %u", op->a, op->b);
	else if (op->kind == RESERVE || op->kind == RELEASE)
		printf(" type %u", op->a);
	if (op->kind == CAW)
		printf(", %s to %s", value_text(op->expected), value_text(op->value));
	else if (op->kind == WRITE || op->kind == SAME)
		printf(", %s", value_text(op->value));
	printf(": %s\n", result_names[op->result]);
}
