/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RBD_QUIESCE_H
#define TRBD_RBD_QUIESCE_H

#include "rbd/quiesce_gate.h"

void trbd_quiesce_init(struct trbd_quiesce *q, const struct trbd_quiesce_ops *ops, void *owner);
void trbd_quiesce_stop(struct trbd_quiesce *q);
bool trbd_quiesce_close(struct trbd_quiesce *q, const struct trbd_quiesce_id *id,
			const struct trbd_watch_ack *ack);
enum trbd_quiesce_end trbd_quiesce_open(struct trbd_quiesce *q, const struct trbd_quiesce_id *id);
unsigned int trbd_quiesce_list(struct trbd_quiesce *q, struct trbd_quiesce_open *list);
bool trbd_quiesce_join(struct trbd_quiesce *q, const struct trbd_quiesce_open *open);

#endif /* TRBD_RBD_QUIESCE_H */
