/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_REGISTRY_H
#define TRBD_GATEWAY_REGISTRY_H

#include <linux/types.h>

struct trbd_lu;
struct trbd_recovery_ops;

/* pause before a failed attempt is tried again */
#define TRBD_REGISTRY_RETRY_MS	100

int trbd_registry_enter(struct trbd_lu *lu);
int trbd_registry_leave(struct trbd_lu *lu);
bool trbd_registry_enter_again(struct trbd_lu *lu);

/* our part when the session gets a new identity */
extern const struct trbd_recovery_ops trbd_registry_recovery_ops;

#endif /* TRBD_GATEWAY_REGISTRY_H */
