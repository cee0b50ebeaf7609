// SPDX-License-Identifier: GPL-2.0
/*
 * Initiator ports that are logged in at gateways, and the commands they send.
 *
 * All sessions of the program are served together, also while it waits for one of them: LIO drops a
 * session that does not answer its pings. No command is sent again and no session comes back by
 * itself, so that a test sees how each command ended. A name and the number of a port make the
 * ISID, so the same ones are the same I_T nexus in every run.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "basics.h"
#include "client.h"

#define CLIENTS_MAX	256
#define ISID_NUMBER	0x5252
#define PATIENCE_MS	90000
#define OPCODE_REQUEST_SENSE 0x03

static struct client *clients[CLIENTS_MAX];
static int count;

/* a command that is on its way */
struct pending {
	struct client *client;
	answered_fn answered;
	void *arg;
	struct answer answer;
	uint32_t in_len;
};

void initiator_text(char *text, const char *name, unsigned int port)
{
	/* an ISID of the format that has an enterprise number */
	snprintf(text, TRBD_PR_INITIATOR_MAX, "iscsi:" INITIATOR_PREFIX "%s,i,0x40%06x%04x", name, ISID_NUMBER, port);
}

static void target_text(struct client *client, const char *iqn)
{
	snprintf(client->id.target, sizeof(client->id.target), "%.200s,t,0x%04x", iqn, client->gateway);
}

bool client_try_login(struct client *client, const char *url, int gateway, const char *name, unsigned int port)
{
	struct session *session = &client->session;

	memset(client, 0, sizeof(*client));
	client->gateway = gateway;
	snprintf(client->label, sizeof(client->label), "%s@%d", name, gateway);
	session_prepare(session, url, name);
	session_set_port(session, ISID_NUMBER, port);
	initiator_text(client->id.initiator, name, port);
	target_text(client, session->target);
	if (!session_login(session))
		return false;
	if (count == CLIENTS_MAX)
		die("more than %d sessions", CLIENTS_MAX);
	clients[count++] = client;
	return true;
}

void client_login(struct client *client, const char *url, int gateway, const char *name, unsigned int port)
{
	if (!client_try_login(client, url, gateway, name, port))
		die("%s: cannot log in to %s", client->label, url);
	client_calm(client);
}

void client_logout(struct client *client)
{
	int i;

	for (i = 0; i < count; i++) {
		if (clients[i] == client)
			clients[i] = clients[--count];
	}
	if (!client->broken)
		iscsi_logout_sync(client->session.iscsi);
	session_close(&client->session);
}

static void take_sense(struct answer *answer, const struct scsi_task *task)
{
	answer->key = (uint8_t)task->sense.key;
	answer->asc = (uint8_t)(task->sense.ascq >> 8);
	answer->ascq = (uint8_t)task->sense.ascq;
}

static void ended(struct iscsi_context *iscsi, int status, void *data, void *arg)
{
	struct pending *pending = arg;
	struct answer *answer = &pending->answer;
	struct scsi_task *task = data;

	(void)iscsi;
	answer->status = status;
	if (task && status == SCSI_STATUS_CHECK_CONDITION)
		take_sense(answer, task);
	if (task && status == SCSI_STATUS_GOOD && pending->in_len) {
		answer->len = pending->in_len;
		if (task->residual_status == SCSI_RESIDUAL_UNDERFLOW)
			answer->len -= (uint32_t)task->residual;
	}
	pending->answered(pending->client, answer, pending->arg);
	/* libiscsi frees a task only where it gives one */
	if (task)
		scsi_free_scsi_task(task);
	free(answer->data);
	free(pending);
}

void client_send(struct client *client, const struct command *command, answered_fn answered, void *arg)
{
	int direction = command->out_len ? SCSI_XFER_WRITE : command->in_len ? SCSI_XFER_READ : SCSI_XFER_NONE;
	struct iscsi_data data = { .size = command->out_len, .data = command->out };
	struct pending *pending = calloc(1, sizeof(*pending));
	uint8_t cdb[CDB_MAX];
	struct scsi_task *task;

	memcpy(cdb, command->cdb, sizeof(cdb));
	task = scsi_create_task((int)command->cdb_len, cdb, direction, (int)(command->out_len + command->in_len));
	if (!pending || !task)
		die("no memory");
	pending->client = client;
	pending->answered = answered;
	pending->arg = arg;
	pending->in_len = command->in_len;
	pending->answer.data = calloc(1, command->in_len + 1);
	if (command->in_len)
		scsi_task_add_data_in_buffer(task, (int)command->in_len, pending->answer.data);
	if (client->broken ||
	    iscsi_scsi_command_async(client->session.iscsi, client->session.lun, task, ended, command->out_len ? &data : NULL, pending)) {
		scsi_free_scsi_task(task);
		ended(client->session.iscsi, SCSI_STATUS_CANCELLED, NULL, pending);
	}
}

