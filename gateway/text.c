// SPDX-License-Identifier: GPL-2.0
/*
 * Words and numbers of the record's text. The reader takes each of them in the one form that the
 * writer writes: words are separated by one blank, and lines end with a newline.
 *
 * No I/O, no memory: the unit tests and the fuzzer compile this file as it is.
 */
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/string.h>
#include <linux/types.h>

#include "gateway/text.h"

/**
 * trbd_text_put() - append text
 * @w: writer
 * @fmt: format, as of printf
 * @...: arguments of @fmt
 *
 * The text is cut to the room, and the length is counted on.
 */
void trbd_text_put(struct trbd_text_writer *w, const char *fmt, ...)
{
	size_t used = min(w->len, w->size);
	va_list args;

	va_start(args, fmt);
	w->len += vsnprintf(w->text + used, w->size - used, fmt, args);
	va_end(args);
}

/**
 * trbd_text_or_dash() - write an empty word as one that can be read
 * @s: word
 *
 * Return: @s, or "-" if it is empty.
 */
const char *trbd_text_or_dash(const char *s)
{
	return *s ? s : "-";
}

/* Take a word of the line, and stop right behind it. Return: its length, 0 when there is none. */
static size_t text_take_word(struct trbd_text_reader *r, const char **word)
{
	const char *p = r->p;

	while (p < r->end && (unsigned char)*p > ' ' && *p != 0x7f)
		p++;
	*word = r->p;
	r->p = p;
	return p - *word;
}

static bool text_take_byte(struct trbd_text_reader *r, char byte)
{
	if (r->p == r->end || *r->p != byte)
		return false;
	r->p++;
	return true;
}

/**
 * trbd_text_take_end_of_line() - take the end of a line
 * @r: reader
 *
 * Return: true if the line ends here.
 */
bool trbd_text_take_end_of_line(struct trbd_text_reader *r)
{
	if (!text_take_byte(r, '\n'))
		return false;
	r->line++;
	return true;
}

/**
 * trbd_text_take_keyword() - take a keyword if the next line begins with it
 * @r: reader
 * @keyword: keyword
 *
 * Stop right behind it.
 *
 * Return: true if the line begins with it.
 */
bool trbd_text_take_keyword(struct trbd_text_reader *r, const char *keyword)
{
	size_t len = strlen(keyword);

	if ((size_t)(r->end - r->p) < len || memcmp(r->p, keyword, len))
		return false;
	if ((size_t)(r->end - r->p) > len && r->p[len] != ' ' && r->p[len] != '\n')
		return false;
	r->p += len;
	return true;
}

/**
 * trbd_text_take_text() - take a blank and a word
 * @r: reader
 * @to: receives the word; empty for "-"
 * @size: room in @to
 *
 * Return: true if there is one, and it fits.
 */
bool trbd_text_take_text(struct trbd_text_reader *r, char *to, size_t size)
{
	const char *word;
	size_t len;

	if (!text_take_byte(r, ' '))
		return false;
	len = text_take_word(r, &word);
	if (!len || len >= size)
		return false;
	if (len == 1 && *word == '-')
		len = 0;
	memcpy(to, word, len);
	to[len] = 0;
	return true;
}

static int text_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

static bool text_parse_number(const char *word, size_t len, unsigned int base, u64 *value)
{
	size_t i;

	*value = 0;
	for (i = 0; i < len; i++) {
		unsigned int d = text_digit(word[i]);

		if (d >= base || *value > (U64_MAX - d) / base)
			return false;
		*value = *value * base + d;
	}
	return true;
}

static bool text_parse_decimal(const char *word, size_t len, u64 max, u64 *value)
{
	if (!len || len > 20 || (len > 1 && *word == '0'))
		return false;
	return text_parse_number(word, len, 10, value) && *value <= max;
}

/**
 * trbd_text_parse_number() - read a word as a number
 * @word: word
 * @max: the greatest value
 * @value: receives the value
 *
 * Return: true if it is one, in the one form that we write.
 */
bool trbd_text_parse_number(const char *word, u64 max, u64 *value)
{
	return text_parse_decimal(word, strlen(word), max, value);
}

/**
 * trbd_text_take_number() - take a blank and a number
 * @r: reader
 * @max: the greatest value
 * @value: receives the value
 *
 * Return: true if there is one, in the one form that we write.
 */
bool trbd_text_take_number(struct trbd_text_reader *r, u64 max, u64 *value)
{
	const char *word;
	size_t len;

	if (!text_take_byte(r, ' '))
		return false;
	len = text_take_word(r, &word);
	return text_parse_decimal(word, len, max, value);
}

/**
 * trbd_text_take_key() - take a blank, "0x" and 16 digits
 * @r: reader
 * @value: receives the value
 *
 * Return: true if they are there.
 */
bool trbd_text_take_key(struct trbd_text_reader *r, u64 *value)
{
	const char *word;

	if (!text_take_byte(r, ' ') || text_take_word(r, &word) != 18 || word[0] != '0' ||
	    word[1] != 'x')
		return false;
	return text_parse_number(word + 2, 16, 16, value);
}

/**
 * trbd_text_take_u32() - take a blank and a number of 32 bits
 * @r: reader
 * @value: receives the value
 *
 * Return: true if there is one.
 */
bool trbd_text_take_u32(struct trbd_text_reader *r, u32 *value)
{
	u64 wide;

	if (!trbd_text_take_number(r, U32_MAX, &wide))
		return false;
	*value = wide;
	return true;
}

/**
 * trbd_text_take_number_line() - take a line of a keyword and a number
 * @r: reader
 * @keyword: keyword
 * @max: the greatest value
 * @value: receives the value
 *
 * Return: true if the next line is one.
 */
bool trbd_text_take_number_line(struct trbd_text_reader *r, const char *keyword, u64 max,
				u64 *value)
{
	return trbd_text_take_keyword(r, keyword) && trbd_text_take_number(r, max, value) &&
	       trbd_text_take_end_of_line(r);
}

/**
 * trbd_text_take_u16_after() - take a blank and a number of 16 bits
 * @r: reader
 * @last: a number that it must be greater than
 * @value: receives the value
 *
 * Return: true if there is one.
 */
bool trbd_text_take_u16_after(struct trbd_text_reader *r, u16 last, u16 *value)
{
	u64 wide;

	if (!trbd_text_take_number(r, U16_MAX, &wide) || wide <= last)
		return false;
	*value = wide;
	return true;
}

/**
 * trbd_text_take_bool() - take a blank and 0 or 1
 * @r: reader
 * @value: receives the value
 *
 * Return: true if there is one.
 */
bool trbd_text_take_bool(struct trbd_text_reader *r, bool *value)
{
	u64 wide;

	if (!trbd_text_take_number(r, 1, &wide))
		return false;
	*value = wide;
	return true;
}
