/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SCSI_CDB_H
#define TRBD_SCSI_CDB_H

#include <linux/types.h>

#include "pr/rules.h"

#define TRBD_CDB_NO_SA		0xffff
#define TRBD_CDB_MAX		32

/* flag in the flags byte of WRITE SAME: give space back */
#define TRBD_WRITE_SAME_UNMAP	0x08
/* flag in the same byte: no data come, the block is zeros */
#define TRBD_WRITE_SAME_NDOB	0x01

/* How a command is decoded and executed; command.c has the functions. */
enum trbd_cdb_handler {
	TRBD_CDB_BY_LIO,		/* LIO; calls execute_rw for READ and WRITE */
	TRBD_CDB_TEST_UNIT_READY,
	TRBD_CDB_REQUEST_SENSE,
	TRBD_CDB_INQUIRY,
	TRBD_CDB_START_STOP,
	TRBD_CDB_SEND_DIAGNOSTIC,
	TRBD_CDB_NO_OPERATION,		/* names a range; there is nothing to do */
	TRBD_CDB_VERIFY,
	TRBD_CDB_WRITE_VERIFY,
	TRBD_CDB_COMPARE_AND_WRITE,
	TRBD_CDB_UNMAP,
	TRBD_CDB_WRITE_SAME,
	TRBD_CDB_GET_LBA_STATUS,
	TRBD_CDB_PR_IN,
	TRBD_CDB_PR_OUT,
	TRBD_CDB_RESERVE,
	TRBD_CDB_RELEASE,
	TRBD_CDB_LOG_SENSE,
	TRBD_CDB_REPORT_OPCODES,
	TRBD_CDB_REPORT_TASK_MANAGEMENT,
	TRBD_CDB_REPORT_PORT_GROUPS,
	TRBD_CDB_HANDLERS
};

/*
 * Kinds of commands, for counting. The first four have histograms of their own, see scsi/tally.h.
 */
enum trbd_cdb_kind {
	TRBD_CDB_KIND_READ,
	TRBD_CDB_KIND_WRITE,		/* also WRITE AND VERIFY */
	TRBD_CDB_KIND_UNMAP,
	TRBD_CDB_KIND_COMPARE_AND_WRITE,
	TRBD_CDB_KIND_WRITE_SAME,
	TRBD_CDB_KIND_VERIFY,
	TRBD_CDB_KIND_FLUSH,
	TRBD_CDB_KIND_RESERVATION_IN,
	TRBD_CDB_KIND_RESERVATION_OUT,
	TRBD_CDB_KIND_OTHER,		/* also those that are not supported */
	TRBD_CDB_KINDS
};

/* The attributes with which an operator switches commands off. */
enum trbd_cdb_switch {
	TRBD_CDB_ALWAYS,
	TRBD_CDB_IF_UNMAP,
	TRBD_CDB_IF_WRITE_SAME,
	TRBD_CDB_IF_CAW,
	TRBD_CDB_IF_PR,
};

/* takes time, and we answer it: a change of reservations waits for it */
#define TRBD_CDB_COUNTED	0x0001
/* the initiator sends data */
#define TRBD_CDB_SENDS		0x0002
/* the initiator sends data if BYTCHK asks for a comparison */
#define TRBD_CDB_SENDS_BYTCHK	0x0004
/* byte 1 has DPO, or DPO and FUA, where MODE SENSE offers them */
#define TRBD_CDB_DPO		0x0008
#define TRBD_CDB_DPO_FUA	0x0010
/* byte 1 begins with three bits that ask for protection information, which is not offered */
#define TRBD_CDB_PROTECT	0x0020
/* runs although a unit attention is pending (SPC-4 5.14) */
#define TRBD_CDB_NO_ATTENTION	0x0040
/* conflicts with fewer reservations if byte 4 only starts the unit */
#define TRBD_CDB_MAY_START	0x0080

/**
 * struct trbd_cdb - a command that the unit supports: a row of the table
 * @opcode: operation code
 * @sa: service action, or TRBD_CDB_NO_SA
 * @len: length of the CDB, bytes
 * @access: effect on the medium, as far as reservations are concerned; see trbd_cdb_access()
 * @flags: TRBD_CDB_COUNTED and the like
 * @handler: which functions decode and execute it
 * @needs: the attribute that must be on for it
 * @usage: CDB usage data (SPC-4 6.35.3) from byte 1 on: the bits that are evaluated; without the
 *	service action, DPO and FUA
 */
struct trbd_cdb {
	u8 opcode;
	u16 sa;
	u8 len;
	enum trbd_pr_access access;
	u16 flags;
	enum trbd_cdb_handler handler;
	enum trbd_cdb_switch needs;
	u8 usage[TRBD_CDB_MAX - 1];
};

int trbd_cdb_init(void);
void trbd_cdb_exit(void);
const struct trbd_cdb *trbd_cdb_find(const u8 *cdb);
const struct trbd_cdb *trbd_cdb_find_opcode(u8 opcode);
const struct trbd_cdb *trbd_cdb_next(const struct trbd_cdb *row);
enum trbd_cdb_kind trbd_cdb_kind(const u8 *cdb);
enum trbd_pr_access trbd_cdb_access(const struct trbd_cdb *row, const u8 *cdb);
bool trbd_cdb_sends_data(const struct trbd_cdb *row, const u8 *cdb);
bool trbd_cdb_asks_for_protection(const struct trbd_cdb *row, const u8 *cdb);
u64 trbd_cdb_lba(const struct trbd_cdb *row, const u8 *cdb);
u64 trbd_cdb_blocks(const struct trbd_cdb *row, const u8 *cdb);
u8 trbd_cdb_like_range(const struct trbd_cdb *row);
u8 trbd_cdb_like_write(const struct trbd_cdb *row);
unsigned int trbd_cdb_write_same_byte(const struct trbd_cdb *row);
bool trbd_cdb_is_ndob(const struct trbd_cdb *row, const u8 *cdb);
void trbd_cdb_usage(const struct trbd_cdb *row, u8 *usage, bool cache_bits);

#endif /* TRBD_SCSI_CDB_H */
