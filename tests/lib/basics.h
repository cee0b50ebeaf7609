/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Small things that every C program of the tests needs.
 */
#ifndef TEST_BASICS_H
#define TEST_BASICS_H

#include <stdint.h>

#define BLOCK		512
#define SECOND		1000000000ULL	/* of now_ns() */

void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
uint64_t now_ms(void);
uint64_t now_ns(void);
uint64_t below(uint64_t n);

uint16_t get16(const uint8_t *p);
uint32_t get32(const uint8_t *p);
uint64_t get64(const uint8_t *p);
void set16(uint8_t *p, uint16_t value);
void set32(uint8_t *p, uint32_t value);
void set64(uint8_t *p, uint64_t value);

#endif /* TEST_BASICS_H */
