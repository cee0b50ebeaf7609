#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# All gateways are frozen at once by their hypervisor, their clocks too, with a write on its way to
# one of them. They wake up one after another; the initiator goes to the first one and writes
# something newer. The old write must not land.
#
# The initiator comes a heartbeat after that gateway woke up. Answers before that are not protected
# (docs/design.md).
#
#   FREEZES   how many times (3)
# shellcheck disable=SC2317 # steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/talker.sh

FREEZES=${FREEZES:-3}
FROZEN=$((W_S + 2))	# seconds
n=$TEST-disk
t_atexit 'for gw in gw1 gw2; do lab resume $gw; done'
img_create "$n" --size 64M
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
# by how many seconds a gateway's clock is behind this machine's, counted from any time
behind() { echo $((SECONDS - $(lab exec -n "$1" -- cut -d. -f1 /proc/uptime))); }
for ((i = 1; i <= FREEZES; i++)); do
	t "$i: there are data" io "$(gw_url gw2 "$n")" 'write -P 0x11 0 16M'
	t "$i: an initiator logs in through gw1" talker "old$i" "$(gw_url gw1 "$n")"
	t "$i: another one through gw2" talker "new$i" "$(gw_url gw2 "$n")"
	before=$(behind gw1)
	frozen() {
		lab pause --freeze gw1 && lab pause --freeze gw2 || return 1
		tell "old$i" 'aio_write -P 0x22 0 64k' 'aio_write -P 0x22 4M 64k' 'aio_write -P 0x22 8M 64k'
		sleep $FROZEN
		talker_ends "old$i"
	}
	t "$i: both are frozen, with a write on its way to gw1" frozen
	newer() {
		lab resume gw2 && sleep 2 || return 1
		tell "new$i" 'aio_write -P 0x33 0 64k' 'aio_write -P 0x33 4M 64k' 'aio_write -P 0x33 8M 64k' 'aio_flush'
		said "new$i" 'wrote .* at offset 8388608' "$(t_limit 30)"
	}
	t "$i: gw2 wakes up, and something newer is written through it" newer
	t "$i: gw1 wakes up" lab resume gw1
	sleep 8
	note "$i: its clocks are $(($(behind gw1) - before)) s behind"
	t "$i: they had stood still" test $(($(behind gw1) - before)) -ge $((FROZEN - 2))
	t "$i: the old write has not landed" io "$(gw_url gw2 "$n")" 'read -P 0x33 0 64k' 'read -P 0x33 4M 64k' 'read -P 0x33 8M 64k'
	talker_ends "new$i"
done
