// SPDX-License-Identifier: GPL-2.0
/*
 * Renewing the fences that a record lists: Ceph forgets them after an hour.
 *
 *	collect those that are due --> put all of them on the blocklist --> note it in the record
 *
 * Gateways that serve do this every half hour (gateway/housekeeping.c). When none has served for a
 * while, the first gateway that registers does it before it serves (gateway/registry.c). Otherwise
 * a client that was fenced, and has stood still since then, could write again beside it.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "gateway/renewal.h"
#include "rados/session.h"

/**
 * trbd_renewal_collect() - collect the fences that must be renewed
 * @renewal: now is set, count is 0; the others are filled in
 * @registry: of the record
 * @age: collect fences that were renewed longer than this ago, seconds; 0 for all
 *
 * A record that was put back by hand can list the fence of a client that serves the image, and that
 * fence is left alone. So is a fence that is so old that nobody needs it any more.
 *
 * Context: may sleep, not for the network.
 */
void trbd_renewal_collect(struct trbd_renewal *renewal, const struct trbd_record_registry *registry,
			  u64 age)
{
	unsigned int i;

	for (i = 0; i < registry->num_fenced; i++) {
		const struct trbd_record_fenced *fenced = &registry->fenced[i];

		if (!trbd_fenced_is_due(fenced, renewal->now, age) ||
		    trbd_fenced_is_old(fenced, renewal->now) ||
		    trbd_record_registry_has(registry, fenced->address) ||
		    trbd_session_is_ours(fenced->address))
			continue;
		strscpy(renewal->addresses[renewal->count], fenced->address, TRBD_ADDRESS_MAX);
		renewal->fences[renewal->count].address = renewal->addresses[renewal->count];
		renewal->count++;
	}
}

/**
 * trbd_renewal_fence() - put the clients on the blocklist, all at the same time
 * @renewal: the clients; the result for each is noted there
 * @session: session with the cluster
 * @timeout_ms: for how long to wait for the monitors, 0 for ever
 *
 * Context: process; as trbd_fence_clients(). Without clients it takes no round trip.
 * Return: 0, whatever the result for each; an error of trbd_fence_clients().
 */
int trbd_renewal_fence(struct trbd_renewal *renewal, struct trbd_session *session,
		       unsigned int timeout_ms)
{
	return renewal->count
		       ? trbd_fence_clients(session, renewal->fences, renewal->count, timeout_ms)
		       : 0;
}

/**
 * trbd_renewal_note() - note in a record which fences were renewed
 * @renewal: the fences, with the result for each
 * @record: record; may be newer than the one that the fences are from
 *
 * A line without a valid address is dropped.
 */
void trbd_renewal_note(const struct trbd_renewal *renewal, struct trbd_record *record)
{
	unsigned int i;

	for (i = 0; i < renewal->count; i++) {
		const struct trbd_fence *fence = &renewal->fences[i];

		if (fence->err == -EINVAL)
			trbd_record_remove_fenced(record, fence->address);
		else if (!fence->err)
			trbd_fenced_renew(record, fence->address, fence->epoch, renewal->now);
	}
}
