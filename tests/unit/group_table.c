// SPDX-License-Identifier: GPL-2.0
/*
 * The table of gateways: written entries can be read, and nothing that somebody else wrote is taken
 * for an entry.
 *
 *	group_table           the test
 *	group_table FOLDER    writes entries to files there, for the fuzzer to start from
 *
 * With -DFUZZ it is a target of libFuzzer ("make fuzz" here): see LLVMFuzzerTestOneInput().
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/group_table.h"

/* Make the checksum right, which versions 2 and 3 have in common. */
static void sign(uint8_t *buf)
{
	uint64_t hash = 0xcbf29ce484222325ULL;
	unsigned int i;

	for (i = 0; i < TRBD_GROUP_ENTRY_SIZE - 4; i++)
		hash = (hash ^ buf[i]) * 0x100000001b3ULL;
	for (i = 0; i < 4; i++)
		buf[TRBD_GROUP_ENTRY_SIZE - 4 + i] = (uint8_t)(hash >> (8 * i));
}

#ifdef FUZZ

static void read_entry(const uint8_t *data)
{
	struct trbd_group_entry entry, again;
	uint8_t *buf = malloc(TRBD_GROUP_ENTRY_SIZE);
	size_t i;

	/* exactly as large, for the address sanitizer */
	memcpy(buf, data, TRBD_GROUP_ENTRY_SIZE);
	memset(&entry, 0xff, sizeof(entry));
	if (trbd_group_decode(buf, &entry) == TRBD_GROUP_ENTRY_VALID) {
		if (entry.clock_ms > TRBD_CLOCK_MAX_MS || entry.limit_ms > TRBD_CLOCK_MAX_MS)
			abort();
		for (i = 0; entry.name[i]; i++) {
			if (i == sizeof(entry.name) || entry.name[i] < ' ' || entry.name[i] > '~')
				abort();
		}
		trbd_group_encode(&entry, buf);
		if (trbd_group_decode(buf, &again) != TRBD_GROUP_ENTRY_VALID || memcmp(&entry, &again, sizeof(entry)))
			abort();
	} else if (trbd_group_decode(buf, &entry) == TRBD_GROUP_ENTRY_OTHER) {
		if (entry.clock_ms > TRBD_CLOCK_MAX_MS || entry.limit_ms > TRBD_CLOCK_MAX_MS ||
		    strlen(entry.name) >= sizeof(entry.name))
			abort();
	} else {
		for (i = 0; i < sizeof(entry); i++) {
			if (((uint8_t *)&entry)[i])
				abort();
		}
	}
	free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* An entry as it is, and with a checksum that is right: no fuzzer finds one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t buf[TRBD_GROUP_ENTRY_SIZE] = { };

	memcpy(buf, data, size < sizeof(buf) ? size : sizeof(buf));
	read_entry(buf);
	sign(buf);
	read_entry(buf);
	return 0;
}

#else

static int count, failed;

static void ok(int good, const char *what)
{
	printf("%s %d %s\n", good ? "ok" : "not ok", ++count, what);
	failed += !good;
}

static int write_entry(const char *folder, const char *name, const uint8_t *buf)
{
	char path[1024];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	return !file || fwrite(buf, TRBD_GROUP_ENTRY_SIZE, 1, file) != 1 || fclose(file);
}

int main(int argc, char **argv)
{
	struct trbd_group_entry entry = {
		.owner = 0x1122334455667788ULL,
		.clock_ms = 1790000000000ULL,
		.limit_ms = 1790000060000ULL,
		.beats = 42,
		.age_ms = 510,
		.w_ms = 4000,
		.name = "gateway-1",
	};
	struct trbd_group_entry back;
	uint8_t buf[TRBD_GROUP_ENTRY_SIZE], broken[TRBD_GROUP_ENTRY_SIZE];
	unsigned int i, taken;

	trbd_group_encode(&entry, buf);
	if (argc > 1) {
		memset(broken, 0, sizeof(broken));
		return write_entry(argv[1], "entry", buf) || write_entry(argv[1], "unused", broken);
	}
	printf("TAP version 13\n");
	ok(trbd_group_decode(buf, &back) == TRBD_GROUP_ENTRY_VALID, "an entry is valid");
	ok(back.owner == entry.owner && back.clock_ms == entry.clock_ms && back.limit_ms == entry.limit_ms &&
	   back.beats == entry.beats && back.age_ms == entry.age_ms && back.w_ms == entry.w_ms && !strcmp(back.name, entry.name), "and the same as before");

	memset(broken, 0, sizeof(broken));
	ok(trbd_group_decode(broken, &back) == TRBD_GROUP_ENTRY_UNUSED, "zeros are an unused slot");

	/* every changed byte is noticed, whichever way it changes */
	taken = 0;
	for (i = 0; i < sizeof(buf) * 8; i++) {
		memcpy(broken, buf, sizeof(buf));
		broken[i / 8] ^= 1 << i % 8;
		taken += trbd_group_decode(broken, &back) !=
			 (i / 8 == 7 ? TRBD_GROUP_ENTRY_OTHER : TRBD_GROUP_ENTRY_FOREIGN);
	}
	ok(!taken, "an entry with one bit changed is foreign, or of another version");

	memcpy(broken, buf, sizeof(buf));
	broken[7] = 1;
	ok(trbd_group_decode(broken, &back) == TRBD_GROUP_ENTRY_OTHER && back.owner == entry.owner &&
	   back.beats == entry.beats && !back.clock_ms && !back.limit_ms && !strcmp(back.name, entry.name),
	   "an entry of version 1 shows who it is and that it beats, and no clock");

	broken[7] = 2;
	ok(trbd_group_decode(broken, &back) == TRBD_GROUP_ENTRY_OTHER && !back.clock_ms && !back.limit_ms,
	   "nor does one of version 2 that is damaged");
	sign(broken);
	ok(trbd_group_decode(broken, &back) == TRBD_GROUP_ENTRY_OTHER && back.clock_ms == entry.clock_ms &&
	   back.limit_ms == entry.limit_ms, "but one that is not");

	srand(1);
	taken = 0;
	for (i = 0; i < 100000; i++) {
		unsigned int j;

		for (j = 0; j < sizeof(broken); j++)
			broken[j] = rand();
		if (i % 2)
			memcpy(broken, buf, 8);
		taken += trbd_group_decode(broken, &back) != TRBD_GROUP_ENTRY_FOREIGN;
	}
	ok(!taken, "noise is foreign, also behind the right magic");

	entry.clock_ms = ~0ULL;
	trbd_group_encode(&entry, buf);
	ok(trbd_group_decode(buf, &back) == TRBD_GROUP_ENTRY_FOREIGN && !back.clock_ms,
	   "a clock that no stamp can have is not taken over");

	entry.clock_ms = 1;
	memset(entry.name, 'x', sizeof(entry.name));
	entry.name[3] = '\n';
	trbd_group_encode(&entry, buf);
	ok(trbd_group_decode(buf, &back) == TRBD_GROUP_ENTRY_VALID && strlen(back.name) == TRBD_GROUP_NAME_MAX - 1 &&
	   back.name[3] == '?', "a name is cut and printable");

	printf("1..%d\n", count);
	return failed ? 1 : 0;
}

#endif
