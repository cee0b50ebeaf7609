// SPDX-License-Identifier: GPL-2.0
/*
 * The table of commands: every command that this unit supports, and every difference between
 * commands.
 *
 * A command without a row is not supported. It ends with INVALID COMMAND OPERATION CODE, or with
 * INVALID FIELD IN CDB if only its service action is unknown (SPC-4 4.2.5). That holds although LIO
 * would execute a few such commands, and more of them with every kernel: nobody would know their
 * effect on the medium, so nobody could say whether a reservation forbids them.
 *
 * Two groups are left out on purpose. LIO executes EXTENDED COPY and its kin for minutes, outside
 * of any order with other gateways. And SET TARGET PORT GROUPS would let any initiator take the
 * paths through this gateway away from all others, until an operator comes; all paths are equal
 * here.
 *
 * The access column holds SPC-4 tables 45 and 46 and SBC-3 table 13. Persistent reservations know
 * three kinds of commands. Exclusive access types forbid those that read, all types forbid those
 * that write, and none forbids the rest. The rest has two halves, ALWAYS and OTHER, because RESERVE
 * (6) and (10) of SPC-2 forbid more. PERSISTENT RESERVE IN and OUT, RESERVE and RELEASE count as
 * ALWAYS here; pr/rules.c has rules of their own for them.
 *
 * To add a command, add a row. If LIO does not decode the command as we need it, add a handler as
 * well (scsi/command.c).
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>
#include <scsi/scsi_proto.h>

#include "compat/target.h"
#include "pr/parameters.h"
#include "scsi/cdb.h"

/* SBC-3; the kernel's header has only the command of 10 bytes */
#define PRE_FETCH_16	0x90

#define NO_SA		TRBD_CDB_NO_SA
#define SA_MASK		0x1f

/* byte 1 of commands that compare */
#define BYTCHK		0x02
#define DPO		0x10
#define DPO_FUA		0x18
#define PROTECT_SHIFT	5
/* byte 4 of START STOP UNIT; its upper half is POWER CONDITION */
#define START		0x01
#define POWER_SHIFT	4

/* flags of many commands */
#define NOT_COUNTED	0
#define COUNTED		TRBD_CDB_COUNTED
#define SENDS		TRBD_CDB_SENDS
#define DATA_OUT	(COUNTED | SENDS)
#define DATA_OUT_FUA	(DATA_OUT | TRBD_CDB_DPO_FUA)
#define DATA_IN_FUA	(COUNTED | TRBD_CDB_DPO_FUA)
#define VERIFIES	(COUNTED | TRBD_CDB_SENDS_BYTCHK | TRBD_CDB_DPO | TRBD_CDB_PROTECT)
#define WRITE_VERIFIES	(DATA_OUT | TRBD_CDB_DPO | TRBD_CDB_PROTECT)

/* usage data of most CDBs of that length; byte 1 is a parameter */
#define USAGE_RW_6	{ 0x1f, 0xff, 0xff, 0xff, 0x07 }
#define USAGE_RW_10(b1)	{ b1, 0xff, 0xff, 0xff, 0xff, 0x1f, 0xff, 0xff, 0x07 }
#define USAGE_RW_12(b1)	{ b1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0x07 }
#define USAGE_RW_16(b1)	\
	{ b1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0x07 }
#define USAGE_RESERVE_6	{ 0x11, 0, 0, 0, 0x07 }
#define USAGE_RESERVE_10 { 0x11, 0, 0, 0, 0, 0, 0, 0, 0x07 }
#define USAGE_PR_IN	{ 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0x07 }
#define USAGE_PR_OUT	{ 0, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x07 }

#define ROW(opcode, sa, len, access, flags, handler, needs, ...) \
	{ opcode, sa, len, TRBD_PR_ACCESS_##access, flags, TRBD_CDB_##handler, TRBD_CDB_##needs, \
	  __VA_ARGS__ }
#define PR_IN(action) \
	ROW(PERSISTENT_RESERVE_IN, TRBD_PR_##action, 10, ALWAYS, NOT_COUNTED, PR_IN, IF_PR, \
	    USAGE_PR_IN)
#define PR_OUT(action) \
	ROW(PERSISTENT_RESERVE_OUT, TRBD_PR_##action, 10, ALWAYS, SENDS, PR_OUT, IF_PR, \
	    USAGE_PR_OUT)

