// SPDX-License-Identifier: GPL-2.0
/*
 * Reservations: the rules of SPC-4 5.13, as functions of a state and a command.
 *
 * Registrations belong to I_T nexuses as identities, not to sessions: they outlive sessions, gateways and reboots. An
 * initiator port that registered with ALL_TG_PT has one registration for all target ports.
 *
 * A service action changes the state only when it ends with GOOD. The caller gives a copy, and keeps the old state
 * when it does not. PREEMPT AND ABORT differs from PREEMPT in what becomes of commands, not in the state.
 *
 * The state remembers the last PREEMPT, because a command whose answer got lost comes again, and must not end with
 * RESERVATION CONFLICT for having been carried out.
 *
 * No I/O, no memory, no locks: compiled as it is by the unit tests.
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>

#include "pr/rules.h"

#define SCOPE_LU	0

/**
 * trbd_pr_type_is_valid() - is this TYPE one that there is?
 * @type: TYPE of a CDB
 */
bool trbd_pr_type_is_valid(unsigned int type)
{
	switch (type) {
	case TRBD_PR_WRITE_EXCLUSIVE:
	case TRBD_PR_EXCLUSIVE_ACCESS:
	case TRBD_PR_WRITE_EXCLUSIVE_REGISTRANTS:
	case TRBD_PR_EXCLUSIVE_ACCESS_REGISTRANTS:
	case TRBD_PR_WRITE_EXCLUSIVE_ALL:
	case TRBD_PR_EXCLUSIVE_ACCESS_ALL:
		return true;
	default:
		return false;
	}
}

/**
 * trbd_pr_type_is_all() - do all registrants hold a reservation of this type?
 * @type: type of a reservation
 */
bool trbd_pr_type_is_all(enum trbd_pr_type type)
{
	return type == TRBD_PR_WRITE_EXCLUSIVE_ALL || type == TRBD_PR_EXCLUSIVE_ACCESS_ALL;
}

/**
 * trbd_pr_type_is_registrants() - may all registrants do what the holder may?
 * @type: type of a reservation
 */
bool trbd_pr_type_is_registrants(enum trbd_pr_type type)
{
	return type == TRBD_PR_WRITE_EXCLUSIVE_REGISTRANTS || type == TRBD_PR_EXCLUSIVE_ACCESS_REGISTRANTS ||
	       trbd_pr_type_is_all(type);
}

static bool nexus_equal(const struct trbd_pr_nexus *a, const struct trbd_pr_nexus *b)
{
	return !strcmp(a->initiator, b->initiator) && !strcmp(a->target, b->target);
}

/* A registration for all target ports covers each of them. */
static bool nexus_covers(const struct trbd_pr_nexus *registered, const struct trbd_pr_nexus *nexus)
{
	return !strcmp(registered->initiator, nexus->initiator) &&
	       (!strcmp(registered->target, "*") || !strcmp(registered->target, nexus->target));
}

static struct trbd_pr_registration *find(struct trbd_pr_state *state, const struct trbd_pr_nexus *nexus)
{
	unsigned int i;

	for (i = 0; i < state->count; i++) {
		if (nexus_covers(&state->registrations[i].nexus, nexus))
			return &state->registrations[i];
	}
	return NULL;
}

/**
 * trbd_pr_find() - the registration of a nexus
 * @state: state
 * @nexus: which
 *
 * Return: it, or NULL.
 */
const struct trbd_pr_registration *trbd_pr_find(const struct trbd_pr_state *state, const struct trbd_pr_nexus *nexus)
{
	return find((struct trbd_pr_state *)state, nexus);
}

/**
 * trbd_pr_holds() - is this the holder of the reservation, or one of them?
 * @state: state
 * @registration: in @state
 */
bool trbd_pr_holds(const struct trbd_pr_state *state, const struct trbd_pr_registration *registration)
{
	return trbd_pr_type_is_all(state->type) ||
	       (state->type != TRBD_PR_NONE && state->holder == registration->incarnation);
}

static void release(struct trbd_pr_state *state)
{
	state->type = TRBD_PR_NONE;
	state->holder = 0;
}

static void reserve(struct trbd_pr_state *state, enum trbd_pr_type type, u32 incarnation)
{
	state->type = type;
	state->holder = trbd_pr_type_is_all(type) ? 0 : incarnation;
}

