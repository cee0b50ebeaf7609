// SPDX-License-Identifier: GPL-2.0
/*
 * Keep commands in flight for a while, count them, and time each.
 *
 *	iops URL KIB DEPTH READS SECONDS
 *
 * DEPTH commands of KIB KiB each are in flight, at random multiples of KIB KiB. READS percent of
 * them are reads. Print, in one line: how many ended within SECONDS; the microseconds within which
 * half of them ended, and 99 percent; and how often the gateway answered BUSY. A command that got
 * BUSY is sent again, and its time goes on.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "basics.h"
#include "session.h"

#define DEPTH_MAX	256

struct slot {
	bool reads;
	uint64_t lba;
	uint64_t start;
};

static struct session session;
static struct slot slots[DEPTH_MAX];
static unsigned char *data;
static uint32_t bytes;
static uint64_t places;		/* of the disk, each as long as a command */
static uint64_t reads;
static uint64_t end;		/* ns */
static unsigned int in_flight;
static unsigned long busy;

static uint32_t *times;		/* us, of those that have ended */
static size_t times_len, times_max;

static void begin(struct slot *slot);

static void note(uint64_t ns)
{
	if (times_len == times_max) {
		times_max = times_max ? 2 * times_max : 65536;
		times = realloc(times, times_max * sizeof(*times));
		if (!times)
			die("no memory");
	}
	times[times_len++] = (uint32_t)(ns / 1000);
}

static void send_slot(struct slot *slot);

static void slot_ended(struct iscsi_context *iscsi, int status, void *task, void *arg)
{
	struct slot *slot = arg;
	uint64_t now = now_ns();

	scsi_free_scsi_task(task);
	if (status == SCSI_STATUS_BUSY) {
		busy++;
		send_slot(slot);
		return;
	}
	if (status != SCSI_STATUS_GOOD)
		die("status 0x%x: %s", status, iscsi_get_error(iscsi));
	in_flight--;
	if (now >= end)
		return;
	note(now - slot->start);
	begin(slot);
}

static void send_slot(struct slot *slot)
{
	struct scsi_task *task;

	if (slot->reads)
		task = iscsi_read16_task(session.iscsi, session.lun, slot->lba, bytes, BLOCK, 0, 0, 0, 0, 0, slot_ended,
					 slot);
	else
		task = iscsi_write16_task(session.iscsi, session.lun, slot->lba, data, bytes, BLOCK, 0, 0, 0, 0, 0,
					  slot_ended, slot);
	if (!task)
		die("%s", iscsi_get_error(session.iscsi));
}

static void begin(struct slot *slot)
{
	slot->reads = below(100) < reads;
	slot->lba = below(places) * (bytes / BLOCK);
	slot->start = now_ns();
	in_flight++;
	send_slot(slot);
}

static void serve(void)
{
	struct pollfd fd = {
		.fd = iscsi_get_fd(session.iscsi),
		.events = (short)iscsi_which_events(session.iscsi),
	};

	if (poll(&fd, 1, 1000) < 0)
		die("poll failed");
	if (iscsi_service(session.iscsi, fd.revents))
		die("%s", iscsi_get_error(session.iscsi));
}

static uint64_t disk_bytes(void)
{
	struct scsi_task *task = iscsi_readcapacity16_sync(session.iscsi, session.lun);
	const struct scsi_readcapacity16 *capacity = task ? scsi_datain_unmarshall(task) : NULL;
	uint64_t size;

	if (!capacity || capacity->block_length != BLOCK)
		die("READ CAPACITY: %s", iscsi_get_error(session.iscsi));
	size = (capacity->returned_lba + 1) * BLOCK;
	scsi_free_scsi_task(task);
	return size;
}

static int compare_times(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	unsigned int i, depth;

	if (argc != 6)
		die("usage: iops URL KIB DEPTH READS SECONDS");
	bytes = (uint32_t)atoi(argv[2]) << 10;
	depth = (unsigned int)atoi(argv[3]);
	reads = (uint64_t)atoi(argv[4]);
	data = bytes ? malloc(bytes) : NULL;
	if (!data || !depth || depth > DEPTH_MAX)
		die("%s KiB, depth %s", argv[2], argv[3]);
	for (i = 0; i < bytes; i++)
		data[i] = (unsigned char)below(256);

	session_prepare(&session, argv[1], "iops");
	if (iscsi_full_connect_sync(session.iscsi, session.portal, session.lun))
		die("%s: %s", argv[1], iscsi_get_error(session.iscsi));
	places = disk_bytes() / bytes;
	if (!places)
		die("the disk is shorter than a command");

	end = now_ns() + (uint64_t)(atof(argv[5]) * SECOND);
	for (i = 0; i < depth; i++)
		begin(&slots[i]);
	while (in_flight)
		serve();
	if (!times_len)
		die("no command ended in time");
	qsort(times, times_len, sizeof(*times), compare_times);
	printf("%zu %u %u %lu\n", times_len, times[times_len / 2], times[times_len - 1 - times_len / 100], busy);
	session_close(&session);
	return 0;
}
