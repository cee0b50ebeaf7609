// SPDX-License-Identifier: GPL-2.0
/*
 * The group object's data: a table of slots, 64 bytes each.
 *
 *	 0  magic     "TRBDGRP" and the version, 1
 *	 8  owner     u64, little endian, like all numbers
 *	16  clock     u64, ms of common time
 *	24  limit     u64, ms of common time
 *	32  beats     u64
 *	40  name      16 bytes, padded with zeros
 *	56  checksum  u64, FNV-1a over what stands before
 *
 * A slot of zeros was never used. What is neither zeros nor an entry with the right checksum is foreign: somebody
 * else wrote it, or a newer version of us; it is left alone and its slot is not used.
 *
 * No I/O and no state: compiled as it is by the unit tests.
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>

#include "gateway/group_table.h"

static const u8 entry_magic[8] = { 'T', 'R', 'B', 'D', 'G', 'R', 'P', 1 };

static void put_le64(u8 *buf, u64 value)
{
	int i;

	for (i = 0; i < 8; i++)
		buf[i] = value >> (8 * i);
}

static u64 get_le64(const u8 *buf)
{
	u64 value = 0;
	int i;

	for (i = 7; i >= 0; i--)
		value = value << 8 | buf[i];
	return value;
}

static u64 entry_checksum(const u8 *buf)
{
	u64 hash = 0xcbf29ce484222325ULL;
	int i;

	for (i = 0; i < TRBD_GROUP_ENTRY_SIZE - 8; i++)
		hash = (hash ^ buf[i]) * 0x100000001b3ULL;
	return hash;
}

/**
 * trbd_group_encode() - write an entry
 * @entry: what
 * @buf: where to, TRBD_GROUP_ENTRY_SIZE bytes
 */
void trbd_group_encode(const struct trbd_group_entry *entry, u8 *buf)
{
	memset(buf, 0, TRBD_GROUP_ENTRY_SIZE);
	memcpy(buf, entry_magic, sizeof(entry_magic));
	put_le64(buf + 8, entry->owner);
	put_le64(buf + 16, entry->clock_ms);
	put_le64(buf + 24, entry->limit_ms);
	put_le64(buf + 32, entry->beats);
	memcpy(buf + 40, entry->name, strnlen(entry->name, TRBD_GROUP_NAME_MAX - 1));
	put_le64(buf + 56, entry_checksum(buf));
}

/**
 * trbd_group_decode() - read an entry
 * @buf: TRBD_GROUP_ENTRY_SIZE bytes that nobody vouches for
 * @entry: filled in if it is valid, else zeroed; the name is printable and terminated
 *
 * Return: what it is.
 */
enum trbd_group_entry_state trbd_group_decode(const u8 *buf, struct trbd_group_entry *entry)
{
	int i;

	memset(entry, 0, sizeof(*entry));
	for (i = 0; i < TRBD_GROUP_ENTRY_SIZE && !buf[i]; i++)
		;
	if (i == TRBD_GROUP_ENTRY_SIZE)
		return TRBD_GROUP_ENTRY_UNUSED;
	if (memcmp(buf, entry_magic, sizeof(entry_magic)) || get_le64(buf + 56) != entry_checksum(buf))
		return TRBD_GROUP_ENTRY_FOREIGN;

	entry->owner = get_le64(buf + 8);
	entry->clock_ms = get_le64(buf + 16);
	entry->limit_ms = get_le64(buf + 24);
	entry->beats = get_le64(buf + 32);
	for (i = 0; i < TRBD_GROUP_NAME_MAX - 1 && buf[40 + i]; i++)
		entry->name[i] = buf[40 + i] > ' ' && buf[40 + i] < 0x7f ? buf[40 + i] : '?';

	if (entry->clock_ms > TRBD_CLOCK_MAX_MS || entry->limit_ms > TRBD_CLOCK_MAX_MS) {
		memset(entry, 0, sizeof(*entry));
		return TRBD_GROUP_ENTRY_FOREIGN;
	}
	return TRBD_GROUP_ENTRY_VALID;
}