/* The rows are in the order of opcodes, and of service actions within an opcode. */
static const struct trbd_cdb cdb_rows[] = {
	ROW(TEST_UNIT_READY, NO_SA, 6, OTHER, NOT_COUNTED, TEST_UNIT_READY, ALWAYS,
	    { 0, 0, 0, 0, 0x07 }),
	ROW(REQUEST_SENSE, NO_SA, 6, ALWAYS, NOT_COUNTED, REQUEST_SENSE, ALWAYS,
	    { 0x01, 0, 0, 0xff, 0x07 }),
	ROW(READ_6, NO_SA, 6, READ, COUNTED, BY_LIO, ALWAYS, USAGE_RW_6),
	ROW(WRITE_6, NO_SA, 6, WRITE, DATA_OUT, BY_LIO, ALWAYS, USAGE_RW_6),
	ROW(INQUIRY, NO_SA, 6, ALWAYS, TRBD_CDB_NO_ATTENTION, INQUIRY, ALWAYS,
	    { 0x01, 0xff, 0xff, 0xff, 0x07 }),
	ROW(MODE_SELECT, NO_SA, 6, WRITE, SENDS, BY_LIO, ALWAYS, { 0x11, 0, 0, 0xff, 0x07 }),
	ROW(RESERVE_6, NO_SA, 6, ALWAYS, NOT_COUNTED, RESERVE, IF_PR, USAGE_RESERVE_6),
	ROW(RELEASE_6, NO_SA, 6, ALWAYS, NOT_COUNTED, RELEASE, IF_PR, USAGE_RESERVE_6),
	ROW(MODE_SENSE, NO_SA, 6, READ, NOT_COUNTED, BY_LIO, ALWAYS,
	    { 0x08, 0xff, 0xff, 0xff, 0x07 }),
	ROW(START_STOP, NO_SA, 6, WRITE, TRBD_CDB_MAY_START, START_STOP, ALWAYS,
	    { 0x01, 0, 0x0f, 0xf7, 0x07 }),
	ROW(SEND_DIAGNOSTIC, NO_SA, 6, WRITE, NOT_COUNTED, SEND_DIAGNOSTIC, ALWAYS,
	    { 0xf7, 0, 0xff, 0xff, 0x07 }),
	ROW(READ_CAPACITY, NO_SA, 10, ALWAYS, NOT_COUNTED, BY_LIO, ALWAYS,
	    { 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0x01, 0x07 }),
	ROW(READ_10, NO_SA, 10, READ, DATA_IN_FUA, BY_LIO, ALWAYS, USAGE_RW_10(0)),
	ROW(WRITE_10, NO_SA, 10, WRITE, DATA_OUT_FUA, BY_LIO, ALWAYS, USAGE_RW_10(0)),
	ROW(WRITE_VERIFY, NO_SA, 10, WRITE, WRITE_VERIFIES, WRITE_VERIFY, ALWAYS,
	    USAGE_RW_10(BYTCHK)),
	ROW(VERIFY, NO_SA, 10, READ, VERIFIES, VERIFY, ALWAYS, USAGE_RW_10(BYTCHK)),
	ROW(PRE_FETCH, NO_SA, 10, READ, COUNTED, NO_OPERATION, ALWAYS, USAGE_RW_10(0x02)),
	ROW(SYNCHRONIZE_CACHE, NO_SA, 10, WRITE, COUNTED, NO_OPERATION, ALWAYS, USAGE_RW_10(0x02)),
	ROW(WRITE_SAME, NO_SA, 10, WRITE, DATA_OUT | TRBD_CDB_PROTECT, WRITE_SAME, IF_WRITE_SAME,
	    USAGE_RW_10(TRBD_WRITE_SAME_UNMAP)),
	ROW(UNMAP, NO_SA, 10, WRITE, DATA_OUT, UNMAP, IF_UNMAP,
	    { 0, 0, 0, 0, 0, 0x1f, 0xff, 0xff, 0x07 }),
	ROW(LOG_SENSE, NO_SA, 10, ALWAYS, NOT_COUNTED, LOG_SENSE, ALWAYS,
	    { 0x01, 0xff, 0xff, 0, 0xff, 0xff, 0xff, 0xff, 0x07 }),
	ROW(MODE_SELECT_10, NO_SA, 10, WRITE, SENDS, BY_LIO, ALWAYS,
	    { 0x11, 0, 0, 0, 0, 0, 0xff, 0xff, 0x07 }),
	ROW(RESERVE_10, NO_SA, 10, ALWAYS, NOT_COUNTED, RESERVE, IF_PR, USAGE_RESERVE_10),
	ROW(RELEASE_10, NO_SA, 10, ALWAYS, NOT_COUNTED, RELEASE, IF_PR, USAGE_RESERVE_10),
	ROW(MODE_SENSE_10, NO_SA, 10, READ, NOT_COUNTED, BY_LIO, ALWAYS,
	    { 0x18, 0xff, 0xff, 0, 0, 0, 0xff, 0xff, 0x07 }),
	PR_IN(READ_KEYS),
	PR_IN(READ_RESERVATION),
	PR_IN(REPORT_CAPABILITIES),
	PR_IN(READ_FULL_STATUS),
	PR_OUT(REGISTER),
	PR_OUT(RESERVE),
	PR_OUT(RELEASE),
	PR_OUT(CLEAR),
	PR_OUT(PREEMPT),
	PR_OUT(PREEMPT_AND_ABORT),
	PR_OUT(REGISTER_AND_IGNORE),
	PR_OUT(REGISTER_AND_MOVE),
	ROW(VARIABLE_LENGTH_CMD, WRITE_SAME_32, 32, WRITE, DATA_OUT, WRITE_SAME, IF_WRITE_SAME,
	    { 0x07, 0, 0, 0, 0, 0x1f, 0x18, 0, 0, TRBD_WRITE_SAME_UNMAP, 0,
	    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	    0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff }),
	ROW(READ_16, NO_SA, 16, READ, DATA_IN_FUA, BY_LIO, ALWAYS, USAGE_RW_16(0)),
	ROW(COMPARE_AND_WRITE, NO_SA, 16, WRITE, DATA_OUT_FUA | TRBD_CDB_PROTECT, COMPARE_AND_WRITE,
	    IF_CAW,
	    { 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0xff, 0x1f, 0x07 }),
	ROW(WRITE_16, NO_SA, 16, WRITE, DATA_OUT_FUA, BY_LIO, ALWAYS, USAGE_RW_16(0)),
	ROW(WRITE_VERIFY_16, NO_SA, 16, WRITE, WRITE_VERIFIES, WRITE_VERIFY, ALWAYS,
	    USAGE_RW_16(BYTCHK)),
	ROW(VERIFY_16, NO_SA, 16, READ, VERIFIES, VERIFY, ALWAYS, USAGE_RW_16(BYTCHK)),
	ROW(PRE_FETCH_16, NO_SA, 16, READ, COUNTED, NO_OPERATION, ALWAYS, USAGE_RW_16(0x02)),
	ROW(SYNCHRONIZE_CACHE_16, NO_SA, 16, WRITE, COUNTED, NO_OPERATION, ALWAYS,
	    USAGE_RW_16(0x02)),
	ROW(WRITE_SAME_16, NO_SA, 16, WRITE, DATA_OUT | TRBD_CDB_PROTECT, WRITE_SAME, IF_WRITE_SAME,
	    USAGE_RW_16(TRBD_WRITE_SAME_UNMAP | TRBD_WRITE_SAME_NDOB)),
	ROW(SERVICE_ACTION_IN_16, SAI_READ_CAPACITY_16, 16, ALWAYS, NOT_COUNTED, BY_LIO, ALWAYS,
	    USAGE_RW_16(0)),
	ROW(SERVICE_ACTION_IN_16, SAI_GET_LBA_STATUS, 16, READ, COUNTED, GET_LBA_STATUS, ALWAYS,
	    USAGE_RW_16(0)),
	ROW(REPORT_LUNS, NO_SA, 12, ALWAYS, TRBD_CDB_NO_ATTENTION, BY_LIO, ALWAYS,
	    { 0, 0xff, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0x07 }),
	ROW(MAINTENANCE_IN, MI_REPORT_TARGET_PGS, 12, ALWAYS, NOT_COUNTED, REPORT_PORT_GROUPS,
	    ALWAYS, { 0xe0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0x07 }),
	ROW(MAINTENANCE_IN, MI_REPORT_SUPPORTED_OPERATION_CODES, 12, READ, NOT_COUNTED,
	    REPORT_OPCODES, ALWAYS,
	    { 0, 0x87, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0x07 }),
	ROW(MAINTENANCE_IN, MI_REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS, 12, READ, NOT_COUNTED,
	    REPORT_TASK_MANAGEMENT, ALWAYS, { 0, 0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0x07 }),
	ROW(READ_12, NO_SA, 12, READ, DATA_IN_FUA, BY_LIO, ALWAYS, USAGE_RW_12(0)),
	ROW(WRITE_12, NO_SA, 12, WRITE, DATA_OUT_FUA, BY_LIO, ALWAYS, USAGE_RW_12(0)),
	ROW(WRITE_VERIFY_12, NO_SA, 12, WRITE, WRITE_VERIFIES, WRITE_VERIFY, ALWAYS,
	    USAGE_RW_12(BYTCHK)),
	ROW(VERIFY_12, NO_SA, 12, READ, VERIFIES, VERIFY, ALWAYS, USAGE_RW_12(BYTCHK)),
};

