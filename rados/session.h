/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RADOS_SESSION_H
#define TRBD_RADOS_SESSION_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/types.h>

#include "rados/chores.h"
#include "rados/closing.h"
#include "rados/recovery.h"

struct ceph_client;
struct ceph_options;
struct ceph_osd_client;

/**
 * struct trbd_session - one ceph_client, shared by all images with equal options
 * @ref: number of users; the last put destroys the client
 * @node: entry in the list of sessions; guarded by the sessions mutex of session.c
 * @client: libceph's client, open; constant
 * @recovery: coming back after being fenced
 * @chores: work that the session still has to do
 * @closings: callers that do not wait for answers for long
 * @expelled: how many gateways this one has fenced since they did not answer
 * @proofs_failed: how often an OSD that had not answered still did not
 */
struct trbd_session {
	refcount_t ref;
	struct list_head node;
	struct ceph_client *client;
	struct trbd_recovery recovery;
	struct trbd_chores chores;
	struct trbd_closings closings;
	atomic64_t expelled;
	atomic64_t proofs_failed;
};

struct trbd_session *trbd_session_get(struct ceph_options *opt);
struct trbd_session *trbd_session_ref(struct trbd_session *session);
void trbd_session_put(struct trbd_session *session);
struct ceph_osd_client *trbd_session_osdc(struct trbd_session *session);
unsigned long trbd_session_timeout(struct trbd_session *session);
bool trbd_session_timed_out(struct trbd_session *session, unsigned long start);
s64 trbd_session_pool_id(struct trbd_session *session, const char *name);
bool trbd_session_pool_exists(struct trbd_session *session, s64 pool_id);
void trbd_session_osd_address(struct trbd_session *session, int osd, char *buf, size_t size);
void trbd_session_address(const struct trbd_session *session, char *buf, size_t size);
bool trbd_session_is_ours(const char *address);
bool trbd_session_pool_is_full(struct trbd_session *session, s64 pool);
bool trbd_session_is_full(struct trbd_session *session);
void trbd_session_recover(struct trbd_session *session);
void trbd_session_give_up(struct trbd_session *session);
bool trbd_session_is_recovering(const struct trbd_session *session);
size_t trbd_session_show(const struct trbd_session *session, char *buf, size_t size);
unsigned long trbd_session_closing_left(struct trbd_session *session, const void *caller,
					unsigned long otherwise);

#endif /* TRBD_RADOS_SESSION_H */