static void note_preempt(struct trbd_pr_state *state, const struct trbd_pr_out *out, enum trbd_pr_type type)
{
	state->preempted.key = out->key;
	state->preempted.action_key = out->action_key;
	state->preempted.type = type;
}

static void forget_preempt(struct trbd_pr_state *state)
{
	memset(&state->preempted, 0, sizeof(state->preempted));
}

/* Somebody registers this key: whoever preempts it from now on means that one. */
static void note_key(struct trbd_pr_state *state, u64 key)
{
	if (key == state->preempted.action_key)
		forget_preempt(state);
}

static enum trbd_pr_verdict add(struct trbd_pr_state *state, const char *initiator, const char *target, u64 key,
				u16 rtpi)
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

/* 5.13.11.2: who unregisters and holds the reservation releases it; with all registrants the last one does. */
static void drop(struct trbd_pr_state *state, struct trbd_pr_registration *registration)
{
	unsigned int i = registration - state->registrations;
	bool holder = state->holder && state->holder == registration->incarnation;

	state->count--;
	memmove(registration, registration + 1, (state->count - i) * sizeof(*registration));
	if (holder || (trbd_pr_type_is_all(state->type) && !state->count))
		release(state);
}

/* Is this initiator port registered, through whatever target port? */
static bool has_initiator(const struct trbd_pr_state *state, const char *initiator)
{
	unsigned int i;

	for (i = 0; i < state->count; i++) {
		if (!strcmp(state->registrations[i].nexus.initiator, initiator))
			return true;
	}
	return false;
}

/* 5.13.7, the nexus is not registered. */
static enum trbd_pr_verdict register_new(struct trbd_pr_state *state, const struct trbd_pr_out *out)
{
	const char *target = out->all_tg_pt ? "*" : out->nexus.target;
	struct trbd_pr_nexus other;
	enum trbd_pr_verdict verdict;
	unsigned int i;

	verdict = add(state, out->nexus.initiator, target, out->action_key, out->rtpi);
	for (i = 0; verdict == TRBD_PR_GOOD && i < out->num_initiators; i++) {
		strscpy(other.initiator, out->initiators[i], sizeof(other.initiator));
		strscpy(other.target, target, sizeof(other.target));
		/* one that is registered, or is named twice, is an error as a whole */
		if (out->all_tg_pt ? has_initiator(state, other.initiator) : !!find(state, &other))
			return TRBD_PR_INVALID_PARAMETER;
		verdict = add(state, other.initiator, target, out->action_key, out->rtpi);
	}
	return verdict;
}

/*
 * ALL_TG_PT of an initiator port that is registered: as if the command came through each target port (6.16.3). All its
 * registrations become one, which holds the reservation if one of them did; or none.
 */
static enum trbd_pr_verdict register_all(struct trbd_pr_state *state, const struct trbd_pr_out *out)
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
			drop(state, registration);
		}
	}
	return TRBD_PR_GOOD;
}

/* REGISTER, REGISTER AND IGNORE EXISTING KEY: 5.13.7. */
static enum trbd_pr_verdict do_register(struct trbd_pr_state *state, const struct trbd_pr_out *out)
{
	struct trbd_pr_registration *registration = find(state, &out->nexus);
	enum trbd_pr_verdict verdict = TRBD_PR_GOOD;

	if (out->spec_i_pt && out->action != TRBD_PR_REGISTER)
		return TRBD_PR_INVALID_PARAMETER;
	if (!registration && out->action == TRBD_PR_REGISTER && out->key)
		return TRBD_PR_CONFLICT;
	/* there is nothing to unregister */
	if (!registration && !out->action_key && !(out->all_tg_pt && has_initiator(state, out->nexus.initiator)))
		return TRBD_PR_GOOD;

	if (out->all_tg_pt && has_initiator(state, out->nexus.initiator))
		verdict = register_all(state, out);
	else if (!registration)
		verdict = register_new(state, out);
	else if (out->action == TRBD_PR_REGISTER && out->key != registration->key)
		return TRBD_PR_CONFLICT;
	else if (out->spec_i_pt)
		return TRBD_PR_INVALID_CDB;
	else if (out->action_key)
		registration->key = out->action_key;
	else
		drop(state, registration);
	if (verdict == TRBD_PR_GOOD) {
		note_key(state, out->action_key);
		state->aptpl = out->aptpl;
		state->generation++;
	}
	return verdict;
}