#define CDB_ROWS	ARRAY_SIZE(cdb_rows)

/* for each opcode: 1 + the number of its first row, or 0 */
static u8 cdb_index[256];
/* for each opcode: its enum trbd_cdb_kind, after trbd_cdb_init() */
static u8 cdb_kinds[256];

static enum trbd_cdb_kind cdb_row_kind(const struct trbd_cdb *row)
{
	switch (row->handler) {
	case TRBD_CDB_BY_LIO:
		if (!(row->flags & COUNTED))
			return TRBD_CDB_KIND_OTHER;
		return row->flags & SENDS ? TRBD_CDB_KIND_WRITE : TRBD_CDB_KIND_READ;
	case TRBD_CDB_WRITE_VERIFY:
		return TRBD_CDB_KIND_WRITE;
	case TRBD_CDB_UNMAP:
		return TRBD_CDB_KIND_UNMAP;
	case TRBD_CDB_COMPARE_AND_WRITE:
		return TRBD_CDB_KIND_COMPARE_AND_WRITE;
	case TRBD_CDB_WRITE_SAME:
		return TRBD_CDB_KIND_WRITE_SAME;
	case TRBD_CDB_VERIFY:
		return TRBD_CDB_KIND_VERIFY;
	case TRBD_CDB_NO_OPERATION:
		/* the other one fetches ahead */
		return row->access == TRBD_PR_ACCESS_WRITE ? TRBD_CDB_KIND_FLUSH :
							     TRBD_CDB_KIND_OTHER;
	case TRBD_CDB_PR_IN:
		return TRBD_CDB_KIND_RESERVATION_IN;
	case TRBD_CDB_PR_OUT:
	case TRBD_CDB_RESERVE:
	case TRBD_CDB_RELEASE:
		return TRBD_CDB_KIND_RESERVATION_OUT;
	default:
		return TRBD_CDB_KIND_OTHER;
	}
}

