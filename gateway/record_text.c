// SPDX-License-Identifier: GPL-2.0
/*
 * The record of an image's shared state, as text that a person can read (rbd image-meta get IMAGE
 * target_core_rbd.lu):
 *
 *	target_core_rbd.lu 3
 *	features 1
 *	image 10a6b8b4567
 *	generation 12
 *	settled 11
 *	barrier 345
 *	resets 3
 *	block_size 4096
 *	setting emulate_caw 0
 *	change 4711 4 iqn.2026-11.com.example:disk1,t,0x1 iscsi:iqn.1994-05.com.example:h2,i,0x23d02
 *	pr 5 17 1
 *	spc2 4711 TARGET INITIATOR
 *	preempted 0x00000000000000ab 0x00000000000000cd 5
 *	reservation 5 16
 *	registration 16 0x00000000000000ab 1 iqn.2026-11.ex:d,t,0x1 iscsi:iqn.1994-05.ex:h,i,0x23d01
 *	gateway 4711 192.0.2.11:0/3234 0 gw1 815 2f6b11a90c45d7e8 1
 *	fenced 192.0.2.12:0/99 345 1795888000 1795889800
 *	group 1 2f6b11a90c45d7e8 0 gw1
 *	port 1 1 1 iqn.2026-11.ex:d,t,0x1
 *	end
 *
 *	features      what a gateway must understand to read the rest, TRBD_FEATURE_* as a number
 *	block_size    bytes of a logical block, the same on all gateways; left out when it is 512
 *	setting       an attribute of LIO and its value, the same on all gateways; left out when the
 *	              value is the usual one
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
 *	group         number of a target port group, machine, whether the gateway is out of service,
 *	              host name
 *	port          relative target port identifier, number of the group, whether the gateway has
 *	              the port at present, name
 *
 * Lines come in this order, each once but "setting" and those from "registration" on. "setting" is
 * of TRBD_FEATURE_SETTINGS, and the last two kinds are of TRBD_FEATURE_PORTS. The decoder trusts
 * nothing in a record. A record that is not exactly of this form, or says something impossible, is
 * an error as a whole, and the error names the line. The decoder does not guess at a record of a
 * newer version.
 *
 * A new kind of line is a feature. The gateways write such lines as soon as each of them
 * understands the feature, and from then on the record says that a gateway must. So gateways can be
 * upgraded one after the other. A gateway that lacks a feature of the record cannot read it, and
 * says so.
 *
 * Version 2 has no features, and version 1 had neither membership, machine nor times. The decoder
 * reads their records with "not known" for those.
 *
 * As long as the registry has a gateway that reads no more than version 2, the others write version
 * 2, too. There they put their features behind the machine, which older gateways only compare with
 * their own:
 *
 *	gateway 4711 192.0.2.11:0/3234 0 gw1 815 2f6b11a90c45d7e8/1
 *
 * The next change after the last older gateway has gone makes it version 3. Nobody writes version
 * 1, so a gateway stays away while gateways of that version are there (gateway/registry.c).
 *
 * No I/O, no memory: the unit tests and the fuzzer compile this file as it is.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/string.h>
#include <linux/types.h>

#include "gateway/record_text.h"
#include "gateway/text.h"

#define RECORD_MAGIC	"target_core_rbd.lu"

static void text_put_nexus(struct trbd_text_writer *w, const struct trbd_pr_nexus *nexus)
{
	trbd_text_put(w, " %s %s\n", trbd_text_or_dash(nexus->target),
		      trbd_text_or_dash(nexus->initiator));
}

static void text_put_settings(struct trbd_text_writer *w, const struct trbd_record *record)
{
	const struct trbd_settings *settings = &record->settings;
	enum trbd_setting i;

	if (trbd_settings_block_size(settings) != TRBD_BLOCK_SIZE_USUAL)
		trbd_text_put(w, "%s %u\n", trbd_setting_name(TRBD_SETTING_BLOCK_SIZE),
			      trbd_settings_block_size(settings));
	if (!(record->features & TRBD_FEATURE_SETTINGS))
		return;
	for (i = TRBD_SETTING_BLOCK_SIZE + 1; i < TRBD_SETTINGS; i++) {
		if (trbd_settings_have(settings, i))
			trbd_text_put(w, "setting %s %u\n", trbd_setting_name(i), settings->values[i]);
	}
}

static void text_put_pr(struct trbd_text_writer *w, const struct trbd_record *record)
{
	const struct trbd_pr_state *pr = &record->pr;
	unsigned int i;

	trbd_text_put(w, "pr %u %u %u\n", pr->generation, pr->incarnations, pr->aptpl);
	if (*pr->spc2.initiator) {
		trbd_text_put(w, "spc2 %llu", record->spc2_gateway);
		text_put_nexus(w, &pr->spc2);
	}
	if (pr->preempted.action_key)
		trbd_text_put(w, "preempted 0x%016llx 0x%016llx %u\n", pr->preempted.key,
			      pr->preempted.action_key, pr->preempted.type);
	if (pr->type != TRBD_PR_NONE)
		trbd_text_put(w, "reservation %u %u\n", pr->type, pr->holder);
	for (i = 0; i < pr->count; i++) {
		const struct trbd_pr_registration *registration = &pr->registrations[i];

		trbd_text_put(w, "registration %u 0x%016llx %u", registration->incarnation,
			      registration->key, registration->rtpi);
		text_put_nexus(w, &registration->nexus);
	}
}

static void text_put_gateway(struct trbd_text_writer *w, const struct trbd_record_gateway *gateway,
			     u32 version)
{
	trbd_text_put(w, "gateway %llu %s %u %s %llu %s", gateway->id, gateway->address,
		      gateway->slot, trbd_text_or_dash(gateway->name), gateway->member,
		      trbd_text_or_dash(gateway->machine));
	if (version > TRBD_RECORD_VERSION_OLD)
		trbd_text_put(w, " %llu\n", gateway->features);
	else if (gateway->features)
		trbd_text_put(w, "/%llu\n", gateway->features);
	else
		trbd_text_put(w, "\n");
}

static void text_put_ports(struct trbd_text_writer *w, const struct trbd_record *record)
{
	unsigned int i;

	for (i = 0; i < record->num_groups; i++)
		trbd_text_put(w, "group %u %s %u %s\n", record->groups[i].number,
			      record->groups[i].machine, record->groups[i].standby,
			      trbd_text_or_dash(record->groups[i].name));
	for (i = 0; i < record->num_ports; i++)
		trbd_text_put(w, "port %u %u %u %s\n", record->ports[i].rtpi, record->ports[i].group,
			      record->ports[i].present, record->ports[i].target);
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
	struct trbd_text_writer w = { .text = text, .size = size };
	u32 version = trbd_record_version(record);
	unsigned int i;

	trbd_text_put(&w, RECORD_MAGIC " %u\n", version);
	if (version > TRBD_RECORD_VERSION_OLD)
		trbd_text_put(&w, "features %llu\n", record->features);
	trbd_text_put(&w,
		      "image %s\ngeneration %llu\nsettled %llu\nbarrier %u\nresets %u\n",
		      record->image, record->generation, record->settled, record->barrier,
		      record->resets);
	text_put_settings(&w, record);
	trbd_text_put(&w, "change %llu %u", record->writer, record->action);
	text_put_nexus(&w, &record->actor);
	text_put_pr(&w, record);
	for (i = 0; i < record->num_gateways; i++)
		text_put_gateway(&w, &record->gateways[i], version);
	for (i = 0; i < record->num_fenced; i++)
		trbd_text_put(&w, "fenced %s %u %llu %llu\n", record->fenced[i].address,
			      record->fenced[i].epoch, record->fenced[i].since,
			      record->fenced[i].renewed);
	if (record->features & TRBD_FEATURE_PORTS)
		text_put_ports(&w, record);
	trbd_text_put(&w, "end\n");
	return w.len;
}

/* Take both halves of a nexus, or neither. */
static bool text_take_nexus(struct trbd_text_reader *r, struct trbd_pr_nexus *nexus)
{
	return trbd_text_take_text(r, nexus->target, sizeof(nexus->target)) &&
	       trbd_text_take_text(r, nexus->initiator, sizeof(nexus->initiator)) &&
	       trbd_text_take_end_of_line(r) && !*nexus->target == !*nexus->initiator;
}

