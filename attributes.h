/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_ATTRIBUTES_H
#define TRBD_ATTRIBUTES_H

struct configfs_attribute;

extern struct configfs_attribute **trbd_attributes;

int trbd_attributes_init(void);
void trbd_attributes_exit(void);

#endif /* TRBD_ATTRIBUTES_H */
