// SPDX-License-Identifier: GPL-2.0
/*
 * The record of an image's shared state: a written record can be read, and a readable one is
 * exactly as it would be written. Everything else is an error.
 *
 *	record_text        the test
 *	record_text FILE...  read the files, and describe each
 *
 * With -DFUZZ it is a target of libFuzzer ("make fuzz" here); corpus/ has where to start from.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/record_text.h"
#include "ktap.h"

#define TEXT_MAX (1 << 20)

static struct trbd_pr_registration registrations[TRBD_PR_REGISTRATIONS_MAX];
static struct trbd_record record = { .pr = { .registrations = registrations, .room = TRBD_PR_REGISTRATIONS_MAX } };
static char again[TEXT_MAX], upgraded[TEXT_MAX];

#define MAGIC_1 "target_core_rbd.lu 1\n"
#define MAGIC_2 "target_core_rbd.lu 2\n"

static int read_text(const char *text, size_t len, unsigned int *line);

/* One of an older version becomes one of a newer version, which is read like any other. */
static void read_upgraded(void)
{
	size_t len = trbd_record_encode(&record, upgraded, sizeof(upgraded));

	if (read_text(upgraded, len, NULL)) {
		fprintf(stderr, "not ok an old record became one that cannot be read:\n%s\n", upgraded);
		abort();
	}
}

/*
 * Read a text. A text that can be read must be exactly as it would be written; stop the program if
 * not.
 */
static int read_text(const char *text, size_t len, unsigned int *line)
{
	int ret = trbd_record_decode(text, len, &record, line);

	if (!ret && record.version != trbd_record_version(&record))
		read_upgraded();
	else if (!ret && (trbd_record_encode(&record, again, sizeof(again)) != len || memcmp(text, again, len))) {
		fprintf(stderr, "not ok read and written again, it is another:\n%.*s\n%s\n", (int)len, text, again);
		abort();
	}
	return ret;
}

#ifdef FUZZ

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_text((const char *)data, size, NULL);
	return 0;
}

#else

#define HEAD "target_core_rbd.lu 3\nfeatures 0\nimage 10a6b8b4567\n"
#define HEAD_2 MAGIC_2 "image 10a6b8b4567\n"
#define HEAD_1 MAGIC_1 "image 10a6b8b4567\n"
#define GEN "generation 12\nsettled 11\nbarrier 345\nresets 3\n"
#define SIZE "block_size 4096\n"
#define SETTINGS "setting emulate_write_cache 1\nsetting emulate_caw 0\nsetting max_write_same_len 0\n"
#define CHANGE "change 4711 4 iqn.t:d,t,0x1 iscsi:iqn.h2,i,0x2\n"
#define PR "pr 5 17 1\n"
#define SPC2 "spc2 4711 iqn.t:d,t,0x1 iscsi:iqn.h3,i,0x3\n"
#define PREEMPTED "preempted 0x00000000000000ab 0x00000000000000cd 5\n"
#define RES "reservation 5 16\n"
#define REG16 "registration 16 0x00000000000000ab 1 iqn.t:d,t,0x1 iscsi:iqn.h1,i,0x1\n"
#define REG17 "registration 17 0xffffffffffffffff 65535 * iscsi:iqn.h2,i,0x2\n"
#define REST "gateway 4711 192.0.2.11:0/3234 0 gw1 815 2f6b11a90c45d7e8 0\ngateway 4712 [2001:db8::1]:0/1 255 - 0 - 7\n" \
	"fenced 192.0.2.12:0/99 345 1795888000 1795889800\n"
#define HEAD_P "target_core_rbd.lu 3\nfeatures 1\nimage 10a6b8b4567\n"
#define HEAD_S "target_core_rbd.lu 3\nfeatures 2\nimage 10a6b8b4567\n"
#define HEAD_ALL "target_core_rbd.lu 3\nfeatures 3\nimage 10a6b8b4567\n"
#define PORTS "group 1 2f6b11a90c45d7e8 0 gw1\ngroup 3 m 1 -\nport 1 3 1 iqn.t:d,t,0x0001\nport 7 1 0 iqn.t:d,t,0x0002\n"
#define REST_2 "gateway 4711 192.0.2.11:0/3234 0 gw1 815 2f6b11a90c45d7e8\ngateway 4712 [2001:db8::1]:0/1 255 - 0 -\n" \
	"fenced 192.0.2.12:0/99 345 1795888000 1795889800\n"
