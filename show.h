/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_SHOW_H
#define TRBD_SHOW_H

#include <linux/configfs.h>
#include <linux/types.h>

struct se_device;
struct trbd_device;

#define TRBD_SHOW_ATTRIBUTES	3

/* files in attrib/ */
extern struct configfs_attribute *const trbd_show_attributes[TRBD_SHOW_ATTRIBUTES];

int trbd_show_init(void);
void trbd_show_exit(void);
void trbd_show_start(struct trbd_device *dev);
void trbd_show_stop(struct trbd_device *dev);
ssize_t trbd_show_info(struct se_device *se_dev, char *page);

#endif /* TRBD_SHOW_H */
