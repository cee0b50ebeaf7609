// SPDX-License-Identifier: GPL-2.0
/*
 * The record of an image's shared state, as text that a person can read (rbd image-meta get IMAGE
 * target_core_rbd.lu):
 *
 *	target_core_rbd.lu 3
 *	features 0
 *	image 10a6b8b4567
 *	generation 12
 *	settled 11
 *	barrier 345
 *	resets 3
 *	block_size 4096
 *	change 4711 4 iqn.2026-11.com.example:disk1,t,0x1 iscsi:iqn.1994-05.com.example:h2,i,0x23d02
 *	pr 5 17 1
 *	spc2 4711 TARGET INITIATOR
 *	preempted 0x00000000000000ab 0x00000000000000cd 5
 *	reservation 5 16
 *	registration 16 0x00000000000000ab 1 iqn.2026-11.ex:d,t,0x1 iscsi:iqn.1994-05.ex:h,i,0x23d01
 *	gateway 4711 192.0.2.11:0/3234 0 gw1 815 2f6b11a90c45d7e8 0
 *	fenced 192.0.2.12:0/99 345 1795888000 1795889800
 *	end
 *
 *	features      what a gateway must understand to read the rest, TRBD_FEATURE_* as a number
 *	block_size    bytes of a logical block, the same on all gateways; left out when it is 512
 *	change        id of the gateway, service action, and the nexus that asked for it ("- -" if
 *	              none)
 *	pr            PRGENERATION, registrations made so far, APTPL
 *	spc2          id of the gateway, and the nexus that holds a RESERVE (6) or (10); left out
 *	              when there is none
 *	preempted     keys of the last PREEMPT, and the type of the reservation that it made, 0 if
 *	              none; left out when there is none to know again
 *	reservation   type, number of the holder's registration (0: all); left out when there is
 *	              none
 *	registration  number, key, relative target port identifier, nexus
 *	gateway       number, address and nonce, slot in the group, host name, membership in the
 *	              group, machine, features that it understands
 *	fenced        address and nonce, OSD map, time when it was fenced, and when the fence was
 *	              renewed last
 *
 * Lines come in this order, each once but the last three kinds. The decoder trusts nothing in a
 * record. A record that is not exactly of this form, or says something impossible, is an error as a
 * whole, and the error names the line. The decoder does not guess at a record of a newer version.
 *
 * A new kind of line is a feature. The gateways write such lines as soon as each of them understands
 * the feature, and from then on the record says that a gateway must. So gateways can be upgraded one
 * after the other. A gateway that lacks a feature of the record cannot read it, and says so.
 *
 * Version 2 had no features, and version 1 had neither membership, machine nor times. The decoder
 * reads their records with "not known" for those. The first gateway that comes when no older one is
 * left writes version 3 (gateway/registry.c).
 *
 * No I/O, no memory: the unit tests and the fuzzer compile this file as it is.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/string.h>
#include <linux/types.h>

#include "gateway/record_text.h"

#define RECORD_MAGIC	"target_core_rbd.lu"

/**
 * struct writer - text that grows
 * @text: receives the text
 * @size: room in @text
 * @len: length that the text would have with enough room
 */
struct writer {
	char *text;
	size_t size;
	size_t len;
};

static void __printf(2, 3) text_put(struct writer *w, const char *fmt, ...)
{
	size_t used = min(w->len, w->size);
	va_list args;

	va_start(args, fmt);
	w->len += vsnprintf(w->text + used, w->size - used, fmt, args);
	va_end(args);
}

static const char *text_or_dash(const char *s)
{
	return *s ? s : "-";
}

static void text_put_nexus(struct writer *w, const struct trbd_pr_nexus *nexus)
{
	text_put(w, " %s %s\n", text_or_dash(nexus->target), text_or_dash(nexus->initiator));
}

static void text_put_pr(struct writer *w, const struct trbd_record *record)
{
	const struct trbd_pr_state *pr = &record->pr;
	unsigned int i;

	text_put(w, "pr %u %u %u\n", pr->generation, pr->incarnations, pr->aptpl);
	if (*pr->spc2.initiator) {
		text_put(w, "spc2 %llu", record->spc2_gateway);
		text_put_nexus(w, &pr->spc2);
	}
	if (pr->preempted.action_key)
		text_put(w, "preempted 0x%016llx 0x%016llx %u\n", pr->preempted.key,
			 pr->preempted.action_key, pr->preempted.type);
	if (pr->type != TRBD_PR_NONE)
		text_put(w, "reservation %u %u\n", pr->type, pr->holder);
	for (i = 0; i < pr->count; i++) {
		const struct trbd_pr_registration *registration = &pr->registrations[i];

		text_put(w, "registration %u 0x%016llx %u", registration->incarnation,
			 registration->key, registration->rtpi);
		text_put_nexus(w, &registration->nexus);
	}
}

