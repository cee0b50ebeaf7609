/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_PROVING_H
#define TRBD_GATEWAY_PROVING_H

#include <linux/types.h>

struct trbd_lu;
struct trbd_record_registry;

bool trbd_proving_others_serve(struct trbd_lu *lu, const struct trbd_record_registry *registry);

/* on the thread only */
bool trbd_proving_stays_out(struct trbd_lu *lu);
void trbd_proving_look(struct trbd_lu *lu);

#endif /* TRBD_GATEWAY_PROVING_H */
