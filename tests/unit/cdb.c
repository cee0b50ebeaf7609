// SPDX-License-Identifier: GPL-2.0
/*
 * scsi/cdb.c: the table of commands. It agrees with itself and with the standards' rules for CDBs.
 * It is closed: a command without a row is not supported.
 */
#include <string.h>

#include "scsi/cdb.h"
#include "ktap.h"

#define OPCODES		256
#define SERVICE_ACTIONS	32
#define CONTROL_USAGE	0x07
#define PR_IN		0x5e
#define PR_OUT		0x5f
#define VARIABLE_LENGTH	0x7f

/* opcodes that any kernel's LIO may do for a disk, or that a standard has; none of them is ours */
static const struct {
	const char *what;
	unsigned char opcode;
} strange[] = {
	{ "REZERO UNIT", 0x01 },
	{ "FORMAT UNIT", 0x04 },
	{ "SEEK (6)", 0x0b },
	{ "SEEK (10)", 0x2b },
	{ "WRITE BUFFER", 0x3b },
	{ "WRITE LONG (10)", 0x3f },
	{ "SANITIZE", 0x48 },
	{ "LOG SELECT", 0x4c },
	{ "XDWRITEREAD (10)", 0x53 },
	{ "EXTENDED COPY", 0x83 },
	{ "RECEIVE COPY RESULTS", 0x84 },
	{ "ATA PASS-THROUGH (16)", 0x85 },
	{ "WRITE ATOMIC (16)", 0x9c },
	{ "SERVICE ACTION OUT (16)", 0x9f },
	{ "MAINTENANCE OUT", 0xa4 },
	{ "vendor specific", 0xc0 },
};

/* service actions in byte 1 */
static const struct {
	const char *what;
	unsigned char opcode;
	unsigned char sa;
	bool known;
	enum trbd_pr_access access;
} actions[] = {
	{ "READ CAPACITY (16)", 0x9e, 0x10, true, TRBD_PR_ACCESS_ALWAYS },
	{ "GET LBA STATUS", 0x9e, 0x12, true, TRBD_PR_ACCESS_READ },
	{ "READ LONG (16)", 0x9e, 0x11, false, TRBD_PR_ACCESS_WRITE },
	{ "REPORT REFERRALS", 0x9e, 0x13, false, TRBD_PR_ACCESS_WRITE },
	{ "REPORT TARGET PORT GROUPS", 0xa3, 0x0a, true, TRBD_PR_ACCESS_ALWAYS },
	{ "REPORT SUPPORTED OPERATION CODES", 0xa3, 0x0c, true, TRBD_PR_ACCESS_READ },
	{ "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS", 0xa3, 0x0d, true, TRBD_PR_ACCESS_READ },
	{ "REPORT TIMESTAMP", 0xa3, 0x0f, false, TRBD_PR_ACCESS_WRITE },
	{ "PERSISTENT RESERVE IN, READ FULL STATUS", 0x5e, 0x03, true, TRBD_PR_ACCESS_ALWAYS },
	/* their handlers decode the service action */
	{ "PERSISTENT RESERVE IN, 04h", 0x5e, 0x04, true, TRBD_PR_ACCESS_ALWAYS },
	{ "PERSISTENT RESERVE OUT, REGISTER AND MOVE", 0x5f, 0x07, true, TRBD_PR_ACCESS_ALWAYS },
	{ "PERSISTENT RESERVE OUT, 08h", 0x5f, 0x08, true, TRBD_PR_ACCESS_ALWAYS },
};

static bool is_known(const unsigned char *cdb)
{
	return trbd_cdb_find(cdb);
}

static enum trbd_pr_access access_of(const unsigned char *cdb)
{
	return trbd_cdb_access(trbd_cdb_find(cdb), cdb);
}

static bool knows_opcode(const unsigned char *cdb)
{
	return trbd_cdb_find_opcode(cdb[0]);
}

