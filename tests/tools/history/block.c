// SPDX-License-Identifier: GPL-2.0
/*
 * The content of a block: a number for the run, the value, the LBA, and words that follow from
 * these. So a block tells its writer, and shows when it is made of two, or has the right data at
 * the wrong place.
 */
#include <string.h>

#include "block.h"

#define WORDS	(BLOCK / sizeof(uint64_t))

static void fill(uint64_t *words, uint64_t run, uint64_t value, uint64_t lba)
{
	uint64_t x = run ^ value * 0x9e3779b97f4a7c15ULL;
	size_t i;

	words[0] = run;
	words[1] = value;
	words[2] = value & VALUE_SAME ? 0 : lba;
	for (i = 3; i < WORDS; i++) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		words[i] = x;
	}
}

/**
 * block_fill() - make the content of a block
 * @block: BLOCK bytes
 * @run: of this run; not 0
 * @value: tells who writes it
 * @lba: where it goes
 */
void block_fill(uint8_t *block, uint64_t run, uint64_t value, uint64_t lba)
{
	uint64_t words[WORDS];

	fill(words, run, value, lba);
	memcpy(block, words, BLOCK);
}

/**
 * block_value() - tell who wrote a block
 * @block: BLOCK bytes
 * @run: of this run
 * @lba: where it was read
 *
 * Return: its value, or one of VALUE_*.
 */
uint64_t block_value(const uint8_t *block, uint64_t run, uint64_t lba)
{
	uint64_t words[WORDS], wanted[WORDS];
	size_t i;

	memcpy(words, block, BLOCK);
	for (i = 0; i < WORDS && !words[i]; i++)
		;
	if (i == WORDS)
		return VALUE_ZEROS;
	fill(wanted, words[0], words[1], words[2]);
	if (memcmp(words, wanted, BLOCK))
		return VALUE_TORN;
	if (words[0] != run)
		return VALUE_FOREIGN;
	if (words[2] != lba && !(words[1] & VALUE_SAME))
		return VALUE_ASTRAY;
	return words[1];
}
