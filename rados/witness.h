/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RADOS_WITNESS_H
#define TRBD_RADOS_WITNESS_H

#include <linux/types.h>

struct ceph_osd_request;

/* room for the name of a lock and for a cookie */
#define TRBD_WITNESS_NAME_MAX	24
/*
 * Bytes of the answer to trbd_witness_ask(): room for 49 entries. libceph drops a longer answer,
 * and it never comes.
 */
#define TRBD_WITNESS_ANSWER_MAX	4096

/**
 * struct trbd_witness - the place where an OSD notes its time for us
 * @lock: name of the lock
 * @cookie: tells our entry in the lock from those of others
 * @keep_s: how long the OSD keeps the entry, s: TRBD_WITNESS_LOCK_S, or less if it is the last one
 */
struct trbd_witness {
	char lock[TRBD_WITNESS_NAME_MAX];
	char cookie[TRBD_WITNESS_NAME_MAX];
	u32 keep_s;
};

int trbd_witness_note(struct ceph_osd_request *req, unsigned int which,
		      const struct trbd_witness *witness);
int trbd_witness_ask(struct ceph_osd_request *req, unsigned int which,
		     const struct trbd_witness *witness);
u64 trbd_witness_time(const struct trbd_witness *witness, void *answer, size_t len);

#endif /* TRBD_RADOS_WITNESS_H */
