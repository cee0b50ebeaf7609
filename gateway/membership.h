/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_MEMBERSHIP_H
#define TRBD_GATEWAY_MEMBERSHIP_H

#include <linux/types.h>

struct trbd_lu;
struct trbd_record_gateway;
struct trbd_recovery_ops;

/* before what could not be done is tried again */
#define TRBD_MEMBERSHIP_RETRY_MS	100

void trbd_membership_add(struct trbd_lu *lu);
void trbd_membership_remove(struct trbd_lu *lu);
bool trbd_membership_is_left_behind(const struct trbd_record_gateway *gateway);
int trbd_membership_begin(struct trbd_lu *lu);
int trbd_membership_end(struct trbd_lu *lu);
bool trbd_membership_renew(struct trbd_lu *lu);

/* our part when the session gets a new identity */
extern const struct trbd_recovery_ops trbd_membership_recovery_ops;

#endif /* TRBD_GATEWAY_MEMBERSHIP_H */
