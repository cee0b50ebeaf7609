/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libceph: an object's user version, in replies and as a condition, came together with the
 * ASSERT_VER op. This decides how COMPARE AND WRITE is made atomic, see rbd/compare_write.c.
 *
 * ceph_osdc_start_request() could fail for a request without nofail.
 */
#ifndef TRBD_COMPAT_OSD_H
#define TRBD_COMPAT_OSD_H

#include <linux/ceph/osd_client.h>

#ifdef TRBD_HAVE_ASSERT_VER

#define TRBD_COMPAT_HAS_VERSIONS	true

static inline u64 trbd_compat_version(const struct ceph_osd_request *req)
{
	return req->r_version;
}

static inline void trbd_compat_assert_version(struct ceph_osd_request *req, unsigned int which,
					      u64 version)
{
	struct ceph_osd_req_op *op = osd_req_op_init(req, which, CEPH_OSD_OP_ASSERT_VER, 0);

	op->assert_ver.ver = version;
}

#else

#define TRBD_COMPAT_HAS_VERSIONS	false

static inline u64 trbd_compat_version(const struct ceph_osd_request *req)
{
	return 0;
}

static inline void trbd_compat_assert_version(struct ceph_osd_request *req, unsigned int which,
					      u64 version)
{
}

#endif

static inline void trbd_compat_start_request(struct ceph_osd_request *req)
{
#ifdef TRBD_HAVE_NOFAIL
	ceph_osdc_start_request(req->r_osdc, req, true);
#else
	ceph_osdc_start_request(req->r_osdc, req);
#endif
}

#endif /* TRBD_COMPAT_OSD_H */
