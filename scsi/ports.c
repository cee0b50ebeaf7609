// SPDX-License-Identifier: GPL-2.0
/*
 * The target ports of all gateways, as initiators are told about them.
 *
 *	VPD page 83h                 identifiers of the port and of its group
 *	REPORT TARGET PORT GROUPS    all groups and ports, and the state of each group
 *
 * The numbers and the states come from the record (gateway/ports.c), so the answers are the same
 * through every port, and take no round trip. LIO numbers ports and groups for each gateway by
 * itself. Its numbers, and the states of its groups, are not told to anybody. They are told for a
 * snapshot, which has no record, and while a gateway is there whose module knows no ports.
 *
 * The unit's thread looks once a second which ports LIO has for the unit, and enters them in the
 * record. A port that is not enabled is none: initiators cannot reach it. LIO tells nobody when an
 * operator enables one.
 */
#include <linux/bitops.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <scsi/scsi_proto.h>
#include <target/target_core_base.h>
#include <target/target_core_backend.h>
#include <target/target_core_fabric.h>

#include "compat/target.h"
#include "gateway/blocking.h"
#include "gateway/lu.h"
#include "gateway/port_update.h"
#include "rbd/image.h"
#include "scsi/complete.h"
#include "scsi/nexus_in_flight.h"
#include "scsi/nexus_name.h"
#include "scsi/ports.h"
#include "scsi/unit.h"

/* a port that LIO does not have must be missing for so many looks: gateways take a while to boot */
#define PORTS_MISSING_MAX	10

/* REPORT TARGET PORT GROUPS, SPC-4 6.36 */
#define RTPG_HEADER_LEN		4
#define RTPG_EXTENDED_LEN	8
#define RTPG_EXTENDED		1
#define RTPG_GROUP_LEN		8
#define RTPG_PORT_LEN		4
#define RTPG_MAX		(RTPG_EXTENDED_LEN + TRBD_RECORD_GATEWAYS * RTPG_GROUP_LEN + \
				 TRBD_RECORD_PORTS * RTPG_PORT_LEN)
#define RTPG_UNAVAILABLE_SUP	0x08
#define RTPG_STANDBY_SUP	0x04
#define RTPG_ACTIVE_SUP		0x01
/* STATUS CODE: the target device changed the state by itself */
#define RTPG_STATUS_IMPLICIT	0x02

/* VPD page 83h: designators, SPC-4 7.8.6 */
#define VPD_HEADER_LEN		4
#define DESIGNATOR_HEADER_LEN	4
#define DESIGNATOR_TYPE		0x0f
#define DESIGNATOR_RTPI		0x4
#define DESIGNATOR_GROUP	0x5
/* both hold their number in the last two of four bytes */
#define DESIGNATOR_NUMBER	6

static unsigned int ports_count_luns(struct se_device *se_dev)
{
	struct se_lun *lun;
	unsigned int count = 0;

	spin_lock(&se_dev->se_port_lock);
	list_for_each_entry(lun, &se_dev->dev_sep_list, lun_dev_link)
		count++;
	spin_unlock(&se_dev->se_port_lock);
	return count;
}

/* A unit may have several LUNs in one port. */
static void ports_add(struct trbd_ports_own *own, struct se_portal_group *tpg)
{
	unsigned int i;

	trbd_nexus_target_name(tpg, own->targets[own->count]);
	for (i = 0; i < own->count; i++) {
		if (!strcmp(own->targets[i], own->targets[own->count]))
			return;
	}
	own->count++;
}

/*
 * List the ports through which initiators reach the unit here. Return: true, or false for want of
 * memory.
 */
static bool ports_list(struct se_device *se_dev, struct trbd_ports_own *own)
{
	unsigned int room = ports_count_luns(se_dev) + 1;
	struct se_lun *lun;

	own->targets = kvcalloc(room, sizeof(*own->targets), GFP_KERNEL);
	if (!own->targets)
		return false;
	spin_lock(&se_dev->se_port_lock);
	list_for_each_entry(lun, &se_dev->dev_sep_list, lun_dev_link) {
		if (own->count + 1 < room && trbd_compat_tpg_is_enabled(lun->lun_tpg))
			ports_add(own, lun->lun_tpg);
	}
	spin_unlock(&se_dev->se_port_lock);
	return true;
}

