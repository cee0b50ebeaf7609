/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared by the test of parameter data and its fuzzer: initiators in a small scene, and a decoder
 * that gets memory of exactly the length it is told. With -DFUZZ this is the fuzzer itself.
 */
#ifndef UNIT_PR_PARAMETERS_H
#define UNIT_PR_PARAMETERS_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pr/parameters.h"
#include "pr/transport_id.h"
#include "ktap.h"

#define ROOM 8
#define CDB_LEN 10

static const uint8_t types[] = { 0, 1, 3, 5, 6, 7, 8 };
#define TYPES (sizeof(types) / sizeof(*types))

/*
 * A is registered and holds the reservation if there is one, B is registered for all target ports,
 * C is not.
 */
static const struct trbd_pr_nexus cast[] = {
	{ "iscsi:iqn.a,i,0x00023d000001", "iqn.t,t,0x1" },
	{ "fc:10000000c9a1b2c3", "*" },
	{ "iscsi:iqn.c,i,0x00023d000003", "iqn.t,t,0x1" },
};
enum who { A, B, C, CAST };
#define KEY_A 0x0102030405060708
#define KEY_B 0xb

struct scene {
	struct trbd_pr_state state;
	struct trbd_pr_registration registrations[ROOM];
};

static void set(struct scene *scene, uint8_t type)
{
	struct trbd_pr_state *state = &scene->state;

	memset(scene, 0, sizeof(*scene));
	state->registrations = scene->registrations;
	state->room = ROOM;
	state->generation = 0x11223344;
	state->incarnations = 5;
	state->count = 2;
	scene->registrations[0] = (struct trbd_pr_registration){ cast[A], KEY_A, 0x1234, 4 };
	scene->registrations[1] = (struct trbd_pr_registration){ cast[B], KEY_B, 2, 5 };
	state->type = type;
	if (type != TRBD_PR_NONE && !trbd_pr_type_is_all(type))
		state->holder = 4;
}

/* Exactly @size bytes, so that the address sanitizer finds one more or one less. */
static void *room_for(size_t size)
{
	void *room = malloc(size ? size : 1);

	if (!room) {
		printf("Bail out! no memory\n");
		exit(1);
	}
	return room;
}

static uint64_t be(const uint8_t *p, unsigned int len)
{
	uint64_t value = 0;

	while (len--)
		value = value << 8 | *p++;
	return value;
}

static void make_cdb(uint8_t *cdb, uint8_t action, uint8_t scope_type, size_t len)
{
	memset(cdb, 0, CDB_LEN);
	cdb[0] = 0x5f;
	cdb[1] = action;
	cdb[2] = scope_type;
	cdb[5] = (uint8_t)(len >> 24);
	cdb[6] = (uint8_t)(len >> 16);
	cdb[7] = (uint8_t)(len >> 8);
	cdb[8] = (uint8_t)len;
}

/* Decode; the caller frees @out->initiators, which has exactly the room that was asked for. */
static enum trbd_pr_verdict decode(uint8_t action, uint8_t scope_type, const uint8_t *list, size_t len,
				   struct trbd_pr_out *out)
{
	uint8_t cdb[CDB_LEN];
	unsigned int room;

	make_cdb(cdb, action, scope_type, len);
	memset(out, 0, sizeof(*out));
	room = trbd_pr_out_max_initiators(cdb, len);
	out->initiators = room ? room_for(room * sizeof(*out->initiators)) : NULL;
	return trbd_pr_out_decode(cdb, list, len, out);
}

/* Decoded parameters name initiator ports, which can be encoded again. */
static int is_port(const char *initiator)
{
	uint8_t id[TRBD_TRANSPORT_ID_MAX];

	return trbd_transport_id_encode(initiator, id, sizeof(id)) > 0 &&
	       (strncmp(initiator, "iscsi:", 6) || strstr(initiator, ",i,0x"));
}

static int names_are_good(const struct trbd_pr_out *out)
{
	unsigned int i;

	for (i = 0; i < out->num_initiators; i++) {
		if (!is_port(out->initiators[i]))
			return 0;
	}
	return out->action != TRBD_PR_REGISTER_AND_MOVE || is_port(out->move_to.initiator);
}

#ifdef FUZZ

static void must(int good, const char *what)
{
	if (!good) {
		fprintf(stderr, "not ok %s\n", what);
		abort();
	}
}

/*
 * An answer has the length that it says, and exactly as many descriptors as there are
 * registrations.
 */
static void check_answer(const struct trbd_pr_state *state, enum trbd_pr_in_action action)
{
	size_t len = trbd_pr_in(state, action, NULL, 0), cut = len / 2, at = 24 + 8;
	uint8_t *whole = room_for(len), *part = room_for(cut);
	unsigned int i;

	must(trbd_pr_in(state, action, whole, len) == len && trbd_pr_in(state, action, part, cut) == len,
	     "the length does not depend on the room");
	must(!memcmp(whole, part, cut), "what is cut is the beginning");
	if (action != TRBD_PR_REPORT_CAPABILITIES)
		must(be(whole, 4) == state->generation && be(whole + 4, 4) == len - 8, "the header is right");
	if (action == TRBD_PR_READ_KEYS)
		must(len == 8 + 8 * (size_t)state->count, "a key for every registration");
	if (action == TRBD_PR_READ_FULL_STATUS) {
		for (i = 0; i < state->count; i++) {
			must(at <= len && be(whole + at - 24, 8) == state->registrations[i].key, "the key");
			at += be(whole + at - 4, 4) + 24;
		}
		must(at - 24 == len, "a descriptor for every registration");
	}
	free(whole);
	free(part);
}

/*
 * Byte 0: service action, and in the three high bits the type of the present reservation. Byte 1:
 * scope and type of the CDB. Then comes the parameter list. The sender is the nexus with its key,
 * or else C, which has none.
 */
static void fuzz_one(const uint8_t *data, size_t size)
{
	enum trbd_pr_in_action action;
	enum trbd_pr_verdict verdict;
	struct trbd_pr_out out;
	struct scene scene;

	if (size < 2)
		return;
	set(&scene, types[(data[0] >> 5) % TYPES]);
	if (decode(data[0] & 0x1f, data[1], data + 2, size - 2, &out) == TRBD_PR_GOOD) {
		must(names_are_good(&out), "initiators that can be told again");
		out.nexus = cast[out.key == KEY_A ? A : out.key == KEY_B ? B : C];
		out.rtpi = 1;
		strcpy(out.move_to.target, "iqn.t,t,0x1");
		verdict = trbd_pr_out(&scene.state, &out);
		must(verdict != TRBD_PR_INVALID_LENGTH, "a verdict of the decoder's own");
		if (verdict != TRBD_PR_GOOD)
			set(&scene, types[(data[0] >> 5) % TYPES]);
	}
	free(out.initiators);
	must(scene.state.count <= scene.state.room, "no more registrations than there is room for");
	for (action = 0; action < TRBD_PR_IN_ACTIONS; action++)
		check_answer(&scene.state, action);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_one(data, size);
	return 0;
}
#endif /* FUZZ */

#endif /* UNIT_PR_PARAMETERS_H */
