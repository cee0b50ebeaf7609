// SPDX-License-Identifier: GPL-2.0
/*
 * Could one disk have given the answers that are in a history?
 *
 *	check [--window SECONDS] FILE...
 *
 * README.md has the rules and the format. For each file this prints faults in words, the first one
 * of each block, and then figures. The status is 0 when all is well, 1 when something is wrong or
 * too much at once to decide, 2 when a file is no history.
 *
 *	--window SECONDS   how long initiators wait before a newer write is safe from a lost one: W
 *	                   of protocol.h
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "protocol.h"
#include "register.h"
#include "reservation.h"

#define RELATED_MAX	12
#define WRONG_MAX	50	/* faults that are told one by one */

/**
 * struct check - a history that is being checked
 * @history: the history
 * @reservations: what reservations allowed, and when
 * @last: for each command that was carried out, when it was over at the latest
 * @window: in ns
 * @wrong: number of faults
 */
struct check {
	struct history history;
	struct reservations reservations;
	uint64_t *last;
	uint64_t window;
	unsigned long wrong;
};

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count + 1, size);

	if (!memory) {
		fprintf(stderr, "no memory\n");
		exit(2);
	}
	return memory;
}

/* Count a fault. Return: whether to tell it. */
static bool wrong(struct check *check)
{
	return ++check->wrong <= WRONG_MAX;
}

static bool is_io(const struct op *op)
{
	return op->kind <= CAW;
}

static bool changes(const struct op *op)
{
	return op->kind == WRITE || op->kind == SAME || op->kind == UNMAP || op->kind == CAW;
}

/* -- reservations */

static void check_access(struct check *check)
{
	const struct history *history = &check->history;
	size_t i;

	for (i = 0; i < history->count; i++) {
		const struct op *op = &history->ops[i];

		check->last[i] = op->end;
		if (!is_io(op))
			continue;
		if ((op->result == GOOD || op->result == MISCOMPARE) &&
		    !reservations_let(&check->reservations, op, &check->last[i]) && wrong(check)) {
			printf("  carried out although a reservation of another nexus was in force all the time:\n");
			op_print(history, op);
		} else if (op->result == CONFLICT && !reservations_forbid(&check->reservations, op) && wrong(check)) {
			printf("  ended with a conflict although nothing was reserved against it:\n");
			op_print(history, op);
		}
	}
}

static void check_reservations(struct check *check)
{
	const struct op *op;

	reservations_find(&check->reservations, &check->history);
	op = check->reservations.wrong;
	if (op && wrong(check)) {
		printf("  reservations: %s; possible before: %s\n", check->reservations.undecided ?
		       "too many commands at once to decide" : "this answer is impossible in every order",
		       check->reservations.states);
		op_print(&check->history, op);
	}
	check_access(check);
}

/* -- blocks */

/*
 * When the first command that began after @since was at the block; no command that was cut off
 * lands after that.
 */
static uint64_t touched(const struct check *check, const uint32_t *list, size_t count, uint64_t since)
{
	const struct op *ops = check->history.ops;
	size_t low = 0, high = count, i;
	uint64_t end = NEVER;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (ops[list[middle]].start > since)
			high = middle;
		else
			low = middle + 1;
	}
	for (i = low; i < count && ops[list[i]].start < end; i++) {
		if (ops[list[i]].result == GOOD && ops[list[i]].end < end)
			end = ops[list[i]].end;
	}
	return end;
}

static bool make_part(const struct check *check, const uint32_t *list, size_t count, size_t i, uint32_t block,
		      struct part *part)
{
	const struct op *op = &check->history.ops[list[i]];
	uint64_t since;

	if (op->result == CONFLICT || op->result == NOT_DONE || (op_is_open(op) && !changes(op)) ||
	    (op->result == MISCOMPARE && op->kind != CAW))
		return false;
	*part = (struct part){ .op = op, .start = op->start, .end = check->last[list[i]] };
	if (op->kind == READ) {
		part->access = GETS;
		part->value = op->read[block - op->a];
		return true;
	}
	part->access = op->result == MISCOMPARE ? MISSES : op->kind == CAW ? SWAPS : PUTS;
	part->value = part->access == MISSES ? op->expected : op->value;
	part->expected = op->expected;
	if (!op_is_open(op))
		return true;
	part->maybe = true;
	part->end = NEVER;
	part->stale = op->start + check->window > op->end ? op->start + check->window : op->end;
	if (reservations_stop(&check->reservations, op, &since)) {
		if (since <= op->start)
			return false;
		part->end = touched(check, list, count, since);
	}
	return true;
}

static bool puts_value(const struct part *part, uint64_t value)
{
	return (part->access == PUTS || part->access == SWAPS) && part->value == value;
}

