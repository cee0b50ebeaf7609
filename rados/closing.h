/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RADOS_CLOSING_H
#define TRBD_RADOS_CLOSING_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/**
 * struct trbd_closings - who of a session's callers is closing
 * @lock: guards @list
 * @list: of struct trbd_closing
 */
struct trbd_closings {
	spinlock_t lock;	/* see above */
	struct list_head list;
};

/**
 * struct trbd_closing - one who does
 * @node: in the session's list; not in any before trbd_closing_begin()
 * @caller: whose calls are meant: the address of the object's name that they are made with;
 *	compared, never followed
 * @until: jiffies until which an answer is waited for
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
