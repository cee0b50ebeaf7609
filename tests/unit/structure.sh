#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# scripts/structure passes a sound tree, and finds each kind of fault in a tree that differs by that
# fault only.
. ../lib/ktap.sh

script=$TESTS_DIR/../scripts/structure
work=$(mktemp -d)
t_atexit "rm -rf '$work'"

# file PATH: write standard input to that file of the tree
file() {
	mkdir -p "$(dirname "$tree/$1")"
	cat >"$tree/$1"
}

# tree NAME: start a new tree, which is sound
tree() {
	tree=$work/$1
	file tests/unit/include/scsi/scsi_proto.h <<-'C'
		#define READ_10		0x28
		#define WRITE_10	0x2a
	C
	file rados/session.h <<<'int session_open(void);'
	file rados/session.c <<-'C'
		#include "rados/session.h"
		/**
		 * session_open() - do it
		 */
		int session_open(void)
		{
			return 0;
		}
	C
	file rbd/io.h <<<'int io_submit(void);'
	file rbd/io.c <<-'C'
		#include "rados/session.h"
		#include "rbd/clone.h"
		#include "rbd/io.h"
		/* the text may name cmd_execute() and #include "scsi/cmd.h" */
		/**
		 * io_submit() - do it
		 */
		int io_submit(void)
		{
			return session_open() ?: clone_read();
		}
	C
	file rbd/clone.h <<<'int clone_read(void);'
	file rbd/clone.c <<-'C'
		#include "rbd/clone.h"
		#include "rbd/io.h"
		/**
		 * clone_read() - do it
		 */
		int clone_read(void)
		{
			return io_submit();
		}
	C
	file scsi/cdb.c <<-'C'
		static const int commands[] = {
			READ_10,
			WRITE_10,
		};
	C
	file scsi/cmd.h <<<'int cmd_execute(const unsigned char *cdb);'
	file scsi/cmd.c <<-'C'
		#include "rbd/io.h"
		#include "scsi/cmd.h"
		/**
		 * cmd_execute() - do it
		 */
		int cmd_execute(const unsigned char *cdb)
		{
			return cdb[0] == READ_10 ? 0 : io_submit();
		}
	C
}

# faulty NAME REGEX: check that the tree has one fault, whose line matches
faulty() {
	local out
	out=$("$script" "$tree" 2>&1) && { t_not_ok "$1" 'it passed'; return; }
	t_like "$1" "$(grep -v '^    ' <<<"$out" | xargs)" "^$2 structure: .* 1 faults\$"
}

tree sound
t 'a sound tree, with the recursion of clones, passes' "$script" "$tree"

tree upward
file rados/fence.c <<-'C'
	#include "rbd/io.h"
C
faulty 'an include upward' 'upward: rados/fence -> rbd/io: rados/fence.c includes rbd/io.h'

tree call
file rados/fence.c <<-'C'
	int io_submit(void);
	static int fence(void)
	{
		return io_submit();
	}
C
faulty 'a call upward, without an include' 'upward: rados/fence -> rbd/io: io_submit\(\)'

tree inline
file rados/fence.h <<-'C'
	static inline int fence(void)
	{
		return io_submit();
	}
C
faulty 'a call upward from a header' 'upward: rados/fence -> rbd/io: io_submit\(\)'

tree sideways
file pr/rules.c <<-'C'
	#include "rados/session.h"
C
faulty 'pr/ uses nothing' 'upward: pr/rules -> rados/session: .*'

tree circle
file scsi/sense.h <<<'int sense_end(void);'
file scsi/sense.c <<-'C'
	#include "scsi/cmd.h"
	#include "scsi/sense.h"
	/**
	 * sense_end() - end it
	 */
	int sense_end(void)
	{
		return cmd_execute("");
	}
C
t 'a second file of a floor' "$script" "$tree"
file scsi/cmd.h <<<'#include "scsi/sense.h"'
faulty 'a circle of a call and an include' 'circle: scsi/cmd scsi/sense'

tree long_circle
file rbd/image.h <<<'int image_open(void);'
file rbd/image.c <<-'C'
	#include "rbd/io.h"
	/**
	 * image_open() - open it
	 */
	int image_open(void)
	{
		return io_submit();
	}
C
file rbd/io.h <<-'C'
	#include "rbd/image.h"
	int io_submit(void);
C
faulty 'a circle that goes beyond the recursion of clones' 'circle: rbd/clone rbd/image rbd/io'

tree foreign
file rados/fence.c <<<'#include <target/target_core_base.h>'
faulty 'a name of LIO below scsi/' 'foreign: rados/fence.c includes <target/target_core_base.h>'
file rados/fence.c </dev/null
file scsi/sense.c <<<'#include <linux/ceph/libceph.h>'
faulty 'a name of libceph in scsi/' 'foreign: scsi/sense.c includes <linux/ceph/libceph.h>'

tree version
file compat/target.h <<<'#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)'
t 'compat/ may ask for a version' "$script" "$tree"
file scsi/sense.c <<<'#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)'
faulty 'nobody else may' 'version: scsi/sense.c:1: LINUX_VERSION_CODE'

tree long
for _ in {1..600}; do echo; done | file rbd/header.c
t 'a file of 600 lines' "$script" "$tree"
echo >>"$tree/rbd/header.c"
faulty 'a file of 601' 'long: rbd/header.c has 601 lines, more than 600'

tree table
file scsi/access.c <<-'C'
	static const int may_read[] = {
		[READ_10] = 1,
		[WRITE_10] = 0,
	};
C
faulty 'a second table of commands' 'opcodes: scsi/access.c:1: may_read: READ_10, WRITE_10'

tree function
file scsi/access.c <<-'C'
	static int may_read(int opcode)
	{
		return opcode == READ_10 || opcode == WRITE_10;
	}
C
faulty 'a list of commands in a function' 'opcodes: scsi/access.c:2: may_read: READ_10, WRITE_10'

tree switch
file scsi/access.c <<-'C'
	static int may_read(const unsigned char *cdb)
	{
		switch (cdb[0]) {
		case 0x28:
			return 1;
		}
		return 0;
	}
C
faulty 'a switch over the first byte of a CDB' 'opcodes: scsi/access.c:3: a switch over cdb\[0\]'

tree nodoc
file rados/fence.c <<-'C'
	/* fence() - not kernel-doc */
	int fence(void)
	{
		return 0;
	}
C
faulty 'a function for others without kernel-doc' \
	'nodoc: rados/fence.c:3: fence\(\) has no kernel-doc'

tree drawing
file rados/fence.c <<<'#include "rbd/io.h"'
"$script" --dot "$work/dot" "$tree" >/dev/null
t 'a faulty arrow is red in the drawing' grep -q '"rados/fence" -> "rbd/io" \[color=red' "$work/dot"
t 'a sound one is not' grep -q '"rbd/io" -> "rados/session" \[color=gray' "$work/dot"
t_fails 'and one that a longer way implies is left out' \
	grep -q '"scsi/cmd" -> "rados/session"' "$work/dot"

mkdir "$work/empty"
t_says 'a folder without sources does not pass' 'no sources' "$script" "$work/empty"
