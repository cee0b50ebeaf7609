#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Reservation commands while allocations fail, one at a time and each of them once, on the thread that runs them, of
# the gateway that is asked and of the one that must go along: a command is carried out or ends with BUSY, what ended
# with GOOD holds on both, and the next commands find the unit in order.
#
#   FAIL_ROUNDS   how many rounds at most for each thread (400)
. ../ktap.sh
. ../gateway.sh
. ../reservations.sh
. ./inject.sh

ROUNDS=${FAIL_ROUNDS:-400}
t 'the initiators' reservations_build
n=$TEST-disk
img_create "$n" --size 16M
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
id=$(lab rbd info --format json "$n" | jq -r .id)
url1=$(gw_url gw1 "$n") url2=$(gw_url gw2 "$n")

in_order() {
	pr <<-'EOF'
		keeper@1 tur
		other@2 tur
		keeper@1 tur
		other@2 tur
		keeper@1 ignore 0xaa = good
		other@2 ignore 0xbb = good
		keeper@1 clear 0xaa = good
		keeper@1 tur
		other@2 tur
		keeper@1 register 0 0xaa = good
		other@2 register 0 0xbb = good
		keeper@1 keys = good 0xaa 0xbb
		keeper@1 reserve 0xaa 1 = good
		other@2 write 0 0x11 = conflict
		keeper@1 write 0 0x12 = good
		other@2 preempt 0xbb 0xaa 1 = good
		keeper@1 tur
		keeper@1 write 0 0x13 = conflict
		other@2 write 0 0x14 = good
		other@2 clear 0xbb = good
		keeper@1 tur
		keeper@1 keys = good
		other@2 keys = good
	EOF
}

nth() { fail_nth "$1" "trbd-lu/$id" "$2"; }
# what it asks of a nexus that may or may not be there: anything but a command without an answer
commands() {
	pr <<-'EOF'
		keeper@1 ignore 0xaa
		other@2 ignore 0xbb
		keeper@1 reserve 0xaa 1
		other@2 preempt 0xbb 0xaa 1
		keeper@1 keys
		other@2 holder
		keeper@1 tur
		keeper@1 reserve6
		keeper@1 release6
		keeper@1 reset
		other@2 tur
		keeper@1 register 0xaa 0
		other@2 clear 0xbb
	EOF
}
sweep() { # GW
	local i left busy=0
	nth "$1" 0 >/dev/null || return 1
	for ((i = 1; i <= ROUNDS; i++)); do
		nth "$1" $i >/dev/null || return 1
		commands >"$work/out" 2>&1 || { echo "round $i"; cat "$work/out"; return 1; }
		left=$(nth "$1" 0) || return 1
		grep -q busy "$work/out" && busy=$((busy + 1))
		in_order >"$work/out" 2>&1 || { echo "round $i"; cat "$work/out"; return 1; }
		[ "$left" = 0 ] || break
	done
	echo "$((i - 1)) allocations failed, BUSY in $busy rounds" >"$work/said"
	[ $busy -gt 0 ] || [ "$1" != gw1 ]
}

t 'in order' in_order
for gw in $GW_GATEWAYS; do
	inject_here "$gw" || t_bail 'nothing can be made to fail'
	t "$gw: each allocation fails once" sweep "$gw"
	note "$(cat "$work/said")"
done
t 'in order when nothing fails' in_order
