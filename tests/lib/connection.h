/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For initiators that tell libiscsi not to connect again by itself.
 */
#ifndef TESTS_CONNECTION_H
#define TESTS_CONNECTION_H

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <iscsi/iscsi.h>

/* Has the target closed the connection? libiscsi keeps that to itself then. */
static inline bool connection_has_ended(struct iscsi_context *iscsi)
{
	char byte;
	ssize_t n;

	if (iscsi_get_fd(iscsi) < 0)
		return true;
	n = recv(iscsi_get_fd(iscsi), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return !n || (n < 0 && errno != EAGAIN && errno != EINTR);
}

#endif /* TESTS_CONNECTION_H */
