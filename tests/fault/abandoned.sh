#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# When one initiator gives up a command, the others notice nothing: their commands go on, however
# long they take, and the gateway gives nothing up for their sake. And a gateway that serves only
# snapshots, which its user may not watch, notices that it was fenced.
# shellcheck disable=SC2317 # steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/reserve.sh
. ../lib/placement.sh

GW_GATEWAYS=gw1
LONGER_S=14	# than what a gateway gives up after

n=$TEST-disk
url1=$(gw_url gw1 "$n") url2=$url1
t_build tools initiator
pr_client_build
img_create "$n" --size 256M

osd_signal() { kill "-$1" "$(cat "$(dirname "$(lab share)")/ceph/run/osd.$2.pid")"; }
osds_wake() {
	local osd
	for osd in 0 1 2; do osd_signal CONT $osd; done
}
t_atexit osds_wake
t_atexit 'lab ceph osd unset nodown'
# Stay to the end: otherwise the monitor takes an OSD that has just gone on for dead, and another
# OSD gets its objects.
lab ceph osd set nodown
# The record and the group are not on the slow OSD, and a place of the disk is.
id=$(lab rbd info --format json "$n" | jq -r .id)
t 'the group is with two of the three OSDs' group_together
mapfile -t osds < <(osd_map "${GROUP_OBJECTS%% *}" | jq -r '.acting[]')
t 'and the record with the same ones' place "rbd_header.$id" "${osds[@]}"
header_osd=${osds[0]} slow_osd=$((3 - osds[0] - osds[1])) place=''
taken=$(for object in $GROUP_OBJECTS "rbd_header.$id"; do pg_of "$object"; done)
for ((i = 1; i < 64; i++)); do
	object=rbd_data.$id.$(printf %016x $i)
	! grep -qxF "$(pg_of "$object")" <<<"$taken" || continue
	place=$((8192 * i))
	break
done
[ -n "$place" ] || t_bail 'all objects of the disk are in placement groups of the others'
t 'a place of the disk is with the third one' place "$object" "$slow_osd" "$header_osd"
t 'served' serve "$n" "pool=rbd,image=$n"
# background NAME LINE: send a command that takes long
background() {
	lab run -- timeout "$(t_limit 200)" "$work/pr_client" script "$url1" "$url2" <<<"$2" >"$work/$1" 2>&1 &
	disown $!
}
# ended NAME SECONDS: it has ended by then, and as it had to
ended() {
	local i
	for ((i = 0; i < 10 * $(t_limit "$2"); i++)); do
		grep -q good "$work/$1" && ! grep -q -- '<--' "$work/$1" && return
		sleep 0.1
	done
	cat "$work/$1"
	return 1
}
# counted WHICH: by gw1, in_flight or draining
counted() {
	[ "$(lab exec -n gw1 -- cat "$GW_CORE/$n/attrib/reservations" | sed -n "1s/.* $1 \([0-9]*\).*/\1/p")" -gt 0 ]
}
stand_still() {
	osd_signal STOP "$slow_osd" &&
		background write "victim@1 write $place 0x33 = good" && t_until 60 counted in_flight
}
# aborted COMMAND LBA BLOCKS
aborted() {
	lab run -- timeout "$(t_limit 60)" "$work/initiator" "$url1" aborter "$@" >"$work/abort" 2>&1
	cat "$work/abort"
	grep -q '^abort answered: 0 ' "$work/abort"
}
given_up() { lab log gw1 | grep -c 'gave up waiting'; }

gave_up=$(given_up)
# writes to one object take turns, and a write that waits for its turn was not sent
t 'an OSD stands still, and a write waits for it' stand_still
t 'a write to the same object is aborted' aborted abort $((place + 64)) 8
t_is 'it ends before anything is given up' "$(given_up)" "$gave_up"
osds_wake
t 'the first one ends well' ended write 60
in_vain() { pr <<<"survivor@1 read $((place + 64)) = good 0x00"; }
t 'and nothing is there of the second' in_vain

