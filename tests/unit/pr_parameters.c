// SPDX-License-Identifier: GPL-2.0
/*
 * Parameter data of PERSISTENT RESERVE IN, whole and cut anywhere; parameter lists of PERSISTENT
 * RESERVE OUT, good ones, and every kind of fault.
 *
 *	pr_parameters          the test
 *	pr_parameters FOLDER   writes the good lists to files there, for the fuzzer to start from
 *
 * With -DFUZZ it is a target of libFuzzer ("make fuzz" here): see fuzz_one() in pr_parameters.h.
 */
#include "pr_parameters.h"

#ifndef FUZZ

/*
 * Read bytes from hexadecimal digits, in any groups; text in quotes stands for itself. Return: how
 * many.
 */
static size_t unhex(const char *hex, uint8_t *bytes)
{
	size_t len = 0;
	unsigned int byte;

	while (*hex) {
		if (*hex == ' ') {
			hex++;
		} else if (*hex == '\'') {
			for (hex++; *hex != '\''; hex++)
				bytes[len++] = (uint8_t)*hex;
			hex++;
		} else {
			sscanf(hex, "%2x", &byte);
			bytes[len++] = (uint8_t)byte;
			hex += 2;
		}
	}
	return len;
}

static void dump(const char *what, const uint8_t *bytes, size_t len)
{
	size_t i;

	printf("# %s:", what);
	for (i = 0; i < len; i++)
		printf("%s%02x", i % 4 ? "" : " ", bytes[i]);
	printf("\n");
}

/* The answer is this one, however much room there is for it. */
static void answers(const char *what, const struct trbd_pr_state *state, enum trbd_pr_in_action action,
		    const char *hex)
{
	uint8_t wanted[256];
	size_t len = unhex(hex, wanted), size, i;
	int whole = 1, cut = 1;

	for (size = 0; size <= len + 8; size++) {
		uint8_t *got = room_for(size);
		size_t fits = size < len ? size : len;

		memset(got, 0xaa, size);
		if (trbd_pr_in(state, action, got, size) != len || memcmp(got, wanted, fits)) {
			*(size < len ? &cut : &whole) = 0;
			if (size >= len)
				dump("got", got, size);
		}
		for (i = fits; i < size; i++)
			whole &= got[i] == 0xaa;
		free(got);
	}
	if (!whole)
		dump("wanted", wanted, len);
	ktap_ok(whole, "%s", what);
	ktap_ok(cut, "the same cut anywhere, and with the same length");
}

#define HEAD "11223344 "
#define STATUS_A "0102030405060708 00000000 "
#define ID_A "1234 0000001c 45000018 'iqn.a,i,0x00023d000001' 0000 "
#define STATUS_B "000000000000000b 00000000 "
#define ID_B "0002 00000018 00000000 00000000 10000000c9a1b2c3 00000000 00000000 "

/* Byte 13 of the reservation, and of the status of its holders, for every type. */
static void check_types(void)
{
	unsigned int i, wrong = 0;

	for (i = 0; i < TYPES; i++) {
		uint8_t reservation[24] = {}, status[8 + 52 + 48];
		struct scene scene;
		int all = trbd_pr_type_is_all(types[i]);

		set(&scene, types[i]);
		wrong += trbd_pr_in(&scene.state, TRBD_PR_READ_RESERVATION, reservation, 24) != (types[i] ? 24 : 8) ||
			 reservation[21] != types[i] || be(reservation + 8, 8) != (types[i] && !all ? KEY_A : 0);
		wrong += trbd_pr_in(&scene.state, TRBD_PR_READ_FULL_STATUS, status, sizeof(status)) != sizeof(status) ||
			 status[8 + 12] != (types[i] != 0) || status[8 + 13] != types[i] ||
			 status[8 + 52 + 12] != (all ? 3 : 2) || status[8 + 52 + 13] != (all ? types[i] : 0);
	}
	ktap_ok(!wrong, "the holders, for each type of reservation");
}

