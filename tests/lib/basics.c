// SPDX-License-Identifier: GPL-2.0
/*
 * Small things that every C program of the tests needs: the end of a program that cannot go on,
 * clocks that nobody sets, random numbers that a seed repeats, and numbers in SCSI's byte order.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "basics.h"

/**
 * die() - say why on stdout, and end with status 1
 * @format: printf's, without a newline
 */
void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	exit(1);
}

/**
 * now_ns() - read the monotonic clock
 *
 * Return: nanoseconds.
 */
uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

/**
 * now_ms() - read the monotonic clock
 *
 * Return: milliseconds.
 */
uint64_t now_ms(void)
{
	return now_ns() / 1000000;
}

/**
 * below() - draw a random number
 * @n: not 0
 *
 * srandom() makes the same draws again.
 *
 * Return: 0 to @n - 1.
 */
uint64_t below(uint64_t n)
{
	return (((uint64_t)random() << 31) ^ (uint64_t)random()) % n;
}

uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

uint64_t get64(const uint8_t *p)
{
	return (uint64_t)get32(p) << 32 | get32(p + 4);
}

void set16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

void set32(uint8_t *p, uint32_t value)
{
	set16(p, (uint16_t)(value >> 16));
	set16(p + 2, (uint16_t)value);
}

void set64(uint8_t *p, uint64_t value)
{
	set32(p, (uint32_t)(value >> 32));
	set32(p + 4, (uint32_t)value);
}
