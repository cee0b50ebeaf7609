# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034 # for the scripts that source it
#
# Which tests run when; run-check and run-check-debug source it.

# FIRST runs on the first of KERNELS, and EACH on each of them. Everything else would take too long:
# it runs on the last one only, unless TESTS asks for it.
FIRST='scsi/iscsi_test_cu.sh'
EACH='scsi/answers.sh cluster/data.sh cluster/compare_write.sh cluster/reservations.sh cluster/target_ports.sh
	fault/stale_write.sh'
# Only when TESTS asks for them; another test does the same for a shorter time.
ASKED='fault/history.sh fault/kills.sh fault/restarts.sh fault/host_lost.sh fault/frozen.sh fault/thread_stalled.sh
	fault/two_snapshots.sh fault/removed.sh fault/preempt_times.sh fault/upgrade.sh fault/one_answer.sh fault/host_paths.sh'
# Those that take four minutes and more begin first, so that labs end at about the same time.
LONG='scsi/iscsi_test_cu.sh cluster/life_cycle.sh fault/bounded.sh fault/schedule.sh fault/preempt.sh cluster/data.sh
	cluster/first_hour.sh scsi/dkms.sh cluster/snapshot.sh fault/registry.sh fault/group_away.sh scsi/check_host.sh'

# listed TEST LIST: succeed if the list has the test, with or without "tests/" before it
listed() { [[ " ${2//[[:space:]]/ } " == *" ${1#tests/} "* ]]; }
