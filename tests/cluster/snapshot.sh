#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Snapshots and sizes change beside the gateways: a snapshot is one point in time across all of them, whoever asked for it
# may die on the way, and a new size reaches everybody.
#
#   SNAPSHOTS    how many (8)
. ../ktap.sh
. ../gateway.sh

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
