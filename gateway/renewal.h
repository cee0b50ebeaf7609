/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_RENEWAL_H
#define TRBD_GATEWAY_RENEWAL_H

#include <linux/types.h>

#include "gateway/record.h"
#include "rados/fence.h"

struct trbd_session;

/**
 * struct trbd_renewal - fences that are being renewed
 * @now: time, seconds of the group's clock
 * @count: entries of @fences and @addresses
 * @fences: clients, with the result for each
 * @addresses: addresses of the clients
 */
struct trbd_renewal {
	u64 now;
	unsigned int count;
	struct trbd_fence fences[TRBD_RECORD_FENCED];
	char addresses[TRBD_RECORD_FENCED][TRBD_ADDRESS_MAX];
};

void trbd_renewal_collect(struct trbd_renewal *renewal, const struct trbd_record_registry *registry,
			  u64 age);
int trbd_renewal_fence(struct trbd_renewal *renewal, struct trbd_session *session,
		       unsigned int timeout_ms);
void trbd_renewal_note(const struct trbd_renewal *renewal, struct trbd_record *record);

#endif /* TRBD_GATEWAY_RENEWAL_H */
