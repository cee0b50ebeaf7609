// SPDX-License-Identifier: GPL-2.0
/*
 * Send random commands through two gateways, and compare the disk with a model of its content.
 *
 *	exerciser URL1 URL2 IMAGE SEED SECONDS
 *
 * Commands go out in batches whose ranges do not overlap, so the model knows the content of each
 * block after a batch: reads, writes, WRITE SAME, UNMAP with several descriptors, COMPARE AND WRITE
 * that match and that do not, VERIFY. Between batches rbd takes snapshots of IMAGE, and the model
 * is put aside with each; before a snapshot is removed it is exported and compared. In the end the
 * whole disk is read through both gateways and from the cluster.
 *
 * A command that ends with BUSY is sent again. When a connection breaks, libiscsi makes it again
 * and repeats the commands that had no answer. So a COMPARE AND WRITE may find its own data of the
 * first time, and reads tell later whether it did. Any other wrong answer ends the program with
 * status 1 and a line that says what happened; the seed makes the same commands again.
 */
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "basics.h"
#include "session.h"

#define BATCH		8
#define SNAPS		3
#define BLOCKS_MAX	4096	/* 2 MiB in one command */
#define DESCRIPTORS	3
#define HISTORY		4096

enum kind { READ, WRITE, SAME, SAME_UNMAP, UNMAP, CAW, CAW_MISS, VERIFY, KINDS };

static const char *const kinds[KINDS] = {
	"READ", "WRITE", "WRITE SAME", "WRITE SAME with UNMAP", "UNMAP", "COMPARE AND WRITE",
	"COMPARE AND WRITE that misses", "VERIFY",
};

struct batch_op {
	enum kind kind;
	int path;
	uint64_t lba;
	uint32_t blocks;
	unsigned char *data;	/* the data to send; BLOCKS_MAX blocks */
	int pending;
	int resent;
	in_port_t port;		/* of the connection that it was sent through first */
};

/* a command that changed something, for a post mortem */
struct past {
	enum kind kind;
	int path;
	int resent;
	uint64_t lba;
	uint32_t blocks;
	unsigned long batch;
};

struct snap {
	unsigned char *model;
	unsigned int number;
};

static struct iscsi_context *paths[2];
static int lun;
static const char *image;
static uint64_t blocks;
static unsigned char *model;
static struct batch_op ops[BATCH];
static struct snap snaps[SNAPS];
static struct past history[HISTORY];
static unsigned long history_len;
static unsigned long done[KINDS], busy, again, snapshots, batches;

static struct iscsi_context *connect_to(const char *url, const char *name)
{
	struct session session;

	session_prepare(&session, url, name);
	lun = session.lun;
	if (iscsi_full_connect_sync(session.iscsi, session.portal, lun))
		die("%s: %s", url, iscsi_get_error(session.iscsi));
	return session.iscsi;
}

/* Tell one connection of a path from the next. */
static in_port_t local_port(struct iscsi_context *iscsi)
{
	struct sockaddr_in address = { 0 };
	socklen_t len = sizeof(address);

	getsockname(iscsi_get_fd(iscsi), (struct sockaddr *)&address, &len);
	return address.sin_port;
}

static unsigned char *at(uint64_t lba)
{
	return model + lba * BLOCK;
}

static void compare(const char *what, const unsigned char *got, uint64_t lba, uint32_t count)
{
	uint64_t i;

	for (i = 0; i < (uint64_t)count * BLOCK; i++) {
		if (got[i] != at(lba)[i])
			die("%s: byte %" PRIu64 " of the disk is 0x%02x, should be 0x%02x", what, lba * BLOCK + i, got[i],
			    at(lba)[i]);
	}
}

static void send_op(struct batch_op *op);

/* Print the last commands that changed a block. */
static void show_history(uint64_t lba)
{
	unsigned long i;

	printf("commands before:");
	for (i = history_len > HISTORY ? history_len - HISTORY : 0; i < history_len; i++) {
		const struct past *past = &history[i % HISTORY];

		if (past->lba <= lba && lba < past->lba + past->blocks)
			printf(" [batch %lu path %d %s %" PRIu64 "+%u resent %d]", past->batch, past->path,
			       kinds[past->kind], past->lba, past->blocks, past->resent);
	}
	printf("; ");
}

/*
 * A COMPARE AND WRITE found another block than expected: does it hold the old data, the new ones,
 * or which?
 */