static void check_answers(void)
{
	struct scene scene;

	set(&scene, TRBD_PR_NONE);
	answers("READ KEYS", &scene.state, TRBD_PR_READ_KEYS, HEAD "00000010 0102030405060708 000000000000000b");
	answers("READ RESERVATION without one", &scene.state, TRBD_PR_READ_RESERVATION, HEAD "00000000");
	answers("READ FULL STATUS without a reservation", &scene.state, TRBD_PR_READ_FULL_STATUS,
		HEAD "00000064 " STATUS_A "0000 00000000 " ID_A STATUS_B "0200 00000000 " ID_B);
	answers("REPORT CAPABILITIES", &scene.state, TRBD_PR_REPORT_CAPABILITIES, "0008 1d 90 ea01 0000");
	scene.state.aptpl = true;
	answers("REPORT CAPABILITIES with APTPL", &scene.state, TRBD_PR_REPORT_CAPABILITIES, "0008 1d 91 ea01 0000");

	set(&scene, TRBD_PR_WRITE_EXCLUSIVE);
	answers("READ RESERVATION, type 1", &scene.state, TRBD_PR_READ_RESERVATION,
		HEAD "00000010 0102030405060708 00000000 0001 0000");
	answers("READ FULL STATUS, type 1", &scene.state, TRBD_PR_READ_FULL_STATUS,
		HEAD "00000064 " STATUS_A "0101 00000000 " ID_A STATUS_B "0200 00000000 " ID_B);
	scene.state.holder = 5;
	answers("READ RESERVATION, of another", &scene.state, TRBD_PR_READ_RESERVATION,
		HEAD "00000010 000000000000000b 00000000 0001 0000");
	answers("READ FULL STATUS, of another", &scene.state, TRBD_PR_READ_FULL_STATUS,
		HEAD "00000064 " STATUS_A "0000 00000000 " ID_A STATUS_B "0301 00000000 " ID_B);
	set(&scene, TRBD_PR_EXCLUSIVE_ACCESS_REGISTRANTS);
	answers("READ RESERVATION, type 6", &scene.state, TRBD_PR_READ_RESERVATION,
		HEAD "00000010 0102030405060708 00000000 0006 0000");
	set(&scene, TRBD_PR_EXCLUSIVE_ACCESS_ALL);
	answers("READ RESERVATION of all registrants", &scene.state, TRBD_PR_READ_RESERVATION,
		HEAD "00000010 0000000000000000 00000000 0008 0000");
	answers("READ FULL STATUS of all registrants", &scene.state, TRBD_PR_READ_FULL_STATUS,
		HEAD "00000064 " STATUS_A "0108 00000000 " ID_A STATUS_B "0308 00000000 " ID_B);

	strcpy(scene.registrations[0].nexus.initiator, "usb:1");
	answers("an initiator that has no TransportID", &scene.state, TRBD_PR_READ_FULL_STATUS,
		HEAD "00000048 " STATUS_A "0108 00000000 1234 00000000 " STATUS_B "0308 00000000 " ID_B);
	set(&scene, TRBD_PR_WRITE_EXCLUSIVE);
	scene.state.holder = 9;
	answers("a holder that is not there", &scene.state, TRBD_PR_READ_RESERVATION,
		HEAD "00000010 0000000000000000 00000000 0001 0000");
	scene.state.type = TRBD_PR_NONE;
	scene.state.count = 0;
	answers("READ KEYS of nobody", &scene.state, TRBD_PR_READ_KEYS, HEAD "00000000");
	answers("READ FULL STATUS of nobody", &scene.state, TRBD_PR_READ_FULL_STATUS, HEAD "00000000");
	answers("a service action that there is not", &scene.state, TRBD_PR_IN_ACTIONS, "");
}

#define MANY 1024
#define LONGEST_ID (4 + 244)

