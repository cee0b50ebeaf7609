#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# To end a command, a session, a LUN, a backstore or the module takes at most 15 seconds, also when
# the cluster does not answer. And a write that was given up that way does not land when the cluster
# answers again.
#
# Each time, gw1 is cut from the cluster (or the OSDs stand still), a write is on its way, and
# somebody wants it to end.
# shellcheck disable=SC2317 # steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh

LIMIT_MS=$(t_limit 15000)
BACK_S=$(t_limit 60)	# for gw1 to serve again

n=$TEST-disk
url1=$(gw_url gw1 "$n") url2=$(gw_url gw2 "$n")
t_build tools initiator
img_create "$n" --size 64M
now_ms() { date +%s%3N; }

# Each stuck write has an object of its own, and the gateways know its earlier content.
places=0
before() { places=$((places + 4)) && io "$url2" "write -P 0x11 ${places}M 64k"; }
unchanged() { io "$url2" "read -P 0x11 ${1}M 64k"; }

serves() {
	local i
	for ((i = 0; i < BACK_S; i++)); do
		io "$url1" "write -P $i 0 4k" >/dev/null && return
		sleep 1
	done
	echo "no write through gw1 in $BACK_S s"
	return 1
}
# took WHAT MS
took() {
	note "$1: $2 ms"
	t "$1: in time" test "${2:-999999}" -le $LIMIT_MS
}
# after WHAT: the cluster answers again
after() {
	t "$1: gw1 serves again, by itself" serves
	t "$1: the write did not land" unchanged $places
}

# ended HOW: abort or reset
ended() {
	lab run -- timeout "$(t_limit 90)" "$work/initiator" "$url1" "$1-er" "$1" $((places * 2048)) 128 >"$work/$1" 2>&1
	cat "$work/$1"
	grep -q "^$1 answered: 0 " "$work/$1"
}
answered_ms() { sed -n "s/^$1 answered: .* after \([0-9]*\) ms/\1/p"; }
ms_of() { answered_ms "$1" <"$work/$1"; }

cut_off() { lab cut gw1 ceph; }
t_atexit 'lab heal gw1 ceph'

resets() { lab exec -n gw2 -- cat "$GW_CORE/$n/attrib/reservations" | sed -n 's/.* resets \([0-9]*\) .*/\1/p'; }
# a reset that nobody could be told of meanwhile
reset_is_known() {
	local i
	for ((i = 0; i < BACK_S; i++)); do
		[ "$(resets)" = "$1" ] && return
		sleep 1
	done
	echo "gw2 knows of $(resets) resets"
	return 1
}

t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
resets=$(resets)
for how in abort reset; do
	before
	t "$how: gw1 is cut from the cluster" cut_off
	t "$how: is answered" ended $how
	took "$how" "$(ms_of $how)"
	t "$how: gw1 reaches the cluster again" lab heal gw1 ceph
	after "$how"
done
t 'reset: in the end gw2 knows of it as well' reset_is_known $((resets + 1))

# Reservation commands wait one behind the other. A reset wants the end of all of them.
queued() {
	lab run -- timeout "$(t_limit 90)" "$work/initiator" "$url1" queuer keys 0 4 >"$work/keys" 2>&1
	cat "$work/keys"
	grep -q '^keys answered: 0 ' "$work/keys"
}
t 'queue: gw1 is cut from the cluster' cut_off
t 'queue: a reset is answered' queued
took 'queue' "$(ms_of keys)"
t 'queue: gw1 reaches the cluster again' lab heal gw1 ceph
t 'queue: gw1 serves again' serves

