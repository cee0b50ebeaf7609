// SPDX-License-Identifier: GPL-2.0
/*
 * The target ports of all gateways, as the record has them.
 *
 * To an initiator, the gateways are one array with many target ports. So a port has the same
 * relative target port identifier whichever gateway is asked, and no two ports have the same one.
 * LIO numbers ports for each gateway by itself. So the record numbers them:
 *
 *	group    a target port group: all ports of one gateway. Its state is the gateway's
 *	port     a target port, its identifier, and its group
 *
 * An entry stays when its gateway goes, so a gateway that boots has the numbers of before. An entry
 * that nobody needs is reused only when there is no room for another one.
 *
 * The state of a group is not written down, but follows from the registry. A gateway that left, or
 * was fenced, is unavailable. A gateway that an operator took out of service is in standby.
 *
 * No I/O, no memory: the unit tests compile this file as it is.
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>

#include "gateway/ports.h"

/**
 * trbd_ports_find_group() - find the target port group of a gateway
 * @registry: registry
 * @machine: of the gateway
 *
 * Return: the group, or NULL.
 */
const struct trbd_record_group *
trbd_ports_find_group(const struct trbd_record_registry *registry, const char *machine)
{
	unsigned int i;

	for (i = 0; i < registry->num_groups; i++) {
		if (!strcmp(registry->groups[i].machine, machine))
			return &registry->groups[i];
	}
	return NULL;
}

/**
 * trbd_ports_find() - find a target port by name
 * @registry: registry
 * @group: number of its group
 * @target: its name
 *
 * Return: the port, or NULL.
 */
const struct trbd_record_port *trbd_ports_find(const struct trbd_record_registry *registry,
					       u16 group, const char *target)
{
	unsigned int i;

	for (i = 0; i < registry->num_ports; i++) {
		const struct trbd_record_port *port = &registry->ports[i];

		if (port->group == group && !strcmp(port->target, target))
			return port;
	}
	return NULL;
}

/**
 * trbd_ports_find_rtpi() - find a target port by its number
 * @registry: registry
 * @rtpi: relative target port identifier
 *
 * Return: the port, or NULL.
 */
const struct trbd_record_port *
trbd_ports_find_rtpi(const struct trbd_record_registry *registry, u16 rtpi)
{
	unsigned int i;

	for (i = 0; i < registry->num_ports; i++) {
		if (registry->ports[i].rtpi == rtpi)
			return &registry->ports[i];
	}
	return NULL;
}

static bool ports_gateway_is_there(const struct trbd_record_registry *registry, const char *machine)
{
	unsigned int i;

	for (i = 0; i < registry->num_gateways; i++) {
		if (!strcmp(registry->gateways[i].machine, machine))
			return true;
	}
	return false;
}

/**
 * trbd_ports_state() - tell the state of a target port group
 * @registry: registry
 * @group: group
 *
 * Return: its asymmetric access state.
 */
enum trbd_access_state trbd_ports_state(const struct trbd_record_registry *registry,
					const struct trbd_record_group *group)
{
	if (!ports_gateway_is_there(registry, group->machine))
		return TRBD_ACCESS_UNAVAILABLE;
	return group->standby ? TRBD_ACCESS_STANDBY : TRBD_ACCESS_ACTIVE;
}

/**
 * trbd_ports_count() - count the target ports of a group
 * @registry: registry
 * @group: number of the group
 *
 * Return: number of ports that are present.
 */
unsigned int trbd_ports_count(const struct trbd_record_registry *registry, u16 group)
{
	unsigned int i, count = 0;

	for (i = 0; i < registry->num_ports; i++)
		count += registry->ports[i].group == group && registry->ports[i].present;
	return count;
}

/**
 * trbd_ports_tell_the_same() - compare the ports of two registries
 * @a: first registry
 * @b: second registry
 *
 * Return: true if an initiator is told the same about both.
 */
bool trbd_ports_tell_the_same(const struct trbd_record_registry *a,
			      const struct trbd_record_registry *b)
{
	unsigned int i;

	if (a->num_groups != b->num_groups || a->num_ports != b->num_ports)
		return false;
	for (i = 0; i < a->num_groups; i++) {
		if (a->groups[i].number != b->groups[i].number ||
		    trbd_ports_state(a, &a->groups[i]) != trbd_ports_state(b, &b->groups[i]))
			return false;
	}
	for (i = 0; i < a->num_ports; i++) {
		if (a->ports[i].rtpi != b->ports[i].rtpi ||
		    a->ports[i].group != b->ports[i].group ||
		    a->ports[i].present != b->ports[i].present)
			return false;
	}
	return true;
}

static bool ports_is_own(const struct trbd_ports_own *own, const char *target)
{
	unsigned int i;

	for (i = 0; i < own->count; i++) {
		if (!strcmp(own->targets[i], target))
			return true;
	}
	return false;
}

/**
 * trbd_ports_are_true() - tell whether the record has the ports of a gateway as they are
 * @registry: registry
 * @own: the gateway's ports; missing is set
 *
 * Return: true if trbd_ports_set() would change nothing.
 */
bool trbd_ports_are_true(const struct trbd_record_registry *registry,
			 struct trbd_ports_own *own)
{
	const struct trbd_record_group *group = trbd_ports_find_group(registry, own->machine);
	unsigned int present = group ? trbd_ports_count(registry, group->number) : 0;
	unsigned int i, found = 0;

	for (i = 0; i < own->count; i++) {
		const struct trbd_record_port *port =
			group ? trbd_ports_find(registry, group->number, own->targets[i]) : NULL;

		found += port && port->present;
	}
	/* a name occurs once in a group */
	own->missing = present > found;
	return group && group->standby == own->standby && found == own->count &&
	       (own->keep || !own->missing);
}

