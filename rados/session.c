// SPDX-License-Identifier: GPL-2.0
/*
 * Sessions with a cluster.
 *
 * A session is an open ceph_client: a monitor session, an OSD map, OSD connections. Opening one
 * costs a second or two and a set of sockets. So images whose options are equal (monitors, user,
 * key, every libceph option) share a session. libceph decides which options are equal
 * (ceph_compare_options).
 *
 * A session is opened outside sessions_lock. Opening lasts until mount_timeout when a cluster does
 * not answer, and images of other clusters must not wait for that. So two images that are enabled
 * at the same moment may open two equal sessions. The second one to finish finds the first session
 * in the list, takes it, and closes its own. All functions here may sleep and are called from
 * process context only.
 */
#include <linux/ceph/libceph.h>
#include <linux/ceph/osd_client.h>
#include <linux/ceph/osdmap.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "protocol.h"
#include "rados/session.h"

static DEFINE_MUTEX(sessions_lock);
static LIST_HEAD(sessions);		/* guarded by sessions_lock */

/* Return: a session with options equal to @opt, with a reference for the caller, or NULL. */
static struct trbd_session *session_find(struct ceph_options *opt)
{
	struct trbd_session *session;

	lockdep_assert_held(&sessions_lock);

	list_for_each_entry(session, &sessions, node) {
		if (!ceph_compare_options(opt, session->client)) {
			refcount_inc(&session->ref);
			return session;
		}
	}
	return NULL;
}

static void session_destroy(struct trbd_session *session)
{
	/* stop the chores first: they may begin a recovery */
	trbd_chores_stop(&session->chores, &session->client->osdc);
	trbd_recovery_destroy(&session->recovery);
	ceph_destroy_client(session->client);
	kfree(session);
}

/* Consumes @opt. */
static struct trbd_session *session_open(struct ceph_options *opt)
{
	struct trbd_session *session;
	int ret;

	session = kzalloc(sizeof(*session), GFP_KERNEL);
	if (!session) {
		ceph_destroy_options(opt);
		return ERR_PTR(-ENOMEM);
	}
	refcount_set(&session->ref, 1);
	trbd_chores_init(&session->chores);
	trbd_closings_init(&session->closings);

	session->client = ceph_create_client(opt, session);
	if (IS_ERR(session->client)) {
		ret = PTR_ERR(session->client);
		ceph_destroy_options(opt);
		kfree(session);
		return ERR_PTR(ret);
	}

	trbd_recovery_init(&session->recovery, session->client);
	ret = ceph_open_session(session->client);
	if (ret) {
		session_destroy(session);
		return ERR_PTR(ret);
	}
	return session;
}

/**
 * trbd_session_get() - get a session for these options, shared or new
 * @opt: options from trbd_options_alloc(); consumed in every case
 *
 * A shared session first gets the latest OSD map, so that the caller finds a pool that was created
 * a moment ago.
 *
 * Context: may sleep up to the options' mount_timeout.
 * Return: the session with a reference for the caller; ERR_PTR(-ETIMEDOUT) when no monitor
 * answered, -EACCES or -EPERM for a wrong user or key, other errors of libceph.
 */
struct trbd_session *trbd_session_get(struct ceph_options *opt)
{
	struct trbd_session *session, *other;
	int ret;

	mutex_lock(&sessions_lock);
	session = session_find(opt);
	mutex_unlock(&sessions_lock);

	if (session) {
		ceph_destroy_options(opt);
		ret = ceph_wait_for_latest_osdmap(session->client, trbd_session_timeout(session));
		if (ret) {
			trbd_session_put(session);
			return ERR_PTR(ret);
		}
		return session;
	}

	session = session_open(opt);
	if (IS_ERR(session))
		return session;

	mutex_lock(&sessions_lock);
	other = session_find(session->client->options);
	if (!other)
		list_add_tail(&session->node, &sessions);
	mutex_unlock(&sessions_lock);

	if (other) {
		session_destroy(session);
		return other;
	}
	return session;
}

/**
 * trbd_session_ref() - take one more reference on a session
 * @session: a session that the caller has a reference on
 *
 * Return: @session.
 */
struct trbd_session *trbd_session_ref(struct trbd_session *session)
{
	refcount_inc(&session->ref);
	return session;
}

/**
 * trbd_session_put() - drop a reference on a session
 * @session: the session
 *
 * Dropping the last reference closes the connections. No request of the caller may be in flight.
 *
 * Context: may sleep.
 */
