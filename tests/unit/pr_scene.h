/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Three initiators and a unit, for the tests of the reservation rules. One program includes it.
 */
#ifndef TRBD_UNIT_PR_SCENE_H
#define TRBD_UNIT_PR_SCENE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pr/rules.h"

#define ROOM 8

/* The cast: A holds the reservation if there is one, B is registered, C is not. */
static const struct trbd_pr_nexus cast[] = {
	{ "iscsi:iqn.a,i,0x1", "iqn.t,t,0x1" },
	{ "iscsi:iqn.b,i,0x2", "iqn.t,t,0x2" },
	{ "iscsi:iqn.c,i,0x3", "iqn.t,t,0x1" },
};
enum who { A, B, C, CAST };
static const uint64_t keys[] = { 0xa, 0xb, 0 };

static const uint8_t types[] = { 0, 1, 3, 5, 6, 7, 8 };
#define TYPES (sizeof(types) / sizeof(*types))

struct scene {
	struct trbd_pr_state state;
	struct trbd_pr_registration registrations[ROOM];
};

static enum trbd_pr_verdict act(struct scene *scene, enum trbd_pr_action action, enum who who, uint64_t key,
				uint64_t action_key, uint8_t type)
{
	struct trbd_pr_out out = {
		.action = action,
		.type = type,
		.nexus = cast[who],
		.rtpi = 1,
		.key = key,
		.action_key = action_key,
	};

	return trbd_pr_out(&scene->state, &out);
}

static void set(struct scene *scene, uint8_t type)
{
	memset(scene, 0, sizeof(*scene));
	scene->state.room = ROOM;
	scene->state.registrations = scene->registrations;
	if (act(scene, TRBD_PR_REGISTER, A, 0, keys[A], 0) || act(scene, TRBD_PR_REGISTER, B, 0, keys[B], 0) ||
	    (type && act(scene, TRBD_PR_RESERVE, A, keys[A], 0, type))) {
		printf("Bail out! the scene cannot be set\n");
		exit(1);
	}
}

static struct scene copy(const struct scene *from)
{
	struct scene to = *from;

	return to;
}

static int registered(struct scene *scene, enum who who)
{
	scene->state.registrations = scene->registrations;
	return trbd_pr_find(&scene->state, &cast[who]) != NULL;
}

/* the holder: 'A', 'B', '*' for all, '-' for nobody */
static char holder(struct scene *scene)
{
	const struct trbd_pr_registration *registration;
	int who;

	if (scene->state.type == TRBD_PR_NONE)
		return '-';
	if (trbd_pr_type_is_all(scene->state.type))
		return '*';
	for (who = A; who < CAST; who++) {
		registration = trbd_pr_find(&scene->state, &cast[who]);
		if (registration && trbd_pr_holds(&scene->state, registration))
			return "ABC"[who];
	}
	return '?';
}

#endif /* TRBD_UNIT_PR_SCENE_H */
