// SPDX-License-Identifier: GPL-2.0
/*
 * Reservations: every service action, for every type of reservation, by the holder, by another
 * registrant, and by a nexus that is not registered; which commands conflict; which nexus gets
 * which unit attention.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pr/rules.h"
#include "ktap.h"
#include "pr_scene.h"

static const char verdict_letters[] = "gcdprn";

/*
 * The outcome of a command in each scene: verdict (good, conflict, cDb, parameter, release, no
 * resources), the registrants afterwards, the holder, and the type.
 */
struct row {
	const char *what;
	enum trbd_pr_action action;
	enum who who;
	int key;		/* 0: the right one, else this */
	uint64_t action_key;
	uint8_t type;		/* 255: that of the reservation */
	const char *wanted[TYPES];
};

static const struct row rows[] = {
	{ "REGISTER, new", TRBD_PR_REGISTER, C, 0, 0xc, 0,
	  { "gABC-0", "gABCA1", "gABCA3", "gABCA5", "gABCA6", "gABC*7", "gABC*8" } },
	{ "REGISTER, new, with a key", TRBD_PR_REGISTER, C, 9, 0xc, 0,
	  { "cAB-0", "cABA1", "cABA3", "cABA5", "cABA6", "cAB*7", "cAB*8" } },
	{ "REGISTER, new, of nothing", TRBD_PR_REGISTER, C, 0, 0, 0,
	  { "gAB-0", "gABA1", "gABA3", "gABA5", "gABA6", "gAB*7", "gAB*8" } },
	{ "REGISTER, another key", TRBD_PR_REGISTER, B, 0, 0xd, 0,
	  { "gAB-0", "gABA1", "gABA3", "gABA5", "gABA6", "gAB*7", "gAB*8" } },
	{ "REGISTER, wrong key", TRBD_PR_REGISTER, B, 9, 0xd, 0,
	  { "cAB-0", "cABA1", "cABA3", "cABA5", "cABA6", "cAB*7", "cAB*8" } },
	{ "REGISTER, away, by a registrant", TRBD_PR_REGISTER, B, 0, 0, 0,
	  { "gA-0", "gAA1", "gAA3", "gAA5", "gAA6", "gA*7", "gA*8" } },
	{ "REGISTER, away, by the holder", TRBD_PR_REGISTER, A, 0, 0, 0,
	  { "gB-0", "gB-0", "gB-0", "gB-0", "gB-0", "gB*7", "gB*8" } },
	{ "REGISTER AND IGNORE, new", TRBD_PR_REGISTER_AND_IGNORE, C, 9, 0xc, 0,
	  { "gABC-0", "gABCA1", "gABCA3", "gABCA5", "gABCA6", "gABC*7", "gABC*8" } },
	{ "REGISTER AND IGNORE, another key", TRBD_PR_REGISTER_AND_IGNORE, A, 9, 0xd, 0,
	  { "gAB-0", "gABA1", "gABA3", "gABA5", "gABA6", "gAB*7", "gAB*8" } },
	{ "REGISTER AND IGNORE, away", TRBD_PR_REGISTER_AND_IGNORE, A, 9, 0, 0,
	  { "gB-0", "gB-0", "gB-0", "gB-0", "gB-0", "gB*7", "gB*8" } },
	{ "RESERVE, not registered", TRBD_PR_RESERVE, C, 0, 0, 1,
	  { "cAB-0", "cABA1", "cABA3", "cABA5", "cABA6", "cAB*7", "cAB*8" } },
	{ "RESERVE, by a registrant", TRBD_PR_RESERVE, B, 0, 0, 255,
	  { "dAB-0", "cABA1", "cABA3", "cABA5", "cABA6", "gAB*7", "gAB*8" } },
	{ "RESERVE, wrong key", TRBD_PR_RESERVE, A, 9, 0, 1,
	  { "cAB-0", "cABA1", "cABA3", "cABA5", "cABA6", "cAB*7", "cAB*8" } },
	{ "RESERVE, again by the holder", TRBD_PR_RESERVE, A, 0, 0, 255,
	  { "dAB-0", "gABA1", "gABA3", "gABA5", "gABA6", "gAB*7", "gAB*8" } },
	{ "RESERVE, type 1", TRBD_PR_RESERVE, A, 0, 0, 1,
	  { "gABA1", "gABA1", "cABA3", "cABA5", "cABA6", "cAB*7", "cAB*8" } },
	{ "RESERVE, type 8", TRBD_PR_RESERVE, A, 0, 0, 8,
	  { "gAB*8", "cABA1", "cABA3", "cABA5", "cABA6", "cAB*7", "gAB*8" } },
	{ "RESERVE, type 2", TRBD_PR_RESERVE, A, 0, 0, 2,
	  { "dAB-0", "dABA1", "dABA3", "dABA5", "dABA6", "dAB*7", "dAB*8" } },
	{ "RELEASE, not registered", TRBD_PR_RELEASE, C, 0, 0, 255,
	  { "cAB-0", "cABA1", "cABA3", "cABA5", "cABA6", "cAB*7", "cAB*8" } },
	{ "RELEASE, by a registrant", TRBD_PR_RELEASE, B, 0, 0, 255,
	  { "gAB-0", "gABA1", "gABA3", "gABA5", "gABA6", "gAB-0", "gAB-0" } },
	{ "RELEASE, by the holder", TRBD_PR_RELEASE, A, 0, 0, 255,
	  { "gAB-0", "gAB-0", "gAB-0", "gAB-0", "gAB-0", "gAB-0", "gAB-0" } },
	{ "RELEASE, type 3", TRBD_PR_RELEASE, A, 0, 0, 3,
	  { "gAB-0", "rABA1", "gAB-0", "rABA5", "rABA6", "rAB*7", "rAB*8" } },
	{ "CLEAR, not registered", TRBD_PR_CLEAR, C, 0, 0, 0,
	  { "cAB-0", "cABA1", "cABA3", "cABA5", "cABA6", "cAB*7", "cAB*8" } },
	{ "CLEAR, by a registrant", TRBD_PR_CLEAR, B, 0, 0, 0,
	  { "g-0", "g-0", "g-0", "g-0", "g-0", "g-0", "g-0" } },
	{ "PREEMPT, not registered", TRBD_PR_PREEMPT, C, 0, 0xa, 1,
	  { "cAB-0", "cABA1", "cABA3", "cABA5", "cABA6", "cAB*7", "cAB*8" } },
	{ "PREEMPT of the holder's key", TRBD_PR_PREEMPT, B, 0, 0xa, 3,
	  { "gB-0", "gBB3", "gBB3", "gBB3", "gBB3", "gB*7", "gB*8" } },
	{ "PREEMPT of the holder's key, type 4", TRBD_PR_PREEMPT, B, 0, 0xa, 4,
	  { "gB-0", "dABA1", "dABA3", "dABA5", "dABA6", "gB*7", "gB*8" } },
	{ "PREEMPT AND ABORT, to all registrants", TRBD_PR_PREEMPT_AND_ABORT, B, 0, 0xa, 7,
	  { "gB-0", "gB*7", "gB*7", "gB*7", "gB*7", "gB*7", "gB*8" } },
	{ "PREEMPT of a registrant's key", TRBD_PR_PREEMPT, A, 0, 0xb, 3,
	  { "gA-0", "gAA1", "gAA3", "gAA5", "gAA6", "gA*7", "gA*8" } },
	{ "PREEMPT of the own key, by the holder", TRBD_PR_PREEMPT, A, 0, 0xa, 6,
	  { "gB-0", "gABA6", "gABA6", "gABA6", "gABA6", "gB*7", "gB*8" } },
	{ "PREEMPT of key 0", TRBD_PR_PREEMPT, B, 0, 0, 1,
	  { "pAB-0", "pABA1", "pABA3", "pABA5", "pABA6", "gBB1", "gBB1" } },
	{ "PREEMPT of a key that nobody has", TRBD_PR_PREEMPT, B, 0, 0xf, 1,
	  { "cAB-0", "cABA1", "cABA3", "cABA5", "cABA6", "cAB*7", "cAB*8" } },
};