void trbd_session_put(struct trbd_session *session)
{
	if (!refcount_dec_and_mutex_lock(&session->ref, &sessions_lock))
		return;
	list_del(&session->node);
	mutex_unlock(&sessions_lock);

	session_destroy(session);
}

/**
 * trbd_session_osdc() - get the OSD client that requests are made on
 * @session: the session
 *
 * Return: the client, valid as long as the session is referenced.
 */
struct ceph_osd_client *trbd_session_osdc(struct trbd_session *session)
{
	return &session->client->osdc;
}

/**
 * trbd_session_timeout() - tell how long a call may take that a person waits for
 * @session: the session
 *
 * Return: libceph's mount_timeout in jiffies, 0 for no limit (as libceph spells it).
 */
unsigned long trbd_session_timeout(struct trbd_session *session)
{
	return session->client->options->mount_timeout;
}

/**
 * trbd_session_timed_out() - tell whether a call that a person waits for has taken too long
 * @session: the session
 * @start: jiffies when the call began
 *
 * Return: true if mount_timeout is over.
 */
bool trbd_session_timed_out(struct trbd_session *session, unsigned long start)
{
	unsigned long timeout = trbd_session_timeout(session);

	return timeout && time_after(jiffies, start + timeout);
}

/**
 * trbd_session_pool_id() - find a pool by name
 * @session: the session
 * @name: pool name
 *
 * Context: may sleep for the OSD map's lock, not for the network.
 * Return: the pool id, or -ENOENT.
 */
s64 trbd_session_pool_id(struct trbd_session *session, const char *name)
{
	struct ceph_osd_client *osdc = trbd_session_osdc(session);
	s64 id;

	down_read(&osdc->lock);
	id = ceph_pg_poolid_by_name(osdc->osdmap, name);
	up_read(&osdc->lock);
	return id;
}

/**
 * trbd_session_pool_exists() - tell whether the newest OSD map that we have contains a pool
 * @session: the session
 * @pool_id: pool id
 *
 * An OSD answers -ENOENT for a missing object, and libceph itself answers -ENOENT for a missing
 * pool. To a reader a missing object is a hole, and a missing pool is lost data.
 *
 * Context: may sleep for the OSD map's lock; request callbacks may call it, since they run without
 * that lock.
 * Return: true if the OSD map has the pool.
 */
bool trbd_session_pool_exists(struct trbd_session *session, s64 pool_id)
{
	struct ceph_osd_client *osdc = trbd_session_osdc(session);
	bool exists;

	down_read(&osdc->lock);
	exists = ceph_pg_pool_name_by_id(osdc->osdmap, pool_id);
	up_read(&osdc->lock);
	return exists;
}

/**
 * trbd_session_address() - get the address under which the OSDs know us
 * @session: the session
 * @buf: receives ADDRESS:PORT/NONCE
 * @size: room in @buf, TRBD_ADDRESS_MAX is enough
 */
void trbd_session_address(const struct trbd_session *session, char *buf, size_t size)
{
	const struct ceph_entity_addr *addr = ceph_client_addr(session->client);

	snprintf(buf, size, "%pISpc/%u", &addr->in_addr, le32_to_cpu(addr->nonce));
}

/**
 * trbd_session_osd_address() - get the address of an OSD
 * @session: the session
 * @osd: its number, need not be valid
 * @buf: receives ADDRESS:PORT, or "?" when the newest OSD map that we have does not list the OSD
 * @size: room in @buf, TRBD_ADDRESS_MAX is enough
 *
 * Context: may sleep for the OSD map's lock.
 */
void trbd_session_osd_address(struct trbd_session *session, int osd, char *buf, size_t size)
{
	struct ceph_osd_client *osdc = trbd_session_osdc(session);

	down_read(&osdc->lock);
	if (ceph_osd_exists(osdc->osdmap, osd))
		snprintf(buf, size, "%pISpc", &osdc->osdmap->osd_addr[osd].in_addr);
	else
		strscpy(buf, "?", size);
	up_read(&osdc->lock);
}

/**
 * trbd_session_is_ours() - tell whether an address belongs to one of this machine's sessions
 * @address: address and nonce, as of trbd_session_address()
 *
 * Context: may sleep for the list of sessions, not for the network.
 * Return: true if it is the present address of a session in use, with whatever cluster.
 */
bool trbd_session_is_ours(const char *address)
{
	char own[TRBD_ADDRESS_MAX];
	struct trbd_session *session;
	bool found = false;

	mutex_lock(&sessions_lock);
	list_for_each_entry(session, &sessions, node) {
		trbd_session_address(session, own, sizeof(own));
		found |= !strcmp(own, address);
	}
	mutex_unlock(&sessions_lock);
	return found;
}

