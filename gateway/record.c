// SPDX-License-Identifier: GPL-2.0
/*
 * The record that the gateways of an image share, and its registry: the gateways that serve the
 * image, and the clients that were fenced.
 *
 * The registry outlives the record. An operator may remove the record to clear all reservations.
 * The gateways serve on, and one of them may be cut off just then, with writes under way that the
 * next PREEMPT forbids. If no other gateway remembered that one, nobody would ask it, and nobody
 * would fence it. So the gateway that makes the next record begins with the registry that it knew.
 *
 * Gateways renew fences, since Ceph forgets them after an hour. Times are those of the group's
 * clock, which stands still while no gateway is there. So the clock tells the age of a fence to
 * gateways that have served since, but not to one that comes.
 *
 * gateway/record_text.c turns the record into text, and gateway/record_io.c reads and writes it in
 * the cluster.
 *
 * No I/O, no memory: the unit tests compile this file as it is.
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>

#include "gateway/record.h"

/**
 * trbd_record_find_gateway() - find the entry of a gateway
 * @record: record
 * @id: its number
 *
 * Return: the entry, or NULL.
 */
const struct trbd_record_gateway *trbd_record_find_gateway(const struct trbd_record *record, u64 id)
{
	unsigned int i;

	for (i = 0; i < record->num_gateways; i++) {
		if (record->gateways[i].id == id)
			return &record->gateways[i];
	}
	return NULL;
}

/**
 * trbd_record_common_features() - tell which features all gateways understand
 * @record: record
 *
 * Return: features that every gateway in the registry understands; all of ours if it has none.
 */
u64 trbd_record_common_features(const struct trbd_record *record)
{
	u64 features = TRBD_FEATURES;
	unsigned int i;

	for (i = 0; i < record->num_gateways; i++)
		features &= record->gateways[i].features;
	return features;
}

/**
 * trbd_record_version() - choose the version that a record is written in
 * @record: record
 *
 * Return: the present version if every gateway in the registry can read it, or must have read it
 * already; otherwise the version that they all can read.
 */
u32 trbd_record_version(const struct trbd_record *record)
{
	unsigned int i;

	if (record->version == TRBD_RECORD_VERSION || record->features)
		return TRBD_RECORD_VERSION;
	for (i = 0; i < record->num_gateways; i++) {
		if (!record->gateways[i].features)
			return TRBD_RECORD_VERSION_OLD;
	}
	return TRBD_RECORD_VERSION;
}

/**
 * trbd_record_remove_gateway() - take a gateway out
 * @record: record
 * @id: its number; there need not be an entry with it
 */
void trbd_record_remove_gateway(struct trbd_record *record, u64 id)
{
	const struct trbd_record_gateway *gateway = trbd_record_find_gateway(record, id);
	unsigned int i;

	if (!gateway)
		return;
	i = gateway - record->gateways;
	record->num_gateways--;
	memmove(&record->gateways[i], &record->gateways[i + 1],
		(record->num_gateways - i) * sizeof(record->gateways[0]));
}

/**
 * trbd_record_add_fenced() - note that a client was fenced
 * @record: record
 * @address: its address and nonce
 * @epoch: OSD map that has it on the blocklist
 * @now: time, seconds
 *
 * A record without room forgets the client that was fenced first.
 */
void trbd_record_add_fenced(struct trbd_record *record, const char *address, u32 epoch, u64 now)
{
	struct trbd_record_fenced *fenced;

	trbd_record_remove_fenced(record, address);
	if (record->num_fenced == TRBD_RECORD_FENCED)
		trbd_record_remove_fenced(record, record->fenced[0].address);
	fenced = &record->fenced[record->num_fenced++];
	memset(fenced, 0, sizeof(*fenced));
	strscpy(fenced->address, address, sizeof(fenced->address));
	fenced->epoch = epoch;
	fenced->since = now;
	fenced->renewed = now;
}

/**
 * trbd_record_find_fenced() - find the fence of a client
 * @record: record
 * @address: its address and nonce
 *
 * Return: its entry, or NULL.
 */
struct trbd_record_fenced *trbd_record_find_fenced(struct trbd_record *record, const char *address)
{
	unsigned int i;

	for (i = 0; i < record->num_fenced; i++) {
		if (!strcmp(record->fenced[i].address, address))
			return &record->fenced[i];
	}
	return NULL;
}

/**
 * trbd_record_remove_fenced() - forget that a client was fenced
 * @record: record
 * @address: its address and nonce; there need not be an entry with them
 */
