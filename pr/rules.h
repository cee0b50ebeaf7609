/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_PR_RULES_H
#define TRBD_PR_RULES_H

#include <linux/types.h>

/* "iqn...,i,0x" and an ISID; the longest iSCSI name has 223 bytes */
#define TRBD_PR_INITIATOR_MAX	256
/* name of the target, ",t,0x" and a portal group tag */
#define TRBD_PR_TARGET_MAX	240
#define TRBD_PR_REGISTRATIONS_MAX	2048

/* PERSISTENT RESERVE OUT, SPC-4 table 217 */
enum trbd_pr_action {
	TRBD_PR_REGISTER,
	TRBD_PR_RESERVE,
	TRBD_PR_RELEASE,
	TRBD_PR_CLEAR,
	TRBD_PR_PREEMPT,
	TRBD_PR_PREEMPT_AND_ABORT,
	TRBD_PR_REGISTER_AND_IGNORE,
	TRBD_PR_REGISTER_AND_MOVE,
	TRBD_PR_ACTIONS
};

/* TYPE, SPC-4 table 214 */
enum trbd_pr_type {
	TRBD_PR_NONE = 0,
	TRBD_PR_WRITE_EXCLUSIVE = 1,
	TRBD_PR_EXCLUSIVE_ACCESS = 3,
	TRBD_PR_WRITE_EXCLUSIVE_REGISTRANTS = 5,
	TRBD_PR_EXCLUSIVE_ACCESS_REGISTRANTS = 6,
	TRBD_PR_WRITE_EXCLUSIVE_ALL = 7,
	TRBD_PR_EXCLUSIVE_ACCESS_ALL = 8,
};

/* The way a command ends. */
enum trbd_pr_verdict {
	TRBD_PR_GOOD,
	TRBD_PR_CONFLICT,		/* status RESERVATION CONFLICT */
	TRBD_PR_INVALID_CDB,		/* ILLEGAL REQUEST, INVALID FIELD IN CDB */
	TRBD_PR_INVALID_PARAMETER,	/* ILLEGAL REQUEST, INVALID FIELD IN PARAMETER LIST */
	TRBD_PR_INVALID_RELEASE, /* ILLEGAL REQUEST, INVALID RELEASE OF PERSISTENT RESERVATION */
	TRBD_PR_NO_RESOURCES,		/* ILLEGAL REQUEST, INSUFFICIENT REGISTRATION RESOURCES */
	TRBD_PR_INVALID_LENGTH,		/* ILLEGAL REQUEST, PARAMETER LIST LENGTH ERROR */
};

/* A command's access to the medium, as far as reservations are concerned. */
enum trbd_pr_access {
	TRBD_PR_ACCESS_ALWAYS,		/* INQUIRY and the like: never forbidden */
	TRBD_PR_ACCESS_OTHER,		/* forbidden by RESERVE (6) and (10) only */
	TRBD_PR_ACCESS_READ,
	TRBD_PR_ACCESS_WRITE,
	TRBD_PR_ACCESSES
};

/**
 * struct trbd_pr_nexus - an I_T nexus
 * @initiator: TransportID as text, with the ISID where there is one
 * @target: target port as text; "*" stands for all of them (ALL_TG_PT)
 */
struct trbd_pr_nexus {
	char initiator[TRBD_PR_INITIATOR_MAX];
	char target[TRBD_PR_TARGET_MAX];
};

/**
 * struct trbd_pr_registration - a registered I_T nexus
 * @nexus: nexus
 * @key: reservation key, not 0
 * @rtpi: relative target port identifier when it registered, for reports only
 * @incarnation: number of this registration; a registration that was removed and made again has
 *   another one
 */
struct trbd_pr_registration {
	struct trbd_pr_nexus nexus;
	u64 key;
	u16 rtpi;
	u32 incarnation;
};

/**
 * struct trbd_pr_preempted - the last PREEMPT that removed a registration, to recognise it again
 * @key: RESERVATION KEY of the command
 * @action_key: its SERVICE ACTION RESERVATION KEY, whose registrations it removed; 0 when there is
 *   nothing to recognise
 * @type: of the reservation that it made; TRBD_PR_NONE when it removed registrations only
 */
struct trbd_pr_preempted {
	u64 key;
	u64 action_key;
	enum trbd_pr_type type;
};

