// SPDX-License-Identifier: GPL-2.0
/*
 * Random commands for the model (model.c).
 *
 * Keys are few, and commands know the state: most of them make sense in it, because purely random
 * ones would all be refused. Some have another key, a type or scope that does not exist, a bit
 * where it does not belong, or a parameter list that is cut, longer than it says, or damaged. Where
 * a list is well formed the step also has the values that it was made from.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>

#include "pr/parameters.h"
#include "pr/transport_id.h"
#include "steps.h"

/* initiator ports without a session */
static const char *const strangers[] = {
	"iscsi:iqn.2026-11.test.lab:stranger,i,0x400000000001",
	"sas:5000c50012345678",
	"fc:21000024ff123456",
	"srp:00112233445566778899aabbccddeeff",
};

#define STRANGERS (sizeof(strangers) / sizeof(*strangers))

static const uint64_t keys[] = { 0, 1, 2, 3, 4, 0xfedcba9876543210 };

#define KEYS (sizeof(keys) / sizeof(*keys))

const char *const out_names[] = {
	"REGISTER", "RESERVE", "RELEASE", "CLEAR", "PREEMPT", "PREEMPT AND ABORT", "REGISTER AND IGNORE EXISTING KEY",
	"REGISTER AND MOVE",
};

static const char *const in_names[] = { "READ KEYS", "READ RESERVATION", "REPORT CAPABILITIES", "READ FULL STATUS" };

uint8_t list[LIST_MAX], block[BLOCK];
static char intended[INITIATORS_MAX][TRBD_PR_INITIATOR_MAX];

static void note(struct step *step, const char *format, ...)
{
	size_t len = strlen(step->text);
	va_list args;

	va_start(args, format);
	vsnprintf(step->text + len, sizeof(step->text) - len, format, args);
	va_end(args);
}

bool one_in(unsigned int n)
{
	return !below(n);
}

static uint64_t some_key(void)
{
	return keys[below(KEYS)];
}

const char *some_stranger(void)
{
	return strangers[below(STRANGERS)];
}

const struct trbd_pr_registration *registration_of(int who)
{
	return trbd_pr_find(&state, &clients[who].id);
}

static uint8_t some_type(void)
{
	static const uint8_t types[] = { 1, 3, 5, 6, 7, 8 };

	if (state.type != TRBD_PR_NONE && one_in(2))
		return (uint8_t)state.type;
	return one_in(12) ? (uint8_t)below(16) : types[below(sizeof(types))];
}

static const char *some_initiator(void)
{
	return one_in(3) ? some_stranger() : clients[below(CLIENTS)].id.initiator;
}

uint32_t put_id(uint32_t len, const char *initiator)
{
	int n = trbd_transport_id_encode(initiator, list + len, sizeof(list) - len);

	if (n < 0)
		die("%s: cannot be encoded", initiator);
	return len + (uint32_t)n;
}

static uint32_t put_initiators(struct step *step, uint32_t len)
{
	struct trbd_pr_out *out = &step->intent;
	unsigned int i, n = (unsigned int)below(4);
	uint32_t start = len;

	len += 4;
	for (i = 0; i < n; i++) {
		snprintf(intended[i], sizeof(intended[i]), "%s", some_initiator());
		len = put_id(len, intended[i]);
		note(step, " %s", intended[i]);
	}
	set32(list + start, len - start - 4);
	out->initiators = intended;
	out->num_initiators = n;
	return len;
}

static uint32_t put_move(struct step *step)
{
	struct trbd_pr_out *out = &step->intent;
	int gateway = one_in(2) ? 2 : 1;
	uint32_t len;

	out->move_rtpi = one_in(12) ? 0x7777 : rtpis[gateway];
	out->unreg = one_in(3);
	out->aptpl = one_in(3);
	snprintf(out->move_to.initiator, sizeof(out->move_to.initiator), "%s", some_initiator());
	memset(list, 0, 24);
	set64(list, out->key);
	set64(list + 8, out->action_key);
	list[17] = (uint8_t)(out->unreg << 1 | out->aptpl);
	set16(list + 18, out->move_rtpi);
	len = put_id(24, out->move_to.initiator);
	set32(list + 20, len - 24);
	note(step, " to port 0x%x %s%s%s", out->move_rtpi, out->move_to.initiator, out->unreg ? " UNREG" : "",
	     out->aptpl ? " APTPL" : "");
	return len;
}

