/* SPDX-License-Identifier: GPL-2.0 */
#ifndef HISTORY_NEXUS_H
#define HISTORY_NEXUS_H

#include <stdbool.h>
#include <stdint.h>

#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>

#define SECOND		1000000000ULL
#define RESULT_MAX	16

struct nexus;

/**
 * struct command - a command that is on its way
 * @nexus: which sent it
 * @next: of those in flight
 * @start: when
 * @ended: called once, with the result as in a record; @task is NULL when there was no answer
 */
struct command {
	struct nexus *nexus;
	struct command *next;
	uint64_t start;
	void (*ended)(struct command *command, const char *result, struct scsi_task *task);
};

enum nexus_state { NEXUS_DOWN, NEXUS_CONNECTING, NEXUS_UP };

/**
 * struct nexus - an initiator port, and its way to the disk
 * @number: in records
 * @path: number of the URL
 * @url: where it logs in
 * @name: of the initiator
 * @state: whether commands can be sent
 * @broken: the session is gone, and was not dropped yet
 * @iscsi: libiscsi's part; NULL while down
 * @lun: logical unit
 * @since: when the login began
 * @at: when to try again
 * @in_flight: commands
 * @depth: how many
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
	struct iscsi_context *iscsi;
	int lun;
	uint64_t since;
	uint64_t at;
	struct command *in_flight;
	unsigned int depth;
	unsigned long lost;
	void (*logged_in)(struct nexus *nexus);
};

uint64_t now(void);
void nexus_drop(struct nexus *nexus);
void nexus_serve(struct nexus *nexuses, unsigned int count, uint64_t patience, int ms);
void nexus_begin(struct nexus *nexus, struct command *command);
void nexus_begun(struct nexus *nexus, const struct command *command, const struct scsi_task *task);
void command_answered(struct iscsi_context *iscsi, int status, void *data, void *arg);

#endif /* HISTORY_NEXUS_H */
