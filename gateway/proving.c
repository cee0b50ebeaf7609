// SPDX-License-Identifier: GPL-2.0
/*
 * Staying out of the registry until OSDs that had not answered do so.
 *
 * A gateway whose OSDs had not answered asks them before it serves again (rados/proof.c). While
 * another gateway serves the image, it stays out until they answer:
 *
 *	fenced or gave up --> out of the registry --> the OSDs answer --> registered
 *	                      | no other gateway serves any more: registered all the same
 *
 * It leaves the registry, since others would wait for its answers. The record decides whether there
 * is another gateway. So of two gateways that are in trouble at the same time, one serves. It asks
 * the OSDs as soon as another gateway serves beside it, and gives up if they do not answer.
 */
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>

#include "gateway/group.h"
#include "gateway/lu_state.h"
#include "gateway/ports.h"
#include "gateway/proving.h"
#include "gateway/record_io.h"
#include "gateway/view.h"
#include "rados/proof.h"
#include "rados/session.h"
#include "rbd/image.h"

static bool proving_serves(struct trbd_lu *lu, const struct trbd_record_registry *registry,
			   const struct trbd_record_gateway *gateway)
{
	const struct trbd_record_group *group = trbd_ports_find_group(registry, gateway->machine);

	/* a gateway that is out of service is of no use to initiators */
	return !(group && group->standby) &&
	       trbd_group_is_alive(lu->group, gateway->slot, gateway->member);
}

/**
 * trbd_proving_others_serve() - tell whether another machine serves the image
 * @lu: state
 * @registry: registry
 *
 * Context: may sleep, not for the network.
 * Return: true if one is in service, and its heartbeats go on.
 */
bool trbd_proving_others_serve(struct trbd_lu *lu, const struct trbd_record_registry *registry)
{
	unsigned int i;

	for (i = 0; i < registry->num_gateways; i++) {
		const struct trbd_record_gateway *gateway = &registry->gateways[i];

		if (gateway->id != lu->id && gateway->id != lu->next_id &&
		    !trbd_session_is_ours(gateway->address) &&
		    proving_serves(lu, registry, gateway))
			return true;
	}
	return false;
}

/* Tell whether another machine serves the image, as far as the view knows. */
static bool proving_view_has_others(struct trbd_lu *lu)
{
	const struct trbd_lu_view *view;
	bool serve;

	mutex_lock(&lu->install_lock);
	view = rcu_dereference_protected(lu->view, lockdep_is_held(&lu->install_lock));
	serve = trbd_proving_others_serve(lu, &view->registry);
	mutex_unlock(&lu->install_lock);
	return serve;
}

/**
 * trbd_proving_stays_out() - tell whether this gateway has left the registry and must stay out
 * @lu: state that is blocked as TRBD_LU_UNREGISTERED
 *
 * Context: the thread; a round trip, and as trbd_proof_run().
 * Return: true if OSDs have not answered yet, and another gateway serves.
 */
bool trbd_proving_stays_out(struct trbd_lu *lu)
{
	struct trbd_record *record;

	if (!lu->out || !trbd_proof_run(lu->image->session))
		return false;
	trbd_lu_refresh(lu, 0, &record);
	trbd_record_io_free(record);
	return proving_view_has_others(lu);
}

/**
 * trbd_proving_look() - prove a gateway that serves although OSDs had not answered
 * @lu: state
 *
 * It serves because no other gateway did. If another one does now, hosts are better off there as
 * long as the OSDs do not answer.
 *
 * Context: the thread, when no job waits for it; as trbd_proof_run().
 */
void trbd_proving_look(struct trbd_lu *lu)
{
	struct trbd_session *session = lu->image->session;

	if (test_bit(TRBD_LU_UNREGISTERED, &lu->blocked) || !trbd_proof_is_due(session) ||
	    trbd_lu_is_wanted(lu) || !proving_view_has_others(lu))
		return;
	if (trbd_proof_run(session) == -ETIMEDOUT)
		trbd_session_give_up(session);
}