static void play(const struct row *row)
{
	unsigned int i;

	for (i = 0; i < TYPES; i++) {
		char got[16], what[128];
		struct scene scene, before;
		enum trbd_pr_verdict verdict;
		uint8_t type = row->type == 255 ? types[i] : row->type;

		set(&scene, types[i]);
		before = copy(&scene);
		verdict = act(&scene, row->action, row->who, row->key ? (uint64_t)row->key : keys[row->who],
			      row->action_key, type);
		/* the scene is of no use when the command was not good */
		if (verdict != TRBD_PR_GOOD)
			scene = copy(&before);
		scene.state.registrations = scene.registrations;
		snprintf(got, sizeof(got), "%c%s%s%s%c%d", verdict_letters[verdict], registered(&scene, A) ? "A" : "",
			 registered(&scene, B) ? "B" : "", registered(&scene, C) ? "C" : "", holder(&scene),
			 scene.state.type);
		snprintf(what, sizeof(what), "%s, reservation type %d", row->what, types[i]);
		ktap_ok(!strcmp(got, row->wanted[i]), "%s", what);
		if (strcmp(got, row->wanted[i]))
			printf("# got %s, wanted %s\n", got, row->wanted[i]);
	}
}

/* SPC-4 table 45: conflicts by type none 1 3 5 6 7 8 */
static const struct {
	const char *what;
	enum trbd_pr_access access;
	enum who who;
	const char *wanted;
} conflicts[] = {
	{ "INQUIRY, not registered", TRBD_PR_ACCESS_ALWAYS, C, "0000000" },
	{ "TEST UNIT READY, not registered", TRBD_PR_ACCESS_OTHER, C, "0000000" },
	{ "READ, holder", TRBD_PR_ACCESS_READ, A, "0000000" },
	{ "READ, registered", TRBD_PR_ACCESS_READ, B, "0010000" },
	{ "READ, not registered", TRBD_PR_ACCESS_READ, C, "0010101" },
	{ "WRITE, holder", TRBD_PR_ACCESS_WRITE, A, "0000000" },
	{ "WRITE, registered", TRBD_PR_ACCESS_WRITE, B, "0110000" },
	{ "WRITE, not registered", TRBD_PR_ACCESS_WRITE, C, "0111111" },
};

