/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_LU_RECORD_H
#define TRBD_GATEWAY_LU_RECORD_H

#include <linux/types.h>

#include "pr/record.h"

struct trbd_image;

/* the record in the image's metadata, and the number in an xattr of the header that counts its changes */
#define TRBD_LU_KEY		"target_core_rbd.lu"
#define TRBD_LU_XATTR		"tcr.lu"
/* what a record may be long; a thousand registrations of the longest names fit */
#define TRBD_LU_TEXT_MAX	(768 * 1024)

int trbd_lu_record_read(struct trbd_image *image, unsigned int extra, struct trbd_record **record);
void trbd_lu_record_free(struct trbd_record *record);
size_t trbd_lu_record_encode(const struct trbd_record *record, char **text);
int trbd_lu_record_write(struct trbd_image *image, struct trbd_record *record, bool settled);
int trbd_lu_record_check_counter(struct trbd_image *image, u64 generation);
bool trbd_lu_record_was_written(struct trbd_image *image, const struct trbd_record *written);

#endif /* TRBD_GATEWAY_LU_RECORD_H */
