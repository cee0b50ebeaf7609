/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KTAP for unit tests in C: KTAP_BEGIN(), any number of ktap_ok(), return ktap_end().
 */
#ifndef UNIT_KTAP_H
#define UNIT_KTAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static unsigned int ktap_count, ktap_failed;

static inline void ktap_begin(void)
{
	puts("TAP version 13");
}

/* Print one result, with a formatted description. Return: @passed. */
static inline bool __attribute__((format(printf, 2, 3))) ktap_ok(bool passed, const char *fmt, ...)
{
	va_list args;

	ktap_count++;
	if (!passed)
		ktap_failed++;
	printf("%s %u ", passed ? "ok" : "not ok", ktap_count);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	return passed;
}

/* Print the plan. Return: the exit status. */
static inline int ktap_end(void)
{
	printf("1..%u\n", ktap_count);
	return ktap_failed || !ktap_count;
}

#endif /* UNIT_KTAP_H */