static void check_conflicts(void)
{
	unsigned int i, t;

	for (i = 0; i < sizeof(conflicts) / sizeof(*conflicts); i++) {
		char got[TYPES + 1] = "";

		for (t = 0; t < TYPES; t++) {
			struct scene scene;

			set(&scene, types[t]);
			got[t] = '0' + (trbd_pr_forbidden(&scene.state, &cast[conflicts[i].who]) >> conflicts[i].access & 1);
		}
		ktap_ok(!strcmp(got, conflicts[i].wanted), "%s", conflicts[i].what);
	}
}

/* SPC-2 beside persistent reservations, by type none 1 3 5 6 7 8 */
static void check_spc2(void)
{
	static const char *const wanted[CAST] = { "cgggggg", "cccgggg", "ccccccc" };
	struct scene scene;
	int who;
	unsigned int t;

	for (who = A; who < CAST; who++) {
		char reserve[TYPES + 1] = "", release[TYPES + 1] = "";

		for (t = 0; t < TYPES; t++) {
			set(&scene, types[t]);
			reserve[t] = verdict_letters[trbd_pr_reserve_spc2(&scene.state, &cast[who])];
			release[t] = verdict_letters[trbd_pr_release_spc2(&scene.state, &cast[who])];
			if (*scene.state.spc2.initiator)
				reserve[t] = '!';
		}
		ktap_ok(!strcmp(reserve, wanted[who]), "RESERVE (6) beside registrations");
		ktap_ok(!strcmp(release, wanted[who]), "RELEASE (6) beside registrations");
	}

	set(&scene, 0);
	act(&scene, TRBD_PR_CLEAR, A, keys[A], 0, 0);
	ktap_ok(trbd_pr_reserve_spc2(&scene.state, &cast[C]) == TRBD_PR_GOOD, "RESERVE (6)");
	ktap_ok(trbd_pr_reserve_spc2(&scene.state, &cast[C]) == TRBD_PR_GOOD, "again");
	ktap_ok(trbd_pr_reserve_spc2(&scene.state, &cast[A]) == TRBD_PR_CONFLICT, "by another");
	ktap_ok(trbd_pr_forbidden(&scene.state, &cast[A]) >> TRBD_PR_ACCESS_OTHER & 1, "TEST UNIT READY of another conflicts");
	ktap_ok(!(trbd_pr_forbidden(&scene.state, &cast[A]) >> TRBD_PR_ACCESS_ALWAYS & 1), "INQUIRY does not");
	ktap_ok(!(trbd_pr_forbidden(&scene.state, &cast[C]) >> TRBD_PR_ACCESS_WRITE & 1), "the holder may write");
	ktap_ok(act(&scene, TRBD_PR_REGISTER, A, 0, 1, 0) == TRBD_PR_CONFLICT, "REGISTER of another conflicts");
	ktap_ok(act(&scene, TRBD_PR_REGISTER, C, 0, 1, 0) == TRBD_PR_CONFLICT, "and of the holder");
	ktap_ok(trbd_pr_release_spc2(&scene.state, &cast[A]) == TRBD_PR_GOOD && *scene.state.spc2.initiator,
	   "RELEASE by another does nothing");
	ktap_ok(trbd_pr_release_spc2(&scene.state, &cast[C]) == TRBD_PR_GOOD && !*scene.state.spc2.initiator,
	   "RELEASE by the holder");
}

