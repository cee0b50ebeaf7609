/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RADOS_CLOSING_H
#define TRBD_RADOS_CLOSING_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/**
 * struct trbd_closings - the callers of a session that are closing
 * @lock: guards @list
 * @list: entries of type struct trbd_closing
 */
struct trbd_closings {
	spinlock_t lock;	/* see above */
	struct list_head list;
};

/**
 * struct trbd_closing - one caller that is closing
 * @node: entry in the session's list; in no list before trbd_closing_begin()
 * @caller: tells whose calls are meant: the address of the object name that they are made with;
 *	compared, never followed
 * @until: jiffies until which the caller waits for an answer
 */
struct trbd_closing {
	struct list_head node;
	const void *caller;
	unsigned long until;
};

void trbd_closings_init(struct trbd_closings *closings);
void trbd_closing_begin(struct trbd_closings *closings, struct trbd_closing *closing,
			const void *caller);
void trbd_closing_end(struct trbd_closings *closings, struct trbd_closing *closing);
unsigned long trbd_closing_left(struct trbd_closings *closings, const void *caller,
				unsigned long otherwise);
bool trbd_closing_is_over(struct trbd_closings *closings, const void *caller);
void trbd_closing_was_in_vain(void);

#endif /* TRBD_RADOS_CLOSING_H */