registered() {
	pr <<-'EOF'
		victim@1 register 0 0xaa = good
		survivor@1 register 0 0xbb = good
		victim@1 reserve 0xaa 5 = good
	EOF
}
t 'two are registered' registered
t 'an OSD stands still, and a write waits for it' stand_still
t 'that of the record as well, for a moment' osd_signal STOP "$header_osd"
t 'a READ KEYS is aborted' aborted abortkeys 0 1
t_is 'it ends before anything is given up' "$(given_up)" "$gave_up"
osd_signal CONT "$header_osd"
sleep $LONGER_S
t_is 'nothing is given up for that' "$(given_up)" "$gave_up"
t_fails 'the write waits' grep -q victim "$work/write"
osds_wake
t 'and ends well' ended write 60

t 'an OSD stands still, and a write waits for it' stand_still
background preempt 'survivor@1 preempt 0xbb 0xaa 5 = good'
t 'a PREEMPT waits for the write' t_until 60 counted draining
t 'a READ KEYS behind it is aborted' aborted abortkeys 0 1
t_is 'it ends before anything is given up' "$(given_up)" "$gave_up"
sleep 2
t_fails 'the PREEMPT goes on waiting' grep -q survivor "$work/preempt"
osds_wake
t 'and is good' ended preempt 60
again() { pr <<<'survivor@1 preempt 0xbb 0xaa 5 = good'; }
t 'sent again, it is still' again
stranger() { pr <<<'survivor@1 preempt 0xbb 0xcc 5 = conflict'; }
t 'another key that nobody has is a conflict' stranger

# A change that was never sent can be taken back. libceph sends nothing while the OSD map says to
# pause.
#
# gw1 has the cluster's newest OSD map
has_map() {
	local epoch
	epoch=$(lab ceph osd dump --format json 2>/dev/null | jq .epoch)
	lab exec -n gw1 -- sh -c 'cat /sys/kernel/debug/ceph/*/osdmap' |
		awk -v e="$epoch" '$1 == "epoch" { n++; old += $2 < e } END { exit !(n && !old) }'
}
paused() { lab ceph osd set pause && t_until 60 has_map && aborted abortread $place 8; }
t_atexit 'lab ceph osd unset pause'
gave_up=$(given_up)
t 'the cluster pauses, and a read is aborted' paused
t_is 'it ends, and nothing is given up for that' "$(given_up)" "$gave_up"
t 'the cluster goes on' lab ceph osd unset pause
reads() { pr <<<"victim@1 read $place = good*"; }
t 'and the gateway reads' reads
unserve "$n"

# The user may not watch, and a snapshot has neither heartbeats nor a record.
lab ceph auth get-or-create client.reader mon 'profile rbd' osd 'allow rx pool=rbd' >/dev/null
t_atexit 'lab ceph auth rm client.reader'
snapshot() {
	lab rbd snap create --no-progress "$n@s" || return 1
	gw_sh gw1 "$n" "$(lab ceph auth get-key client.reader)" <<-'SCRIPT' && gw_export gw1 "$n"
		dir=/sys/kernel/config/target/core/rbd_0/$1
		mons=$(grep -oE 'v2:[0-9.:]+' /etc/ceph/ceph.conf | cut -d: -f2- | paste -sd/)
		mkdir -p $dir && printf '%s' "mon_addr=$mons,id=reader,secret=$2,pool=rbd,image=$1,snap=s" >$dir/control &&
			echo 1 >$dir/enable
	SCRIPT
}
holds() { lab run -- timeout "$(t_limit 30)" qemu-io -r -f raw -c "read -P 0x33 $((place / 2))k 512" "$url1" | grep -q '^read 512'; }
holds_again() {
	local i
	for ((i = 0; i < $(t_limit 60); i++)); do
		holds && return
		sleep 1
	done
	return 1
}
t 'a snapshot, by a user who may not watch' snapshot
t_like 'the log says so' "$(lab log gw1 | grep -c 'may not watch the header')" '^[1-9]'
t 'it can be read' holds
client=$(lab ceph tell mon.a sessions --format json 2>/dev/null |
	jq -r '.[] | select(.entity_name == "client.reader") | .addrs.addrvec[0] | "\(.addr)/\(.nonce)"')
t_like 'its client is known' "$client" '^10.77.0.11:0/[0-9]'
t_atexit 'lab ceph osd blocklist rm "$client"'
t 'and is put on the blocklist' lab ceph osd blocklist add "$client"
# once the OSDs have heard of the fence
fails() { ! holds; }
t 'a read fails' t_until 30 fails
t 'and the next ones do not' holds_again
