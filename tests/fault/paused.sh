#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A gateway stands still, with a write on its way to it. The initiator goes to the other gateway.
# The first one wakes up with the old write in its socket buffers, and it must not land. And no
# machine's wall clock matters.
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/talker.sh

t_atexit 'lab resume gw1'
n=$TEST-disk
img_create "$n" --size 16M
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
url1=$(gw_url gw1 "$n") url2=$(gw_url gw2 "$n")
# paused HOW: an initiator is logged in and writes while the machine stands still
paused() {
	local old=old$1
	{ io "$url1" 'write -P 1 0 64k' && talker "$old" "$url1"; } || { echo 'before'; return 1; }
	lab pause $1 gw1 || return 1
	for _ in $(seq 20); do tell "$old" 'aio_write -P 2 0 64k'; done
	sleep $((W_S + 1))
	talker_ends "$old"
	io "$url2" 'write -P 2 0 64k' 'write -P 3 0 64k' || { echo 'gw2'; lab resume gw1; return 1; }
	lab resume gw1
	t_until 60 beats_again && sleep 3
	io "$url2" 'read -P 3 0 64k'
}
beats_again() { lab exec -n gw1 -- awk 'NR == 1 { exit $4 <= 0 }' "$GW_CORE/$n/attrib/gateway_group"; }
t 'nothing old comes out of a machine that was stopped' paused
t 'nor of one whose clocks stood still as well' paused --freeze
t_like 'the gateway noticed' "$(lab log gw1 | tail -n 50)" 'out of touch'
t_like 'it saw from the clock of an OSD that its own stood still' "$(lab log gw1 | tail -n 50)" 'its clocks stood still'
t 'and it works' io "$url1" 'write -P 4 0 64k' 'read -P 4 0 64k'

# wall clocks, hours apart, go forward and back, while both gateways write to the same object
clocks() {
	lab exec -n gw1 -- date -s '+5 hours' >/dev/null
	io "$url1" 'write -P 5 0 4k' && io "$url2" 'read -P 5 0 4k' 'write -P 6 0 4k' && io "$url1" 'read -P 6 0 4k' || return 1
	lab exec -n gw2 -- date -s '-9 hours' >/dev/null
	io "$url2" 'write -P 7 0 4k' && io "$url1" 'read -P 7 0 4k' 'write -P 8 0 4k' && io "$url2" 'read -P 8 0 4k'
}
stale() { echo "$(gw_info gw1 "$n" Stale)$(gw_info gw2 "$n" Stale)"; }
before=$(stale)
t 'wall clocks hours apart do no harm' clocks
t_is 'and nothing was refused because of them' "$(stale)" "$before"
for gw in gw1 gw2; do lab exec -n $gw -- date -s "@$(date +%s)" >/dev/null; done