bool client_serve(int ms, int fd)
{
	struct pollfd fds[CLIENTS_MAX + 1];
	struct client *polled[CLIENTS_MAX];
	int i, n = 0;

	for (i = 0; i < count; i++) {
		if (clients[i]->broken)
			continue;
		polled[n] = clients[i];
		fds[n].fd = iscsi_get_fd(clients[i]->session.iscsi);
		fds[n].events = (short)iscsi_which_events(clients[i]->session.iscsi);
		n++;
	}
	fds[n].fd = fd;
	fds[n].events = POLLIN;
	fds[n].revents = 0;
	if (poll(fds, (nfds_t)(n + (fd >= 0)), ms) < 0)
		die("poll failed");
	for (i = 0; i < n; i++) {
		if (fds[i].revents &&
		    (iscsi_service(polled[i]->session.iscsi, fds[i].revents) || session_has_ended(&polled[i]->session)))
			polled[i]->broken = true;
	}
	return fd >= 0 && fds[n].revents;
}

static struct answer last;
static uint8_t last_data[DATA_MAX];
static bool done;

static void note_answer(struct client *client, const struct answer *answer, void *arg)
{
	(void)client;
	(void)arg;
	last = *answer;
	memcpy(last_data, answer->data, answer->len);
	last.data = last_data;
	done = true;
}

bool answer_is_of_ports(const struct answer *answer)
{
	return answer->status == SCSI_STATUS_CHECK_CONDITION && answer->key == SCSI_SENSE_UNIT_ATTENTION &&
	       answer->asc == 0x2a && answer->ascq == 0x06;
}

static const struct answer *do_once(struct client *client, const struct command *command)
{
	uint64_t end = now_ms() + PATIENCE_MS;

	done = false;
	client_send(client, command, note_answer, NULL);
	while (!done) {
		client_serve(1000, -1);
		if (!done && client->broken)
			die("%s: the session broke during opcode 0x%02x: %s", client->label, command->cdb[0],
			    iscsi_get_error(client->session.iscsi));
		if (now_ms() > end)
			die("%s: no answer to opcode 0x%02x in %d s", client->label, command->cdb[0],
			    PATIENCE_MS / 1000);
	}
	return &last;
}

const struct answer *client_do(struct client *client, const struct command *command)
{
	const struct answer *answer;

	do {
		answer = do_once(client, command);
	} while (answer_is_of_ports(answer));
	return answer;
}

const struct answer *client_do_patiently(struct client *client, const struct command *command)
{
	uint64_t end = now_ms() + BUSY_PATIENCE_MS;
	const struct answer *answer = client_do(client, command);
	unsigned int busy = 0;

	while (answer->status == SCSI_STATUS_BUSY && now_ms() < end) {
		busy++;
		client_serve(100, -1);
		answer = client_do(client, command);
	}
	if (busy)
		printf("%s: opcode 0x%02x was busy %u times\n", client->label, command->cdb[0], busy);
	return answer;
}

static void reset_answered(struct iscsi_context *iscsi, int status, void *data, void *arg)
{
	(void)iscsi;
	*(int *)arg = status == SCSI_STATUS_GOOD && data ? (int)*(uint32_t *)data : 255;
}

void client_reset(struct client *client)
{
	uint64_t end = now_ms() + PATIENCE_MS;
	int response = -1;

	if (iscsi_task_mgmt_lun_reset_async(client->session.iscsi, (uint32_t)client->session.lun, reset_answered, &response))
		die("%s: LOGICAL UNIT RESET: %s", client->label, iscsi_get_error(client->session.iscsi));
	while (response < 0) {
		client_serve(1000, -1);
		if (client->broken || now_ms() > end)
			die("%s: no answer to LOGICAL UNIT RESET", client->label);
	}
	if (response)
		die("%s: LOGICAL UNIT RESET: response %d", client->label, response);
}

void client_calm(struct client *client)
{
	const struct answer *answer;
	struct command command;
	int i = 0;

	cmd_simple(&command, SCSI_OPCODE_TESTUNITREADY);
	do {
		answer = client_do(client, &command);
	} while (answer->status == SCSI_STATUS_CHECK_CONDITION && answer->key == SCSI_SENSE_UNIT_ATTENTION && i++ < 8);
}