static void check_strange(void)
{
	unsigned char cdb[32] = { 0 };
	unsigned int i;

	for (i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
		cdb[0] = strange[i].opcode;
		ktap_ok(!is_known(cdb) && access_of(cdb) == TRBD_PR_ACCESS_WRITE &&
			!knows_opcode(cdb),
			"%s is not known, and is kept out by any reservation", strange[i].what);
	}
}

static void check_actions(void)
{
	unsigned char cdb[32] = { 0 };
	unsigned int i;

	for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		cdb[0] = actions[i].opcode;
		/* the upper bits are not the service action's */
		cdb[1] = 0xe0 | actions[i].sa;
		ktap_ok(is_known(cdb) == actions[i].known && access_of(cdb) == actions[i].access &&
			knows_opcode(cdb), "%s", actions[i].what);
	}
}

static void check_variable(void)
{
	unsigned char cdb[32] = { 0x7f, [7] = 24, [9] = 0x0d };

	ktap_ok(is_known(cdb) && access_of(cdb) == TRBD_PR_ACCESS_WRITE, "WRITE SAME (32)");
	cdb[9] = 0x09;
	ktap_ok(!is_known(cdb), "READ (32) is not known");
	cdb[8] = 0x01;
	cdb[9] = 0x0d;
	ktap_ok(!is_known(cdb), "nor is a service action whose low byte is one that is");
}

static void check_start(void)
{
	unsigned char start[32] = { 0x1b, [4] = 1 }, stop[32] = { 0x1b };
	unsigned char idle[32] = { 0x1b, [4] = 0x21 };

	ktap_ok(access_of(start) == TRBD_PR_ACCESS_OTHER, "START is kept out by RESERVE only");
	ktap_ok(access_of(stop) == TRBD_PR_ACCESS_WRITE, "STOP by all reservations");
	ktap_ok(access_of(idle) == TRBD_PR_ACCESS_WRITE, "and so is a power condition");
}

/* Every known command that touches the medium has a kind, so nothing known passes by oversight. */
static void check_kinds(void)
{
	static const unsigned char always[] = {
		0x03, 0x12, 0x16, 0x17, 0x25, 0x4d, 0x56, 0x57, 0x5e, 0x5f, 0xa0
	};
	unsigned char cdb[32] = { 0 };
	unsigned int opcode, found = 0, i;

	for (opcode = 0; opcode < 256; opcode++) {
		cdb[0] = (unsigned char)opcode;
		if (!is_known(cdb) || access_of(cdb) != TRBD_PR_ACCESS_ALWAYS)
			continue;
		for (i = 0; i < sizeof(always) && always[i] != opcode; i++)
			;
		if (i < sizeof(always))
			found++;
		else
			ktap_ok(false, "opcode 0x%02x passes every reservation", opcode);
	}
	ktap_ok(found == sizeof(always),
		"those that pass every reservation are the ones that should");
}

/* SPC-4 4.2.5.1: the first three bits of an opcode are the group code, which tells the length. */
static unsigned int length_of_group(unsigned char opcode)
{
	static const unsigned int lengths[] = { 6, 10, 10, 0, 16, 12, 0, 0 };

	return opcode == VARIABLE_LENGTH ? 32 : lengths[opcode >> 5];
}

static bool is_behind(const struct trbd_cdb *row, const struct trbd_cdb *last)
{
	return !last || row->opcode > last->opcode ||
	       (row->opcode == last->opcode && row->sa > last->sa);
}

/* Of one opcode, either all rows have a service action or there is one row without. */
static bool goes_with(const struct trbd_cdb *row, const struct trbd_cdb *last)
{
	return !last || row->opcode != last->opcode ||
	       (row->sa != TRBD_CDB_NO_SA && last->sa != TRBD_CDB_NO_SA);
}

static bool has_good_usage(const struct trbd_cdb *row)
{
	unsigned char usage[TRBD_CDB_MAX] = { 0 }, cached[TRBD_CDB_MAX] = { 0 };
	unsigned int control = row->opcode == VARIABLE_LENGTH ? 1 : row->len - 1U;
	unsigned int i;

	trbd_cdb_usage(row, usage, false);
	trbd_cdb_usage(row, cached, true);
	for (i = row->len; i < TRBD_CDB_MAX && !row->usage[i - 1]; i++)
		;
	return i == TRBD_CDB_MAX && usage[0] == row->opcode && usage[control] == CONTROL_USAGE &&
	       !(usage[1] & ~cached[1]) && !memcmp(usage + 2, cached + 2, TRBD_CDB_MAX - 2);
}

