#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A write that is stuck in a gateway never comes out later on top of newer data.
#
# The scenario, for each kind of image and of stuck command:
#
#	the block holds P0; gw1 is cut from the cluster, not from its initiator
#	the initiator sends A through gw1, and gets no answer
#	it gives up and writes A, then B through gw2; both are acknowledged
#	gw1 reaches the cluster again, and ends what it holds
#	the block must hold B, and whatever gw1 answered in the end must not be GOOD
#
# To show that this test can fail, the same runs against a target that has the defect, LIO's iblock on krbd: the
# block holds A there. If it ever does not, the scenario proves nothing any more and the test fails.
# shellcheck disable=SC2317 # steps are called by name
. ../ktap.sh
. ../gateway.sh

[ -n "${LAB_NAME-}" ] || t_skip_all 'needs a lab: make check TESTS=stale_write'

STUCK_FOR=9	# longer than W, in seconds: what the initiator's time-out would be
END_WAIT=60	# for gw1 to end what it holds
work=$(mktemp -d)
t_atexit "rm -rf '$work'"

# io URL COMMANDS...: qemu-io commands, one by one; fails if one of them fails
io() {
	local url=$1 args=()
	shift
	for c in "$@"; do args+=(-c "$c"); done
	lab run -- timeout 120 qemu-io -f raw "${args[@]}" "$url" >"$work/io.out" 2>&1
	# qemu-io's status says only that it could open the image; a read that does not match says so in words
	[ "$(grep -cE '^(wrote|read|discard) ' "$work/io.out")" = $# ] && ! grep -q 'Pattern verification failed' "$work/io.out"
}

# holds URL PATTERN OFFSET LENGTH
holds() { io "$1" "read -P $2 $3 $4"; }

# starts a command through gw1 that gets no answer
stuck_start() { # URL COMMAND
	lab run -- timeout 120 qemu-io -f raw -c "$2" "$1" >"$work/stuck.out" 2>&1 &
	stuck_pid=$!
	sleep 2
}

# the initiator goes away: were it still there, it would repeat a command that ends with BUSY, and rightly so
stuck_give_up() {
	kill -0 $stuck_pid 2>/dev/null || return 1
	t_kill $stuck_pid
	wait $stuck_pid 2>/dev/null
	return 0
}

# until gw1 has nothing at the OSDs any more; what waits for its group ends with the next heartbeat
gw1_idle() {
	lab exec -n gw1 -- sh -c "
		for i in \$(seq $END_WAIT); do
			grep -hE '^REQUESTS [1-9]' /sys/kernel/debug/ceph/*/osdc || { sleep 3; exit 0; }
			sleep 1
		done >/dev/null
		exit 1"
}

# scenario URL1 URL2 OFFSET LENGTH BEFORE A-COMMAND A B: what gw2 does is always a plain write
scenario() {
	local url1=$1 url2=$2 off=$3 len=$4 before=$5 stuck=$6 a=$7 b=$8
	[ "$before" = - ] || io "$url1" "write -P $before $off $len" || { echo 'no first write'; return 1; }
	lab cut gw1 ceph || return 1
	stuck_start "$url1" "$stuck"
	sleep $STUCK_FOR
	stuck_give_up || { echo 'the command was not stuck:'; cat "$work/stuck.out"; lab heal gw1 ceph; return 1; }
	io "$url2" "write -P $a $off $len" "write -P $b $off $len" || { echo 'gw2 failed:'; cat "$work/io.out"; lab heal gw1 ceph; return 1; }
	lab heal gw1 ceph || return 1
	gw1_idle || { echo 'gw1 did not end its command'; return 1; }
	io "$url2" "read -P $b $off $len" || { grep -i pattern "$work/io.out"; return 1; }
}
t_atexit 'lab heal gw1 ceph'

ours() { # NAME WHAT OFFSET LENGTH BEFORE STUCK-COMMAND
	local name=$1 what=$2 before
	before=$(gw_info gw1 "$name" Stale)
	t "$what: the newer data stay" scenario "$(gw_url gw1 "$name")" "$(gw_url gw2 "$name")" "$3" "$4" "$5" "$6" 0xa1 0xb2
	t "$what: the OSD refused the stuck command" test "$(gw_info gw1 "$name" Stale)" -gt "$before"
}

name=$TEST-plain
img_create "$name" --size 64M
t 'image on two gateways' serve "$name" "pool=rbd,image=$name"
ours "$name" 'a write' 0 64k 0 'write -P 0xa1 0 64k'
ours "$name" 'a first write to an object' 8M 64k - 'write -P 0xa1 8M 64k'
ours "$name" 'a write across objects' $((16 * 1024 - 32))k 64k 0 "write -P 0xa1 $((16 * 1024 - 32))k 64k"
ours "$name" 'WRITE SAME' 24M 64k 0 'write -z 24M 64k'
ours "$name" 'UNMAP' 28M 64k 0 'discard 28M 64k'
ours "$name" 'UNMAP of a whole object' 32M 4M 0 'discard 32M 4M'

# on a clone the object must be copied up before it can be written
lab rbd snap create --no-progress "$name@s" 2>/dev/null
lab rbd snap protect "$name@s"
clone=$TEST-clone
lab rbd clone --image-feature layering "$name@s" "$clone"
clean_clone() {
	lab rbd rm --no-progress "$clone"
	lab rbd snap unprotect "$name@s"
}
serve "$clone" "pool=rbd,image=$clone"
ours "$clone" 'a first write on a clone' 0 64k - 'write -P 0xa1 0 64k'
for gw in $GW_GATEWAYS; do gw_unexport $gw "$clone"; gw_disable $gw "$clone"; done
clean_clone

# an erasure coded data pool
ec_pool "$TEST" >/dev/null 2>&1
ec=$TEST-ec
img_create "$ec" --size 64M --data-pool "$TEST"
serve "$ec" "pool=rbd,image=$ec"
ours "$ec" 'a write to an erasure coded pool' 0 64k 0 'write -P 0xa1 0 64k'
ours "$ec" 'a first write there' 8M 64k - 'write -P 0xa1 8M 64k'

t 'both gateways go on afterwards' io "$(gw_url gw1 "$name")" 'write -P 1 0 64k' 'read -P 1 0 64k'

# The peer that has the defect: iblock over krbd on both gateways.
peer=$TEST-peer
img_create "$peer" --size 64M
peers_up() { krbd_serve gw1 "$peer" && krbd_serve gw2 "$peer"; }
t 'iblock over krbd on two gateways' peers_up
t_says 'the same write does come back there' 'Pattern verification failed' \
	scenario "$(gw_url gw1 "$peer")" "$(gw_url gw2 "$peer")" 0 64k 0 'write -P 0xa1 0 64k' 0xa1 0xb2