static bool ports_lu_shares(const struct trbd_lu *lu)
{
	bool shares;

	rcu_read_lock();
	shares = rcu_dereference(lu->view)->registry.features & TRBD_FEATURE_PORTS;
	rcu_read_unlock();
	return shares;
}

/* -EUSERS also means that a gateway of an older version is there. Then the ports are not shared. */
static void ports_note_room(struct trbd_unit *unit, const struct trbd_lu *lu, int ret)
{
	bool full = ret == -EUSERS && ports_lu_shares(lu);

	if (full && !unit->ports_full)
		pr_warn("%s: the record has no room for the target ports of this gateway, so initiators are told no numbers of theirs; it has room for %u of all gateways\n",
			unit->image->name, TRBD_RECORD_PORTS);
	WRITE_ONCE(unit->ports_full, full);
}

/**
 * trbd_ports_look() - enter the ports that the unit has here in the record, if they changed
 * @unit: unit with a shared state
 *
 * Context: the unit's thread; a few round trips after a change.
 */
void trbd_ports_look(struct trbd_unit *unit)
{
	/* NULL while the backstore is being removed; it stays valid on the unit's thread */
	struct trbd_lu *lu = READ_ONCE(unit->lu);
	struct trbd_ports_own own = { };
	int ret;

	if (!lu || !ports_list(&unit->se_dev, &own))
		return;
	own.keep = unit->ports_missing < PORTS_MISSING_MAX;
	ret = trbd_port_update(lu, &own);
	unit->ports_missing = own.missing ? unit->ports_missing + 1 : 0;
	ports_note_room(unit, lu, ret);
	if (ret && ret != -ENOTCONN && ret != -EUSERS)
		pr_warn_ratelimited("%s: the target ports could not be entered in the record: error %d, trying again\n",
				    unit->image->name, ret);
	kvfree(own.targets);
}

/**
 * trbd_ports_are_shared() - tell whether the record has the ports of all gateways
 * @unit: open unit
 *
 * Context: any.
 * Return: true if so; false if initiators are told LIO's numbers.
 */
bool trbd_ports_are_shared(struct trbd_unit *unit)
{
	const struct trbd_lu *lu = READ_ONCE(unit->lu);

	return lu && ports_lu_shares(lu);
}

static bool ports_find(struct trbd_unit *unit, const struct se_lun *lun,
		       struct trbd_port_numbers *numbers)
{
	char target[TRBD_PR_TARGET_MAX];

	trbd_nexus_target_name(lun->lun_tpg, target);
	return trbd_port_find(unit->lu, target, numbers);
}

/**
 * trbd_ports_rtpi() - tell the relative target port identifier of a port
 * @unit: unit with a shared state
 * @lun: LUN in that port
 *
 * Context: the unit's thread; a few round trips if the record does not have the port yet.
 * Return: the identifier.
 */
u16 trbd_ports_rtpi(struct trbd_unit *unit, const struct se_lun *lun)
{
	struct trbd_port_numbers numbers;

	if (!trbd_ports_are_shared(unit))
		return trbd_compat_rtpi(lun);
	if (ports_find(unit, lun, &numbers))
		return numbers.rtpi;
	trbd_ports_look(unit);
	return ports_find(unit, lun, &numbers) ? numbers.rtpi : 0;
}

/* Find a port by LIO's number, which is 0 for ports that are not enabled. */
static bool ports_find_lio_target(struct trbd_unit *unit, u16 rtpi, char *name)
{
	struct se_lun *lun;
	bool found = false;

	spin_lock(&unit->se_dev.se_port_lock);
	list_for_each_entry(lun, &unit->se_dev.dev_sep_list, lun_dev_link) {
		found = rtpi && trbd_compat_rtpi(lun) == rtpi;
		if (found) {
			trbd_nexus_target_name(lun->lun_tpg, name);
			break;
		}
	}
	spin_unlock(&unit->se_dev.se_port_lock);
	return found;
}

/**
 * trbd_ports_find_target() - find the name of a target port by its relative target port identifier
 * @unit: unit with a shared state
 * @rtpi: the identifier
 * @name: receives the name, TRBD_PR_TARGET_MAX bytes
 *
 * Context: process.
 * Return: true if some gateway has such a port.
 */
bool trbd_ports_find_target(struct trbd_unit *unit, u16 rtpi, char *name)
{
	if (!trbd_ports_are_shared(unit))
		return ports_find_lio_target(unit, rtpi, name);
	return trbd_port_find_target(unit->lu, rtpi, name, TRBD_PR_TARGET_MAX);
}

