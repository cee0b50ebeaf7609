/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_LEAVING_H
#define TRBD_GATEWAY_LEAVING_H

struct trbd_lu;

void trbd_leaving_add(struct trbd_lu *lu);

#endif /* TRBD_GATEWAY_LEAVING_H */
