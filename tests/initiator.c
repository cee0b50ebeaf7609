// SPDX-License-Identifier: GPL-2.0
/*
 * What tests need of an initiator and qemu-io does not have.
 *
 *	initiator URL NAME count LBA TIMES     adds 1 to a counter in the block, TIMES times, with COMPARE AND WRITE;
 *	                                       prints how many rounds were lost
 *	initiator URL NAME caw LBA OLD NEW     one COMPARE AND WRITE of a block filled with OLD, to NEW
 *	initiator URL NAME fill LBA SECONDS    writes the block over and over
 *
 * NAME is the initiator's, without the prefix. The status is 0, or 1 with a line that says what went wrong. BUSY
 * and a lost path are tried again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>

#define BLOCK 512

static struct iscsi_context *iscsi;
static int lun;

static void die(const char *what)
{
	printf("%s: %s\n", what, iscsi_get_error(iscsi));
	exit(1);
}

static void connect_to(const char *url, const char *name)
{
	char initiator[256];
	struct iscsi_url *parsed;

	snprintf(initiator, sizeof(initiator), "iqn.2026-11.test.lab:%s", name);
	iscsi = iscsi_create_context(initiator);
	parsed = iscsi ? iscsi_parse_full_url(iscsi, url) : NULL;
	if (!parsed)
		die("url");
	iscsi_set_session_type(iscsi, ISCSI_SESSION_NORMAL);
	if (iscsi_full_connect_sync(iscsi, parsed->portal, parsed->lun))
		die("connect");
	lun = parsed->lun;
}

static void read_block(uint32_t lba, uint8_t *block)
{
	struct scsi_task *task = iscsi_read10_sync(iscsi, lun, lba, BLOCK, BLOCK, 0, 0, 0, 0, 0);

	if (!task || task->status != SCSI_STATUS_GOOD || task->datain.size != BLOCK)
		die("read");
	memcpy(block, task->datain.data, BLOCK);
	scsi_free_scsi_task(task);
}

/* 1: done, 0: miscompare, -1: busy */
static int compare_and_write(uint64_t lba, const uint8_t *old, const uint8_t *new)
{
	uint8_t data[2 * BLOCK];
	struct scsi_task *task;
	int ret = 1;

	memcpy(data, old, BLOCK);
	memcpy(data + BLOCK, new, BLOCK);
	task = iscsi_compareandwrite_sync(iscsi, lun, lba, data, sizeof(data), BLOCK, 0, 0, 0, 0, 0);
	if (!task)
		die("compare and write");
	if (task->status == SCSI_STATUS_BUSY)
		ret = -1;
	else if (task->status == SCSI_STATUS_CHECK_CONDITION && task->sense.key == SCSI_SENSE_MISCOMPARE)
		ret = 0;
	else if (task->status != SCSI_STATUS_GOOD)
		die("compare and write");
	scsi_free_scsi_task(task);
	return ret;
}

static void count(uint64_t lba, unsigned long times)
{
	uint8_t old[BLOCK], new[BLOCK];
	unsigned long lost = 0, busy = 0;

	while (times) {
		uint64_t value;
		int ret;

		read_block(lba, old);
		memcpy(new, old, BLOCK);
		memcpy(&value, new, sizeof(value));
		value++;
		memcpy(new, &value, sizeof(value));
		ret = compare_and_write(lba, old, new);
		if (ret > 0)
			times--;
		else if (ret < 0)
			busy++;
		else
			lost++;
	}
	printf("lost %lu busy %lu\n", lost, busy);
}

static void fill(uint32_t lba, unsigned int seconds)
{
	time_t end = time(NULL) + seconds;
	uint8_t block[BLOCK];
	unsigned long writes = 0, busy = 0;

	while (time(NULL) < end) {
		struct scsi_task *task;

		memset(block, (int)(writes % 255 + 1), sizeof(block));
		task = iscsi_write10_sync(iscsi, lun, lba, block, BLOCK, BLOCK, 0, 0, 0, 0, 0);
		if (!task || (task->status != SCSI_STATUS_GOOD && task->status != SCSI_STATUS_BUSY))
			die("write");
		if (task->status == SCSI_STATUS_BUSY)
			busy++;
		writes++;
		scsi_free_scsi_task(task);
	}
	printf("writes %lu busy %lu\n", writes, busy);
}

int main(int argc, char **argv)
{
	uint64_t lba;

	if (argc < 6) {
		fprintf(stderr, "usage: initiator URL NAME count LBA TIMES | caw LBA OLD NEW | fill LBA SECONDS\n");
		return 2;
	}
	connect_to(argv[1], argv[2]);
	lba = strtoull(argv[4], NULL, 0);
	if (!strcmp(argv[3], "count")) {
		count(lba, strtoul(argv[5], NULL, 0));
	} else if (!strcmp(argv[3], "caw") && argc == 7) {
		uint8_t old[BLOCK], new[BLOCK];

		memset(old, (int)strtol(argv[5], NULL, 0), BLOCK);
		memset(new, (int)strtol(argv[6], NULL, 0), BLOCK);
		switch (compare_and_write(lba, old, new)) {
		case 0:
			printf("miscompare\n");
			return 1;
		case -1:
			printf("busy\n");
			return 1;
		default:
			printf("wrote\n");
		}
	} else if (!strcmp(argv[3], "fill")) {
		fill(lba, (unsigned int)strtoul(argv[5], NULL, 0));
	} else {
		return 2;
	}
	return 0;
}
