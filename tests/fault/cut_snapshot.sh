#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A snapshot that is taken while a gateway is cut off stays as it is. The OSD of the image's header forgets the gateway after
# 30 s; librbd then takes the snapshot without asking it. A write that the gateway still holds knows nothing of that snapshot
# and would change it when the way is free again.
#
# The OSD that gw1 cannot reach has the header and the data that it writes. It reaches the monitor, and the group of gateways.
. ../ktap.sh
. ../gateway.sh
. ../faults.sh

BACK_S=$(t_limit 60)	# for gw1 to serve again
n=$TEST-disk
# shellcheck disable=SC2034 # for faults.sh
SERVED=("$n")

# find_place: sets place to the offset of an object, in MiB, that is with the header's OSD, and elsewhere to one that is not
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
for ((i = 0; i < 20; i++)); do
	img_create "$n" --size 64M
	! find_place || break
	lab rbd rm --no-progress "$n"
done
t 'an image whose header and data are with one OSD, and the group with another' test "$place"
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
url1=$(gw_url gw1 "$n")
t 'something is written' io "$url1" "write -P 1 ${place}M 64k" "write -P 1 ${elsewhere}M 64k"

t_atexit 'watch_dropped_end gw1'
t 'gw1 does not reach that OSD' watch_dropped_begin gw1
# by somebody who does not give it up
lab run -- timeout "$(t_limit 120)" qemu-io -f raw -c "write -P 2 ${place}M 64k" "$url1" >"$work/stuck" 2>&1 &
stuck=$!
t_atexit "t_kill $stuck"
sleep 34
t 'a snapshot is taken without gw1' lab rbd snap create --no-progress "$n@without"
before=$(image_sum "$n@without")
t 'gw1 reaches that OSD again' watch_dropped_end gw1
stuck_ends() { timeout "$BACK_S" tail --pid=$stuck -f /dev/null; }
t 'the write ends' stuck_ends
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
# what the kernel sends again by itself arrives a while after the way is free
sleep 10
t_is 'the snapshot is as it was' "$(image_sum "$n@without")" "$before"
