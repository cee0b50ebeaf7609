// SPDX-License-Identifier: GPL-2.0
/*
 * Sessions of libiscsi, from a URL to the login, and their end.
 *
 * A program prepares a session, says what is special about it, and logs in:
 *
 *	session_prepare()	the URL and the initiator's name
 *	session_set_port()	a fixed initiator port, and no second connection
 *	session_login()		or libiscsi's iscsi_full_connect_sync() or _async(), which go
 *				on until there is no unit attention
 *
 * Without session_set_port() libiscsi connects again when a connection breaks, and repeats every
 * command that had no answer.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "basics.h"
#include "session.h"

#define LOGIN_TIMEOUT_S	10

static void copy_name(char *to, const char *name)
{
	snprintf(to, SESSION_NAME_MAX, "%s", name);
}

/**
 * session_prepare() - make the libiscsi part of a session
 * @session: uninitialised
 * @url: iscsi://ADDRESS/TARGET/LUN; the program ends on any other URL
 * @name: of the initiator, without INITIATOR_PREFIX
 *
 * No packet is sent.
 */
void session_prepare(struct session *session, const char *url, const char *name)
{
	char initiator[SESSION_NAME_MAX];
	struct iscsi_url *parsed;

	/* or a write to a connection that the target has closed ends the program without a word */
	signal(SIGPIPE, SIG_IGN);
	memset(session, 0, sizeof(*session));
	snprintf(initiator, sizeof(initiator), INITIATOR_PREFIX "%s", name);
	session->iscsi = iscsi_create_context(initiator);
	parsed = session->iscsi ? iscsi_parse_full_url(session->iscsi, url) : NULL;
	if (!parsed)
		die("%s: not a URL", url);
	copy_name(session->portal, parsed->portal);
	copy_name(session->target, parsed->target);
	session->lun = parsed->lun;
	iscsi_destroy_url(parsed);
	iscsi_set_session_type(session->iscsi, ISCSI_SESSION_NORMAL);
	iscsi_set_targetname(session->iscsi, session->target);
}

/**
 * session_set_port() - fix the initiator port
 * @session: prepared
 * @isid: enterprise number of the ISID, which a program has for itself
 * @port: number of the port
 *
 * The same name, @isid and @port are the same I_T nexus in every run. The session does not come
 * back by itself then, so that a program sees how each command ended.
 */
void session_set_port(struct session *session, unsigned int isid, unsigned int port)
{
	iscsi_set_isid_en(session->iscsi, isid, port);
	iscsi_set_noautoreconnect(session->iscsi, 1);
}

/**
 * session_login() - connect and log in
 * @session: prepared; closed when this fails
 *
 * Wait for the target for LOGIN_TIMEOUT_S. Commands have no timeout afterwards. Unit attentions
 * stay where they are.
 *
 * Return: whether it is logged in.
 */
bool session_login(struct session *session)
{
	iscsi_set_timeout(session->iscsi, LOGIN_TIMEOUT_S);
	if (iscsi_connect_sync(session->iscsi, session->portal) ||
	    iscsi_login_sync(session->iscsi)) {
		session_close(session);
		return false;
	}
	iscsi_set_timeout(session->iscsi, 0);
	return true;
}

/**
 * session_close() - close the connection without a logout
 * @session: may be closed already
 *
 * libiscsi calls back for the commands that have no answer.
 */
void session_close(struct session *session)
{
	if (session->iscsi)
		iscsi_destroy_context(session->iscsi);
	session->iscsi = NULL;
}

/**
 * session_reset() - close the connection with a reset
 * @session: may be closed already
 *
 * When a connection is closed in an orderly way, the kernel goes on sending buffered data for
 * minutes after the initiator has given up, and a gateway cannot tell such data from a new command.
 * A reset discards it.
 */
void session_reset(struct session *session)
{
	struct linger linger = { .l_onoff = 1 };
	int fd = session->iscsi ? iscsi_get_fd(session->iscsi) : -1;

	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	session_close(session);
}

/**
 * session_has_ended() - ask whether the target has closed the connection
 * @session: logged in, after session_set_port(): libiscsi keeps that to itself then
 */
bool session_has_ended(const struct session *session)
{
	char byte;
	ssize_t n;

	if (iscsi_get_fd(session->iscsi) < 0)
		return true;
	n = recv(iscsi_get_fd(session->iscsi), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return !n || (n < 0 && errno != EAGAIN && errno != EINTR);
}