static void text_put_gateway(struct writer *w, const struct trbd_record_gateway *gateway)
{
	text_put(w, "gateway %llu %s %u %s %llu %s %llu\n", gateway->id, gateway->address,
		 gateway->slot, text_or_dash(gateway->name), gateway->member,
		 text_or_dash(gateway->machine), gateway->features);
}

/**
 * trbd_record_encode() - write a record as text
 * @record: record
 * @text: receives the text
 * @size: room in @text
 *
 * Return: length of the text without the NUL; the text is complete if the length is less than
 * @size.
 */
size_t trbd_record_encode(const struct trbd_record *record, char *text, size_t size)
{
	struct writer w = { .text = text, .size = size };
	unsigned int i;

	text_put(&w,
		 RECORD_MAGIC
		 " %d\nfeatures %llu\nimage %s\ngeneration %llu\nsettled %llu\nbarrier %u\nresets %u\n",
		 TRBD_RECORD_VERSION, record->features, record->image, record->generation, record->settled,
		 record->barrier, record->resets);
	if (record->block_size && record->block_size != TRBD_RECORD_BLOCK_SIZE)
		text_put(&w, "block_size %u\n", record->block_size);
	text_put(&w, "change %llu %u", record->writer, record->action);
	text_put_nexus(&w, &record->actor);
	text_put_pr(&w, record);
	for (i = 0; i < record->num_gateways; i++)
		text_put_gateway(&w, &record->gateways[i]);
	for (i = 0; i < record->num_fenced; i++)
		text_put(&w, "fenced %s %u %llu %llu\n", record->fenced[i].address,
			 record->fenced[i].epoch, record->fenced[i].since,
			 record->fenced[i].renewed);
	text_put(&w, "end\n");
	return w.len;
}

/**
 * struct reader - text that is taken apart
 * @p: next byte
 * @end: behind the last byte
 * @line: number of the line that @p is in, from 1
 * @version: of the record
 */
struct reader {
	const char *p;
	const char *end;
	unsigned int line;
	u32 version;
};

/* Take a word of the line, and stop right behind it. Return: its length, 0 when there is none. */
static size_t text_take_word(struct reader *r, const char **word)
{
	const char *p = r->p;

	while (p < r->end && (unsigned char)*p > ' ' && *p != 0x7f)
		p++;
	*word = r->p;
	r->p = p;
	return p - *word;
}

static bool text_take_byte(struct reader *r, char byte)
{
	if (r->p == r->end || *r->p != byte)
		return false;
	r->p++;
	return true;
}

static bool text_take_end_of_line(struct reader *r)
{
	if (!text_take_byte(r, '\n'))
		return false;
	r->line++;
	return true;
}

/* Take a keyword if the next line begins with it, and stop right behind it. */
static bool text_take_keyword(struct reader *r, const char *keyword)
{
	size_t len = strlen(keyword);

	if ((size_t)(r->end - r->p) < len || memcmp(r->p, keyword, len))
		return false;
	if ((size_t)(r->end - r->p) > len && r->p[len] != ' ' && r->p[len] != '\n')
		return false;
	r->p += len;
	return true;
}

/* Take " word", where "-" means empty. */
static bool text_take_text(struct reader *r, char *to, size_t size)
{
	const char *word;
	size_t len;

	if (!text_take_byte(r, ' '))
		return false;
	len = text_take_word(r, &word);
	if (!len || len >= size)
		return false;
	if (len == 1 && *word == '-')
		len = 0;
	memcpy(to, word, len);
	to[len] = 0;
	return true;
}

static int text_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

static bool text_parse_number(const char *word, size_t len, unsigned int base, u64 *value)
{
	size_t i;

	*value = 0;
	for (i = 0; i < len; i++) {
		unsigned int d = text_digit(word[i]);

		if (d >= base || *value > (U64_MAX - d) / base)
			return false;
		*value = *value * base + d;
	}
	return true;
}

/* Take " number", in the one form that we write. */
static bool text_take_number(struct reader *r, u64 max, u64 *value)
{
	const char *word;
	size_t len;

	if (!text_take_byte(r, ' '))
		return false;
	len = text_take_word(r, &word);
	if (!len || len > 20 || (len > 1 && *word == '0'))
		return false;
	return text_parse_number(word, len, 10, value) && *value <= max;
}

/* Take " 0x" and 16 digits. */
static bool text_take_key(struct reader *r, u64 *value)
{
	const char *word;

	if (!text_take_byte(r, ' ') || text_take_word(r, &word) != 18 || word[0] != '0' ||
	    word[1] != 'x')
		return false;
	return text_parse_number(word + 2, 16, 16, value);
}

