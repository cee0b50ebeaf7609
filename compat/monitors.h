/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libceph: monitors' addresses were separated by commas only.
 */
#ifndef TRBD_COMPAT_MONITORS_H
#define TRBD_COMPAT_MONITORS_H

#include <linux/ceph/libceph.h>
#include <linux/errno.h>
#include <linux/slab.h>
#include <linux/string.h>

static inline int trbd_compat_parse_mon_ips(const char *list, struct ceph_options *opt, char delim)
{
#ifdef TRBD_HAVE_MON_IPS_DELIM
	return ceph_parse_mon_ips(list, strlen(list), opt, NULL, delim);
#else
	char *copy = kstrdup(list, GFP_KERNEL);
	int ret;

	if (!copy)
		return -ENOMEM;
	strreplace(copy, delim, ',');
	ret = ceph_parse_mon_ips(copy, strlen(copy), opt, NULL);
	kfree(copy);
	return ret;
#endif
}

#endif /* TRBD_COMPAT_MONITORS_H */