/* The usage data have the service action as it is, and no other bit in its place. */
static bool has_good_sa(const struct trbd_cdb *row)
{
	if (row->sa == TRBD_CDB_NO_SA)
		return true;
	if (row->opcode == VARIABLE_LENGTH)
		return !row->usage[7] && !row->usage[8];
	return row->sa < SERVICE_ACTIONS && !(row->usage[0] & 0x1f);
}

/* The columns agree: nobody waits for a command that passes every reservation, and so on. */
static bool has_good_columns(const struct trbd_cdb *row)
{
	bool counted = row->flags & TRBD_CDB_COUNTED, sends = row->flags & TRBD_CDB_SENDS;

	if (counted && row->access != TRBD_PR_ACCESS_READ && row->access != TRBD_PR_ACCESS_WRITE)
		return false;
	if (sends && row->access != TRBD_PR_ACCESS_WRITE && row->needs != TRBD_CDB_IF_PR)
		return false;
	if (sends && row->flags & TRBD_CDB_SENDS_BYTCHK)
		return false;
	return row->handler < TRBD_CDB_HANDLERS;
}

static void check_rows(void)
{
	const struct trbd_cdb *row = NULL, *last = NULL;
	unsigned int rows = 0;

	while ((row = trbd_cdb_next(row))) {
		const char *what = !is_behind(row, last) ? "not behind the one before" :
				   !goes_with(row, last) ? "mixed service actions" :
				   row->len != length_of_group(row->opcode) ? "length" :
				   !has_good_usage(row) ? "usage" :
				   !has_good_sa(row) ? "service action" :
				   !has_good_columns(row) ? "columns" : NULL;

		if (what)
			ktap_ok(false, "row of %02x/%04x: %s", row->opcode, row->sa, what);
		last = row;
		rows++;
	}
	ktap_ok(rows > 50, "%u rows, sorted, each once, and each agrees with itself", rows);
}

/* Return the row that a walk through the whole table finds. */
static const struct trbd_cdb *search(unsigned int opcode, unsigned int sa)
{
	const struct trbd_cdb *row = NULL, *decodes = NULL;

	while ((row = trbd_cdb_next(row))) {
		if (row->opcode != opcode)
			continue;
		if (row->sa == TRBD_CDB_NO_SA || row->sa == sa)
			return row;
		if (!decodes && (opcode == PR_IN || opcode == PR_OUT))
			decodes = row;
	}
	return decodes;
}

/* Every opcode with every service action is found if it has a row, and not if it has none. */
static void check_closed(void)
{
	unsigned char cdb[TRBD_CDB_MAX] = { 0 };
	unsigned int opcode, sa, found = 0, wrong = 0;

	for (opcode = 0; opcode < OPCODES; opcode++) {
		unsigned int end = opcode == VARIABLE_LENGTH ? TRBD_CDB_NO_SA : SERVICE_ACTIONS;

		for (sa = 0; sa < end; sa++) {
			cdb[0] = (unsigned char)opcode;
			cdb[1] = (unsigned char)(opcode == VARIABLE_LENGTH ? 0 : 0xe0 | sa);
			cdb[8] = (unsigned char)(sa >> 8);
			cdb[9] = (unsigned char)sa;
			wrong += trbd_cdb_find(cdb) != search(opcode, sa);
			found += is_known(cdb);
		}
		wrong += knows_opcode(cdb) != (found != 0);
		found = 0;
	}
	ktap_ok(!wrong, "an opcode with a service action is supported if and only if it has a row");
}

