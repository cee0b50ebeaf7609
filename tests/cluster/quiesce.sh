#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A snapshot takes long, its taker dies, or writes hang meanwhile: gateways stay quiet for as long
# as the taker is at work, and go on when it is gone.
# shellcheck disable=SC2317 # steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/reserve.sh
. ../lib/placement.sh
. ../lib/snapshot_taker.sh

long=$TEST-long dead=$TEST-dead late=$TEST-late new=$TEST-new
for n in "$long" "$dead" "$late"; do
	img_create "$n" --size 64M
	t "$n: served by both gateways" serve "$n" "pool=rbd,image=$n"
done
img_create "$new" --size 64M
serve_at() { gw_serve "$1" "$new" "pool=rbd,image=$new"; }
t "$new: served by one" serve_at gw2
t_build tools initiator
t 'the initiators' pr_client_build

# Send one write once: BUSY is an answer. write_once GW NAME prints how many writes, how many of
# them BUSY, and how long
write_once() { lab run -- timeout "$(t_limit 30)" "$work/initiator" "$(gw_url "$1" "$2")" once fill 0 1; }
is_written() { undisturbed write_once "$@" >"$work/once"; cat "$work/once"; grep -q ' busy 0 ' "$work/once"; }
is_busy() { write_once "$@" >"$work/once"; cat "$work/once"; grep -qE 'writes ([0-9]+) busy \1 ' "$work/once"; }

# librbd can take longer than its ten seconds, when monitors elect a leader. The other taker is
# gone, and so is its watch. The gateways wait for 60 s at most, so nothing else is done meanwhile.
mkfifo "$work/go"
LIMIT=$T_SPAN notify "$long" attend 1 <>"$work/go" >"$work/attend" 2>&1 &
attends=$!
t_atexit "t_kill $attends"
t 'one who takes a snapshot asks for quiet' is_quiet "$work/attend"
t 'so does one who is gone' notify "$dead" quiesce 1
sleep 12
t 'after 12 s the gateways are still quiet for the first' is_busy gw1 "$long"
echo go 1<>"$work/go"
wait "$attends"
t_is 'it is done' "$?" 0
t 'and writes go on' is_written gw1 "$long"
t 'so they do for the second' t_until 30 is_written gw1 "$dead"
warnings() { lab log --since-mark gw1 | grep -c 'may not be one point in time'; }
t_is 'nothing was wrong with that snapshot' "$(warnings)" 0
t 'the second one was alive all along' notify "$dead" unquiesce 1
t_is 'the log says so' "$(warnings)" 1

# A gateway that comes while the other one is quiet asks that one, and is quiet as well.
mkfifo "$work/go.new"
LIMIT=$T_SPAN notify "$new" attend 1 <>"$work/go.new" >"$work/attend.new" 2>&1 &
attends_new=$!
t_atexit "t_kill $attends_new"
t 'one who takes a snapshot asks the only gateway for quiet' is_quiet "$work/attend.new"
t 'another gateway comes' serve_at gw1
t 'it is quiet, too' is_busy gw1 "$new"
echo go 1<>"$work/go.new"
wait "$attends_new"
t_is 'the snapshot is made' "$?" 0
t 'and it writes' is_written gw1 "$new"

# A gateway that has watched only since the snapshot began hears only its end.
t 'something is written' io "$(gw_url gw1 "$late")" 'write -P 1 0 64k'
t 'a snapshot, of which nobody is told' notify "$late" snap unheard
t 'but of its end' notify "$late" unquiesce 7
t 'more is written' io "$(gw_url gw1 "$late")" 'write -P 2 0 64k'
in_snapshot() { lab rbd export --no-progress "$late@unheard" - | head -c 64k | cmp - <(head -c 64k /dev/zero | tr '\0' '\1'); }
t 'it is not in the snapshot' in_snapshot

# Writes hang with an OSD that stands still while two clients take snapshots. The gateways answer
# each other meanwhile: that OSD has nothing to do with header and group, not as a replica either.
t 'the group is with two of the three OSDs' group_together
for free in 0 1 2; do has_osd "$free" target_core_rbd.group || break; done
# find_place NAME: set place
find_place() {
	local id i
	id=$(lab rbd info --format json "$1" | jq -r .id)
	! has_osd "$free" "rbd_header.$id" || return 1
	for ((i = 0; i < 16; i++)); do
		[ "$(primary_of "rbd_data.$id.$(printf %016x $i)")" = "$free" ] && { place=$((4 * i)); return; }
	done
	return 1
}
slow=osd.$free place='' n=
for ((i = 0; i < 20; i++)); do
	img_create "$TEST-slow$i" --size 64M
	if find_place "$TEST-slow$i"; then n=$TEST-slow$i; break; fi
done
t 'an image whose header and group are without one OSD' test "$n"
t 'it is served by both gateways' serve "$n" "pool=rbd,image=$n"
url1=$(gw_url gw1 "$n") url2=$(gw_url gw2 "$n")
register() {
	LIMIT=60 pr <<-'SCRIPT'
		keeper@1 ignore 0xaa = good
		other@2 ignore 0xbb = good
	SCRIPT
}
# write once before, so that both initiators are known
t 'reservation commands work' register
before=$(blocklist)
t_atexit 'lab ceph osd unset nodown'
t_atexit "lab resume $slow"
stands_still() { lab ceph osd set nodown && lab pause "$slow"; }
t 'an OSD stands still' stands_still
lab run -- timeout "$(t_limit $T_SPAN)" qemu-io -f raw -c "write -P 3 ${place}M 64k" "$url1" >"$work/stuck" 2>&1 &
stuck=$!
t_atexit "t_kill $stuck"
t 'a write waits for it' t_until 60 has_begun gw1 "$n"
# A client that makes a snapshot without asking gets its acknowledgment when the older writes have
# landed.
t 'that the header has changed is acknowledged beside the write' notify "$n" update 30
t 'a snapshot, of which nobody was told' notify "$n" snap older
t_fails 'that is not acknowledged: the write will be in it' notify "$n" update 2
# and some more clients that only ask
for i in 11 12 13 14; do notify "$n" quiesce $i >/dev/null 2>&1 & done
takers=()
for i in 1 2; do
	lab run -- timeout "$(t_limit $T_SPAN)" rbd snap create --no-progress "$n@beside$i" >"$work/taker$i" 2>&1 &
	takers+=($!)
	# in turn with each other's attempts
	sleep 0.5
done
t 'two take snapshots; reservation commands get through' register
sleep 4
t 'and once more' register
goes_on_again() { lab resume "$slow" && lab ceph osd unset nodown; }
t 'the OSD goes on' goes_on_again
wait "$stuck"
t 'the write was carried out' grep -q '^wrote' "$work/stuck"
t 'the change of the header is acknowledged now' notify "$n" update 30
for i in 0 1; do
	wait "${takers[i]}"
	t_is "snapshot $((i + 1)) was taken" "$?" 0
done
t_is 'nobody was fenced' "$(fenced_since "$before")" ''
