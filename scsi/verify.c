// SPDX-License-Identifier: GPL-2.0
/*
 * VERIFY and WRITE AND VERIFY of 10, 12 and 16 bytes: SBC-3 from 5.30 and from 5.40 on.
 *
 * This file reads the blocks from the OSDs, which check their own checksums while they read. With
 * BYTCHK = 01b it compares the blocks with the data of the command. It works chunk after chunk,
 * since VERIFY without data may cover more than could be sent.
 *
 *	begin --> read a chunk --> compare --+--> miscompare
 *	               ^                     |
 *	               +------- more --------+--> GOOD
 *
 * That may take minutes. Meanwhile others may wait for the command to end: ABORT TASK, a reset, a
 * reservation, the removal of the LUN. So the command ends with BUSY as soon as one of them waits.
 *
 * Nothing but the cluster would hold such a command back, and sixteen bytes are soon sent. So the
 * length of one command is limited. Of commands that are longer than any transfer only a few run at
 * a time; further ones end with BUSY.
 */
#include <linux/atomic.h>
#include <linux/kernel.h>
#include <linux/mempool.h>
#include <linux/minmax.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <scsi/scsi_proto.h>

#include "compat/target.h"
#include "rbd/io.h"
#include "scsi/abandoned.h"
#include "scsi/admit.h"
#include "scsi/cdb.h"
#include "scsi/cmd.h"
#include "scsi/complete.h"
#include "scsi/rw.h"
#include "scsi/unit.h"
#include "scsi/verify.h"
#include "scsi/write_cmd.h"

#define VERIFY_CHUNK		SZ_256K
/* longest range of a VERIFY without data, bytes */
#define VERIFY_MAX		SZ_4G
/* how many commands of a unit may be longer than a transfer at a time */
#define VERIFY_LONG_MAX		4
#define VERIFY_POOL_SIZE	16

/**
 * struct verify - a verification in progress
 * @cmd: LIO's command
 * @compare: compare the blocks with the data of @cmd
 * @is_long: the command counts as one that is longer than a transfer
 * @data: position in the data of @cmd after the verified part; started if @compare
 * @off: where the range begins in the image, bytes
 * @len: length of the range, bytes
 * @done: length of the verified part, bytes
 * @chunk: length of the chunk that is being read, bytes
 * @memory: where the chunk goes
 * @nents: entries in @memory
 */
struct verify {
	struct se_cmd *cmd;
	bool compare;
	bool is_long;
	struct sg_mapping_iter data;
	u64 off;
	u64 len;
	u64 done;
	u64 chunk;
	struct scatterlist *memory;
	unsigned int nents;
};

static struct kmem_cache *verify_cache;
static mempool_t *verify_pool;

static atomic_t *verify_long_count(const struct verify *v)
{
	return &to_trbd_unit(v->cmd->se_dev)->long_verifies;
}

static void verify_free(struct verify *v)
{
	if (v->is_long)
		atomic_dec(verify_long_count(v));
	if (v->memory)
		sgl_free(v->memory);
	mempool_free(v, verify_pool);
}

/*
 * An initiator on this machine (vhost, loop) may change its data meanwhile. So both passes stop at
 * the end of the data.
 */
static size_t verify_first_difference(const u8 *a, const u8 *b, size_t len)
{
	size_t i = 0;

	if (!memcmp(a, b, len))
		return len;
	while (i < len && a[i] == b[i])
		i++;
	return i;
}

/*
 * Compare a chunk. Return the offset of the first byte that differs, or the length of the chunk.
 * Both lists are walked once: v->data goes on where the previous chunk ended.
 */
static u64 verify_compare(struct verify *v)
{
	struct sg_mapping_iter read;
	size_t n = 0, same = 0;
	u64 at = 0;

	sg_miter_start(&read, v->memory, v->nents, SG_MITER_FROM_SG);
	while (at < v->chunk && same == n && sg_miter_next(&read) && sg_miter_next(&v->data)) {
		n = min3((u64)read.length, (u64)v->data.length, v->chunk - at);
		same = verify_first_difference(read.addr, v->data.addr, n);
		read.consumed = n;
		v->data.consumed = n;
		at += same;
	}
	sg_miter_stop(&v->data);
	sg_miter_stop(&read);
	return at;
}

static int verify_next(struct verify *v);

static bool verify_is_awaited(struct se_cmd *cmd)
{
	return trbd_cmd_is_abandoned(cmd) || trbd_admit_is_awaited(cmd);
}

static void verify_read_done(void *arg, int result)
{
	struct verify *v = arg;
	struct se_cmd *cmd = v->cmd;

	if (!result && v->compare) {
		u64 same = verify_compare(v);

		if (same < v->chunk) {
			u64 offset = v->done + same;

			verify_free(v);
			trbd_complete_miscompare(cmd, offset);
			return;
		}
	}
	if (!result) {
		v->done += v->chunk;
		result = v->done < v->len && verify_is_awaited(cmd) ? -EBUSY : verify_next(v);
		if (result == -EINPROGRESS)
			return;
	}
	verify_free(v);
	trbd_complete(cmd, result);
}

