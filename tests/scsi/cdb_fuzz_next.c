// SPDX-License-Identifier: GPL-2.0
/*
 * The next command of the CDB fuzzer: a good one, a good one with a fault, one of every opcode with
 * every service action, or noise.
 *
 * No draw depends on an answer, so a seed gives the same commands again.
 *
 * Three things are left out, since LIO's iSCSI target goes wrong with them before it asks a
 * backend, or whatever the backend answers: an additional header segment of length 0 (it copies
 * that less one, and the kernel stops there); a CDB of opcode 7Fh that is shorter than its own
 * ADDITIONAL CDB LENGTH (it copies as much as that says, from behind the PDU's header); an expected
 * data transfer length beyond some MiB (it makes a table as long as that, and the page allocator
 * complains).
 */
#include <string.h>

#include "cdb_fuzz.h"

#define EXPECTED_MAX	(64 << 20)

static uint8_t any_direction(struct fuzz *fuzz)
{
	return fuzz_pick(fuzz, 2) ? WIRE_READ : WIRE_WRITE;
}

/* lengths stay small mostly, or the sweep would spend its time with zeros */
static void make_swept(struct fuzz *fuzz, struct wire_command *command)
{
	uint32_t i;

	command->cdb[0] = (uint8_t)fuzz->sweep;
	command->cdb[1] = (uint8_t)(fuzz->sweep >> 8 & 0x1f) | (fuzz_percent(fuzz, 10) ? (uint8_t)fuzz_draw(fuzz) & 0xe0 : 0);
	fuzz->sweep++;
	for (i = 2; i < 16; i++)
		command->cdb[i] = (uint8_t)(fuzz_percent(fuzz, 25) ? fuzz_draw(fuzz) : fuzz_percent(fuzz, 10) ? fuzz_pick(fuzz, 32) : 0);
	command->flags |= fuzz_percent(fuzz, 50) ? any_direction(fuzz) : 0;
	command->edtl = fuzz_length(fuzz);
	fuzz_noise(fuzz, command->data, command->edtl < 256 ? command->edtl : 256);
}

static void make_noise(struct fuzz *fuzz, struct wire_command *command)
{
	fuzz_noise(fuzz, command->cdb, 32);
	command->cdb_len = fuzz_percent(fuzz, 30) ? 17 + fuzz_pick(fuzz, WIRE_CDB_MAX - 16) : 16;
	fuzz_noise(fuzz, command->cdb, command->cdb_len);
	command->flags |= any_direction(fuzz);
	command->edtl = fuzz_length(fuzz);
	fuzz_noise(fuzz, command->data, command->edtl < 4096 ? command->edtl : 4096);
}

static void mutate(struct fuzz *fuzz, struct wire_command *command)
{
	static const uint8_t words[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };

	switch (fuzz_pick(fuzz, 12)) {
	case 0:
	case 1:
		command->cdb[fuzz_pick(fuzz, command->cdb_len)] ^= (uint8_t)(1 << fuzz_pick(fuzz, 8));
		break;
	case 2:
		command->cdb[1 + fuzz_pick(fuzz, 15)] = words[fuzz_pick(fuzz, sizeof(words))];
		break;
	case 3:
	case 4:
	case 5:
		if (command->edtl)
			command->data[fuzz_pick(fuzz, command->edtl < 128 ? command->edtl : 128)] ^=
				(uint8_t)(1 << fuzz_pick(fuzz, 8));
		break;
	case 6:
		if (command->edtl)
			command->data[fuzz_pick(fuzz, command->edtl < 128 ? command->edtl : 128)] =
				words[fuzz_pick(fuzz, sizeof(words))];
		break;
	case 7:
		command->edtl = fuzz_percent(fuzz, 80) ? fuzz_length(fuzz) : fuzz_pick(fuzz, EXPECTED_MAX);
		if (fuzz_percent(fuzz, 20))
			memset(command->cdb + 6, 0xff, 8);
		break;
	case 8:
		command->edtl += fuzz_pick(fuzz, 17);
		command->edtl -= command->edtl > 8 ? 8 : command->edtl;
		break;
	case 9:
		command->flags ^= fuzz_percent(fuzz, 30) ? WIRE_READ | WIRE_WRITE : (uint8_t)(1 << fuzz_pick(fuzz, 3));
		break;
	case 10:
		if (fuzz_percent(fuzz, 30))
			fuzz_noise(fuzz, command->lun, 8);
		else
			command->lun[1] = (uint8_t)fuzz_pick(fuzz, 3);
		break;
	case 11:
		command->cdb_len = 1 + fuzz_pick(fuzz, WIRE_CDB_MAX - 1);
		break;
	}
}

/* Commands that cannot go over the wire like that, and those of the comment at the top. */
static void make_sendable(struct fuzz *fuzz, struct wire_command *command)
{
	unsigned int len = command->cdb_len;

	if (command->cdb[0] == 0x7f)
		len = command->cdb[7] + 8U;
	if (len < 16)
		len = 16;
	/* bytes behind the CDB are as random as the CDB */
	if (len > 32)
		fuzz_noise(fuzz, command->cdb + 32, len - 32);
	command->cdb_len = len;
	if (command->edtl > WIRE_DATA_MAX && !(command->flags & WIRE_READ))
		command->edtl = WIRE_DATA_MAX;
	if (!command->edtl)
		command->flags &= (uint8_t)~(WIRE_READ | WIRE_WRITE);
	if ((command->flags & (WIRE_READ | WIRE_WRITE)) == (WIRE_READ | WIRE_WRITE))
		command->flags &= (uint8_t)~WIRE_WRITE;
	if (!(command->flags & (WIRE_READ | WIRE_WRITE)))
		command->edtl = 0;
}

void fuzz_next(struct fuzz *fuzz, struct wire_command *command)
{
	uint8_t *data = command->data;
	uint32_t what = fuzz_pick(fuzz, 100), i;

	memset(command, 0, sizeof(*command));
	command->data = data;
	command->cdb_len = 16;
	command->flags = 1;	/* SIMPLE */
	command->immediate = fuzz_percent(fuzz, 50);
	if (what < 25) {
		make_swept(fuzz, command);
	} else if (what < 30) {
		make_noise(fuzz, command);
	} else {
		fuzz_make_valid(fuzz, command);
		for (i = what < 55 ? 0 : 1 + fuzz_pick(fuzz, 3); i; i--)
			mutate(fuzz, command);
	}
	make_sendable(fuzz, command);
}