static void explain(const struct batch_op *op)
{
	unsigned char got[BLOCK], zeros[BLOCK] = { 0 };
	char command[512];
	FILE *pipe;

	snprintf(command, sizeof(command), "rbd export --no-progress %s - | tail -c +%" PRIu64 " | head -c %d", image,
		 op->lba * BLOCK + 1, BLOCK);
	pipe = popen(command, "r");
	if (!pipe || fread(got, 1, BLOCK, pipe) != BLOCK)
		die("%s: failed", command);
	pclose(pipe);
	printf("through path %d, sent again %d times; the cluster has %s; batch %lu, ", op->path, op->resent,
	       !memcmp(got, op->data, BLOCK) ? "what it was compared with" :
	       !memcmp(got, op->data + BLOCK, BLOCK) ? "what it wrote" :
	       !memcmp(got, zeros, BLOCK) ? "zeros" : "something else", batches);
	show_history(op->lba);
}

static void op_done(struct iscsi_context *iscsi, int status, void *command_data, void *arg)
{
	struct scsi_task *task = command_data;
	struct batch_op *op = arg;
	uint32_t i;

	if (status == SCSI_STATUS_BUSY) {
		busy++;
		op->resent++;
		scsi_free_scsi_task(task);
		send_op(op);
		return;
	}
	if (op->kind == CAW_MISS) {
		if (status != SCSI_STATUS_CHECK_CONDITION || task->sense.key != SCSI_SENSE_MISCOMPARE)
			die("%s at %" PRIu64 ": status 0x%x", kinds[op->kind], op->lba, status);
	} else if (op->kind == CAW && status == SCSI_STATUS_CHECK_CONDITION && task->sense.key == SCSI_SENSE_MISCOMPARE &&
		   op->port != local_port(iscsi)) {
		again++;
	} else if (status != SCSI_STATUS_GOOD) {
		if (op->kind == CAW)
			explain(op);
		die("%s of %u blocks at %" PRIu64 ": status 0x%x, %s", kinds[op->kind], op->blocks, op->lba, status,
		    iscsi_get_error(iscsi));
	}

	switch (op->kind) {
	case READ:
		if (task->datain.size != (int)op->blocks * BLOCK)
			die("READ at %" PRIu64 ": %d bytes", op->lba, task->datain.size);
		compare("READ", task->datain.data, op->lba, op->blocks);
		break;
	case WRITE:
		memcpy(at(op->lba), op->data, (size_t)op->blocks * BLOCK);
		break;
	case SAME:
	case SAME_UNMAP:
		for (i = 0; i < op->blocks; i++)
			memcpy(at(op->lba + i), op->data, BLOCK);
		break;
	case UNMAP:
		memset(at(op->lba), 0, (size_t)op->blocks * BLOCK);
		break;
	case CAW:
		memcpy(at(op->lba), op->data + BLOCK, BLOCK);
		break;
	default:
		break;
	}
	if (op->kind != READ && op->kind != VERIFY && op->kind != CAW_MISS) {
		struct past *past = &history[history_len++ % HISTORY];

		*past = (struct past){ op->kind, op->path, op->resent, op->lba, op->blocks, batches };
	}
	done[op->kind]++;
	op->pending = 0;
	scsi_free_scsi_task(task);
}

/*
 * Cut the range into pieces. In ascending order they are one range for a target; in descending
 * order they are not.
 */
static struct scsi_task *send_unmap(struct batch_op *op)
{
	struct unmap_list list[DESCRIPTORS];
	uint32_t share = op->blocks / DESCRIPTORS;
	int i, n = share ? DESCRIPTORS : 1;

	for (i = 0; i < n; i++) {
		struct unmap_list *piece = &list[op->lba % 2 ? i : n - 1 - i];

		piece->lba = op->lba + (uint64_t)i * share;
		piece->num = i < n - 1 ? share : op->blocks - (uint32_t)i * share;
	}
	return iscsi_unmap_task(paths[op->path], lun, 0, 0, list, n, op_done, op);
}