static bool verify_unwanted(void *arg)
{
	return trbd_cmd_is_abandoned(((struct verify *)arg)->cmd);
}

/*
 * Read the next chunk. Return -EINPROGRESS if a read is in flight, 0 if nothing is left, or an
 * error.
 */
static int verify_next(struct verify *v)
{
	struct trbd_io_request request = {
		.image = to_trbd_unit(v->cmd->se_dev)->image,
		.op = TRBD_IO_READ,
		.off = v->off + v->done,
		.sgl = v->memory,
		.nents = v->nents,
		.done = verify_read_done,
		.unwanted = verify_unwanted,
		.arg = v,
	};
	int ret;

	v->chunk = min_t(u64, VERIFY_CHUNK, v->len - v->done);
	if (!v->chunk)
		return 0;
	request.len = v->chunk;
	ret = trbd_io_submit(&request);
	return ret ? ret : -EINPROGRESS;
}

static bool verify_is_too_much(struct verify *v)
{
	v->is_long = v->len > trbd_cmd_transfer_max(v->cmd);
	return v->is_long && atomic_inc_return(verify_long_count(v)) > VERIFY_LONG_MAX;
}

static int verify_start(struct verify *v)
{
	if (verify_is_too_much(v))
		return -EBUSY;
	v->memory = sgl_alloc(VERIFY_CHUNK, GFP_NOWAIT | __GFP_NOWARN, &v->nents);
	if (!v->memory)
		return -ENOMEM;
	if (v->compare)
		sg_miter_start(&v->data, v->cmd->t_data_sg, v->cmd->t_data_nents, SG_MITER_FROM_SG);
	return verify_next(v);
}

static void verify_begin(struct se_cmd *cmd, u64 blocks, bool compare)
{
	u32 block_size = cmd->se_dev->dev_attrib.block_size;
	struct verify *v = mempool_alloc(verify_pool, GFP_NOWAIT | __GFP_NOWARN);
	int ret;

	if (!v) {
		trbd_complete(cmd, -ENOMEM);
		return;
	}
	v->cmd = cmd;
	v->compare = compare;
	v->off = cmd->t_task_lba * block_size;
	v->len = blocks * block_size;
	v->done = 0;
	v->memory = NULL;
	ret = verify_start(v);
	if (ret != -EINPROGRESS) {
		verify_free(v);
		trbd_complete(cmd, ret);
	}
}

static bool verify_bytchk(const struct se_cmd *cmd)
{
	return cmd->t_task_cdb[1] & 0x02;
}

static u64 verify_blocks(const struct se_cmd *cmd)
{
	return trbd_cdb_blocks(trbd_cdb_find(cmd->t_task_cdb), cmd->t_task_cdb);
}

/**
 * trbd_verify_fits() - tell whether a VERIFY without data may be that long
 * @cmd: command, with its range
 *
 * Context: any.
 * Return: true if it may.
 */
bool trbd_verify_fits(const struct se_cmd *cmd)
{
	return verify_blocks(cmd) * cmd->se_dev->dev_attrib.block_size <= VERIFY_MAX;
}

/**
 * trbd_execute_verify() - start VERIFY (SBC-3 5.30, 5.31)
 * @cmd: command with its data, if it has any; range and BYTCHK were checked
 *
 * Context: process; never sleeps for the network.
 * Return: 0.
 */
sense_reason_t trbd_execute_verify(struct se_cmd *cmd)
{
	verify_begin(cmd, verify_blocks(cmd), verify_bytchk(cmd));
	return 0;
}

static void verify_written(struct se_cmd *cmd, int result)
{
	if (result)
		trbd_complete(cmd, result);
	else
		verify_begin(cmd, verify_blocks(cmd), verify_bytchk(cmd));
}

static void verify_start_write(struct trbd_write_cmd *w)
{
	w->finish = verify_written;
	trbd_start_write(w);
}

/**
 * trbd_execute_write_verify() - start WRITE AND VERIFY (SBC-3 5.40, 5.41)
 * @cmd: command with its data; range and BYTCHK were checked
 *
 * Context: process; never sleeps for the network.
 * Return: 0.
 */
sense_reason_t trbd_execute_write_verify(struct se_cmd *cmd)
{
	if (cmd->data_length)
		trbd_write_cmd_begin(cmd, verify_start_write);
	else
		trbd_complete(cmd, 0);
	return 0;
}

/**
 * trbd_verify_init() - make the pool
 *
 * Context: module init.
 * Return: 0 or -ENOMEM.
 */
int trbd_verify_init(void)
{
	verify_cache = kmem_cache_create("trbd_verify", sizeof(struct verify), 0, 0, NULL);
	if (!verify_cache)
		return -ENOMEM;
	verify_pool = mempool_create_slab_pool(VERIFY_POOL_SIZE, verify_cache);
	if (!verify_pool) {
		kmem_cache_destroy(verify_cache);
		return -ENOMEM;
	}
	return 0;
}

/**
 * trbd_verify_exit() - undo trbd_verify_init()
 *
 * Context: module exit.
 */
void trbd_verify_exit(void)
{
	mempool_destroy(verify_pool);
	kmem_cache_destroy(verify_cache);
}