# LIO does the resets of a unit one after the other.
resets_at_once() {
	local i pids=() status=0
	for i in 1 2 3; do
		lab run -- timeout "$(t_limit 90)" "$work/initiator" "$url1" "resetter$i" reset $((i * 8192)) 128 >"$work/reset$i" 2>&1 &
		pids+=($!)
	done
	wait "${pids[@]}" || status=1
	for i in 1 2 3; do grep -q '^reset answered: 0 ' "$work/reset$i" || { cat "$work/reset$i"; status=1; }; done
	return $status
}
t 'three resets: gw1 is cut from the cluster' cut_off
t 'three resets: are answered' resets_at_once
took 'three resets, the last' "$(cat "$work"/reset[123] | answered_ms reset | sort -n | tail -n 1)"
t 'three resets: gw1 reaches the cluster again' lab heal gw1 ceph
t 'three resets: gw1 serves again' serves

# Aborts wait in LIO on a workqueue of the kernel's, which has room for 256 works per processor.
# Here more than that wait at once, and the gateway must still notice that it is time to give up.
FLOODERS='1 2 3 4 5 6 7 8 9'
# Log in before the cut: a command that comes later waits for the lease, and not for an OSD.
flooders() {
	local i tries
	for i in $FLOODERS; do
		mkfifo "$work/go$i" || return 1
		lab run -- timeout "$(t_limit 90)" "$work/initiator" -w "$url1" "flooder$i" aborts $((places * 2048 + 64 * i)) 60 \
			<>"$work/go$i" >"$work/flood$i" 2>&1 &
		disown $!
	done
	for ((tries = 0; tries < 10 * $(t_limit 30); tries++)); do
		[ "$(cat "$work"/flood? | grep -c '^ready')" != 9 ] || return 0
		sleep 0.1
	done
	return 1
}
flood() {
	local i tries
	for i in $FLOODERS; do echo 1<>"$work/go$i"; done
	for ((tries = 0; tries < 10 * $(t_limit 60); tries++)); do
		[ "$(cat "$work"/flood? | grep -c '^aborts answered')" != 9 ] || return 0
		sleep 0.1
	done
	tail -n 2 "$work"/flood?
	return 1
}
before
t 'flood: nine initiators have logged in' flooders
t 'flood: gw1 is cut from the cluster' lab cut gw1 ceph
t 'flood: 540 aborts are answered' flood
took 'flood, the last' "$(cat "$work"/flood? | answered_ms aborts | sort -n | tail -n 1)"
t 'flood: gw1 reaches the cluster again' lab heal gw1 ceph
after 'flood'

# a write that hangs, whose initiator does not give it up
stuck() {
	lab run -- timeout "$(t_limit 300)" qemu-io -f raw -c "write -P 0xa1 ${places}M 64k" "$url1" >/dev/null 2>&1 &
	stuck=$!
	disown $stuck
	t_until 60 has_begun gw1 "$n"
}
# shellcheck disable=SC2016 # expanded later
t_atexit 't_kill $stuck'
sessions() { lab exec -n gw1 -- sh -c "cat $GW_ISCSI/$(iqn_of "$n")/tpgt_1/dynamic_sessions" | tr -d '\0' | wc -w; }
logged_out() {
	local i start
	start=$(now_ms)
	for ((i = 0; i < 60; i++)); do
		[ "$(sessions)" = 0 ] && { echo $(($(now_ms) - start)) >"$work/logout"; return; }
		sleep 0.5
	done
	return 1
}
before
t 'logout: gw1 is cut from the cluster' cut_off
stuck
t_is 'logout: there is a session' "$(sessions)" 1
t_kill $stuck
t 'logout: the session ends' logged_out
took 'logout' "$(cat "$work/logout")"
t 'logout: gw1 reaches the cluster again' lab heal gw1 ceph
after 'logout'

