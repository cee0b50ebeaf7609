#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# One of a gateway's receive threads stands still, with a write in its socket, while the gateway's
# heartbeats go on. The initiator goes to the other gateway and writes something newer. The thread
# goes on, and the old write must not land.
# shellcheck disable=SC2317 # steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/talker.sh
. ../lib/faults.sh

STALL=$((W_S + 3))	# seconds
n=$TEST-disk
t_atexit 'thread_stalled_end gw1'
img_create "$n" --size 64M
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
t 'there are data' io "$(gw_url gw2 "$n")" 'write -P 0x11 0 16M'
t 'an initiator logs in through gw1' talker old "$(gw_url gw1 "$n")"
t 'its thread stands still' thread_stalled_begin gw1
# its little processor time goes to the first writes, which are elsewhere
sent() {
	local i
	for i in 0 1 2 3; do tell old "aio_write -P 0x22 $((32 + i))M 4k"; done
	sleep 3
	for i in 0 1 2 3 4 5 6 7; do tell old "aio_write -P 0x22 ${i}M 4k"; done
	sleep $STALL
	talker_stops old
	io "$(gw_url gw2 "$n")" 'read -P 0x11 0 8M'
}
t 'writes are sent that do not come through' sent
newer() { io "$(gw_url gw2 "$n")" 'write -P 0x22 0 8M' 'write -P 0x33 0 8M'; }
t 'something newer is written through gw2' newer
late=$(lab log --since-mark gw1 | grep -c 'was out of touch')
t_is 'the heartbeats went on' "$late" 0
t 'the thread goes on' thread_stalled_end gw1
sleep 5
talker_ends old
t 'the old writes have not landed' io "$(gw_url gw2 "$n")" 'read -P 0x33 0 8M'
t 'gw1 serves' t_until 60 io "$(gw_url gw1 "$n")" 'write -P 0x44 0 64k'
t 'and what is written then stays' io "$(gw_url gw1 "$n")" 'read -P 0x44 0 64k'