/* Fill in a group. Return: its length; 0 for a group without ports. */
static size_t ports_put_group(u8 *buf, const struct trbd_record_registry *registry,
			      const struct trbd_record_group *group)
{
	unsigned int count = trbd_ports_count(registry, group->number), i;
	u8 *p = buf + RTPG_GROUP_LEN;

	if (!count)
		return 0;
	buf[0] = trbd_ports_state(registry, group);
	buf[1] = RTPG_UNAVAILABLE_SUP | RTPG_STANDBY_SUP | RTPG_ACTIVE_SUP;
	put_unaligned_be16(group->number, &buf[2]);
	buf[5] = RTPG_STATUS_IMPLICIT;
	buf[7] = count;
	for (i = 0; i < registry->num_ports; i++) {
		if (registry->ports[i].group != group->number || !registry->ports[i].present)
			continue;
		put_unaligned_be16(registry->ports[i].rtpi, &p[2]);
		p += RTPG_PORT_LEN;
	}
	return p - buf;
}

static size_t ports_put_groups(u8 *buf, const struct trbd_record_registry *registry, bool extended)
{
	size_t len = extended ? RTPG_EXTENDED_LEN : RTPG_HEADER_LEN;
	unsigned int i;

	/* IMPLICIT TRANSITION TIME stays 0: no state is one that initiators should wait for */
	if (extended)
		buf[4] = RTPG_EXTENDED << 4;
	for (i = 0; i < registry->num_groups; i++)
		len += ports_put_group(buf + len, registry, &registry->groups[i]);
	put_unaligned_be32(len - RTPG_HEADER_LEN, buf);
	return len;
}

/**
 * trbd_execute_report_port_groups() - answer REPORT TARGET PORT GROUPS (SPC-4 6.36)
 * @cmd: command
 *
 * Context: process.
 * Return: 0, or the reason of the refusal.
 */
sense_reason_t trbd_execute_report_port_groups(struct se_cmd *cmd)
{
	struct trbd_unit *unit = to_trbd_unit(cmd->se_dev);
	u8 format = cmd->t_task_cdb[1] >> 5;
	size_t len;
	u8 *buf;

	if (format > RTPG_EXTENDED)
		return TCM_INVALID_CDB_FIELD;
	buf = kzalloc(RTPG_MAX, GFP_NOWAIT | __GFP_NOWARN);
	if (!buf) {
		trbd_complete(cmd, -ENOMEM);
		return 0;
	}
	rcu_read_lock();
	len = ports_put_groups(buf, &rcu_dereference(unit->lu->view)->registry, format);
	rcu_read_unlock();
	sg_copy_from_buffer(cmd->t_data_sg, cmd->t_data_nents, buf,
			    min_t(size_t, len, cmd->data_length));
	kfree(buf);
	trbd_complete_data(cmd, len);
	return 0;
}

/*
 * Put our numbers in the place of LIO's. Without @numbers, take those designators out. Return: the
 * length of the page.
 */
static size_t ports_renumber(u8 *page, const struct trbd_port_numbers *numbers)
{
	size_t len = VPD_HEADER_LEN + get_unaligned_be16(&page[2]), at = VPD_HEADER_LEN;

	while (at + DESIGNATOR_HEADER_LEN <= len) {
		size_t next = at + DESIGNATOR_HEADER_LEN + page[at + 3];
		u8 type = page[at + 1] & DESIGNATOR_TYPE;
		bool ours = type == DESIGNATOR_RTPI || type == DESIGNATOR_GROUP;

		if (ours && !numbers) {
			memmove(page + at, page + next, len - next);
			len -= next - at;
			continue;
		}
		if (ours)
			put_unaligned_be16(type == DESIGNATOR_RTPI ? numbers->rtpi : numbers->group,
					   &page[at + DESIGNATOR_NUMBER]);
		at = next;
	}
	put_unaligned_be16(len - VPD_HEADER_LEN, &page[2]);
	return len;
}

/**
 * trbd_execute_identification() - answer INQUIRY for the device identification page, 83h
 * @cmd: command
 *
 * Hosts keep what the page says. So if the record does not have the port yet, the initiator gets
 * BUSY, and asks again. A gateway that does not serve cannot enter the port, and leaves the numbers
 * out. So does one whose port has no room in the record.
 *
 * Context: process.
 * Return: 0, or the reason of the refusal.
 */
