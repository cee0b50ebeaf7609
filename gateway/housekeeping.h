/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_HOUSEKEEPING_H
#define TRBD_GATEWAY_HOUSEKEEPING_H

struct trbd_lu;

void trbd_housekeeping(struct trbd_lu *lu);

#endif /* TRBD_GATEWAY_HOUSEKEEPING_H */