/* 1,024 registrations of the longest names: more than 16 bits can tell. */
static void check_many(void)
{
	static struct trbd_pr_registration registrations[MANY];
	struct trbd_pr_state state = {
		.generation = 7, .type = TRBD_PR_WRITE_EXCLUSIVE_REGISTRANTS, .holder = MANY, .count = MANY, .room = MANY,
		.registrations = registrations,
	};
	const size_t wanted = 8 + MANY * (24 + LONGEST_ID);
	uint8_t *whole = room_for(wanted), *part = room_for(65535);
	unsigned int i, wrong = 0;

	for (i = 0; i < MANY; i++) {
		snprintf(registrations[i].nexus.initiator, TRBD_PR_INITIATOR_MAX, "iscsi:iqn.%0219u,i,0x%012x", i, i);
		strcpy(registrations[i].nexus.target, "iqn.t,t,0x1");
		registrations[i].key = UINT64_MAX - i;
		registrations[i].rtpi = (uint16_t)(i + 1);
		registrations[i].incarnation = i + 1;
	}

	ktap_ok(trbd_pr_in(&state, TRBD_PR_READ_KEYS, whole, wanted) == 8 + 8 * MANY && be(whole + 4, 4) == 8 * MANY &&
	   be(whole + 8 * MANY, 8) == UINT64_MAX - (MANY - 1), "READ KEYS of 1,024");
	ktap_ok(trbd_pr_in(&state, TRBD_PR_READ_RESERVATION, whole, wanted) == 24 &&
	   be(whole + 8, 8) == UINT64_MAX - (MANY - 1), "READ RESERVATION, held by the last one");
	ktap_ok(trbd_pr_in(&state, TRBD_PR_READ_FULL_STATUS, NULL, 0) == wanted, "READ FULL STATUS of 1,024, the length alone");
	ktap_ok(trbd_pr_in(&state, TRBD_PR_READ_FULL_STATUS, whole, wanted) == wanted && be(whole, 4) == 7 &&
	   be(whole + 4, 4) == wanted - 8, "READ FULL STATUS of 1,024");
	for (i = 0; i < MANY; i++) {
		const uint8_t *status = whole + 8 + i * (24 + LONGEST_ID);
		char initiator[TRBD_PR_INITIATOR_MAX];

		wrong += be(status, 8) != UINT64_MAX - i || status[12] != (i == MANY - 1) ||
			 status[13] != (i == MANY - 1 ? 5 : 0) || be(status + 18, 2) != i + 1 ||
			 be(status + 20, 4) != LONGEST_ID ||
			 trbd_transport_id_decode(status + 24, LONGEST_ID, initiator, sizeof(initiator)) != LONGEST_ID ||
			 strcmp(initiator, registrations[i].nexus.initiator);
	}
	ktap_ok(!wrong, "each with its key and its name, and one that holds");
	ktap_ok(trbd_pr_in(&state, TRBD_PR_READ_FULL_STATUS, part, 65535) == wanted && !memcmp(whole, part, 65535),
	   "cut at 64 KiB, with the same lengths");
	free(whole);
	free(part);
}

/* keys: of A, and a new one */
#define KEYS "0102030405060708 000000000000000c "
#define NO_KEY "0000000000000000 000000000000000c "
#define FC_ID "00000000 00000000 10000000c9a1b2c4 00000000 00000000 "
#define SRP_ID "04000000 00000000 000102030405060708090a0b0c0d0e0f "
#define SAS_ID "06000000 5000c500a1b2c3d4 00000000 00000000 00000000 "
#define PORT_ID "45000018 'IQN.D,i,0x00023D000004' 0000 "
#define NODE_ID "05000014 'iqn.d' 000000 00000000 00000000 00000000 "