/**
 * trbd_cdb_init() - build the indexes of the table
 *
 * Context: module init; before that, no command is supported.
 * Return: 0.
 */
int trbd_cdb_init(void)
{
	unsigned int i = CDB_ROWS;

	memset(cdb_kinds, TRBD_CDB_KIND_OTHER, sizeof(cdb_kinds));
	while (i--) {
		cdb_index[cdb_rows[i].opcode] = i + 1;
		cdb_kinds[cdb_rows[i].opcode] = cdb_row_kind(&cdb_rows[i]);
	}
	return 0;
}

/**
 * trbd_cdb_exit() - undo trbd_cdb_init()
 *
 * Context: module exit.
 */
void trbd_cdb_exit(void)
{
	memset(cdb_index, 0, sizeof(cdb_index));
}

/**
 * trbd_cdb_next() - walk through the table
 * @row: a row, or NULL to begin
 *
 * Return: the row after it, or NULL after the last one.
 */
const struct trbd_cdb *trbd_cdb_next(const struct trbd_cdb *row)
{
	row = row ? row + 1 : cdb_rows;
	return row < cdb_rows + CDB_ROWS ? row : NULL;
}

/**
 * trbd_cdb_find_opcode() - look up an opcode
 * @opcode: operation code
 *
 * Return: its first row, or NULL if the unit supports no command with this opcode.
 */
