#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# libiscsi's conformance tests: whatever passes on LIO's iblock over krbd, on the same kernel and cluster, passes on
# our backend too. What fails on one of them is printed; docs/conformance.md keeps the list.
#
#   CU_TESTS     which tests, as iscsi-test-cu names them (SCSI: all of them)
. ../ktap.sh
. ../gateway.sh

[ -n "${LAB_NAME-}" ] || t_skip_all 'needs a lab: make check TESTS=iscsi_test_cu'

TESTS=${CU_TESTS:-SCSI}
SIZE=64M
work=$(mktemp -d)
t_atexit "rm -rf '$work'"

# The test's results, one "FAILED name" or "passed name" a line. A test that was skipped counts as passed.
results() {
	lab run -- timeout 400 iscsi-test-cu --dataloss --verbose --test="$TESTS" "$1" >"$work/$2.log" 2>&1
	awk '
		/^Suite: / { suite = $2 }
		/^  Test: .* \.\.\./ { name = suite "." $2; seen[name] = 1 }
		/FAILED|^    [0-9]+\. / { if (name) failed[name] = 1 }
		END { for (name in seen) print (name in failed ? "FAILED" : "passed"), name }
	' "$work/$2.log" | sort
}

n=$TEST-ours
img_create "$n" --size $SIZE
img_create "$TEST-peer" --size $SIZE
t 'our backend is served' serve "$n" "pool=rbd,image=$n"
t 'a peer is served: iblock over krbd' krbd_serve gw2 "$TEST-peer"

# side by side, each through a gateway of its own
results "$(gw_url gw1 "$n")" ours >"$work/ours" &
results "$(gw_url gw2 "$TEST-peer")" peer >"$work/peer"
wait
note "$(wc -l <"$work/ours") tests; $(grep -c FAILED "$work/ours") fail on ours, $(grep -c FAILED "$work/peer") on the peer"
t 'the tests ran' test "$(wc -l <"$work/ours")" -gt 100
# What is the test's own mistake, and does not show on the peer because that refuses the command:
#   GetLBAStatus.UnmapSingle  asks for the status of LBA n + 1 and wants a descriptor that begins at n
mistaken='GetLBAStatus.UnmapSingle'

for name in $(awk '/FAILED/ { print $2 }' "$work/ours"); do
	if grep -q "^FAILED $name$" "$work/peer"; then
		note "fails on both: $name"
	elif [[ " $mistaken " == *" $name "* ]]; then
		note "fails on ours, by mistake: $name"
	else
		t_not_ok "$name: passes on the peer, fails on ours" \
			"$(awk -v t="${name#*.}" '$1 == "Test:" { on = $2 == t } on && /FAILED/' "$work/ours.log" | head -3)"
	fi
done
for name in $(awk '/FAILED/ { print $2 }' "$work/peer"); do
	grep -q "^FAILED $name$" "$work/ours" || note "fails on the peer only: $name"
done
