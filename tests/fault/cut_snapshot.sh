#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A snapshot that is taken while a gateway is cut off stays as it is. The OSD of the image's header
# forgets the gateway after 30 s; librbd then takes the snapshot without asking it. A write that the
# gateway still holds knows nothing of that snapshot and would change it when the way is free again.
#
# The OSD that gw1 cannot reach has the header and the data that gw1 writes. gw1 reaches the
# monitor, and the group of gateways.
#
# gw2 serves another image. It loses its watch early and soon watches again, while one of its writes
# does not reach an OSD. It has not heard of a snapshot that is made after that, either, and must
# have given up the write before it watches again.
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/faults.sh
. ../lib/placement.sh
. ../lib/snapshot_taker.sh

BACK_S=$(t_limit 60)	# for gw1 to serve again
n=$TEST-disk
# shellcheck disable=SC2034 # for faults.sh
SERVED=("$n")

# find_place: set place to the offset of an object, in MiB, that is on the header's OSD, and
# elsewhere to one that is not
find_place() {
	local id header i osd
	id=$(lab rbd info --format json "$n" | jq -r .id)
	header=$(primary_of "rbd_header.$id")
	place='' elsewhere=''
	[ "$header" != "$(primary_of target_core_rbd.group)" ] || return 1
	for ((i = 0; i < 16; i++)); do
		osd=$(primary_of "rbd_data.$id.$(printf %016x $i)")
		if [ "$osd" = "$header" ]; then place=$((4 * i)); else elsewhere=$((4 * i)); fi
		[ -z "$place" ] || [ -z "$elsewhere" ] || return 0
	done
	return 1
}
t 'the group is with two of the three OSDs' group_together
for ((i = 0; i < 20; i++)); do
	img_create "$n" --size 64M
	! find_place || break
	lab rbd rm --no-progress "$n"
done
t 'an image whose header and data are with one OSD, and the group with another' test "$place"
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
url1=$(gw_url gw1 "$n")
t 'something is written' io "$url1" "write -P 1 ${place}M 64k" "write -P 1 ${elsewhere}M 64k"

# The other image: its header is with the same OSD, and the write goes to the one that has neither
# header nor group.
early=$TEST-early
header_osd=$(primary_of "$(header_of "$n")")
third=$((3 - header_osd - $(primary_of target_core_rbd.group)))
find_early() {
	local i
	early_id=$(lab rbd info --format json "$early" | jq -r .id)
	[ "$(primary_of "rbd_header.$early_id")" = "$header_osd" ] || return 1
	for ((i = 0; i < 16; i++)); do
		[ "$(primary_of "rbd_data.$early_id.$(printf %016x $i)")" != "$third" ] || { early_place=$((4 * i)); return; }
	done
	return 1
}
early_id='' early_place=''
for ((i = 0; i < 40; i++)); do
	img_create "$early" --size 64M
	! find_early || break
	lab rbd rm --no-progress "$early"
done
t 'another image, with its header there and data elsewhere' test "$early_place"
# OSDs forget this watch after 5 s, and it is confirmed every second
t_atexit 'lab ceph config rm osd osd_client_watch_timeout'
t 'a short patience of OSDs' lab ceph config set osd osd_client_watch_timeout 5
serve_early() { gw_serve gw2 "$early" "pool=rbd,image=$early,osdkeepalive=1"; }
t 'it is served by gw2' serve_early
t 'and the usual one' lab ceph config rm osd osd_client_watch_timeout
url2=$(gw_url gw2 "$early")
t 'something is written there' io "$url2" "write -P 1 ${early_place}M 64k"

t_atexit 'watch_dropped_end gw1'
t 'gw1 does not reach that OSD' watch_dropped_begin gw1
# a write whose initiator does not give it up
lab run -- timeout "$(t_limit $T_SPAN)" qemu-io -f raw -c "write -P 2 ${place}M 64k" "$url1" >"$work/stuck" 2>&1 &
stuck=$!
t_atexit "t_kill $stuck"
begun=$SECONDS

ports_of() {
	lab ceph osd dump --format json 2>/dev/null | jq -r --argjson osd "$1" '[.osds[] | select(.osd == $osd) |
		.public_addrs.addrvec[].addr | sub(".*:"; "")] | unique | join(",")'
}
header_cut() {
	lab exec -n gw2 -- nft "add table ip header; add chain ip header output { type filter hook output priority 1; };
		add rule ip header output oifname eth0 tcp dport { $(ports_of "$header_osd") } drop"
}
header_healed() { lab exec -n gw2 -- nft delete table ip header; }
is_forgotten() {
	local i
	for ((i = 0; i < $(t_limit 40); i++)); do
		lab run -- rados -p rbd listwatchers "rbd_header.$early_id" | grep -q watcher || return 0
		sleep 0.5
	done
	return 1
}
t_atexit 'gw_unfilter gw2'
t 'gw2 does not reach the OSD that has what it writes' gw_filter gw2 output "oifname eth0 tcp dport { $(ports_of "$third") }"
lab run -- timeout "$(t_limit $T_SPAN)" qemu-io -f raw -c "write -P 2 ${early_place}M 64k" "$url2" >"$work/stuck2" 2>&1 &
stuck2=$!
t_atexit "t_kill $stuck2"
t 'a write waits there' t_until 60 has_begun gw2 "$early"
t 'nor that of its header' header_cut
t 'the OSD forgets it' is_forgotten
mkfifo "$work/go"
LIMIT=$T_SPAN notify "$early" attend 1 <>"$work/go" >"$work/attend" 2>&1 &
attends=$!
t_atexit "t_kill $attends"
t 'somebody asks for quiet without it' is_quiet "$work/attend"
t 'it reaches that of the header again' header_healed
# for gw2 to watch again, if nothing keeps it from that
sleep 8
LIMIT=$T_SPAN t 'a snapshot is made' notify "$early" snap early
echo go 1<>"$work/go"
wait "$attends"
t_is 'and whoever made it goes on' "$?" 0
LIMIT=$T_SPAN notify "$early" update 2 >/dev/null 2>&1
early_before=$(image_sum "$early@early")
[ $((begun + 30)) -le $SECONDS ] || sleep $((begun + 30 - SECONDS))
t 'gw2 reaches the OSD of the write again' gw_unfilter gw2
header=$(header_of "$n")
forgets_gw1() { ! lab run -- rados -p rbd listwatchers "$header" | grep -q 'watcher=10\.77\.0\.11:'; }
t 'that OSD forgets gw1' t_until 90 forgets_gw1

t 'a snapshot is taken without gw1' lab rbd snap create --no-progress "$n@without"
before=$(image_sum "$n@without")
t 'gw1 reaches that OSD again' watch_dropped_end gw1
stuck_ends() { timeout "$BACK_S" tail --pid="$1" -f /dev/null; }
t 'the write ends' stuck_ends $stuck
note "the write: $(tail -n 1 "$work/stuck")"
serves() {
	local i
	for ((i = 0; i < BACK_S; i++)); do
		IO_LIMIT=10 io "$url1" "write -P 3 $((place + 1))M 64k" >/dev/null && return
		sleep 1
	done
	return 1
}
t 'gw1 serves again, by itself' serves
# it serves through the same connection, behind everything that was in it
sleep 2
t_is 'the snapshot is as it was' "$(image_sum "$n@without")" "$before"
t 'the write through gw2 has ended, too' stuck_ends $stuck2
t_is 'and the snapshot that it was not asked for is as it was' "$(image_sum "$early@early")" "$early_before"