# timed NAME CMD...
timed() {
	local name=$1 start
	shift
	start=$(now_ms)
	"$@" || return 1
	echo $(($(now_ms) - start)) >"$work/$name"
}
unload() {
	lab exec -n gw1 -- sh -c 'rmdir /sys/kernel/config/target/core/rbd_* 2>/dev/null; rmmod target_core_rbd'
}
before
t 'deletion: gw1 is cut from the cluster' cut_off
stuck
t 'deletion: the LUN and its target go' timed lun gw_unexport gw1 "$n"
took 'deletion of the LUN' "$(cat "$work/lun")"
t 'deletion: the backstore goes' timed backstore gw_disable gw1 "$n"
took 'deletion of the backstore' "$(cat "$work/backstore")"
t 'deletion: the module goes' timed module unload
took 'deletion of the module' "$(cat "$work/module")"
t_kill $stuck
t 'deletion: gw1 reaches the cluster again' lab heal gw1 ceph
again() { lab exec -n gw1 -- insmod /lab/target_core_rbd.ko && gw_serve gw1 "$n" "pool=rbd,image=$n"; }
t 'deletion: all of it can be made again' again
after 'deletion'

t 'idle: gw1 is cut from the cluster' cut_off
t 'idle: the LUN and its target go' timed lun gw_unexport gw1 "$n"
took 'idle, deletion of the LUN' "$(cat "$work/lun")"
t 'idle: the backstore goes' timed backstore gw_disable gw1 "$n"
took 'idle, deletion of the backstore' "$(cat "$work/backstore")"
t 'idle: gw1 reaches the cluster again' lab heal gw1 ceph
back() { gw_serve gw1 "$n" "pool=rbd,image=$n"; }
t 'idle: the backstore can be made again' back
t 'idle: gw1 serves' serves

# The OSDs stand still, with the write in their sockets, and the monitor is well. An OSD may still
# carry out a write that it has received, until it hears that the old identity is on the blocklist:
# at the latest when the gateway serves again.
osds() {
	local osd
	for osd in 0 1 2; do kill "-$1" "$(cat "$(dirname "$(lab share)")/ceph/run/osd.$osd.pid")"; done
}
osds_wake() {
	osds CONT
	lab ceph osd unset nodown
}
osds_stop() { lab ceph osd set nodown && osds STOP && sleep 1; }
# print the first bytes of a place, in hexadecimal digits
data_of() { lab run -- qemu-io -f raw -c "read -v ${1}M 512" "$url2" | sed -n '1s/.*: *\(\([0-9a-f]\{2\} \)*\).*/\1/p'; }
before
half_dead=$places
t_atexit osds_wake
t 'half dead: the OSDs stand still' osds_stop
t 'half dead: an abort is answered' ended abort
took 'half dead, abort' "$(ms_of abort)"
t 'half dead: the OSDs go on' osds_wake
t 'half dead: gw1 serves again, by itself' serves
first=$(data_of $half_dead)
t_like 'half dead: it can be read' "$first" '^([0-9a-f]{2} )+'
note "half dead: it holds $first"
t_like 'half dead: its former identity is on the blocklist' "$(lab ceph osd blocklist ls 2>/dev/null | grep -c '^10.77.0.11:')" '^[1-9]'

# Writes that wait because the group of gateways is out of reach were never sent: nothing need be
# given up for them.
#
# two objects are away then
group_stop() {
	local object
	lab ceph osd set nodown || return 1
	for object in $(group_objects | head -n 2); do
		kill -STOP "$(cat "$(dirname "$(lab share)")/ceph/run/osd.$(primary_of "$object").pid")" || return 1
	done
	t_until 60 lease_is_over
}
lease_is_over() { lab exec -n gw1 -- awk 'NR == 1 { exit $4 > 0 }' "$GW_CORE/$n/attrib/gateway_group"; }
given_up() { lab log gw1 | grep -c 'gave up waiting'; }
gave_up=$(given_up)
before
t "parked: the OSDs of two of the group's objects stand still" group_stop
t 'parked: an abort is answered' ended abort
note "parked, abort: $(ms_of abort) ms"
# giving up would take ten seconds, and be counted
t_is 'parked: before anything was given up' "$(given_up)" "$gave_up"
t 'parked: the OSD goes on' osds_wake
t 'parked: gw1 serves again, by itself' serves

for ((place = 4; place < places; place += 4)); do
	[ $place = $half_dead ] || t "nothing landed later at ${place}M either" unchanged $place
done
t_is 'nor where the OSDs stood still' "$(data_of $half_dead)" "$first"