/* what they decode to: service action, scope/type, keys, flags, initiators */
static const struct {
	const char *name;	/* of the file, too */
	uint8_t action;
	uint8_t scope_type;
	uint8_t reservation;	/* that the fuzzer sets up for it, as an index of types[] */
	const char *list;
	const char *wanted;
} goods[] = {
	{ "register", 0, 0, 0, NO_KEY "00000000 00 00 0000", "0 0/0 0 c" },
	{ "register-another-key", 0, 0, 1, KEYS "00000000 00 00 0000", "0 0/0 102030405060708 c" },
	{ "register-away", 0, 0, 2, "0102030405060708 0000000000000000 00000000 00 00 0000",
	  "0 0/0 102030405060708 0" },
	{ "register-flags", 0, 0, 0, NO_KEY "00000000 05 00 0000", "0 0/0 0 c aptpl all_tg_pt" },
	{ "register-aptpl", 0, 0, 0, NO_KEY "00000000 01 00 0000", "0 0/0 0 c aptpl" },
	{ "register-reserved-bits", 0, 0xff, 0, NO_KEY "ffffffff f2 ff ffff", "0 15/15 0 c" },
	{ "register-for-nobody-else", 0, 0, 0, NO_KEY "00000000 08 00 0000 00000000", "0 0/0 0 c spec_i_pt" },
	{ "register-for-one", 0, 0, 0, NO_KEY "00000000 08 00 0000 00000018 " SAS_ID,
	  "0 0/0 0 c spec_i_pt sas:5000c500a1b2c3d4" },
	{ "register-for-four", 0, 0, 4, NO_KEY "00000000 0d 00 0000 00000064 " FC_ID PORT_ID SRP_ID SAS_ID,
	  "0 0/0 0 c aptpl all_tg_pt spec_i_pt fc:10000000c9a1b2c4 iscsi:iqn.d,i,0x00023d000004 "
	  "srp:000102030405060708090a0b0c0d0e0f sas:5000c500a1b2c3d4" },
	{ "reserve", 1, 0x05, 0, KEYS "00000000 00 00 0000", "1 0/5 102030405060708 c" },
	{ "reserve-flags", 1, 0x11, 0, KEYS "00000000 05 00 0000", "1 1/1 102030405060708 c" },
	{ "reserve-spec-i-pt", 1, 0x01, 0, KEYS "00000000 08 00 0000", "1 0/1 102030405060708 c spec_i_pt" },
	{ "release", 2, 0x01, 1, KEYS "00000000 00 00 0000", "2 0/1 102030405060708 c" },
	{ "clear", 3, 0, 3, KEYS "00000000 00 00 0000", "3 0/0 102030405060708 c" },
	{ "preempt", 4, 0x03, 2, "000000000000000b 0102030405060708 00000000 00 00 0000",
	  "4 0/3 b 102030405060708" },
	{ "preempt-and-abort", 5, 0x08, 6, "000000000000000b 0000000000000000 00000000 00 00 0000", "5 0/8 b 0" },
	{ "ignore", 6, 0, 0, KEYS "00000000 05 00 0000", "6 0/0 102030405060708 c aptpl all_tg_pt" },
	{ "ignore-spec-i-pt", 6, 0, 0, KEYS "00000000 08 00 0000", "6 0/0 102030405060708 c spec_i_pt" },
	{ "move", 7, 0x01, 1, KEYS "00 00 0203 0000001c " PORT_ID,
	  "7 0/1 102030405060708 c to iscsi:iqn.d,i,0x00023d000004 at 203" },
	{ "move-flags", 7, 0x03, 2, KEYS "00 03 ffff 00000018 " FC_ID,
	  "7 0/3 102030405060708 c aptpl unreg to fc:10000000c9a1b2c4 at ffff" },
	{ "move-unreg", 7, 0x05, 3, KEYS "00 02 0001 00000018 " SRP_ID,
	  "7 0/5 102030405060708 c unreg to srp:000102030405060708090a0b0c0d0e0f at 1" },
	{ "move-aptpl", 7, 0x06, 4, KEYS "ff fd 0001 00000018 " SAS_ID,
	  "7 0/6 102030405060708 c aptpl to sas:5000c500a1b2c3d4 at 1" },
};
#define GOODS (sizeof(goods) / sizeof(*goods))

