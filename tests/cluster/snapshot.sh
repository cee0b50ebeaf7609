#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Other clients take snapshots and change sizes. A snapshot is one point in time across all
# gateways, its taker may die on the way, and a new size reaches everybody.
#
#   SNAPSHOTS    how many (8)
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/faults.sh
. ../lib/placement.sh

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
	local id
	id=$(gw_info gw1 "$n" ImageId)
	lab run -- rados -p rbd notify "rbd_header.$id" garbage >/dev/null
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
notify() { lab run -- timeout "$(t_limit 90)" python3 "$TESTS_DIR/tools/notify.py" rbd "rbd_header.$(gw_info gw1 "$n" ImageId)" "$@"; }
writes_within() { lab run -- timeout "$1" qemu-io -f raw -c 'write -P 3 0 4k' "$(gw_url gw1 "$n")" 2>&1 | grep -q '^wrote'; }
is_quiet() { timeout "$(t_limit 80)" sh -c "until grep -q quiet '$1'; do sleep 0.2; done" || { cat "$1"; return 1; }; }
two_at_once() {
	local first failed=
	mkfifo "$work/go.first"
	notify attend 1 <>"$work/go.first" >"$work/first" 2>&1 &
	first=$!
	is_quiet "$work/first" && notify quiesce 2 && notify unquiesce 2 || failed='no quiet'
	[ "$failed" ] || ! writes_within 2 || failed=written
	echo go 1<>"$work/go.first"
	wait "$first" && [ ! "$failed" ] || { echo "$failed"; return 1; }
}
t 'two snapshots at once: the second one lets no write into the first' two_at_once
t 'when both are made, writes go on' soon gw1 'write -P 3 0 4k'

t 'the group is with two of the three OSDs' group_together
# The OSD of the header forgets a gateway that it does not hear of, and a snapshot is taken without
# that gateway. Its writes after that would change this snapshot, since it does not know of it.
# Header, group and data are with different OSDs.
header_osd_of() { primary_of "rbd_header.$(lab rbd info --format json "$1" | jq -r .id)"; }
# is_apart NAME HEADER_OSD: finds hole, the offset of another object that is not with the header's
# OSD either, in MiB
is_apart() {
	local id i
	id=$(lab rbd info --format json "$1" | jq -r .id)
	[ "$2" != "$(primary_of target_core_rbd.group)" ] && [ "$2" != "$(primary_of "rbd_data.$id.0000000000000000")" ] || return 1
	for i in 1 2 3; do
		[ "$2" != "$(primary_of "rbd_data.$id.000000000000000$i")" ] && { hole=$((4 * i)); return; }
	done
	return 1
}
n='' hole='' apart='' other=''
for ((i = 0; i < 40; i++)); do
	img_create "$TEST-apart$i" --size 16M
	osd=$(header_osd_of "$TEST-apart$i")
	if [ -z "$n" ]; then
		! is_apart "$TEST-apart$i" "$osd" || { n=$TEST-apart$i apart=$osd; }
	elif [ "$osd" = "$apart" ]; then
		other=$TEST-apart$i
		break
	fi
done
t 'an image whose header is with an OSD of its own' test "$n"
t 'another one, with the same OSD' test "$other"
# shellcheck disable=SC2034 # for faults.sh
SERVED=("$n")
t 'it is served by both gateways' serve "$n" "pool=rbd,image=$n"
t 'the other one, too' serve "$other" "pool=rbd,image=$other"
t 'something is written' write_through gw2 'write -P 1 0 64k'
t 'the ports of that OSD' header_ports
quiesce_other() { lab run -- timeout "$(t_limit 30)" python3 "$TESTS_DIR/tools/notify.py" rbd "$other_header" quiesce 1; }
other_header=rbd_header.$(gw_info gw1 "$other" ImageId)
t_atexit 'watch_dropped_end gw2'
t 'somebody asks for quiet on the other one, and goes away' quiesce_other
t 'gw2 does not reach that OSD' gw_filter gw2 output "oifname eth0 tcp dport { $(cat "$work/ports") }"
late_write() { lab run -- timeout "$(t_limit 5)" qemu-io -f raw -c "write -P $1 0 64k" "$(gw_url gw2 "$n")" 2>&1 | grep -q '^wrote'; }
late_read() { lab run -- timeout "$(t_limit "${3:-5}")" qemu-io -f raw -c "read -P $1 $2 64k" "$(gw_url gw2 "$n")" 2>&1 | grep -q '^read [0-9]'; }
# the taker waits ten seconds for gw2 to answer
t 'a snapshot is taken that asks nobody' lab rbd snap create --no-progress --skip-quiesce "$n@unasked"
t_fails 'gw2 writes nothing, though the OSD has not forgotten it' late_write 4
t 'objects that are there can be read' late_read 1 0 60
t_fails 'an object that is not there may be gone, and is not read as zeros' late_read 0 ${hole}M
# it waits at the gate, which nobody can open while it cannot know whether there is a new snapshot
refused() {
	lab run -- timeout "$(t_limit 30)" "$work/initiator" "$(gw_url gw2 "$1")" refused fill 0 1 >"$work/refused"
	cat "$work/refused"
	grep -qE 'writes ([0-9]+) busy \1 ' "$work/refused"
}
t 'writes that wait for the other one to go on end with BUSY' refused "$other"
header=rbd_header.$(gw_info gw1 "$n" ImageId)
forgets_gw2() { ! lab run -- rados -p rbd listwatchers "$header" | grep -q 'watcher=10\.77\.0\.12:'; }
t 'that OSD forgets gw2' t_until 90 forgets_gw2
t 'a snapshot is taken without it' lab rbd snap create --no-progress "$n@without"
t_fails 'it writes nothing' late_write 2
# One more snapshot is taken while gw2 comes back. Nobody has asked it for quiet, and it asks gw1.
mkfifo "$work/go"
notify attend 1 <>"$work/go" >"$work/attend" 2>&1 &
attends=$!
t_atexit "t_kill $attends"
t 'gw1 is quiet for another snapshot' is_quiet "$work/attend"
t 'gw2 reaches that OSD again' watch_dropped_end gw2
watches_again() {
	local i
	for ((i = 0; i < $(t_limit 40); i++)); do
		! lab run -- rados -p rbd listwatchers "$header" | grep -q "watcher=10\.77\.0\.12:" || { sleep 1; return; }
		sleep 1
	done
	return 1
}
t 'and watches the header' watches_again
t 'but is quiet, as gw1 is' refused "$n"
echo go 1<>"$work/go"
wait "$attends"
t_is 'the snapshot is made' "$?" 0
t 'gw2 writes' write_through gw2 'write -P 3 0 64k'
t 'and reads what is not there' late_read 0 ${hole}M 60
in_snapshot() { lab rbd export --no-progress "$n@$1" - | head -c 64k | cmp - <(head -c 64k /dev/zero | tr '\0' '\1'); }
t 'the first snapshot is as it was' in_snapshot unasked
t 'the second snapshot is as it was' in_snapshot without
