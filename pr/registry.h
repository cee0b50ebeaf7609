/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_PR_REGISTRY_H
#define TRBD_PR_REGISTRY_H

#include <linux/types.h>

#include "pr/record.h"

/**
 * struct trbd_registry - who serves an image, and who was fenced, as a record says it or said it
 * @num_gateways: entries of @gateways
 * @gateways: who serves the image
 * @num_fenced: entries of @fenced
 * @fenced: who was fenced and may come back
 */
struct trbd_registry {
	unsigned int num_gateways;
	const struct trbd_record_gateway *gateways;
	unsigned int num_fenced;
	const struct trbd_record_fenced *fenced;
};

struct trbd_registry trbd_registry_of(const struct trbd_record *record);
void trbd_registry_carry(const struct trbd_registry *known, struct trbd_record *record);
bool trbd_registry_has_address(const struct trbd_registry *registry, const char *address);
bool trbd_fenced_is_due(const struct trbd_record_fenced *fenced, u64 now, u64 age);
bool trbd_fenced_is_old(const struct trbd_record_fenced *fenced, u64 now);
void trbd_fenced_renew(struct trbd_record *record, const char *address, u32 epoch, u64 now);

#endif /* TRBD_PR_REGISTRY_H */