#define REST_M "gateway 4711 192.0.2.11:0/3234 0 gw1 815 2f6b11a90c45d7e8/1\ngateway 4712 [2001:db8::1]:0/1 255 - 0 -\n"
#define REST_1 "gateway 4711 192.0.2.11:0/3234 0 gw1\ngateway 4712 [2001:db8::1]:0/1 255 -\nfenced 192.0.2.12:0/99 345\n"
#define END "end\n"
#define FULL HEAD GEN CHANGE PR SPC2 PREEMPTED RES REG16 REG17 REST END
/* with every line that there is */
#define ALL HEAD_ALL GEN SIZE SETTINGS CHANGE PR SPC2 PREEMPTED RES REG16 REG17 REST PORTS END

static const struct {
	const char *what;
	const char *text;
	int wanted;
	unsigned int line;
} texts[] = {
	{ "a full one", FULL, 0, 19 },
	{ "a full one of version 1", HEAD_1 GEN CHANGE PR SPC2 RES REG16 REG17 REST_1 END, 0, 17 },
	{ "a full one of version 2", HEAD_2 GEN CHANGE PR SPC2 PREEMPTED RES REG16 REG17 REST_2 END, 0, 18 },
	{ "one of version 2, of which one gateway knows more", HEAD_2 GEN CHANGE PR REST_M END, 0, 12 },
	{ "features of a gateway that is a word", HEAD_2 GEN CHANGE PR "gateway 4711 a 0 gw1 815 m/x\n" END, -EBADMSG, 9 },
	{ "none, and said so", HEAD_2 GEN CHANGE PR "gateway 4711 a 0 gw1 815 m/0\n" END, -EBADMSG, 9 },
	{ "nothing behind the machine", HEAD_2 GEN CHANGE PR "gateway 4711 a 0 gw1 815 m/\n" END, -EBADMSG, 9 },
	{ "features of a gateway whose machine is not known", HEAD_2 GEN CHANGE PR "gateway 4711 a 0 gw1 815 -/1\n"
	  "gateway 4712 b 1 gw2 816 m\n" END, 0, 12 },
	{ "a gateway of version 2 in version 3", HEAD GEN CHANGE PR REST_2 END, -EBADMSG, 10 },
	{ "a gateway of version 3 in version 2", HEAD_2 GEN CHANGE PR REST END, -EBADMSG, 9 },
	{ "a gateway of version 1 in version 2", HEAD_2 GEN CHANGE PR "gateway 4711 192.0.2.11:0/3234 0 gw1\n" END, -EBADMSG, 9 },
	{ "a gateway of version 2 in version 1", HEAD_1 GEN CHANGE PR "gateway 4711 a 0 gw1 815 m\n" END, -EBADMSG, 9 },
	{ "a fence without times", HEAD GEN CHANGE PR "fenced a 1\n" END, -EBADMSG, 10 },
	{ "a fence of nobody", HEAD GEN CHANGE PR "fenced - 1 2 3\n" END, -EBADMSG, 10 },
	{ "version 0", "target_core_rbd.lu 0\nwhatever\n", -EPROTONOSUPPORT, 2 },
	{ "an empty state", HEAD GEN "change 0 0 - -\npr 0 0 0\nend\n", 0, 11 },
	{ "nothing", "", -EBADMSG, 1 },
	{ "another program's", "hello\n", -EBADMSG, 1 },
	{ "a newer version", "target_core_rbd.lu 4\nwhatever\n", -EPROTONOSUPPORT, 2 },
	{ "a feature that nobody knows", "target_core_rbd.lu 3\nfeatures 9223372036854775808\nwhatever\n", -EPROTONOSUPPORT, 3 },
	{ "no features", "target_core_rbd.lu 3\nimage 10a6b8b4567\n" GEN CHANGE PR END, -EBADMSG, 2 },
	{ "no image", "target_core_rbd.lu 3\nfeatures 0\nimage -\n" GEN CHANGE PR END, -EBADMSG, 3 },
	{ "settled before it happened", HEAD "generation 1\nsettled 2\nbarrier 0\n" CHANGE PR END, -EBADMSG, 5 },
	{ "no end", HEAD GEN CHANGE PR, -EBADMSG, 10 },
	{ "more behind the end", FULL "x", -EBADMSG, 19 },
	{ "a number with a zero before it", HEAD "generation 012\n", -EBADMSG, 4 },
	{ "a number that is too great", HEAD "generation 18446744073709551616\n", -EBADMSG, 4 },
	{ "a negative number", HEAD "generation -1\n", -EBADMSG, 4 },
	{ "two blanks", HEAD "generation  1\n", -EBADMSG, 4 },
	{ "DOS line ends", HEAD "generation 1\r\n", -EBADMSG, 4 },
	{ "a service action that there is not", HEAD GEN "change 1 8 - -\n", -EBADMSG, 8 },
	{ "half an actor", HEAD GEN "change 1 0 - iscsi:iqn.h1,i,0x1\n", -EBADMSG, 9 },
	{ "an SPC-2 reservation of nobody", HEAD GEN CHANGE PR "spc2 4711 - -\n" END, -EBADMSG, 11 },
	{ "a PREEMPT of registrations", HEAD GEN CHANGE PR "preempted 0x0000000000000001 0x0000000000000002 0\n" END, 0, 12 },
	{ "a PREEMPT of nobody", HEAD GEN CHANGE PR "preempted 0x0000000000000001 0x0000000000000000 0\n" END, -EBADMSG, 11 },
	{ "a PREEMPT by nobody", HEAD GEN CHANGE PR "preempted 0x0000000000000000 0x0000000000000002 0\n" END,
	  -EBADMSG, 11 },
	{ "a PREEMPT of type 2", HEAD GEN CHANGE PR "preempted 0x0000000000000001 0x0000000000000002 2\n" END, -EBADMSG, 11 },
	{ "a PREEMPT in version 1", HEAD_1 GEN CHANGE PR PREEMPTED END, -EBADMSG, 9 },
	{ "a reservation of nobody", HEAD GEN CHANGE PR RES END, -EBADMSG, 11 },
	{ "a reservation of another", HEAD GEN CHANGE PR RES REG17 END, -EBADMSG, 12 },
	{ "a reservation of type 2", HEAD GEN CHANGE PR "reservation 2 16\n" REG16 END, -EBADMSG, 11 },
	{ "all registrants' with a holder", HEAD GEN CHANGE PR "reservation 7 16\n" REG16 END, -EBADMSG, 11 },
	{ "all registrants' without any", HEAD GEN CHANGE PR "reservation 7 0\n" END, -EBADMSG, 11 },
	{ "a registration twice", HEAD GEN CHANGE PR REG16 REG16 END, -EBADMSG, 12 },
	{ "a nexus twice", HEAD GEN CHANGE PR REG16 "registration 17 0x00000000000000ac 1 iqn.t:d,t,0x1 iscsi:iqn.h1,i,0x1\n" END,
	  -EBADMSG, 12 },
	{ "out of order", HEAD GEN CHANGE PR REG17 REG16 END, -EBADMSG, 12 },
	{ "more than were made", HEAD GEN CHANGE "pr 5 16 1\n" REG17 END, -EBADMSG, 11 },
	{ "key 0", HEAD GEN CHANGE PR "registration 16 0x0000000000000000 1 iqn.t:d,t,0x1 iscsi:iqn.h1,i,0x1\n" END, -EBADMSG, 11 },
	{ "a key in decimal", HEAD GEN CHANGE PR "registration 16 171 1 iqn.t:d,t,0x1 iscsi:iqn.h1,i,0x1\n" END, -EBADMSG, 10 },
	{ "a generation in hexadecimal", HEAD "generation 0x000000000000000c\n", -EBADMSG, 4 },
	{ "a key in capitals", HEAD GEN CHANGE PR "registration 16 0x00000000000000AB 1 iqn.t:d,t,0x1 iscsi:iqn.h1,i,0x1\n" END,
	  -EBADMSG, 10 },
	{ "a port identifier that is too great", HEAD GEN CHANGE PR "registration 16 0x00000000000000ab 65536 a b\n" END, -EBADMSG, 10 },
	{ "a registration of nobody", HEAD GEN CHANGE PR "registration 16 0x00000000000000ab 1 - -\n" END,
	  -EBADMSG, 11 },
	{ "a gateway without an address", HEAD GEN CHANGE PR "gateway 1 - 0 gw1 0 m 0\n" END, -EBADMSG, 10 },
	{ "a line that nobody knows", HEAD GEN CHANGE PR "colour red\n" END, -EBADMSG, 10 },
	{ "blocks of 4096 bytes", HEAD GEN SIZE CHANGE PR END, 0, 12 },
	{ "blocks of 512 bytes are the rule", HEAD GEN "block_size 512\n" CHANGE PR END, -EBADMSG, 8 },
	{ "blocks of no bytes", HEAD GEN "block_size 0\n" CHANGE PR END, -EBADMSG, 8 },
	{ "blocks of 3072 bytes", HEAD GEN "block_size 3072\n" CHANGE PR END, -EBADMSG, 8 },
	{ "blocks of 8192 bytes", HEAD GEN "block_size 8192\n" CHANGE PR END, -EBADMSG, 8 },
	{ "blocks of two sizes", HEAD GEN "block_size 4096 2048\n" CHANGE PR END, -EBADMSG, 8 },
	{ "a block size in version 1", HEAD_1 GEN SIZE CHANGE PR END, -EBADMSG, 7 },
	{ "ports", HEAD_P GEN CHANGE PR PORTS END, 0, 15 },
	{ "every line that there is", ALL, 0, 27 },
	{ "settings", HEAD_S GEN SETTINGS CHANGE PR END, 0, 14 },
	{ "settings without the feature", HEAD_P GEN SETTINGS CHANGE PR END, -EBADMSG, 8 },
	{ "settings in version 2", HEAD_2 GEN SETTINGS CHANGE PR END, -EBADMSG, 7 },
	{ "a setting that nobody knows", HEAD_S GEN "setting emulate_3pc 1\n" CHANGE PR END, -EBADMSG, 8 },
	{ "a setting of a long name", HEAD_S GEN "setting emulate_write_cache_of_the_disk_behind 1\n" CHANGE PR END, -EBADMSG, 8 },
	{ "a setting twice", HEAD_S GEN "setting emulate_caw 0\nsetting emulate_caw 0\n" CHANGE PR END, -EBADMSG, 9 },
	{ "settings in another order", HEAD_S GEN "setting emulate_caw 0\nsetting emulate_write_cache 1\n" CHANGE PR END,
	  -EBADMSG, 9 },
	{ "the block size among the settings", HEAD_S GEN "setting block_size 4096\n" CHANGE PR END, -EBADMSG, 8 },
	{ "a setting without a value", HEAD_S GEN "setting emulate_caw\n" CHANGE PR END, -EBADMSG, 8 },
	{ "a setting without a name", HEAD_S GEN "setting\n" CHANGE PR END, -EBADMSG, 8 },
	{ "half a switch", HEAD_S GEN "setting emulate_caw 2\n" CHANGE PR END, -EBADMSG, 8 },
	{ "a limit that is too great", HEAD_S GEN "setting max_write_same_len 4294967296\n" CHANGE PR END, -EBADMSG, 8 },
	{ "more behind a setting", HEAD_S GEN "setting emulate_caw 0 x\n" CHANGE PR END, -EBADMSG, 8 },
	{ "ports without the feature", HEAD GEN CHANGE PR PORTS END, -EBADMSG, 10 },
	{ "a port of no group", HEAD_P GEN CHANGE PR "port 1 3 1 iqn\n" END, -EBADMSG, 10 },
	{ "group 0", HEAD_P GEN CHANGE PR "group 0 m 0 -\n" END, -EBADMSG, 10 },
	{ "a group twice", HEAD_P GEN CHANGE PR "group 1 m 0 -\ngroup 1 n 0 -\n" END, -EBADMSG, 11 },
	{ "two groups of a machine", HEAD_P GEN CHANGE PR "group 1 m 0 -\ngroup 2 m 0 -\n" END, -EBADMSG, 12 },
	{ "a group without a machine", HEAD_P GEN CHANGE PR "group 1 - 0 gw1\n" END, -EBADMSG, 10 },
	{ "half out of service", HEAD_P GEN CHANGE PR "group 1 m 2 gw1\n" END, -EBADMSG, 10 },
	{ "a group that says no more than its number", HEAD_P GEN CHANGE PR "group 1\n" END, -EBADMSG, 10 },
	{ "a group without a name", HEAD_P GEN CHANGE PR "group 1 m 0\n" END, -EBADMSG, 10 },
	{ "more behind a group", HEAD_P GEN CHANGE PR "group 1 m 0 gw1 x\n" END, -EBADMSG, 10 },
	{ "port 0", HEAD_P GEN CHANGE PR "group 1 m 0 -\nport 0 1 1 iqn\n" END, -EBADMSG, 11 },
	{ "a port twice", HEAD_P GEN CHANGE PR "group 1 m 0 -\nport 1 1 1 a\nport 1 1 1 b\n" END, -EBADMSG, 12 },
	{ "a port with two numbers", HEAD_P GEN CHANGE PR "group 1 m 0 -\nport 1 1 1 a\nport 2 1 1 a\n" END,
	  -EBADMSG, 13 },
	{ "a port of the same name in another group", HEAD_P GEN CHANGE PR "group 1 m 0 -\ngroup 2 n 0 -\nport 1 1 1 a\n"
	  "port 2 2 1 a\n" END, 0, 15 },
	{ "port 65536", HEAD_P GEN CHANGE PR "group 1 m 0 -\nport 65536 1 1 iqn\n" END, -EBADMSG, 11 },
	{ "a port without a name", HEAD_P GEN CHANGE PR "group 1 m 0 -\nport 1 1 1 -\n" END, -EBADMSG, 11 },
	{ "a port that says no more than its number", HEAD_P GEN CHANGE PR "group 1 m 0 -\nport 1\n" END, -EBADMSG, 11 },
	{ "half present", HEAD_P GEN CHANGE PR "group 1 m 0 -\nport 1 1 2 iqn\n" END, -EBADMSG, 11 },
	{ "a port of a name that is left out", HEAD_P GEN CHANGE PR "group 1 m 0 -\nport 1 1 1\n" END, -EBADMSG, 11 },
	{ "more behind a port", HEAD_P GEN CHANGE PR "group 1 m 0 -\nport 1 1 1 iqn x\n" END, -EBADMSG, 11 },
	{ "a keyword that goes on", HEAD GEN CHANGE PR "ending\n", -EBADMSG, 10 },
};