/**
 * struct trbd_pr_state - the reservation state of a logical unit
 * @generation: PRGENERATION
 * @incarnations: how many registrations were made so far
 * @aptpl: as the last registration asked for; the state is in the cluster and survives in any case
 * @type: of the reservation, TRBD_PR_NONE when there is none
 * @holder: incarnation of the holder's registration; 0 when there is none or when all registrants
 *   hold it
 * @spc2: holder of a RESERVE (6) or (10), with an empty initiator when there is none
 * @preempted: the last PREEMPT, in case that it is sent again
 * @count: number of registrations
 * @room: room in @registrations
 * @registrations: in the order in which they were made
 */
struct trbd_pr_state {
	u32 generation;
	u32 incarnations;
	bool aptpl;
	enum trbd_pr_type type;
	u32 holder;
	struct trbd_pr_nexus spc2;
	struct trbd_pr_preempted preempted;
	unsigned int count;
	unsigned int room;
	struct trbd_pr_registration *registrations;
};

/**
 * struct trbd_pr_out - a PERSISTENT RESERVE OUT command, decoded
 * @action: service action
 * @scope: SCOPE of the CDB
 * @type: TYPE of the CDB
 * @nexus: nexus that the command came by
 * @rtpi: relative target port identifier of its target port
 * @key: RESERVATION KEY
 * @action_key: SERVICE ACTION RESERVATION KEY
 * @aptpl: APTPL
 * @all_tg_pt: ALL_TG_PT
 * @spec_i_pt: SPEC_I_PT
 * @initiators: initiator ports that SPEC_I_PT names
 * @num_initiators: entries of @initiators
 * @move_to: REGISTER AND MOVE: the nexus to move to
 * @move_rtpi: RELATIVE TARGET PORT IDENTIFIER of its target port
 * @unreg: UNREG
 */
struct trbd_pr_out {
	enum trbd_pr_action action;
	u8 scope;
	u8 type;
	struct trbd_pr_nexus nexus;
	u16 rtpi;
	u64 key;
	u64 action_key;
	bool aptpl;
	bool all_tg_pt;
	bool spec_i_pt;
	char (*initiators)[TRBD_PR_INITIATOR_MAX];
	unsigned int num_initiators;
	struct trbd_pr_nexus move_to;
	u16 move_rtpi;
	bool unreg;
};

/* The unit attention that a nexus gets after another one made a change. */
enum trbd_pr_attention {
	TRBD_PR_TELL_NOTHING,
	TRBD_PR_TELL_RESERVATIONS_PREEMPTED,
	TRBD_PR_TELL_REGISTRATIONS_PREEMPTED,
	TRBD_PR_TELL_RESERVATIONS_RELEASED,
};

/**
 * trbd_pr_is_reserved() - tell whether there is a reservation of either kind
 * @state: state
 *
 * Return: true if a command may conflict.
 */
static inline bool trbd_pr_is_reserved(const struct trbd_pr_state *state)
{
	return state->type != TRBD_PR_NONE || *state->spc2.initiator;
}

bool trbd_pr_type_is_valid(unsigned int type);
bool trbd_pr_type_is_all(enum trbd_pr_type type);
bool trbd_pr_type_is_registrants(enum trbd_pr_type type);
bool trbd_pr_nexus_covers(const struct trbd_pr_nexus *registered,
			  const struct trbd_pr_nexus *nexus);
const struct trbd_pr_registration *trbd_pr_find(const struct trbd_pr_state *state,
						const struct trbd_pr_nexus *nexus);
bool trbd_pr_holds(const struct trbd_pr_state *state,
		   const struct trbd_pr_registration *registration);
enum trbd_pr_verdict trbd_pr_out(struct trbd_pr_state *state, const struct trbd_pr_out *out);
enum trbd_pr_verdict trbd_pr_reserve_spc2(struct trbd_pr_state *state,
					  const struct trbd_pr_nexus *nexus);
enum trbd_pr_verdict trbd_pr_release_spc2(struct trbd_pr_state *state,
					  const struct trbd_pr_nexus *nexus);
unsigned int trbd_pr_forbidden(const struct trbd_pr_state *state,
			       const struct trbd_pr_nexus *nexus);
enum trbd_pr_attention trbd_pr_attention(const struct trbd_pr_state *old,
					 const struct trbd_pr_state *new,
					 enum trbd_pr_action action,
					 const struct trbd_pr_nexus *actor,
					 const struct trbd_pr_nexus *nexus);

#endif /* TRBD_PR_RULES_H */
