// SPDX-License-Identifier: GPL-2.0
/*
 * Which commands a reservation keeps out: SPC-4 tables 45 and 46, SBC-3 table 13, for every command that this unit
 * does.
 *
 * With persistent reservations there are three kinds: what reads is forbidden by the exclusive access types, what
 * writes by all types, and the rest by none. The rest has two halves, because RESERVE (6) and (10) of SPC-2 forbid
 * more.
 *
 * The list is complete: a command that is not in it is refused (scsi/command.c). LIO does a few that would otherwise
 * pass every reservation, and the next kernel may do more of them.
 */
#include <linux/types.h>
#include <scsi/scsi_proto.h>

#include "compat/target.h"
#include "scsi/access.h"

#define DOES(kind)	{ TRBD_PR_ACCESS_##kind, .known = true }
#define COUNTED(kind)	{ TRBD_PR_ACCESS_##kind, .counted = true, .known = true }

static const struct trbd_access accesses[256] = {
	[TEST_UNIT_READY] = DOES(OTHER),
	[REQUEST_SENSE] = DOES(ALWAYS),
	[INQUIRY] = DOES(ALWAYS),
	[REPORT_LUNS] = DOES(ALWAYS),
	[READ_CAPACITY] = DOES(ALWAYS),
	[MODE_SENSE] = DOES(READ),
	[MODE_SENSE_10] = DOES(READ),
	[MODE_SELECT] = DOES(WRITE),
	[MODE_SELECT_10] = DOES(WRITE),
	/* have rules of their own, see pr/rules.c */
	[PERSISTENT_RESERVE_IN] = DOES(ALWAYS),
	[PERSISTENT_RESERVE_OUT] = DOES(ALWAYS),
	[RESERVE_6] = DOES(ALWAYS),
	[RESERVE_10] = DOES(ALWAYS),
	[RELEASE_6] = DOES(ALWAYS),
	[RELEASE_10] = DOES(ALWAYS),
	[READ_6] = COUNTED(READ),
	[READ_10] = COUNTED(READ),
	[READ_12] = COUNTED(READ),
	[READ_16] = COUNTED(READ),
	[VERIFY] = COUNTED(READ),
	[VERIFY_16] = COUNTED(READ),
	[PRE_FETCH] = COUNTED(READ),
	[TRBD_PRE_FETCH_16] = COUNTED(READ),
	[WRITE_6] = COUNTED(WRITE),
	[WRITE_10] = COUNTED(WRITE),
	[WRITE_12] = COUNTED(WRITE),
	[WRITE_16] = COUNTED(WRITE),
	[WRITE_VERIFY] = COUNTED(WRITE),
	[WRITE_VERIFY_16] = COUNTED(WRITE),
	[WRITE_SAME] = COUNTED(WRITE),
	[WRITE_SAME_16] = COUNTED(WRITE),
	[VARIABLE_LENGTH_CMD] = COUNTED(WRITE),
	[UNMAP] = COUNTED(WRITE),
	[START_STOP] = DOES(WRITE),
	[MAINTENANCE_IN] = DOES(READ),
	[SERVICE_ACTION_IN_16] = COUNTED(READ),
	[COMPARE_AND_WRITE] = COUNTED(WRITE),
	[SYNCHRONIZE_CACHE] = COUNTED(WRITE),
	[SYNCHRONIZE_CACHE_16] = COUNTED(WRITE),
};

/* A command that is not in the table is not executed, whatever is reserved. */
static const struct trbd_access refused = { .access = TRBD_PR_ACCESS_WRITE };

static struct trbd_access maintenance_in(const u8 *cdb)
{
	static const struct trbd_access report_groups = DOES(ALWAYS);

	switch (cdb[1] & 0x1f) {
	case MI_REPORT_TARGET_PGS:
		return report_groups;
	case MI_REPORT_SUPPORTED_OPERATION_CODES:
		return accesses[MAINTENANCE_IN];
	default:
		return refused;
	}
}

static struct trbd_access service_action_in_16(const u8 *cdb)
{
	static const struct trbd_access read_capacity = DOES(ALWAYS);

	switch (cdb[1] & 0x1f) {
	case SAI_READ_CAPACITY_16:
		return read_capacity;
	case SAI_GET_LBA_STATUS:
		return accesses[SERVICE_ACTION_IN_16];
	default:
		return refused;
	}
}

/* The service action is in bytes 8 and 9 (SPC-4 4.2.5.3); LIO has room for 32 in any case. */
static struct trbd_access variable_length(const u8 *cdb)
{
	return (cdb[8] << 8 | cdb[9]) == WRITE_SAME_32 ? accesses[VARIABLE_LENGTH_CMD] : refused;
}

/**
 * trbd_access_of() - what a command does
 * @cdb: CDB
 *
 * Return: what the tables say of it; of a command that they do not know, that it is not known, and writes.
 */
struct trbd_access trbd_access_of(const u8 *cdb)
{
	struct trbd_access what = accesses[cdb[0]];

	switch (cdb[0]) {
	case START_STOP:
		/* starting and no power condition */
		if (cdb[4] & 0x01 && !(cdb[4] >> 4))
			what.access = TRBD_PR_ACCESS_OTHER;
		return what;
	case MAINTENANCE_IN:
		return maintenance_in(cdb);
	case SERVICE_ACTION_IN_16:
		return service_action_in_16(cdb);
	case VARIABLE_LENGTH_CMD:
		return variable_length(cdb);
	default:
		return what.known ? what : refused;
	}
}

/**
 * trbd_access_knows_opcode() - is it the service action that is not known?
 * @cdb: CDB
 *
 * Return: whether the unit does a command of this opcode.
 */
bool trbd_access_knows_opcode(const u8 *cdb)
{
	return accesses[cdb[0]].known;
}
