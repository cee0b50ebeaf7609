#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# libiscsi's conformance tests: none fails on our backend but one that is mistaken, and only those
# are skipped that ask for what the unit does not have. With a peer, LIO's iblock over krbd on the
# same kernel and cluster, nothing passes there that is skipped here, unless we refuse it;
# docs/conformance.md keeps the list of differences.
#
#   CU_TESTS     which tests, as iscsi-test-cu names them (SCSI: all of them)
#   CU_PEER      y: compare with the peer, as make check-all does
. ../lib/ktap.sh
. ../lib/gateway.sh

TESTS=${CU_TESTS:-SCSI}
PEER=${CU_PEER:-${ALL:-n}}
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
t 'our backend is served' serve "$n" "pool=rbd,image=$n"

lapses=$(gw_lapses gw1)
if [ "$PEER" = y ]; then
	img_create "$TEST-peer" --size $SIZE
	t 'a peer is served: iblock over krbd' krbd_serve gw2 "$TEST-peer"
	# side by side, each through a gateway of its own
	results peer "$TESTS" "$(gw_url gw2 "$TEST-peer")" >"$work/peer" &
fi
results ours "$TESTS" "$(gw_url gw1 "$n")" >"$work/ours"
wait
t 'the tests ran to their end' completed ours
again "$lapses"
note "$(wc -l <"$work/ours") tests: $(cut -d ' ' -f 1 "$work/ours" | sort | uniq -c | xargs)"

# Mistakes of the tests themselves:
#   GetLBAStatus.UnmapSingle  asks for the status of one LBA and wants a descriptor that begins at
#                             another
mistaken='GetLBAStatus.UnmapSingle'
# Commands that we refuse on purpose.
refused='^(ExtendedCopy|ReceiveCopyResults)'

# said_of_failed RESULTS: what it said of those that failed
said_of_failed() {
	awk 'NR == FNR { if ($1 == "FAILED") failed[substr($2, index($2, ".") + 1)] = 1; next }
		$1 == "Test:" { on = $2 in failed } on' "$work/$1" "$work/$1.log" | head -40
}
none_failed() {
	said_of_failed ours
	[ "$(awk '$1 == "FAILED" { print $2 }' "$work/ours")" = "$mistaken" ]
}
t 'only the mistaken one fails' none_failed
# A test that is skipped asks for something that the unit does not have, or must not have.
if [ "$TESTS" = SCSI ]; then
	t_is 'most others pass' "$(grep -c ^passed "$work/ours")" 162
	t_is 'and some of these families are skipped' "$(awk '$1 == "skipped" { sub(/\..*/, "", $2); print $2 }' "$work/ours" | uniq | xargs)" \
		"$(xargs <<-'EOF'
			ExtendedCopy MultipathIO OrWrite PreventAllow ReadDefectData10 ReadDefectData12 ReadOnly ReceiveCopyResults
			ReportSupportedOpcodes Reserve6 Sanitize StartStopUnit WriteAtomic16 WriteSame10 WriteSame16
		EOF
		)"
fi

if [ "$PEER" = y ]; then
	t 'the tests ran to their end on the peer' completed peer
	t 'the same ones' diff <(awk '{ print $2 }' "$work/ours") <(awk '{ print $2 }' "$work/peer")
	join -j 2 "$work/ours" "$work/peer" >"$work/joined"
	note "fails on the peer only: $(awk '$2 != "FAILED" && $3 == "FAILED" { print $1 }' "$work/joined" | xargs)"
	t_is 'nothing that we do not refuse is skipped, and passes on the peer' \
		"$(awk '$2 == "skipped" && $3 == "passed" { print $1 }' "$work/joined" | grep -vE "$refused")" ''
fi

# Both gateways as paths of one initiator. MultipathIO.CompareAndWrite clears 256 blocks and expects
# zeros in 257, so a second try needs them back.
paths() {
	io "$(gw_url gw1 "$n")" 'write -P 0 0 1M' || return 1
	results paths 'SCSI.MultipathIO,SCSI.Prin*,SCSI.Prout*,SCSI.Reserve6*' "$(gw_url gw1 "$n")" "$(gw_url gw2 "$n")" >"$work/paths"
}
undisturbed paths
t_is 'with two paths all tests that need them pass, and those of reservations and resets' \
	"$(awk '$1 == "passed" { n++ } END { print n + 0 }' "$work/paths") $(grep -v ^passed "$work/paths" | xargs)" \
	'29 skipped Reserve6.TargetColdReset skipped Reserve6.TargetWarmReset'
said_of_failed paths | sed 's/^/# /'
