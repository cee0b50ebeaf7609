# SPDX-License-Identifier: GPL-2.0
#
# Probes look into the headers of the kernel we build against. Vendors backport, so a version number
# says less than the declaration itself. Each probe defines one macro. compat/*.h turn the macros
# into one spelling for the rest of the tree.

compat-has = $(shell grep -qsE '$(2)' $(srctree)/include/$(1) && echo y)

ccflags-$(call compat-has,target/target_core_backend.h,struct exec_cmd_ops) += -DTRBD_HAVE_EXEC_CMD_OPS
ccflags-$(call compat-has,target/target_core_base.h,tpg_rtpi;) += -DTRBD_HAVE_TPG_RTPI
ccflags-$(call compat-has,target/target_core_base.h,struct target_cmd_counter .) += -DTRBD_HAVE_CMD_COUNTER
ccflags-$(call compat-has,target/target_core_base.h,emulate_rsoc;) += -DTRBD_HAVE_EMULATE_RSOC
ccflags-$(call compat-has,target/target_core_base.h,max_bytes_per_io;) += -DTRBD_HAVE_MAX_BYTES_PER_IO
ccflags-$(call compat-has,linux/ceph/osd_client.h,assert_ver;) += -DTRBD_HAVE_ASSERT_VER
ccflags-$(call compat-has,target/target_core_fabric.h,fabric_enable_tpg) += -DTRBD_HAVE_ENABLE_TPG
ccflags-$(call compat-has,linux/ceph/osd_client.h,bool nofail) += -DTRBD_HAVE_NOFAIL
ccflags-$(call compat-has,linux/ceph/libceph.h,char delim) += -DTRBD_HAVE_MON_IPS_DELIM
ccflags-$(call compat-has,linux/hex.h,bin2hex) += -DTRBD_HAVE_HEX_H
ccflags-$(call compat-has,linux/workqueue.h,WQ_PERCPU) += -DTRBD_HAVE_WQ_PERCPU
ccflags-$(call compat-has,trace/stages/stage6_event_callback.h,define __assign_str.dst. src) += -DTRBD_HAVE_ASSIGN_STR_SRC
ccflags-$(call compat-has,trace/trace_events.h,define __assign_str.dst. src) += -DTRBD_HAVE_ASSIGN_STR_SRC