static void ports_remove_group(struct trbd_record *record, unsigned int i)
{
	u16 number = record->groups[i].number;
	unsigned int from, to = 0;

	record->num_groups--;
	memmove(&record->groups[i], &record->groups[i + 1],
		(record->num_groups - i) * sizeof(record->groups[0]));
	for (from = 0; from < record->num_ports; from++) {
		if (record->ports[from].group != number)
			record->ports[to++] = record->ports[from];
	}
	record->num_ports = to;
}

/* Make room for a group: forget a gateway that is not there. */
static bool ports_make_room_for_group(struct trbd_record *record)
{
	const struct trbd_record_registry registry = trbd_record_registry(record);
	unsigned int i;

	for (i = 0; i < record->num_groups; i++) {
		if (ports_gateway_is_there(&registry, record->groups[i].machine))
			continue;
		ports_remove_group(record, i);
		return true;
	}
	return false;
}

/* Groups are in the order of their numbers. Insert one with the first number that is free. */
static struct trbd_record_group *ports_add_group(struct trbd_record *record, const char *machine)
{
	struct trbd_record_group *group;
	unsigned int i = 0;

	if (record->num_groups == TRBD_RECORD_GATEWAYS && !ports_make_room_for_group(record))
		return NULL;
	while (i < record->num_groups && record->groups[i].number == i + 1)
		i++;
	group = &record->groups[i];
	memmove(group + 1, group, (record->num_groups - i) * sizeof(*group));
	record->num_groups++;
	memset(group, 0, sizeof(*group));
	group->number = i + 1;
	strscpy(group->machine, machine, sizeof(group->machine));
	return group;
}

static struct trbd_record_group *ports_get_group(struct trbd_record *record, const char *machine)
{
	unsigned int i;

	for (i = 0; i < record->num_groups; i++) {
		if (!strcmp(record->groups[i].machine, machine))
			return &record->groups[i];
	}
	return ports_add_group(record, machine);
}

/* Tell whether no gateway that is there has this port any more. */
static bool ports_is_free(const struct trbd_record *record, const struct trbd_record_port *port)
{
	const struct trbd_record_registry registry = trbd_record_registry(record);
	unsigned int i;

	if (!port->present)
		return true;
	for (i = 0; i < record->num_groups; i++) {
		if (record->groups[i].number == port->group &&
		    ports_gateway_is_there(&registry, record->groups[i].machine))
			return false;
	}
	return true;
}

/*
 * Find the entry of a port. If it moved here from a gateway that does not have it any more, it
 * keeps its number.
 */
static struct trbd_record_port *ports_find_entry(struct trbd_record *record, u16 group,
						 const char *target)
{
	struct trbd_record_port *moved = NULL;
	unsigned int i;

	for (i = 0; i < record->num_ports; i++) {
		struct trbd_record_port *port = &record->ports[i];

		if (strcmp(port->target, target))
			continue;
		if (port->group == group)
			return port;
		if (!moved && ports_is_free(record, port))
			moved = port;
	}
	return moved;
}

static bool ports_make_room(struct trbd_record *record)
{
	unsigned int i;

	for (i = 0; i < record->num_ports; i++) {
		if (!ports_is_free(record, &record->ports[i]))
			continue;
		record->num_ports--;
		memmove(&record->ports[i], &record->ports[i + 1],
			(record->num_ports - i) * sizeof(record->ports[0]));
		return true;
	}
	return false;
}

/* Ports are in the order of their numbers. Insert one with the first number that is free. */
static struct trbd_record_port *ports_add(struct trbd_record *record, const char *target)
{
	struct trbd_record_port *port;
	unsigned int i = 0;

	if (record->num_ports == TRBD_RECORD_PORTS && !ports_make_room(record))
		return NULL;
	while (i < record->num_ports && record->ports[i].rtpi == i + 1)
		i++;
	port = &record->ports[i];
	memmove(port + 1, port, (record->num_ports - i) * sizeof(*port));
	record->num_ports++;
	memset(port, 0, sizeof(*port));
	port->rtpi = i + 1;
	strscpy(port->target, target, sizeof(port->target));
	return port;
}

/* READ FULL STATUS tells the number of the port that a registration was made through. */
static void ports_number_registrations(struct trbd_pr_state *pr,
				       const struct trbd_record_port *port)
{
	unsigned int i;

	for (i = 0; i < pr->count; i++) {
		if (!strcmp(pr->registrations[i].nexus.target, port->target))
			pr->registrations[i].rtpi = port->rtpi;
	}
}

/**
 * trbd_ports_set() - enter the ports of a gateway
 * @record: record
 * @own: the gateway's ports
 *
 * Return: true; false if the record has no room for them all, and it is of no use then.
 */
bool trbd_ports_set(struct trbd_record *record, const struct trbd_ports_own *own)
{
	struct trbd_record_group *group = ports_get_group(record, own->machine);
	struct trbd_record_port *port;
	unsigned int i;
	u16 number;

	if (!group)
		return false;
	number = group->number;
	group->standby = own->standby;
	strscpy(group->name, own->name, sizeof(group->name));
	for (i = 0; i < record->num_ports; i++) {
		port = &record->ports[i];
		if (port->group == number && !own->keep)
			port->present = ports_is_own(own, port->target);
	}
	for (i = 0; i < own->count; i++) {
		port = ports_find_entry(record, number, own->targets[i]);
		if (!port)
			port = ports_add(record, own->targets[i]);
		if (!port)
			return false;
		port->group = number;
		port->present = true;
		ports_number_registrations(&record->pr, port);
	}
	return true;
}
