#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A gateway whose way to the OSDs is a granule longer writes beside a near one, to the same objects.
# Its stamps are older than its neighbour's whenever they arrive, and yet no initiator gets BUSY,
# and nothing is refused.
#
#   SLOW_SECONDS   how long (20)
. ../lib/ktap.sh
. ../lib/gateway.sh

DURATION=${SLOW_SECONDS:-20}
t_build tools initiator

n=$TEST-disk
img_create "$n" --size 16M
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"

# eth0 is the side of the cluster
t_atexit 'lab exec -n gw2 -- tc qdisc del dev eth0 root'
# The gateway that joined later may be ahead by half a second, and would stay so if the other one
# heard of it too late: then its writes win, and nothing is close. Heartbeats come once a second,
# and every few of them at another moment.
sleep 20
t 'gw2 gets further away' lab exec -n gw2 -- sh -c 'modprobe sch_netem && tc qdisc add dev eth0 root netem delay 256ms limit 10000'

# write_all SECONDS GW...
write_all() {
	local seconds=$1 gw i pids=() status=0
	for gw in "${@:2}"; do
		for i in 0 1 2 3; do
			lab run -- timeout $((seconds + 60)) "$work/initiator" "$(gw_url "$gw" "$n")" "$gw-$i" \
				fill $((i * 8192 + ${gw#gw} * 8)) "$seconds" >"$work/$gw.$i" 2>&1 &
			pids+=($!)
		done
	done
	for i in "${pids[@]}"; do wait "$i" || status=1; done
	[ $status = 0 ] || cat "$work"/gw*
	return $status
}
# connecting to an OSD takes several round trips, which together are longer than the window
t 'gw2 connects to all OSDs' write_all 8 gw2
t 'both write to four objects' undisturbed write_all "$DURATION" gw1 gw2
for gw in gw1 gw2; do
	note "$gw: $(cat "$work/$gw".* | tr '\n' ' ') Fallbacks $(gw_info $gw "$n" Fallbacks)"
	t_is "$gw: no BUSY" "$(cat "$work/$gw".* | awk '{ n += $4 } END { print n }')" 0
	t_is "$gw: nothing was refused as stale" "$(gw_info $gw "$n" Stale)" 0
done
t 'it was close: gw2 had to fall back' test "$(gw_info gw2 "$n" Fallbacks)" -gt 0
