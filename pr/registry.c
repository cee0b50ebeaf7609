// SPDX-License-Identifier: GPL-2.0
/*
 * Who serves an image, and who was fenced: what becomes of that when the record itself is not there any more.
 *
 * An operator may remove the record, to clear everything. That is about reservations. Gateways serve on, and one of them
 * may be cut off just then, with writes under way that the next PREEMPT forbids. If nobody remembered it, nobody would
 * ask it, and nobody would fence it. So whoever makes the next record begins with the registry that it knew.
 *
 * No I/O, no memory: compiled as it is by the unit tests.
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>

#include "pr/record.h"
#include "pr/registry.h"

/**
 * trbd_registry_of() - the registry of a record
 * @record: record
 *
 * Return: it; valid as long as nobody changes @record.
 */
struct trbd_registry trbd_registry_of(const struct trbd_record *record)
{
	struct trbd_registry registry = {
		.num_gateways = record->num_gateways,
		.gateways = record->gateways,
		.num_fenced = record->num_fenced,
		.fenced = record->fenced,
	};

	return registry;
}

/**
 * trbd_registry_carry() - take a registry over into another record
 * @known: registry; not @record's own
 * @record: record; keeps what it has, and gets of @known what it lacks, as long as there is room
 */
void trbd_registry_carry(const struct trbd_registry *known, struct trbd_record *record)
{
	unsigned int i;

	for (i = 0; i < known->num_gateways && record->num_gateways < TRBD_RECORD_GATEWAYS; i++) {
		if (!trbd_record_find_gateway(record, known->gateways[i].id))
			record->gateways[record->num_gateways++] = known->gateways[i];
	}
	for (i = 0; i < known->num_fenced && record->num_fenced < TRBD_RECORD_FENCED; i++) {
		if (!trbd_record_find_fenced(record, known->fenced[i].address))
			record->fenced[record->num_fenced++] = known->fenced[i];
	}
}
