// SPDX-License-Identifier: GPL-2.0
/*
 * PERSISTENT RESERVE OUT: the service actions of SPC-4 5.13, as functions of a state and a command.
 *
 * A service action changes the state only when it ends with GOOD. The caller gives a copy, and
 * keeps the old state when the action ends otherwise. PREEMPT AND ABORT differs from PREEMPT in its
 * effect on commands, not in the state.
 *
 * The state remembers the last PREEMPT. An initiator that lost the answer sends the command again,
 * and it must not end with RESERVATION CONFLICT for having been carried out.
 *
 * No I/O, no memory, no locks: the unit tests compile this file as it is.
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>

#include "pr/rules.h"

#define SCOPE_LU	0

static struct trbd_pr_registration *out_find(struct trbd_pr_state *state,
					     const struct trbd_pr_nexus *nexus)
{
	return (struct trbd_pr_registration *)trbd_pr_find(state, nexus);
}

static void out_clear_reservation(struct trbd_pr_state *state)
{
	state->type = TRBD_PR_NONE;
	state->holder = 0;
}

static void out_set_reservation(struct trbd_pr_state *state, enum trbd_pr_type type,
				u32 incarnation)
{
	state->type = type;
	state->holder = trbd_pr_type_is_all(type) ? 0 : incarnation;
}

static void out_note_preempt(struct trbd_pr_state *state, const struct trbd_pr_out *out,
			     enum trbd_pr_type type)
{
	state->preempted.key = out->key;
	state->preempted.action_key = out->action_key;
	state->preempted.type = type;
}

static void out_forget_preempt(struct trbd_pr_state *state)
{
	memset(&state->preempted, 0, sizeof(state->preempted));
}

/*
 * Note that an initiator registers this key. A PREEMPT of the key means that initiator from now on.
 */
static void out_note_key(struct trbd_pr_state *state, u64 key)
{
	if (key == state->preempted.action_key)
		out_forget_preempt(state);
}

static enum trbd_pr_verdict out_add(struct trbd_pr_state *state, const char *initiator,
				    const char *target, u64 key, u16 rtpi)
{
	struct trbd_pr_registration *registration;

	if (state->count == state->room)
		return TRBD_PR_NO_RESOURCES;
	registration = &state->registrations[state->count++];
	strscpy(registration->nexus.initiator, initiator, sizeof(registration->nexus.initiator));
	strscpy(registration->nexus.target, target, sizeof(registration->nexus.target));
	registration->key = key;
	registration->rtpi = rtpi;
	registration->incarnation = ++state->incarnations;
	return TRBD_PR_GOOD;
}

/*
 * Remove a registration. 5.13.11.2: a holder that unregisters releases the reservation; if all
 * registrants hold it, the last one does.
 */
static void out_drop(struct trbd_pr_state *state, struct trbd_pr_registration *registration)
{
	unsigned int i = registration - state->registrations;
	bool holder = state->holder && state->holder == registration->incarnation;

	state->count--;
	memmove(registration, registration + 1, (state->count - i) * sizeof(*registration));
	if (holder || (trbd_pr_type_is_all(state->type) && !state->count))
		out_clear_reservation(state);
}

/* Tell whether this initiator port is registered, through any target port. */
static bool out_has_initiator(const struct trbd_pr_state *state, const char *initiator)
{
	unsigned int i;

	for (i = 0; i < state->count; i++) {
		if (!strcmp(state->registrations[i].nexus.initiator, initiator))
			return true;
	}
	return false;
}

