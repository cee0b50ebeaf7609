/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RADOS_PROOF_H
#define TRBD_RADOS_PROOF_H

#include <linux/types.h>

struct trbd_session;

bool trbd_proof_is_due(struct trbd_session *session);
int trbd_proof_run(struct trbd_session *session);

#endif /* TRBD_RADOS_PROOF_H */
