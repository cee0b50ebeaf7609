/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TEST_CLIENT_H
#define TEST_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "pr/rules.h"
#include "session.h"

#define CDB_MAX		16
#define DATA_MAX	(128 * 1024)
#define LABEL_MAX	48
/*
 * longer than the quarantine of a gateway that stood still and the time until it has a lease again
 */
#define BUSY_PATIENCE_MS	30000

/**
 * struct command - a SCSI command
 * @cdb: command descriptor block
 * @cdb_len: its length
 * @out_len: bytes of @out that go with it
 * @in_len: bytes that may come back; never with @out_len
 * @out: data or parameter list
 */
struct command {
	uint8_t cdb[CDB_MAX];
	unsigned int cdb_len;
	uint32_t out_len;
	uint32_t in_len;
	uint8_t *out;
};

/**
 * struct answer - how a command ended
 * @status: SCSI status, or one of libiscsi's own: the session broke, time is up
 * @key: sense key
 * @asc: additional sense code
 * @ascq: its qualifier
 * @len: bytes of @data that came
 * @data: the data; room for as many as the command asked for
 */
struct answer {
	int status;
	uint8_t key;
	uint8_t asc;
	uint8_t ascq;
	uint32_t len;
	uint8_t *data;
};

struct client;
typedef void (*answered_fn)(struct client *client, const struct answer *answer, void *arg);

/**
 * struct client - an initiator port that is logged in at a gateway
 * @label: for people: NAME@GATEWAY
 * @gateway: 1 for the first URL, ...
 * @id: as the module names it
 * @session: has no libiscsi part when not logged in
 * @broken: the session is gone
 */
struct client {
	char label[LABEL_MAX];
	int gateway;
	struct trbd_pr_nexus id;
	struct session session;
	bool broken;
};

/* the name of an initiator port, as in a record */
void initiator_text(char *text, const char *name, unsigned int port);
bool client_try_login(struct client *client, const char *url, int gateway, const char *name, unsigned int port);
void client_login(struct client *client, const char *url, int gateway, const char *name, unsigned int port);
void client_logout(struct client *client);
void client_send(struct client *client, const struct command *command, answered_fn answered, void *arg);
void client_reset(struct client *client);
/*
 * serve all sessions for up to @ms; end early when something happened, or @fd can be read: true
 * then
 */
bool client_serve(int ms, int fd);
/*
 * tell whether the state of some target port has changed, which any nexus may be told at any time
 */
bool answer_is_of_ports(const struct answer *answer);
/*
 * run one command from beginning to end, and again after news of target ports; the data are valid
 * until the next one
 */
const struct answer *client_do(struct client *client, const struct command *command);
/*
 * do the same, and send it again while it ends with BUSY, for BUSY_PATIENCE_MS; print how often, if
 * it did
 */
const struct answer *client_do_patiently(struct client *client, const struct command *command);
/* go on until there is no unit attention any more */
void client_calm(struct client *client);

void answer_text(const struct answer *answer, char *text, size_t size);

void cmd_simple(struct command *command, uint8_t opcode);
void cmd_inquiry(struct command *command);
void cmd_report_luns(struct command *command);
void cmd_request_sense(struct command *command);
void cmd_read(struct command *command, uint32_t lba, uint16_t blocks);
void cmd_write(struct command *command, uint32_t lba, uint16_t blocks, uint8_t *data);
void cmd_pr_in(struct command *command, uint8_t action, uint16_t allocation);
void cmd_pr_out(struct command *command, uint8_t action, uint8_t scope, uint8_t type, uint8_t *list, uint32_t len);

/* the first 24 bytes of a list; @flags: byte 20 */
uint32_t list_basic(uint8_t *list, uint64_t key, uint64_t action_key, uint8_t flags);
/* PERSISTENT RESERVE OUT with a plain list, in the logical unit's scope */
const struct answer *pr_out(struct client *client, enum trbd_pr_action action, uint64_t key, uint64_t action_key,
			    uint8_t type);
/* PERSISTENT RESERVE IN that has to end well */
const struct answer *pr_in(struct client *client, uint8_t action);

#endif /* TEST_CLIENT_H */
