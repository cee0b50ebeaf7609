/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRBD_GATEWAY_TEXT_H
#define TRBD_GATEWAY_TEXT_H

#include <linux/types.h>

/**
 * struct trbd_text_writer - text that grows
 * @text: receives the text
 * @size: room in @text
 * @len: length that the text would have with enough room
 */
struct trbd_text_writer {
	char *text;
	size_t size;
	size_t len;
};

/**
 * struct trbd_text_reader - text that is taken apart
 * @p: next byte
 * @end: behind the last byte
 * @line: number of the line that @p is in, from 1
 * @version: of the record
 */
struct trbd_text_reader {
	const char *p;
	const char *end;
	unsigned int line;
	u32 version;
};

__printf(2, 3)
void trbd_text_put(struct trbd_text_writer *w, const char *fmt, ...);
const char *trbd_text_or_dash(const char *s);
bool trbd_text_take_end_of_line(struct trbd_text_reader *r);
bool trbd_text_take_keyword(struct trbd_text_reader *r, const char *keyword);
bool trbd_text_take_text(struct trbd_text_reader *r, char *to, size_t size);
bool trbd_text_parse_number(const char *word, u64 max, u64 *value);
bool trbd_text_take_number(struct trbd_text_reader *r, u64 max, u64 *value);
bool trbd_text_take_key(struct trbd_text_reader *r, u64 *value);
bool trbd_text_take_u32(struct trbd_text_reader *r, u32 *value);
bool trbd_text_take_number_line(struct trbd_text_reader *r, const char *keyword, u64 max,
				u64 *value);
bool trbd_text_take_u16_after(struct trbd_text_reader *r, u16 last, u16 *value);
bool trbd_text_take_bool(struct trbd_text_reader *r, bool *value);

#endif /* TRBD_GATEWAY_TEXT_H */
