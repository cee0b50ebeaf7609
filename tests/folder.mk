# SPDX-License-Identifier: GPL-2.0
#
# Every test folder's Makefile includes this at its end. In a kernel tree, with this folder at
# tools/testing/selftests/target_core_rbd, kselftest's own lib.mk takes over. Here a few lines do:
# "run_tests" runs the folder with prove, "list" names its programs, "all" builds the generated
# ones, also those of TEST_GEN_PROGS_EXTENDED, which are programs that tests use. This file is not
# called lib.mk because kselftest's finds its own place by that name.
#
# A program that speaks iSCSI is linked with $(SESSIONS) and -liscsi.

SESSIONS := ../lib/basics.c ../lib/session.c
CFLAGS += -I../lib
LOCAL_HDRS += $(wildcard *.h */*.h ../lib/*.h)

ifneq ($(wildcard ../../lib.mk),)
include ../../lib.mk
else

.DEFAULT_GOAL := all
OUTPUT ?= $(CURDIR)
CFLAGS += -Wall -Wextra -Werror -O1 -g
GENERATED := $(addprefix $(OUTPUT)/,$(TEST_GEN_PROGS))
BUILT := $(GENERATED) $(addprefix $(OUTPUT)/,$(TEST_GEN_PROGS_EXTENDED))

all: $(BUILT)

$(BUILT): $(OUTPUT)/%: %.c $(LOCAL_HDRS)
	$(CC) $(CFLAGS) -o $@ $(filter %.c,$^) $(LDLIBS)

list:
	@printf '%s\n' $(TEST_PROGS) $(TEST_GEN_PROGS)

run_tests: all
	prove --exec ../run-one $(addprefix ./,$(TEST_PROGS)) $(GENERATED)

clean:
	rm -f $(BUILT)

.PHONY: all list run_tests clean

endif
