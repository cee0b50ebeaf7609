/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_MACHINE_H
#define TRBD_GATEWAY_MACHINE_H

#include <linux/types.h>

void trbd_machine_host(char *buf, size_t size);
void trbd_machine_name(const char *address, char *buf, size_t size);

#endif /* TRBD_GATEWAY_MACHINE_H */
