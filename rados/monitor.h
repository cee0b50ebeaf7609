/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RADOS_MONITOR_H
#define TRBD_RADOS_MONITOR_H

struct trbd_session;

void trbd_monitor_probe(struct trbd_session *session);
void trbd_monitor_change(struct trbd_session *session);

#endif /* TRBD_RADOS_MONITOR_H */
