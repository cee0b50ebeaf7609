// SPDX-License-Identifier: GPL-2.0
/*
 * TransportIDs: text becomes parameter data and text again; malformed ones are errors.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pr/rules.h"
#include "pr/transport_id.h"
#include "ktap.h"

static const struct {
	const char *text;
	int len;
	const char *bytes;	/* how it begins */
	int num_bytes;
} ids[] = {
	{ "fc:10000000c9a1b2c3", 24, "\0\0\0\0\0\0\0\0\x10\0\0\0\xc9\xa1\xb2\xc3", 16 },
	{ "srp:000102030405060708090a0b0c0d0e0f", 24, "\4\0\0\0\0\0\0\0\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17", 24 },
	{ "sas:5000c500a1b2c3d4", 24, "\6\0\0\0\x50\0\xc5\0\xa1\xb2\xc3\xd4", 12 },
	{ "iscsi:iqn.a", 24, "\5\0\0\24iqn.a\0", 10 },
	{ "iscsi:iqn.1994-05.com.example:h1", 32, "\5\0\0\34iqn.1994-05.com.example:h1\0", 31 },
	{ "iscsi:iqn.a,i,0x00023d000001", 28, "\x45\0\0\30iqn.a,i,0x00023d000001\0", 27 },
};

static void check_good(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		uint8_t buf[TRBD_TRANSPORT_ID_MAX];
		char text[TRBD_PR_INITIATOR_MAX];
		int len = trbd_transport_id_encode(ids[i].text, buf, sizeof(buf));

		ktap_ok(len == ids[i].len && !memcmp(buf, ids[i].bytes, (size_t)ids[i].num_bytes), "%s", ids[i].text);
		ktap_ok(len > 0 && trbd_transport_id_decode(buf, (size_t)len, text, sizeof(text)) == len &&
		   !strcmp(text, ids[i].text), "and back");
		ktap_ok(trbd_transport_id_encode(ids[i].text, buf, (size_t)ids[i].len - 1) == -EINVAL, "not without room");
		ktap_ok(trbd_transport_id_decode(buf, (size_t)ids[i].len - 1, text, sizeof(text)) == -EINVAL, "not cut off");
		ktap_ok(trbd_transport_id_decode(buf, (size_t)ids[i].len, text, strlen(ids[i].text)) == -EINVAL,
		   "not into less room");
	}
}

static const char *const bad_texts[] = {
	"", "iqn.a", "usb:1", "fc:1", "fc:10000000C9A1B2C3", "fc:10000000c9a1b2cg", "sas:5000c500a1b2c3d4e", "iscsi:",
	"iscsi:iqn.a,i,0x1", "iscsi:iqn.a,i,0x00023d00000g", "iscsi:iqn.a,i,0x00023d0000011", "iscsi:,i,0x00023d000001",
	"iscsi:iqn a", "iscsi:iqn.a,b",
};

static void check_bad_texts(void)
{
	uint8_t buf[TRBD_TRANSPORT_ID_MAX];
	unsigned int i;

	for (i = 0; i < sizeof(bad_texts) / sizeof(*bad_texts); i++)
		ktap_ok(trbd_transport_id_encode(bad_texts[i], buf, sizeof(buf)) == -EINVAL, "%s", bad_texts[i]);
}

static const struct {
	const char *what;
	const char *bytes;
	size_t len;
} bad_ids[] = {
	{ "nothing", "", 0 },
	{ "a protocol that is not known", "\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24 },
	{ "FC in another format", "\x40\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24 },
	{ "iSCSI in another format", "\x85\0\0\24iqn.a\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24 },
	{ "iSCSI, short", "\5\0\0\20iqn.a\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24 },
	{ "iSCSI, no words", "\5\0\0\25iqn.a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 25 },
	{ "iSCSI, a length that lies", "\5\0\1\24iqn.a\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24 },
	{ "iSCSI, no NUL", "\5\0\0\24iqn.aaaaaaaaaaaaaaaa", 24 },
	{ "iSCSI, a header only", "\5\0\0", 3 },
	{ "iSCSI, no name", "\5\0\0\24\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24 },
	{ "iSCSI, a port without an ISID", "\x45\0\0\24iqn.a\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24 },
	{ "iSCSI, a control character", "\5\0\0\24iqn\n.a\0\0\0\0\0\0\0\0\0\0\0\0\0", 24 },
};

static void check_bad_ids(void)
{
	char text[TRBD_PR_INITIATOR_MAX];
	unsigned int i;

	for (i = 0; i < sizeof(bad_ids) / sizeof(*bad_ids); i++)
		ktap_ok(trbd_transport_id_decode((const uint8_t *)bad_ids[i].bytes, bad_ids[i].len, text, sizeof(text)) == -EINVAL,
		   "%s", bad_ids[i].what);
}

static void check_long(void)
{
	char text[TRBD_PR_INITIATOR_MAX], back[TRBD_PR_INITIATOR_MAX];
	uint8_t buf[TRBD_TRANSPORT_ID_MAX];
	int len;

	snprintf(text, sizeof(text), "iscsi:iqn.%0219d,i,0x%012d", 1, 1);
	len = trbd_transport_id_encode(text, buf, sizeof(buf));
	ktap_ok(len > 0 && trbd_transport_id_decode(buf, (size_t)len, back, sizeof(back)) == len && !strcmp(text, back),
	   "the longest name there is");
	snprintf(text, sizeof(text), "iscsi:iqn.%0220d,i,0x%012d", 1, 1);
	ktap_ok(trbd_transport_id_encode(text, buf, sizeof(buf)) == -EINVAL, "not one that is longer");
	memcpy(buf, "\x45\0\0\30IQN.A,i,0x00023D000001\0\0", 28);
	ktap_ok(trbd_transport_id_decode(buf, 28, back, sizeof(back)) == 28 && !strcmp(back, "iscsi:iqn.a,i,0x00023d000001"),
	   "case does not matter");
}

/* Every decoded TransportID is text that can be encoded again. */
static void check_random(void)
{
	char text[TRBD_PR_INITIATOR_MAX], again[TRBD_PR_INITIATOR_MAX];
	uint8_t buf[64], back[TRBD_TRANSPORT_ID_MAX];
	unsigned int i, wrong = 0;

	srand(1);
	for (i = 0; i < 1000000; i++) {
		size_t len = 24 + (size_t)(rand() % 5) * 4, j;

		for (j = 0; j < len; j++)
			buf[j] = rand() % 3 ? (uint8_t)("aq.,i0x1"[rand() % 8]) : (uint8_t)rand();
		if (rand() % 4)
			memcpy(buf, rand() % 2 ? "\5\0\0\24" : "\x45\0\0\30", 4);
		if (trbd_transport_id_decode(buf, len, text, sizeof(text)) < 0)
			continue;
		if (trbd_transport_id_encode(text, back, sizeof(back)) < 0 ||
		    trbd_transport_id_decode(back, sizeof(back), again, sizeof(again)) < 0 || strcmp(text, again))
			wrong++;
	}
	ktap_ok(!wrong, "whatever can be decoded can be encoded");
}

int main(void)
{
	ktap_begin();
	check_good();
	check_bad_texts();
	check_bad_ids();
	check_long();
	check_random();
	return ktap_end();
}
