// SPDX-License-Identifier: GPL-2.0
/*
 * The logical unit: an image, and what this gateway shares with the others that serve it.
 *
 *	trbd_unit_init()     the backstore is made
 *	trbd_unit_open()     the backstore is enabled: join the group of gateways, register with the
 *	                     image
 *	(commands)           scsi/command.c
 *	trbd_unit_close()    the backstore is removed, when no command runs: leave in reverse order
 *	trbd_unit_destroy()  its memory is about to be freed
 *
 * The image calls back when its size changes, when another gateway notifies, and when it is watched
 * again.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/sizes.h>

#include "compat/target.h"
#include "gateway/group.h"
#include "gateway/lu_state.h"
#include "gateway/round.h"
#include "rados/closing.h"
#include "rados/session.h"
#include "rbd/image.h"
#include "scsi/inquiry.h"
#include "scsi/provisioning.h"
#include "scsi/reservation.h"
#include "scsi/unit.h"
#include "scsi/unit_attention.h"

#define UNIT_BLOCK_SIZE		512
/* what initiators are told that a READ or WRITE may have; more is taken, see trbd_transfer_max() */
#define UNIT_TRANSFER_TOLD	SZ_4M
#define UNIT_QUEUE_DEPTH	128

/* READ CAPACITY has another answer now (SBC-3 4.7). */
static void unit_image_resized(void *owner)
{
	struct trbd_unit *unit = owner;

	trbd_ua_raise_all(&unit->nexuses, TRBD_UA_CAPACITY);
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
	.notified = unit_image_notified,
	.watched = unit_image_watched,
};

/* One of several that write to the image: the common clock, and the shared state of the unit. */
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

	ret = trbd_reservation_start(unit);
	if (ret)
		pr_err("%s: cannot be registered as a gateway of the image: error %d\n", image->name,
		       ret);
	return ret;
}

/**
 * trbd_unit_open() - serve an image
 * @unit: unit without an image
 * @image: image that calls back by trbd_unit_image_ops; the unit closes it, also when this fails
 *
 * Context: process; a few round trips, and longer when the cluster does not answer.
 * Return: 0; -EINVAL for an image without blocks, or an error of the group or the registry.
 */
int trbd_unit_open(struct trbd_unit *unit, struct trbd_image *image)
{
	int ret = 0;

	unit->image = image;
	if (trbd_image_size(image) < UNIT_BLOCK_SIZE) {
		pr_err("%s: the image has no blocks; run: rbd resize --size SIZE %s\n", image->name,
		       image->name);
		ret = -EINVAL;
	} else if (!trbd_image_read_only(image)) {
		ret = unit_join_gateways(unit);
	}
	if (ret)
		trbd_unit_close(unit);
	else
		trbd_patience_start(&unit->patience);
	return ret;
}

/**
 * trbd_unit_close() - stop serving the image, and close it
 * @unit: unit without commands; trbd_unit_open() may have failed at any point
 *
 * Context: process; may sleep for some seconds when the cluster does not answer.
 */
void trbd_unit_close(struct trbd_unit *unit)
{
	struct trbd_image *image = unit->image;
	struct trbd_session *session = trbd_session_ref(image->session);

	/* somebody waits for this who cannot be killed */
	trbd_image_begin_close(image);
	trbd_patience_stop(&unit->patience);
	trbd_reservation_stop(unit);
	/* the group needs the session that the image holds */
	if (unit->group)
		trbd_group_leave(unit->group, trbd_closing_left(session, &image->header_oid, 0));
	unit->group = NULL;
	trbd_image_close(image);
	unit->image = NULL;
	trbd_session_put(session);
}

/**
 * trbd_unit_set_attributes() - set LIO's attributes and flags of the device
 * @unit: unit that was opened, before any initiator can see it
 *
 * Context: process; the caller sees to it that nobody else is here.
 */
void trbd_unit_set_attributes(struct trbd_unit *unit)
{
	struct se_dev_attrib *attrib = &unit->se_dev.dev_attrib;

	attrib->hw_block_size = UNIT_BLOCK_SIZE;
	trbd_compat_set_transfer_max(attrib, UNIT_TRANSFER_TOLD);
	attrib->hw_queue_depth = UNIT_QUEUE_DEPTH;
	attrib->is_nonrot = 1;
	trbd_provisioning_set_attributes(attrib, trbd_image_object_size(unit->image));
	/* LIO's own version keeps its state in one gateway; the others would give wrong answers */
	attrib->emulate_3pc = 0;
	/* whether there are reservation commands; they are ours */
	attrib->emulate_pr = !trbd_image_read_only(unit->image);

	if (trbd_image_read_only(unit->image))
		unit->se_dev.dev_flags |= DF_READ_ONLY;
}

/**
 * trbd_unit_last_block() - tell how long the unit is
 * @unit: open unit
 *
 * Context: any.
 * Return: number of the last block; 0 also when there is none.
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
	trbd_patience_init(&unit->patience);
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