static void check_move(void)
{
	struct trbd_pr_out out = {
		.action = TRBD_PR_REGISTER_AND_MOVE, .nexus = cast[A], .key = 0xa, .action_key = 0xc, .move_to = cast[C],
		.move_rtpi = 2,
	};
	struct scene scene;

	set(&scene, 1);
	ktap_ok(trbd_pr_out(&scene.state, &out) == TRBD_PR_GOOD && holder(&scene) == 'C' && registered(&scene, A),
	   "REGISTER AND MOVE to one that is not registered");
	set(&scene, 1);
	out.unreg = true;
	ktap_ok(trbd_pr_out(&scene.state, &out) == TRBD_PR_GOOD && holder(&scene) == 'C' && !registered(&scene, A),
	   "with UNREG");
	set(&scene, 6);
	out.move_to = cast[B];
	ktap_ok(trbd_pr_out(&scene.state, &out) == TRBD_PR_GOOD && holder(&scene) == 'B' &&
	   trbd_pr_find(&scene.state, &cast[B])->key == 0xc, "to one that is");
	set(&scene, 0);
	ktap_ok(trbd_pr_out(&scene.state, &out) == TRBD_PR_INVALID_CDB, "without a reservation");
	set(&scene, 7);
	ktap_ok(trbd_pr_out(&scene.state, &out) == TRBD_PR_CONFLICT, "of a reservation of all registrants");
	set(&scene, 3);
	out.move_to = cast[A];
	ktap_ok(trbd_pr_out(&scene.state, &out) == TRBD_PR_INVALID_PARAMETER, "to itself");
	out.move_to = cast[C];
	out.action_key = 0;
	ktap_ok(trbd_pr_out(&scene.state, &out) == TRBD_PR_INVALID_PARAMETER, "with key 0");
	out.action_key = 0xc;
	scene.state.room = scene.state.count;
	ktap_ok(trbd_pr_out(&scene.state, &out) == TRBD_PR_NO_RESOURCES, "without room");
	out.nexus = cast[B];
	out.key = 0xb;
	ktap_ok(trbd_pr_out(&scene.state, &out) == TRBD_PR_CONFLICT, "by one that does not hold");
	out.action = TRBD_PR_ACTIONS;
	ktap_ok(trbd_pr_out(&scene.state, &out) == TRBD_PR_INVALID_CDB, "a service action that there is not");
}

static void check_ports(void)
{
	char others[3][TRBD_PR_INITIATOR_MAX] = { "iscsi:iqn.x,i,0x1", "iscsi:iqn.y,i,0x1", "iscsi:iqn.z,i,0x1" };
	struct trbd_pr_nexus elsewhere = cast[C];
	struct trbd_pr_out out = {
		.action = TRBD_PR_REGISTER, .nexus = cast[C], .action_key = 0xc, .spec_i_pt = true, .initiators = others,
		.num_initiators = 3, .aptpl = true,
	};
	struct scene scene;

	set(&scene, 0);
	ktap_ok(trbd_pr_out(&scene.state, &out) == TRBD_PR_GOOD && scene.state.count == 6 && scene.state.aptpl,
	   "SPEC_I_PT registers the others too");
	set(&scene, 0);
	strcpy(others[2], cast[C].initiator);
	ktap_ok(trbd_pr_out(&scene.state, &out) == TRBD_PR_INVALID_PARAMETER, "not one that is registered already");
	set(&scene, 0);
	strcpy(others[2], "iscsi:iqn.z,i,0x1");
	scene.state.room = 4;
	ktap_ok(trbd_pr_out(&scene.state, &out) == TRBD_PR_NO_RESOURCES, "not without room");
	set(&scene, 0);
	out.nexus = cast[A];
	out.key = 0xa;
	ktap_ok(trbd_pr_out(&scene.state, &out) == TRBD_PR_INVALID_CDB, "not through a nexus that is registered");
	out.action = TRBD_PR_REGISTER_AND_IGNORE;
	ktap_ok(trbd_pr_out(&scene.state, &out) == TRBD_PR_INVALID_PARAMETER, "with REGISTER only");
	out.action = TRBD_PR_CLEAR;
	ktap_ok(trbd_pr_out(&scene.state, &out) == TRBD_PR_INVALID_PARAMETER, "and not with others");

	set(&scene, 3);
	memset(&out, 0, sizeof(out));
	out.action = TRBD_PR_REGISTER;
	out.nexus = cast[C];
	out.action_key = 0xc;
	out.all_tg_pt = true;
	strcpy(elsewhere.target, "iqn.t,t,0x9");
	ktap_ok(trbd_pr_out(&scene.state, &out) == TRBD_PR_GOOD && trbd_pr_find(&scene.state, &elsewhere),
	   "ALL_TG_PT registers for every target port");
	strcpy(elsewhere.initiator, "iscsi:iqn.d,i,0x1");
	ktap_ok(!trbd_pr_find(&scene.state, &elsewhere), "but not every initiator");
}

