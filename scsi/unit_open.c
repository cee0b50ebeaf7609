// SPDX-License-Identifier: GPL-2.0
/*
 * The logical unit: an image, and the state that this gateway shares with the others that serve it.
 *
 *	trbd_unit_init()     the backstore is made
 *	trbd_unit_open()     the backstore is enabled: join the group of gateways, register with the
 *	                     image
 *	(commands)           scsi/command.c
 *	trbd_unit_close()    the backstore is removed, when no command runs: leave in reverse order
 *	trbd_unit_destroy()  its memory is about to be freed
 *
 * The image calls back when its size changes, when another gateway notifies, and when it is watched
 * again. The shared state calls back when it changes, so that nexuses are told and commands are
 * counted.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>

#include "compat/target.h"
#include "gateway/group.h"
#include "gateway/lu.h"
#include "gateway/round.h"
#include "pr/rules.h"
#include "rados/closing.h"
#include "rados/session.h"
#include "rbd/image.h"
#include "scsi/abandoned.h"
#include "scsi/nexus.h"
#include "scsi/nexus_in_flight.h"
#include "scsi/ports.h"
#include "scsi/pr_commands.h"
#include "scsi/stats.h"
#include "scsi/throttle.h"
#include "scsi/unit.h"
#include "scsi/unit_attention.h"
#include "scsi/unit_open.h"
#include "scsi/unit_settings.h"

/*
 * longest READ or WRITE of which initiators are told; longer ones are taken, see
 * trbd_cmd_transfer_max()
 */
#define UNIT_TRANSFER_TOLD	SZ_4M
#define UNIT_QUEUE_DEPTH	128

/* Tell all nexuses that the answer to READ CAPACITY has changed (SBC-3 4.7). */
static void unit_image_resized(void *owner)
{
	struct trbd_unit *unit = owner;

	trbd_ua_raise_all(&unit->nexuses, TRBD_UA_CAPACITY);
}

static void unit_image_refreshed(void *owner)
{
	trbd_throttle_refresh(owner);
}

static void unit_image_notified(void *owner, u32 op, const void *payload, size_t len,
				struct trbd_watch_reply *reply)
{
	struct trbd_unit *unit = owner;

	mutex_lock(&unit->lu_lock);
	if (unit->lu)
		trbd_round_notified(unit->lu, op, payload, len, reply);
	mutex_unlock(&unit->lu_lock);
}

static void unit_image_watched(void *owner)
{
	struct trbd_unit *unit = owner;

	mutex_lock(&unit->lu_lock);
	if (unit->lu)
		trbd_lu_watched(unit->lu);
	mutex_unlock(&unit->lu_lock);
}

const struct trbd_image_ops trbd_unit_image_ops = {
	.resized = unit_image_resized,
	.refreshed = unit_image_refreshed,
	.notified = unit_image_notified,
	.watched = unit_image_watched,
};

static void unit_tell(struct trbd_nexus_table *table, struct trbd_nexus *nexus,
		      enum trbd_pr_attention attention)
{
	switch (attention) {
	case TRBD_PR_TELL_RESERVATIONS_PREEMPTED:
		trbd_ua_raise(table, nexus, TRBD_UA_RESERVATIONS_PREEMPTED);
		break;
	case TRBD_PR_TELL_REGISTRATIONS_PREEMPTED:
		trbd_ua_raise(table, nexus, TRBD_UA_REGISTRATIONS_PREEMPTED);
		break;
	case TRBD_PR_TELL_RESERVATIONS_RELEASED:
		trbd_ua_raise(table, nexus, TRBD_UA_RESERVATIONS_RELEASED);
		break;
	case TRBD_PR_TELL_NOTHING:
		break;
	}
}

