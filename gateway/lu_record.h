/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_LU_RECORD_H
#define TRBD_GATEWAY_LU_RECORD_H

#include <linux/types.h>

#include "pr/record.h"
#include "rados/object.h"

struct trbd_image;

/* the record in the image's metadata, and the number in an xattr of the header that counts its changes */
#define TRBD_LU_KEY		"target_core_rbd.lu"
#define TRBD_LU_XATTR		"tcr.lu"

/**
 * struct trbd_lu_place - where a record is
 * @header: the image's header object
 * @name: of the image, for messages
 * @id: of the image
 */
struct trbd_lu_place {
	struct trbd_object header;
	const char *name;
	const char *id;
};

struct trbd_lu_place trbd_lu_record_place(struct trbd_image *image);
int trbd_lu_record_read(const struct trbd_lu_place *place, unsigned int extra, struct trbd_record **record);
void trbd_lu_record_free(struct trbd_record *record);
size_t trbd_lu_record_encode(const struct trbd_record *record, char **text);
int trbd_lu_record_write(const struct trbd_lu_place *place, struct trbd_record *record, u64 after,
			 bool settled);
int trbd_lu_record_check_counter(const struct trbd_lu_place *place, u64 generation);
bool trbd_lu_record_was_written(const struct trbd_lu_place *place, const struct trbd_record *written);

#endif /* TRBD_GATEWAY_LU_RECORD_H */