/* A holds through one port, and is registered through another one with another key. */
static void set_two_ports(struct scene *scene, uint64_t other_key)
{
	struct trbd_pr_out out = { .action = TRBD_PR_REGISTER, .action_key = other_key, .nexus = cast[A] };

	set(scene, 3);
	strcpy(out.nexus.target, "iqn.t,t,0x9");
	if (trbd_pr_out(&scene->state, &out) != TRBD_PR_GOOD)
		exit(1);
}

static enum trbd_pr_verdict preempt(struct scene *scene, const struct trbd_pr_nexus *nexus, uint64_t key, uint64_t action_key,
				    uint8_t type)
{
	struct trbd_pr_out out = { .action = TRBD_PR_PREEMPT, .type = type, .nexus = *nexus, .rtpi = 1, .key = key,
				   .action_key = action_key };

	scene->state.registrations = scene->registrations;
	return trbd_pr_out(&scene->state, &out);
}

/* There is no other scope than the logical unit. */
static void check_scope(void)
{
	struct trbd_pr_out out = { .nexus = cast[A], .key = 0xa, .scope = 1, .type = 1 };
	struct scene scene;

	set(&scene, 0);
	out.action = TRBD_PR_RESERVE;
	ktap_ok(trbd_pr_out(&scene.state, &out) == TRBD_PR_INVALID_CDB, "RESERVE of another scope");
	set(&scene, 1);
	out.action = TRBD_PR_RELEASE;
	ktap_ok(trbd_pr_out(&scene.state, &out) == TRBD_PR_INVALID_RELEASE && holder(&scene) == 'A', "RELEASE of another scope");
	out.action = TRBD_PR_PREEMPT;
	out.nexus = cast[B];
	out.key = keys[B];
	out.action_key = keys[A];
	ktap_ok(trbd_pr_out(&scene.state, &out) == TRBD_PR_INVALID_CDB && holder(&scene) == 'A', "PREEMPT of another scope");
	out.scope = 0;
	ktap_ok(trbd_pr_out(&scene.state, &out) == TRBD_PR_GOOD && holder(&scene) == 'B', "PREEMPT of this one");
	out.scope = 1;
	ktap_ok(trbd_pr_out(&scene.state, &out) == TRBD_PR_CONFLICT, "again, of another scope: it was another command");
}

/* An initiator that did not hear the end of its PREEMPT sends it again, also by another path. */
static void check_preempt_again(void)
{
	struct trbd_pr_nexus path = cast[B];
	struct trbd_pr_out registers = { .action = TRBD_PR_REGISTER, .action_key = keys[B] };
	struct scene scene;
	unsigned int generation;

	strcpy(path.target, "iqn.t,t,0x9");
	registers.nexus = path;
	set(&scene, 5);
	trbd_pr_out(&scene.state, &registers);
	ktap_ok(act(&scene, TRBD_PR_PREEMPT, B, keys[B], keys[A], 5) == TRBD_PR_GOOD && holder(&scene) == 'B',
		"PREEMPT of the holder");
	generation = scene.state.generation;
	ktap_ok(preempt(&scene, &path, keys[B], keys[A], 5) == TRBD_PR_GOOD && holder(&scene) == 'B' &&
		scene.state.generation == generation, "again by another path: GOOD, and nothing changes");
	ktap_ok(preempt(&scene, &cast[B], keys[B], keys[A], 5) == TRBD_PR_GOOD, "and by the same one");
	ktap_ok(preempt(&scene, &cast[C], keys[B], keys[A], 5) == TRBD_PR_CONFLICT, "not by who is not registered");
	ktap_ok(preempt(&scene, &path, keys[B], keys[A], 1) == TRBD_PR_CONFLICT, "another type is another command");
	ktap_ok(preempt(&scene, &path, keys[B], 0xe, 5) == TRBD_PR_CONFLICT, "another key as well");
	act(&scene, TRBD_PR_RELEASE, B, keys[B], 0, 5);
	ktap_ok(preempt(&scene, &path, keys[B], keys[A], 5) == TRBD_PR_CONFLICT, "its reservation is gone: it is not done");

	set(&scene, 5);
	act(&scene, TRBD_PR_REGISTER, C, 0, 0xc, 0);
	ktap_ok(act(&scene, TRBD_PR_PREEMPT, B, keys[B], 0xc, 5) == TRBD_PR_GOOD && !registered(&scene, C),
		"PREEMPT of a registration");
	ktap_ok(act(&scene, TRBD_PR_PREEMPT, B, keys[B], 0xc, 5) == TRBD_PR_GOOD && holder(&scene) == 'A',
		"again: GOOD, and A goes on holding");
	ktap_ok(act(&scene, TRBD_PR_PREEMPT, A, keys[A], 0xc, 5) == TRBD_PR_CONFLICT, "A has preempted nobody");
	act(&scene, TRBD_PR_REGISTER, C, 0, 0xc, 0);
	act(&scene, TRBD_PR_REGISTER, C, 0xc, 0, 0);
	ktap_ok(act(&scene, TRBD_PR_PREEMPT, B, keys[B], 0xc, 5) == TRBD_PR_CONFLICT,
		"C has been there again and went by itself: there is nobody to preempt");
}

