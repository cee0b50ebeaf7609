/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_RADOS_OPTIONS_H
#define TRBD_RADOS_OPTIONS_H

struct ceph_options;

struct ceph_options *trbd_options_alloc(void);
int trbd_options_set(struct ceph_options *opt, const char *key, const char *value);

#endif /* TRBD_RADOS_OPTIONS_H */