static uint32_t put_plain(struct step *step)
{
	struct trbd_pr_out *out = &step->intent;
	bool registers = out->action == TRBD_PR_REGISTER || out->action == TRBD_PR_REGISTER_AND_IGNORE;
	uint8_t flags = 0;
	uint32_t len;

	/* where they mean nothing they are ignored, but for SPEC_I_PT */
	if (one_in(registers ? 4 : 16))
		flags |= 0x04;
	if (one_in(registers ? 3 : 16))
		flags |= 0x01;
	if (one_in(out->action == TRBD_PR_REGISTER ? 4 : 40))
		flags |= 0x08;
	out->all_tg_pt = registers && flags & 0x04;
	out->aptpl = registers && flags & 0x01;
	out->spec_i_pt = flags & 0x08;
	note(step, "%s%s%s", flags & 0x04 ? " ALL_TG_PT" : "", flags & 0x01 ? " APTPL" : "",
	     flags & 0x08 ? " SPEC_I_PT" : "");
	len = list_basic(list, out->key, out->action_key, flags);
	if (out->spec_i_pt && out->action == TRBD_PR_REGISTER)
		len = put_initiators(step, len);
	return len;
}

/* a list whose length is not the one that it says */
static uint32_t spoil(struct step *step, uint32_t len)
{
	uint32_t at = 16 + (uint32_t)below(len - 16);

	step->formed = false;
	switch (below(4)) {
	case 0:
		len = (uint32_t)below(len);
		note(step, ", cut to %u bytes", len);
		break;
	case 1:
		at = 1 + (uint32_t)below(32);
		memset(list + len, 0, at);
		len += at;
		note(step, ", with %u bytes behind", at);
		break;
	case 2:
		list[at] ^= (uint8_t)(1 << below(8));
		note(step, ", with byte %u as 0x%02x", at, list[at]);
		break;
	default:
		memset(list + at, (int)below(256), len - at);
		note(step, ", filled with 0x%02x from byte %u", list[len - 1], at);
		break;
	}
	return len;
}

static enum trbd_pr_action some_action(const struct trbd_pr_registration *mine)
{
	/* commands that keep a state of some size going */
	static const enum trbd_pr_action likely[] = {
		TRBD_PR_REGISTER, TRBD_PR_REGISTER, TRBD_PR_REGISTER_AND_IGNORE, TRBD_PR_RESERVE, TRBD_PR_RESERVE,
		TRBD_PR_RELEASE, TRBD_PR_PREEMPT, TRBD_PR_PREEMPT_AND_ABORT, TRBD_PR_REGISTER_AND_MOVE,
	};

	if (!mine && !one_in(4))
		return one_in(2) ? TRBD_PR_REGISTER : TRBD_PR_REGISTER_AND_IGNORE;
	if (one_in(16))
		return TRBD_PR_CLEAR;
	return likely[below(sizeof(likely) / sizeof(*likely))];
}

static void make_out(struct step *step)
{
	const struct trbd_pr_registration *mine = registration_of(step->who);
	struct trbd_pr_out *out = &step->intent;
	uint32_t len;

	out->action = some_action(mine);
	out->scope = one_in(24) ? (uint8_t)(1 + below(15)) : 0;
	out->type = some_type();
	out->key = one_in(10) ? some_key() : mine ? mine->key : 0;
	out->action_key = some_key();
	if ((out->action == TRBD_PR_PREEMPT || out->action == TRBD_PR_PREEMPT_AND_ABORT) && state.count && !one_in(4))
		out->action_key = state.registrations[below(state.count)].key;
	note(step, "%s key 0x%llx action key 0x%llx scope %u type %u", out_names[out->action], out->key,
	     out->action_key, out->scope, out->type);

	step->formed = true;
	len = out->action == TRBD_PR_REGISTER_AND_MOVE ? put_move(step) : put_plain(step);
	/* SPEC_I_PT where it does not belong: the list has the usual length */
	if (one_in(12))
		len = spoil(step, len);
	cmd_pr_out(&step->command, out->action, out->scope, out->type, list, len);
	if (one_in(60)) {
		step->formed = false;
		step->command.cdb[1] = (uint8_t)(TRBD_PR_ACTIONS + below(24));
		note(step, ", with service action 0x%x instead", step->command.cdb[1]);
	}
	note(step, " (%u bytes)", len);
}