/*
 * A registration for all target ports is also one for those that A is registered through already.
 */
static void check_all_ports(void)
{
	struct trbd_pr_out all = { .action = TRBD_PR_REGISTER_AND_IGNORE, .action_key = 0xe, .nexus = cast[A],
				   .all_tg_pt = true };
	struct trbd_pr_nexus elsewhere = cast[A], third = cast[A];
	struct scene scene, old;

	strcpy(elsewhere.target, "iqn.t,t,0x9");
	strcpy(third.target, "iqn.t,t,0x7");

	set(&scene, 3);
	ktap_ok(trbd_pr_out(&scene.state, &all) == TRBD_PR_GOOD && scene.state.count == 2 &&
	   trbd_pr_find(&scene.state, &third) && trbd_pr_find(&scene.state, &third)->key == 0xe,
	   "ALL_TG_PT of who is registered through one port: now through all of them");
	ktap_ok(holder(&scene) == 'A', "the holder goes on holding");

	set_two_ports(&scene, 0xf);
	old = copy(&scene);
	old.state.registrations = old.registrations;
	ktap_ok(trbd_pr_out(&scene.state, &all) == TRBD_PR_GOOD && scene.state.count == 2 &&
	   trbd_pr_find(&scene.state, &elsewhere)->key == 0xe, "of who is registered through two: one registration, one key");
	ktap_ok(holder(&scene) == 'A', "which holds what one of them held");
	ktap_ok(trbd_pr_attention(&old.state, &scene.state, all.action, &cast[A], &elsewhere) == TRBD_PR_TELL_NOTHING,
	   "and neither was preempted");
	ktap_ok(act(&scene, TRBD_PR_PREEMPT, B, keys[B], 0xe, 3) == TRBD_PR_GOOD && !registered(&scene, A) &&
	   !trbd_pr_find(&scene.state, &elsewhere), "PREEMPT of that key leaves it no port");

	set_two_ports(&scene, 0xf);
	all.nexus.target[strlen(all.nexus.target) - 1] = '9';
	ktap_ok(trbd_pr_out(&scene.state, &all) == TRBD_PR_GOOD && scene.state.count == 2 && holder(&scene) == 'A',
	   "also when it comes by the port that does not hold");
	all.nexus = cast[A];

	set_two_ports(&scene, 0xf);
	all.action = TRBD_PR_REGISTER;
	all.key = keys[A];
	ktap_ok(trbd_pr_out(&scene.state, &all) == TRBD_PR_CONFLICT, "REGISTER conflicts when a port has another key");
	set_two_ports(&scene, keys[A]);
	ktap_ok(trbd_pr_out(&scene.state, &all) == TRBD_PR_GOOD && scene.state.count == 2, "and not when all have that one");
	all.action_key = 0;
	all.key = 0xe;
	ktap_ok(trbd_pr_out(&scene.state, &all) == TRBD_PR_GOOD && scene.state.count == 1 && holder(&scene) == '-',
	   "key 0: no port is left, and the reservation is released");

	set_two_ports(&scene, keys[A]);
	all.action = TRBD_PR_REGISTER_AND_IGNORE;
	ktap_ok(trbd_pr_out(&scene.state, &all) == TRBD_PR_GOOD && scene.state.count == 1 && holder(&scene) == '-',
	   "also with REGISTER AND IGNORE of two registrations");
}

static enum trbd_pr_attention told(uint8_t type, enum trbd_pr_action action, enum who actor, uint64_t action_key,
				   uint8_t new_type, enum who whom)
{
	struct scene old, new;

	set(&old, type);
	new = copy(&old);
	new.state.registrations = new.registrations;
	if (act(&new, action, actor, keys[actor], action_key, new_type) != TRBD_PR_GOOD)
		return -1;
	return trbd_pr_attention(&old.state, &new.state, action, &cast[actor], &cast[whom]);
}

