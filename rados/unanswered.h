/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RADOS_UNANSWERED_H
#define TRBD_RADOS_UNANSWERED_H

#include <linux/mutex.h>
#include <linux/types.h>

#include "rados/suspects.h"

struct ceph_osd_client;

/**
 * struct trbd_unanswered - the OSDs that a session's gateway has to prove itself to
 * @lock: guards all fields; held for moments only
 * @suspects: the OSDs
 * @noted: counts the calls of trbd_unanswered_note()
 * @in_touch: the gateway that gives up now has heartbeats that go through
 * @proving: a thread asks the OSDs
 */
struct trbd_unanswered {
	struct mutex lock;	/* see above */
	struct trbd_suspects suspects;
	unsigned int noted;
	bool in_touch;
	bool proving;
};

void trbd_unanswered_init(struct trbd_unanswered *unanswered);
void trbd_unanswered_destroy(struct trbd_unanswered *unanswered);
void trbd_unanswered_in_touch(struct trbd_unanswered *unanswered);
void trbd_unanswered_note(struct trbd_unanswered *unanswered, struct ceph_osd_client *osdc,
			  bool gave_up);

#endif /* TRBD_RADOS_UNANSWERED_H */