static bool text_take_u32(struct reader *r, u32 *value)
{
	u64 wide;

	if (!text_take_number(r, U32_MAX, &wide))
		return false;
	*value = wide;
	return true;
}

/* Take "keyword number\n". */
static bool text_take_number_line(struct reader *r, const char *keyword, u64 max, u64 *value)
{
	return text_take_keyword(r, keyword) && text_take_number(r, max, value) &&
	       text_take_end_of_line(r);
}

/* Take both halves of a nexus, or neither. */
static bool text_take_nexus(struct reader *r, struct trbd_pr_nexus *nexus)
{
	return text_take_text(r, nexus->target, sizeof(nexus->target)) &&
	       text_take_text(r, nexus->initiator, sizeof(nexus->initiator)) &&
	       text_take_end_of_line(r) && !*nexus->target == !*nexus->initiator;
}

/* Take one of the block sizes of LIO. The usual one has no line. */
static bool text_take_block_size(struct reader *r, u32 *block_size)
{
	u64 value = TRBD_RECORD_BLOCK_SIZE;

	if (text_take_keyword(r, "block_size") &&
	    (!text_take_number(r, TRBD_RECORD_BLOCK_SIZE_MAX, &value) ||
	     value <= TRBD_RECORD_BLOCK_SIZE || value & (value - 1) || !text_take_end_of_line(r)))
		return false;
	*block_size = value;
	return true;
}

static bool text_take_change(struct reader *r, struct trbd_record *record)
{
	u64 action;

	if (!text_take_keyword(r, "change") || !text_take_number(r, U64_MAX, &record->writer) ||
	    !text_take_number(r, TRBD_PR_ACTIONS - 1, &action))
		return false;
	record->action = action;
	return text_take_nexus(r, &record->actor);
}

static bool text_take_registration(struct reader *r, struct trbd_pr_state *pr)
{
	struct trbd_pr_registration *registration;
	u64 rtpi;

	if (pr->count == pr->room)
		return false;
	registration = &pr->registrations[pr->count];
	if (!text_take_u32(r, &registration->incarnation) ||
	    !text_take_key(r, &registration->key) || !text_take_number(r, U16_MAX, &rtpi) ||
	    !text_take_nexus(r, &registration->nexus))
		return false;
	registration->rtpi = rtpi;
	if (!registration->key || !*registration->nexus.initiator ||
	    trbd_pr_find(pr, &registration->nexus))
		return false;
	/* numbers ascend, which tells registrations apart as well */
	if (registration->incarnation <= (pr->count ? registration[-1].incarnation : 0) ||
	    registration->incarnation > pr->incarnations)
		return false;
	pr->count++;
	return true;
}

static bool text_take_preempted(struct reader *r, struct trbd_pr_preempted *preempted)
{
	u64 type;

	if (!text_take_key(r, &preempted->key) || !text_take_key(r, &preempted->action_key) ||
	    !text_take_number(r, U8_MAX, &type) || !text_take_end_of_line(r))
		return false;
	preempted->type = type;
	return preempted->key && preempted->action_key && (!type || trbd_pr_type_is_valid(type));
}

static bool text_take_reservation(struct reader *r, struct trbd_pr_state *pr)
{
	u64 type;

	if (!text_take_number(r, U8_MAX, &type) || !text_take_u32(r, &pr->holder) ||
	    !text_take_end_of_line(r))
		return false;
	pr->type = type;
	return trbd_pr_type_is_valid(type) && trbd_pr_type_is_all(pr->type) == !pr->holder;
}

/* Check that a registrant holds the reservation: nobody else can. */
static bool text_holder_is_there(const struct trbd_pr_state *pr)
{
	unsigned int i;

	if (pr->type == TRBD_PR_NONE)
		return true;
	for (i = 0; i < pr->count; i++) {
		if (trbd_pr_holds(pr, &pr->registrations[i]))
			return true;
	}
	return false;
}

static bool text_take_pr(struct reader *r, struct trbd_record *record)
{
	struct trbd_pr_state *pr = &record->pr;
	u64 aptpl;

	if (!text_take_keyword(r, "pr") || !text_take_u32(r, &pr->generation) ||
	    !text_take_u32(r, &pr->incarnations) || !text_take_number(r, 1, &aptpl) ||
	    !text_take_end_of_line(r))
		return false;
	pr->aptpl = aptpl;
	if (text_take_keyword(r, "spc2") &&
	    (!text_take_number(r, U64_MAX, &record->spc2_gateway) ||
	     !text_take_nexus(r, &pr->spc2) || !*pr->spc2.initiator))
		return false;
	if (r->version > 1 && text_take_keyword(r, "preempted") &&
	    !text_take_preempted(r, &pr->preempted))
		return false;
	if (text_take_keyword(r, "reservation") && !text_take_reservation(r, pr))
		return false;
	while (text_take_keyword(r, "registration")) {
		if (!text_take_registration(r, pr))
			return false;
	}
	return text_holder_is_there(pr);
}

