# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034 # for the scripts that source it
#
# Which tests run when; run-check and run-check-debug source it.

# Run on the first of KERNELS, and with ALL=y on each of them: they depend on the kernel most. The
# other tests run on the last one, and show much of it there.
FIRST='scsi/answers.sh cluster/reservations.sh fault/stale_write.sh'
# Run with ALL=y only, or when TESTS asks for them: they take longest, or look at what changes
# seldom: scsi/dkms builds the module once more, as make check-deb does, and bad_records and
# bad_objects damage what clusters keep whole.
WIDE='cluster/life_cycle.sh cluster/random_ops.sh cluster/migration.sh cluster/limits.sh cluster/fence_agents.sh
	cluster/mpathpersist.sh cluster/waiting_writes.sh cluster/pages.sh cluster/readings.sh cluster/quiesce.sh
	cluster/moved.sh cluster/shared_settings.sh cluster/sg_persist.sh cluster/trbdctl_access.sh cluster/unit_limits.sh
	fault/bounded.sh fault/schedule.sh fault/slow_path.sh fault/cut_snapshot.sh fault/long_verify.sh fault/paused.sh
	fault/object_fuzz.sh fault/control_fuzz.sh fault/group_away.sh fault/registry.sh fault/bad_records.sh
	fault/bad_objects.sh fault/demoted.sh fault/forgotten.sh fault/gray.sh fault/preempt_lost.sh scsi/check_host.sh
	scsi/dkms.sh'
# Run only when TESTS asks for them: another test does the same for a shorter time, or, costs, they
# have to be alone on the machine.
ASKED='cluster/alerts.sh cluster/apply_killed.sh cluster/by_apt.sh cluster/costs.sh fault/history.sh fault/kills.sh fault/restarts.sh fault/host_lost.sh fault/frozen.sh fault/thread_stalled.sh
	fault/two_snapshots.sh fault/removed.sh fault/preempt_times.sh fault/upgrade.sh fault/one_answer.sh fault/host_paths.sh'
# The longest tests begin first, so that labs end at about the same time.
LONG='scsi/iscsi_test_cu.sh cluster/life_cycle.sh fault/bounded.sh fault/schedule.sh cluster/first_hour.sh fault/preempt.sh
	cluster/trbdctl.sh fault/drain.sh cluster/data.sh fault/forgotten.sh cluster/snapshot.sh cluster/clone.sh
	fault/preempt_lost.sh cluster/trbdctl_access.sh scsi/dkms.sh cluster/shared_settings.sh cluster/quiesce.sh fault/registry.sh
	fault/group_away.sh scsi/check_host.sh'
# make check-debug runs these on emulated machines, too. Those have two processors, so two threads
# can be in one place at once; native ones have preemption only. So these have commands of several
# sessions on the way (cross), and let them meet a gate that closes (quiesce), a cluster that stands
# still (stalls) and the end of the module (unload).
EMULATED='debug/unload.sh cluster/cross.sh cluster/quiesce.sh fault/stalls.sh'
# Run on emulated machines only: these stop the clocks of gateways, count instructions, or let
# allocations fail at random, after which the network of a native machine was seen to stay dead.
QEMU='fault/paused.sh fault/frozen.sh fault/schedule.sh cluster/costs.sh debug/fail_enable.sh debug/fail_io.sh
	debug/fail_reservations.sh debug/fail_snapshot.sh'

# listed TEST LIST: succeed if the list has the test, with or without "tests/" before it
listed() { [[ " ${2//[[:space:]]/ } " == *" ${1#tests/} "* ]]; }