static void describe(const struct trbd_pr_out *out, char *text, size_t size)
{
	unsigned int i;
	size_t len = (size_t)snprintf(text, size, "%d %d/%d %llx %llx%s%s%s%s", out->action, out->scope, out->type,
				      (unsigned long long)out->key, (unsigned long long)out->action_key,
				      out->aptpl ? " aptpl" : "", out->all_tg_pt ? " all_tg_pt" : "",
				      out->spec_i_pt ? " spec_i_pt" : "", out->unreg ? " unreg" : "");

	for (i = 0; i < out->num_initiators; i++)
		len += (size_t)snprintf(text + len, size - len, " %s", out->initiators[i]);
	if (*out->move_to.initiator || out->move_rtpi)
		snprintf(text + len, size - len, " to %s at %x", out->move_to.initiator, out->move_rtpi);
}

static void check_good(void)
{
	unsigned int i;

	for (i = 0; i < GOODS; i++) {
		char got[1024] = "nothing";
		struct trbd_pr_out out;
		uint8_t list[256];
		size_t len = unhex(goods[i].list, list);
		enum trbd_pr_verdict verdict = decode(goods[i].action, goods[i].scope_type, list, len, &out);

		if (verdict == TRBD_PR_GOOD)
			describe(&out, got, sizeof(got));
		ktap_ok(!strcmp(got, goods[i].wanted), "%s", goods[i].name);
		if (strcmp(got, goods[i].wanted))
			printf("# got %s, wanted %s\n", got, goods[i].wanted);
		free(out.initiators);
	}
}

/* The decoder keeps the caller's part, and drops everything that an earlier command left. */
static void check_leftovers(void)
{
	struct trbd_pr_out out;
	uint8_t cdb[CDB_LEN], list[256];
	size_t len = unhex(KEYS "00000000 00 00 0000", list);

	memset(&out, 0xff, sizeof(out));
	out.nexus = cast[A];
	out.rtpi = 77;
	strcpy(out.move_to.target, "iqn.t,t,0x2");
	out.initiators = NULL;
	make_cdb(cdb, TRBD_PR_RESERVE, 1, len);
	ktap_ok(trbd_pr_out_decode(cdb, list, len, &out) == TRBD_PR_GOOD && !out.aptpl && !out.all_tg_pt && !out.spec_i_pt &&
	   !out.num_initiators && !*out.move_to.initiator && !out.move_rtpi && !out.unreg,
	   "nothing is left of what was there before");
	ktap_ok(!strcmp(out.nexus.initiator, cast[A].initiator) && out.rtpi == 77 &&
	   !strcmp(out.move_to.target, "iqn.t,t,0x2"), "but what is the caller's");
	len = unhex(KEYS "00 00 0203 0000001c " PORT_ID, list);
	make_cdb(cdb, TRBD_PR_REGISTER_AND_MOVE, 1, len);
	ktap_ok(trbd_pr_out_decode(cdb, list, len, &out) == TRBD_PR_GOOD && !strcmp(out.move_to.target, "iqn.t,t,0x2"),
	   "nor is the target that the registration moves to touched");
	/* byte 1 has three reserved bits, and nobody looks at the length in the CDB */
	memset(cdb + 3, 0xff, CDB_LEN - 3);
	cdb[1] = 0xe0 | TRBD_PR_REGISTER_AND_MOVE;
	ktap_ok(trbd_pr_out_decode(cdb, list, len, &out) == TRBD_PR_GOOD && out.action == TRBD_PR_REGISTER_AND_MOVE,
	   "the rest of the CDB does not matter");
}

#define CDB TRBD_PR_INVALID_CDB
#define LENGTH TRBD_PR_INVALID_LENGTH
#define PARAMETER TRBD_PR_INVALID_PARAMETER