void answer_text(const struct answer *answer, char *text, size_t size)
{
	switch (answer->status) {
	case SCSI_STATUS_GOOD:
		snprintf(text, size, "good");
		break;
	case SCSI_STATUS_CHECK_CONDITION:
		snprintf(text, size, "%x %02x/%02x", answer->key, answer->asc, answer->ascq);
		break;
	case SCSI_STATUS_BUSY:
		snprintf(text, size, "busy");
		break;
	case SCSI_STATUS_RESERVATION_CONFLICT:
		snprintf(text, size, "conflict");
		break;
	case SCSI_STATUS_TASK_ABORTED:
		snprintf(text, size, "aborted");
		break;
	case SCSI_STATUS_CANCELLED:
	case SCSI_STATUS_ERROR:
		snprintf(text, size, "lost");
		break;
	default:
		snprintf(text, size, "status 0x%x", (unsigned int)answer->status);
	}
}

void cmd_simple(struct command *command, uint8_t opcode)
{
	memset(command, 0, sizeof(*command));
	command->cdb[0] = opcode;
	command->cdb_len = opcode >> 5 ? 10 : 6;
}

void cmd_inquiry(struct command *command)
{
	cmd_simple(command, SCSI_OPCODE_INQUIRY);
	command->in_len = 36;
	command->cdb[4] = 36;
}

void cmd_report_luns(struct command *command)
{
	memset(command, 0, sizeof(*command));
	command->cdb[0] = SCSI_OPCODE_REPORTLUNS;
	command->cdb_len = 12;
	command->in_len = 256;
	set32(command->cdb + 6, command->in_len);
}

void cmd_request_sense(struct command *command)
{
	cmd_simple(command, OPCODE_REQUEST_SENSE);
	command->in_len = 18;
	command->cdb[4] = 18;
}

static void cmd_rw(struct command *command, uint8_t opcode, uint32_t lba, uint16_t blocks)
{
	cmd_simple(command, opcode);
	set32(command->cdb + 2, lba);
	set16(command->cdb + 7, blocks);
}

void cmd_read(struct command *command, uint32_t lba, uint16_t blocks)
{
	cmd_rw(command, SCSI_OPCODE_READ10, lba, blocks);
	command->in_len = (uint32_t)blocks * BLOCK;
}

void cmd_write(struct command *command, uint32_t lba, uint16_t blocks, uint8_t *data)
{
	cmd_rw(command, SCSI_OPCODE_WRITE10, lba, blocks);
	command->out_len = (uint32_t)blocks * BLOCK;
	command->out = data;
}

void cmd_pr_in(struct command *command, uint8_t action, uint16_t allocation)
{
	cmd_simple(command, SCSI_OPCODE_PERSISTENT_RESERVE_IN);
	command->cdb[1] = action;
	set16(command->cdb + 7, allocation);
	command->in_len = allocation;
}

void cmd_pr_out(struct command *command, uint8_t action, uint8_t scope, uint8_t type, uint8_t *list, uint32_t len)
{
	cmd_simple(command, SCSI_OPCODE_PERSISTENT_RESERVE_OUT);
	command->cdb[1] = action;
	command->cdb[2] = (uint8_t)(scope << 4 | type);
	set32(command->cdb + 5, len);
	command->out = list;
	command->out_len = len;
}

uint32_t list_basic(uint8_t *list, uint64_t key, uint64_t action_key, uint8_t flags)
{
	memset(list, 0, 24);
	set64(list, key);
	set64(list + 8, action_key);
	list[20] = flags;
	return 24;
}

const struct answer *pr_out(struct client *client, enum trbd_pr_action action, uint64_t key, uint64_t action_key,
			    uint8_t type)
{
	struct command command;
	uint8_t list[24];

	list_basic(list, key, action_key, 0);
	cmd_pr_out(&command, action, 0, type, list, sizeof(list));
	return client_do(client, &command);
}

const struct answer *pr_in(struct client *client, uint8_t action)
{
	const struct answer *answer;
	struct command command;
	char text[64];

	cmd_pr_in(&command, action, 65535);
	answer = client_do_patiently(client, &command);
	answer_text(answer, text, sizeof(text));
	if (answer->status != SCSI_STATUS_GOOD || answer->len < 8)
		die("%s: PERSISTENT RESERVE IN %d: %s, %u bytes", client->label, action, text, answer->len);
	return answer;
}
