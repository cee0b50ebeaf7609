// SPDX-License-Identifier: GPL-2.0
/*
 * Parameter data of PERSISTENT RESERVE IN and parameter lists of PERSISTENT RESERVE OUT (SPC-4
 * 6.15, 6.16), between the bytes on the wire and the states and commands of rules.h.
 *
 * Parameter data is cut where the room ends, at any byte, but tells the length of the whole. From
 * that an initiator whose allocation length was too small learns a sufficient one. So an answer is
 * never kept as a whole; its header is written after all the rest was counted.
 *
 * A parameter list may come from anybody who can log in. The decoder checks the length of the list
 * before it looks at anything inside. Every length inside must say exactly how much is there. The
 * decoder refuses a malformed list as a whole, and does not repair it. It checks only the form of a
 * command; rules.c decides what a well-formed command may do.
 *
 * No I/O, no memory, no locks: the unit tests and the fuzzer compile this file as it is.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>

#include "pr/parameters.h"
#include "pr/transport_id.h"

/* 6.15.2, 6.15.3, 6.15.5: PRGENERATION and ADDITIONAL LENGTH */
#define HEADER_SIZE		8
#define RESERVATION_SIZE	16
#define CAPABILITIES_SIZE	8
/* 6.15.5: a full status descriptor without its TransportID */
#define STATUS_SIZE		24
#define STATUS_ALL_TG_PT	0x02
#define STATUS_R_HOLDER		0x01

/* 6.15.4 */
#define CAPABLE_CRH		0x10	/* RESERVE and RELEASE of SPC-2 beside registrations */
#define CAPABLE_SIP		0x08	/* SPEC_I_PT */
#define CAPABLE_ATP		0x04	/* ALL_TG_PT */
#define CAPABLE_PTPL		0x01	/* APTPL */
#define CAPABLE_TMV		0x80	/* the type mask is valid */
/* ALLOW COMMANDS 001b: TEST UNIT READY passes; it says nothing of other commands */
#define CAPABLE_ALLOW		0x10
#define CAPABLE_PTPL_ACTIVE	0x01
#define MASK_WRITE_EXCLUSIVE			0x02
#define MASK_EXCLUSIVE_ACCESS			0x08
#define MASK_WRITE_EXCLUSIVE_REGISTRANTS	0x20
#define MASK_EXCLUSIVE_ACCESS_REGISTRANTS	0x40
#define MASK_WRITE_EXCLUSIVE_ALL		0x80
#define MASK_EXCLUSIVE_ACCESS_ALL		0x01	/* in the second byte */

/* 6.16 */
#define CDB_SERVICE_ACTION	0x1f

/* 6.16.3: the basic list, and the part that SPEC_I_PT adds before the TransportIDs */
#define LIST_SIZE		24
#define LIST_SPEC_I_PT		0x08
#define LIST_ALL_TG_PT		0x04
#define LIST_APTPL		0x01
#define LIST_INITIATORS		28

/* 6.16.4: REGISTER AND MOVE, up to its TransportID */
#define MOVE_SIZE		24
#define MOVE_UNREG		0x02
#define MOVE_APTPL		0x01

/* 7.6.4: no TransportID is shorter; one of iSCSI without an ISID has TPID FORMAT 00b */
#define TRANSPORT_ID_MIN	24
#define TRANSPORT_ID_FORMAT	0xc0
#define TRANSPORT_ID_PROTOCOL	0x0f
#define TRANSPORT_ID_ISCSI	0x05

static void param_set_be16(u8 *p, u16 value)
{
	p[0] = value >> 8;
	p[1] = value;
}

static void param_set_be32(u8 *p, u32 value)
{
	param_set_be16(p, value >> 16);
	param_set_be16(p + 2, value);
}

static void param_set_be64(u8 *p, u64 value)
{
	param_set_be32(p, value >> 32);
	param_set_be32(p + 4, value);
}