static const struct {
	const char *what;
	uint8_t action;
	const char *list;
	enum trbd_pr_verdict wanted;
} bads[] = {
	{ "a service action that there is not", 8, NO_KEY "00000000 00 00 0000", CDB },
	{ "the last one that there is not", 31, NO_KEY "00000000 00 00 0000", CDB },
	{ "and with a bad length", 8, "", CDB },
	{ "no list", 0, "", LENGTH },
	{ "a key only", 1, "0102030405060708", LENGTH },
	{ "REGISTER, a byte less", 0, NO_KEY "00000000 00 00 00", LENGTH },
	{ "REGISTER, a byte more", 0, NO_KEY "00000000 00 00 0000 00", LENGTH },
	{ "REGISTER with TransportIDs, without SPEC_I_PT", 0, NO_KEY "00000000 00 00 0000 00000018 " FC_ID, LENGTH },
	{ "RESERVE with TransportIDs", 1, KEYS "00000000 08 00 0000 00000018 " FC_ID, LENGTH },
	{ "REGISTER AND IGNORE with TransportIDs", 6, KEYS "00000000 08 00 0000 00000018 " FC_ID, LENGTH },
	{ "SPEC_I_PT without a length", 0, NO_KEY "00000000 08 00 0000", LENGTH },
	{ "SPEC_I_PT with three bytes of a length", 0, NO_KEY "00000000 08 00 0000 000000", LENGTH },
	{ "SPEC_I_PT, a length that is too great", 0, NO_KEY "00000000 08 00 0000 00000018", PARAMETER },
	{ "SPEC_I_PT, a length with the highest bit", 0, NO_KEY "00000000 08 00 0000 ffffffff", PARAMETER },
	{ "SPEC_I_PT, a length that is too small", 0, NO_KEY "00000000 08 00 0000 00000018 " FC_ID FC_ID, PARAMETER },
	{ "SPEC_I_PT, more than words", 0, NO_KEY "00000000 08 00 0000 00000019 " FC_ID "00", PARAMETER },
	{ "SPEC_I_PT, less than a TransportID", 0, NO_KEY "00000000 08 00 0000 00000004 45000018", PARAMETER },
	{ "SPEC_I_PT, less than a second one", 0, NO_KEY "00000000 08 00 0000 0000001c " FC_ID "45000018", PARAMETER },
	{ "SPEC_I_PT, a TransportID that goes on", 0,
	  NO_KEY "00000000 08 00 0000 00000018 45000018 'iqn.d,i,0x00023d0000'", PARAMETER },
	{ "SPEC_I_PT, a protocol that is not known", 0,
	  NO_KEY "00000000 08 00 0000 00000018 03000000 0000000000000000 0000000000000000 00000000", PARAMETER },
	{ "SPEC_I_PT, an iSCSI node", 0, NO_KEY "00000000 08 00 0000 00000018 " NODE_ID, PARAMETER },
	{ "SPEC_I_PT, a node behind a port", 0, NO_KEY "00000000 08 00 0000 00000034 " PORT_ID NODE_ID, PARAMETER },
	{ "SPEC_I_PT, an iSCSI port without an ISID", 0,
	  NO_KEY "00000000 08 00 0000 00000018 45000014 'iqn.d' 000000 00000000 00000000 00000000", PARAMETER },
	{ "MOVE, a byte less", 7, KEYS "00 00 0203 000000", LENGTH },
	{ "MOVE without a TransportID", 7, KEYS "00 00 0203 00000000", PARAMETER },
	{ "MOVE, a length that is too great", 7, KEYS "00 00 0203 0000001c " FC_ID, PARAMETER },
	{ "MOVE, a length that is too small", 7, KEYS "00 00 0203 00000018 " FC_ID FC_ID, PARAMETER },
	{ "MOVE, a length with the highest bit", 7, KEYS "00 00 0203 ffffffea " FC_ID, PARAMETER },
	{ "MOVE, less than a TransportID", 7, KEYS "00 00 0203 00000004 45000018", PARAMETER },
	{ "MOVE to two", 7, KEYS "00 00 0203 00000030 " FC_ID FC_ID, PARAMETER },
	{ "MOVE to an iSCSI node", 7, KEYS "00 00 0203 00000018 " NODE_ID, PARAMETER },
	{ "MOVE to a protocol that is not known", 7,
	  KEYS "00 00 0203 00000018 03000000 0000000000000000 0000000000000000 00000000", PARAMETER },
};