static void check_texts(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		unsigned int line = 0;
		int ret = read_text(texts[i].text, strlen(texts[i].text), &line);

		ktap_ok(ret == texts[i].wanted && line == texts[i].line, "%s", texts[i].what);
		if (ret != texts[i].wanted || line != texts[i].line)
			printf("# got %d in line %u\n", ret, line);
	}
}

/*
 * A text that is cut anywhere is no record; with any byte changed it is none, or one that is
 * written the same way.
 */
static void check_damage(void)
{
	char text[] = ALL;
	size_t len = strlen(text), i;
	unsigned int taken = 0;
	int byte;

	for (i = 0; i < len; i++)
		taken += !read_text(text, i, NULL);
	ktap_ok(!taken, "a record that was cut off is none");

	for (i = 0; i < len; i++) {
		char was = text[i];

		for (byte = 0; byte < 256; byte++) {
			text[i] = (char)byte;
			read_text(text, len, NULL);
		}
		text[i] = was;
	}
	ktap_ok(1, "with any byte changed, it is none or one that is written the same way");
}

/* Put lines and pieces of lines together at random. */
static void check_random(void)
{
	static const char *const pieces[] = {
		HEAD, GEN, SIZE, CHANGE, PR, SPC2, PREEMPTED, RES, REG16, REG17, REST, END, HEAD_P, PORTS, HEAD_2, REST_2, REST_M, HEAD_1, REST_1, "registration ", "0", " ", "\n", "16", "-", "*",
		"reservation 7 0\n", "gateway 1 a 1 b 7 m 0\n", "fenced a 1 2 3\n",
	};
	static char text[4096];
	unsigned int i;

	srand(1);
	for (i = 0; i < 300000; i++) {
		size_t len = 0;
		int n = rand() % 14, piece, at = 0;

		while (n--) {
			/* mostly in the right order */
			piece = rand() % 4 ? at++ % 11 : rand() % (int)(sizeof(pieces) / sizeof(*pieces));
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", pieces[piece]);
		}
		read_text(text, len, NULL);
	}
	ktap_ok(1, "so with pieces put together at random");
}