/* 5.13.9 */
static enum trbd_pr_verdict do_reserve(struct trbd_pr_state *state, const struct trbd_pr_out *out,
				       const struct trbd_pr_registration *registration)
{
	if (out->scope != SCOPE_LU || !trbd_pr_type_is_valid(out->type))
		return TRBD_PR_INVALID_CDB;
	if (state->type == TRBD_PR_NONE)
		reserve(state, out->type, registration->incarnation);
	else if (!trbd_pr_holds(state, registration) || state->type != out->type)
		return TRBD_PR_CONFLICT;
	return TRBD_PR_GOOD;
}

/* 5.13.11.3 */
static enum trbd_pr_verdict do_release(struct trbd_pr_state *state, const struct trbd_pr_out *out,
				       const struct trbd_pr_registration *registration)
{
	if (state->type == TRBD_PR_NONE || !trbd_pr_holds(state, registration))
		return TRBD_PR_GOOD;
	if (out->scope != SCOPE_LU || out->type != state->type)
		return TRBD_PR_INVALID_RELEASE;
	release(state);
	return TRBD_PR_GOOD;
}

/* 5.13.11.6 */
static enum trbd_pr_verdict do_clear(struct trbd_pr_state *state)
{
	release(state);
	state->count = 0;
	forget_preempt(state);
	state->generation++;
	return TRBD_PR_GOOD;
}

/* Removes who has the key, or everybody if it is 0, but not @keep. Return: how many. */
static unsigned int drop_by_key(struct trbd_pr_state *state, u64 key, u32 keep)
{
	unsigned int i = 0, dropped = 0;

	while (i < state->count) {
		struct trbd_pr_registration *registration = &state->registrations[i];

		if ((key && registration->key != key) || registration->incarnation == keep) {
			i++;
			continue;
		}
		drop(state, registration);
		dropped++;
	}
	return dropped;
}

static u64 holder_key(const struct trbd_pr_state *state)
{
	unsigned int i;

	for (i = 0; i < state->count; i++) {
		if (state->registrations[i].incarnation == state->holder)
			return state->registrations[i].key;
	}
	return 0;
}

/* Is it the reservation that the command is after, and not only registrations? 5.13.11.4.1, table 61 */
static bool preempts_reservation(const struct trbd_pr_state *state, u64 action_key)
{
	if (trbd_pr_type_is_all(state->type))
		return !action_key;
	return state->type != TRBD_PR_NONE && action_key && action_key == holder_key(state);
}

/*
 * Has this PREEMPT been carried out? Its initiator may not have heard so, and sends it again by another path. Nobody
 * has the key any more then, which would be RESERVATION CONFLICT, and the initiator would take it for defeat. It is
 * the same command when it has the same keys, and the reservation is still what it made of it.
 */
static bool preempt_is_done(const struct trbd_pr_state *state, const struct trbd_pr_out *out)
{
	const struct trbd_pr_preempted *preempted = &state->preempted;

	if (!out->action_key || preempted->action_key != out->action_key || preempted->key != out->key)
		return false;
	if (preempted->type == TRBD_PR_NONE)
		return true;
	return out->scope == SCOPE_LU && out->type == preempted->type && state->type == preempted->type &&
	       (trbd_pr_type_is_all(state->type) || holder_key(state) == out->key);
}

/* PREEMPT, PREEMPT AND ABORT: 5.13.11.4 and .5 */
static enum trbd_pr_verdict do_preempt(struct trbd_pr_state *state, const struct trbd_pr_out *out,
				       const struct trbd_pr_registration *registration)
{
	u32 self = registration->incarnation;

	if (preempts_reservation(state, out->action_key)) {
		if (out->scope != SCOPE_LU || !trbd_pr_type_is_valid(out->type))
			return TRBD_PR_INVALID_CDB;
		drop_by_key(state, out->action_key, self);
		reserve(state, out->type, self);
		note_preempt(state, out, out->type);
	} else if (!out->action_key) {
		return TRBD_PR_INVALID_PARAMETER;
	} else if (drop_by_key(state, out->action_key, 0)) {
		note_preempt(state, out, TRBD_PR_NONE);
	} else {
		return preempt_is_done(state, out) ? TRBD_PR_GOOD : TRBD_PR_CONFLICT;
	}
	state->generation++;
	return TRBD_PR_GOOD;
}

