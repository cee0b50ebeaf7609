// SPDX-License-Identifier: GPL-2.0
/*
 * Leaving the registry of an image when the cluster did not answer while the backstore was removed.
 *
 * An entry that stays behind answers nobody. If its client has no other image, it sends no
 * heartbeats either, others fence it, and that harms nobody. If its client serves other images,
 * others would fence a healthy gateway. So this gateway tries every few seconds to take the entry
 * out, as long as the session lives. Others take longer than that to fence a gateway whose
 * heartbeats go on.
 */
#include <linux/ceph/libceph.h>
#include <linux/ceph/osdmap.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "gateway/leaving.h"
#include "gateway/lu_state.h"
#include "gateway/record_io.h"
#include "rados/chores.h"
#include "rados/session.h"

/**
 * struct leaving - an entry that must be taken out
 * @chore: its place in the session's list
 * @place: where the record is; its pointers point into this struct
 * @oid: of the header
 * @oloc: of the header
 * @name: of the image
 * @id: of the image
 * @entries: numbers under which this gateway may be registered; 0 for none
 */
struct leaving {
	struct trbd_chore chore;
	struct trbd_record_place place;
	struct ceph_object_id oid;
	struct ceph_object_locator oloc;
	char *name;
	char *id;
	u64 entries[2];
};

static bool leaving_remove(struct leaving *leaving, struct trbd_record *record)
{
	unsigned int was = record->num_gateways;

	trbd_record_remove_gateway(record, leaving->entries[0]);
	trbd_record_remove_gateway(record, leaving->entries[1]);
	return record->num_gateways != was;
}

/*
 * Try to take the entry out. Return: 0 when the entry or the image is not there any more, or an
 * error after which to try again.
 */
static int leaving_try(struct leaving *leaving)
{
	struct trbd_record *record;
	u64 generation;
	int ret;

	ret = trbd_record_io_read(&leaving->place, 0, &record);
	if (ret)
		return ret == -ENOENT ? 0 : ret;
	generation = record->generation;
	if (leaving_remove(leaving, record))
		ret = trbd_record_io_write(&leaving->place, record, generation,
					   record->settled == generation);
	trbd_record_io_free(record);
	return ret;
}

static bool leaving_run(struct trbd_chore *chore)
{
	struct leaving *leaving = container_of(chore, struct leaving, chore);

	if (leaving_try(leaving))
		return false;
	pr_info("%s: this gateway was taken out of the registry\n", leaving->name);
	return true;
}

static void leaving_drop(struct trbd_chore *chore)
{
	struct leaving *leaving = container_of(chore, struct leaving, chore);

	ceph_oloc_destroy(&leaving->oloc);
	ceph_oid_destroy(&leaving->oid);
	kfree(leaving->name);
	kfree(leaving->id);
	kfree(leaving);
}

/**
 * trbd_leaving_add() - take a unit out of the registry as soon as that is possible
 * @lu: state that could not be taken out, and is about to go
 *
 * Without memory this does nothing, and others will fence the entry.
 *
 * Context: process.
 */
void trbd_leaving_add(struct trbd_lu *lu)
{
	struct trbd_session *session = lu->place.header.session;
	struct leaving *leaving = kzalloc(sizeof(*leaving), GFP_KERNEL);

	if (!leaving)
		return;
	leaving->chore.run = leaving_run;
	leaving->chore.drop = leaving_drop;
	ceph_oid_init(&leaving->oid);
	ceph_oloc_init(&leaving->oloc);
	ceph_oid_copy(&leaving->oid, lu->place.header.oid);
	ceph_oloc_copy(&leaving->oloc, lu->place.header.oloc);
	leaving->name = kstrdup(lu->place.name, GFP_KERNEL);
	leaving->id = kstrdup(lu->place.id, GFP_KERNEL);
	if (!leaving->name || !leaving->id) {
		leaving_drop(&leaving->chore);
		return;
	}
	leaving->place.header.session = session;
	leaving->place.header.oid = &leaving->oid;
	leaving->place.header.oloc = &leaving->oloc;
	leaving->place.name = leaving->name;
	leaving->place.id = leaving->id;
	leaving->entries[0] = lu->id;
	leaving->entries[1] = lu->next_id;
	trbd_chores_add(&session->chores, &leaving->chore);
}
