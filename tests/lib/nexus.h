/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TEST_NEXUS_H
#define TEST_NEXUS_H

#include <stdbool.h>
#include <stdint.h>

#include "basics.h"
#include "session.h"

#define RESULT_MAX	16

struct nexus;

/**
 * struct nexus_command - a command that is on its way
 * @nexus: that sent it
 * @next: in the list of those in flight
 * @start: when it was sent
 * @ended: called once, with the result as in a record; @task is NULL when there was no answer
 */
struct nexus_command {
	struct nexus *nexus;
	struct nexus_command *next;
	uint64_t start;
	void (*ended)(struct nexus_command *command, const char *result, struct scsi_task *task);
};

enum nexus_state { NEXUS_DOWN, NEXUS_CONNECTING, NEXUS_UP };

/**
 * struct nexus - an initiator port, and its way to the disk
 * @number: its number in records
 * @path: number of the URL
 * @url: where it logs in
 * @name: name of the initiator, without INITIATOR_PREFIX
 * @state: whether commands can be sent
 * @broken: the session is gone, and not dropped yet
 * @session: has no libiscsi part while down
 * @since: when the login began
 * @at: when to try again
 * @in_flight: commands without an answer
 * @depth: how many these are
 * @lost: sessions that were given up
 * @logged_in: called when a login succeeded
 */
struct nexus {
	unsigned int number;
	unsigned int path;
	const char *url;
	char name[64];
	enum nexus_state state;
	bool broken;
	struct session session;
	uint64_t since;
	uint64_t at;
	struct nexus_command *in_flight;
	unsigned int depth;
	unsigned long lost;
	void (*logged_in)(struct nexus *nexus);
};

void nexus_drop(struct nexus *nexus);
void nexus_serve(struct nexus *nexuses, unsigned int count, uint64_t patience, int ms);
void nexus_begin(struct nexus *nexus, struct nexus_command *command);
void nexus_begun(struct nexus *nexus, const struct nexus_command *command, const struct scsi_task *task);
void nexus_answered(struct iscsi_context *iscsi, int status, void *data, void *arg);

#endif /* TEST_NEXUS_H */