sense_reason_t trbd_execute_identification(struct se_cmd *cmd)
{
	struct trbd_unit *unit = to_trbd_unit(cmd->se_dev);
	struct trbd_port_numbers numbers;
	bool found = ports_find(unit, cmd->se_lun, &numbers);
	bool never = READ_ONCE(unit->ports_full) ||
		     test_bit(TRBD_LU_UNREGISTERED, &unit->lu->blocked);
	sense_reason_t ret;
	size_t len;
	u8 *page;

	page = found || never ? kzalloc(SE_INQUIRY_BUF, GFP_NOWAIT | __GFP_NOWARN) : NULL;
	if (!page) {
		trbd_lu_request_tick(unit->lu);
		trbd_complete(cmd, -EAGAIN);
		return 0;
	}
	page[0] = TYPE_DISK;
	page[1] = cmd->t_task_cdb[2];
	ret = spc_emulate_evpd_83(cmd, page);
	if (!ret) {
		len = ports_renumber(page, found ? &numbers : NULL);
		sg_copy_from_buffer(cmd->t_data_sg, cmd->t_data_nents, page,
				    min_t(size_t, len, cmd->data_length));
		trbd_complete_data(cmd, len);
	}
	kfree(page);
	return ret;
}

/**
 * trbd_ports_set_standby() - take this gateway out of service for a unit, or put it back
 * @unit: unit with a shared state
 * @standby: true to take it out
 *
 * From now on, new commands that access the medium are answered NOT READY, IN STANDBY STATE. The
 * other gateways, and initiators, learn of it as soon as the cluster answers.
 *
 * Context: process; does not wait for the cluster.
 */
void trbd_ports_set_standby(struct trbd_unit *unit, bool standby)
{
	if (standby == trbd_lu_is_in_standby(unit->lu))
		return;
	pr_info("%s: this gateway is %s\n", unit->image->name,
		standby ? "taken out of service; initiators use the others" : "back in service");
	if (standby)
		trbd_lu_block(unit->lu, TRBD_LU_STANDBY);
	else
		trbd_lu_unblock(unit->lu, TRBD_LU_STANDBY);
	trbd_lu_request_tick(unit->lu);
}

static const char *ports_state_name(enum trbd_access_state state)
{
	switch (state) {
	case TRBD_ACCESS_ACTIVE:
		return "active";
	case TRBD_ACCESS_STANDBY:
		return "standby";
	default:
		return "unavailable";
	}
}

/* Tell about this gateway: the first word of trbd_ports_show(). Count its commands in flight. */
static const char *ports_service(struct trbd_unit *unit, unsigned int *in_flight)
{
	bool standby = trbd_lu_is_in_standby(unit->lu);
	bool known = trbd_port_is_standby_known(unit->lu);

	/*
	 * count after the look: what was admitted before is seen. Pairs with the barrier between
	 * counting a command and looking whether it may be served
	 */
	smp_mb();
	*in_flight = trbd_nexus_count_in_flight(&unit->nexuses);
	if (!standby)
		return "serving";
	return known && !*in_flight ? "drained" : "draining";
}

/**
 * trbd_ports_show() - print the target ports of all gateways
 * @unit: open unit
 * @buf: where the text goes
 * @size: room in @buf
 *
 * The first line tells about this gateway: "serving", "draining" or "drained", and its commands in
 * flight.
 *
 * Context: process.
 * Return: length of the text, cut to what fits.
 */
size_t trbd_ports_show(struct trbd_unit *unit, char *buf, size_t size)
{
	const struct trbd_record_registry *registry;
	unsigned int in_flight, i;
	const char *service;
	size_t len;

	if (!unit->lu)
		return 0;
	service = ports_service(unit, &in_flight);
	len = scnprintf(buf, size, "%s in_flight %u\n", service, in_flight);
	rcu_read_lock();
	registry = &rcu_dereference(unit->lu->view)->registry;
	for (i = 0; i < registry->num_groups; i++)
		len += scnprintf(buf + len, size - len, "group %u %s %s\n",
				 registry->groups[i].number,
				 ports_state_name(trbd_ports_state(registry, &registry->groups[i])),
				 registry->groups[i].name);
	for (i = 0; i < registry->num_ports; i++) {
		if (registry->ports[i].present)
			len += scnprintf(buf + len, size - len, "port %u %u %s\n",
					 registry->ports[i].rtpi, registry->ports[i].group,
					 registry->ports[i].target);
	}
	rcu_read_unlock();
	return len;
}
