// SPDX-License-Identifier: GPL-2.0
/*
 * Open sessions with a unit that will stand still and with one that goes on.
 *
 *	isolation ROLE URL [ROLE URL]...
 *
 * A role tells the task of a session there:
 *
 *	slow	is one of many commands that will wait
 *	fast	keeps some commands on their way, and counts those that ended
 *	both	the URL's unit is the slow one, and the unit after it the fast one
 *
 * The commands are READ, WRITE, VERIFY with data, WRITE SAME, COMPARE AND WRITE and UNMAP, in turn.
 * First every place is written once. Then lines from stdin give orders, and each is answered with a
 * line:
 *
 *	stick		sends all commands to the slow unit		stuck NUMBER
 *	count MS	commands to the fast unit for that long		ROLE NUMBER for each
 *								session, waiting NUMBER
 *	drain		until nothing waits, and all were good		drained, NUMBER were sent
 *								again
 *
 * A command that ends with BUSY is sent again. So is one that ends with the unit attention about
 * paths: the gateways of the slow unit may leave their group for a while. The status is 1 if a
 * session broke, or a command had a wrong answer.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "basics.h"
#include "nexus.h"

#define SESSIONS_MAX	16
/* fewer than LIO lets a session have on their way (64) */
#define SLOW_DEPTH	56
#define BOTH_DEPTH	42
#define FAST_DEPTH	4
#define PATIENCE	(600 * SECOND)

#define LENGTH		8	/* blocks of a command */
#define OBJECT		8192	/* blocks */
#define OBJECTS		16	/* of a unit */
#define UNMAPPED	64	/* a place behind the others */
/* UNIT ATTENTION, ASYMMETRIC ACCESS STATE CHANGED */
#define PATHS_CHANGED	"6/2a/06"

enum kind { READ, WRITE, VERIFY, SAME, CAW, UNMAP, KINDS };

/**
 * struct slot - a place on a unit, and the command that is there
 * @command: must be first
 * @session: index
 * @lun: unit
 * @lba: place; one command at a time
 * @kind: of the command
 * @slow: the unit is the slow one
 * @waits: the command is on its way
 * @good: the last command ended well
 */
struct slot {
	struct nexus_command command;
	unsigned int session;
	int lun;
	uint64_t lba;
	enum kind kind;
	bool slow;
	bool waits;
	bool good;
};

static struct nexus nexuses[SESSIONS_MAX];
static const char *roles[SESSIONS_MAX];
static unsigned long ended[SESSIONS_MAX];
static unsigned int count;
static struct slot slots[SESSIONS_MAX * (SLOW_DEPTH + FAST_DEPTH)];
static unsigned int num_slots, places[2];
static bool primed, counting;
static unsigned char pattern[2 * LENGTH * BLOCK];

static struct scsi_task *send_task(struct slot *slot)
{
	struct unmap_list list = { .lba = slot->lba + UNMAPPED, .num = LENGTH };
	struct iscsi_context *iscsi = nexuses[slot->session].session.iscsi;
	uint32_t len = LENGTH * BLOCK;
	uint64_t lba = slot->lba;
	int lun = slot->lun;

	switch (slot->kind) {
	case READ:
		return iscsi_read16_task(iscsi, lun, lba, len, BLOCK, 0, 0, 0, 0, 0, nexus_answered, slot);
	case WRITE:
		return iscsi_write16_task(iscsi, lun, lba, pattern, len, BLOCK, 0, 0, 0, 0, 0, nexus_answered, slot);
	case VERIFY:
		return iscsi_verify16_task(iscsi, lun, pattern, len, lba, 0, 0, 1, BLOCK, nexus_answered, slot);
	case SAME:
		return iscsi_writesame16_task(iscsi, lun, lba, pattern, BLOCK, LENGTH, 0, 0, 0, 0, nexus_answered,
					      slot);
	case CAW:
		return iscsi_compareandwrite_task(iscsi, lun, lba, pattern, 2 * BLOCK, BLOCK, 0, 0, 0, 0, 0,
						  nexus_answered, slot);
	default:
		return iscsi_unmap_task(iscsi, lun, 0, 0, &list, 1, nexus_answered, slot);
	}
}

static void slot_send(struct slot *slot)
{
	struct nexus *nexus = &nexuses[slot->session];

	slot->waits = true;
	nexus_begin(nexus, &slot->command);
	nexus_begun(nexus, &slot->command, send_task(slot));
}

static void slot_ended(struct nexus_command *command, const char *result, struct scsi_task *task)
{
	struct slot *slot = (struct slot *)command;

	slot->waits = false;
	slot->good = !strcmp(result, "good");
	if (!strcmp(result, "lost"))
		die("%s: a command was lost", nexuses[slot->session].url);
	/* a new session may get a unit attention */
	if (!primed)
		return;
	if (!slot->good && strcmp(result, "busy") && strcmp(result, PATHS_CHANGED))
		die("%s: %s", nexuses[slot->session].url, result);
	if (slot->slow)
		return;
	if (slot->good && slot->kind == READ && (task->datain.size != LENGTH * BLOCK ||
						 memcmp(task->datain.data, pattern, LENGTH * BLOCK)))
		die("the fast unit: reads what nobody wrote");
	if (!counting)
		return;
	if (slot->good) {
		ended[slot->session]++;
		slot->kind = (slot->kind + 1) % KINDS;
	}
	slot_send(slot);
}