static void check_bad(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(bads) / sizeof(*bads); i++) {
		uint8_t bytes[256], *list;
		size_t len = unhex(bads[i].list, bytes);
		struct trbd_pr_out out;
		enum trbd_pr_verdict verdict;

		list = room_for(len);
		memcpy(list, bytes, len);
		verdict = decode(bads[i].action, 0, list, len, &out);
		ktap_ok(verdict == bads[i].wanted, "%s", bads[i].what);
		if (verdict != bads[i].wanted)
			printf("# got %d, wanted %d\n", verdict, bads[i].wanted);
		free(out.initiators);
		free(list);
	}
}

/* A list of any length, all zeros: 24 bytes are right for everything but REGISTER AND MOVE. */
static void check_lengths(void)
{
	uint8_t zeros[300] = {};
	unsigned int action, wrong = 0;
	size_t len;

	for (action = 0; action < 32; action++) {
		for (len = 0; len <= sizeof(zeros); len++) {
			enum trbd_pr_verdict wanted = len == 24 ? TRBD_PR_GOOD : TRBD_PR_INVALID_LENGTH;
			struct trbd_pr_out out;

			if (action == TRBD_PR_REGISTER_AND_MOVE && len >= 24)
				wanted = TRBD_PR_INVALID_PARAMETER;
			if (action >= TRBD_PR_ACTIONS)
				wanted = TRBD_PR_INVALID_CDB;
			wrong += decode((uint8_t)action, 0, zeros, len, &out) != wanted;
			free(out.initiators);
		}
	}
	ktap_ok(!wrong, "every service action with a list of every length");
}

/*
 * A list that is cut anywhere is no list; with any byte changed, it is none or one that names
 * ports.
 */
static void check_damage(void)
{
	unsigned int i, taken = 0, wrong = 0;
	int byte;

	for (i = 0; i < GOODS; i++) {
		uint8_t bytes[256], *list;
		size_t len = unhex(goods[i].list, bytes), at;
		struct trbd_pr_out out;

		for (at = 0; at < len; at++) {
			list = room_for(at);
			memcpy(list, bytes, at);
			taken += decode(goods[i].action, 0, list, at, &out) == TRBD_PR_GOOD;
			free(out.initiators);
			free(list);
		}
		for (at = 0; at < len; at++) {
			uint8_t was = bytes[at];

			for (byte = 0; byte < 256; byte++) {
				bytes[at] = (uint8_t)byte;
				wrong += decode(goods[i].action, 0, bytes, len, &out) == TRBD_PR_GOOD &&
					 !names_are_good(&out);
				free(out.initiators);
			}
			bytes[at] = was;
		}
	}
	ktap_ok(!taken, "a list that was cut off is none");
	ktap_ok(!wrong, "with any byte changed, it is none or one that names ports");
}

/*
 * As many TransportIDs as a list of the greatest length has room for, of the shortest and of the
 * longest kind.
 */
