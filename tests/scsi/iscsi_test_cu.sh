#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# libiscsi's conformance tests: a test that passes on LIO's iblock over krbd, on the same kernel and
# cluster, passes on our backend too. The tests that fail on one of them are printed;
# docs/conformance.md keeps the list.
#
#   CU_TESTS     which tests, as iscsi-test-cu names them (SCSI: all of them)
. ../lib/ktap.sh
. ../lib/gateway.sh

TESTS=${CU_TESTS:-SCSI}
SIZE=64M

# results WHERE TESTS URL...: print one "RESULT name" a line: passed, FAILED, or skipped. WHERE.log
# has the output.
results() {
	local log=$work/$1.log
	lab run -- timeout "$(t_limit 3000)" iscsi-test-cu --dataloss --verbose --test="$2" "${@:3}" >"$log" 2>&1
	# more output may follow "passed" on the same line, up to the next test
	awk '
		/^Suite: / { suite = $2 }
		/^  Test: .* \.\.\./ { name = suite "." $2; seen[name] = open = 1 }
		{ skip = index($0, "[SKIPPED]"); pass = index($0, "passed"); fail = index($0, "FAILED") }
		open && skip && (!pass || skip < pass) { skipped[name] = 1 }
		open && fail && (!pass || fail < pass) { failed[name] = 1 }
		/^    [0-9]+\. / { if (name) failed[name] = 1 }
		pass { open = 0 }
		END { for (name in seen) print (name in failed ? "FAILED" : name in skipped ? "skipped" : "passed"), name }
	' "$log" | sort -k 2
}

# A gateway that was out of touch ends writes with BUSY for a while, which no conformance test
# expects, so try failed tests again.
again() {
	local name
	[ "$(gw_lapses gw1)" != "$1" ] || return 0
	note 'gw1 was out of touch; what failed is tried again'
	awk '$1 == "FAILED" { print $2 }' "$work/ours" >"$work/failed"
	while read -r name; do
		results once "SCSI.$name" "$(gw_url gw1 "$n")" </dev/null | grep "^passed $name\$" || echo "FAILED $name"
	done <"$work/failed" >"$work/second"
	awk 'NR == FNR { now[$2] = $1; next } { print ($2 in now ? now[$2] : $1), $2 }' "$work/second" "$work/ours" >"$work/both"
	mv "$work/both" "$work/ours"
}

completed() {
	grep -q '^Tests completed' "$work/$1.log" && return
	tail -n 12 "$work/$1.log"
	return 1
}

n=$TEST-ours
img_create "$n" --size $SIZE
img_create "$TEST-peer" --size $SIZE
t 'our backend is served' serve "$n" "pool=rbd,image=$n"
t 'a peer is served: iblock over krbd' krbd_serve gw2 "$TEST-peer"

lapses=$(gw_lapses gw1)
# side by side, each through a gateway of its own
results ours "$TESTS" "$(gw_url gw1 "$n")" >"$work/ours" &
results peer "$TESTS" "$(gw_url gw2 "$TEST-peer")" >"$work/peer"
wait
note "$(wc -l <"$work/ours") tests; $(grep -c FAILED "$work/ours") fail on ours, $(grep -c FAILED "$work/peer") on the peer"
t 'the tests ran to their end on ours' completed ours
again "$lapses"
t 'and on the peer' completed peer
t 'the same ones' diff <(awk '{ print $2 }' "$work/ours") <(awk '{ print $2 }' "$work/peer")

# Mistakes of the tests themselves. They do not show on the peer, because that refuses the command:
#   GetLBAStatus.UnmapSingle  asks for the status of one LBA and wants a descriptor that begins at
#                             another
mistaken='GetLBAStatus.UnmapSingle'
# Commands that we refuse on purpose.
refused='^(ExtendedCopy|ReceiveCopyResults)'

result() { awk -v name="$2" '$2 == name { print $1 }' "$work/$1"; }
while read -r ours name; do
	peer=$(result peer "$name")
	case $ours/$peer in
	FAILED/FAILED) note "fails on both: $name" ;;
	FAILED/*)
		[ "$name" != "$mistaken" ] || continue
		t_not_ok "$name: fails on ours, $peer on the peer" \
			"$(awk -v t="${name#*.}" '$1 == "Test:" { on = $2 == t } on && /FAILED/' "$work/ours.log" | head -3)"
		;;
	skipped/passed)
		[[ $name =~ $refused ]] || t_not_ok "$name: skipped on ours, passes on the peer"
		;;
	*/FAILED) note "fails on the peer only: $name" ;;
	esac
done <"$work/ours"
t_is "what is called a mistake still is one" "$(result ours $mistaken)" FAILED

# both gateways as paths of one initiator
paths() {
	results paths 'SCSI.MultipathIO,SCSI.Prin*,SCSI.Prout*,SCSI.Reserve6*' "$(gw_url gw1 "$n")" "$(gw_url gw2 "$n")" >"$work/paths"
}
undisturbed paths
t_is 'with two paths all tests that need them pass, and those of reservations and resets' \
	"$(awk '$1 == "passed" { n++ } END { print n + 0 }' "$work/paths") $(grep -v ^passed "$work/paths" | xargs)" \
	'29 skipped Reserve6.TargetColdReset skipped Reserve6.TargetWarmReset'
# what it said of those that failed
awk 'NR == FNR { if ($1 == "FAILED") failed[substr($2, index($2, ".") + 1)] = 1; next }
	$1 == "Test:" { on = $2 in failed } on' "$work/paths" "$work/paths.log" | head -40 | sed 's/^/# /'
