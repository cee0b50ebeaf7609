#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The OSD of an image's header forgets a gateway that it does not hear of. A snapshot is taken
# without that gateway then, and nothing that it writes gets into the snapshot: neither while it
# does not know of it, nor when it comes back beside one more snapshot.
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/faults.sh
. ../lib/placement.sh
. ../lib/snapshot_taker.sh

t 'an initiator of our own' t_build tools initiator
t 'the group is with two of the three OSDs' group_together
# Header, group and data are with different OSDs.
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
	osd=$(primary_of "$(header_of "$TEST-apart$i")")
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
write_through() { lab run -- timeout "$(t_limit 60)" qemu-io -f raw -c "$2" "$(gw_url "$1" "$n")" | grep -qE '^wrote'; }
t 'something is written' write_through gw2 'write -P 1 0 64k'
t 'the ports of that OSD' header_ports
t_atexit 'watch_dropped_end gw2'
t 'somebody asks for quiet on the other one, and goes away' notify "$other" quiesce 1
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
header=$(header_of "$n")
forgets_gw2() { ! lab run -- rados -p rbd listwatchers "$header" | grep -q 'watcher=10\.77\.0\.12:'; }
t 'that OSD forgets gw2' t_until 90 forgets_gw2
t 'a snapshot is taken without it' lab rbd snap create --no-progress "$n@without"
t_fails 'it writes nothing' late_write 2
# One more snapshot is taken while gw2 comes back. Nobody has asked it for quiet, and it asks gw1.
mkfifo "$work/go"
LIMIT=$T_SPAN notify "$n" attend 1 <>"$work/go" >"$work/attend" 2>&1 &
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