/* osdc->lock held */
static bool session_pool_is_full(struct ceph_osd_client *osdc, s64 pool)
{
	lockdep_assert_held(&osdc->lock);

	return osdc->osdmap->flags & CEPH_OSDMAP_FULL ||
	       ceph_pg_pool_flags(osdc->osdmap, pool) & CEPH_POOL_FLAG_FULL;
}

/**
 * trbd_session_pool_is_full() - tell whether a pool has no room
 * @session: the session
 * @pool: pool id
 *
 * Context: may sleep for the OSD map's lock.
 * Return: true if the cluster is full, or the pool.
 */
bool trbd_session_pool_is_full(struct trbd_session *session, s64 pool)
{
	struct ceph_osd_client *osdc = trbd_session_osdc(session);
	bool full;

	down_read(&osdc->lock);
	full = session_pool_is_full(osdc, pool);
	up_read(&osdc->lock);
	return full;
}

/**
 * trbd_session_is_full() - tell whether there is no room where this session watches an object
 * @session: the session
 *
 * libceph holds back the registration of a watch in a full pool until there is room.
 *
 * Context: may sleep for the OSD map's lock.
 * Return: true if the cluster is full, or a pool with a watched object.
 */
bool trbd_session_is_full(struct trbd_session *session)
{
	struct ceph_osd_client *osdc = trbd_session_osdc(session);
	struct rb_node *node;
	bool full = false;

	down_read(&osdc->lock);
	for (node = rb_first(&osdc->linger_requests); node && !full; node = rb_next(node)) {
		s64 pool = rb_entry(node, struct ceph_osd_linger_request, osdc_node)
				   ->t.base_oloc.pool;

		full = session_pool_is_full(osdc, pool);
	}
	up_read(&osdc->lock);
	return full;
}

/**
 * trbd_session_recover() - give a session that was fenced a new identity
 * @session: session whose requests end with -EBLOCKLISTED
 *
 * The function does nothing while a recovery is under way.
 *
 * Context: any.
 */
void trbd_session_recover(struct trbd_session *session)
{
	trbd_recovery_start(&session->recovery, false);
}

/**
 * trbd_session_give_up() - end everything that is in flight, though the OSDs have not answered
 * @session: session whose OSDs do not answer
 *
 * The function does nothing while a recovery is under way. It also does nothing while the cluster
 * has no room: the new identity could watch nothing until there is room, and so would not even
 * serve reads.
 *
 * Context: process; may sleep for the OSD map's lock.
 */
void trbd_session_give_up(struct trbd_session *session)
{
	if (trbd_session_is_full(session))
		pr_warn_ratelimited("client.%llu does not give up what is in flight: the cluster or a pool is full\n",
				    ceph_client_gid(session->client));
	else
		trbd_recovery_start(&session->recovery, true);
}

/**
 * trbd_session_is_recovering() - tell whether a session gets a new identity now
 * @session: the session
 *
 * Context: any.
 * Return: true from the request for a new identity until everything that was begun under the old
 * one has drained.
 */
bool trbd_session_is_recovering(const struct trbd_session *session)
{
	return trbd_recovery_is_running(&session->recovery);
}

/**
 * trbd_session_closing_left() - tell for how long a caller that closes may wait for an answer
 * @session: the session
 * @caller: name of an object, see rados/closing.c
 * @otherwise: for a caller that does not close, jiffies
 *
 * Context: any in which a spinlock may be taken.
 * Return: jiffies.
 */
unsigned long trbd_session_closing_left(struct trbd_session *session, const void *caller,
					unsigned long otherwise)
{
	return trbd_closing_left(&session->closings, caller, otherwise);
}

/**
 * trbd_session_show() - print how often something happened to a session
 * @session: the session
 * @buf: where the text goes
 * @size: room in @buf
 *
 * Each line is a name and a number.
 *
 * Context: any.
 * Return: length of the text, cut to what fits.
 */
size_t trbd_session_show(const struct trbd_session *session, char *buf, size_t size)
{
	u64 fences = atomic64_read(&session->recovery.fences);
	u64 give_ups = atomic64_read(&session->recovery.give_ups);

	return scnprintf(buf, size,
			 "recoveries %llu\nfences_of_us %llu\ngive_ups %llu\nfences_by_us %llu\nproofs_failed %llu\n",
			 fences + give_ups, fences, give_ups,
			 (u64)atomic64_read(&session->expelled),
			 (u64)atomic64_read(&session->proofs_failed));
}