/*
 * The command that most likely put @value there. Of several, take a lost one, since that can have
 * come too late, and otherwise the last one.
 */
static const struct part *find_writer(const struct part *parts, size_t count, const struct part *bad, uint64_t value,
				      size_t *writers)
{
	const struct part *writer = NULL;
	size_t i;

	*writers = 0;
	for (i = 0; i < count; i++) {
		const struct part *part = &parts[i];

		if (part == bad || !puts_value(part, value))
			continue;
		++*writers;
		if (!writer || (part->start < bad->end && (part->maybe || !writer->maybe)))
			writer = part;
	}
	return writer;
}

/* Another COMPARE AND WRITE that replaced the same value. */
static const struct op *find_rival(const struct part *parts, size_t count, const struct part *bad)
{
	const struct op *rival = NULL;
	size_t i;

	for (i = 0; i < count && bad->access == SWAPS; i++) {
		if (&parts[i] != bad && parts[i].access == SWAPS && !parts[i].maybe && parts[i].expected == bad->expected)
			rival = parts[i].op;
	}
	return rival;
}

/* Tell people the most likely story. The verdict does not depend on it. */
static const struct op *explain(const struct check *check, const struct part *parts, size_t count,
				const struct part *bad)
{
	uint64_t value = bad->access == SWAPS ? bad->expected : bad->value;
	const struct op *rival = find_rival(parts, count, bad);
	const struct part *writer, *over = NULL;
	size_t i, writers;

	writer = find_writer(parts, count, bad, value, &writers);
	if (!writer && value != VALUE_ZEROS) {
		printf("nobody wrote that\n");
		return NULL;
	}
	if (rival && value != VALUE_ZEROS && writers == 1) {
		printf("%s was replaced by two of these\n", value_text(value));
		return rival;
	}
	if (bad->access == MISSES) {
		printf("the block had %s all the time\n", value_text(value));
		return writer ? writer->op : NULL;
	}
	if (!writer) {
		printf("the block had been written\n");
		return NULL;
	}
	if (writer->start > bad->end) {
		printf("%s was written only later\n", value_text(value));
		return writer->op;
	}
	/* the last one that came after it for certain */
	for (i = 0; i < count; i++) {
		const struct part *part = &parts[i];
		uint64_t after = writer->maybe ? writer->stale : writer->end;

		if (!part->maybe && part->value != value && (part->access == PUTS || part->access == SWAPS) &&
		    part->start > after && part->end < bad->start && (!over || part->start > over->start))
			over = part;
	}
	if (over) {
		printf("%s%s was overwritten %.6f s before\n", value_text(value),
		       writer->maybe ? ", which was lost and given up," : "",
		       seconds(&check->history, bad->start) - seconds(&check->history, over->end));
		op_print(&check->history, over->op);
		return writer->op;
	}
	printf("%s does not fit in any order of the commands\n", value_text(value));
	return writer->op;
}

static void report(struct check *check, uint32_t block, const struct part *parts, size_t count,
		   const struct verdict *verdict)
{
	const struct part *bad = verdict->part;
	const struct op *cause;
	unsigned int i;
	size_t j, first = 0;

	if (!wrong(check))
		return;
	if (verdict->undecided) {
		printf("  block %u: too much at once to decide, from here on:\n", block);
		op_print(&check->history, bad->op);
		return;
	}
	printf("  block %u: ", block);
	if (bad->access == MISSES)
		printf("a miscompare with %s: ", value_text(bad->value));
	else
		printf("%s found %s: ", kind_names[bad->op->kind],
		       value_text(bad->access == SWAPS ? bad->expected : bad->value));
	cause = explain(check, parts, count, bad);
	if (cause)
		op_print(&check->history, cause);
	op_print(&check->history, bad->op);
	printf("    possible just before it ended:");
	for (i = 0; i < verdict->possible_count; i++)
		printf(" %s", value_text(verdict->possible[i]));
	printf("\n    the last commands there that had begun by then:\n");
	for (j = 0; j < count && parts[j].start <= bad->end; j++)
		;
	first = j > RELATED_MAX ? j - RELATED_MAX : 0;
	for (; first < j; first++)
		op_print(&check->history, parts[first].op);
}

static void check_block(struct check *check, uint32_t block, const uint32_t *list, size_t count)
{
	struct part *parts = allocate(count, sizeof(*parts));
	struct verdict verdict;
	size_t i, n = 0;

	for (i = 0; i < count; i++)
		n += make_part(check, list, count, i, block, &parts[n]);
	register_check(parts, n, &verdict);
	if (verdict.part)
		report(check, block, parts, n, &verdict);
	free(parts);
}

