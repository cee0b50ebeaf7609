// SPDX-License-Identifier: GPL-2.0
/*
 * A plug-in for QEMU that counts the instructions of a guest's kernel, by where they are.
 *
 *	qemu-system-x86_64 -plugin count_instructions,counts=FILE
 *
 * FILE is an array of 64-bit counters, one for each GRANULE bytes of the top 2 GiB of the address
 * space, where a kernel for x86-64 and its modules are. Programs count in one more, the last. The
 * file has holes wherever nothing ran. Whoever reads it while the guest runs takes the difference
 * of two readings.
 *
 * QEMU translates code in blocks and calls each block's instructions those of its first address.
 * Functions begin at multiples of GRANULE, and a block never begins in one function and ends in
 * another one, unless the first runs into the second.
 *
 * The counters are no atomic variables, so the guest's processors have to share a thread.
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GRANULE		16
#define KERNEL		0xffffffff80000000ULL
#define GRANULES	(0x80000000ULL / GRANULE)
#define ADD_U64		0
#define OPTION		"counts="

/* Debian has no header for plug-ins; these are of version 1 of their interface */
struct block;
typedef void translated(uint64_t id, struct block *block);

extern void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, translated *callback);
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct block *block, int op, void *counter, uint64_t value);
extern size_t qemu_plugin_tb_n_insns(const struct block *block);
extern uint64_t qemu_plugin_tb_vaddr(const struct block *block);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;
__attribute__((visibility("default"))) int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv);

static uint64_t *counts;

static void count_block(uint64_t id, struct block *block)
{
	uint64_t address = qemu_plugin_tb_vaddr(block);
	uint64_t which = address >= KERNEL ? (address - KERNEL) / GRANULE : GRANULES;

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_inline(block, ADD_U64, &counts[which], qemu_plugin_tb_n_insns(block));
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	size_t size = (GRANULES + 1) * sizeof(*counts);
	int fd;

	(void)info;
	if (argc != 1 || strncmp(argv[0], OPTION, strlen(OPTION))) {
		fprintf(stderr, "count_instructions: " OPTION "FILE, please\n");
		return -1;
	}
	fd = open(argv[0] + strlen(OPTION), O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)size)) {
		perror(argv[0]);
		return -1;
	}
	counts = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	close(fd);
	if (counts == MAP_FAILED) {
		perror("mmap");
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, count_block);
	return 0;
}
