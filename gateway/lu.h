/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_LU_H
#define TRBD_GATEWAY_LU_H

/* everything that the floor above needs of a logical unit's shared state */
#include "gateway/lu_state.h"
#include "gateway/lu_update.h"
#include "gateway/view.h"

struct trbd_lu *trbd_lu_attach(struct trbd_image *image, struct trbd_group *group,
			       const struct trbd_lu_ops *ops, void *owner);
void trbd_lu_detach(struct trbd_lu *lu);
void trbd_lu_submit(struct trbd_lu *lu, struct trbd_lu_job *job);
void trbd_lu_drop_unwanted(struct trbd_lu *lu);
void trbd_lu_has_run(struct trbd_lu *lu, struct trbd_lu_job *job);
void trbd_lu_watched(struct trbd_lu *lu);

#endif /* TRBD_GATEWAY_LU_H */