static void check_long(void)
{
	static const size_t sizes[] = { 24, LONGEST_ID };
	unsigned int kind, i;

	for (kind = 0; kind < 2; kind++) {
		unsigned int n = (unsigned int)((TRBD_PR_LIST_MAX - 28) / sizes[kind]), wrong = 0;
		size_t len = 28 + n * sizes[kind];
		uint8_t *list = room_for(len);
		struct trbd_pr_out out;

		memset(list, 0, len);
		list[20] = 0x08;
		list[25] = (uint8_t)((len - 28) >> 16);
		list[26] = (uint8_t)((len - 28) >> 8);
		list[27] = (uint8_t)(len - 28);
		for (i = 0; i < n; i++) {
			char name[TRBD_PR_INITIATOR_MAX];

			snprintf(name, sizeof(name), kind ? "iscsi:iqn.%0219u,i,0x%012x" : "sas:%08x%08x", i, i);
			wrong += trbd_transport_id_encode(name, list + 28 + i * sizes[kind], sizes[kind]) !=
				 (int)sizes[kind];
		}
		ktap_ok(!wrong && decode(TRBD_PR_REGISTER, 0, list, len, &out) == TRBD_PR_GOOD && out.num_initiators == n &&
		   names_are_good(&out), "%s", kind ? "a list full of the longest names" : "and of the shortest");
		free(out.initiators);
		free(list);
	}
}

static void check_max_initiators(void)
{
	static const struct {
		uint8_t action;
		size_t len;
		unsigned int wanted;
	} rows[] = {
		{ 0, 0, 0 }, { 0, 24, 0 }, { 0, 27, 0 }, { 0, 28, 0 }, { 0, 51, 0 }, { 0, 52, 1 }, { 0, 75, 1 },
		{ 0, 76, 2 }, { 0, TRBD_PR_LIST_MAX, (TRBD_PR_LIST_MAX - 28) / 24 }, { 1, 76, 0 }, { 6, 76, 0 },
		{ 7, 76, 0 }, { 31, 76, 0 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint8_t cdb[CDB_LEN];
		char what[64];

		make_cdb(cdb, rows[i].action, 0, rows[i].len);
		snprintf(what, sizeof(what), "service action %u, %zu bytes: %u initiators at most", rows[i].action,
			 rows[i].len, rows[i].wanted);
		ktap_ok(trbd_pr_out_max_initiators(cdb, rows[i].len) == rows[i].wanted, "%s", what);
	}
}

/* From the bytes of a command to the bytes of an answer. */
static void check_whole_way(void)
{
	struct trbd_pr_out out;
	struct scene scene;
	uint8_t list[256];
	size_t len = unhex("0102030405060708 000000000000000c 00 02 0003 0000001c " PORT_ID, list);

	set(&scene, TRBD_PR_EXCLUSIVE_ACCESS);
	ktap_ok(decode(TRBD_PR_REGISTER_AND_MOVE, 0x03, list, len, &out) == TRBD_PR_GOOD, "REGISTER AND MOVE with UNREG");
	out.nexus = cast[A];
	strcpy(out.move_to.target, "iqn.t,t,0x3");
	ktap_ok(trbd_pr_out(&scene.state, &out) == TRBD_PR_GOOD, "is done");
	answers("and is in the full status", &scene.state, TRBD_PR_READ_FULL_STATUS,
		"11223345 00000064 " STATUS_B "0200 00000000 " ID_B
		"000000000000000c 00000000 0103 00000000 0003 0000001c 45000018 'iqn.d,i,0x00023d000004' 0000");
	free(out.initiators);
}

static int write_seeds(const char *folder)
{
	unsigned int i;

	for (i = 0; i < GOODS; i++) {
		uint8_t bytes[256] = { (uint8_t)(goods[i].reservation << 5 | goods[i].action), goods[i].scope_type };
		size_t len = 2 + unhex(goods[i].list, bytes + 2);
		char name[4096];
		FILE *file;

		snprintf(name, sizeof(name), "%s/%s", folder, goods[i].name);
		file = fopen(name, "w");
		if (!file || fwrite(bytes, 1, len, file) != len || fclose(file)) {
			perror(name);
			return 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return write_seeds(argv[1]);
	ktap_begin();
	check_answers();
	check_types();
	check_many();
	check_good();
	check_leftovers();
	check_bad();
	check_lengths();
	check_damage();
	check_long();
	check_max_initiators();
	check_whole_way();
	return ktap_end();
}

#endif /* !FUZZ */
