// SPDX-License-Identifier: GPL-2.0
/*
 * Reservations: the meaning of a state for a command and for a nexus. Rules of SPC-4 5.13, SPC-2
 * and SBC-3.
 *
 * Registrations belong to I_T nexuses as identities, not to sessions: they outlive sessions,
 * gateways and reboots. An initiator port that registered with ALL_TG_PT has one registration for
 * all target ports.
 *
 * The service actions that change a state are in pr/out.c.
 *
 * No I/O, no memory, no locks: the unit tests compile this file as it is.
 */
#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>

#include "pr/rules.h"

/**
 * trbd_pr_type_is_valid() - tell whether a TYPE exists
 * @type: TYPE of a CDB
 *
 * Return: true if SPC-4 defines it.
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
 * trbd_pr_type_is_all() - tell whether all registrants hold a reservation of this type
 * @type: type of a reservation
 *
 * Return: true if all registrants hold it.
 */
bool trbd_pr_type_is_all(enum trbd_pr_type type)
{
	return type == TRBD_PR_WRITE_EXCLUSIVE_ALL || type == TRBD_PR_EXCLUSIVE_ACCESS_ALL;
}

/**
 * trbd_pr_type_is_registrants() - tell whether all registrants may do what the holder may
 * @type: type of a reservation
 *
 * Return: true if registrants may do what the holder may.
 */
bool trbd_pr_type_is_registrants(enum trbd_pr_type type)
{
	return type == TRBD_PR_WRITE_EXCLUSIVE_REGISTRANTS ||
	       type == TRBD_PR_EXCLUSIVE_ACCESS_REGISTRANTS || trbd_pr_type_is_all(type);
}

static bool rules_nexus_equal(const struct trbd_pr_nexus *a, const struct trbd_pr_nexus *b)
{
	return !strcmp(a->initiator, b->initiator) && !strcmp(a->target, b->target);
}

/**
 * trbd_pr_nexus_covers() - tell whether a registration is that of a nexus
 * @registered: nexus of the registration; one for all target ports covers each of them
 * @nexus: nexus
 *
 * Return: true if they are the same, or the registration is for all target ports.
 */
bool trbd_pr_nexus_covers(const struct trbd_pr_nexus *registered, const struct trbd_pr_nexus *nexus)
{
	return !strcmp(registered->initiator, nexus->initiator) &&
	       (!strcmp(registered->target, "*") || !strcmp(registered->target, nexus->target));
}

/**
 * trbd_pr_find() - find the registration of a nexus
 * @state: state
 * @nexus: nexus
 *
 * Return: the registration, or NULL.
 */
const struct trbd_pr_registration *trbd_pr_find(const struct trbd_pr_state *state,
						const struct trbd_pr_nexus *nexus)
{
	unsigned int i;

	for (i = 0; i < state->count; i++) {
		if (trbd_pr_nexus_covers(&state->registrations[i].nexus, nexus))
			return &state->registrations[i];
	}
	return NULL;
}

/**
 * trbd_pr_holds() - tell whether a registration holds the reservation, alone or with others
 * @state: state
 * @registration: registration in @state
 *
 * Return: true if it does.
 */
bool trbd_pr_holds(const struct trbd_pr_state *state,
		   const struct trbd_pr_registration *registration)
{
	return trbd_pr_type_is_all(state->type) ||
	       (state->type != TRBD_PR_NONE && state->holder == registration->incarnation);
}

/*
 * Decide on RESERVE and RELEASE of SPC-2 beside persistent reservations (SPC-4 5.13.3). They end
 * with GOOD, without effect, for a nexus that may do everything anyway. Return: whether *@verdict
 * is set, because the answer does not depend on SPC-2's own rules.
 */
static bool rules_spc2_exception(const struct trbd_pr_state *state,
				 const struct trbd_pr_nexus *nexus, enum trbd_pr_verdict *verdict)
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
 * trbd_pr_reserve_spc2() - carry out RESERVE (6) and (10)
 * @state: changed if the verdict is TRBD_PR_GOOD
 * @nexus: nexus that the command came by
 *
 * SPC-2 7.21, SPC-4 5.13.3.
 *
 * Return: how the command ends.
 */
enum trbd_pr_verdict trbd_pr_reserve_spc2(struct trbd_pr_state *state,
					  const struct trbd_pr_nexus *nexus)
{
	enum trbd_pr_verdict verdict;

	if (rules_spc2_exception(state, nexus, &verdict))
		return verdict;
	if (*state->spc2.initiator && !rules_nexus_equal(&state->spc2, nexus))
		return TRBD_PR_CONFLICT;
	state->spc2 = *nexus;
	return TRBD_PR_GOOD;
}

/**
 * trbd_pr_release_spc2() - carry out RELEASE (6) and (10)
 * @state: changed if the nexus held the reservation
 * @nexus: nexus that the command came by
 *
 * SPC-2 7.18, SPC-4 5.13.3: a nexus that does not hold the reservation releases nothing, and that
 * is GOOD.
 *
 * Return: how the command ends.
 */
