/* SPDX-License-Identifier: GPL-2.0 */
#ifndef HISTORY_BLOCK_H
#define HISTORY_BLOCK_H

#include <stdint.h>

#include "basics.h"

/* A value tells its writer: nexus and number of the command. */
#define VALUE(nexus, command) (((uint64_t)(nexus) + 1) << 40 | (command))
/*
 * of a WRITE SAME: every block of the command has the same content, so that tells nothing of its
 * place
 */
#define VALUE_SAME	(1ULL << 63)
#define VALUE_NEXUS(value) ((unsigned int)(((value) & ~VALUE_SAME) >> 40) - 1)
#define VALUE_COMMAND(value) ((uint64_t)(value) & (((uint64_t)1 << 40) - 1))
#define VALUE_ZEROS	0
/* data that nobody wrote */
#define VALUE_TORN	UINT64_MAX
#define VALUE_ASTRAY	(UINT64_MAX - 1)
#define VALUE_FOREIGN	(UINT64_MAX - 2)

void block_fill(uint8_t *block, uint64_t run, uint64_t value, uint64_t lba);
uint64_t block_value(const uint8_t *block, uint64_t run, uint64_t lba);

#endif /* HISTORY_BLOCK_H */
