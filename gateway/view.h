/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_VIEW_H
#define TRBD_GATEWAY_VIEW_H

#include <linux/types.h>

#include "gateway/lu_state.h"

int trbd_lu_install(struct trbd_lu *lu, struct trbd_record *record);
u64 trbd_lu_generation(struct trbd_lu *lu);
bool trbd_lu_has_others(struct trbd_lu *lu);
void trbd_lu_note_read(struct trbd_lu *lu, unsigned long lapses);
int trbd_lu_refresh(struct trbd_lu *lu, unsigned int extra, struct trbd_record **record);
void trbd_lu_carry(struct trbd_lu *lu, struct trbd_record *record);
int trbd_lu_amend(struct trbd_lu *lu, trbd_lu_decide decide, void *ctx);
int trbd_lu_mark_settled(struct trbd_lu *lu, struct trbd_record *record);

#endif /* TRBD_GATEWAY_VIEW_H */
