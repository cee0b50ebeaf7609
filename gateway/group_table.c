// SPDX-License-Identifier: GPL-2.0
/*
 * The data of a group object: a table of slots, 64 bytes each.
 *
 *	 0  magic     "TRBDGRP" and the version, 3
 *	 8  owner     u64, little endian, like all numbers
 *	16  clock     u64, ms of common time
 *	24  limit     u64, ms of common time
 *	32  beats     u32
 *	36  age       u32, ms
 *	40  name      16 bytes, padded with zeros
 *	56  w         u16, ms: TRBD_W_MS
 *	60  checksum  u32, the lower half of FNV-1a over the bytes before it
 *
 * Versions 1 and 2 belonged to a group with one object. They had 64 bits for the beats; version 2
 * had 32 for w, and version 1 had no w and a checksum of 64 bits at 56.
 *
 * A slot of zeros was never used. A slot with another version belongs to a gateway that runs, or
 * ran, another version of this module. This module reads clock and limit of version 2, so that the
 * common time goes on when all gateways are upgraded. Anything else is foreign: another program
 * wrote it. A gateway leaves such slots alone.
 *
 * No I/O and no state: the unit tests compile this file as it is.
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>

#include "gateway/group_table.h"

#define ENTRY_VERSION		3
#define ENTRY_VERSION_BEFORE	2
#define ENTRY_CHECKSUM		(TRBD_GROUP_ENTRY_SIZE - 4)

static const u8 entry_magic[7] = { 'T', 'R', 'B', 'D', 'G', 'R', 'P' };

static void table_put_le(u8 *buf, unsigned int size, u64 value)
{
	unsigned int i;

	for (i = 0; i < size; i++)
		buf[i] = value >> (8 * i);
}

static u64 table_get_le(const u8 *buf, unsigned int size)
{
	u64 value = 0;

	while (size--)
		value = value << 8 | buf[size];
	return value;
}

static u32 table_entry_checksum(const u8 *buf)
{
	u64 hash = 0xcbf29ce484222325ULL;
	int i;

	for (i = 0; i < ENTRY_CHECKSUM; i++)
		hash = (hash ^ buf[i]) * 0x100000001b3ULL;
	return hash;
}

static void table_entry_get_name(const u8 *buf, char *name)
{
	int i;

	for (i = 0; i < TRBD_GROUP_NAME_MAX - 1 && buf[40 + i]; i++)
		name[i] = buf[40 + i] > ' ' && buf[40 + i] < 0x7f ? buf[40 + i] : '?';
}

/**
 * trbd_group_encode() - write an entry
 * @entry: entry
 * @buf: receives it, TRBD_GROUP_ENTRY_SIZE bytes
 */
void trbd_group_encode(const struct trbd_group_entry *entry, u8 *buf)
{
	memset(buf, 0, TRBD_GROUP_ENTRY_SIZE);
	memcpy(buf, entry_magic, sizeof(entry_magic));
	buf[sizeof(entry_magic)] = ENTRY_VERSION;
	table_put_le(buf + 8, 8, entry->owner);
	table_put_le(buf + 16, 8, entry->clock_ms);
	table_put_le(buf + 24, 8, entry->limit_ms);
	table_put_le(buf + 32, 4, entry->beats);
	table_put_le(buf + 36, 4, entry->age_ms);
	memcpy(buf + 40, entry->name, strnlen(entry->name, TRBD_GROUP_NAME_MAX - 1));
	table_put_le(buf + 56, 2, entry->w_ms);
	table_put_le(buf + ENTRY_CHECKSUM, 4, table_entry_checksum(buf));
}

static bool table_entry_has_times(const u8 *buf)
{
	return table_get_le(buf + ENTRY_CHECKSUM, 4) == table_entry_checksum(buf) &&
	       table_get_le(buf + 16, 8) <= TRBD_CLOCK_MAX_MS &&
	       table_get_le(buf + 24, 8) <= TRBD_CLOCK_MAX_MS;
}

static void table_entry_get_times(const u8 *buf, struct trbd_group_entry *entry)
{
	entry->clock_ms = table_get_le(buf + 16, 8);
	entry->limit_ms = table_get_le(buf + 24, 8);
}

/* Read the fields that all versions have in the same place. */
static void table_entry_get_other(const u8 *buf, struct trbd_group_entry *entry)
{
	entry->owner = table_get_le(buf + 8, 8);
	entry->beats = table_get_le(buf + 32, 4);
	table_entry_get_name(buf, entry->name);
	if (buf[sizeof(entry_magic)] == ENTRY_VERSION_BEFORE && table_entry_has_times(buf))
		table_entry_get_times(buf, entry);
}

/**
 * trbd_group_decode() - read an entry
 * @buf: TRBD_GROUP_ENTRY_SIZE bytes that nobody vouches for
 * @entry: filled in if it is valid or of another version, else zeroed; the name is printable and
 *   terminated
 *
 * Return: the kind of entry.
 */
enum trbd_group_entry_state trbd_group_decode(const u8 *buf, struct trbd_group_entry *entry)
{
	int i;

	memset(entry, 0, sizeof(*entry));
	for (i = 0; i < TRBD_GROUP_ENTRY_SIZE && !buf[i]; i++)
		;
	if (i == TRBD_GROUP_ENTRY_SIZE)
		return TRBD_GROUP_ENTRY_UNUSED;
	if (memcmp(buf, entry_magic, sizeof(entry_magic)))
		return TRBD_GROUP_ENTRY_FOREIGN;
	if (buf[sizeof(entry_magic)] != ENTRY_VERSION) {
		table_entry_get_other(buf, entry);
		return TRBD_GROUP_ENTRY_OTHER;
	}
	if (!table_entry_has_times(buf))
		return TRBD_GROUP_ENTRY_FOREIGN;

	entry->owner = table_get_le(buf + 8, 8);
	table_entry_get_times(buf, entry);
	entry->beats = table_get_le(buf + 32, 4);
	entry->age_ms = table_get_le(buf + 36, 4);
	entry->w_ms = table_get_le(buf + 56, 2);
	table_entry_get_name(buf, entry->name);
	return TRBD_GROUP_ENTRY_VALID;
}
