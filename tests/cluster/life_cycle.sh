#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Backstores come and go, with I/O and without, and leave nothing behind.
#
#   CYCLES    create, enable, export, I/O, delete: how often after the first ten (4)
. ../lib/ktap.sh
. ../lib/gateway.sh

CYCLES=${CYCLES:-4}
gw=gw1
n=$TEST-disk
url=$(gw_url $gw "$n")
img_create "$n" --size 64M
unit_io() { lab run -- qemu-io -f raw "$@" "$url"; }

# These must not grow: our slabs, pages that the kernel cannot reclaim, our threads, sessions with
# the cluster. For the pages: figures 1
figures() {
	lab exec -n $gw -- sh -c '
		echo 3 >/proc/sys/vm/drop_caches; sleep '"${1:-0}"'; echo 3 >/proc/sys/vm/drop_caches
		awk "/^trbd/ { n += \$2 } END { print \"objects\", n + 0 }" /proc/slabinfo
		awk "/^SUnreclaim/ { print \"unreclaimable_kib\", \$2 }" /proc/meminfo
		echo threads $(ps -eo comm | grep -c "^trbd.*/")
		echo sessions $(ls /sys/kernel/debug/ceph | wc -l)'
}
figure() { awk -v k="$1" '$1 == k { print $2 }' <<<"$2"; }

cycle() {
	gw_serve $gw "$n" "pool=rbd,image=$n" &&
		unit_io -c 'write -P 3 0 1M' -c 'read -P 3 0 1M' -c 'discard 0 1M' -c 'read -P 0 0 1M' >/dev/null &&
		gw_unserve $gw "$n"
}
cycles() {
	local i
	for ((i = 0; i < $1; i++)); do
		cycle || { echo "cycle $i"; return 1; }
	done
}
t 'ten cycles' cycles 10
first=$(figures 1)
t "$CYCLES more" cycles "$CYCLES"
last=$(figures 1)
note "after ten: $(tr '\n' ' ' <<<"$first")"
note "at the end: $(tr '\n' ' ' <<<"$last")"
t_is 'no object of ours is left' "$(figure objects "$last")" "$(figure objects "$first")"
t_is 'no thread' "$(figure threads "$last")" 0
t_is 'no session' "$(figure sessions "$last")" 0
# pages come and go with everything else in the kernel: a leak of 10 KiB a cycle would be seen
t 'no memory' test "$(figure unreclaimable_kib "$last")" -le $(($(figure unreclaimable_kib "$first") + 1024 + 10 * CYCLES))

# entries by which the OSDs tell gateways the time, of gateways that are gone; too many of them make
# an answer longer than there is room
entries() {
	local object lock
	for object in $(group_objects); do
		for lock in $(lab run -- rados -p rbd lock list "$object" --format json | jq -r '.locks[].name'); do
			lab run -- rados -p rbd lock info "$object" "$lock" --format json | jq '.lockers | length'
		done
	done | awk '{ n += $1 } END { print n + 0 }'
}
no_entries() { [ "$(entries)" = 0 ]; }
t 'no entry in the objects of the group' t_until 5 no_entries

t 'the module can go when nobody uses it' lab exec -n $gw -- sh -c \
	'rmdir /sys/kernel/config/target/core/rbd_* 2>/dev/null; rmmod target_core_rbd'
t 'and come back' lab exec -n $gw -- insmod /lab/target_core_rbd.ko

# Going away with I/O in flight: the LUN is unlinked and the backstore deleted while an initiator
# writes.
writes_forever() {
	local args=() i
	for ((i = 0; i < 400; i++)); do args+=(-c "aio_write -P $((i % 255)) $((i % 60))M 256k"); done
	lab run -- timeout "$(t_limit 60)" qemu-io -f raw "${args[@]}" -c aio_flush "$url" >/dev/null 2>&1 &
}
gone_under_io() {
	gw_serve $gw "$n" "pool=rbd,image=$n" || return 1
	writes_forever
	local pid=$!
	t_until 60 has_begun $gw "$n" || return 1
	timeout "$(t_limit 40)" bash -c "$(declare -f lab gw_units gw_unexport gw_disable iqn_of; declare -p GW_UNITS); ISCSI_PREFIX=$ISCSI_PREFIX GW_CORE=$GW_CORE TESTS_DIR=$TESTS_DIR
		gw_unexport $gw $n && gw_disable $gw $n"
	local status=$?
	t_kill $pid
	wait $pid 2>/dev/null
	return $status
}
for i in 1 2 3; do
	t "a backstore is deleted with I/O in flight, round $i" gone_under_io
done
t_is 'nothing of it is left' "$(figure threads "$(figures)")$(figure sessions "$(figures)")" 00

# Sessions: one for all images with equal options.
img_create "$TEST-second" --size 16M
gw_enable $gw "$n" "pool=rbd,image=$n"
gw_enable $gw "$TEST-second" "pool=rbd,image=$TEST-second"
t_is 'two images share a session' "$(figure sessions "$(figures)")" 1
gw_disable $gw "$TEST-second"
gw_enable $gw "$TEST-second" "pool=rbd,image=$TEST-second,osdkeepalive=4"
t_is 'with other options there are two' "$(figure sessions "$(figures)")" 2
gw_disable $gw "$TEST-second"
gw_disable $gw "$n"

