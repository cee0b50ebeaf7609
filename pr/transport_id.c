// SPDX-License-Identifier: GPL-2.0
/*
 * TransportIDs (SPC-4 7.6.4), between the form they have in parameter data and the text that names
 * an initiator port in the record:
 *
 *	fc:N_PORT_NAME              16 hexadecimal digits
 *	srp:IDENTIFIER              32 of them
 *	sas:ADDRESS                 16 of them
 *	iscsi:NAME                  an iSCSI node, all of its ports
 *	iscsi:NAME,i,0xISID         a port of it; 12 digits
 *
 * Text is in lower case, since iSCSI names are equal whatever their case. It has no blanks and no
 * control characters.
 *
 * No I/O, no memory: the unit tests compile this file as it is.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>

#include "pr/transport_id.h"

#define FIXED_SIZE		24
#define PROTOCOL_ISCSI		5
#define FORMAT_ISCSI_PORT	1
#define ISCSI_HEADER		4
#define ISCSI_ADDITIONAL_MIN	20
#define ISCSI_NAME_MAX		223
#define ISID_SEPARATOR		",i,0x"
#define ISID_DIGITS		12

/* TransportIDs of a fixed size, with a binary name at a fixed place */
static const struct fixed_id {
	u8 protocol;
	const char *prefix;
	unsigned int offset;
	unsigned int len;
} fixed_ids[] = {
	{ 0, "fc:", 8, 8 },
	{ 4, "srp:", 8, 16 },
	{ 6, "sas:", 4, 8 },
};

/* Change ASCII letters to lower case, and only these: the kernel's tolower() would damage UTF-8. */
static char transport_id_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static const char hex_digits[] = "0123456789abcdef";

static int transport_id_decode_fixed(const struct fixed_id *id, const u8 *buf, size_t len,
				     char *text, size_t size)
{
	size_t prefix = strlen(id->prefix);
	unsigned int i;

	if (buf[0] >> 6 || len < FIXED_SIZE || size <= prefix + 2 * id->len)
		return -EINVAL;
	memcpy(text, id->prefix, prefix);
	for (i = 0; i < id->len; i++) {
		text[prefix + 2 * i] = hex_digits[buf[id->offset + i] >> 4];
		text[prefix + 2 * i + 1] = hex_digits[buf[id->offset + i] & 0xf];
	}
	text[prefix + 2 * id->len] = 0;
	return FIXED_SIZE;
}

static bool transport_id_is_lower_hex(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (!s[i] || !strchr(hex_digits, s[i]))
			return false;
	}
	return true;
}

/* Tell whether this is a name in lower case, with an ISID behind it if @port says so. */
static bool transport_id_iscsi_name_is_valid(const char *name, bool port)
{
	const char *isid = strstr(name, ISID_SEPARATOR);
	size_t len = isid ? (size_t)(isid - name) : strlen(name);
	size_t i;

	if (!len || len > ISCSI_NAME_MAX || !isid != !port)
		return false;
	for (i = 0; i < len; i++) {
		if ((unsigned char)name[i] <= ' ' || name[i] == 0x7f || name[i] == ',')
			return false;
	}
	if (!port)
		return true;
	isid += strlen(ISID_SEPARATOR);
	return strlen(isid) == ISID_DIGITS && transport_id_is_lower_hex(isid, ISID_DIGITS);
}

static int transport_id_decode_iscsi(const u8 *buf, size_t len, char *text, size_t size)
{
	static const char prefix[] = "iscsi:";
	const size_t prefix_len = sizeof(prefix) - 1;
	unsigned int format = buf[0] >> 6;
	size_t additional, name_len, i;
	char *name = text + prefix_len;

	if (len < ISCSI_HEADER || format > FORMAT_ISCSI_PORT)
		return -EINVAL;
	additional = buf[2] << 8 | buf[3];
	if (additional < ISCSI_ADDITIONAL_MIN || additional % 4 || additional > len - ISCSI_HEADER)
		return -EINVAL;
	name_len = strnlen((const char *)buf + ISCSI_HEADER, additional);
	/* the name must end with a NUL, and fit */
	if (name_len == additional || prefix_len + name_len >= size)
		return -EINVAL;

	memcpy(text, prefix, prefix_len);
	for (i = 0; i < name_len; i++)
		name[i] = transport_id_lower(buf[ISCSI_HEADER + i]);
	name[name_len] = 0;
	if (!transport_id_iscsi_name_is_valid(name, format == FORMAT_ISCSI_PORT))
		return -EINVAL;
	return ISCSI_HEADER + additional;
}

