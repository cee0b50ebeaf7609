/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared by load.c, a run, and load_commands.c, the commands of a nexus.
 */
#ifndef HISTORY_LOAD_H
#define HISTORY_LOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "basics.h"
#include "nexus.h"

#define NEXUSES_MAX	32
#define BLOCKS_MAX	4096
#define LENGTH_MAX	8
#define HOLD		(SECOND / 50)	/* after an answer that is not GOOD */

enum kind {
	READ, WRITE, SAME, UNMAP, CAW,
	REGISTER, UNREGISTER, RESERVE, RELEASE, CLEAR, PREEMPT, PREEMPT_AND_ABORT,
	KINDS
};

extern const char *const kinds[KINDS];

/* a nexus as a sender of commands, beside its session */
struct actor {
	uint64_t commands;
	uint64_t hold_until;
	uint64_t fight_at;
	bool fighting;		/* has a reservation command in flight */
	bool registered;	/* as far as it knows */
	bool final_read;
};

/**
 * struct load - a run
 * @nexuses: those that send
 * @actors: their commands, for each of them
 * @count: how many there are
 * @blocks: how many blocks they send commands to
 * @locks: how many of these, the first ones, are lock words
 * @first_lba: the first block
 * @depth: commands that each has in flight
 * @fighters: how many of them fight for a reservation
 * @number: number in all blocks of this run
 * @record: file of the records
 */
struct load {
	struct nexus nexuses[NEXUSES_MAX];
	struct actor actors[NEXUSES_MAX];
	unsigned int count;
	unsigned int blocks;
	unsigned int locks;
	unsigned int first_lba;
	unsigned int depth;
	unsigned int fighters;
	uint64_t number;
	FILE *record;
};

/**
 * struct load_figures - how the commands ended
 * @good: ended with GOOD, by kind
 * @others: ended with something else
 * @lost: got no answer
 * @resent: were sent again on another path
 * @last_good: the last one that ended was GOOD
 */
struct load_figures {
	unsigned long good[KINDS];
	unsigned long others[KINDS];
	unsigned long lost;
	unsigned long resent;
	bool last_good;
};

extern struct load load;
extern struct load_figures figures;

void load_logged_in(struct nexus *nexus);
void load_send(struct nexus *nexus, enum kind kind, unsigned int a, unsigned int b);
void load_pump(struct nexus *nexus);

#endif /* HISTORY_LOAD_H */