static void send_op(struct batch_op *op)
{
	struct iscsi_context *iscsi = paths[op->path];
	struct scsi_task *task = NULL;
	uint32_t len = op->blocks * BLOCK;

	switch (op->kind) {
	case READ:
		task = iscsi_read16_task(iscsi, lun, op->lba, len, BLOCK, 0, 0, 0, 0, 0, op_done, op);
		break;
	case WRITE:
		task = iscsi_write16_task(iscsi, lun, op->lba, op->data, len, BLOCK, 0, 0, 0, 0, 0, op_done, op);
		break;
	case SAME:
	case SAME_UNMAP:
		task = iscsi_writesame16_task(iscsi, lun, op->lba, op->data, BLOCK, op->blocks, 0, op->kind == SAME_UNMAP, 0,
					      0, op_done, op);
		break;
	case UNMAP:
		task = send_unmap(op);
		break;
	case CAW:
	case CAW_MISS:
		task = iscsi_compareandwrite_task(iscsi, lun, op->lba, op->data, 2 * BLOCK, BLOCK, 0, 0, 0, 0, 0, op_done, op);
		break;
	case VERIFY:
		task = iscsi_verify16_task(iscsi, lun, op->data, len, op->lba, 0, 0, 1, BLOCK, op_done, op);
		break;
	case KINDS:
		break;
	}
	if (!task)
		die("%s: %s", kinds[op->kind], iscsi_get_error(iscsi));
}

static void fill(unsigned char *data, size_t len)
{
	uint64_t x = below(UINT64_MAX) | 1;
	size_t i;

	for (i = 0; i < len; i += sizeof(x)) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		memcpy(data + i, &x, sizeof(x));
	}
}

static int overlaps(const struct batch_op *op, int count)
{
	int i;

	for (i = 0; i < count; i++) {
		if (op->lba < ops[i].lba + ops[i].blocks && ops[i].lba < op->lba + op->blocks)
			return 1;
	}
	return 0;
}

static void make_op(struct batch_op *op, int before)
{
	/* whole objects now and then, at their borders */
	static const uint32_t lengths[] = { 1, 8, 8, 64, 256, 1024, BLOCKS_MAX };

	op->kind = (enum kind)below(KINDS);
	op->path = (int)below(2);
	do {
		op->blocks = 1 + (uint32_t)below(lengths[below(sizeof(lengths) / sizeof(*lengths))]);
		if (op->kind == CAW || op->kind == CAW_MISS)
			op->blocks = 1;
		op->lba = below(blocks - op->blocks + 1);
		if (!below(4))
			op->lba &= ~(uint64_t)0xff;
	} while (overlaps(op, before));

	switch (op->kind) {
	case WRITE:
		fill(op->data, (size_t)op->blocks * BLOCK);
		break;
	case SAME:
		fill(op->data, BLOCK);
		break;
	case SAME_UNMAP:
		memset(op->data, 0, BLOCK);
		break;
	case CAW:
	case CAW_MISS:
		memcpy(op->data, at(op->lba), BLOCK);
		op->data[below(BLOCK)] ^= op->kind == CAW_MISS;
		fill(op->data + BLOCK, BLOCK);
		break;
	case VERIFY:
		memcpy(op->data, at(op->lba), (size_t)op->blocks * BLOCK);
		break;
	default:
		break;
	}
}

static const struct batch_op *first_pending(void)
{
	int i;

	for (i = 0; i < BATCH; i++) {
		if (ops[i].pending)
			return &ops[i];
	}
	return NULL;
}

/* serve both, since a target closes a connection on which nobody answers a NOP-In */
static void serve_paths(int ms)
{
	struct pollfd fds[2];
	int i;

	for (i = 0; i < 2; i++) {
		fds[i].fd = iscsi_get_fd(paths[i]);
		fds[i].events = (short)iscsi_which_events(paths[i]);
	}
	if (poll(fds, 2, ms) < 0)
		die("poll failed");
	for (i = 0; i < 2; i++) {
		if (iscsi_service(paths[i], fds[i].revents))
			die("path %d: %s", i, iscsi_get_error(paths[i]));
	}
}

static void run_batch(void)
{
	const char *slow = getenv("TEST_SLOW");
	time_t end = time(NULL) + 120 * (slow ? atoi(slow) : 1);
	const struct batch_op *op;
	int i;

	for (i = 0; i < BATCH; i++) {
		make_op(&ops[i], i);
		ops[i].pending = 1;
		ops[i].resent = 0;
	}
	for (i = 0; i < BATCH; i++) {
		ops[i].port = local_port(paths[ops[i].path]);
		send_op(&ops[i]);
	}

	while ((op = first_pending())) {
		serve_paths(1000);
		if (time(NULL) > end)
			die("%s of %u blocks at %" PRIu64 " through path %d did not end in time, sent again %d times",
			    kinds[op->kind], op->blocks, op->lba, op->path, op->resent);
	}
}

static void rbd(const char *format, ...)
{
	char command[512];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (system(command))
		die("%s: failed", command);
}

