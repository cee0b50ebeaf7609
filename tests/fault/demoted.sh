#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# rbd mirroring demotes an image, so another cluster may write it. While it is demoted, it cannot be
# enabled, and the log says why. If it is demoted under a running unit, both gateways refuse to
# change it, and no write lands after the demotion has returned. Reads go on. When the image is
# promoted again, both gateways write again by themselves. One cluster is enough: the feature bit is
# the same.
# shellcheck disable=SC2016,SC2317 # expanded in gateways; steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh

QUIET_S=8	# how long to look for late writes: longer than a write may wait anywhere

n=$TEST-disk
t_build tools initiator
t 'the program that asks' t_build scsi ask
img_create "$n" --size 64M
mirror_off() {
	lab rbd mirror image disable --force "$n"
	lab rbd mirror pool disable rbd
}
t_atexit mirror_off
mirrored() {
	lab rbd mirror pool enable rbd image && lab rbd mirror image enable "$n" snapshot &&
		lab rbd snap create --no-progress "$n@before"
}
t 'an image that is mirrored by snapshots' mirrored
t 'both gateways serve it while it is primary' serve "$n" "pool=rbd,image=$n"
t 'it is written' io "$(gw_url gw1 "$n")" 'write -P 0x21 0 64k'

# answers GW: how commands to one block end there, in a line
cdbs=(
	'2a000000004000000100 out 512'				# WRITE (10)
	'89000000000000000040000000010000 out 1024'		# COMPARE AND WRITE
	'93010000000000000040000000010000'			# WRITE SAME (16) without data
	'42000000000000001800 out 24 0:00160010 8:0000000000000040 16:00000001'	# UNMAP
	'28000000004000000100 in 512'				# READ (10)
	'000000000000'						# TEST UNIT READY
)
answers() {
	printf '%s\n' "${cdbs[@]}" | lab run -- timeout "$(t_limit 60)" "$work/ask" "$(gw_url "$1" "$n")" "asker-$1" |
		awk '{ print $1 == "status" ? $2 : $1 }' | xargs
}

# a block of an object of its own through each gateway, with other bytes each time
writers=()
writer_begins() {
	"$TESTS_DIR/lab/lab" run -- "$work/initiator" "$(gw_url "$1" "$n")" "writer-$1" fill "$2" 900 >"$work/$1" 2>&1 &
	writers+=($!)
	t_atexit "t_kill $!"
}
writer_begins gw1 8192
writer_begins gw2 16384
changes() { [ "$(image_sum "$n")" != "$(image_sum "$n")" ]; }
t 'initiators write through both gateways' t_until 30 changes

demote() { lab rbd mirror image demote "$n"; }
t 'the image is demoted meanwhile' demote
sum=$(image_sum "$n")
sleep "$QUIET_S"
t_is 'nothing was written after that' "$(image_sum "$n")" "$sum"
protected='7/27/00 7/27/00 7/27/00 7/27/00 good good'
for gw in gw1 gw2; do
	t_is "$gw answers WRITE PROTECTED to what changes data, and reads" "$(answers "$gw")" "$protected"
	t_like "$gw says why" "$(lab log --since-mark "$gw")" "rbd/$n: the image has features that cannot be served: non-primary"
done
t_is 'and nothing was written' "$(image_sum "$n")" "$sum"
for pid in "${writers[@]}"; do kill -TERM "$pid" 2>/dev/null; wait "$pid"; done
for gw in gw1 gw2; do t_like "so was the writer through $gw told" "$(cat "$work/$gw")" '0x2700'; done

promote() { lab rbd mirror image promote "$n"; }
writes() { io "$(gw_url "$1" "$n")" "write -P $2 1M 64k"; }
t 'the image is promoted' promote
for gw in gw1 gw2; do t "$gw writes again by itself" t_until 60 writes "$gw" "0x3${gw#gw}"; done
t 'what gw2 wrote is there' io "$(gw_url gw1 "$n")" 'read -P 0x32 1M 64k'

# a demoted image is not enabled
t 'nobody serves it any more' unserve "$n"
t 'it is demoted again' demote
enable() { # NAME CONTROL
	gw_units gw1 'dmesg -C; unit_enable "$1" "$2" && exit; dmesg | grep target_core_rbd; rmdir "$core/$1"; exit 1' "$1" "$2" 2>&1
}
t_says 'it cannot be enabled, and the log says why' 'features that cannot be served: non-primary' \
	enable "$n" "pool=rbd,image=$n"
t 'a snapshot of it can' enable "$n-before" "pool=rbd,image=$n,snap=before"
gw_disable gw1 "$n-before"
t 'it is promoted again' promote
t 'then it can be enabled' enable "$n" "pool=rbd,image=$n"
