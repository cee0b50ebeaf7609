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
gw=gw1
work=$(mktemp -d)
t_atexit "rm -rf '$work'"

# A peer: iblock over a krbd mapping of an image of the same layout. No udev runs on the gateways.
IBLOCK=/sys/kernel/config/target/core/iblock_9
peer_up() {
	lab exec $gw -- bash -s -- "$1" "$(iqn_of "$1")" <<-'SCRIPT'
		set -e
		modprobe rbd
		modprobe target_core_iblock
		rbd map -o noudev "$1" >/tmp/peer.map
		dir=/sys/kernel/config/target/core/iblock_9/$1
		mkdir -p $dir
		echo "udev_path=$(cat /tmp/peer.map)" >$dir/control
		echo 1 >$dir/enable
		target=/sys/kernel/config/target/iscsi/$2
		mkdir -p $target/tpgt_1/lun/lun_0 $target/tpgt_1/np/10.78.0.11:3260
		cd $target/tpgt_1
		echo 0 >attrib/authentication
		echo 1 >attrib/generate_node_acls
		echo 0 >attrib/demo_mode_write_protect
		ln -s $dir lun/lun_0/$1
		echo 1 >enable
	SCRIPT
}
peer_down() {
	gw_unexport $gw "$TEST-peer"
	lab exec -n $gw -- sh -c "rmdir $IBLOCK/$TEST-peer $IBLOCK; rbd unmap -o noudev \$(cat /tmp/peer.map); rmmod rbd"
}

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
t_atexit peer_down
t 'a peer is served: iblock over krbd' peer_up "$TEST-peer"

results "$(gw_url $gw "$n")" ours >"$work/ours"
results "$(gw_url $gw "$TEST-peer")" peer >"$work/peer"
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