static void check_size(void)
{
	static char text[TEXT_MAX];
	char small[32];
	unsigned int i;
	size_t len;

	record.pr.room = TRBD_PR_REGISTRATIONS_MAX;
	trbd_record_decode(FULL, strlen(FULL), &record, NULL);
	record.pr.type = TRBD_PR_WRITE_EXCLUSIVE_ALL;
	record.pr.holder = 0;
	record.pr.incarnations = 1024;
	record.pr.count = 1024;
	for (i = 0; i < 1024; i++) {
		memset(&registrations[i], 0, sizeof(registrations[i]));
		registrations[i].incarnation = i + 1;
		registrations[i].key = i + 1;
		/* as long as names get */
		snprintf(registrations[i].nexus.initiator, TRBD_PR_INITIATOR_MAX, "iscsi:iqn.%0213d,i,0x%012x", i, i);
		snprintf(registrations[i].nexus.target, TRBD_PR_TARGET_MAX, "iqn.%0219d,t,0x%04x", 1, 1);
	}
	len = trbd_record_encode(&record, text, sizeof(text));
	ktap_ok(len < sizeof(text), "1,024 registrations of the longest names fit into a MiB");
	ktap_ok(!read_text(text, len, NULL) && record.pr.count == 1024, "and can be read");
	ktap_ok(trbd_record_encode(&record, small, sizeof(small)) == len && strlen(small) == sizeof(small) - 1,
	   "without room the length is told");
	record.pr.room = 1023;
	ktap_ok(trbd_record_decode(text, len, &record, NULL) == -EBADMSG, "more registrations than there is room for");
	record.pr.room = TRBD_PR_REGISTRATIONS_MAX;
}

