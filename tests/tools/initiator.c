// SPDX-License-Identifier: GPL-2.0
/*
 * Commands that tests need of an initiator and qemu-io does not have.
 *
 *	initiator URL NAME count LBA TIMES     adds 1 to a counter in the block, TIMES times, with
 *	                                       COMPARE AND WRITE; prints how many rounds were lost
 *	initiator URL NAME caw LBA OLD NEW     one COMPARE AND WRITE of a block filled with OLD, to
 *	                                       NEW
 *	initiator URL NAME fill LBA SECONDS    writes the block over and over, until the time is up
 *	                                       or SIGTERM comes; prints how many writes, how many
 *	                                       of them BUSY, and how long one took at most
 *	initiator URL NAME attention 0 SECONDS waits for a unit attention, with TEST UNIT READY;
 *	                                       prints ASC/ASCQ, and the answer to the next command
 *	initiator URL NAME abort LBA BLOCKS    writes blocks of 0xa1, and aborts the task a second
 *	                                       later; prints "abort sent", and "abort answered" and
 *	                                       after how long when it was
 *	initiator URL NAME reset LBA BLOCKS    the same with LOGICAL UNIT RESET
 *	initiator URL NAME abortread LBA BLOCKS  reads blocks, and aborts the task a second later;
 *	                                         prints the same
 *	initiator URL NAME aborts LBA COUNT    writes COUNT blocks with a command each, and aborts
 *	                                       each of them a second later; prints "aborts
 *	                                       answered" and after how long, when all were
 *	initiator URL NAME verify LBA BLOCKS   one VERIFY (16) without data; prints how it ended
 *	initiator URL NAME zero LBA BLOCKS     one WRITE SAME (16) with NDOB, and so without data;
 *	                                       prints how it ended
 *	initiator URL NAME nothing LBA BLOCKS  one without NDOB whose data are missing; prints how
 *	                                       it ended
 *	initiator URL NAME sync LBA BLOCKS     one SYNCHRONIZE CACHE (16); prints how it ended
 *	initiator URL NAME unmap LBA BLOCKS    one UNMAP, with a descriptor for each block
 *	initiator URL NAME keys 0 COUNT        as many PERSISTENT RESERVE IN, and LOGICAL UNIT
 *	                                       RESET a second later
 *	initiator URL NAME readkeys 0 1        one PERSISTENT RESERVE IN; prints how it ended
 *	initiator URL NAME abortkeys 0 1       one, which is aborted a second later
 *
 * initiator -w ... prints "ready" when it has logged in, and goes on after a line on stdin. NAME is
 * the initiator's, without the prefix. The status is 0, or 1 with a line that says what went wrong.
 * BUSY and a lost path are tried again, but not by unmap.
 */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "basics.h"
#include "session.h"

static struct session session;
static struct iscsi_context *iscsi;
static int lun;
static uint64_t sent_ms;

static void failed(const char *what)
{
	die("%s: %s", what, iscsi_get_error(iscsi));
}

static void connect_to(const char *url, const char *name)
{
	session_prepare(&session, url, name);
	iscsi = session.iscsi;
	lun = session.lun;
	if (iscsi_full_connect_sync(iscsi, session.portal, lun))
		failed("connect");
}

static void read_block(uint32_t lba, uint8_t *block)
{
	struct scsi_task *task = iscsi_read10_sync(iscsi, lun, lba, BLOCK, BLOCK, 0, 0, 0, 0, 0);

	if (!task || task->status != SCSI_STATUS_GOOD || task->datain.size != BLOCK)
		failed("read");
	memcpy(block, task->datain.data, BLOCK);
	scsi_free_scsi_task(task);
}

