/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TEST_SESSION_H
#define TEST_SESSION_H

#include <stdbool.h>

#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>

/* the names of all initiators of the tests begin with this */
#define INITIATOR_PREFIX "iqn.2026-11.test.lab:"
#define SESSION_NAME_MAX 256

/**
 * struct session - a session with a logical unit through one gateway
 * @iscsi: libiscsi's part; NULL while there is none
 * @lun: logical unit
 * @portal: address and port of the gateway
 * @target: name of the target
 */
struct session {
	struct iscsi_context *iscsi;
	int lun;
	char portal[SESSION_NAME_MAX];
	char target[SESSION_NAME_MAX];
};

void session_prepare(struct session *session, const char *url, const char *name);
void session_set_port(struct session *session, unsigned int isid, unsigned int port);
bool session_login(struct session *session);
void session_close(struct session *session);
void session_reset(struct session *session);
bool session_has_ended(const struct session *session);

#endif /* TEST_SESSION_H */
