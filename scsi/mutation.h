/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_MUTATION_H
#define TRBD_SCSI_MUTATION_H

#include <linux/atomic.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "gateway/group.h"
#include "rbd/quiesce.h"

struct scatterlist;
struct se_cmd;
struct trbd_io_request;
struct trbd_mutation_cmd;

typedef void (*trbd_mutation_start)(struct trbd_mutation_cmd *m);

/**
 * struct trbd_mutation_cmd - a command that changes data, from execute_cmd to its end
 * @ticket: its place in the group; ticket.accepted_ms is what image I/O wants
 * @gate: its place when the image is quiesced
 * @cmd: LIO's command
 * @start: begins the I/O
 * @pending: I/Os in flight, plus one while @start runs
 * @result: first error, or 0
 * @finish: ends the command with @result; trbd_complete() unless @start says otherwise
 * @memory: own memory for the data of the I/O, or NULL
 * @doubt: ends it, when it is certain that nothing of it lands any more
 */
struct trbd_mutation_cmd {
	struct trbd_group_ticket ticket;
	struct trbd_quiesce_waiter gate;
	struct se_cmd *cmd;
	trbd_mutation_start start;
	atomic_t pending;
	int result;
	void (*finish)(struct se_cmd *cmd, int result);
	struct scatterlist *memory;
	struct delayed_work doubt;
};

int trbd_mutation_init(void);
void trbd_mutation_exit(void);
void trbd_mutation_begin(struct se_cmd *cmd, trbd_mutation_start start);
int trbd_mutation_submit(struct trbd_mutation_cmd *m, struct trbd_io_request *request);
void trbd_mutation_io_done(void *arg, int result);
void trbd_mutation_put(struct trbd_mutation_cmd *m, int result);

#endif /* TRBD_SCSI_MUTATION_H */
