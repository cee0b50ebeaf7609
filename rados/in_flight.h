/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RADOS_IN_FLIGHT_H
#define TRBD_RADOS_IN_FLIGHT_H

#include <linux/types.h>

struct trbd_session;

bool trbd_in_flight_unsent(struct trbd_session *session, const char *prefix);
bool trbd_in_flight_before(struct trbd_session *session, const char *prefix, u64 snap_seq);

#endif /* TRBD_RADOS_IN_FLIGHT_H */