/* Tell each nexus about a state that was installed. */
static void unit_lu_changed(void *owner, const struct trbd_lu_change *change)
{
	struct trbd_unit *unit = owner;
	struct trbd_nexus *nexus;
	int bucket;

	rcu_read_lock();
	hash_for_each_rcu(unit->nexuses.nexuses, bucket, nexus, node) {
		unit_tell(&unit->nexuses, nexus,
			  trbd_pr_attention(change->old, change->new, change->action,
					    change->actor, &nexus->name));
	}
	rcu_read_unlock();

	if (change->ports)
		trbd_ua_raise_all(&unit->nexuses, TRBD_UA_ACCESS_STATE);
	/* page 83h had LIO's numbers until now */
	if (change->shared)
		trbd_ua_raise_all(&unit->nexuses, TRBD_UA_INQUIRY);
	if (change->reset) {
		trbd_nexus_new_phase(&unit->nexuses);
		trbd_throttle_refuse(unit);
		/* LIO tells the nexuses of the gateway that was asked for the reset */
		if (!change->mine)
			trbd_ua_raise_all(&unit->nexuses, TRBD_UA_RESET);
	}
}

static unsigned int unit_lu_draining(void *owner, const struct trbd_lu_view *view)
{
	return trbd_nexus_count_forbidden(&((struct trbd_unit *)owner)->nexuses, view);
}

static unsigned int unit_lu_in_flight(void *owner)
{
	return trbd_nexus_count_in_flight(&((struct trbd_unit *)owner)->nexuses);
}

static void unit_lu_come_back(void *owner)
{
	trbd_ua_raise_all(&((struct trbd_unit *)owner)->nexuses, TRBD_UA_NEXUS_LOSS);
}

static void unit_lu_tick(void *owner)
{
	trbd_pr_release_orphan(owner);
	trbd_ports_look(owner);
}

static const struct trbd_lu_ops unit_lu_ops = {
	.changed = unit_lu_changed,
	.draining = unit_lu_draining,
	.in_flight = unit_lu_in_flight,
	.come_back = unit_lu_come_back,
	.tick = unit_lu_tick,
};

/* Share the state of the unit with the other gateways. */
static int unit_attach_lu(struct trbd_unit *unit)
{
	struct trbd_lu *lu = trbd_lu_attach(unit->image, unit->group, &unit_lu_ops, unit);

	if (IS_ERR(lu))
		return PTR_ERR(lu);
	mutex_lock(&unit->lu_lock);
	WRITE_ONCE(unit->lu, lu);
	mutex_unlock(&unit->lu_lock);
	/* earlier notifications were not heard */
	trbd_lu_watched(lu);
	return 0;
}

/* Undo unit_attach_lu(), if it was done. */
static void unit_detach_lu(struct trbd_unit *unit)
{
	struct trbd_lu *lu = unit->lu;

	mutex_lock(&unit->lu_lock);
	WRITE_ONCE(unit->lu, NULL);
	mutex_unlock(&unit->lu_lock);
	if (lu)
		trbd_lu_detach(lu);
}

/*
 * Become one of several gateways that write to the image: with the common clock, and with the
 * shared state of the unit.
 */
static int unit_join_gateways(struct trbd_unit *unit)
{
	struct trbd_image *image = unit->image;
	struct trbd_group *group;
	int ret;

	group = trbd_group_join(image->session, &image->header_oloc);
	if (IS_ERR(group)) {
		pr_err("%s: cannot join the group of gateways: error %ld%s\n", image->name,
		       PTR_ERR(group),
		       PTR_ERR(group) == -EPERM ? "; the user needs to write to the pool" : "");
		return PTR_ERR(group);
	}
	unit->group = group;
	image->clock = &group->clock;

	ret = unit_attach_lu(unit);
	if (ret)
		pr_err("%s: cannot be registered as a gateway of the image: error %d\n",
		       image->name, ret);
	return ret;
}

/**
 * trbd_unit_open() - serve an image
 * @unit: unit without an image
 * @image: image that calls back through trbd_unit_image_ops; the unit closes it, even if this fails
 *
 * Context: process; takes a few round trips, and longer if the cluster does not answer.
 * Return: 0; -ENOMEM; -EINVAL for an image without blocks; or an error of the group or the
 * registry.
 */