const struct trbd_cdb *trbd_cdb_find_opcode(u8 opcode)
{
	return cdb_index[opcode] ? &cdb_rows[cdb_index[opcode] - 1] : NULL;
}

/*
 * Return the service action of a CDB whose opcode has some (SPC-4 4.2.5.2, 4.2.5.3). LIO keeps 32
 * bytes in any case.
 */
static u16 cdb_service_action(const u8 *cdb)
{
	return cdb[0] == VARIABLE_LENGTH_CMD ? get_unaligned_be16(&cdb[8]) : cdb[1] & SA_MASK;
}

/*
 * Tell whether the handler of an opcode decodes the service action. PERSISTENT RESERVE IN and OUT
 * do: the initiator gets a pending unit attention before it gets INVALID FIELD IN CDB.
 */
static bool cdb_handler_decodes_sa(const struct trbd_cdb *row)
{
	return row->handler == TRBD_CDB_PR_IN || row->handler == TRBD_CDB_PR_OUT;
}

/**
 * trbd_cdb_find() - look up a command
 * @cdb: CDB
 *
 * Context: any; this is on the path of every command.
 * Return: its row, or NULL if the unit does not support it. PERSISTENT RESERVE IN or OUT with an
 * unknown service action gets the first row of its opcode, and its handler refuses the command.
 */
const struct trbd_cdb *trbd_cdb_find(const u8 *cdb)
{
	const struct trbd_cdb *first = trbd_cdb_find_opcode(cdb[0]);
	const struct trbd_cdb *row = first;
	u16 sa;

	if (!first || first->sa == NO_SA)
		return first;
	sa = cdb_service_action(cdb);
	while (row && row->opcode == cdb[0] && row->sa != sa)
		row = trbd_cdb_next(row);
	if (row && row->opcode == cdb[0])
		return row;
	return cdb_handler_decodes_sa(first) ? first : NULL;
}

/**
 * trbd_cdb_kind() - tell which counters a command belongs to
 * @cdb: CDB, of a command that need not be supported
 *
 * The opcode alone decides.
 *
 * Context: any; this is on the path of every command.
 * Return: its kind.
 */
enum trbd_cdb_kind trbd_cdb_kind(const u8 *cdb)
{
	return cdb_kinds[cdb[0]];
}

/**
 * trbd_cdb_access() - tell what a command does to the medium
 * @row: its row; NULL for a command that is not supported
 * @cdb: CDB
 *
 * Return: its kind for reservations. A command that is not supported counts as one that writes.
 */
enum trbd_pr_access trbd_cdb_access(const struct trbd_cdb *row, const u8 *cdb)
{
	if (!row)
		return TRBD_PR_ACCESS_WRITE;
	/* START STOP UNIT that starts the unit, and does not change the power condition */
	if (row->flags & TRBD_CDB_MAY_START && cdb[4] & START && !(cdb[4] >> POWER_SHIFT))
		return TRBD_PR_ACCESS_OTHER;
	return row->access;
}

/**
 * trbd_cdb_sends_data() - tell which way the data of a command go
 * @row: its row
 * @cdb: CDB
 *
 * Return: true if the initiator sends them; false if it receives data, or if there are none.
 */
bool trbd_cdb_sends_data(const struct trbd_cdb *row, const u8 *cdb)
{
	return row->flags & SENDS || (row->flags & TRBD_CDB_SENDS_BYTCHK && cdb[1] & BYTCHK);
}

/**
 * trbd_cdb_asks_for_protection() - tell whether a command asks for protection information
 * @row: its row
 * @cdb: CDB
 *
 * The unit does not offer it (SBC-3 table 61 and its like). LIO itself checks the commands that it
 * decodes.
 *
 * Return: true if the command has such a field, and it is not 0.
 */
bool trbd_cdb_asks_for_protection(const struct trbd_cdb *row, const u8 *cdb)
{
	return row->flags & TRBD_CDB_PROTECT && cdb[1] >> PROTECT_SHIFT;
}