static void check_lists(void)
{
	static char text[65536];
	const char *const lines[] = { "gateway 1 a 1 b 7 m 0\n", "fenced a 1 2 3\n" };
	unsigned int kind, n;

	for (kind = 0; kind < 2; kind++) {
		for (n = 64; n <= 65; n++) {
			size_t len = (size_t)sprintf(text, HEAD GEN CHANGE PR);
			unsigned int i;

			for (i = 0; i < n; i++)
				len += (size_t)sprintf(text + len, "%s", lines[kind]);
			len += (size_t)sprintf(text + len, END);
			ktap_ok(read_text(text, len, NULL) == (n == 64 ? 0 : -EBADMSG), "%s", n == 64 ? "64 in a list" : "not 65");
		}
	}
}

/* Read a record of so many groups and ports. Port by port, the groups take turns. */
static int read_with(unsigned int groups, unsigned int ports)
{
	static char text[65536];
	size_t len = (size_t)sprintf(text, HEAD_P GEN CHANGE PR);
	unsigned int i;

	for (i = 1; i <= groups; i++)
		len += (size_t)sprintf(text + len, "group %u m%u 0 -\n", i, i);
	for (i = 1; i <= ports; i++)
		len += (size_t)sprintf(text + len, "port %u %u 1 iqn.%u\n", i, (i - 1) % groups + 1, i);
	len += (size_t)sprintf(text + len, END);
	return read_text(text, len, NULL);
}

