// SPDX-License-Identifier: GPL-2.0
/*
 * Calling back changes of data that would alter a snapshot.
 *
 * A change that is in flight carries the snapshot context that it began with. When others can take
 * a snapshot without this gateway, such a change must be over, or the gateway gives up
 * (rados/recovery.c). There are three occasions:
 *
 *	the OSD is about to forget the watch           what may not have reached its OSD
 *	the watch was lost, and is to be given back    all that began before the loss, if it does
 *	                                               not end by itself
 *	the header was read after that                 what does not know a new snapshot
 *
 * In the first case the header's OSD is silent, and maybe the whole cluster stands still. Then
 * everything is in the OSDs' sockets, giving up would call nothing back, and nothing is given up.
 * In the second case that OSD has spoken. It may still know the watch, and whoever takes a snapshot
 * then waits for this gateway until the watch is given back.
 */
#include "rados/in_flight.h"
#include "rados/session.h"
#include "rbd/image.h"
#include "rbd/recall.h"

/* a ping on its way may look like something unsent, but not twice */
#define RECALL_UNSENT_LOOKS	2

/**
 * trbd_recall_unsent() - the header's OSD will soon forget the watch: call back what has not
 * reached its OSD
 * @image: open image
 *
 * Nothing calls back a write that an OSD has received.
 *
 * Context: a workqueue, not from two at once; sleeps for libceph's locks, never for the network.
 */
void trbd_recall_unsent(struct trbd_image *image)
{
	if (trbd_image_read_only(image) || trbd_session_is_recovering(image->session))
		return;
	if (!trbd_in_flight_unsent(image->session, image->header.object_prefix)) {
		image->unsent_looks = 0;
		return;
	}
	if (++image->unsent_looks < RECALL_UNSENT_LOOKS)
		return;
	image->unsent_looks = 0;
	pr_warn("%s: the header's OSD is silent and will soon let others take a snapshot without us, and changes of data have not reached their OSDs; giving up what is in flight\n",
		image->name);
	trbd_session_give_up(image->session);
}

/**
 * trbd_recall_older() - a snapshot may have been taken without us: call back what would alter it
 * @image: open image
 * @snap_seq: number of its newest snapshot
 *
 * Context: process; sleeps for libceph's locks, never for the network.
 */
void trbd_recall_older(struct trbd_image *image, u64 snap_seq)
{
	if (trbd_image_read_only(image) ||
	    !trbd_in_flight_before(image->session, image->header.object_prefix, snap_seq))
		return;
	pr_warn("%s: a snapshot was taken while the header was not watched, and changes of data are in flight that would alter it; giving up what is in flight\n",
		image->name);
	trbd_session_give_up(image->session);
}

/**
 * trbd_recall_is_over() - is all over that began before the watch was lost?
 * @image: open image
 * @late: give it up if it is not
 *
 * Context: process; sleeps for libceph's locks, never for the network.
 * Return: true if it is. Otherwise it will be: ask again.
 */
bool trbd_recall_is_over(struct trbd_image *image, bool late)
{
	if (trbd_quiesce_is_over(&image->quiesce, READ_ONCE(image->lost_turn)))
		return true;
	if (!late || trbd_session_is_recovering(image->session))
		return false;
	pr_warn_ratelimited("%s: the watch on the header is lost, and changes of data do not end; giving up what is in flight\n",
			    image->name);
	trbd_session_give_up(image->session);
	return false;
}
