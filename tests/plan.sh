# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034 # for the scripts that source it
#
# Which tests run when; run-check and run-check-debug source it.

# Runs on the first of KERNELS only.
FIRST='scsi/iscsi_test_cu.sh'
# Run on each of KERNELS. Everything else would take too long: it runs on the last one only.
EACH='scsi/answers.sh cluster/reservations.sh fault/stale_write.sh'
# Run with ALL=y only, or when TESTS asks for them: they take longest, or look at what changes
# seldom.
WIDE='cluster/life_cycle.sh cluster/random_ops.sh cluster/migration.sh cluster/limits.sh cluster/fence_agents.sh
	cluster/mpathpersist.sh cluster/waiting_writes.sh cluster/pages.sh cluster/readings.sh
	fault/bounded.sh fault/schedule.sh fault/slow_path.sh fault/cut_snapshot.sh fault/long_verify.sh fault/paused.sh
	fault/object_fuzz.sh fault/control_fuzz.sh fault/group_away.sh scsi/check_host.sh'
# Run only when TESTS asks for them; another test does the same for a shorter time.
ASKED='cluster/apply_killed.sh fault/history.sh fault/kills.sh fault/restarts.sh fault/host_lost.sh fault/frozen.sh fault/thread_stalled.sh
	fault/two_snapshots.sh fault/removed.sh fault/preempt_times.sh fault/upgrade.sh fault/one_answer.sh fault/host_paths.sh'
# The tests of four minutes and more begin first, so that labs end at about the same time.
LONG='scsi/iscsi_test_cu.sh cluster/life_cycle.sh fault/bounded.sh fault/schedule.sh fault/preempt.sh cluster/trbdctl.sh
	cluster/data.sh cluster/first_hour.sh scsi/dkms.sh cluster/snapshot.sh cluster/shared_settings.sh fault/drain.sh
	fault/registry.sh fault/group_away.sh scsi/check_host.sh'

# listed TEST LIST: succeed if the list has the test, with or without "tests/" before it
listed() { [[ " ${2//[[:space:]]/ } " == *" ${1#tests/} "* ]]; }
