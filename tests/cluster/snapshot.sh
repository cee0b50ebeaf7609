#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Snapshots and sizes change beside the gateways: a snapshot is one point in time across all of them, whoever asked for it
# may die on the way, and a new size reaches everybody.
#
#   SNAPSHOTS    how many (8)
. ../ktap.sh
. ../gateway.sh
. ../faults.sh

COUNT=${SNAPSHOTS:-8}
n=$TEST-disk
img_create "$n" --size 16M
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
t "$COUNT snapshots under two writers that depend on each other" \
	lab run -- python3 "$PWD/snapshot.py" "$(gw_addr gw1)" "$(gw_addr gw2)" "$(iqn_of "$n")" "$n" "$COUNT"

io() { lab run -- timeout "$(t_limit 60)" qemu-io -f raw -c "$2" "$(gw_url "$1" "$n")" | grep -qE '^wrote'; }
# killed at some point on its way: between asking the gateways to stop and telling them to go on, with luck
interrupted_snapshot() {
	lab run -- rbd snap create --no-progress "$n@interrupted" &
	local pid=$!
	sleep 0.3
	t_kill $pid
	wait $pid 2>/dev/null
	io gw1 'write -P 5 0 4k' && io gw2 'write -P 6 4k 4k'
}
t 'a snapshot whose taker dies does not stop the gateways' interrupted_snapshot

# garbage on the header
garbage() {
	local id
	id=$(gw_info gw1 "$n" ImageId)
	lab run -- rados -p rbd notify "rbd_header.$id" garbage >/dev/null
	io gw1 'write -P 7 0 4k' && io gw2 'write -P 8 4k 4k'
}
t 'garbage on the header object does no harm' garbage

capacity() { lab run -- iscsi-readcapacity16 "$(gw_url "$1" "$n")" | awk -F: '/Total size/ { print $2 + 0 }'; }

# three nexuses, two of them through one gateway: each is told once
t 'an initiator of our own' initiator_build "$work/initiator"
listeners=()
for at in gw1:a gw1:b gw2:a; do
	lab run -- timeout "$(t_limit 60)" "$work/initiator" "$(gw_url "${at%:*}" "$n")" "${at#*:}" attention 0 "$(t_limit 30)" >"$work/$at" 2>&1 &
	listeners+=($!)
done
listening() { timeout "$(t_limit 20)" sh -c "until [ \$(cat '$work'/gw* | grep -c ready) = 3 ]; do sleep 0.2; done"; }
t 'three nexuses' listening
t 'the image grows' lab rbd resize --no-progress --size 32M "$n"
sleep 1
t_is 'gw1 knows' "$(capacity gw1)" $((32 << 20))
t_is 'gw2 knows' "$(capacity gw2)" $((32 << 20))
wait "${listeners[@]}"
t_is 'every nexus is told once that the capacity changed' "$(cat "$work"/gw* | sort | uniq -c | xargs)" \
	'3 6 2a/09 3 good 3 ready'
t 'what is new can be written' io gw2 'write -P 9 24M 64k'

# Two who take snapshots at once: when one is made, the other wants quiet yet.
notify() { lab run -- timeout "$(t_limit 30)" python3 "$PWD/notify.py" rbd "rbd_header.$(gw_info gw1 "$n" ImageId)" "$@"; }
writes_within() { lab run -- timeout "$1" qemu-io -f raw -c 'write -P 3 0 4k' "$(gw_url gw1 "$n")" 2>&1 | grep -q '^wrote'; }
two_at_once() {
	notify quiesce 1 && notify quiesce 2 && notify unquiesce 2 || return 1
	! writes_within 2 || { echo 'written'; return 1; }
	notify unquiesce 1
}
t 'two snapshots at once: the second one lets no write into the first' two_at_once
t 'when both are made, writes go on' writes_within "$(t_limit 8)"

# The OSD of the header forgets a gateway that it does not hear of, and a snapshot is taken without it. What that gateway
# writes then, with what it knows of snapshots, would change this one. Header, group and data are with different OSDs.
is_apart() {
	local id header
	id=$(lab rbd info --format json "$1" | jq -r .id)
	header=$(primary_of "rbd_header.$id")
	[ "$header" != "$(primary_of target_core_rbd.group)" ] && [ "$header" != "$(primary_of "rbd_data.$id.0000000000000000")" ]
}
n=
for ((i = 0; i < 20; i++)); do
	img_create "$TEST-apart$i" --size 4M
	! is_apart "$TEST-apart$i" || { n=$TEST-apart$i; break; }
done
t 'an image whose header is with an OSD of its own' test "$n"
# shellcheck disable=SC2034 # for faults.sh
SERVED=("$n")
t 'it is served by both gateways' serve "$n" "pool=rbd,image=$n"
t 'something is written' io gw2 'write -P 1 0 64k'
t_atexit 'watch_dropped_end gw2'
t 'gw2 does not reach that OSD' watch_dropped_begin gw2
sleep 33
t 'a snapshot is taken without it' lab rbd snap create --no-progress "$n@without"
late_write() { lab run -- timeout "$(t_limit 5)" qemu-io -f raw -c 'write -P 2 0 64k' "$(gw_url gw2 "$n")" 2>&1 | grep -q '^wrote'; }
t_fails 'it writes nothing' late_write
t 'it reaches that OSD again' watch_dropped_end gw2
t 'and writes' io gw2 'write -P 3 0 64k'
in_snapshot() { lab rbd export --no-progress "$n@without" - | head -c 64k | cmp - <(head -c 64k /dev/zero | tr '\0' '\1'); }
t 'the snapshot is as it was' in_snapshot
