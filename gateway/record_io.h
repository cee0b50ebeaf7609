/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_RECORD_IO_H
#define TRBD_GATEWAY_RECORD_IO_H

#include <linux/types.h>

#include "gateway/record.h"
#include "rados/object.h"

struct trbd_image;

/*
 * the record in the image's metadata, and the xattr of the header with the number that counts its
 * changes
 */
#define TRBD_RECORD_KEY		"target_core_rbd.lu"
#define TRBD_RECORD_XATTR		"tcr.lu"

/**
 * struct trbd_record_place - where a record is
 * @header: the image's header object
 * @name: of the image, for messages
 * @id: of the image
 */
struct trbd_record_place {
	struct trbd_object header;
	const char *name;
	const char *id;
};

struct trbd_record_place trbd_record_io_place(struct trbd_image *image);
int trbd_record_io_read(const struct trbd_record_place *place, unsigned int extra,
			struct trbd_record **record);
void trbd_record_io_free(struct trbd_record *record);
size_t trbd_record_io_encode(const struct trbd_record *record, char **text);
int trbd_record_io_write(const struct trbd_record_place *place, struct trbd_record *record,
			 u64 after, bool settled);
int trbd_record_io_check_counter(const struct trbd_record_place *place, u64 generation);
bool trbd_record_io_was_written(const struct trbd_record_place *place,
				const struct trbd_record *written);

#endif /* TRBD_GATEWAY_RECORD_IO_H */
