/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RADOS_SUSPECTS_H
#define TRBD_RADOS_SUSPECTS_H

#include <linux/types.h>

struct ceph_string;

/* a gateway proves itself to this many OSDs at most */
#define TRBD_SUSPECTS_MAX	4
/* room for the name of any object of an RBD image, and its end */
#define TRBD_SUSPECT_NAME_MAX	128

/**
 * struct trbd_suspect - an OSD that did not answer, and an object that it is to be asked for
 * @osd: number of the OSD that had the request
 * @pool: pool of the object
 * @ns: namespace of the object, NULL for none; compared and handed on, never followed here
 * @name: name of the object
 */
struct trbd_suspect {
	int osd;
	s64 pool;
	struct ceph_string *ns;
	char name[TRBD_SUSPECT_NAME_MAX];
};

/**
 * struct trbd_suspects - the OSDs that a gateway has to prove itself to, and when it does
 * @count: entries of @who
 * @who: OSDs, each of them once; the one that is asked next comes first
 * @wait_ms: for how long the gateway stays out after a failure, 0 for not at all
 * @until_ms: it asks no OSD before this time
 * @passed_ms: when the last OSD had answered
 */
struct trbd_suspects {
	unsigned int count;
	struct trbd_suspect who[TRBD_SUSPECTS_MAX];
	u64 wait_ms;
	u64 until_ms;
	u64 passed_ms;
};

bool trbd_suspects_add(struct trbd_suspects *suspects, const struct trbd_suspect *suspect);
bool trbd_suspects_remove(struct trbd_suspects *suspects, int osd, struct trbd_suspect *removed);
void trbd_suspects_pass(struct trbd_suspects *suspects, u64 now_ms);
void trbd_suspects_fail(struct trbd_suspects *suspects, u64 now_ms);
void trbd_suspects_relapse(struct trbd_suspects *suspects, u64 now_ms);
u64 trbd_suspects_wait_left(const struct trbd_suspects *suspects, u64 now_ms);

#endif /* TRBD_RADOS_SUSPECTS_H */
