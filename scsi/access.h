/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_ACCESS_H
#define TRBD_SCSI_ACCESS_H

#include <linux/types.h>

#include "pr/rules.h"

/* SBC-3; the kernel's list has only the command of 10 bytes */
#define TRBD_PRE_FETCH_16	0x90

/**
 * struct trbd_access - what a command does, as far as reservations are concerned
 * @access: what it does to the medium
 * @counted: it takes its time and is answered by us: who changes reservations waits for it
 * @known: the unit does commands of this opcode and service action
 */
struct trbd_access {
	enum trbd_pr_access access;
	bool counted;
	bool known;
};

struct trbd_access trbd_access_of(const u8 *cdb);
bool trbd_access_knows_opcode(const u8 *cdb);

#endif /* TRBD_SCSI_ACCESS_H */