/* Make a list for each block of the commands that were there, in the order they began. */
static size_t check_blocks(struct check *check)
{
	const struct history *history = &check->history;
	uint32_t first = UINT32_MAX, last = 0, *lists, block;
	size_t i, *begin, *fill, blocks;

	for (i = 0; i < history->count; i++) {
		const struct op *op = &history->ops[i];

		if (!is_io(op) || !op->b)
			continue;
		if (op->a < first)
			first = op->a;
		if (op->a + op->b - 1 > last)
			last = op->a + op->b - 1;
	}
	if (first > last)
		return 0;
	blocks = (size_t)last - first + 1;
	begin = allocate(blocks + 1, sizeof(*begin));
	fill = allocate(blocks + 1, sizeof(*fill));
	for (i = 0; i < history->count; i++) {
		const struct op *op = &history->ops[i];

		for (block = op->a; is_io(op) && block < op->a + op->b; block++)
			begin[block - first + 1]++;
	}
	for (i = 0; i < blocks; i++)
		begin[i + 1] += begin[i];
	memcpy(fill, begin, (blocks + 1) * sizeof(*fill));
	lists = allocate(begin[blocks], sizeof(*lists));
	for (i = 0; i < history->count; i++) {
		const struct op *op = &history->ops[i];

		for (block = op->a; is_io(op) && block < op->a + op->b; block++)
			lists[fill[block - first]++] = (uint32_t)i;
	}
	for (i = 0; i < blocks; i++)
		check_block(check, first + (uint32_t)i, lists + begin[i], begin[i + 1] - begin[i]);
	free(lists);
	free(fill);
	free(begin);
	return blocks;
}

/* -- figures */

static int compare_times(const void *x, const void *y)
{
	const uint64_t *a = x, *b = y;

	return *a < *b ? -1 : *a > *b;
}

static void print_figures(const struct check *check, size_t blocks)
{
	const struct history *history = &check->history;
	unsigned long counts[KINDS][RESULTS] = { 0 }, all = 0;
	const struct op *longest = NULL;
	uint64_t *ends = allocate(history->count, sizeof(*ends)), gap = 0, gap_at = 0;
	size_t i, n = 0;
	int kind, result;

	for (i = 0; i < history->count; i++) {
		const struct op *op = &history->ops[i];

		counts[op->kind][op->result]++;
		all += op->kind != LOGIN;
		if (!is_io(op))
			continue;
		if (op->result == GOOD)
			ends[n++] = op->end;
		if (op->result == GOOD && (!longest || op->end - op->start > longest->end - longest->start))
			longest = op;
	}
	qsort(ends, n, sizeof(*ends), compare_times);
	for (i = 1; i < n; i++) {
		if (ends[i] - ends[i - 1] > gap) {
			gap = ends[i] - ends[i - 1];
			gap_at = ends[i - 1];
		}
	}
	printf("%s: %lu commands at %zu blocks, %lu wrong\n", history->name, all, blocks, check->wrong);
	for (kind = 0; kind < KINDS; kind++) {
		bool any = false;

		for (result = 0; result < RESULTS; result++) {
			if (!counts[kind][result])
				continue;
			printf("%s%lu %s", any ? ", " : kind == LOGIN ? "  login: " : "  ", counts[kind][result],
			       any || kind == LOGIN ? result_names[result] : kind_names[kind]);
			if (!any && kind != LOGIN)
				printf(" %s", result_names[result]);
			any = true;
		}
		if (any)
			printf("\n");
	}
	if (longest)
		printf("  longest command %.3f s (line %zu); longest time without a good one %.3f s (at %.3f s)\n",
		       (double)(longest->end - longest->start) / (double)SECOND, longest->line,
		       (double)gap / (double)SECOND, gap ? seconds(history, gap_at) : 0);
	free(ends);
}

/* Return: the status for this file. */
static int check_file(const char *name, uint64_t window)
{
	struct check check = { .window = window };
	size_t blocks;

	if (!history_read(&check.history, name)) {
		history_free(&check.history);
		return 2;
	}
	check.last = allocate(check.history.count, sizeof(*check.last));
	check_reservations(&check);
	blocks = check_blocks(&check);
	print_figures(&check, blocks);
	free(check.last);
	reservations_free(&check.reservations);
	history_free(&check.history);
	return check.wrong ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "window", required_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 }
	};
	uint64_t window = (uint64_t)TRBD_W_MS * (SECOND / 1000);
	int option, i, status, worst = 0;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option != 'w') {
			fprintf(stderr, "usage: check [--window SECONDS] FILE...\n");
			return 2;
		}
		window = (uint64_t)(strtod(optarg, NULL) * (double)SECOND);
	}
	if (optind == argc) {
		fprintf(stderr, "usage: check [--window SECONDS] FILE...\n");
		return 2;
	}
	for (i = optind; i < argc; i++) {
		status = check_file(argv[i], window);
		if (status > worst)
			worst = status;
	}
	return worst;
}