/* Return: 1: done, 0: miscompare, -1: busy */
static int compare_and_write(uint64_t lba, const uint8_t *old, const uint8_t *new)
{
	uint8_t data[2 * BLOCK];
	struct scsi_task *task;
	int ret = 1;

	memcpy(data, old, BLOCK);
	memcpy(data + BLOCK, new, BLOCK);
	task = iscsi_compareandwrite_sync(iscsi, lun, lba, data, sizeof(data), BLOCK, 0, 0, 0, 0, 0);
	if (!task)
		failed("compare and write");
	if (task->status == SCSI_STATUS_BUSY)
		ret = -1;
	else if (task->status == SCSI_STATUS_CHECK_CONDITION && task->sense.key == SCSI_SENSE_MISCOMPARE)
		ret = 0;
	else if (task->status != SCSI_STATUS_GOOD)
		failed("compare and write");
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

/*
 * Return the INFORMATION field of sense data; libiscsi leaves it in the data, behind their length.
 */
static long sense_information(const struct scsi_task *task)
{
	const uint8_t *sense = task->datain.data + 2;
	int at = 3;

	if (task->datain.size < 2 + 18)
		return -1;
	if ((sense[0] & 0x7f) == 0x72) {
		if (sense[8] != 0 || !(sense[10] & 0x80))
			return -1;
		at = 16;
	} else if (!(sense[0] & 0x80)) {
		return -1;
	}
	return (long)sense[at] << 24 | sense[at + 1] << 16 | sense[at + 2] << 8 | sense[at + 3];
}

/* Return: for how long it was executed, in ms. */
static long miscompare(uint64_t lba, int byte, uint8_t *data)
{
	uint64_t start = now_ms();
	struct scsi_task *task;
	long ms;

	data[byte] ^= 0xff;
	task = iscsi_compareandwrite_sync(iscsi, lun, lba, data, 2 * BLOCK, BLOCK, 0, 0, 0, 0, 0);
	data[byte] ^= 0xff;
	ms = (long)(now_ms() - start);
	if (!task)
		failed("compare and write");
	if (task->status != SCSI_STATUS_CHECK_CONDITION || task->sense.key != SCSI_SENSE_MISCOMPARE ||
	    sense_information(task) != byte)
		printf("byte %d: status 0x%02x sense %x at byte %ld\n", byte, task->status, task->sense.key,
		       sense_information(task));
	scsi_free_scsi_task(task);
	return ms;
}

static int by_time(const void *a, const void *b)
{
	return *(const long *)a > *(const long *)b ? 1 : -1;
}

/*
 * Send a COMPARE AND WRITE for each byte of a block, which differs there: a miscompare that says
 * where. Print the median and the longest of their times, each the best of three: a time that is
 * long by chance is not so again.
 */
static void miscompares(uint64_t lba)
{
	uint8_t data[2 * BLOCK];
	long times[BLOCK];
	int byte, i;

	read_block((uint32_t)lba, data);
	memset(data + BLOCK, 0xa1, BLOCK);
	for (byte = 0; byte < BLOCK; byte++)
		times[byte] = miscompare(lba, byte, data);
	for (byte = 0; byte < BLOCK; byte++) {
		for (i = 0; i < 2 && times[byte] > 1000; i++) {
			long again = miscompare(lba, byte, data);

			times[byte] = again < times[byte] ? again : times[byte];
		}
	}
	qsort(times, BLOCK, sizeof(*times), by_time);
	printf("median %ld ms longest %ld ms\n", times[BLOCK / 2], times[BLOCK - 1]);
}

/*
 * Tell whether SIGTERM came. It stays pending: libiscsi would take an interrupted poll for a broken
 * session.
 */
static int was_stopped(void)
{
	sigset_t pending;

	sigpending(&pending);
	return sigismember(&pending, SIGTERM);
}

static void fill(uint32_t lba, unsigned int seconds)
{
	time_t end = time(NULL) + seconds;
	uint8_t block[BLOCK];
	unsigned long writes = 0, busy = 0;
	uint64_t longest = 0;
	sigset_t term;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	while (time(NULL) < end && !was_stopped()) {
		struct scsi_task *task;
		uint64_t start = now_ms();

		memset(block, (int)(writes % 255 + 1), sizeof(block));
		task = iscsi_write10_sync(iscsi, lun, lba, block, BLOCK, BLOCK, 0, 0, 0, 0, 0);
		if (!task || (task->status != SCSI_STATUS_GOOD && task->status != SCSI_STATUS_BUSY))
			failed("write");
		if (task->status == SCSI_STATUS_BUSY)
			busy++;
		writes++;
		scsi_free_scsi_task(task);
		if (now_ms() - start > longest)
			longest = now_ms() - start;
	}
	printf("writes %lu busy %lu longest %" PRIu64 " ms\n", writes, busy, longest);
}

/*
 * Print how a TEST UNIT READY ended, unless it is GOOD and @quiet. Return: whether something was
 * printed.
 */
static int test_unit_ready(int quiet)
{
	struct scsi_task *task = iscsi_testunitready_sync(iscsi, lun);
	int status;

	if (!task)
		failed("test unit ready");
	status = task->status;
	if (status == SCSI_STATUS_CHECK_CONDITION)
		printf("%x %02x/%02x\n", task->sense.key, task->sense.ascq >> 8, task->sense.ascq & 0xff);
	else if (status != SCSI_STATUS_GOOD)
		printf("status 0x%02x\n", status);
	else if (!quiet)
		printf("good\n");
	scsi_free_scsi_task(task);
	return !quiet || status != SCSI_STATUS_GOOD;
}

static void attention(unsigned int seconds)
{
	time_t end = time(NULL) + seconds;

	printf("ready\n");
	fflush(stdout);
	while (time(NULL) < end) {
		if (test_unit_ready(1)) {
			test_unit_ready(0);
			return;
		}
		usleep(100000);
	}
	printf("none\n");
}

static void run_for(unsigned int seconds)
{
	time_t end = time(NULL) + seconds;

	while (time(NULL) < end) {
		struct pollfd fd = { .fd = iscsi_get_fd(iscsi), .events = (short)iscsi_which_events(iscsi) };

		if (poll(&fd, 1, 200) < 0 || iscsi_service(iscsi, fd.revents))
			failed("service");
	}
}

static void task_ended(struct iscsi_context *context, int status, void *data, void *what)
{
	(void)context;
	(void)data;
	printf("%s: status 0x%02x\n", (const char *)what, status);
	fflush(stdout);
}

static void abort_answered(struct iscsi_context *context, int status, void *data, void *what)
{
	(void)context;
	(void)status;
	printf("%s answered: %d after %" PRIu64 " ms\n", (const char *)what, data ? (int)*(uint32_t *)data : -1,
	       now_ms() - sent_ms);
	exit(0);
}

static void give_up(uint32_t lba, uint32_t blocks, int reset)
{
	unsigned char *data = malloc((size_t)blocks * BLOCK);
	struct scsi_task *task;
	int i;

	if (!data)
		failed("memory");
	memset(data, 0xa1, (size_t)blocks * BLOCK);
	task = iscsi_write10_task(iscsi, lun, lba, data, blocks * BLOCK, BLOCK, 0, 0, 0, 0, 0, task_ended, "write");
	if (!task)
		failed("write");
	run_for(1);
	sent_ms = now_ms();
	if (reset ? iscsi_task_mgmt_lun_reset_async(iscsi, (uint32_t)lun, abort_answered, "reset") :
		    iscsi_task_mgmt_abort_task_async(iscsi, task, abort_answered, "abort"))
		failed("task management");
	printf("%s sent\n", reset ? "reset" : "abort");
	fflush(stdout);
	/*
	 * Send NOP-Outs, as initiators do: LIO ends a reset when the initiators whose commands it
	 * ended have acknowledged that
	 */
	for (i = 0; i < 600; i++) {
		run_for(1);
		iscsi_nop_out_async(iscsi, NULL, NULL, 0, NULL);
	}
}

static unsigned long aborts_pending;

static void one_of_aborts_answered(struct iscsi_context *context, int status, void *data, void *what)
{
	if (!--aborts_pending)
		abort_answered(context, status, data, what);
}

/* Send no more commands than a session's window has room for. */
static void give_up_each(uint32_t lba, unsigned long count)
{
	struct scsi_task *tasks[64];
	unsigned char data[BLOCK];
	unsigned long i;

	if (count > sizeof(tasks) / sizeof(tasks[0]))
		failed("too many");
	memset(data, 0xa1, sizeof(data));
	for (i = 0; i < count; i++) {
		tasks[i] = iscsi_write10_task(iscsi, lun, lba + (uint32_t)i, data, BLOCK, BLOCK, 0, 0, 0, 0, 0, task_ended,
					      "write");
		if (!tasks[i])
			failed("write");
	}
	run_for(1);
	sent_ms = now_ms();
	aborts_pending = count;
	for (i = 0; i < count; i++) {
		if (iscsi_task_mgmt_abort_task_async(iscsi, tasks[i], one_of_aborts_answered, "aborts"))
			failed("task management");
	}
	run_for(600);
}

/* Make a CDB of 16 bytes with a range, and without data. */
static void range16(uint8_t opcode, uint8_t flags, uint64_t lba, uint32_t blocks)
{
	unsigned char cdb[16] = { opcode, flags };
	struct scsi_task *task;
	int i;

	for (i = 0; i < 8; i++)
		cdb[2 + i] = (unsigned char)(lba >> (56 - 8 * i));
	for (i = 0; i < 4; i++)
		cdb[10 + i] = (unsigned char)(blocks >> (24 - 8 * i));
	task = scsi_create_task(sizeof(cdb), cdb, SCSI_XFER_NONE, 0);
	if (!task || !iscsi_scsi_command_sync(iscsi, lun, task, NULL))
		failed("command");
	printf("status 0x%02x", task->status);
	if (task->status == SCSI_STATUS_CHECK_CONDITION)
		printf(" sense %x/%02x/%02x", task->sense.key, task->sense.ascq >> 8, task->sense.ascq & 0xff);
	printf("\n");
	scsi_free_scsi_task(task);
}

static void keys(unsigned long times)
{
	while (times--) {
		if (!iscsi_persistent_reserve_in_task(iscsi, lun, SCSI_PERSISTENT_RESERVE_READ_KEYS, 512, task_ended,
						      "keys"))
			failed("keys");
	}
	run_for(1);
	sent_ms = now_ms();
	if (iscsi_task_mgmt_lun_reset_async(iscsi, (uint32_t)lun, abort_answered, "keys"))
		failed("task management");
	run_for(600);
}

static void read_keys(void)
{
	struct scsi_task *task = iscsi_persistent_reserve_in_sync(iscsi, lun, SCSI_PERSISTENT_RESERVE_READ_KEYS, 512);

	if (!task)
		failed("keys");
	printf("status 0x%02x\n", task->status);
	scsi_free_scsi_task(task);
}

/* Abort a task that was sent just now. */
static void abort_soon(struct scsi_task *task)
{
	if (!task)
		failed("command");
	run_for(1);
	sent_ms = now_ms();
	if (iscsi_task_mgmt_abort_task_async(iscsi, task, abort_answered, "abort"))
		failed("task management");
	run_for(600);
}

static void unmap(uint64_t lba, uint32_t blocks)
{
	struct unmap_list *list = calloc(blocks, sizeof(*list));
	struct scsi_task *task;
	uint32_t i;

	if (!list)
		failed("memory");
	for (i = 0; i < blocks; i++)
		list[i] = (struct unmap_list){ lba + i, 1 };
	task = iscsi_unmap_sync(iscsi, lun, 0, 0, list, (int)blocks);
	if (!task || task->status != SCSI_STATUS_GOOD)
		failed("unmap");
	scsi_free_scsi_task(task);
	free(list);
}

int main(int argc, char **argv)
{
	bool waits = argc > 1 && !strcmp(argv[1], "-w");
	uint64_t lba;

	argc -= waits;
	argv += waits;
	if (argc < 6) {
		fprintf(stderr, "usage: initiator [-w] URL NAME count LBA TIMES | caw LBA OLD NEW |\n"
				"\tfill LBA SECONDS | attention 0 SECONDS | abort LBA BLOCKS | reset LBA BLOCKS | abortread LBA BLOCKS | verify LBA BLOCKS |\n"
				"\tzero LBA BLOCKS | nothing LBA BLOCKS | sync LBA BLOCKS | unmap LBA BLOCKS |\n"
				"\tkeys 0 COUNT | readkeys 0 1 | abortkeys 0 1 | aborts LBA COUNT | miscompares LBA 1\n");
		return 2;
	}
	connect_to(argv[1], argv[2]);
	if (waits) {
		printf("ready\n");
		fflush(stdout);
		getchar();
	}
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
	} else if (!strcmp(argv[3], "miscompares")) {
		miscompares(lba);
	} else if (!strcmp(argv[3], "fill")) {
		fill(lba, (unsigned int)strtoul(argv[5], NULL, 0));
	} else if (!strcmp(argv[3], "verify")) {
		range16(0x8f, 0, lba, (uint32_t)strtoul(argv[5], NULL, 0));
	} else if (!strcmp(argv[3], "zero")) {
		range16(0x93, 0x01, lba, (uint32_t)strtoul(argv[5], NULL, 0));
	} else if (!strcmp(argv[3], "nothing")) {
		range16(0x93, 0, lba, (uint32_t)strtoul(argv[5], NULL, 0));
	} else if (!strcmp(argv[3], "sync")) {
		range16(0x91, 0, lba, (uint32_t)strtoul(argv[5], NULL, 0));
	} else if (!strcmp(argv[3], "keys")) {
		keys(strtoul(argv[5], NULL, 0));
	} else if (!strcmp(argv[3], "readkeys")) {
		read_keys();
	} else if (!strcmp(argv[3], "abortkeys")) {
		abort_soon(iscsi_persistent_reserve_in_task(iscsi, lun, SCSI_PERSISTENT_RESERVE_READ_KEYS, 512, task_ended,
							    "keys"));
	} else if (!strcmp(argv[3], "abortread")) {
		uint32_t blocks = (uint32_t)strtoul(argv[5], NULL, 0);

		abort_soon(iscsi_read10_task(iscsi, lun, (uint32_t)lba, blocks * BLOCK, BLOCK, 0, 0, 0, 0, 0, task_ended,
					     "read"));
	} else if (!strcmp(argv[3], "aborts")) {
		give_up_each((uint32_t)lba, strtoul(argv[5], NULL, 0));
	} else if (!strcmp(argv[3], "unmap")) {
		unmap(lba, (uint32_t)strtoul(argv[5], NULL, 0));
	} else if (!strcmp(argv[3], "attention")) {
		attention((unsigned int)strtoul(argv[5], NULL, 0));
	} else if (!strcmp(argv[3], "abort") || !strcmp(argv[3], "reset")) {
		give_up((uint32_t)lba, (uint32_t)strtoul(argv[5], NULL, 0), !strcmp(argv[3], "reset"));
	} else {
		return 2;
	}
	return 0;
}