/* 5.13.7: register a nexus that is not registered. */
static enum trbd_pr_verdict out_register_new(struct trbd_pr_state *state,
					     const struct trbd_pr_out *out)
{
	const char *target = out->all_tg_pt ? "*" : out->nexus.target;
	struct trbd_pr_nexus other;
	enum trbd_pr_verdict verdict;
	unsigned int i;

	verdict = out_add(state, out->nexus.initiator, target, out->action_key, out->rtpi);
	for (i = 0; verdict == TRBD_PR_GOOD && i < out->num_initiators; i++) {
		strscpy(other.initiator, out->initiators[i], sizeof(other.initiator));
		strscpy(other.target, target, sizeof(other.target));
		/* an initiator port that is registered, or named twice, is an error as a whole */
		if (out->all_tg_pt ? out_has_initiator(state, other.initiator)
				   : !!out_find(state, &other))
			return TRBD_PR_INVALID_PARAMETER;
		verdict = out_add(state, other.initiator, target, out->action_key, out->rtpi);
	}
	return verdict;
}

/*
 * Carry out ALL_TG_PT of an initiator port that is registered, as if the command came through each
 * target port (6.16.3). All its registrations become one, or none. The one holds the reservation if
 * one of them did.
 */
static enum trbd_pr_verdict out_register_all(struct trbd_pr_state *state,
					     const struct trbd_pr_out *out)
{
	struct trbd_pr_nexus all = { .target = "*" };
	struct trbd_pr_registration *registration;
	unsigned int i;
	u32 kept = 0;

	strscpy(all.initiator, out->nexus.initiator, sizeof(all.initiator));
	for (i = 0; i < state->count; i++) {
		registration = &state->registrations[i];
		if (strcmp(registration->nexus.initiator, out->nexus.initiator))
			continue;
		if (out->action == TRBD_PR_REGISTER && registration->key != out->key)
			return TRBD_PR_CONFLICT;
		if (!kept || registration->incarnation == state->holder)
			kept = registration->incarnation;
	}
	if (out->spec_i_pt)
		return TRBD_PR_INVALID_CDB;

	for (i = 0; i < state->count;) {
		registration = &state->registrations[i];
		if (strcmp(registration->nexus.initiator, out->nexus.initiator)) {
			i++;
		} else if (out->action_key && registration->incarnation == kept) {
			registration->key = out->action_key;
			registration->nexus = all;
			i++;
		} else {
			out_drop(state, registration);
		}
	}
	return TRBD_PR_GOOD;
}

/* 5.13.7: carry out REGISTER, or REGISTER AND IGNORE EXISTING KEY. */
static enum trbd_pr_verdict out_register(struct trbd_pr_state *state, const struct trbd_pr_out *out)
{
	struct trbd_pr_registration *registration = out_find(state, &out->nexus);
	enum trbd_pr_verdict verdict = TRBD_PR_GOOD;

	if (out->spec_i_pt && out->action != TRBD_PR_REGISTER)
		return TRBD_PR_INVALID_PARAMETER;
	if (!registration && out->action == TRBD_PR_REGISTER && out->key)
		return TRBD_PR_CONFLICT;
	/* there is nothing to unregister */
	if (!registration && !out->action_key &&
	    !(out->all_tg_pt && out_has_initiator(state, out->nexus.initiator)))
		return TRBD_PR_GOOD;

	if (out->all_tg_pt && out_has_initiator(state, out->nexus.initiator))
		verdict = out_register_all(state, out);
	else if (!registration)
		verdict = out_register_new(state, out);
	else if (out->action == TRBD_PR_REGISTER && out->key != registration->key)
		return TRBD_PR_CONFLICT;
	else if (out->spec_i_pt)
		return TRBD_PR_INVALID_CDB;
	else if (out->action_key)
		registration->key = out->action_key;
	else
		out_drop(state, registration);
	if (verdict == TRBD_PR_GOOD) {
		out_note_key(state, out->action_key);
		state->aptpl = out->aptpl;
		state->generation++;
	}
	return verdict;
}