enum trbd_pr_verdict trbd_pr_release_spc2(struct trbd_pr_state *state,
					  const struct trbd_pr_nexus *nexus)
{
	enum trbd_pr_verdict verdict;

	if (rules_spc2_exception(state, nexus, &verdict))
		return verdict;
	if (rules_nexus_equal(&state->spc2, nexus))
		memset(&state->spc2, 0, sizeof(state->spc2));
	return TRBD_PR_GOOD;
}

/**
 * trbd_pr_forbidden() - tell which access a reservation forbids to a nexus
 * @state: state
 * @nexus: nexus
 *
 * SPC-4 tables 45 and 46, SBC-3 table 13.
 *
 * Return: a bit for each enum trbd_pr_access whose commands end with RESERVATION CONFLICT.
 */
unsigned int trbd_pr_forbidden(const struct trbd_pr_state *state, const struct trbd_pr_nexus *nexus)
{
	const unsigned int writes = BIT(TRBD_PR_ACCESS_WRITE);
	const unsigned int media = BIT(TRBD_PR_ACCESS_READ) | writes;
	const struct trbd_pr_registration *registration;

	if (!trbd_pr_is_reserved(state))
		return 0;
	if (*state->spc2.initiator) {
		if (rules_nexus_equal(&state->spc2, nexus))
			return 0;
		return BIT(TRBD_PR_ACCESS_OTHER) | media;
	}

	registration = trbd_pr_find(state, nexus);
	switch (state->type) {
	case TRBD_PR_WRITE_EXCLUSIVE:
		return registration && trbd_pr_holds(state, registration) ? 0 : writes;
	case TRBD_PR_EXCLUSIVE_ACCESS:
		return registration && trbd_pr_holds(state, registration) ? 0 : media;
	case TRBD_PR_WRITE_EXCLUSIVE_REGISTRANTS:
	case TRBD_PR_WRITE_EXCLUSIVE_ALL:
		return registration ? 0 : writes;
	default:
		return registration ? 0 : media;
	}
}

static bool rules_has_incarnation(const struct trbd_pr_state *state, u32 incarnation)
{
	unsigned int i;

	for (i = 0; i < state->count; i++) {
		if (state->registrations[i].incarnation == incarnation)
			return true;
	}
	return false;
}

/*
 * Tell whether the registration became part of the initiator port's registration for all target
 * ports.
 */
static bool rules_was_merged(const struct trbd_pr_state *old, const struct trbd_pr_state *new,
			     const struct trbd_pr_nexus *nexus)
{
	const struct trbd_pr_registration *now = trbd_pr_find(new, nexus);

	return now && rules_has_incarnation(old, now->incarnation);
}

/**
 * trbd_pr_attention() - tell which unit attention a change means for a nexus
 * @old: state before
 * @new: state after
 * @action: service action that made the change
 * @actor: nexus that made it
 * @nexus: nexus to be told
 *
 * SPC-4 5.13.7, 5.13.11: the nexus that made the change is told nothing, and neither is a nexus
 * that was not registered. A registration for all target ports belongs to several nexuses, and all
 * of them but the one that made the change are told.
 *
 * Return: the unit attention to establish for @nexus.
 */
enum trbd_pr_attention trbd_pr_attention(const struct trbd_pr_state *old,
					 const struct trbd_pr_state *new,
					 enum trbd_pr_action action,
					 const struct trbd_pr_nexus *actor,
					 const struct trbd_pr_nexus *nexus)
{
	const struct trbd_pr_registration *registration = trbd_pr_find(old, nexus);
	bool preempt = action == TRBD_PR_PREEMPT || action == TRBD_PR_PREEMPT_AND_ABORT;

	if (!registration || rules_nexus_equal(nexus, actor))
		return TRBD_PR_TELL_NOTHING;
	if (!rules_has_incarnation(new, registration->incarnation) &&
	    !rules_was_merged(old, new, nexus)) {
		if (action == TRBD_PR_CLEAR)
			return TRBD_PR_TELL_RESERVATIONS_PREEMPTED;
		/*
		 * an initiator port that unregisters itself at all target ports has preempted
		 * nobody
		 */
		return preempt ? TRBD_PR_TELL_REGISTRATIONS_PREEMPTED : TRBD_PR_TELL_NOTHING;
	}
	/*
	 * registrants that the reservation let in are told that it ended; every registrant is told
	 * when PREEMPT changed its type
	 */
	if (new->type != old->type &&
	    (trbd_pr_type_is_registrants(old->type) || (preempt && old->type != TRBD_PR_NONE)))
		return TRBD_PR_TELL_RESERVATIONS_RELEASED;
	return TRBD_PR_TELL_NOTHING;
}
