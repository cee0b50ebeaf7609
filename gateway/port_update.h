/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_PORT_UPDATE_H
#define TRBD_GATEWAY_PORT_UPDATE_H

#include <linux/types.h>

#include "gateway/ports.h"

struct trbd_lu;

/**
 * struct trbd_port_numbers - the numbers of a target port, the same on every gateway
 * @rtpi: relative target port identifier
 * @group: target port group
 */
struct trbd_port_numbers {
	u16 rtpi;
	u16 group;
};

bool trbd_port_find(struct trbd_lu *lu, const char *target, struct trbd_port_numbers *numbers);
bool trbd_port_is_standby_known(struct trbd_lu *lu);
bool trbd_port_find_target(struct trbd_lu *lu, u16 rtpi, char *target, size_t size);

/* on the thread only */
int trbd_port_update(struct trbd_lu *lu, struct trbd_ports_own *own);

#endif /* TRBD_GATEWAY_PORT_UPDATE_H */
