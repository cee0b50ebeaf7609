/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cmd->priv, a pointer that LIO leaves to the backend. It has two meanings, one after the other:
 *
 *	trbd_parse_cdb() ... command_execute()     rest: the function that executes the command
 *	trbd_nexus_begin() ... trbd_nexus_end()    place: where the command is counted as in flight
 *	otherwise                                  NULL
 *
 * A command that waits for the unit's limits (scsi/throttle.c) still has its rest.
 *
 * A command that takes no time is not counted, and never has a place.
 */
#ifndef TRBD_SCSI_CMD_PRIV_H
#define TRBD_SCSI_CMD_PRIV_H

#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <target/target_core_base.h>

struct trbd_nexus;

typedef sense_reason_t (*trbd_cmd_fn)(struct se_cmd *cmd);

/**
 * struct trbd_cmd_place - where a command is counted
 * @nexus: the nexus with which it is counted; NULL if it is not counted
 * @phase: the phase of the table in which it is counted, 0 or 1
 * @kind: TRBD_NEXUS_READS or TRBD_NEXUS_WRITES
 */
struct trbd_cmd_place {
	struct trbd_nexus *nexus;
	unsigned int phase;
	unsigned int kind;
};

/**
 * union trbd_cmd_priv - the two meanings of cmd->priv
 * @priv: the pointer as LIO has it
 * @rest: the function that executes the command
 * @place: address of the nexus, which kzalloc() aligned, with its phase and kind in the lowest bits
 */
union trbd_cmd_priv {
	void *priv;
	trbd_cmd_fn rest;
	unsigned long place;
};

#define TRBD_CMD_PHASE	1UL
#define TRBD_CMD_KIND	2UL

/**
 * trbd_cmd_set_rest() - keep the function that executes a command
 * @cmd: command that was decoded
 * @rest: the function
 */
static inline void trbd_cmd_set_rest(struct se_cmd *cmd, trbd_cmd_fn rest)
{
	union trbd_cmd_priv u = { .rest = rest };

	BUILD_BUG_ON(sizeof(u) != sizeof(cmd->priv));
	cmd->priv = u.priv;
}

/**
 * trbd_cmd_take_rest() - take the function that executes a command
 * @cmd: command that is about to be executed; it has no place yet
 *
 * Return: the function.
 */
static inline trbd_cmd_fn trbd_cmd_take_rest(struct se_cmd *cmd)
{
	union trbd_cmd_priv u = { .priv = cmd->priv };

	cmd->priv = NULL;
	return u.rest;
}

/**
 * trbd_cmd_set_place() - note where a command is counted
 * @cmd: command that is executed
 * @place: its nexus, phase and kind
 *
 * Context: any; other threads may read the place meanwhile.
 */
static inline void trbd_cmd_set_place(struct se_cmd *cmd, const struct trbd_cmd_place *place)
{
	union trbd_cmd_priv u = {
		.place = (unsigned long)place->nexus | (place->phase ? TRBD_CMD_PHASE : 0) |
			 (place->kind ? TRBD_CMD_KIND : 0),
	};

	WRITE_ONCE(cmd->priv, u.priv);
}

/**
 * trbd_cmd_place() - look up where a command is counted
 * @cmd: command that is executed; for any other command the place names no nexus that exists
 *
 * Context: any; the command may end meanwhile.
 * Return: its place; without a nexus if it is not counted.
 */
static inline struct trbd_cmd_place trbd_cmd_place(const struct se_cmd *cmd)
{
	union trbd_cmd_priv u = { .priv = READ_ONCE(cmd->priv) };

	return (struct trbd_cmd_place){
		.nexus = (struct trbd_nexus *)(u.place & ~(TRBD_CMD_PHASE | TRBD_CMD_KIND)),
		.phase = u.place & TRBD_CMD_PHASE ? 1 : 0,
		.kind = u.place & TRBD_CMD_KIND ? 1 : 0,
	};
}

/**
 * trbd_cmd_clear() - forget where a command is counted
 * @cmd: command that is executed
 */
static inline void trbd_cmd_clear(struct se_cmd *cmd)
{
	WRITE_ONCE(cmd->priv, NULL);
}

#endif /* TRBD_SCSI_CMD_PRIV_H */