void trbd_record_remove_fenced(struct trbd_record *record, const char *address)
{
	struct trbd_record_fenced *fenced = trbd_record_find_fenced(record, address);

	if (!fenced)
		return;
	record->num_fenced--;
	memmove(fenced, fenced + 1,
		(&record->fenced[record->num_fenced] - fenced) * sizeof(*fenced));
}

/**
 * trbd_record_registry() - get the registry of a record
 * @record: record
 *
 * Return: the registry; valid as long as nobody changes @record.
 */
struct trbd_record_registry trbd_record_registry(const struct trbd_record *record)
{
	struct trbd_record_registry registry = {
		.features = record->features,
		.num_gateways = record->num_gateways,
		.gateways = record->gateways,
		.num_fenced = record->num_fenced,
		.fenced = record->fenced,
		.num_groups = record->num_groups,
		.groups = record->groups,
		.num_ports = record->num_ports,
		.ports = record->ports,
	};

	return registry;
}

/**
 * trbd_record_carry_registry() - take a registry over into another record
 * @known: registry; not @record's own
 * @record: record; keeps its entries, and gets those of @known that it lacks, as long as there is
 *   room. If it has no ports, it gets those of @known
 *
 * The features come along. Without them the ports would not be written.
 */
void trbd_record_carry_registry(const struct trbd_record_registry *known,
				struct trbd_record *record)
{
	unsigned int i;

	record->features |= known->features;
	for (i = 0; i < known->num_gateways && record->num_gateways < TRBD_RECORD_GATEWAYS; i++) {
		if (!trbd_record_find_gateway(record, known->gateways[i].id))
			record->gateways[record->num_gateways++] = known->gateways[i];
	}
	for (i = 0; i < known->num_fenced && record->num_fenced < TRBD_RECORD_FENCED; i++) {
		if (!trbd_record_find_fenced(record, known->fenced[i].address))
			record->fenced[record->num_fenced++] = known->fenced[i];
	}
	/* a port has a group */
	if (record->num_groups)
		return;
	record->num_groups = known->num_groups;
	memcpy(record->groups, known->groups, known->num_groups * sizeof(*known->groups));
	record->num_ports = known->num_ports;
	memcpy(record->ports, known->ports, known->num_ports * sizeof(*known->ports));
}

/**
 * trbd_record_registry_has() - tell whether a client serves the image
 * @registry: registry
 * @address: its address and nonce
 *
 * Return: true if there is an entry with this address.
 */
bool trbd_record_registry_has(const struct trbd_record_registry *registry, const char *address)
{
	unsigned int i;

	for (i = 0; i < registry->num_gateways; i++) {
		if (!strcmp(registry->gateways[i].address, address))
			return true;
	}
	return false;
}

/**
 * trbd_fenced_is_due() - tell whether a fence must be renewed
 * @fenced: fence
 * @now: time, seconds
 * @age: for how long a renewal lasts, seconds; 0 when nobody knows how much time has gone by
 *
 * Return: true if it must.
 */
bool trbd_fenced_is_due(const struct trbd_record_fenced *fenced, u64 now, u64 age)
{
	return !age || !fenced->since || fenced->renewed > now + TRBD_FENCE_AHEAD_S ||
	       now > fenced->renewed + age;
}

/**
 * trbd_fenced_is_old() - tell whether a fence is so old that nobody needs to remember it
 * @fenced: fence
 * @now: time, seconds
 *
 * Return: true if it is.
 */
bool trbd_fenced_is_old(const struct trbd_record_fenced *fenced, u64 now)
{
	return fenced->since && fenced->since <= now + TRBD_FENCE_AHEAD_S &&
	       now > fenced->since + TRBD_FENCE_KEEP_S;
}

/**
 * trbd_fenced_renew() - note that a fence was renewed
 * @record: record; a client that it does not list as fenced has come back meanwhile
 * @address: address and nonce of the client
 * @epoch: OSD map that has it on the blocklist
 * @now: time, seconds
 *
 * Ceph may have forgotten the fence before, so every gateway must have this map.
 */
void trbd_fenced_renew(struct trbd_record *record, const char *address, u32 epoch, u64 now)
{
	struct trbd_record_fenced *fenced = trbd_record_find_fenced(record, address);

	if (!fenced)
		return;
	record->barrier = max(record->barrier, epoch);
	if (!fenced->since || fenced->since > now + TRBD_FENCE_AHEAD_S)
		fenced->since = now;
	fenced->epoch = epoch;
	fenced->renewed = now;
}
