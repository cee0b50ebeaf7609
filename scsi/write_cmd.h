/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_WRITE_CMD_H
#define TRBD_SCSI_WRITE_CMD_H

#include <linux/atomic.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "gateway/group.h"
#include "rbd/quiesce.h"

struct scatterlist;
struct se_cmd;
struct trbd_io_request;
struct trbd_write_cmd;

typedef void (*trbd_write_cmd_start)(struct trbd_write_cmd *w);

/**
 * struct trbd_write_cmd - a command that changes data, from execute_cmd to its end
 * @ticket: its place in the group; image I/O uses ticket.accepted_ms
 * @gate: its place at the gate of the image
 * @cmd: LIO's command
 * @start: begins the I/O
 * @pending: I/Os in flight, plus one while @start runs
 * @result: first error, or 0
 * @finish: ends the command with @result; trbd_complete() unless @start sets another
 * @memory: separate memory for the data of the I/O, or NULL
 * @doubt: ends the command when it is certain that no part of it lands any more
 */
struct trbd_write_cmd {
	struct trbd_group_ticket ticket;
	struct trbd_quiesce_waiter gate;
	struct se_cmd *cmd;
	trbd_write_cmd_start start;
	atomic_t pending;
	int result;
	void (*finish)(struct se_cmd *cmd, int result);
	struct scatterlist *memory;
	struct delayed_work doubt;
};

int trbd_write_cmd_init(void);
void trbd_write_cmd_exit(void);
void trbd_write_cmd_begin(struct se_cmd *cmd, trbd_write_cmd_start start);
void trbd_write_cmd_submit(struct trbd_write_cmd *w, struct trbd_io_request *request);
void trbd_write_cmd_io_done(void *arg, int result);
void trbd_write_cmd_put(struct trbd_write_cmd *w, int result);

#endif /* TRBD_SCSI_WRITE_CMD_H */