static bool text_take_gateway(struct reader *r, struct trbd_record *record)
{
	struct trbd_record_gateway *gateway;

	if (record->num_gateways == TRBD_RECORD_GATEWAYS)
		return false;
	gateway = &record->gateways[record->num_gateways++];
	if (!text_take_number(r, U64_MAX, &gateway->id) ||
	    !text_take_text(r, gateway->address, sizeof(gateway->address)) || !*gateway->address ||
	    !text_take_u32(r, &gateway->slot) ||
	    !text_take_text(r, gateway->name, sizeof(gateway->name)))
		return false;
	if (r->version > 1 && (!text_take_number(r, U64_MAX, &gateway->member) ||
			       !text_take_text(r, gateway->machine, sizeof(gateway->machine))))
		return false;
	if (r->version > 2 && !text_take_number(r, U64_MAX, &gateway->features))
		return false;
	return text_take_end_of_line(r);
}

static bool text_take_fenced(struct reader *r, struct trbd_record *record)
{
	struct trbd_record_fenced *fenced;

	if (record->num_fenced == TRBD_RECORD_FENCED)
		return false;
	fenced = &record->fenced[record->num_fenced++];
	if (!text_take_text(r, fenced->address, sizeof(fenced->address)) || !*fenced->address ||
	    !text_take_u32(r, &fenced->epoch))
		return false;
	if (r->version > 1 && (!text_take_number(r, U64_MAX, &fenced->since) ||
			       !text_take_number(r, U64_MAX, &fenced->renewed)))
		return false;
	return text_take_end_of_line(r);
}

static bool text_take_record(struct reader *r, struct trbd_record *record)
{
	u64 barrier, resets;

	if (!text_take_keyword(r, "image") ||
	    !text_take_text(r, record->image, sizeof(record->image)) || !*record->image ||
	    !text_take_end_of_line(r) ||
	    !text_take_number_line(r, "generation", U64_MAX, &record->generation) ||
	    !text_take_number_line(r, "settled", record->generation, &record->settled) ||
	    !text_take_number_line(r, "barrier", U32_MAX, &barrier) ||
	    !text_take_number_line(r, "resets", U32_MAX, &resets) ||
	    (r->version > 1 && !text_take_block_size(r, &record->block_size)) ||
	    !text_take_change(r, record) ||
	    !text_take_pr(r, record))
		return false;
	record->barrier = barrier;
	record->resets = resets;
	while (text_take_keyword(r, "gateway")) {
		if (!text_take_gateway(r, record))
			return false;
	}
	while (text_take_keyword(r, "fenced")) {
		if (!text_take_fenced(r, record))
			return false;
	}
	return text_take_keyword(r, "end") && text_take_end_of_line(r) && r->p == r->end;
}

/* Check that we understand the record. Return: 0, -EPROTONOSUPPORT or -EBADMSG. */
static int text_check_features(struct reader *r, struct trbd_record *record)
{
	if (!r->version || r->version > TRBD_RECORD_VERSION)
		return -EPROTONOSUPPORT;
	if (r->version > 2 &&
	    !text_take_number_line(r, "features", U64_MAX, &record->features))
		return -EBADMSG;
	return record->features & ~TRBD_FEATURES ? -EPROTONOSUPPORT : 0;
}

/**
 * trbd_record_decode() - read a record from text
 * @text: text, not ended by a NUL
 * @len: its length
 * @record: receives the record; pr.registrations and pr.room are set. Of no use after an error
 * @bad_line: NULL, or set to the line that could not be read
 *
 * Return: 0; -EPROTONOSUPPORT for a record of a newer version, or with a feature that we do not know;
 * -EBADMSG for anything else that is not a record.
 */
int trbd_record_decode(const char *text, size_t len, struct trbd_record *record,
		       unsigned int *bad_line)
{
	struct reader r = { .p = text, .end = text + len, .line = 1 };
	struct trbd_pr_registration *registrations = record->pr.registrations;
	unsigned int room = record->pr.room;
	u64 version;
	int ret = -EBADMSG;

	memset(record, 0, sizeof(*record));
	record->pr.registrations = registrations;
	record->pr.room = room;
	record->block_size = TRBD_RECORD_BLOCK_SIZE;

	if (text_take_number_line(&r, RECORD_MAGIC, U32_MAX, &version)) {
		r.version = version;
		record->version = version;
		ret = text_check_features(&r, record);
		if (!ret && !text_take_record(&r, record))
			ret = -EBADMSG;
	}
	if (bad_line)
		*bad_line = r.line;
	return ret;
}
