// SPDX-License-Identifier: GPL-2.0
/*
 * Entering this gateway's target ports in the record, and looking ports up.
 *
 * A change of ports forbids no command, so no round settles it: the gateway writes it and tells the
 * others. A gateway that misses the message looks for a new record every few seconds anyway.
 */
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "gateway/lu_state.h"
#include "gateway/machine.h"
#include "gateway/port_update.h"
#include "gateway/round.h"
#include "gateway/view.h"
#include "rbd/image.h"

/* The machine's name changes only while the unit is unregistered. */
static void port_copy_machine(struct trbd_lu *lu, char *machine)
{
	spin_lock(&lu->lock);
	strscpy(machine, lu->machine, TRBD_RECORD_MACHINE_MAX);
	spin_unlock(&lu->lock);
}

/**
 * trbd_port_find() - find the numbers of a target port of this gateway
 * @lu: state
 * @target: its name
 * @numbers: receives the numbers
 *
 * Context: any in which a spinlock may be taken.
 * Return: true; false if the record does not have the port yet.
 */
bool trbd_port_find(struct trbd_lu *lu, const char *target, struct trbd_port_numbers *numbers)
{
	const struct trbd_record_registry *registry;
	const struct trbd_record_port *port = NULL;
	const struct trbd_record_group *group;
	char machine[TRBD_RECORD_MACHINE_MAX];

	port_copy_machine(lu, machine);
	rcu_read_lock();
	registry = &rcu_dereference(lu->view)->registry;
	group = trbd_ports_find_group(registry, machine);
	if (group)
		port = trbd_ports_find(registry, group->number, target);
	if (port) {
		numbers->rtpi = port->rtpi;
		numbers->group = port->group;
	}
	rcu_read_unlock();
	return port;
}

/**
 * trbd_port_is_standby_known() - tell whether the record says that this gateway is out of service
 * @lu: state that is in standby
 *
 * A gateway that is not in the registry is unavailable, which is as good. Without shared ports, the
 * record says nothing of it, and initiators learn it by their commands.
 *
 * Context: any in which a spinlock may be taken.
 * Return: true if it says so, or never will.
 */
bool trbd_port_is_standby_known(struct trbd_lu *lu)
{
	const struct trbd_record_registry *registry;
	const struct trbd_record_group *group;
	char machine[TRBD_RECORD_MACHINE_MAX];
	bool known;

	port_copy_machine(lu, machine);
	rcu_read_lock();
	registry = &rcu_dereference(lu->view)->registry;
	group = trbd_ports_find_group(registry, machine);
	known = group ? trbd_ports_state(registry, group) != TRBD_ACCESS_ACTIVE :
			!(registry->features & TRBD_FEATURE_PORTS);
	rcu_read_unlock();
	return known;
}

/**
 * trbd_port_find_target() - find a target port of any gateway
 * @lu: state
 * @rtpi: its relative target port identifier
 * @target: receives the name
 * @size: room in @target
 *
 * Context: any.
 * Return: true if there is such a port.
 */
bool trbd_port_find_target(struct trbd_lu *lu, u16 rtpi, char *target, size_t size)
{
	const struct trbd_record_port *port;

	rcu_read_lock();
	port = trbd_ports_find_rtpi(&rcu_dereference(lu->view)->registry, rtpi);
	if (port)
		strscpy(target, port->target, size);
	rcu_read_unlock();
	return port;
}

static bool port_is_true(struct trbd_lu *lu, struct trbd_ports_own *own)
{
	bool is_true;

	rcu_read_lock();
	is_true = trbd_ports_are_true(&rcu_dereference(lu->view)->registry, own);
	rcu_read_unlock();
	return is_true;
}

static enum trbd_pr_verdict port_decide(struct trbd_record *record, void *ctx)
{
	record->features |= trbd_record_common_features(record);
	/* a gateway of an older version is there, too, and could not read it */
	if (!(record->features & TRBD_FEATURE_PORTS))
		return TRBD_PR_CONFLICT;
	return trbd_ports_set(record, ctx) ? TRBD_PR_GOOD : TRBD_PR_NO_RESOURCES;
}

/**
 * trbd_port_update() - enter this gateway's target ports in the record
 * @lu: state
 * @own: targets, their count and keep are set; missing is set. Only that is of use afterwards
 *
 * A record that has them as they are is not written. The other gateways are told of a change, and
 * when this gateway has registered.
 *
 * Context: the thread; takes a few round trips, and a second if another gateway does not answer.
 * Return: 0; -ENOTCONN when this gateway is not registered; -EUSERS when the record has no room, or
 * a gateway of an older version is there, too; others as trbd_lu_amend().
 */
int trbd_port_update(struct trbd_lu *lu, struct trbd_ports_own *own)
{
	char machine[TRBD_RECORD_MACHINE_MAX];
	char name[TRBD_RECORD_NAME_MAX];
	int ret = 0;

	if (test_bit(TRBD_LU_UNREGISTERED, &lu->blocked))
		return -ENOTCONN;
	port_copy_machine(lu, machine);
	own->machine = machine;
	trbd_machine_host(name, sizeof(name));
	own->name = name;
	own->standby = trbd_lu_is_in_standby(lu);
	if (!port_is_true(lu, own)) {
		ret = trbd_lu_amend(lu, port_decide, own);
		lu->unannounced |= !ret;
	}
	/* that we are here changes the state of our ports, too */
	if (lu->unannounced) {
		lu->unannounced = false;
		trbd_round_announce(lu);
	}
	return ret;
}