static u16 param_get_be16(const u8 *p)
{
	return p[0] << 8 | p[1];
}

static u32 param_get_be32(const u8 *p)
{
	return (u32)param_get_be16(p) << 16 | param_get_be16(p + 2);
}

static u64 param_get_be64(const u8 *p)
{
	return (u64)param_get_be32(p) << 32 | param_get_be32(p + 4);
}

/**
 * struct answer - parameter data that grows
 * @buf: receives the data
 * @size: room in @buf
 * @len: length that the data would have with enough room
 */
struct answer {
	u8 *buf;
	size_t size;
	size_t len;
};

static void param_put(struct answer *a, const u8 *bytes, size_t len)
{
	if (a->len < a->size)
		memcpy(a->buf + a->len, bytes, min(len, a->size - a->len));
	a->len += len;
}

/* 6.15.2: write the keys of all registrations. */
static void param_put_keys(struct answer *a, const struct trbd_pr_state *state)
{
	u8 key[8];
	unsigned int i;

	for (i = 0; i < state->count; i++) {
		param_set_be64(key, state->registrations[i].key);
		param_put(a, key, sizeof(key));
	}
}

/* 6.15.3: find the holder's key; 0 when all registrants hold the reservation. */
static u64 param_reservation_key(const struct trbd_pr_state *state)
{
	unsigned int i;

	if (trbd_pr_type_is_all(state->type))
		return 0;
	for (i = 0; i < state->count; i++) {
		if (trbd_pr_holds(state, &state->registrations[i]))
			return state->registrations[i].key;
	}
	return 0;
}

/* 6.15.3: write the reservation. SCOPE is always that of the logical unit, 0. */
static void param_put_reservation(struct answer *a, const struct trbd_pr_state *state)
{
	u8 reservation[RESERVATION_SIZE] = {};

	if (state->type == TRBD_PR_NONE)
		return;
	param_set_be64(reservation, param_reservation_key(state));
	reservation[13] = state->type;
	param_put(a, reservation, sizeof(reservation));
}

/* 6.15.4: write the capabilities. */
static void param_put_capabilities(struct answer *a, const struct trbd_pr_state *state)
{
	u8 capabilities[CAPABILITIES_SIZE] = {};

	param_set_be16(capabilities, sizeof(capabilities));
	capabilities[2] = CAPABLE_CRH | CAPABLE_SIP | CAPABLE_ATP | CAPABLE_PTPL;
	capabilities[3] = CAPABLE_TMV | CAPABLE_ALLOW | (state->aptpl ? CAPABLE_PTPL_ACTIVE : 0);
	capabilities[4] = MASK_WRITE_EXCLUSIVE | MASK_EXCLUSIVE_ACCESS |
			  MASK_WRITE_EXCLUSIVE_REGISTRANTS | MASK_EXCLUSIVE_ACCESS_REGISTRANTS |
			  MASK_WRITE_EXCLUSIVE_ALL;
	capabilities[5] = MASK_EXCLUSIVE_ACCESS_ALL;
	param_put(a, capabilities, sizeof(capabilities));
}

/*
 * 6.15.5: write a full status descriptor. An initiator whose name makes no TransportID is reported
 * without one, but still with its key.
 */
static void param_put_status(struct answer *a, const struct trbd_pr_state *state,
			     const struct trbd_pr_registration *registration)
{
	u8 status[STATUS_SIZE + TRBD_TRANSPORT_ID_MAX] = {};
	int id = trbd_transport_id_encode(registration->nexus.initiator, status + STATUS_SIZE,
					  TRBD_TRANSPORT_ID_MAX);

	if (id < 0)
		id = 0;
	param_set_be64(status, registration->key);
	if (!strcmp(registration->nexus.target, "*"))
		status[12] |= STATUS_ALL_TG_PT;
	if (trbd_pr_holds(state, registration)) {
		status[12] |= STATUS_R_HOLDER;
		status[13] = state->type;
	}
	param_set_be16(status + 18, registration->rtpi);
	param_set_be32(status + 20, id);
	param_put(a, status, STATUS_SIZE + id);
}

