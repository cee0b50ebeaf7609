/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_READINESS_H
#define TRBD_SCSI_READINESS_H

#include <linux/types.h>

/**
 * enum trbd_readiness_limit - how much of its work a gateway cannot do at the moment
 * @TRBD_LIMIT_NONE: it serves everything
 * @TRBD_LIMIT_CHANGES: it refuses changes of data: without a lease or a watch, or in quarantine
 * @TRBD_LIMIT_ALL: it serves nothing: not registered, or about to take a new identity
 */
enum trbd_readiness_limit {
	TRBD_LIMIT_NONE,
	TRBD_LIMIT_CHANGES,
	TRBD_LIMIT_ALL,
};

/**
 * enum trbd_readiness - how a gateway describes itself to hosts
 * @TRBD_READY: it serves, or asks to send changes again with BUSY
 * @TRBD_READY_SOON: wait a moment on this path
 * @TRBD_NOT_READY: take another path
 * @TRBD_STANDBY: take another path, since an operator has taken this gateway out of service
 */
enum trbd_readiness {
	TRBD_READY,
	TRBD_READY_SOON,
	TRBD_NOT_READY,
	TRBD_STANDBY,
};

enum trbd_readiness trbd_readiness_judge(enum trbd_readiness_limit limit, bool others, u64 for_ms);
u8 trbd_readiness_ascq(enum trbd_readiness readiness);

/* additional sense code of the answers: LOGICAL UNIT NOT READY, or NOT ACCESSIBLE */
#define TRBD_READINESS_ASC	0x04

#endif /* TRBD_SCSI_READINESS_H */
