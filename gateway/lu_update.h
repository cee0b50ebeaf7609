/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_LU_UPDATE_H
#define TRBD_GATEWAY_LU_UPDATE_H

#include "gateway/lu_state.h"

/**
 * struct trbd_lu_request - a change of reservations
 * @decide: makes the change
 * @ctx: argument of @decide
 * @action: service action, for the nexuses that it concerns
 * @actor: nexus that asks for it, or NULL
 * @extra: how many registrations @decide may add
 */
struct trbd_lu_request {
	trbd_lu_decide decide;
	void *ctx;
	enum trbd_pr_action action;
	const struct trbd_pr_nexus *actor;
	unsigned int extra;
};

/* on the thread only */
int trbd_lu_read_settled(struct trbd_lu *lu, unsigned int extra, struct trbd_record **record);
int trbd_lu_update(struct trbd_lu *lu, const struct trbd_lu_request *request);

#endif /* TRBD_GATEWAY_LU_UPDATE_H */
