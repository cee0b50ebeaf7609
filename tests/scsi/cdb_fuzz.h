/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TEST_CDB_FUZZ_H
#define TEST_CDB_FUZZ_H

#include <stdbool.h>
#include <stdint.h>

#include "basics.h"
#include "iscsi_wire.h"

/* keys that everybody uses, so that they meet */
#define FUZZ_KEYS	6

/**
 * struct fuzz - the source of a nexus's commands
 * @state: state of the random numbers
 * @sweep: the next opcode and service action
 * @blocks: blocks of the unit
 */
struct fuzz {
	uint64_t state;
	uint32_t sweep;
	uint64_t blocks;
};

uint64_t fuzz_draw(struct fuzz *fuzz);
/* draw a number below @n */
uint32_t fuzz_pick(struct fuzz *fuzz, uint32_t n);
/* true in @n of a hundred cases */
bool fuzz_percent(struct fuzz *fuzz, uint32_t n);
/* fill @p with random bytes */
void fuzz_noise(struct fuzz *fuzz, uint8_t *p, uint32_t len);
/* draw a length of data for a command, mostly short */
uint32_t fuzz_length(struct fuzz *fuzz);
uint64_t fuzz_key(unsigned int i);
/* make a command as an initiator would send it */
void fuzz_make_valid(struct fuzz *fuzz, struct wire_command *command);
/*
 * make the next command; @command->data is a buffer of WIRE_DATA_MAX bytes. The same seed makes the
 * same commands
 */
void fuzz_next(struct fuzz *fuzz, struct wire_command *command);

/* does the CDB say that data go to the unit? */
bool cdb_sends_data(const uint8_t *cdb);
/* may it end with MISCOMPARE? */
bool cdb_compares(const uint8_t *cdb);

#endif /* TEST_CDB_FUZZ_H */