/* A registers for all target ports, and clears through one of them. */
static void check_attention_all_ports(void)
{
	struct trbd_pr_out out = { .action = TRBD_PR_REGISTER, .action_key = 1, .nexus = cast[A], .all_tg_pt = true };
	struct trbd_pr_out move = {
		.action = TRBD_PR_REGISTER_AND_MOVE, .nexus = cast[A], .key = 1, .action_key = 2, .move_to = cast[C],
		.move_rtpi = 2, .unreg = true,
	};
	struct trbd_pr_nexus elsewhere = cast[A];
	struct scene old, new;

	set(&old, 0);
	old.state.count = 0;
	trbd_pr_out(&old.state, &out);
	new = copy(&old);
	new.state.registrations = new.registrations;
	act(&new, TRBD_PR_CLEAR, A, 1, 0, 0);
	strcpy(elsewhere.target, "iqn.t:elsewhere,t,0x2");
	ktap_ok(trbd_pr_attention(&old.state, &new.state, TRBD_PR_CLEAR, &cast[A], &elsewhere) ==
	   TRBD_PR_TELL_RESERVATIONS_PREEMPTED, "CLEAR: the initiator's other target ports");
	ktap_ok(trbd_pr_attention(&old.state, &new.state, TRBD_PR_CLEAR, &cast[A], &cast[A]) == TRBD_PR_TELL_NOTHING,
	   "CLEAR: not the one it came by");
	ktap_ok(trbd_pr_attention(&old.state, &new.state, TRBD_PR_CLEAR, &cast[A], &cast[C]) == TRBD_PR_TELL_NOTHING,
	   "nor who was not registered");

	new = copy(&old);
	new.state.registrations = new.registrations;
	out.key = 1;
	out.action_key = 0;
	trbd_pr_out(&new.state, &out);
	ktap_ok(!new.state.count && trbd_pr_attention(&old.state, &new.state, TRBD_PR_REGISTER, &cast[A], &elsewhere) ==
	   TRBD_PR_TELL_NOTHING, "key 0 for all target ports: nobody was preempted");

	/* it held the reservation by all its target ports, and gives it away by one of them */
	act(&old, TRBD_PR_RESERVE, A, 1, 0, 1);
	new = copy(&old);
	new.state.registrations = new.registrations;
	ktap_ok(trbd_pr_out(&new.state, &move) == TRBD_PR_GOOD && !trbd_pr_find(&new.state, &elsewhere) &&
	   trbd_pr_attention(&old.state, &new.state, TRBD_PR_REGISTER_AND_MOVE, &cast[A], &elsewhere) ==
	   TRBD_PR_TELL_NOTHING, "REGISTER AND MOVE with UNREG: nobody was preempted either");
}

static void check_attentions(void)
{
	check_attention_all_ports();
	ktap_ok(told(1, TRBD_PR_CLEAR, B, 0, 0, A) == TRBD_PR_TELL_RESERVATIONS_PREEMPTED, "CLEAR: others");
	ktap_ok(told(1, TRBD_PR_CLEAR, B, 0, 0, B) == TRBD_PR_TELL_NOTHING, "CLEAR: not the one who did it");
	ktap_ok(told(1, TRBD_PR_PREEMPT, B, 0xa, 1, A) == TRBD_PR_TELL_REGISTRATIONS_PREEMPTED, "PREEMPT: who was removed");
	ktap_ok(told(1, TRBD_PR_PREEMPT_AND_ABORT, B, 0xa, 1, A) == TRBD_PR_TELL_REGISTRATIONS_PREEMPTED,
	   "so with PREEMPT AND ABORT");
	ktap_ok(told(5, TRBD_PR_RELEASE, A, 0, 5, B) == TRBD_PR_TELL_RESERVATIONS_RELEASED, "RELEASE: registrants");
	ktap_ok(told(8, TRBD_PR_RELEASE, B, 0, 8, A) == TRBD_PR_TELL_RESERVATIONS_RELEASED, "RELEASE of all registrants'");
	ktap_ok(told(1, TRBD_PR_RELEASE, A, 0, 1, B) == TRBD_PR_TELL_NOTHING, "RELEASE of type 1: nobody");
	ktap_ok(told(6, TRBD_PR_REGISTER, A, 0, 0, B) == TRBD_PR_TELL_RESERVATIONS_RELEASED, "the holder goes: registrants");
	ktap_ok(told(3, TRBD_PR_REGISTER, A, 0, 0, B) == TRBD_PR_TELL_NOTHING, "the holder of type 3 goes: nobody");
	ktap_ok(told(5, TRBD_PR_PREEMPT, A, 0xa, 6, B) == TRBD_PR_TELL_RESERVATIONS_RELEASED, "another type: registrants");
	ktap_ok(told(1, TRBD_PR_PREEMPT, A, 0xa, 3, B) == TRBD_PR_TELL_RESERVATIONS_RELEASED, "whichever it was");
	ktap_ok(told(1, TRBD_PR_PREEMPT, A, 0xa, 1, B) == TRBD_PR_TELL_NOTHING, "the same type: nobody");
	ktap_ok(told(5, TRBD_PR_PREEMPT, A, 0xa, 5, B) == TRBD_PR_TELL_NOTHING, "the same type: nobody");
	ktap_ok(told(1, TRBD_PR_REGISTER, B, 0xd, 0, A) == TRBD_PR_TELL_NOTHING, "another key: nobody");
}

