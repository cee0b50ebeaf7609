#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# An OSD stands still with a write. Two snapshots are taken at once, for which the gateways have to
# stop writing, and a PREEMPT has to hear from all gateways. The cluster is slow, and that is no
# reason to fence a gateway.
#
#   TAKERS_WAIT   for how many seconds the OSD stands still (20)
# shellcheck disable=SC2317 # steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/reserve.sh
. ../lib/talker.sh
. ../lib/placement.sh

WAIT=${TAKERS_WAIT:-20}
t 'the initiators' pr_client_build
t 'the group is with two of the three OSDs' group_together

# That OSD has neither the image's header nor an object of the group, so the gateways hear of each
# other. A place of the image is there.
group=$(acting target_core_rbd.group)
osd=$(jq -nr "[0, 1, 2] - $group | .[0]")
find_image() {
	local i id
	for ((i = 0; i < 60; i++)); do
		n=$TEST-disk$i
		img_create "$n" --size 64M || return 1
		id=$(lab rbd info --format json "$n" | jq -r .id)
		[ "$(acting "rbd_header.$id")" = "$group" ] && [ "$(acting "rbd_data.$id.$(printf %016x 0)")" = "$group" ] || continue
		for ((place = 1; place < 16; place++)); do
			[ "$(primary_of "rbd_data.$id.$(printf %016x "$place")")" != "$osd" ] || return 0
		done
	done
	return 1
}
n='' place=''
find_image || t_bail "no image has a place on osd.$osd and its header elsewhere"
url1=$(gw_url gw1 "$n") url2=$(gw_url gw2 "$n")
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
registered() {
	pr <<-'SCRIPT'
		keeper@1 register 0 0xaa = good
		other@2 register 0 0xbb = good
		keeper@1 reserve 0xaa 5 = good
		third@1 register 0 0xcc = good
	SCRIPT
}
t 'three are registered' registered

wakes() {
	lab resume "osd.$osd"
	lab ceph osd unset nodown
}
t_atexit wakes
before=$(blocklist)
t 'an initiator logs in through gw1' talker writer "$url1"
stands_still() { lab ceph osd set nodown && lab pause "osd.$osd"; }
t 'the OSD stands still' stands_still
tell writer "aio_write -P 0xa1 $((4 * place))M 64k"
sleep 2
# taker NUMBER: take one snapshot after the other, until the OSD goes on; some of them may fail
taker() {
	local i
	for ((i = 0; i < 100; i++)); do
		[ ! -e "$work/woken" ] || return 0
		lab run -- timeout "$(t_limit 90)" rbd snap create --no-progress "$n@s$1-$i" && echo "s$1-$i"
	done
}
takers=()
for i in 1 2; do
	taker $i >"$work/taker$i" 2>&1 &
	takers+=($!)
done
sleep 4
pr <<<'other@2 preempt 0xbb 0xcc 5 = good' >"$work/preempt" 2>&1 &
preempt=$!
sleep "$WAIT"
t 'the OSD goes on' wakes
: >"$work/woken"
t 'the PREEMPT is good' wait $preempt
note "$(cat "$work/preempt")"
wait "${takers[@]}"
note "snapshots: $(grep -h '^s[12]' "$work"/taker[12] | xargs)"
t_is 'nobody is on the blocklist' "$(fenced_since "$before")" ''
t_is 'nor was anybody fenced, by the record' "$(record "$n" | grep -c '^fenced')" 0
for gw in $GW_GATEWAYS; do
	t_is "$gw has not taken a new identity" "$(lab log --since-mark "$gw" | grep -c 'takes a new identity')" 0
done
goes_on() { pr <<<'other@2 write 0 0x41 = good'; }
t 'and they go on' goes_on