/* The usual block size has no line. */
static bool text_take_setting(struct trbd_text_reader *r, enum trbd_setting setting,
			      struct trbd_settings *settings)
{
	u64 value;

	if (!trbd_text_take_number(r, U32_MAX, &value) || !trbd_setting_is_valid(setting, value))
		return false;
	trbd_settings_put(settings, setting, value);
	if (setting == TRBD_SETTING_BLOCK_SIZE && value == TRBD_BLOCK_SIZE_USUAL)
		return false;
	return trbd_text_take_end_of_line(r);
}

/* Take the lines "setting NAME VALUE", which are in the order of the table. */
static bool text_take_setting_lines(struct trbd_text_reader *r, struct trbd_settings *settings)
{
	enum trbd_setting i = TRBD_SETTING_BLOCK_SIZE;
	char name[TRBD_SETTING_NAME_MAX];

	while (trbd_text_take_keyword(r, "setting")) {
		if (!trbd_text_take_text(r, name, sizeof(name)))
			return false;
		do {
			if (++i == TRBD_SETTINGS)
				return false;
		} while (strcmp(name, trbd_setting_name(i)));
		if (!text_take_setting(r, i, settings))
			return false;
	}
	return true;
}

/* Take the block size, and the other settings. */
static bool text_take_settings(struct trbd_text_reader *r, struct trbd_record *record)
{
	struct trbd_settings *settings = &record->settings;

	if (trbd_text_take_keyword(r, trbd_setting_name(TRBD_SETTING_BLOCK_SIZE)) &&
	    !text_take_setting(r, TRBD_SETTING_BLOCK_SIZE, settings))
		return false;
	return !(record->features & TRBD_FEATURE_SETTINGS) || text_take_setting_lines(r, settings);
}

