#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Other clients take snapshots and change sizes. A snapshot is one point in time across all
# gateways, its taker may die on the way, and a new size reaches everybody.
#
#   SNAPSHOTS    how many (8)
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/snapshot_taker.sh

COUNT=${SNAPSHOTS:-8}
n=$TEST-disk
img_create "$n" --size 16M
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
t "$COUNT snapshots under two writers that depend on each other" \
	lab run -- python3 "$PWD/snapshot.py" "$(gw_addr gw1)" "$(gw_addr gw2)" "$(iqn_of "$n")" "$n" "$COUNT"

write_through() { lab run -- timeout "$(t_limit 60)" qemu-io -f raw -c "$2" "$(gw_url "$1" "$n")" | grep -qE '^wrote'; }
# An OSD believes for 30 s that the dead client watches, and writes end with BUSY as long, for 60 s
# at most. qemu waits longer after each BUSY, up to minutes, so start it again.
soon() {
	local end=$((SECONDS + $(t_limit 150)))
	until lab run -- timeout "$(t_limit 10)" qemu-io -f raw -c "$2" "$(gw_url "$1" "$n")" 2>/dev/null | grep -qE '^wrote'; do
		[ $SECONDS -lt $end ] || return 1
	done
}
# kill it at some point on its way: between asking the gateways to stop and telling them to go on,
# with luck
interrupted_snapshot() {
	lab run -- rbd snap create --no-progress "$n@interrupted" &
	local pid=$!
	sleep 0.3
	t_kill $pid
	wait $pid 2>/dev/null
	soon gw1 'write -P 5 0 4k' && soon gw2 'write -P 6 4k 4k'
}
t 'a snapshot whose taker dies does not stop the gateways' interrupted_snapshot

# garbage on the header
garbage() {
	lab run -- rados -p rbd notify "$(header_of "$n")" garbage >/dev/null
	write_through gw1 'write -P 7 0 4k' && write_through gw2 'write -P 8 4k 4k'
}
t 'garbage on the header object does no harm' garbage

capacity() { lab run -- iscsi-readcapacity16 "$(gw_url "$1" "$n")" | awk -F: '/Total size/ { print $2 + 0 }'; }

# three nexuses, two of them through one gateway: each is told once
t 'an initiator of our own' t_build tools initiator
listeners=()
for at in gw1:a gw1:b gw2:a; do
	lab run -- timeout "$(t_limit 60)" "$work/initiator" "$(gw_url "${at%:*}" "$n")" "${at#*:}" attention 0 "$(t_limit 30)" >"$work/$at" 2>&1 &
	listeners+=($!)
done
listening() { timeout "$(t_limit 20)" sh -c "until [ \$(cat '$work'/gw* | grep -c ready) = 3 ]; do sleep 0.2; done"; }
t 'three nexuses' listening
t 'the image grows' lab rbd resize --no-progress --size 32M "$n"
has_grown() { [ "$(capacity "$1")" = $((32 << 20)) ]; }
for gw in $GW_GATEWAYS; do t "$gw knows" t_until 30 has_grown "$gw"; done
wait "${listeners[@]}"
t_is 'every nexus is told once that the capacity changed' "$(cat "$work"/gw* | sort | uniq -c | xargs)" \
	'3 6 2a/09 3 good 3 ready'
t 'the new blocks can be written' write_through gw2 'write -P 9 24M 64k'

# Two clients take snapshots at once: when one is made, the other client still wants quiet. It
# watches the image, so its wish lasts.
writes_within() { lab run -- timeout "$1" qemu-io -f raw -c 'write -P 3 0 4k' "$(gw_url gw1 "$n")" 2>&1 | grep -q '^wrote'; }
two_at_once() {
	local first failed=
	mkfifo "$work/go.first"
	LIMIT=$T_SPAN notify "$n" attend 1 <>"$work/go.first" >"$work/first" 2>&1 &
	first=$!
	is_quiet "$work/first" && notify "$n" quiesce 2 && notify "$n" unquiesce 2 || failed='no quiet'
	[ "$failed" ] || ! writes_within 2 || failed=written
	echo go 1<>"$work/go.first"
	wait "$first" && [ ! "$failed" ] || { echo "$failed"; return 1; }
}
t 'two snapshots at once: the second one lets no write into the first' two_at_once
t 'when both are made, writes go on' soon gw1 'write -P 3 0 4k'