/* 5.13.8 */
static enum trbd_pr_verdict do_move(struct trbd_pr_state *state, const struct trbd_pr_out *out,
				    const struct trbd_pr_registration *registration)
{
	struct trbd_pr_registration *to;
	enum trbd_pr_verdict verdict;

	if (state->type == TRBD_PR_NONE)
		return TRBD_PR_INVALID_CDB;
	if (trbd_pr_type_is_all(state->type) || !trbd_pr_holds(state, registration))
		return TRBD_PR_CONFLICT;
	if (!out->action_key || nexus_covers(&registration->nexus, &out->move_to))
		return TRBD_PR_INVALID_PARAMETER;

	to = find(state, &out->move_to);
	if (to) {
		to->key = out->action_key;
	} else {
		verdict = add(state, out->move_to.initiator, out->move_to.target, out->action_key, out->move_rtpi);
		if (verdict != TRBD_PR_GOOD)
			return verdict;
		to = &state->registrations[state->count - 1];
	}
	note_key(state, out->action_key);
	state->holder = to->incarnation;
	if (out->unreg)
		drop(state, find(state, &out->nexus));
	state->aptpl = out->aptpl;
	state->generation++;
	return TRBD_PR_GOOD;
}

/* Nobody remembers numbers for long; at worst somebody is told of a registration that was as it is before. */
static void renumber(struct trbd_pr_state *state)
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
 * trbd_pr_out() - PERSISTENT RESERVE OUT
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

	/* SPC-2 5.5.1: whoever asks */
	if (*state->spc2.initiator)
		return TRBD_PR_CONFLICT;
	if (state->incarnations > (u32)-1 - TRBD_PR_REGISTRATIONS_MAX)
		renumber(state);

	if (out->action == TRBD_PR_REGISTER || out->action == TRBD_PR_REGISTER_AND_IGNORE)
		return do_register(state, out);

	if (out->spec_i_pt)
		return TRBD_PR_INVALID_PARAMETER;
	registration = find(state, &out->nexus);
	if (!registration || registration->key != out->key)
		return TRBD_PR_CONFLICT;

	switch (out->action) {
	case TRBD_PR_RESERVE:
		return do_reserve(state, out, registration);
	case TRBD_PR_RELEASE:
		return do_release(state, out, registration);
	case TRBD_PR_CLEAR:
		return do_clear(state);
	case TRBD_PR_PREEMPT:
	case TRBD_PR_PREEMPT_AND_ABORT:
		return do_preempt(state, out, registration);
	case TRBD_PR_REGISTER_AND_MOVE:
		return do_move(state, out, registration);
	default:
		return TRBD_PR_INVALID_CDB;
	}
}

/*
 * RESERVE and RELEASE of SPC-2 beside persistent reservations (SPC-4 5.13.3). GOOD without effect for who may do
 * everything anyway; *@verdict is set when the answer does not depend on SPC-2's own rules.
 */
static bool spc2_exception(const struct trbd_pr_state *state, const struct trbd_pr_nexus *nexus,
			   enum trbd_pr_verdict *verdict)
{
	const struct trbd_pr_registration *registration = trbd_pr_find(state, nexus);

	if (!state->count)
		return false;
	if (registration && state->type != TRBD_PR_NONE &&
	    (trbd_pr_holds(state, registration) || trbd_pr_type_is_registrants(state->type)))
		*verdict = TRBD_PR_GOOD;
	else
		*verdict = TRBD_PR_CONFLICT;
	return true;
}

/**
 * trbd_pr_reserve_spc2() - RESERVE (6) and (10)
 * @state: changed if the verdict is TRBD_PR_GOOD
 * @nexus: that the command came by
 *
 * SPC-2 7.21, SPC-4 5.13.3.
 *
 * Return: how the command ends.
 */
enum trbd_pr_verdict trbd_pr_reserve_spc2(struct trbd_pr_state *state, const struct trbd_pr_nexus *nexus)
{
	enum trbd_pr_verdict verdict;

	if (spc2_exception(state, nexus, &verdict))
		return verdict;
	if (*state->spc2.initiator && !nexus_equal(&state->spc2, nexus))
		return TRBD_PR_CONFLICT;
	state->spc2 = *nexus;
	return TRBD_PR_GOOD;
}

/**
 * trbd_pr_release_spc2() - RELEASE (6) and (10)
 * @state: changed if the nexus held the reservation
 * @nexus: that the command came by
 *
 * SPC-2 7.18, SPC-4 5.13.3: who does not hold it releases nothing, and that is GOOD.
 *
 * Return: how the command ends.
 */
