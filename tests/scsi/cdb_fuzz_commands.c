// SPDX-License-Identifier: GPL-2.0
/*
 * Good commands for the CDB fuzzer, and the random numbers that make them; cdb_fuzz_next.c damages
 * them.
 */
#include <string.h>

#include "cdb_fuzz.h"

enum {
	NO_DATA,
	DATA_IN,
	DATA_OUT,
};

/**
 * struct kind - a command that makes sense
 * @opcode: operation code
 * @sa: service action in byte 1, or another value that has to be there
 * @len: of the CDB
 * @data: which way data go
 * @fill: makes the rest of it, and the data
 */
struct kind {
	uint8_t opcode;
	uint8_t sa;
	uint8_t len;
	uint8_t data;
	void (*fill)(struct fuzz *fuzz, struct wire_command *command);
};

uint64_t fuzz_draw(struct fuzz *fuzz)
{
	uint64_t z = fuzz->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

uint32_t fuzz_pick(struct fuzz *fuzz, uint32_t n)
{
	return (uint32_t)((fuzz_draw(fuzz) >> 32) * n >> 32);
}

bool fuzz_percent(struct fuzz *fuzz, uint32_t n)
{
	return fuzz_pick(fuzz, 100) < n;
}

void fuzz_noise(struct fuzz *fuzz, uint8_t *p, uint32_t len)
{
	uint32_t i;

	for (i = 0; i < len; i++)
		p[i] = (uint8_t)fuzz_draw(fuzz);
}

uint64_t fuzz_key(unsigned int i)
{
	return i ? 0xf0000000 + i : 0;
}

static uint64_t any_key(struct fuzz *fuzz)
{
	return fuzz_percent(fuzz, 5) ? fuzz_draw(fuzz) : fuzz_key(fuzz_pick(fuzz, FUZZ_KEYS));
}

static uint64_t any_lba(struct fuzz *fuzz)
{
	uint32_t what = fuzz_pick(fuzz, 100);

	if (what < 60)
		return fuzz_pick(fuzz, 4096);
	if (what < 80)
		return fuzz_draw(fuzz) % fuzz->blocks;
	if (what < 92)
		return fuzz->blocks - 8 + fuzz_pick(fuzz, 12);
	return fuzz_draw(fuzz) >> fuzz_pick(fuzz, 64);
}

static uint32_t any_blocks(struct fuzz *fuzz)
{
	uint32_t what = fuzz_pick(fuzz, 100);

	if (what < 70)
		return 1 + fuzz_pick(fuzz, 8);
	if (what < 85)
		return fuzz_pick(fuzz, 64);
	if (what < 90)
		return 0;
	if (what < 97)
		return fuzz_pick(fuzz, WIRE_DATA_MAX / BLOCK + 1);
	return (uint32_t)fuzz_draw(fuzz) >> fuzz_pick(fuzz, 32);
}

uint32_t fuzz_length(struct fuzz *fuzz)
{
	switch (fuzz_pick(fuzz, 6)) {
	case 0:
		return 0;
	case 1:
		return fuzz_pick(fuzz, 40);
	case 2:
		return 8 * fuzz_pick(fuzz, 64);
	case 3:
		return BLOCK * fuzz_pick(fuzz, 16);
	case 4:
		return fuzz_pick(fuzz, 70000);
	default:
		return fuzz_percent(fuzz, 10) ? fuzz_pick(fuzz, WIRE_DATA_MAX) : fuzz_pick(fuzz, 4096);
	}
}

/* few patterns, so that COMPARE AND WRITE and VERIFY find the data that they look for */
static void pattern(struct fuzz *fuzz, uint8_t *p, uint32_t len)
{
	static const uint8_t patterns[] = { 0x00, 0x00, 0xa5, 0xff };

	memset(p, patterns[fuzz_pick(fuzz, sizeof(patterns))], len);
	if (len && fuzz_percent(fuzz, 20))
		p[fuzz_pick(fuzz, len)] ^= 1;
}

static uint32_t put_range(struct fuzz *fuzz, uint8_t *cdb)
{
	uint32_t blocks = any_blocks(fuzz);
	uint64_t lba = any_lba(fuzz);

	switch (cdb[0] >> 5) {
	case 0:
		set16(cdb + 2, (uint32_t)lba);
		cdb[4] = (uint8_t)blocks;
		return cdb[4] ? cdb[4] : 256;
	case 4:
		set64(cdb + 2, lba);
		set32(cdb + 10, blocks);
		return blocks;
	case 5:
		set32(cdb + 2, (uint32_t)lba);
		set32(cdb + 6, blocks);
		return blocks;
	default:
		set32(cdb + 2, (uint32_t)lba);
		set16(cdb + 7, blocks);
		return blocks & 0xffff;
	}
}

static void put_data(struct fuzz *fuzz, struct wire_command *command, uint64_t len)
{
	command->edtl = len < WIRE_DATA_MAX ? (uint32_t)len : WIRE_DATA_MAX;
	pattern(fuzz, command->data, command->edtl);
}

static void fill_range(struct fuzz *fuzz, struct wire_command *command)
{
	put_range(fuzz, command->cdb);
}

static void fill_rw(struct fuzz *fuzz, struct wire_command *command)
{
	put_data(fuzz, command, (uint64_t)put_range(fuzz, command->cdb) * BLOCK);
}

static void fill_verify(struct fuzz *fuzz, struct wire_command *command)
{
	uint64_t blocks = put_range(fuzz, command->cdb);

	command->cdb[1] = (uint8_t)(fuzz_pick(fuzz, 4) << 1);
	if (cdb_sends_data(command->cdb))
		put_data(fuzz, command, blocks * BLOCK);
	else
		command->flags &= (uint8_t)~WIRE_WRITE;
}

static void fill_write_same(struct fuzz *fuzz, struct wire_command *command)
{
	put_range(fuzz, command->cdb);
	command->cdb[1] = (uint8_t)(fuzz_pick(fuzz, 2) << 3);
	put_data(fuzz, command, BLOCK);
	if (command->cdb[0] == 0x93 && fuzz_percent(fuzz, 25)) {
		command->cdb[1] |= 1;
		command->edtl = 0;
	}
}

static void fill_write_same_32(struct fuzz *fuzz, struct wire_command *command)
{
	static const uint8_t actions[] = { 0x0d, 0x0d, 0x0d, 0x09, 0x0b, 0x0a, 0x0c };

	command->cdb[7] = 24;
	command->cdb[9] = actions[fuzz_pick(fuzz, sizeof(actions))];
	command->cdb[10] = (uint8_t)(fuzz_pick(fuzz, 2) << 3);
	set64(command->cdb + 12, any_lba(fuzz));
	set32(command->cdb + 28, any_blocks(fuzz));
	put_data(fuzz, command, BLOCK);
}

static void fill_compare(struct fuzz *fuzz, struct wire_command *command)
{
	uint32_t blocks = fuzz_percent(fuzz, 80) ? 1 : fuzz_pick(fuzz, 4);

	set64(command->cdb + 2, any_lba(fuzz));
	command->cdb[13] = (uint8_t)blocks;
	command->edtl = 2 * blocks * BLOCK;
	pattern(fuzz, command->data, blocks * BLOCK);
	pattern(fuzz, command->data + blocks * BLOCK, blocks * BLOCK);
}

static void fill_unmap(struct fuzz *fuzz, struct wire_command *command)
{
	uint32_t count = fuzz_percent(fuzz, 90) ? fuzz_pick(fuzz, 8) : fuzz_pick(fuzz, 300), i;
	uint8_t *list = command->data;

	command->edtl = 8 + 16 * count;
	memset(list, 0, command->edtl);
	set16(list, command->edtl - 2);
	set16(list + 2, 16 * count);
	for (i = 0; i < count; i++) {
		set64(list + 8 + 16 * i, any_lba(fuzz));
		set32(list + 16 + 16 * i, any_blocks(fuzz));
	}
	set16(command->cdb + 7, command->edtl);
}

static void fill_mode_select(struct fuzz *fuzz, struct wire_command *command)
{
	static const uint8_t pages[][2] = { { 0x08, 18 }, { 0x0a, 10 }, { 0x1c, 10 }, { 0x01, 10 }, { 0x3f, 6 } };
	const uint8_t *page = pages[fuzz_pick(fuzz, 5)];
	uint32_t at = command->cdb[0] == 0x15 ? 4 : 8;

	memset(command->data, 0, 64);
	command->data[at] = page[0];
	command->data[at + 1] = page[1];
	fuzz_noise(fuzz, command->data + at + 2, fuzz_percent(fuzz, 50) ? page[1] : 0);
	command->edtl = at + 2 + page[1];
	command->cdb[1] = 0x10;
	if (at == 4)
		command->cdb[4] = (uint8_t)command->edtl;
	else
		set16(command->cdb + 7, command->edtl);
}

/* Return: its length. */
static uint32_t put_transport_id(struct fuzz *fuzz, uint8_t *id)
{
	uint32_t len = 24, number = fuzz_pick(fuzz, 4);

	memset(id, 0, 64);
	switch (fuzz_pick(fuzz, 6)) {
	case 0:
		id[0] = 0x06;	/* SAS */
		id[4] = 0x50;
		id[11] = (uint8_t)number;
		break;
	case 1:
		id[0] = 0x00;	/* FC */
		id[15] = (uint8_t)number;
		break;
	case 2:
		id[0] = 0x04;	/* SRP */
		id[23] = (uint8_t)number;
		break;
	case 3:
		id[0] = 0x05;	/* iSCSI, without an ISID */
		memcpy(id + 4, "iqn.2026-11.test.lab:ghost", 26);
		id[3] = (uint8_t)(len = 32) - 4;
		break;
	default:
		id[0] = 0x45;
		memcpy(id + 4, "iqn.2026-11.test.lab:ghost,i,0x40467500000", 42);
		id[46] = (uint8_t)('0' + number);
		id[3] = (uint8_t)(len = 52) - 4;
		break;
	}
	if (fuzz_percent(fuzz, 5))
		id[fuzz_pick(fuzz, len)] = (uint8_t)fuzz_draw(fuzz);
	return len;
}

static void fill_pr_out(struct fuzz *fuzz, struct wire_command *command)
{
	static const uint8_t types[] = { 1, 3, 5, 6, 7, 8 };
	uint8_t *list = command->data;
	uint32_t action = fuzz_pick(fuzz, 9), len = 24;

	memset(list, 0, 24);
	set64(list, any_key(fuzz));
	set64(list + 8, any_key(fuzz));
	if (action == 7) {
		list[17] = (uint8_t)fuzz_pick(fuzz, 4);
		set16(list + 18, fuzz_pick(fuzz, 4));
		len += put_transport_id(fuzz, list + 24);
		set32(list + 20, len - 24);
	} else if (fuzz_percent(fuzz, 30)) {
		list[20] = (uint8_t)(fuzz_percent(fuzz, 80) ? 1ULL << fuzz_pick(fuzz, 4) : fuzz_draw(fuzz));
		if (list[20] & 0x08) {
			uint32_t count = fuzz_pick(fuzz, 5);

			len = 28;
			while (count--)
				len += put_transport_id(fuzz, list + len);
			set32(list + 24, len - 28);
		}
	}
	command->cdb[1] = (uint8_t)action;
	command->cdb[2] = fuzz_percent(fuzz, 90) ? types[fuzz_pick(fuzz, 6)] : (uint8_t)fuzz_draw(fuzz);
	set32(command->cdb + 5, len);
	command->edtl = len;
}

static void fill_set_groups(struct fuzz *fuzz, struct wire_command *command)
{
	static const uint8_t states[] = { 0, 1, 2, 3, 4, 0xe, 0xf };
	uint32_t count = fuzz_pick(fuzz, 3), i;

	command->edtl = 4 + 4 * count;
	memset(command->data, 0, command->edtl);
	for (i = 0; i < count; i++) {
		command->data[4 + 4 * i] = states[fuzz_pick(fuzz, sizeof(states))];
		set16(command->data + 6 + 4 * i, fuzz_pick(fuzz, 3));
	}
	set32(command->cdb + 6, command->edtl);
}

static void fill_copy(struct fuzz *fuzz, struct wire_command *command)
{
	uint8_t *list = command->data;

	memset(list, 0, 128);
	set16(list + 2, 64);
	set32(list + 8, 28);
	list[16] = 0xe4;
	list[20] = 0x01;
	list[21] = 0x03;
	list[23] = 16;
	fuzz_noise(fuzz, list + 24, 16);
	memcpy(list + 48, list + 16, 32);
	list[80] = 0x02;
	set16(list + 82, 24);
	set16(list + 90, 1);
	set64(list + 92, any_lba(fuzz));
	set64(list + 100, any_lba(fuzz));
	command->edtl = 108;
	set32(command->cdb + 10, command->edtl);
}

static void fill_report_opcodes(struct fuzz *fuzz, struct wire_command *command)
{
	command->cdb[2] = (uint8_t)(fuzz_pick(fuzz, 4) | fuzz_pick(fuzz, 2) << 7);
	command->cdb[3] = (uint8_t)fuzz_draw(fuzz);
	set16(command->cdb + 4, fuzz_pick(fuzz, 32));
	command->edtl = fuzz_length(fuzz);
	set32(command->cdb + 6, command->edtl);
}

static void fill_in_6(struct fuzz *fuzz, struct wire_command *command)
{
	command->edtl = fuzz_pick(fuzz, 256);
	command->cdb[4] = (uint8_t)command->edtl;
	if (command->cdb[0] != 0x03)
		command->cdb[2] = (uint8_t)(fuzz_percent(fuzz, 50) ? 0x80 + fuzz_pick(fuzz, 0x60) : fuzz_pick(fuzz, 64));
	if (command->cdb[0] == 0x12) {
		command->cdb[1] = fuzz_percent(fuzz, 80);
		command->edtl = fuzz_length(fuzz) & 0xffff;
		set16(command->cdb + 3, command->edtl);
	}
}

static void fill_in_10(struct fuzz *fuzz, struct wire_command *command)
{
	command->edtl = fuzz_length(fuzz) & 0xffff;
	set16(command->cdb + 7, command->edtl);
	if (command->cdb[0] == 0x5a)
		command->cdb[2] = (uint8_t)fuzz_pick(fuzz, 64);
	if (command->cdb[0] == 0x5e)
		command->cdb[1] = (uint8_t)fuzz_pick(fuzz, 5);
	if (command->cdb[0] == 0x25)
		command->edtl = 8;
}

static void fill_in_12(struct fuzz *fuzz, struct wire_command *command)
{
	command->edtl = fuzz_length(fuzz);
	set32(command->cdb + 6, command->edtl);
}

static void fill_in_16(struct fuzz *fuzz, struct wire_command *command)
{
	command->edtl = fuzz_length(fuzz);
	set32(command->cdb + 10, command->edtl);
	set64(command->cdb + 2, any_lba(fuzz));
}

static void fill_none(struct fuzz *fuzz, struct wire_command *command)
{
	if (command->cdb[0] == 0x1b)
		command->cdb[4] = (uint8_t)fuzz_pick(fuzz, 4);
}

static void fill_list_10(struct fuzz *fuzz, struct wire_command *command)
{
	put_data(fuzz, command, fuzz_length(fuzz) & 0xffff);
	set16(command->cdb + 7, command->edtl);
}

static void fill_list_12(struct fuzz *fuzz, struct wire_command *command)
{
	put_data(fuzz, command, fuzz_length(fuzz));
	set32(command->cdb + 6, command->edtl);
}

static const struct kind kinds[] = {
	{ 0x00, 0, 6, NO_DATA, fill_none },		/* TEST UNIT READY */
	{ 0x03, 0, 6, DATA_IN, fill_in_6 },		/* REQUEST SENSE */
	{ 0x04, 0, 6, NO_DATA, fill_none },		/* FORMAT UNIT */
	{ 0x08, 0, 6, DATA_IN, fill_rw },		/* READ (6) */
	{ 0x0a, 0, 6, DATA_OUT, fill_rw },		/* WRITE (6) */
	{ 0x12, 0, 6, DATA_IN, fill_in_6 },		/* INQUIRY */
	{ 0x15, 0, 6, DATA_OUT, fill_mode_select },	/* MODE SELECT (6) */
	{ 0x16, 0, 6, NO_DATA, fill_none },		/* RESERVE (6) */
	{ 0x17, 0, 6, NO_DATA, fill_none },		/* RELEASE (6) */
	{ 0x1a, 0, 6, DATA_IN, fill_in_6 },		/* MODE SENSE (6) */
	{ 0x1b, 0, 6, NO_DATA, fill_none },		/* START STOP UNIT */
	{ 0x1c, 0, 6, DATA_IN, fill_in_6 },		/* RECEIVE DIAGNOSTIC RESULTS */
	{ 0x1d, 4, 6, NO_DATA, fill_none },		/* SEND DIAGNOSTIC */
	{ 0x25, 0, 10, DATA_IN, fill_in_10 },		/* READ CAPACITY (10) */
	{ 0x28, 0, 10, DATA_IN, fill_rw },		/* READ (10) */
	{ 0x2a, 0, 10, DATA_OUT, fill_rw },		/* WRITE (10) */
	{ 0x2e, 0, 10, DATA_OUT, fill_rw },		/* WRITE AND VERIFY (10) */
	{ 0x2e, 2, 10, DATA_OUT, fill_rw },
	{ 0x2f, 0, 10, DATA_OUT, fill_verify },		/* VERIFY (10) */
	{ 0x34, 0, 10, NO_DATA, fill_range },		/* PRE-FETCH (10) */
	{ 0x35, 0, 10, NO_DATA, fill_range },		/* SYNCHRONIZE CACHE (10) */
	{ 0x3b, 2, 10, DATA_OUT, fill_list_10 },	/* WRITE BUFFER */
	{ 0x3c, 2, 10, DATA_IN, fill_in_10 },		/* READ BUFFER */
	{ 0x41, 0, 10, DATA_OUT, fill_write_same },	/* WRITE SAME (10) */
	{ 0x42, 0, 10, DATA_OUT, fill_unmap },		/* UNMAP */
	{ 0x42, 0, 10, DATA_OUT, fill_unmap },
	{ 0x48, 1, 10, DATA_OUT, fill_list_10 },	/* SANITIZE */
	{ 0x4d, 0, 10, DATA_IN, fill_in_10 },		/* LOG SENSE */
	{ 0x53, 0, 10, DATA_OUT, fill_rw },		/* XDWRITEREAD (10) */
	{ 0x55, 0, 10, DATA_OUT, fill_mode_select },	/* MODE SELECT (10) */
	{ 0x56, 0, 10, NO_DATA, fill_none },		/* RESERVE (10) */
	{ 0x57, 0, 10, NO_DATA, fill_none },		/* RELEASE (10) */
	{ 0x5a, 0, 10, DATA_IN, fill_in_10 },		/* MODE SENSE (10) */
	{ 0x5e, 0, 10, DATA_IN, fill_in_10 },		/* PERSISTENT RESERVE IN */
	{ 0x5e, 0, 10, DATA_IN, fill_in_10 },
	{ 0x5f, 0, 10, DATA_OUT, fill_pr_out },		/* PERSISTENT RESERVE OUT */
	{ 0x5f, 0, 10, DATA_OUT, fill_pr_out },
	{ 0x5f, 0, 10, DATA_OUT, fill_pr_out },
	{ 0x5f, 0, 10, DATA_OUT, fill_pr_out },
	{ 0x7f, 0, 32, DATA_OUT, fill_write_same_32 },	/* WRITE SAME (32) and its like */
	{ 0x83, 0, 16, DATA_OUT, fill_copy },		/* EXTENDED COPY */
	{ 0x84, 3, 16, DATA_IN, fill_in_16 },		/* RECEIVE COPY RESULTS */
	{ 0x88, 0, 16, DATA_IN, fill_rw },		/* READ (16) */
	{ 0x89, 0, 16, DATA_OUT, fill_compare },	/* COMPARE AND WRITE */
	{ 0x89, 0, 16, DATA_OUT, fill_compare },
	{ 0x8a, 0, 16, DATA_OUT, fill_rw },		/* WRITE (16) */
	{ 0x8e, 0, 16, DATA_OUT, fill_rw },		/* WRITE AND VERIFY (16) */
	{ 0x8e, 2, 16, DATA_OUT, fill_rw },
	{ 0x8f, 0, 16, DATA_OUT, fill_verify },		/* VERIFY (16) */
	{ 0x90, 0, 16, NO_DATA, fill_range },		/* PRE-FETCH (16) */
	{ 0x91, 0, 16, NO_DATA, fill_range },		/* SYNCHRONIZE CACHE (16) */
	{ 0x93, 0, 16, DATA_OUT, fill_write_same },	/* WRITE SAME (16) */
	{ 0x93, 0, 16, DATA_OUT, fill_write_same },
	{ 0x9e, 0x10, 16, DATA_IN, fill_in_16 },	/* READ CAPACITY (16) */
	{ 0x9e, 0x12, 16, DATA_IN, fill_in_16 },	/* GET LBA STATUS */
	{ 0xa0, 0, 12, DATA_IN, fill_in_12 },		/* REPORT LUNS */
	{ 0xa2, 0, 12, DATA_IN, fill_in_12 },		/* SECURITY PROTOCOL IN */
	{ 0xa3, 0x0a, 12, DATA_IN, fill_in_12 },	/* REPORT TARGET PORT GROUPS */
	{ 0xa3, 0x0c, 12, DATA_IN, fill_report_opcodes }, /* REPORT SUPPORTED OPERATION CODES */
	{ 0xa3, 0x0c, 12, DATA_IN, fill_report_opcodes },
	{ 0xa4, 0x0a, 12, DATA_OUT, fill_set_groups },	/* SET TARGET PORT GROUPS */
	{ 0xa8, 0, 12, DATA_IN, fill_rw },		/* READ (12) */
	{ 0xaa, 0, 12, DATA_OUT, fill_rw },		/* WRITE (12) */
	{ 0xb5, 0, 12, DATA_OUT, fill_list_12 },	/* SECURITY PROTOCOL OUT */
};

bool cdb_sends_data(const uint8_t *cdb)
{
	switch (cdb[0]) {
	case 0x0a:
	case 0x15:
	case 0x2a:
	case 0x2e:
	case 0x41:
	case 0x42:
	case 0x55:
	case 0x5f:
	case 0x7f:
	case 0x89:
	case 0x8a:
	case 0x8e:
	case 0x93:
	case 0xaa:
		return true;
	case 0x2f:
	case 0x8f:
		return (cdb[1] & 0x06) == 0x02;
	default:
		return false;
	}
}

bool cdb_compares(const uint8_t *cdb)
{
	switch (cdb[0]) {
	case 0x2e:
	case 0x2f:
	case 0x89:
	case 0x8e:
	case 0x8f:
		return true;
	default:
		return false;
	}
}

void fuzz_make_valid(struct fuzz *fuzz, struct wire_command *command)
{
	const struct kind *kind = &kinds[fuzz_pick(fuzz, sizeof(kinds) / sizeof(kinds[0]))];

	command->cdb[0] = kind->opcode;
	command->cdb[1] = kind->sa;
	command->cdb_len = kind->len;
	command->flags |= kind->data == DATA_OUT ? WIRE_WRITE : kind->data == DATA_IN ? WIRE_READ : 0;
	kind->fill(fuzz, command);
}
