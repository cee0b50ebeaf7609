// SPDX-License-Identifier: GPL-2.0
/*
 * Nexuses that live through anything, and say of each command what became of it.
 *
 * libiscsi must not connect again by itself: it would send again what had no answer, and a COMPARE AND WRITE that
 * ran twice finds what it wrote the first time. So a session that breaks, or that leaves a command without an answer
 * for too long, is dropped with all that it has in flight, and a new one is opened for as long as that takes.
 *
 * A dropped connection is reset and not closed in an orderly way. The kernel would go on sending what it has
 * buffered, minutes after the initiator has given up, and a gateway could not tell that from a command that was sent
 * just now.
 *
 * The name and the ISID of a nexus stay the same, so it is the same I_T nexus after a new login, and the gateway
 * ends its old session first.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "../lib/connection.h"
#include "nexus.h"

#define ISID_NUMBER	0x4849
#define LOGIN_PATIENCE	(15 * SECOND)
#define LOGIN_PAUSE	(SECOND / 2)
#define NEXUSES_MAX	64

uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * SECOND + (uint64_t)ts.tv_nsec;
}

/**
 * nexus_drop() - give up the session, and all commands in it
 * @nexus: not in a callback of its own
 */
void nexus_drop(struct nexus *nexus)
{
	struct linger linger = { .l_onoff = 1 };
	int fd = nexus->iscsi ? iscsi_get_fd(nexus->iscsi) : -1;

	if (nexus->state == NEXUS_UP)
		nexus->lost++;
	nexus->state = NEXUS_DOWN;
	nexus->broken = false;
	nexus->at = now() + LOGIN_PAUSE;
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	if (nexus->iscsi)
		iscsi_destroy_context(nexus->iscsi);
	nexus->iscsi = NULL;
	/* those that libiscsi did not call back for */
	while (nexus->in_flight)
		command_answered(NULL, SCSI_STATUS_CANCELLED, NULL, nexus->in_flight);
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
	struct iscsi_url *url;

	nexus->at = now() + LOGIN_PAUSE;
	nexus->iscsi = iscsi_create_context(nexus->name);
	url = nexus->iscsi ? iscsi_parse_full_url(nexus->iscsi, nexus->url) : NULL;
	if (!url) {
		fprintf(stderr, "%s is no URL\n", nexus->url);
		exit(2);
	}
	iscsi_set_session_type(nexus->iscsi, ISCSI_SESSION_NORMAL);
	iscsi_set_isid_en(nexus->iscsi, ISID_NUMBER, nexus->number);
	iscsi_set_targetname(nexus->iscsi, url->target);
	iscsi_set_noautoreconnect(nexus->iscsi, 1);
	nexus->lun = url->lun;
	nexus->since = now();
	nexus->state = NEXUS_CONNECTING;
	if (iscsi_full_connect_async(nexus->iscsi, url->portal, url->lun, connected, nexus))
		nexus->broken = true;
	iscsi_destroy_url(url);
}

static bool is_overdue(const struct nexus *nexus, uint64_t patience)
{
	const struct command *command;
	uint64_t time = now();

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
		if (nexus->state == NEXUS_DOWN && now() >= nexus->at)
			nexus_connect(nexus);
		if (nexus->state == NEXUS_DOWN || nexus->broken)
			continue;
		polled[n] = nexus;
		fds[n].fd = iscsi_get_fd(nexus->iscsi);
		fds[n].events = (short)iscsi_which_events(nexus->iscsi);
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
		if (iscsi_service(nexus->iscsi, fds[i].revents) ||
		    (nexus->state == NEXUS_UP && connection_has_ended(nexus->iscsi)))
			nexus->broken = true;
	}
}

/**
 * nexus_begin() - a command is about to be handed to libiscsi
 * @nexus: of it
 * @command: with @ended set; the callback is command_answered(), and this its argument
 */
void nexus_begin(struct nexus *nexus, struct command *command)
{
	command->nexus = nexus;
	command->next = nexus->in_flight;
	command->start = now();
	nexus->in_flight = command;
	nexus->depth++;
}

/**
 * nexus_begun() - it was
 * @nexus: of it
 * @command: may be over by now
 * @task: what libiscsi returned; NULL: it was not sent, and the session is of no use
 */
void nexus_begun(struct nexus *nexus, const struct command *command, const struct scsi_task *task)
{
	struct command *c;

	if (task)
		return;
	nexus->broken = true;
	for (c = nexus->in_flight; c && c != command; c = c->next)
		;
	if (c)
		command_answered(NULL, SCSI_STATUS_CANCELLED, NULL, c);
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
void command_answered(struct iscsi_context *iscsi, int status, void *data, void *arg)
{
	struct command *command = arg, **p;
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