/* 5.13.9: carry out RESERVE. */
static enum trbd_pr_verdict out_reserve(struct trbd_pr_state *state, const struct trbd_pr_out *out,
					const struct trbd_pr_registration *registration)
{
	if (out->scope != SCOPE_LU || !trbd_pr_type_is_valid(out->type))
		return TRBD_PR_INVALID_CDB;
	if (state->type == TRBD_PR_NONE)
		out_set_reservation(state, out->type, registration->incarnation);
	else if (!trbd_pr_holds(state, registration) || state->type != out->type)
		return TRBD_PR_CONFLICT;
	return TRBD_PR_GOOD;
}

/* 5.13.11.3: carry out RELEASE. */
static enum trbd_pr_verdict out_release(struct trbd_pr_state *state, const struct trbd_pr_out *out,
					const struct trbd_pr_registration *registration)
{
	if (state->type == TRBD_PR_NONE || !trbd_pr_holds(state, registration))
		return TRBD_PR_GOOD;
	if (out->scope != SCOPE_LU || out->type != state->type)
		return TRBD_PR_INVALID_RELEASE;
	out_clear_reservation(state);
	return TRBD_PR_GOOD;
}

/* 5.13.11.6: carry out CLEAR. */
static enum trbd_pr_verdict out_clear(struct trbd_pr_state *state)
{
	out_clear_reservation(state);
	state->count = 0;
	out_forget_preempt(state);
	state->generation++;
	return TRBD_PR_GOOD;
}

/*
 * Remove the registrations that have the key, or all if it is 0, but not @keep. Return: how many.
 */
static unsigned int out_drop_by_key(struct trbd_pr_state *state, u64 key, u32 keep)
{
	unsigned int i = 0, dropped = 0;

	while (i < state->count) {
		struct trbd_pr_registration *registration = &state->registrations[i];

		if ((key && registration->key != key) || registration->incarnation == keep) {
			i++;
			continue;
		}
		out_drop(state, registration);
		dropped++;
	}
	return dropped;
}

static u64 out_holder_key(const struct trbd_pr_state *state)
{
	unsigned int i;

	for (i = 0; i < state->count; i++) {
		if (state->registrations[i].incarnation == state->holder)
			return state->registrations[i].key;
	}
	return 0;
}

/*
 * Tell whether the command preempts the reservation, and not only registrations: 5.13.11.4.1, table
 * 61.
 */
static bool out_preempts_reservation(const struct trbd_pr_state *state, u64 action_key)
{
	if (trbd_pr_type_is_all(state->type))
		return !action_key;
	return state->type != TRBD_PR_NONE && action_key && action_key == out_holder_key(state);
}

/*
 * Tell whether this PREEMPT has been carried out. Its initiator may not have heard so, and sends it
 * again by another path. Nobody has the key any more then, which would mean RESERVATION CONFLICT,
 * and the initiator would take that for defeat. It is the same command when it has the same keys,
 * and the reservation is still as the command made it.
 */
static bool out_preempt_is_done(const struct trbd_pr_state *state, const struct trbd_pr_out *out)
{
	const struct trbd_pr_preempted *preempted = &state->preempted;

	if (!out->action_key || preempted->action_key != out->action_key ||
	    preempted->key != out->key)
		return false;
	if (preempted->type == TRBD_PR_NONE)
		return true;
	return out->scope == SCOPE_LU && out->type == preempted->type &&
	       state->type == preempted->type &&
	       (trbd_pr_type_is_all(state->type) || out_holder_key(state) == out->key);
}

/* 5.13.11.4 and .5: carry out PREEMPT, or PREEMPT AND ABORT. */
static enum trbd_pr_verdict out_preempt(struct trbd_pr_state *state, const struct trbd_pr_out *out,
					const struct trbd_pr_registration *registration)
{
	u32 self = registration->incarnation;

	if (out_preempts_reservation(state, out->action_key)) {
		if (out->scope != SCOPE_LU || !trbd_pr_type_is_valid(out->type))
			return TRBD_PR_INVALID_CDB;
		out_drop_by_key(state, out->action_key, self);
		out_set_reservation(state, out->type, self);
		out_note_preempt(state, out, out->type);
	} else if (!out->action_key) {
		return TRBD_PR_INVALID_PARAMETER;
	} else if (out_drop_by_key(state, out->action_key, 0)) {
		out_note_preempt(state, out, TRBD_PR_NONE);
	} else {
		return out_preempt_is_done(state, out) ? TRBD_PR_GOOD : TRBD_PR_CONFLICT;
	}
	state->generation++;
	return TRBD_PR_GOOD;
}

