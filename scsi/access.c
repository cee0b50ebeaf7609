// SPDX-License-Identifier: GPL-2.0
/*
 * Which commands a reservation keeps out: SPC-4 tables 45 and 46, SBC-3 table 13, for every command that this unit
 * does.
 *
 * With persistent reservations there are three kinds: what reads is forbidden by the exclusive access types, what
 * writes by all types, and the rest by none. The rest has two halves, because RESERVE (6) and (10) of SPC-2 forbid
 * more.
 */
#include <linux/types.h>
#include <scsi/scsi_proto.h>

#include "scsi/access.h"
#include "scsi/opcodes.h"

/* what is not here is forbidden by nothing: TRBD_PR_ACCESS_ALWAYS is 0 */
static const struct trbd_access accesses[256] = {
	[TEST_UNIT_READY] = { TRBD_PR_ACCESS_OTHER, false },
	[MODE_SENSE] = { TRBD_PR_ACCESS_READ, false },
	[MODE_SENSE_10] = { TRBD_PR_ACCESS_READ, false },
	[MODE_SELECT] = { TRBD_PR_ACCESS_WRITE, false },
	[MODE_SELECT_10] = { TRBD_PR_ACCESS_WRITE, false },
	[READ_6] = { TRBD_PR_ACCESS_READ, true },
	[READ_10] = { TRBD_PR_ACCESS_READ, true },
	[READ_12] = { TRBD_PR_ACCESS_READ, true },
	[READ_16] = { TRBD_PR_ACCESS_READ, true },
	[VERIFY] = { TRBD_PR_ACCESS_READ, true },
	[VERIFY_16] = { TRBD_PR_ACCESS_READ, true },
	[PRE_FETCH] = { TRBD_PR_ACCESS_READ, true },
	[TRBD_PRE_FETCH_16] = { TRBD_PR_ACCESS_READ, true },
	[WRITE_6] = { TRBD_PR_ACCESS_WRITE, true },
	[WRITE_10] = { TRBD_PR_ACCESS_WRITE, true },
	[WRITE_12] = { TRBD_PR_ACCESS_WRITE, true },
	[WRITE_16] = { TRBD_PR_ACCESS_WRITE, true },
	[WRITE_VERIFY] = { TRBD_PR_ACCESS_WRITE, true },
	[WRITE_VERIFY_16] = { TRBD_PR_ACCESS_WRITE, true },
	[WRITE_SAME] = { TRBD_PR_ACCESS_WRITE, true },
	[WRITE_SAME_16] = { TRBD_PR_ACCESS_WRITE, true },
	[VARIABLE_LENGTH_CMD] = { TRBD_PR_ACCESS_WRITE, true },
	[UNMAP] = { TRBD_PR_ACCESS_WRITE, true },
	[START_STOP] = { TRBD_PR_ACCESS_WRITE, false },
	[MAINTENANCE_IN] = { TRBD_PR_ACCESS_READ, false },
	[SERVICE_ACTION_IN_16] = { TRBD_PR_ACCESS_READ, true },
	[COMPARE_AND_WRITE] = { TRBD_PR_ACCESS_WRITE, true },
	[SYNCHRONIZE_CACHE] = { TRBD_PR_ACCESS_WRITE, true },
	[SYNCHRONIZE_CACHE_16] = { TRBD_PR_ACCESS_WRITE, true },
};

/**
 * trbd_access_of() - what a command does
 * @cdb: CDB
 *
 * Return: what the tables say of it; commands that are in none of them are forbidden by nothing.
 */
struct trbd_access trbd_access_of(const u8 *cdb)
{
	struct trbd_access what = accesses[cdb[0]];

	switch (cdb[0]) {
	case START_STOP:
		/* starting and no power condition */
		if (cdb[4] & 0x01 && !(cdb[4] >> 4))
			what.access = TRBD_PR_ACCESS_OTHER;
		break;
	case MAINTENANCE_IN:
		if ((cdb[1] & 0x1f) != MI_REPORT_SUPPORTED_OPERATION_CODES)
			what.access = TRBD_PR_ACCESS_ALWAYS;
		break;
	case SERVICE_ACTION_IN_16:
		if ((cdb[1] & 0x1f) != SAI_GET_LBA_STATUS)
			what = (struct trbd_access){ TRBD_PR_ACCESS_ALWAYS, false };
		break;
	}
	return what;
}
