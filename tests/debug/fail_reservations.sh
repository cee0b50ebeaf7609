#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Allocations fail, one at a time, on the thread that runs reservation commands: in the gateway that
# gets a command, and in the one that must go along. A command is carried out or ends with BUSY, a
# change that ended with GOOD holds on both gateways, and the next commands find the unit in order.
# See inject.sh for how many of them fail.
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/reserve.sh
. ../lib/inject.sh

t 'the initiators' pr_client_build
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

# requests about a nexus that may or may not be there: anything but a command without an answer
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
	local status=$?
	grep -c busy "$work/pr" >>"$work/busy"
	return $status
}

t 'in order' in_order
for gw in $GW_GATEWAYS; do
	inject_here "$gw" || t_bail 'nothing can be made to fail'
	: >"$work/busy"
	t "$gw: allocations fail" fail_each "$gw" "trbd-lu/$id" commands in_order
	note "$(cat "$work/said"), BUSY in $(grep -cv '^0' "$work/busy") rounds"
done
# some have a fallback; but not all of the first twenty
told() {
	local pid nth
	pid=$(kthread_pid gw1 "trbd-lu/$id")
	for ((nth = 1; nth <= 20; nth++)); do
		fail_nth gw1 "$pid" $nth && pr <<<'keeper@1 keys' && fail_nth gw1 "$pid" 0 || return 1
		grep -q busy "$work/pr" && return
	done
	return 1
}
t 'an initiator is told when there is no memory for its command' told
t 'in order when nothing fails' in_order
