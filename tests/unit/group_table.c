// SPDX-License-Identifier: GPL-2.0
/*
 * The table of gateways: what is written can be read, and nothing that somebody else wrote is taken for an entry.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/group_table.h"

static int count, failed;

static void ok(int good, const char *what)
{
	printf("%s %d %s\n", good ? "ok" : "not ok", ++count, what);
	failed += !good;
}

int main(void)
{
	struct trbd_group_entry entry = {
		.owner = 0x1122334455667788ULL,
		.clock_ms = 1790000000000ULL,
		.limit_ms = 1790000060000ULL,
		.beats = 42,
		.name = "gateway-1",
	};
	struct trbd_group_entry back;
	uint8_t buf[TRBD_GROUP_ENTRY_SIZE], broken[TRBD_GROUP_ENTRY_SIZE];
	unsigned int i, taken;

	printf("TAP version 13\n");
	trbd_group_encode(&entry, buf);
	ok(trbd_group_decode(buf, &back) == TRBD_GROUP_ENTRY_VALID, "an entry is valid");
	ok(back.owner == entry.owner && back.clock_ms == entry.clock_ms && back.limit_ms == entry.limit_ms &&
	   back.beats == entry.beats && !strcmp(back.name, entry.name), "and the same as before");

	memset(broken, 0, sizeof(broken));
	ok(trbd_group_decode(broken, &back) == TRBD_GROUP_ENTRY_UNUSED, "zeros are an unused slot");

	/* every byte that changes is noticed, whichever way */
	taken = 0;
	for (i = 0; i < sizeof(buf) * 8; i++) {
		memcpy(broken, buf, sizeof(buf));
		broken[i / 8] ^= 1 << i % 8;
		taken += trbd_group_decode(broken, &back) != TRBD_GROUP_ENTRY_FOREIGN;
	}
	ok(!taken, "an entry with one bit changed is foreign");

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
