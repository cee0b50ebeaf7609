// SPDX-License-Identifier: GPL-2.0
/*
 * scsi/access.c: which commands there are, and what a reservation says to each.
 */
#include "scsi/access.h"
#include "ktap.h"

/* opcodes that any kernel's LIO may do for a disk, or that a standard has; none of them is ours */
static const struct {
	const char *what;
	unsigned char opcode;
} strange[] = {
	{ "REZERO UNIT", 0x01 },
	{ "FORMAT UNIT", 0x04 },
	{ "SEEK (6)", 0x0b },
	{ "SEND DIAGNOSTIC", 0x1d },
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
	{ "WRITE AND VERIFY (12)", 0xae },
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
	{ "REPORT TIMESTAMP", 0xa3, 0x0f, false, TRBD_PR_ACCESS_WRITE },
};

static void check_strange(void)
{
	unsigned char cdb[32] = { 0 };
	unsigned int i;

	for (i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
		struct trbd_access what;

		cdb[0] = strange[i].opcode;
		what = trbd_access_of(cdb);
		ktap_ok(!what.known && what.access == TRBD_PR_ACCESS_WRITE && !trbd_access_knows_opcode(cdb),
			"%s is not known, and would be kept out by any reservation", strange[i].what);
	}
}

static void check_actions(void)
{
	unsigned char cdb[32] = { 0 };
	unsigned int i;

	for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		struct trbd_access what;

		cdb[0] = actions[i].opcode;
		/* the upper bits are not the service action's */
		cdb[1] = 0xe0 | actions[i].sa;
		what = trbd_access_of(cdb);
		ktap_ok(what.known == actions[i].known && what.access == actions[i].access &&
			trbd_access_knows_opcode(cdb), "%s", actions[i].what);
	}
}

static void check_variable(void)
{
	unsigned char cdb[32] = { 0x7f, [7] = 24, [9] = 0x0d };

	ktap_ok(trbd_access_of(cdb).known && trbd_access_of(cdb).access == TRBD_PR_ACCESS_WRITE, "WRITE SAME (32)");
	cdb[9] = 0x09;
	ktap_ok(!trbd_access_of(cdb).known, "READ (32) is not known");
	cdb[8] = 0x01;
	cdb[9] = 0x0d;
	ktap_ok(!trbd_access_of(cdb).known, "nor is a service action whose low byte is one that is");
}

static void check_start(void)
{
	unsigned char start[32] = { 0x1b, [4] = 1 }, stop[32] = { 0x1b }, idle[32] = { 0x1b, [4] = 0x21 };

	ktap_ok(trbd_access_of(start).access == TRBD_PR_ACCESS_OTHER, "START is kept out by RESERVE only");
	ktap_ok(trbd_access_of(stop).access == TRBD_PR_ACCESS_WRITE, "STOP by all reservations");
	ktap_ok(trbd_access_of(idle).access == TRBD_PR_ACCESS_WRITE, "and so is a power condition");
}

/* Whatever touches the medium and is known has a kind, so nothing known passes by oversight. */
static void check_kinds(void)
{
	static const unsigned char always[] = { 0x03, 0x12, 0x16, 0x17, 0x25, 0x56, 0x57, 0x5e, 0x5f, 0xa0 };
	unsigned char cdb[32] = { 0 };
	unsigned int opcode, found = 0, i;

	for (opcode = 0; opcode < 256; opcode++) {
		cdb[0] = (unsigned char)opcode;
		if (!trbd_access_of(cdb).known || trbd_access_of(cdb).access != TRBD_PR_ACCESS_ALWAYS)
			continue;
		for (i = 0; i < sizeof(always) && always[i] != opcode; i++)
			;
		if (i < sizeof(always))
			found++;
		else
			ktap_ok(false, "opcode 0x%02x passes every reservation", opcode);
	}
	ktap_ok(found == sizeof(always), "those that pass every reservation are the ones that should");
}

int main(void)
{
	ktap_begin();
	check_strange();
	check_actions();
	check_variable();
	check_start();
	check_kinds();
	return ktap_end();
}
