// SPDX-License-Identifier: GPL-2.0
/*
 * Fencing a client: the OSDs take nothing from it any more.
 *
 * A client is known by its address and nonce. The monitors put it on the blocklist of an OSD map, and an OSD refuses
 * the client's requests as soon as it has that map. It gets the map sooner or later; for sure before it serves a
 * request of somebody who has it already. So after the fence, everybody who goes on must have that map (the barrier),
 * and from then on nothing of the fenced client can land on an object that one of them has touched since.
 */
#include <linux/ceph/libceph.h>
#include <linux/ceph/mon_client.h>
#include <linux/ceph/osd_client.h>
#include <linux/inet.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <net/net_namespace.h>

#include "rados/fence.h"
#include "rados/session.h"

/**
 * trbd_fence_own_address() - under which address the OSDs know us
 * @session: session with the cluster
 * @buf: where to
 * @size: room in @buf, TRBD_FENCE_ADDRESS_MAX is enough
 */
void trbd_fence_own_address(struct trbd_session *session, char *buf, size_t size)
{
	const struct ceph_entity_addr *addr = ceph_client_addr(session->client);

	snprintf(buf, size, "%pISpc/%u", &addr->in_addr, le32_to_cpu(addr->nonce));
}

/* The reverse: ADDRESS:PORT/NONCE, the address of IPv6 in brackets. */
static int fence_parse(const char *text, struct ceph_entity_addr *addr)
{
	char host[TRBD_FENCE_ADDRESS_MAX], *port, *nonce, *name = host;
	u32 number;

	memset(addr, 0, sizeof(*addr));
	if (strscpy(host, text, sizeof(host)) < 0)
		return -EINVAL;
	nonce = strrchr(host, '/');
	if (!nonce)
		return -EINVAL;
	*nonce++ = 0;
	port = strrchr(host, ':');
	if (!port)
		return -EINVAL;
	*port++ = 0;
	if (*name == '[') {
		size_t len = strlen(name);

		if (name[len - 1] != ']')
			return -EINVAL;
		name[len - 1] = 0;
		name++;
	}
	if (kstrtou32(nonce, 10, &number))
		return -EINVAL;
	addr->nonce = cpu_to_le32(number);
	return inet_pton_with_scope(&init_net, AF_UNSPEC, name, port, &addr->in_addr);
}

/**
 * trbd_fence_client() - put a client on the blocklist
 * @session: session with the cluster
 * @address: address and nonce, as trbd_fence_own_address() gave them there
 * @epoch: set to an OSD map that has it
 *
 * Context: process; sleeps until the monitors have answered; a signal ends it.
 * Return: 0; -EINVAL for what is no address, -EACCES without the right to do it, -EINTR, others.
 */
int trbd_fence_client(struct trbd_session *session, const char *address, u32 *epoch)
{
	struct ceph_osd_client *osdc = trbd_session_osdc(session);
	struct ceph_entity_addr addr;
	int ret;

	ret = fence_parse(address, &addr);
	if (ret)
		return ret;
	ret = ceph_monc_blocklist_add(&session->client->monc, &addr);
	if (ret)
		return ret == -ERESTARTSYS ? -EINTR : ret;
	down_read(&osdc->lock);
	*epoch = osdc->osdmap->epoch;
	up_read(&osdc->lock);
	return 0;
}

/**
 * trbd_fence_barrier() - go on with this OSD map or a newer one
 * @session: session with the cluster
 * @epoch: OSD map; need not be one that there is
 *
 * What is sent after this returned 0 is sent with that map. libceph's own barrier would hold back everything of the
 * session until it comes, and cannot be taken back when the number was wrong.
 *
 * Context: process; sleeps until the map is there, up to mount_timeout.
 * Return: 0, -ETIMEDOUT, -EINTR.
 */
int trbd_fence_barrier(struct trbd_session *session, u32 epoch)
{
	unsigned long start = jiffies;
	int ret;

	do {
		ceph_osdc_maybe_request_map(trbd_session_osdc(session));
		ret = ceph_monc_wait_osdmap(&session->client->monc, epoch, HZ);
	} while (ret == -ETIMEDOUT && !trbd_session_timed_out(session, start));
	return ret == -ERESTARTSYS ? -EINTR : ret;
}