enum trbd_pr_verdict trbd_pr_release_spc2(struct trbd_pr_state *state, const struct trbd_pr_nexus *nexus)
{
	enum trbd_pr_verdict verdict;

	if (spc2_exception(state, nexus, &verdict))
		return verdict;
	if (nexus_equal(&state->spc2, nexus))
		memset(&state->spc2, 0, sizeof(state->spc2));
	return TRBD_PR_GOOD;
}

/**
 * trbd_pr_conflicts() - does a command conflict with a reservation?
 * @state: state
 * @nexus: that the command came by
 * @access: what it does
 *
 * SPC-4 tables 45 and 46, SBC-3 table 13.
 *
 * Return: whether it ends with RESERVATION CONFLICT.
 */
bool trbd_pr_conflicts(const struct trbd_pr_state *state, const struct trbd_pr_nexus *nexus, enum trbd_pr_access access)
{
	const struct trbd_pr_registration *registration;

	if (access == TRBD_PR_ACCESS_ALWAYS)
		return false;
	if (*state->spc2.initiator)
		return !nexus_equal(&state->spc2, nexus);
	if (access == TRBD_PR_ACCESS_OTHER || state->type == TRBD_PR_NONE)
		return false;

	registration = trbd_pr_find(state, nexus);
	switch (state->type) {
	case TRBD_PR_WRITE_EXCLUSIVE:
		return access == TRBD_PR_ACCESS_WRITE && !(registration && trbd_pr_holds(state, registration));
	case TRBD_PR_EXCLUSIVE_ACCESS:
		return !(registration && trbd_pr_holds(state, registration));
	case TRBD_PR_WRITE_EXCLUSIVE_REGISTRANTS:
	case TRBD_PR_WRITE_EXCLUSIVE_ALL:
		return access == TRBD_PR_ACCESS_WRITE && !registration;
	default:
		return !registration;
	}
}

static bool has_incarnation(const struct trbd_pr_state *state, u32 incarnation)
{
	unsigned int i;

	for (i = 0; i < state->count; i++) {
		if (state->registrations[i].incarnation == incarnation)
			return true;
	}
	return false;
}

/* It became part of the initiator port's registration for all target ports. */
static bool was_merged(const struct trbd_pr_state *old, const struct trbd_pr_state *new,
		       const struct trbd_pr_nexus *nexus)
{
	const struct trbd_pr_registration *now = trbd_pr_find(new, nexus);

	return now && has_incarnation(old, now->incarnation);
}

/**
 * trbd_pr_attention() - what a change means for a nexus
 * @old: state before
 * @new: state after
 * @action: what made it
 * @actor: who
 * @nexus: whom it is about
 *
 * SPC-4 5.13.7, 5.13.11: whoever made the change is told nothing, and neither is who was not registered. A registration
 * for all target ports is one of several nexuses, and all but one of them are told.
 *
 * Return: the unit attention to establish for @nexus.
 */
enum trbd_pr_attention trbd_pr_attention(const struct trbd_pr_state *old, const struct trbd_pr_state *new,
					 enum trbd_pr_action action, const struct trbd_pr_nexus *actor,
					 const struct trbd_pr_nexus *nexus)
{
	const struct trbd_pr_registration *registration = trbd_pr_find(old, nexus);
	bool preempt = action == TRBD_PR_PREEMPT || action == TRBD_PR_PREEMPT_AND_ABORT;

	if (!registration || nexus_equal(nexus, actor))
		return TRBD_PR_TELL_NOTHING;
	if (!has_incarnation(new, registration->incarnation) && !was_merged(old, new, nexus)) {
		if (action == TRBD_PR_CLEAR)
			return TRBD_PR_TELL_RESERVATIONS_PREEMPTED;
		/* an initiator port that unregisters itself at all target ports has preempted nobody */
		return preempt ? TRBD_PR_TELL_REGISTRATIONS_PREEMPTED : TRBD_PR_TELL_NOTHING;
	}
	/* when it let registrants in, they are told that it ended; and whenever PREEMPT made another type of it */
	if (new->type != old->type &&
	    (trbd_pr_type_is_registrants(old->type) || (preempt && old->type != TRBD_PR_NONE)))
		return TRBD_PR_TELL_RESERVATIONS_RELEASED;
	return TRBD_PR_TELL_NOTHING;
}
