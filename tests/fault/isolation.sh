#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two units on the same gateways, in pools whose objects are on one OSD each. The OSD of one stands
# still, and hundreds of commands of all kinds wait for it. Commands of the other unit go on as if
# nothing had happened, through the same session, the same target, or another one: ordinary
# commands, reservation commands and logins.
#
# The test compares the same sessions, one after the other, while the OSD is well and while it
# stands still.
# shellcheck disable=SC2317 # steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/reserve.sh

ROUNDS=2
COUNT_MS=2000
# percent of the commands that end when nothing stands still; a session that is held up has none
LEAST=10
SLOW_OSD=0 FAST_OSD=1

slow=$TEST-slow
fast=$TEST-fast
t 'the initiators' pr_client_build
t 'sessions with both' t_build fault isolation

# The rule takes OSDs of a class, and only one is of that class. The second copy has no place, which
# is allowed.
#
# pool_on POOL OSD
pool_on() {
	local class
	class=$(lab ceph osd crush get-device-class "osd.$2" 2>/dev/null) || return 1
	t_atexit_late "pool_on_clean $1 $2 $class"
	lab ceph osd crush rm-device-class "osd.$2" && lab ceph osd crush set-device-class "$1" "osd.$2" &&
		lab ceph osd crush rule create-replicated "$1" default osd "$1" &&
		lab ceph osd pool create "$1" 8 8 replicated "$1" && lab rbd pool init "$1"
}
pool_on_clean() {
	lab ceph osd pool rm "$1" "$1" --yes-i-really-really-mean-it
	lab ceph osd crush rule rm "$1"
	lab ceph osd crush rm-device-class "osd.$2"
	lab ceph osd crush set-device-class "$3" "osd.$2"
}
t "a pool on osd.$SLOW_OSD" pool_on "$slow" $SLOW_OSD
t "one on osd.$FAST_OSD" pool_on "$fast" $FAST_OSD
for n in "$slow" "$fast"; do
	img_create "$n/$n" --size 64M
	t "served by both gateways: $n" serve "$n" "pool=$n,image=$n"
done

# the fast unit as LUN 1 of the other's target
lun_1() {
	gw_sh "$1" "$(iqn_of "$slow")" "$GW_CORE/$fast" <<-'SCRIPT'
		for tpg in /sys/kernel/config/target/iscsi/$1/tpgt_*; do
			mkdir "$tpg/lun/lun_1" && ln -s "$2" "$tpg/lun/lun_1/fast" || exit 1
		done
	SCRIPT
}
# before backstores are removed by name, and this test's is the first
# shellcheck disable=SC2016 # expanded later
t_atexit 'for gw in $GW_GATEWAYS; do gw_unexport "$gw" "$slow"; done'
sessions=()
for gw in $GW_GATEWAYS; do
	t "$gw: one target has both" lun_1 "$gw"
	sessions+=(both "$(gw_url "$gw" "$slow")" slow "$(gw_url "$gw" "$slow")" fast "$(gw_url "$gw" "$fast")")
done
# each gateway's two targets have it
for gw in $GW_GATEWAYS; do
	t "$gw: knows all four ports of the other unit" gw_units "$gw" 'unit_knows_ports "$1" 4' "$fast"
done

stand_still() { lab pause osd.$SLOW_OSD; }
go_on() { lab resume osd.$SLOW_OSD; }
t_atexit 'lab ceph osd unset nodown'
t_atexit go_on
lab ceph osd set nodown 2>/dev/null

coproc SESSIONS { lab run -- "$work/isolation" "${sessions[@]}" 2>&1; }
t_atexit "t_kill $SESSIONS_PID"
# ask LINE REGEX SECONDS: the answer is in $answer
ask() {
	[ -z "$1" ] || echo "$1" >&"${SESSIONS[1]}"
	read -r -t "$3" -u "${SESSIONS[0]}" answer || answer='no answer'
	[[ $answer =~ $2 ]] || t_bail "$1: $answer"
}

# through one gateway, which must tell the other one
# shellcheck disable=SC2034 # for pr
reservation_of_fast() {
	local url1 url2
	url1=$(gw_url gw1 "$fast") url2=$(gw_url gw2 "$fast")
	LIMIT=30 pr <<-'SCRIPT'
		host@1 ignore 0xaa = good
		host@2 ignore 0xbb = good
		host@1 reserve 0xaa 1 = good
		stranger@2 write 4096 0x11 = conflict
		host@2 preempt 0xbb 0xaa 1 = good
		host@2 clear 0xbb = good
		stranger@1 write 4096 0x12 = good
	SCRIPT
}
# One command for the unit that stands still, of a nexus that is logged in before. script prints a
# line when it is done.
mkfifo "$work/waiter.in" && exec {waiter}<>"$work/waiter.in"
waiter_begins() {
	local url
	url=$(gw_url gw1 "$slow")
	LIMIT=300 pr_client script "$url" "$url" <&"$waiter" >"$work/waiter" 2>&1 &
	t_atexit "t_kill $!"
	waiter_does 'keys = good' && waiter_says 'keys: good' 30
}
waiter_does() { echo "waiter@1 $1" >&"$waiter"; }
waiter_says() {
	local i
	for ((i = 0; i < 10 * $2; i++)); do
		! grep -q "$1" "$work/waiter" || return 0
		sleep 0.1
	done
	cat "$work/waiter"
	return 1
}
login() { io "$(gw_url "$1" "$slow" | sed 's,/0$,/1,')" 'write -P 0x5b 3M 64k' 'read -P 0x5b 3M 64k'; }

ask '' '^ready$' 60
t 'an initiator that will reserve the other unit' waiter_begins
: >"$work/well"
: >"$work/stalled"
for ((round = 1; round <= ROUNDS; round++)); do
	ask "count $COUNT_MS" ' waiting 0$' 30
	echo "$answer" >>"$work/well"
	t "$round: the OSD of one unit stands still" stand_still
	waiter_does "ignore $round"
	ask stick '^stuck [0-9]+$' 30
	stuck=${answer#stuck }
	ask "count $COUNT_MS" ' waiting [0-9]+$' 30
	echo "$answer" >>"$work/stalled"
	if [ $round = 1 ]; then
		t 'reservation commands of the other unit' reservation_of_fast
		for gw in $GW_GATEWAYS; do t "$gw: a new session reads and writes it" login "$gw"; done
	fi
	# when its group has lost touch, a change may end with BUSY
	ask 'count 1' ' waiting [0-9]+$' 30
	t "$round: of $stuck commands to the first one most still wait" test $((2 * ${answer##* })) -ge "$stuck"
	t_fails "$round: its reservation command does, too" grep "ignore $round: [a-z0-9]" "$work/waiter"
	t "$round: the OSD goes on" go_on
	ask drain '^drained,' 60
	note "$round: $answer"
	t "$round: and so does the reservation command" waiter_says "ignore $round: good" 60
done

# "both 12, fast 34, both 56, fast 78, waiting 9": print the sums of a column over all rounds
sum() { awk -v column="$2" '{ n += $column } END { print n }' "$work/$1"; }
column=2
for gw in $GW_GATEWAYS; do
	for how in 'in a session with the other' 'in a target of its own'; do
		well=$(sum well $column) stalled=$(sum stalled $column)
		note "$gw, $how: $well commands while all is well, $stalled while the other unit stands still"
		t "$gw: $how, the unit goes on" test "$((100 * stalled))" -ge "$((LEAST * well))" -a "$well" -gt 0
		column=$((column + 2))
	done
done