static void check_ports(void)
{
	ktap_ok(!read_with(64, 128) && record.num_groups == 64 && record.groups[63].number == 64 &&
		!strcmp(record.groups[63].machine, "m64") && record.num_ports == 128 && record.ports[127].rtpi == 128 &&
		record.ports[127].group == 64 && record.ports[127].present &&
		!strcmp(record.ports[127].target, "iqn.128"), "64 groups of 128 ports");
	ktap_ok(read_with(65, 1) == -EBADMSG, "not 65 groups");
	ktap_ok(read_with(1, 129) == -EBADMSG, "not 129 ports");
}

static void check_old(void)
{
	const char *text = HEAD_1 GEN CHANGE PR REST_1 END;
	int ret = trbd_record_decode(text, strlen(text), &record, NULL);

	ktap_ok(!ret && record.num_gateways == 2 && !record.gateways[0].member && !*record.gateways[0].machine &&
		!strcmp(record.gateways[0].name, "gw1") && record.num_fenced == 1 && !record.fenced[0].since &&
		!record.fenced[0].renewed, "version 1 says neither machine nor membership nor times");
}

/* Writes the record and looks at the beginning of the text. */
static bool is_written_as(const char *magic)
{
	trbd_record_encode(&record, again, sizeof(again));
	return !memcmp(again, magic, strlen(magic));
}

