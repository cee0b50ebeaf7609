// SPDX-License-Identifier: GPL-2.0
/*
 * Calling back changes of data that would alter a snapshot.
 *
 * A change in flight carries the snapshot context with which it began. If others can take a
 * snapshot without this gateway, such a change must end first, or the gateway gives up
 * (rados/recovery.c). There are three occasions:
 *
 *	the OSD is about to forget the watch           changes that may not have reached their OSD
 *	the watch was lost, and is to be given back    all changes that began before the loss, if
 *	                                               they do not end by themselves
 *	the header was read after that                 changes that do not know a new snapshot
 *
 * In the first case the header's OSD is silent, and maybe the whole cluster stands still. If it
 * does, everything is in the OSDs' sockets. Giving up would call nothing back, so the gateway does
 * not give up. In the second case that OSD has spoken. It may still know the watch. A client that
 * takes a snapshot then waits for this gateway until the watch is given back.
 */
#include "rados/in_flight.h"
#include "rados/session.h"
#include "rbd/image.h"
#include "rbd/recall.h"

/* a ping on its way may look like something unsent, but not twice in a row */
#define RECALL_UNSENT_LOOKS	2

/**
 * trbd_recall_unsent() - call back changes that have not reached their OSD
 * @image: open image
 *
 * The header's OSD will soon forget the watch. Nothing calls back a write that an OSD has received.
 *
 * Context: a workqueue, one call at a time; sleeps for libceph's locks, never for the network.
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
 * trbd_recall_older() - call back changes that would alter a snapshot taken without us
 * @image: open image
 * @snap_seq: number of the image's newest snapshot
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
 * trbd_recall_is_over() - tell whether all changes from before the loss of the watch are over
 * @image: open image
 * @late: if they are not, give up what is in flight
 *
 * Context: process; sleeps for libceph's locks, never for the network.
 * Return: true if they are. Otherwise they will be: ask again.
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