/* compare rbd's content of @spec with @wanted */
static void check_export(const char *spec, const unsigned char *wanted)
{
	static unsigned char chunk[1 << 16];
	char command[512];
	uint64_t off = 0;
	FILE *pipe;
	size_t n;

	snprintf(command, sizeof(command), "rbd export --no-progress %s -", spec);
	pipe = popen(command, "r");
	if (!pipe)
		die("%s: failed", command);
	while ((n = fread(chunk, 1, sizeof(chunk), pipe)) > 0) {
		if (off + n > blocks * BLOCK || memcmp(chunk, wanted + off, n))
			die("%s: differs within 64 KiB of byte %" PRIu64, spec, off);
		off += n;
	}
	if (pclose(pipe) || off != blocks * BLOCK)
		die("%s: %" PRIu64 " bytes", spec, off);
}

/* take a snapshot, or compare the present one and remove it */
static void turn_snap(struct snap *snap)
{
	char spec[256];

	if (!snap->model) {
		snap->model = malloc(blocks * BLOCK);
		if (!snap->model)
			die("no memory");
		snap->number = (unsigned int)++snapshots;
		memcpy(snap->model, model, blocks * BLOCK);
		rbd("rbd snap create --no-progress %s@s%u", image, snap->number);
		return;
	}
	snprintf(spec, sizeof(spec), "%s@s%u", image, snap->number);
	check_export(spec, snap->model);
	rbd("rbd snap rm --no-progress %s", spec);
	free(snap->model);
	snap->model = NULL;
}

/* read the whole disk; @check: compare it with the model, or else take it as the model */
static void read_all(int path, int check)
{
	uint64_t lba;

	for (lba = 0; lba < blocks;) {
		uint32_t count = blocks - lba < 2048 ? (uint32_t)(blocks - lba) : 2048;
		struct scsi_task *task = iscsi_read16_sync(paths[path], lun, lba, count * BLOCK, BLOCK, 0, 0, 0, 0, 0);

		serve_paths(0);
		if (task && task->status == SCSI_STATUS_BUSY) {
			busy++;
			scsi_free_scsi_task(task);
			continue;
		}
		if (!task || task->status != SCSI_STATUS_GOOD || task->datain.size != (int)count * BLOCK)
			die("reading the disk: %s", iscsi_get_error(paths[path]));
		if (check)
			compare("the disk in the end", task->datain.data, lba, count);
		else
			memcpy(at(lba), task->datain.data, (size_t)count * BLOCK);
		scsi_free_scsi_task(task);
		lba += count;
	}
}

static void set_up(char **argv)
{
	struct scsi_readcapacity16 *capacity;
	struct scsi_task *task;
	int i;

	paths[0] = connect_to(argv[1], "exerciser1");
	paths[1] = connect_to(argv[2], "exerciser2");
	image = argv[3];
	srandom((unsigned int)strtoul(argv[4], NULL, 0));

	task = iscsi_readcapacity16_sync(paths[0], lun);
	capacity = task ? scsi_datain_unmarshall(task) : NULL;
	if (!capacity || capacity->block_length != BLOCK)
		die("READ CAPACITY: %s", iscsi_get_error(paths[0]));
	blocks = capacity->returned_lba + 1;
	scsi_free_scsi_task(task);

	model = malloc(blocks * BLOCK);
	for (i = 0; i < BATCH; i++)
		ops[i].data = malloc((size_t)BLOCKS_MAX * BLOCK);
	if (!model || !ops[BATCH - 1].data)
		die("no memory");
	read_all(0, 0);
	check_export(image, model);
}

int main(int argc, char **argv)
{
	time_t end;
	int i;

	if (argc != 6) {
		fprintf(stderr, "usage: exerciser URL1 URL2 IMAGE SEED SECONDS\n");
		return 2;
	}
	set_up(argv);
	end = time(NULL) + (time_t)strtoul(argv[5], NULL, 0);
	while (time(NULL) < end) {
		run_batch();
		if (++batches % 32 == 0)
			turn_snap(&snaps[below(SNAPS)]);
	}

	for (i = 0; i < SNAPS; i++) {
		if (snaps[i].model)
			turn_snap(&snaps[i]);
	}
	for (i = 0; i < 2; i++)
		read_all(i, 1);
	check_export(image, model);

	for (i = 0; i < KINDS; i++)
		printf("%s%lu %s", i ? ", " : "", done[i], kinds[i]);
	printf("; %lu snapshots, BUSY %lu times, %lu COMPARE AND WRITE found themselves\n", snapshots, busy, again);
	return 0;
}