static void check_mixed(void)
{
	const char *text = HEAD_2 GEN CHANGE PR REST_M END;
	int ret = trbd_record_decode(text, strlen(text), &record, NULL);

	ktap_ok(!ret && record.gateways[0].features == 1 && !strcmp(record.gateways[0].machine, "2f6b11a90c45d7e8") &&
		!record.gateways[1].features, "version 2 says which gateways know more");
	ktap_ok(is_written_as(MAGIC_2) && !strcmp(again, text), "as long as one does not, version 2 is written");
	trbd_record_remove_gateway(&record, 4712);
	ktap_ok(is_written_as("target_core_rbd.lu 3\nfeatures 0\n"), "then version 3");
	record.gateways[0].features = 0;
	record.version = 0;
	ktap_ok(is_written_as(MAGIC_2), "a new record is written so that the gateways that are carried over can read it");
	record.version = 3;
	ktap_ok(is_written_as("target_core_rbd.lu 3\n"), "and one of version 3 stays one");
	text = HEAD_2 GEN CHANGE PR "gateway 4711 a 0 gw1 815 -/1\n" END;
	ret = trbd_record_decode(text, strlen(text), &record, NULL);
	ktap_ok(!ret && !*record.gateways[0].machine && record.gateways[0].features == 1,
		"no machine can be named \"-\", whatever is behind it");
}

static void check_block_size(void)
{
	const char *text = HEAD GEN CHANGE PR END;

	ktap_ok(!read_text(text, strlen(text), NULL) && trbd_settings_block_size(&record.settings) == 512,
		"a record without a block size means 512 bytes");
	text = HEAD GEN SIZE CHANGE PR END;
	ktap_ok(!read_text(text, strlen(text), NULL) && trbd_settings_block_size(&record.settings) == 4096,
		"or it says how many");
	memset(&record.settings, 0, sizeof(record.settings));
	trbd_record_encode(&record, again, sizeof(again));
	ktap_ok(!strcmp(again, HEAD GEN CHANGE PR END), "one that has none yet names none");
	trbd_settings_put(&record.settings, TRBD_SETTING_BLOCK_SIZE, 512);
	trbd_record_encode(&record, again, sizeof(again));
	ktap_ok(!strcmp(again, HEAD GEN CHANGE PR END), "nor does one of 512 bytes, which nobody could read");
}

static void check_settings(void)
{
	const char *text = HEAD_S GEN SETTINGS CHANGE PR END;
	const struct trbd_settings *settings = &record.settings;

	ktap_ok(!read_text(text, strlen(text), NULL) && settings->values[TRBD_SETTING_WRITE_CACHE] == 1 &&
		trbd_settings_have(settings, TRBD_SETTING_CAW) && !settings->values[TRBD_SETTING_CAW] &&
		!trbd_settings_have(settings, TRBD_SETTING_TPU), "settings that are named have values, and others have none");
	record.features = 0;
	trbd_record_encode(&record, again, sizeof(again));
	ktap_ok(!strstr(again, "setting "), "gateways that do not know of settings read of none");
}

static void check_files(char **names)
{
	for (; *names; names++) {
		static char text[TEXT_MAX];
		FILE *file = fopen(*names, "r");
		size_t len = file ? fread(text, 1, sizeof(text), file) : 0;
		unsigned int line;
		int ret = read_text(text, len, &line);

		printf("%s: %s, line %u\n", *names, ret ? strerror(-ret) : "a record", line);
		if (file)
			fclose(file);
	}
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		check_files(argv + 1);
		return 0;
	}
	ktap_begin();
	check_texts();
	check_damage();
	check_random();
	check_size();
	check_lists();
	check_ports();
	check_old();
	check_mixed();
	check_block_size();
	check_settings();
	return ktap_end();
}

#endif