/* PRGENERATION: SPC-4 6.15.2 */
static void check_generation(void)
{
	struct trbd_pr_out nothing = { .nexus = cast[A], .aptpl = true };
	struct trbd_pr_out elsewhere = { .action = TRBD_PR_REGISTER, .nexus = cast[A], .action_key = 7 };
	struct scene scene;

	strcpy(elsewhere.nexus.target, "iqn.t:elsewhere,t,0x2");
	set(&scene, 1);
	ktap_ok(scene.state.generation == 2, "REGISTER counts, RESERVE does not");
	act(&scene, TRBD_PR_RELEASE, A, keys[A], 0, 1);
	ktap_ok(scene.state.generation == 2, "RELEASE does not");
	act(&scene, TRBD_PR_PREEMPT, A, keys[A], keys[B], 1);
	ktap_ok(scene.state.generation == 3, "PREEMPT does");
	act(&scene, TRBD_PR_CLEAR, A, keys[A], 0, 0);
	ktap_ok(scene.state.generation == 4, "CLEAR does");
	scene.state.aptpl = false;
	nothing.action = TRBD_PR_REGISTER;
	ktap_ok(trbd_pr_out(&scene.state, &nothing) == TRBD_PR_GOOD && scene.state.generation == 4 && !scene.state.aptpl,
	   "REGISTER of key 0 by who is not registered changes nothing");
	nothing.action = TRBD_PR_REGISTER_AND_IGNORE;
	ktap_ok(trbd_pr_out(&scene.state, &nothing) == TRBD_PR_GOOD && scene.state.generation == 4 && !scene.state.aptpl,
	   "nor does REGISTER AND IGNORE EXISTING KEY");
	nothing.all_tg_pt = true;
	ktap_ok(trbd_pr_out(&scene.state, &nothing) == TRBD_PR_GOOD && scene.state.generation == 4 && !scene.state.aptpl,
	   "for all target ports neither");
	trbd_pr_out(&scene.state, &elsewhere);
	ktap_ok(trbd_pr_out(&scene.state, &nothing) == TRBD_PR_GOOD && scene.state.generation == 6 && !scene.state.count,
	   "but another port's registration goes");
}

/* The record wants numbers that ascend, and none that is 0. */
static void check_numbers(uint8_t type, char holds)
{
	struct scene scene;
	unsigned int i;

	set(&scene, type);
	scene.state.incarnations = (uint32_t)-1;
	scene.state.registrations[scene.state.count - 1].incarnation = scene.state.incarnations;
	ktap_ok(act(&scene, TRBD_PR_REGISTER, C, 0, 0xc, 0) == TRBD_PR_GOOD && registered(&scene, C),
		"type %u: who registers when the numbers are used up", type);
	for (i = 1; i < scene.state.count; i++) {
		if (scene.state.registrations[i].incarnation <= scene.state.registrations[i - 1].incarnation)
			break;
	}
	ktap_ok(i == scene.state.count && scene.state.registrations[0].incarnation &&
		scene.state.registrations[i - 1].incarnation <= scene.state.incarnations,
		"type %u: has a number behind all others", type);
	ktap_ok(holder(&scene) == holds, "type %u: and the holder stays", type);
}

int main(void)
{
	unsigned int i;

	ktap_begin();
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		play(&rows[i]);
	check_conflicts();
	check_spc2();
	check_move();
	check_ports();
	check_scope();
	check_preempt_again();
	check_all_ports();
	check_attentions();
	check_generation();
	check_numbers(1, 'A');
	check_numbers(7, '*');
	return ktap_end();
}