static void make_in(struct step *step)
{
	static const uint16_t usual[] = { 0, 4, 8, 24, 255, 4096, 65535 };
	uint8_t action = (uint8_t)below(one_in(20) ? 32 : TRBD_PR_IN_ACTIONS);
	uint16_t allocation = one_in(3) ? (uint16_t)below(one_in(2) ? 64 : 1024) : usual[below(7)];

	cmd_pr_in(&step->command, action, allocation);
	note(step, "%s, allocation length %u", action < TRBD_PR_IN_ACTIONS ? in_names[action] :
	     "PERSISTENT RESERVE IN of an unknown kind", allocation);
	if (action >= TRBD_PR_IN_ACTIONS)
		note(step, " (%u)", action);
}

static void make_plain(struct step *step, uint8_t opcode, const char *name)
{
	cmd_simple(&step->command, opcode);
	note(step, "%s", name);
}

static void make_io(struct step *step)
{
	uint32_t lba = (uint32_t)below(BLOCKS);

	if (one_in(2)) {
		cmd_read(&step->command, lba, 1);
		note(step, "READ of block %u", lba);
		return;
	}
	memset(block, 1 + (int)below(255), sizeof(block));
	cmd_write(&step->command, lba, 1, block);
	note(step, "WRITE of 0x%02x to block %u", block[0], lba);
}

static void make_other(struct step *step)
{
	switch (below(4)) {
	case 0:
		cmd_inquiry(&step->command);
		note(step, "INQUIRY");
		step->any_data = true;
		break;
	case 1:
		cmd_report_luns(&step->command);
		note(step, "REPORT LUNS");
		step->any_data = true;
		break;
	case 2:
		cmd_request_sense(&step->command);
		note(step, "REQUEST SENSE");
		break;
	default:
		make_plain(step, SCSI_OPCODE_TESTUNITREADY, "TEST UNIT READY");
		break;
	}
}

bool is_spc2_holder(int who)
{
	return *state.spc2.initiator && !strcmp(state.spc2.initiator, clients[who].id.initiator) &&
	       !strcmp(state.spc2.target, clients[who].id.target);
}

/* the holder sends it, since not much else happens before */
static void make_release_spc2(struct step *step)
{
	int who;

	for (who = 0; who < CLIENTS; who++) {
		if (is_spc2_holder(who))
			step->who = who;
	}
	make_plain(step, SCSI_OPCODE_RELEASE6, "RELEASE (6)");
}

static void make_spc2(struct step *step)
{
	switch (below(4)) {
	case 0:
		make_plain(step, SCSI_OPCODE_RESERVE6, "RESERVE (6)");
		break;
	case 1:
		make_plain(step, SCSI_OPCODE_RELEASE6, "RELEASE (6)");
		break;
	case 2:
		make_plain(step, OPCODE_RESERVE10, "RESERVE (10)");
		break;
	default:
		make_plain(step, OPCODE_RELEASE10, "RELEASE (10)");
		break;
	}
}

void make_step(struct step *step)
{
	unsigned int dice = (unsigned int)below(100);

	memset(step, 0, sizeof(*step));
	step->who = (int)below(CLIENTS);
	if (*state.spc2.initiator && one_in(8))
		make_release_spc2(step);
	/* the unit must be without registrations */
	else if (!state.count && one_in(6))
		make_spc2(step);
	else if (dice < 48)
		make_out(step);
	else if (dice < 66)
		make_in(step);
	else if (dice < 84)
		make_io(step);
	else if (dice < 92)
		make_other(step);
	else
		make_spc2(step);
}