static void serve(void)
{
	unsigned int i;

	nexus_serve(nexuses, count, PATIENCE, 10);
	for (i = 0; i < count; i++) {
		if (nexuses[i].broken || nexuses[i].lost)
			die("%s: the session broke", nexuses[i].url);
	}
}

static unsigned int waiting(bool slow)
{
	unsigned int i, n = 0;

	for (i = 0; i < num_slots; i++)
		n += slots[i].waits && slots[i].slow == slow;
	return n;
}

static void send_all(bool slow)
{
	unsigned int i;

	for (i = 0; i < num_slots; i++) {
		if (slots[i].slow == slow && !slots[i].waits)
			slot_send(&slots[i]);
	}
}

/* The places of a unit are in all of its objects, so that commands do not wait for each other. */
static void add_slots(unsigned int session, int lun, unsigned int n, bool slow)
{
	while (n--) {
		unsigned int place = places[slow]++;

		slots[num_slots++] = (struct slot) {
			.command.ended = slot_ended, .session = session, .lun = lun, .slow = slow, .kind = WRITE,
			.lba = place % OBJECTS * OBJECT + place / OBJECTS * 2 * UNMAPPED,
		};
	}
}

static void logged_in(struct nexus *nexus)
{
	unsigned int session = nexus->number;
	const char *role = roles[session];

	if (!strcmp(role, "slow"))
		add_slots(session, nexus->session.lun, SLOW_DEPTH, true);
	else if (!strcmp(role, "both"))
		add_slots(session, nexus->session.lun, BOTH_DEPTH, true);
	if (!strcmp(role, "fast"))
		add_slots(session, nexus->session.lun, FAST_DEPTH, false);
	else if (!strcmp(role, "both"))
		add_slots(session, nexus->session.lun + 1, FAST_DEPTH, false);
}

static unsigned int not_good(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < num_slots; i++)
		n += !slots[i].good;
	return n;
}

/* Send until the last command at each place was good. */
static void until_good(void)
{
	unsigned int i;

	while (not_good()) {
		for (i = 0; i < num_slots; i++) {
			if (!slots[i].good && !slots[i].waits)
				slot_send(&slots[i]);
		}
		serve();
	}
}

/* Open all sessions, and write the data that commands of every kind will find. */
static void begin(void)
{
	unsigned int i, left;

	do {
		serve();
		for (left = 0, i = 0; i < count; i++)
			left += nexuses[i].state != NEXUS_UP;
	} while (left);

	memset(pattern, 0x5a, sizeof(pattern));
	for (i = 0; i < num_slots; i++)
		slots[i].kind = WRITE;
	until_good();
	for (i = 0; i < num_slots; i++)
		slots[i].kind = i % KINDS;
	primed = true;
}

static void stick(void)
{
	send_all(true);
	printf("stuck %u\n", waiting(true));
}

static void count_for(uint64_t ms)
{
	uint64_t end = now_ns() + ms * (SECOND / 1000);
	unsigned int i;

	memset(ended, 0, sizeof(ended));
	counting = true;
	send_all(false);
	while (now_ns() < end)
		serve();
	counting = false;
	for (i = 0; i < count; i++) {
		if (strcmp(roles[i], "slow"))
			printf("%s %lu, ", roles[i], ended[i]);
	}
	printf("waiting %u\n", waiting(true));
}

static void drain(void)
{
	unsigned int again;

	while (waiting(true) || waiting(false))
		serve();
	again = not_good();
	until_good();
	printf("drained, %u were sent again\n", again);
}

int main(int argc, char **argv)
{
	char line[64];
	int i;

	if (argc < 3 || argc % 2 == 0 || argc > 1 + 2 * SESSIONS_MAX) {
		fprintf(stderr, "usage: isolation ROLE URL [ROLE URL]...\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 1; i < argc; i += 2) {
		struct nexus *nexus = &nexuses[count];

		roles[count] = argv[i];
		nexus->url = argv[i + 1];
		nexus->number = count++;
		nexus->logged_in = logged_in;
		snprintf(nexus->name, sizeof(nexus->name), "isolation-%u", nexus->number);
	}
	begin();
	printf("ready\n");
	while (fgets(line, sizeof(line), stdin)) {
		if (!strcmp(line, "stick\n"))
			stick();
		else if (!strncmp(line, "count ", 6))
			count_for(strtoull(line + 6, NULL, 0));
		else if (!strcmp(line, "drain\n"))
			drain();
		else
			die("%s: is no command", line);
	}
	return 0;
}
