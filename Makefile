# SPDX-License-Identifier: GPL-2.0
#
# The targets that people type. Kbuild describes the module itself; this file leads to it.
#
# kbuild leaves objects beside the sources, so two kernels would share them. Every kernel therefore
# gets a mirror of the source tree, out/<kernel>/, made of symbolic links. kbuild runs there, and
# its messages name the real files. A lock per mirror lets several builds run beside each other.
#
# make works on one kernel, KVER: the running one, or the newest installed one if the running kernel
# has no headers. Building and installing need scripts/ at most; the other targets call scripts/ and
# tests/.

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -ec
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

NAME := target_core_rbd
VERSION := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)

ifndef KVER
KVER := $(shell scripts/kernels default)
endif
# kernels that scripts/lab-kernel has built
LAB_KERNEL := $(or $(findstring -native,$(KVER)),$(findstring -debug.,$(KVER)))
KDIR ?= $(if $(LAB_KERNEL),$(shell scripts/lab-kernel --dir $(KVER)),/lib/modules/$(KVER))/build
ifeq ($(LAB_KERNEL),-native)
export ARCH := um
endif
OUT := out/$(KVER)
MOD := $(OUT)/$(NAME).ko

# The floors of the module. Every C file in them, and in the top folder, is source.
FLOORS := scsi pr gateway rbd rados compat
SOURCES := $(wildcard *.[ch] $(addsuffix /*.[ch],$(FLOORS)))
MIRRORED := Kbuild dkms.conf $(SOURCES) $(wildcard compat/*.mk)

# Warnings stop our own builds. They must not stop a user whose compiler is newer than ours.
WERROR ?= y
WARN := W=1 $(if $(filter y,$(WERROR)),KCFLAGS=-Werror)
JOBS ?= $(shell nproc)
KBUILD = $(MAKE) -j$(JOBS) -C $(KDIR) M=$(CURDIR)/$(OUT) $(WARN)
LOCK = exec 9>$(OUT)/.lock; flock 9;
REAL_PATHS = sed -u 's|$(CURDIR)/$(OUT)/||g'

MODULES_DIR = $(DESTDIR)/lib/modules/$(KVER)/updates
DKMS_SRC := /usr/src/$(NAME)-$(VERSION)

##@ Build

all: modules ## build target_core_rbd.ko for KVER (default: the running kernel, else the newest installed)
	@ln -sfn $(MOD) $(NAME).ko
	@echo "$(NAME).ko -> $(MOD)"

modules: mirror ## build out/KVER/target_core_rbd.ko only
	@$(LOCK) $(KBUILD) modules 2>&1 9>&- | $(REAL_PATHS)
	@cp -u $(OUT)/build/$(NAME).ko $(MOD)

mirror:
	@test -n "$(KVER)" || { echo "no kernel with headers found: apt-get install linux-headers-amd64" >&2; exit 1; }
	@test -e $(KDIR)/Makefile || { echo "no headers for kernel $(KVER): $(KDIR) is missing" >&2; exit 1; }
	@mkdir -p $(addprefix $(OUT)/,build $(FLOORS))
	@$(LOCK) find $(OUT) -xtype l -delete; \
	for f in $(MIRRORED); do \
		[ -e $(OUT)/$$f ] || ln -s $(CURDIR)/$$f $(OUT)/$$f; \
	done

clean: ## remove everything that was built
	rm -rf out $(NAME).ko
	@for d in tests targetcli; do [ ! -e $$d/Makefile ] || $(MAKE) -s -C $$d clean; done

##@ Install

install: modules install-tools ## install the module for KVER, the targetcli backstore, and a modules-load.d entry
	install -D -m 644 $(MOD) $(MODULES_DIR)/$(NAME).ko
	$(if $(DESTDIR),,depmod $(KVER))

install-tools:
	$(MAKE) -C targetcli install DESTDIR=$(DESTDIR)

uninstall: uninstall-tools ## remove what install put there, for KVER
	rm -f $(MODULES_DIR)/$(NAME).ko
	$(if $(DESTDIR),,depmod $(KVER))

uninstall-tools:
	$(MAKE) -C targetcli uninstall DESTDIR=$(DESTDIR)

dkms-install: install-tools ## install through DKMS, for all kernels with headers (or for KVER=...)
	scripts/dkms install $(NAME) $(VERSION) $(if $(filter command environment,$(origin KVER)),$(KVER))

dkms-remove: uninstall-tools ## remove what dkms-install put there, for all kernels
	scripts/dkms remove $(NAME) $(VERSION)

##@ Release

dist: ## the source archive of this commit: out/target_core_rbd-VERSION.tar.xz
	@scripts/dist out

deb: ## Debian packages in out/deb, looked at by lintian; nothing needs root but missing tools
	@scripts/install-packages scripts/packages/deb
	@scripts/deb

check-deb: deb ## install, upgrade, remove and purge them in a root of their own that is thrown away
	@tests/run-one tests/deb/packages.sh

##@ Look at the code

style: sparse checkpatch kernel-doc structure ## sparse, checkpatch, kernel-doc, and how files may depend on each other

# Kernels from 7 on first try sparse with a script that Debian's headers do not have, and then skip
# sparse with a warning. They cannot change a KBUILD_CHECKSRC that stands on the command line.
sparse: mirror ## sparse on every file; any warning in our files fails
	@$(LOCK) log=$(OUT)/sparse.log; \
	$(KBUILD) C=2 KBUILD_CHECKSRC=2 CHECK=sparse modules 2>&1 9>&- | $(REAL_PATHS) | tee $$log; \
	if grep -qE '^[a-z_]+(/[a-z_]+)?\.[ch]:[0-9]+:[0-9]+:' $$log; then \
		echo "sparse: warnings, see above" >&2; exit 1; \
	fi

checkpatch: ## checkpatch.pl --strict on every file; errors, warnings and checks fail
	@scripts/checkpatch $(SOURCES)

kernel-doc: ## kernel-doc -Wall on every file; any warning fails
	@scripts/kernel-doc $(SOURCES)

structure: ## no call upward, no circle, no second list of commands, no file above 600 lines
	@scripts/structure

graph: ## draw which file uses which: out/structure.svg; faults are red
	@scripts/install-packages scripts/packages/graph
	@mkdir -p out
	@scripts/structure --dot out/structure.dot || :
	@dot -Tsvg -o out/structure.svg out/structure.dot
	@echo out/structure.svg

compile_commands.json: modules ## the compiler's command for each file, for editors and clang tools
	@scripts/compile-commands $(OUT) $(KDIR) >$@

##@ Try and test

demo: deps ## show one image through two gateways, from nothing (KEEP=1: leave the lab running)
	@scripts/demo

check: deps ## the tests on both kernels (KERNELS="6.1 6.12", TESTS="scsi/*" for less)
	@KERNELS="$(KERNELS)" TESTS="$(TESTS)" tests/run-check

check-all: deps ## the same, and the tests that take long
	@ALL=y KERNELS="$(KERNELS)" tests/run-check

SMOKE_TESTS := life_cycle cluster/data compare_write reservations bounded

check-debian: ## smoke tests on another suite of Debian, with its kernel, Ceph and QEMU: SUITE=sid (or trixie-backports, ...)
	@test -n "$(SUITE)" || { echo "usage: make check-debian SUITE=sid [TESTS=...]" >&2; exit 2; }
	@scripts/install-packages scripts/packages/debian
	@TESTS="$(or $(TESTS),$(SMOKE_TESTS))" scripts/debian $(SUITE) bash -c \
		'KERNELS=$$(scripts/kernels default | cut -d. -f-2) exec tests/run-check'

soak: deps ## random faults under load for MINUTES=60 on each of KERNELS, the same ones again with SEED=
	@KERNELS="$(KERNELS)" TESTS=schedule MINUTES="$(or $(MINUTES),60)" SEED="$(SEED)" FAULTS="$(FAULTS)" \
		LAB_OPTIONS="--mons 3 $(LAB_OPTIONS)" \
		TEST_TIMEOUT=$$(($(or $(MINUTES),60) * 60 + 1800)) tests/run-check

SOAK_TESTS := data compare_write snapshot random_ops life_cycle slow_path reservations preempt stalls kills history \
	cdb_fuzz control_fuzz object_fuzz cut_snapshot registry away two_snapshots full host_lost removed restarts frozen \
	thread_stalled preempt_times upgrade one_answer gray drain host_paths apply_killed

soak-tests: deps ## the tests in their long forms, about six hours on each of KERNELS
	@KERNELS="$(or $(KERNELS),6.12)" TESTS="$(or $(TESTS),$(SOAK_TESTS))" GATEWAYS="$(or $(GATEWAYS),4)" \
		LAB_OPTIONS="--mons 3 $(LAB_OPTIONS)" \
		DATA_MIB=1024 CAW_COUNTS=1000 SNAPSHOTS=100 RANDOM_SECONDS=900 CYCLES=200 SLOW_SECONDS=600 \
		PR_COMMANDS=10000 PREEMPT_ROUNDS=100 PREEMPT_WAIT=60 STALLS=30 STALL_SECONDS=30 KILLS=20 \
		HISTORY_SECONDS=600 FUZZ_COMMANDS=100000 FUZZ_SECONDS=600 CUTS=10 TAKERS_WAIT=25 FULL_SECONDS=240 \
		RESTARTS=70 FREEZES=10 UNITS=20 DRAIN_ROUNDS=20 GRAY_FAULTS='mtu osd one_way' \
		TEST_TIMEOUT=7200 tests/run-check

check-debug: deps ## the tests on a kernel with KASAN, lockdep and kmemleak, and with allocations that fail (TESTS=...)
	@scripts/install-packages scripts/packages/debug
	@KERNELS="$(KERNELS)" TESTS="$(TESTS)" tests/run-check-debug

native-kernel: ## build the kernel of "lab up --native --kernel 6.12"
	@scripts/install-packages scripts/packages/debug
	@scripts/lab-kernel native-6.12

bench: deps native-kernel ## how fast, compared with iblock on krbd and tgt: writes docs/performance.md
	@scripts/install-packages scripts/packages/bench
	@scripts/bench/run

check-host: modules ## single-gateway tests on this machine, against your own cluster: POOL=... [ID=...]
	@test -n "$(POOL)" || { echo "usage: make check-host POOL=pool [ID=user] [CONF=/etc/ceph/ceph.conf]" >&2; exit 2; }
	@POOL="$(POOL)" ID="$(ID)" CONF="$(CONF)" MODULE=$(CURDIR)/$(MOD) tests/run-check-host

deps: ## install the Debian packages that build and tests need, if any is missing
	@scripts/install-packages scripts/packages/build scripts/packages/check tests/lab/packages

help: ## this list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z_.-]+:.*## / { printf "  make %-21s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: all modules mirror clean install install-tools uninstall uninstall-tools dkms-install dkms-remove \
	dist deb check-deb style sparse checkpatch kernel-doc structure graph compile_commands.json demo check check-all check-debug check-debian soak soak-tests native-kernel bench check-host deps help