# enable_with CONTROL: the caller gives all of control
enable_with() {
	lab exec $gw -- bash -s -- "$n" "$1" <<-'SCRIPT'
		dir=/sys/kernel/config/target/core/rbd_0/$1
		mkdir -p $dir && printf '%s' "$2" >$dir/control && echo 1 >$dir/enable
	SCRIPT
}
works_with() {
	enable_with "$1" && gw_export $gw "$n" && unit_io -c 'write -P 8 1M 64k' -c 'read -P 8 1M 64k' || return 1
	gw_unserve $gw "$n"
}
key=$(lab ceph auth get-key client.admin)
for mode in prefer-crc crc secure prefer-secure; do
	t "ms_mode=$mode" works_with "mon_addr=10.77.0.1:3300,ms_mode=$mode,id=admin,secret=$key,image=$n"
done
t 'ms_mode=legacy' works_with "mon_addr=10.77.0.1:6789,ms_mode=legacy,id=admin,secret=$key,image=$n"
t 'several monitors, the first one dead' works_with \
	"mon_addr=10.77.0.9:3300/10.77.0.1:3300,id=admin,secret=$key,image=$n"

lab ceph auth get-or-create client.least mon 'profile rbd' osd 'profile rbd pool=rbd' >/dev/null
t_atexit 'lab ceph auth rm client.least'
t 'the least a user needs is enough' works_with \
	"mon_addr=10.77.0.1:3300,id=least,secret=$(lab ceph auth get-key client.least),image=$n"

# A snapshot is read-only, and keeps its content.
snapshot() {
	lab rbd snap create --no-progress "$n@s" 2>&1 &&
		gw_serve $gw "$n" "pool=rbd,image=$n" && unit_io -c 'write -P 9 1M 64k' | grep -q ^wrote &&
		gw_unserve $gw "$n" &&
		gw_serve $gw "$n" "pool=rbd,image=$n,snap=s" &&
		lab run -- qemu-io -r -f raw -c 'read -P 8 1M 64k' "$url" &&
		! unit_io -c 'write 0 4k' | grep -q ^wrote
}
t 'a snapshot can be read, not written, and does not change' snapshot
# WRITE SAME with NDOB has no data, and LIO looks only at commands that send data
t 'an initiator of our own' t_build tools initiator
zero() { lab run -- timeout "$(t_limit 20)" "$work/initiator" "$url" zeroer "$1" 2048 128; }
t_is 'nor zeroed' "$(zero zero)" 'status 0x02 sense 7/27/00'
t_is 'but a SYNCHRONIZE CACHE has nothing to write' "$(zero sync)" 'status 0x00'
# a snapshot has no registration and no heartbeat; its watch notices
holds() { lab run -- timeout "$(t_limit 30)" qemu-io -r -f raw -c "read -P $1 1M 64k" "$url"; }
client() {
	lab run -- rados -p rbd listwatchers "rbd_header.$(gw_info $gw "$n" ImageId)" | sed -n 's/^watcher=\([^ ]*\) .*/\1/p'
}
holds_again() {
	for _ in $(seq "$(t_limit 60)"); do
		client >"$work/client"
		[ -s "$work/client" ] && ! grep -qF "$1" "$work/client" && holds 8 && return
		sleep 1
	done
	cat "$work/client"
	return 1
}
client=$(client)
t_atexit 'lab ceph osd blocklist rm "$client"'
t 'its gateway is put on the blocklist' lab ceph osd blocklist add "$client"
t 'and comes back by itself' holds_again "$client"
gw_unexport $gw "$n"
gw_disable $gw "$n"
protected() {
	gw_serve $gw "$n" "pool=rbd,image=$n" &&
		lab exec -n $gw -- sh -c "echo 1 >$GW_ISCSI/$(iqn_of "$n")/tpgt_1/attrib/demo_mode_write_protect"
}
t 'a LUN that is mapped read-only' protected
t_is 'is not zeroed either' "$(zero zero)" 'status 0x02 sense 7/27/00'
t 'and holds what it held' holds 9
gw_unexport $gw "$n"
t 'when it may be written' gw_export $gw "$n"
t_is 'a WRITE SAME whose data are missing writes nothing' "$(zero nothing)" 'status 0x02 sense 5/0e/03'
t 'it holds what it held' holds 9
t_is 'one that needs none zeroes' "$(zero zero)" 'status 0x00'
t 'and there are zeros' holds 0
gw_unexport $gw "$n"
gw_disable $gw "$n"

# A dead cluster.
t_atexit "lab heal $gw ceph"
lab cut $gw ceph
began=$SECONDS
t_fails 'enabling against a dead cluster fails' \
	enable_with "mon_addr=10.77.0.1:3300,id=admin,secret=$key,image=$n,mount_timeout=5"
# it would be 60 s
t 'within mount_timeout' test $((SECONDS - began)) -le "$(t_limit 40)"
lab heal $gw ceph
lab exec -n $gw -- rmdir "$GW_CORE/$n"
t 'and it works when the cluster is back' works_with "mon_addr=10.77.0.1:3300,id=admin,secret=$key,image=$n"