static void param_put_full_status(struct answer *a, const struct trbd_pr_state *state)
{
	unsigned int i;

	for (i = 0; i < state->count; i++)
		param_put_status(a, state, &state->registrations[i]);
}

/* Write the header that @a left room for. Its ADDITIONAL LENGTH does not depend on the cut. */
static void param_put_header(const struct answer *a, const struct trbd_pr_state *state)
{
	struct answer start = { .buf = a->buf, .size = a->size };
	u8 header[HEADER_SIZE];

	param_set_be32(header, state->generation);
	param_set_be32(header + 4, a->len - HEADER_SIZE);
	param_put(&start, header, sizeof(header));
}

/**
 * trbd_pr_in() - make the parameter data of PERSISTENT RESERVE IN
 * @state: state to report
 * @action: service action
 * @buf: receives the data; may be NULL when @size is 0
 * @size: room in @buf, the allocation length at most
 *
 * SPC-4 6.15.
 *
 * Return: length of the whole, of which as much as fits was written; 0 for a service action that
 * does not exist.
 */
size_t trbd_pr_in(const struct trbd_pr_state *state, enum trbd_pr_in_action action, u8 *buf,
		  size_t size)
{
	struct answer a = { .buf = buf, .size = size, .len = HEADER_SIZE };

	switch (action) {
	case TRBD_PR_READ_KEYS:
		param_put_keys(&a, state);
		break;
	case TRBD_PR_READ_RESERVATION:
		param_put_reservation(&a, state);
		break;
	case TRBD_PR_REPORT_CAPABILITIES:
		/* this one has no such header */
		a.len = 0;
		param_put_capabilities(&a, state);
		return a.len;
	case TRBD_PR_READ_FULL_STATUS:
		param_put_full_status(&a, state);
		break;
	default:
		return 0;
	}
	param_put_header(&a, state);
	return a.len;
}

static unsigned int param_service_action(const u8 *cdb)
{
	return cdb[1] & CDB_SERVICE_ACTION;
}

/**
 * trbd_pr_out_max_initiators() - count the initiators that a command may name at most
 * @cdb: CDB of PERSISTENT RESERVE OUT
 * @len: length of its parameter list
 *
 * Return: how many TransportIDs the list has at most, without a look at it.
 */
unsigned int trbd_pr_out_max_initiators(const u8 *cdb, size_t len)
{
	if (param_service_action(cdb) != TRBD_PR_REGISTER || len < LIST_INITIATORS)
		return 0;
	return (len - LIST_INITIATORS) / TRANSPORT_ID_MIN;
}

/*
 * Decode a TransportID that names one initiator port. An iSCSI node without an ISID does not name
 * one. It is not known here which ports that node has, so there is nothing to register (7.6.4.6).
 * @buf has TRANSPORT_ID_MIN at least. Return: its length, or negative.
 */
static int param_decode_port(const u8 *buf, size_t len, char *initiator)
{
	if ((buf[0] & (TRANSPORT_ID_FORMAT | TRANSPORT_ID_PROTOCOL)) == TRANSPORT_ID_ISCSI)
		return -EINVAL;
	return trbd_transport_id_decode(buf, len, initiator, TRBD_PR_INITIATOR_MAX);
}

/* 6.16.3: decode the part behind the basic list with SPEC_I_PT, TransportIDs up to the end. */
static enum trbd_pr_verdict param_decode_initiators(const u8 *list, size_t len,
						    struct trbd_pr_out *out)
{
	size_t at = LIST_INITIATORS;