/* The direction of the data: a command without BYTCHK sends none, and with BYTCHK it does. */
static void check_data(void)
{
	unsigned char verify[TRBD_CDB_MAX] = { 0x2f }, compare[TRBD_CDB_MAX] = { 0x8f, 0x02 };
	unsigned char reading[TRBD_CDB_MAX] = { 0x28, 0x02 }, writing[TRBD_CDB_MAX] = { 0x2a };

	ktap_ok(!trbd_cdb_sends_data(trbd_cdb_find(verify), verify), "VERIFY sends no data");
	ktap_ok(trbd_cdb_sends_data(trbd_cdb_find(compare), compare), "VERIFY with BYTCHK does");
	ktap_ok(!trbd_cdb_sends_data(trbd_cdb_find(reading), reading), "READ does not");
	ktap_ok(trbd_cdb_sends_data(trbd_cdb_find(writing), writing), "WRITE does");
}

static void check_range(const char *what, const unsigned char *cdb)
{
	const struct trbd_cdb *row = trbd_cdb_find(cdb);

	ktap_ok(trbd_cdb_lba(row, cdb) == 0x01020304 && trbd_cdb_blocks(row, cdb) == 0x0506,
		"the range of %s", what);
}

static void check_ranges(void)
{
	static const unsigned char verify_10[TRBD_CDB_MAX] = { 0x2f, 0, 1, 2, 3, 4, 0, 5, 6 };
	static const unsigned char read_12[TRBD_CDB_MAX] = { 0xa8, 0, 1, 2, 3, 4, 0, 0, 5, 6 };
	static const unsigned char verify_16[TRBD_CDB_MAX] = {
		0x8f, 0, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 5, 6
	};
	static const unsigned char write_same_32[TRBD_CDB_MAX] = {
		0x7f, [7] = 24, [9] = 0x0d, [16] = 1, 2, 3, 4, [30] = 5, 6
	};

	check_range("VERIFY (10)", verify_10);
	check_range("READ (12)", read_12);
	check_range("VERIFY (16)", verify_16);
	check_range("WRITE SAME (32)", write_same_32);
}

/* Only WRITE SAME (16) has NDOB; in (10) the bit is obsolete, and (32) does not offer it. */
static void check_ndob(void)
{
	unsigned char short_one[TRBD_CDB_MAX] = { 0x41, 0x01 };
	unsigned char long_one[TRBD_CDB_MAX] = { 0x93, 0x01 };
	unsigned char longest[TRBD_CDB_MAX] = { 0x7f, [7] = 24, [9] = 0x0d, [10] = 0x01 };

	ktap_ok(!trbd_cdb_is_ndob(trbd_cdb_find(short_one), short_one),
		"WRITE SAME (10) has no NDOB");
	ktap_ok(trbd_cdb_is_ndob(trbd_cdb_find(long_one), long_one), "WRITE SAME (16) has");
	ktap_ok(!trbd_cdb_is_ndob(trbd_cdb_find(longest), longest), "WRITE SAME (32) has not");
}

static void check_protection(void)
{
	unsigned char compare[TRBD_CDB_MAX] = { 0x89, 0x20 }, fetch[TRBD_CDB_MAX] = { 0x34, 0x20 };

	ktap_ok(trbd_cdb_asks_for_protection(trbd_cdb_find(compare), compare),
		"COMPARE AND WRITE with WRPROTECT asks for protection");
	compare[1] = 0x18;
	ktap_ok(!trbd_cdb_asks_for_protection(trbd_cdb_find(compare), compare),
		"with DPO and FUA it does not");
	ktap_ok(!trbd_cdb_asks_for_protection(trbd_cdb_find(fetch), fetch),
		"PRE-FETCH has no such field");
}

int main(void)
{
	static const unsigned char test_unit_ready[TRBD_CDB_MAX];

	ktap_begin();
	ktap_ok(!is_known(test_unit_ready), "nothing is supported before the table is indexed");
	trbd_cdb_init();
	check_rows();
	check_closed();
	check_strange();
	check_actions();
	check_variable();
	check_start();
	check_kinds();
	check_data();
	check_ranges();
	check_ndob();
	check_protection();
	trbd_cdb_exit();
	ktap_ok(!is_known(test_unit_ready), "nor when the module goes");
	return ktap_end();
}