static bool text_take_change(struct trbd_text_reader *r, struct trbd_record *record)
{
	u64 action;

	if (!trbd_text_take_keyword(r, "change") || !trbd_text_take_number(r, U64_MAX, &record->writer) ||
	    !trbd_text_take_number(r, TRBD_PR_ACTIONS - 1, &action))
		return false;
	record->action = action;
	return text_take_nexus(r, &record->actor);
}

static bool text_take_registration(struct trbd_text_reader *r, struct trbd_pr_state *pr)
{
	struct trbd_pr_registration *registration;
	u64 rtpi;

	if (pr->count == pr->room)
		return false;
	registration = &pr->registrations[pr->count];
	if (!trbd_text_take_u32(r, &registration->incarnation) ||
	    !trbd_text_take_key(r, &registration->key) ||
	    !trbd_text_take_number(r, U16_MAX, &rtpi) ||
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

static bool text_take_preempted(struct trbd_text_reader *r, struct trbd_pr_preempted *preempted)
{
	u64 type;

	if (!trbd_text_take_key(r, &preempted->key) ||
	    !trbd_text_take_key(r, &preempted->action_key) ||
	    !trbd_text_take_number(r, U8_MAX, &type) || !trbd_text_take_end_of_line(r))
		return false;
	preempted->type = type;
	return preempted->key && preempted->action_key && (!type || trbd_pr_type_is_valid(type));
}

static bool text_take_reservation(struct trbd_text_reader *r, struct trbd_pr_state *pr)
{
	u64 type;

	if (!trbd_text_take_number(r, U8_MAX, &type) || !trbd_text_take_u32(r, &pr->holder) ||
	    !trbd_text_take_end_of_line(r))
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

static bool text_take_pr(struct trbd_text_reader *r, struct trbd_record *record)
{
	struct trbd_pr_state *pr = &record->pr;
	u64 aptpl;

	if (!trbd_text_take_keyword(r, "pr") || !trbd_text_take_u32(r, &pr->generation) ||
	    !trbd_text_take_u32(r, &pr->incarnations) || !trbd_text_take_number(r, 1, &aptpl) ||
	    !trbd_text_take_end_of_line(r))
		return false;
	pr->aptpl = aptpl;
	if (trbd_text_take_keyword(r, "spc2") &&
	    (!trbd_text_take_number(r, U64_MAX, &record->spc2_gateway) ||
	     !text_take_nexus(r, &pr->spc2) || !*pr->spc2.initiator))
		return false;
	if (r->version > 1 && trbd_text_take_keyword(r, "preempted") &&
	    !text_take_preempted(r, &pr->preempted))
		return false;
	if (trbd_text_take_keyword(r, "reservation") && !text_take_reservation(r, pr))
		return false;
	while (trbd_text_take_keyword(r, "registration")) {
		if (!text_take_registration(r, pr))
			return false;
	}
	return text_holder_is_there(pr);
}

/*
 * Split the word of version 2 that has the machine, and perhaps features behind it. They are
 * numbers of few digits, or the word would be too long.
 */
static bool text_split_machine(struct trbd_record_gateway *gateway)
{
	char *slash = strchr(gateway->machine, '/');

	if (!slash)
		return true;
	*slash = 0;
	if (!strcmp(gateway->machine, "-"))
		*gateway->machine = 0;
	return trbd_text_parse_number(slash + 1, U64_MAX, &gateway->features) && gateway->features;
}

static bool text_take_gateway(struct trbd_text_reader *r, struct trbd_record *record)
{
	struct trbd_record_gateway *gateway;

	if (record->num_gateways == TRBD_RECORD_GATEWAYS)
		return false;
	gateway = &record->gateways[record->num_gateways++];
	if (!trbd_text_take_number(r, U64_MAX, &gateway->id) ||
	    !trbd_text_take_text(r, gateway->address, sizeof(gateway->address)) ||
	    !*gateway->address ||
	    !trbd_text_take_u32(r, &gateway->slot) ||
	    !trbd_text_take_text(r, gateway->name, sizeof(gateway->name)))
		return false;
	if (r->version > 1 && (!trbd_text_take_number(r, U64_MAX, &gateway->member) ||
			       !trbd_text_take_text(r, gateway->machine, sizeof(gateway->machine))))
		return false;
	if (r->version == TRBD_RECORD_VERSION_OLD && !text_split_machine(gateway))
		return false;
	if (r->version > TRBD_RECORD_VERSION_OLD &&
	    !trbd_text_take_number(r, U64_MAX, &gateway->features))
		return false;
	return trbd_text_take_end_of_line(r);
}

static bool text_take_fenced(struct trbd_text_reader *r, struct trbd_record *record)
{
	struct trbd_record_fenced *fenced;

	if (record->num_fenced == TRBD_RECORD_FENCED)
		return false;
	fenced = &record->fenced[record->num_fenced++];
	if (!trbd_text_take_text(r, fenced->address, sizeof(fenced->address)) ||
	    !*fenced->address ||
	    !trbd_text_take_u32(r, &fenced->epoch))
		return false;
	if (r->version > 1 && (!trbd_text_take_number(r, U64_MAX, &fenced->since) ||
			       !trbd_text_take_number(r, U64_MAX, &fenced->renewed)))
		return false;
	return trbd_text_take_end_of_line(r);
}

static bool text_has_machine(const struct trbd_record *record, const char *machine)
{
	unsigned int i;

	for (i = 0; i < record->num_groups; i++) {
		if (!strcmp(record->groups[i].machine, machine))
			return true;
	}
	return false;
}

static bool text_take_group(struct trbd_text_reader *r, struct trbd_record *record)
{
	struct trbd_record_group *group = &record->groups[record->num_groups];
	u16 last = record->num_groups ? group[-1].number : 0;

	if (record->num_groups == TRBD_RECORD_GATEWAYS ||
	    !trbd_text_take_u16_after(r, last, &group->number) ||
	    !trbd_text_take_text(r, group->machine, sizeof(group->machine)) || !*group->machine ||
	    !trbd_text_take_bool(r, &group->standby) ||
	    !trbd_text_take_text(r, group->name, sizeof(group->name)) ||
	    !trbd_text_take_end_of_line(r) || text_has_machine(record, group->machine))
		return false;
	record->num_groups++;
	return true;
}

static bool text_has_group(const struct trbd_record *record, u16 number)
{
	unsigned int i;

	for (i = 0; i < record->num_groups; i++) {
		if (record->groups[i].number == number)
			return true;
	}
	return false;
}

static bool text_has_port(const struct trbd_record *record, const struct trbd_record_port *port)
{
	unsigned int i;

	for (i = 0; i < record->num_ports; i++) {
		if (record->ports[i].group == port->group &&
		    !strcmp(record->ports[i].target, port->target))
			return true;
	}
	return false;
}

static bool text_take_port(struct trbd_text_reader *r, struct trbd_record *record)
{
	struct trbd_record_port *port = &record->ports[record->num_ports];
	u16 last = record->num_ports ? port[-1].rtpi : 0;

	if (record->num_ports == TRBD_RECORD_PORTS ||
	    !trbd_text_take_u16_after(r, last, &port->rtpi) ||
	    !trbd_text_take_u16_after(r, 0, &port->group) || !text_has_group(record, port->group) ||
	    !trbd_text_take_bool(r, &port->present) ||
	    !trbd_text_take_text(r, port->target, sizeof(port->target)) || !*port->target ||
	    !trbd_text_take_end_of_line(r) || text_has_port(record, port))
		return false;
	record->num_ports++;
	return true;
}

static bool text_take_ports(struct trbd_text_reader *r, struct trbd_record *record)
{
	while (trbd_text_take_keyword(r, "group")) {
		if (!text_take_group(r, record))
			return false;
	}
	while (trbd_text_take_keyword(r, "port")) {
		if (!text_take_port(r, record))
			return false;
	}
	return true;
}

static bool text_take_record(struct trbd_text_reader *r, struct trbd_record *record)
{
	u64 barrier, resets;

	if (!trbd_text_take_keyword(r, "image") ||
	    !trbd_text_take_text(r, record->image, sizeof(record->image)) || !*record->image ||
	    !trbd_text_take_end_of_line(r) ||
	    !trbd_text_take_number_line(r, "generation", U64_MAX, &record->generation) ||
	    !trbd_text_take_number_line(r, "settled", record->generation, &record->settled) ||
	    !trbd_text_take_number_line(r, "barrier", U32_MAX, &barrier) ||
	    !trbd_text_take_number_line(r, "resets", U32_MAX, &resets) ||
	    (r->version > 1 && !text_take_settings(r, record)) ||
	    !text_take_change(r, record) ||
	    !text_take_pr(r, record))
		return false;
	record->barrier = barrier;
	record->resets = resets;
	while (trbd_text_take_keyword(r, "gateway")) {
		if (!text_take_gateway(r, record))
			return false;
	}
	while (trbd_text_take_keyword(r, "fenced")) {
		if (!text_take_fenced(r, record))
			return false;
	}
	if (record->features & TRBD_FEATURE_PORTS && !text_take_ports(r, record))
		return false;
	return trbd_text_take_keyword(r, "end") && trbd_text_take_end_of_line(r) && r->p == r->end;
}

/* Check that we understand the record. Return: 0, -EPROTONOSUPPORT or -EBADMSG. */
static int text_check_features(struct trbd_text_reader *r, struct trbd_record *record)
{
	if (!r->version || r->version > TRBD_RECORD_VERSION)
		return -EPROTONOSUPPORT;
	if (r->version > 2 &&
	    !trbd_text_take_number_line(r, "features", U64_MAX, &record->features))
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
 * Return: 0; -EPROTONOSUPPORT for a record of a newer version, or with a feature that we do not
 * know; -EBADMSG for anything else that is not a record.
 */
int trbd_record_decode(const char *text, size_t len, struct trbd_record *record,
		       unsigned int *bad_line)
{
	struct trbd_text_reader r = { .p = text, .end = text + len, .line = 1 };
	struct trbd_pr_registration *registrations = record->pr.registrations;
	unsigned int room = record->pr.room;
	u64 version;
	int ret = -EBADMSG;

	memset(record, 0, sizeof(*record));
	record->pr.registrations = registrations;
	record->pr.room = room;

	if (trbd_text_take_number_line(&r, RECORD_MAGIC, U32_MAX, &version)) {
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