int trbd_unit_open(struct trbd_unit *unit, struct trbd_image *image)
{
	int ret;

	unit->image = image;
	ret = trbd_stats_init(unit);
	if (ret) {
		trbd_unit_close(unit);
		return ret;
	}
	if (trbd_image_size(image) < TRBD_BLOCK_SIZE_USUAL) {
		pr_err("%s: the image has no blocks; run: rbd resize --size SIZE %s\n", image->name,
		       image->name);
		ret = -EINVAL;
	} else if (!trbd_image_read_only(image)) {
		ret = unit_join_gateways(unit);
	}
	if (ret) {
		trbd_unit_close(unit);
		return ret;
	}
	trbd_abandoned_start(&unit->abandoned);
	trbd_throttle_start(unit);
	return 0;
}

/**
 * trbd_unit_close() - stop serving the image, and close it
 * @unit: unit without commands; trbd_unit_open() may have failed at any point
 *
 * Context: process; may sleep for some seconds if the cluster does not answer.
 */
void trbd_unit_close(struct trbd_unit *unit)
{
	struct trbd_image *image = unit->image;
	struct trbd_session *session = trbd_session_ref(image->session);

	/* the operator's process waits for this, and cannot be killed */
	trbd_image_begin_close(image);
	trbd_abandoned_stop(&unit->abandoned);
	trbd_throttle_stop(unit);
	unit_detach_lu(unit);
	/* the group needs the session that the image holds */
	if (unit->group)
		trbd_group_leave(unit->group, trbd_session_closing_left(session, &image->header_oid, 0));
	unit->group = NULL;
	trbd_image_close(image);
	unit->image = NULL;
	trbd_stats_destroy(unit);
	trbd_session_put(session);
}

/**
 * trbd_unit_set_attributes() - set LIO's attributes and flags of the device
 * @unit: unit that was opened, before any initiator can see it
 *
 * Context: process; the caller makes sure that nobody else uses the device.
 */
void trbd_unit_set_attributes(struct trbd_unit *unit)
{
	struct se_dev_attrib *attrib = &unit->se_dev.dev_attrib;
	struct trbd_settings settings = { }, usual;

	if (unit->lu)
		settings = unit->lu->settings;
	trbd_unit_settings_usual(unit, trbd_settings_block_size(&settings), &usual);
	trbd_settings_fill(&settings, &usual);
	trbd_unit_settings_write(unit, &settings);
	/* LIO takes this as the block size */
	attrib->hw_block_size = attrib->block_size;
	trbd_compat_set_transfer_max(attrib, UNIT_TRANSFER_TOLD);
	attrib->hw_queue_depth = UNIT_QUEUE_DEPTH;
	/* LIO's own version keeps its state in one gateway; the others would give wrong answers */
	attrib->emulate_3pc = 0;

	if (trbd_image_read_only(unit->image))
		unit->se_dev.dev_flags |= DF_READ_ONLY;
}

/**
 * trbd_unit_last_block() - tell the number of the last block
 * @unit: open unit
 *
 * Context: any.
 * Return: number of the last block; also 0 if there is no block.
 */
u64 trbd_unit_last_block(struct trbd_unit *unit)
{
	u64 blocks = div_u64(trbd_image_size(unit->image), unit->se_dev.dev_attrib.block_size);

	return blocks ? blocks - 1 : 0;
}

/**
 * trbd_unit_init() - make a unit without an image
 * @unit: its memory, zeroed
 */
void trbd_unit_init(struct trbd_unit *unit)
{
	mutex_init(&unit->lu_lock);
	trbd_nexus_table_init(&unit->nexuses);
	trbd_abandoned_init(&unit->abandoned);
	trbd_throttle_prepare(&unit->throttle);
}

/**
 * trbd_unit_destroy() - forget the nexuses of a unit
 * @unit: closed unit that no initiator can see any more
 *
 * Context: process.
 */
void trbd_unit_destroy(struct trbd_unit *unit)
{
	trbd_nexus_table_destroy(&unit->nexuses);
}