	if (len < LIST_INITIATORS)
		return TRBD_PR_INVALID_LENGTH;
	if (param_get_be32(list + LIST_SIZE) != len - LIST_INITIATORS)
		return TRBD_PR_INVALID_PARAMETER;
	while (at < len) {
		int id;

		/* so there is room for it in any case, as trbd_pr_out_max_initiators() counts */
		if (len - at < TRANSPORT_ID_MIN)
			return TRBD_PR_INVALID_PARAMETER;
		id = param_decode_port(list + at, len - at, out->initiators[out->num_initiators]);
		if (id < 0)
			return TRBD_PR_INVALID_PARAMETER;
		out->num_initiators++;
		at += id;
	}
	return TRBD_PR_GOOD;
}

/* 6.16.3: decode the basic list, and its TransportIDs if it has any. */
static enum trbd_pr_verdict param_decode_basic(const u8 *list, size_t len, struct trbd_pr_out *out)
{
	out->spec_i_pt = list[20] & LIST_SPEC_I_PT;
	if (out->action == TRBD_PR_REGISTER || out->action == TRBD_PR_REGISTER_AND_IGNORE) {
		out->all_tg_pt = list[20] & LIST_ALL_TG_PT;
		out->aptpl = list[20] & LIST_APTPL;
	}
	if (out->spec_i_pt && out->action == TRBD_PR_REGISTER)
		return param_decode_initiators(list, len, out);
	return len == LIST_SIZE ? TRBD_PR_GOOD : TRBD_PR_INVALID_LENGTH;
}

/* 6.16.4: decode the list of REGISTER AND MOVE, with one TransportID up to the end. */
static enum trbd_pr_verdict param_decode_move(const u8 *list, size_t len, struct trbd_pr_out *out)
{
	size_t rest = len - MOVE_SIZE;
	int id;

	out->unreg = list[17] & MOVE_UNREG;
	out->aptpl = list[17] & MOVE_APTPL;
	out->move_rtpi = param_get_be16(list + 18);
	if (param_get_be32(list + 20) != rest || rest < TRANSPORT_ID_MIN)
		return TRBD_PR_INVALID_PARAMETER;
	id = param_decode_port(list + MOVE_SIZE, rest, out->move_to.initiator);
	return id > 0 && (size_t)id == rest ? TRBD_PR_GOOD : TRBD_PR_INVALID_PARAMETER;
}

/**
 * trbd_pr_out_decode() - decode a PERSISTENT RESERVE OUT command
 * @cdb: its CDB
 * @list: its parameter list
 * @len: length of @list
 * @out: receives the command; @out->initiators has room for trbd_pr_out_max_initiators(), and may
 *   be NULL if that is 0. The nexus, its rtpi and the target of move_to are the caller's and stay.
 *   Of no use when the verdict is not TRBD_PR_GOOD
 *
 * SPC-4 6.16. Nothing in CDB and list is trusted but @len.
 *
 * Return: TRBD_PR_GOOD when it can be decoded, else how the command ends.
 */
enum trbd_pr_verdict trbd_pr_out_decode(const u8 *cdb, const u8 *list, size_t len,
					struct trbd_pr_out *out)
{
	if (param_service_action(cdb) >= TRBD_PR_ACTIONS)
		return TRBD_PR_INVALID_CDB;
	/* both layouts are at least this long, and have both keys in the same place */
	if (len < LIST_SIZE)
		return TRBD_PR_INVALID_LENGTH;

	out->action = param_service_action(cdb);
	out->scope = cdb[2] >> 4;
	out->type = cdb[2] & 0xf;
	out->key = param_get_be64(list);
	out->action_key = param_get_be64(list + 8);
	out->aptpl = false;
	out->all_tg_pt = false;
	out->spec_i_pt = false;
	out->num_initiators = 0;
	*out->move_to.initiator = 0;
	out->move_rtpi = 0;
	out->unreg = false;

	if (out->action == TRBD_PR_REGISTER_AND_MOVE)
		return param_decode_move(list, len, out);
	return param_decode_basic(list, len, out);
}
