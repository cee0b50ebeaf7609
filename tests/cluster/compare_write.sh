#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# COMPARE AND WRITE is atomic across gateways: initiators on both count in blocks of the same
# object, with plain writers beside them, and no count is lost.
#
#   CAW_COUNTS   increments by each of four initiators (250)
. ../lib/ktap.sh
. ../lib/gateway.sh

COUNTS=${CAW_COUNTS:-250}
t_build tools initiator

n=$TEST-disk
img_create "$n" --size 16M
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
initiator() { lab run -- timeout "$(t_limit 300)" "$work/initiator" "$(gw_url "$1" "$n")" "${@:2}"; }
url1=$(gw_url gw1 "$n")
lab run -- qemu-io -f raw -c 'write -P 0 0 64k' "$url1" >/dev/null

# two counters in one object, two initiators on each gateway, a plain writer next to them on each
count() {
	local gw i pids=() status=0
	for gw in gw1 gw2; do
		for i in 0 1; do
			initiator $gw "$gw-$i" count $i "$COUNTS" >"$work/count.$gw.$i" 2>&1 &
			pids+=($!)
		done
		initiator $gw "$gw-fill" fill $((8 + ${gw#gw})) 20 >"$work/fill.$gw" 2>&1 &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || status=1; done
	[ $status = 0 ] || cat "$work"/count.* "$work"/fill.*
	return $status
}
t "4 initiators count to $COUNTS each" count
note "$(cat "$work"/count.* "$work"/fill.* | tr '\n' ' ')"
counter() { lab run -- qemu-io -r -f raw -c "read -v $(($1 * 512)) 8" "$url1" | awk '/^[0-9a-f]+:/ { print $5 $4 $3 $2; exit }'; }
for i in 0 1; do
	t_is "counter $i has them all" $((16#$(counter $i))) $((2 * COUNTS))
done
t_like 'a miscompare is one' "$(initiator gw1 mis caw 0 0xee 0xff 2>&1)" 'miscompare'
initiator gw1 mis miscompares 0 1 >"$work/miscompares"
note "$(tail -n 1 "$work/miscompares")"
t_is 'each byte that differs is named' "$(grep -c '^byte' "$work/miscompares")" 0
t 'and none takes longer than others' awk '/^median/ { exit !($5 < 1000 || $5 < 20 * $2) }' "$work/miscompares"

t 'nothing on a block for the count' initiator gw1 quiet count 24 1
# each increment is a READ and a COMPARE AND WRITE
ops=$(osd_ops_while initiator gw1 quiet count 24 500 | tail -n 1)
trips=$(awk -v ops="$ops" 'BEGIN { printf "%.1f", ops / 500 - 1 }')
# libceph before 6.6 cannot make a write depend on an object's version
most=2
case $(lab exec -n gw1 -- uname -r) in 5.* | 6.[0-5].*) most=3 ;; esac
note "$trips operations for each COMPARE AND WRITE"
t "an uncontended one takes at most $most operations" awk -v t="$trips" -v m=$most 'BEGIN { exit !(t > 0.5 && t <= m + 0.2) }'

# at a place that was never written, and at one that was only discarded
t 'a first write' initiator gw1 a caw 16384 0 1
t_like 'is seen through the other gateway' "$(initiator gw2 b caw 16384 0 2 2>&1)" miscompare
t 'and goes on from there' initiator gw2 b caw 16384 1 2
