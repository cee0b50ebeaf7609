/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_PR_PARAMETERS_H
#define TRBD_PR_PARAMETERS_H

#include <linux/types.h>

#include "pr/rules.h"

/*
 * limit of a parameter list of PERSISTENT RESERVE OUT: room for a thousand TransportIDs of usual
 * length
 */
#define TRBD_PR_LIST_MAX	(128 * 1024)

/* PERSISTENT RESERVE IN, SPC-4 table 205 */
enum trbd_pr_in_action {
	TRBD_PR_READ_KEYS,
	TRBD_PR_READ_RESERVATION,
	TRBD_PR_REPORT_CAPABILITIES,
	TRBD_PR_READ_FULL_STATUS,
	TRBD_PR_IN_ACTIONS
};

size_t trbd_pr_in(const struct trbd_pr_state *state, enum trbd_pr_in_action action, u8 *buf,
		  size_t size);
unsigned int trbd_pr_out_max_initiators(const u8 *cdb, size_t len);
enum trbd_pr_verdict trbd_pr_out_decode(const u8 *cdb, const u8 *list, size_t len,
					struct trbd_pr_out *out);

#endif /* TRBD_PR_PARAMETERS_H */
