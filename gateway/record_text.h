/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_RECORD_TEXT_H
#define TRBD_GATEWAY_RECORD_TEXT_H

#include <linux/types.h>

#include "gateway/record.h"

size_t trbd_record_encode(const struct trbd_record *record, char *text, size_t size);
int trbd_record_decode(const char *text, size_t len, struct trbd_record *record,
		       unsigned int *bad_line);

#endif /* TRBD_GATEWAY_RECORD_TEXT_H */
