/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_PR_TRANSPORT_ID_H
#define TRBD_PR_TRANSPORT_ID_H

#include <linux/types.h>

/* header, the longest iSCSI name, ",i,0x" and an ISID, a NUL, in words of four bytes */
#define TRBD_TRANSPORT_ID_MAX	248

int trbd_transport_id_decode(const u8 *buf, size_t len, char *text, size_t size);
int trbd_transport_id_encode(const char *text, u8 *buf, size_t size);

#endif /* TRBD_PR_TRANSPORT_ID_H */
