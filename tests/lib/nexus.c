// SPDX-License-Identifier: GPL-2.0
/*
 * Nexuses that live through anything, and say how each command ended.
 *
 * libiscsi must not connect again by itself: it would repeat the commands without an answer, and a
 * COMPARE AND WRITE that runs twice finds its own data of the first time. So a session that breaks,
 * or that leaves a command without an answer for too long, is dropped with everything in flight.
 * Then a new one is opened, for as long as that takes.
 *
 * A dropped connection is reset and not closed in an orderly way; see session_reset().
 *
 * The name and the ISID of a nexus stay the same, so it is the same I_T nexus after a new login,
 * and the gateway ends its old session first.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "nexus.h"

#define ISID_NUMBER	0x4849
#define LOGIN_PATIENCE	(15 * SECOND)
#define LOGIN_PAUSE	(SECOND / 2)
#define NEXUSES_MAX	64

/**
 * nexus_drop() - give up the session, and all commands in it
 * @nexus: must not be called from a callback of its own
 */
void nexus_drop(struct nexus *nexus)
{
	if (nexus->state == NEXUS_UP)
		nexus->lost++;
	nexus->state = NEXUS_DOWN;
	nexus->broken = false;
	nexus->at = now_ns() + LOGIN_PAUSE;
	session_reset(&nexus->session);
	/* those that libiscsi did not call back for */
	while (nexus->in_flight)
		nexus_answered(NULL, SCSI_STATUS_CANCELLED, NULL, nexus->in_flight);
}

/* called when a login ended, and once more when the session did */
static void connected(struct iscsi_context *iscsi, int status, void *data, void *arg)
{
	struct nexus *nexus = arg;

	(void)iscsi;
	(void)data;
	if (status != SCSI_STATUS_GOOD || nexus->state != NEXUS_CONNECTING) {
		nexus->broken = true;
		return;
	}
	nexus->state = NEXUS_UP;
	nexus->logged_in(nexus);
}

static void nexus_connect(struct nexus *nexus)
{
	struct session *session = &nexus->session;

	nexus->at = now_ns() + LOGIN_PAUSE;
	session_prepare(session, nexus->url, nexus->name);
	session_set_port(session, ISID_NUMBER, nexus->number);
	nexus->since = now_ns();
	nexus->state = NEXUS_CONNECTING;
	if (iscsi_full_connect_async(session->iscsi, session->portal, session->lun, connected, nexus))
		nexus->broken = true;
}

static bool is_overdue(const struct nexus *nexus, uint64_t patience)
{
	const struct nexus_command *command;
	uint64_t time = now_ns();

	if (nexus->state == NEXUS_CONNECTING)
		return time > nexus->since + LOGIN_PATIENCE;
	for (command = nexus->in_flight; command; command = command->next) {
		if (time > command->start + patience)
			return true;
	}
	return false;
}

/**
 * nexus_serve() - look after all nexuses
 * @nexuses: all of them
 * @count: how many
 * @patience: ns a command may take
 * @ms: how long to wait for something to happen
 */
void nexus_serve(struct nexus *nexuses, unsigned int count, uint64_t patience, int ms)
{
	struct pollfd fds[NEXUSES_MAX];
	struct nexus *polled[NEXUSES_MAX];
	unsigned int i, n = 0;

	for (i = 0; i < count; i++) {
		struct nexus *nexus = &nexuses[i];

		if (nexus->state != NEXUS_DOWN && (nexus->broken || is_overdue(nexus, patience)))
			nexus_drop(nexus);
		if (nexus->state == NEXUS_DOWN && now_ns() >= nexus->at)
			nexus_connect(nexus);
		if (nexus->state == NEXUS_DOWN || nexus->broken)
			continue;
		polled[n] = nexus;
		fds[n].fd = iscsi_get_fd(nexus->session.iscsi);
		fds[n].events = (short)iscsi_which_events(nexus->session.iscsi);
		fds[n].revents = 0;
		n++;
	}
	if (poll(fds, n, ms) < 0 && errno != EINTR) {
		perror("poll");
		exit(1);
	}
	for (i = 0; i < n; i++) {
		struct nexus *nexus = polled[i];

		if (!fds[i].revents)
			continue;
		if (iscsi_service(nexus->session.iscsi, fds[i].revents) ||
		    (nexus->state == NEXUS_UP && session_has_ended(&nexus->session)))
			nexus->broken = true;
	}
}

/**
 * nexus_begin() - note a command before libiscsi gets it
 * @nexus: that sends it
 * @command: with @ended set; libiscsi's callback is nexus_answered(), with this as its argument
 */
void nexus_begin(struct nexus *nexus, struct nexus_command *command)
{
	command->nexus = nexus;
	command->next = nexus->in_flight;
	command->start = now_ns();
	nexus->in_flight = command;
	nexus->depth++;
}

/**
 * nexus_begun() - note that libiscsi got the command
 * @nexus: that sends it
 * @command: may be over by now
 * @task: libiscsi's result; NULL: the command was not sent, and the session is of no use
 */
void nexus_begun(struct nexus *nexus, const struct nexus_command *command, const struct scsi_task *task)
{
	struct nexus_command *c;

	if (task)
		return;
	nexus->broken = true;
	for (c = nexus->in_flight; c && c != command; c = c->next)
		;
	if (c)
		nexus_answered(NULL, SCSI_STATUS_CANCELLED, NULL, c);
}

static void result_text(char *text, int status, const struct scsi_task *task)
{
	switch (status) {
	case SCSI_STATUS_GOOD:
		snprintf(text, RESULT_MAX, "good");
		break;
	case SCSI_STATUS_CHECK_CONDITION:
		if (task->sense.key == SCSI_SENSE_MISCOMPARE)
			snprintf(text, RESULT_MAX, "miscompare");
		else
			snprintf(text, RESULT_MAX, "%x/%02x/%02x", (unsigned int)task->sense.key & 0xf,
				 (unsigned int)task->sense.ascq >> 8 & 0xff, (unsigned int)task->sense.ascq & 0xff);
		break;
	case SCSI_STATUS_BUSY:
		snprintf(text, RESULT_MAX, "busy");
		break;
	case SCSI_STATUS_TASK_SET_FULL:
		snprintf(text, RESULT_MAX, "full");
		break;
	case SCSI_STATUS_RESERVATION_CONFLICT:
		snprintf(text, RESULT_MAX, "conflict");
		break;
	case SCSI_STATUS_TASK_ABORTED:
		snprintf(text, RESULT_MAX, "aborted");
		break;
	default:
		snprintf(text, RESULT_MAX, "lost");
		break;
	}
}

/* libiscsi's callback of every command */
void nexus_answered(struct iscsi_context *iscsi, int status, void *data, void *arg)
{
	struct nexus_command *command = arg, **p;
	struct nexus *nexus = command->nexus;
	struct scsi_task *task = data;
	char result[RESULT_MAX];

	(void)iscsi;
	for (p = &nexus->in_flight; *p && *p != command; p = &(*p)->next)
		;
	if (!*p)
		return;
	*p = command->next;
	nexus->depth--;
	if (!task && status == SCSI_STATUS_CHECK_CONDITION)
		status = SCSI_STATUS_CANCELLED;
	result_text(result, status, task);
	command->ended(command, result, task);
	if (task)
		scsi_free_scsi_task(task);
}