/**
 * trbd_cdb_lba() - read LOGICAL BLOCK ADDRESS
 * @row: row of a command of 10 bytes or more that names one range of blocks
 * @cdb: CDB
 *
 * Return: the first block.
 */
u64 trbd_cdb_lba(const struct trbd_cdb *row, const u8 *cdb)
{
	switch (row->len) {
	case 32:
		return get_unaligned_be64(&cdb[12]);
	case 16:
		return get_unaligned_be64(&cdb[2]);
	default:
		return get_unaligned_be32(&cdb[2]);
	}
}

/**
 * trbd_cdb_blocks() - read TRANSFER LENGTH, VERIFICATION LENGTH or NUMBER OF LOGICAL BLOCKS
 * @row: row of a command of 10 bytes or more that names one range of blocks; not COMPARE AND WRITE
 * @cdb: CDB
 *
 * Return: blocks.
 */
u64 trbd_cdb_blocks(const struct trbd_cdb *row, const u8 *cdb)
{
	switch (row->len) {
	case 32:
		return get_unaligned_be32(&cdb[28]);
	case 16:
		return get_unaligned_be32(&cdb[10]);
	case 12:
		return get_unaligned_be32(&cdb[6]);
	default:
		return get_unaligned_be16(&cdb[7]);
	}
}

/**
 * trbd_cdb_like_range() - name a command of the same shape without data, for LIO to decode
 * @row: row of a command of 10, 12 or 16 bytes that names one range of blocks
 *
 * No command of 12 bytes is like that. LIO does not look for a range in TEST UNIT READY.
 *
 * Return: its opcode.
 */
u8 trbd_cdb_like_range(const struct trbd_cdb *row)
{
	switch (row->len) {
	case 16:
		return SYNCHRONIZE_CACHE_16;
	case 12:
		return TEST_UNIT_READY;
	default:
		return SYNCHRONIZE_CACHE;
	}
}

/**
 * trbd_cdb_like_write() - name a command of the same shape that sends data, for LIO to decode
 * @row: row of a command of 10, 12 or 16 bytes that names one range of blocks
 *
 * It sends as much data as the range is long.
 *
 * Return: its opcode.
 */
u8 trbd_cdb_like_write(const struct trbd_cdb *row)
{
	switch (row->len) {
	case 16:
		return WRITE_16;
	case 12:
		return WRITE_12;
	default:
		return WRITE_10;
	}
}

/**
 * trbd_cdb_write_same_byte() - tell which byte has the flags of a WRITE SAME
 * @row: its row
 *
 * Return: number of the byte with TRBD_WRITE_SAME_UNMAP and TRBD_WRITE_SAME_NDOB.
 */
unsigned int trbd_cdb_write_same_byte(const struct trbd_cdb *row)
{
	return row->len == 32 ? 10 : 1;
}

/**
 * trbd_cdb_is_ndob() - tell whether a WRITE SAME comes without a data-out buffer
 * @row: its row
 * @cdb: CDB
 *
 * Return: true if it does, and this form of the command may.
 */
bool trbd_cdb_is_ndob(const struct trbd_cdb *row, const u8 *cdb)
{
	unsigned int byte = trbd_cdb_write_same_byte(row);

	return cdb[byte] & row->usage[byte - 1] & TRBD_WRITE_SAME_NDOB;
}

/**
 * trbd_cdb_usage() - make CDB usage data (SPC-4 6.35.3)
 * @row: row of the command
 * @usage: where the data go, row->len bytes
 * @cache_bits: whether DPO and FUA are supported
 *
 * The opcode and the service action appear as they are; the other bytes show which bits are
 * evaluated.
 */
void trbd_cdb_usage(const struct trbd_cdb *row, u8 *usage, bool cache_bits)
{
	usage[0] = row->opcode;
	memcpy(usage + 1, row->usage, row->len - 1);
	if (row->opcode == VARIABLE_LENGTH_CMD)
		put_unaligned_be16(row->sa, &usage[8]);
	else if (row->sa != NO_SA)
		usage[1] |= row->sa;
	if (cache_bits && row->flags & TRBD_CDB_DPO_FUA)
		usage[1] |= DPO_FUA;
	else if (cache_bits && row->flags & TRBD_CDB_DPO)
		usage[1] |= DPO;
}