/* 5.13.8: carry out REGISTER AND MOVE. */
static enum trbd_pr_verdict out_move(struct trbd_pr_state *state, const struct trbd_pr_out *out,
				     const struct trbd_pr_registration *registration)
{
	struct trbd_pr_registration *to;
	enum trbd_pr_verdict verdict;

	if (state->type == TRBD_PR_NONE)
		return TRBD_PR_INVALID_CDB;
	if (trbd_pr_type_is_all(state->type) || !trbd_pr_holds(state, registration))
		return TRBD_PR_CONFLICT;
	if (!out->action_key || trbd_pr_nexus_covers(&registration->nexus, &out->move_to))
		return TRBD_PR_INVALID_PARAMETER;

	to = out_find(state, &out->move_to);
	if (to) {
		to->key = out->action_key;
	} else {
		verdict = out_add(state, out->move_to.initiator, out->move_to.target,
				  out->action_key, out->move_rtpi);
		if (verdict != TRBD_PR_GOOD)
			return verdict;
		to = &state->registrations[state->count - 1];
	}
	out_note_key(state, out->action_key);
	state->holder = to->incarnation;
	if (out->unreg)
		out_drop(state, out_find(state, &out->nexus));
	state->aptpl = out->aptpl;
	state->generation++;
	return TRBD_PR_GOOD;
}

/*
 * Number all registrations anew. Nobody remembers the numbers for long; at worst an initiator is
 * told of a registration that has not changed.
 */
static void out_renumber(struct trbd_pr_state *state)
{
	u32 holder = 0;
	unsigned int i;

	for (i = 0; i < state->count; i++) {
		if (state->holder && state->holder == state->registrations[i].incarnation)
			holder = i + 1;
		state->registrations[i].incarnation = i + 1;
	}
	state->holder = holder;
	state->incarnations = state->count;
}

/**
 * trbd_pr_out() - carry out PERSISTENT RESERVE OUT
 * @state: changed if and as the command asks; of no use when the verdict is not TRBD_PR_GOOD
 * @out: the command
 *
 * SPC-4 6.16 and 5.13.
 *
 * Return: how the command ends.
 */
enum trbd_pr_verdict trbd_pr_out(struct trbd_pr_state *state, const struct trbd_pr_out *out)
{
	const struct trbd_pr_registration *registration;

	/* SPC-2 5.5.1: for any initiator */
	if (*state->spc2.initiator)
		return TRBD_PR_CONFLICT;
	if (state->incarnations > (u32)-1 - TRBD_PR_REGISTRATIONS_MAX)
		out_renumber(state);

	if (out->action == TRBD_PR_REGISTER || out->action == TRBD_PR_REGISTER_AND_IGNORE)
		return out_register(state, out);

	if (out->spec_i_pt)
		return TRBD_PR_INVALID_PARAMETER;
	registration = out_find(state, &out->nexus);
	if (!registration || registration->key != out->key)
		return TRBD_PR_CONFLICT;

	switch (out->action) {
	case TRBD_PR_RESERVE:
		return out_reserve(state, out, registration);
	case TRBD_PR_RELEASE:
		return out_release(state, out, registration);
	case TRBD_PR_CLEAR:
		return out_clear(state);
	case TRBD_PR_PREEMPT:
	case TRBD_PR_PREEMPT_AND_ABORT:
		return out_preempt(state, out, registration);
	case TRBD_PR_REGISTER_AND_MOVE:
		return out_move(state, out, registration);
	default:
		return TRBD_PR_INVALID_CDB;
	}
}