/**
 * trbd_transport_id_decode() - turn a TransportID into text
 * @buf: TransportID, and the bytes that follow it
 * @len: bytes in @buf
 * @text: receives the text
 * @size: room in @text
 *
 * Return: bytes that the TransportID takes up; -EINVAL when it is malformed, of a protocol that is
 * not known, or longer than @len or @size allow.
 */
int trbd_transport_id_decode(const u8 *buf, size_t len, char *text, size_t size)
{
	unsigned int i;

	if (!len)
		return -EINVAL;
	if ((buf[0] & 0xf) == PROTOCOL_ISCSI)
		return transport_id_decode_iscsi(buf, len, text, size);
	for (i = 0; i < ARRAY_SIZE(fixed_ids); i++) {
		if ((buf[0] & 0xf) == fixed_ids[i].protocol)
			return transport_id_decode_fixed(&fixed_ids[i], buf, len, text, size);
	}
	return -EINVAL;
}

static int transport_id_encode_fixed(const struct fixed_id *id, const char *name, u8 *buf,
				     size_t size)
{
	unsigned int i;

	if (strlen(name) != 2 * id->len || !transport_id_is_lower_hex(name, 2 * id->len) ||
	    size < FIXED_SIZE)
		return -EINVAL;
	memset(buf, 0, FIXED_SIZE);
	buf[0] = id->protocol;
	for (i = 0; i < id->len; i++)
		buf[id->offset + i] = (strchr(hex_digits, name[2 * i]) - hex_digits) << 4 |
				      (strchr(hex_digits, name[2 * i + 1]) - hex_digits);
	return FIXED_SIZE;
}

static int transport_id_encode_iscsi(const char *name, u8 *buf, size_t size)
{
	bool port = strstr(name, ISID_SEPARATOR);
	/* with the NUL, in words of four bytes */
	size_t additional = (strlen(name) + 1 + 3) & ~(size_t)3;

	if (!transport_id_iscsi_name_is_valid(name, port))
		return -EINVAL;
	if (additional < ISCSI_ADDITIONAL_MIN)
		additional = ISCSI_ADDITIONAL_MIN;
	if (size < ISCSI_HEADER + additional)
		return -EINVAL;
	memset(buf, 0, ISCSI_HEADER + additional);
	buf[0] = (port ? FORMAT_ISCSI_PORT << 6 : 0) | PROTOCOL_ISCSI;
	buf[2] = additional >> 8;
	buf[3] = additional;
	memcpy(buf + ISCSI_HEADER, name, strlen(name));
	return ISCSI_HEADER + additional;
}

/**
 * trbd_transport_id_encode() - turn text into a TransportID
 * @text: text made by trbd_transport_id_decode()
 * @buf: receives the TransportID
 * @size: room in @buf; TRBD_TRANSPORT_ID_MAX is always enough
 *
 * Return: length, a multiple of 4; -EINVAL when @text is no TransportID or there is no room.
 */
int trbd_transport_id_encode(const char *text, u8 *buf, size_t size)
{
	unsigned int i;

	if (!strncmp(text, "iscsi:", 6))
		return transport_id_encode_iscsi(text + 6, buf, size);
	for (i = 0; i < ARRAY_SIZE(fixed_ids); i++) {
		size_t prefix = strlen(fixed_ids[i].prefix);

		if (!strncmp(text, fixed_ids[i].prefix, prefix))
			return transport_id_encode_fixed(&fixed_ids[i], text + prefix, buf, size);
	}
	return -EINVAL;
}
