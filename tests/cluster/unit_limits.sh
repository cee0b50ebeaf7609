#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Limits that librbd's users set with "rbd config image set" hold for all gateways of the image
# together. The bound from above holds on any machine: a slow one does less. The bound from below is
# relative to the same load without a limit.
. ../lib/ktap.sh
. ../lib/gateway.sh

n=$TEST-unit
other=$TEST-other
LIMIT=100
COUNT=1500
set_limit() { lab rbd config image set "rbd/$n" "rbd_qos_$1" "$2"; }
no_limit() { lab rbd config image remove "rbd/$n" "rbd_qos_$1"; }

now_ms() { date +%s%3N; }
# load GW NAME COUNT DEPTH [OPTIONS]: as many commands of 4 KiB, so many at a time
load() { lab run -- qemu-img bench -q -t none -f raw -c "$3" -d "$4" -s 4096 "${@:5}" "$(gw_url "$1" "$2")"; }
# measure COMMAND...: a check runs in a subshell, so the time goes to a file
measure() {
	local begin status
	begin=$(now_ms)
	"$@"
	status=$?
	echo $(($(now_ms) - begin)) >"$work/took"
	return $status
}
took_ms() { cat "$work/took"; }
at_most() { note "took $(took_ms) ms, at most $1"; [ "$(took_ms)" -le "$1" ]; }
# the commands of the full bucket come on top of the limit, and one for each gateway
least_ms() { echo $((($1 - $2 - 2) * 1000 * 100 / (105 * $2))); } # COUNT LIMIT
not_faster() { note "took $(took_ms) ms, at least $(least_ms "$1" "$2")"; [ "$(took_ms)" -ge "$(least_ms "$1" "$2")" ]; }
# no slower than twice the time that the limit asks for, on top of the time without a limit
not_much_slower() { at_most $((2 * $1 * 1000 / $2 + 3 * free_ms + 2000)); }
both() {
	local first status
	load gw1 "$n" $((COUNT / 2)) 8 "$@" &
	first=$!
	load gw2 "$n" $((COUNT / 2)) 8 "$@"
	status=$?
	wait $first && return $status
}

img_create "$n" --size 64M
img_create "$other" --size 64M
t 'a unit' serve "$n" "pool=rbd,image=$n"
t 'another unit' serve "$other" "pool=rbd,image=$other"
fill() { io "$(gw_url gw1 "$1")" 'write -P 1 0 16M'; }
t 'with data' fill "$n"
t 'the other one, too' fill "$other"
t_is 'info of a unit without limits says nothing of them' "$(gw_info gw1 "$n" Limits)" ''

t 'a load without a limit' measure undisturbed load gw1 "$n" $COUNT 8
free_ms=$(took_ms)
note "$COUNT commands without a limit took $free_ms ms"

t 'a limit is set' set_limit iops_limit $LIMIT
for gw in gw1 gw2; do
	t_is "$gw has it when the command returns" "$(gw_info $gw "$n" Limits)" iops=$LIMIT
done
t 'reads through one gateway' measure load gw1 "$n" $COUNT 8
t 'are not faster than the limit' not_faster $COUNT $LIMIT
t 'nor much slower' not_much_slower $COUNT $LIMIT
t_is 'the gateways share one bucket' "$(gw_info gw1 "$n" LimitBucket)" shared
held() { [ "$(gw_info "$1" "$n" LimitHeld)" -gt 0 ]; }
t 'commands had to wait' held gw1

t 'reads through two gateways at once' measure both
t 'are not faster than the limit together' not_faster $COUNT $LIMIT
t 'nor much slower' not_much_slower $COUNT $LIMIT
t 'writes through two gateways at once' measure both -w
t 'are not faster than the limit together' not_faster $COUNT $LIMIT

no_limit iops_limit
t 'a limit of written bytes' set_limit write_bps_limit 400K
t_is 'is in info as a number' "$(gw_info gw2 "$n" Limits)" write_bps=400000
t 'writes' measure load gw1 "$n" $COUNT 8 -w
t 'are not faster than that limit' not_faster $((COUNT * 4096)) 400000
t 'reads' measure load gw1 "$n" $COUNT 8
# 15 s of writes under that limit
t 'are not held up by it' at_most $((3 * free_ms + 5000))
no_limit write_bps_limit
t_is 'without limits info says nothing of them' "$(gw_info gw1 "$n" Limits)" ''

# 400 commands of two a second would take 200 s
waits() { [ "$(gw_info gw1 "$n" LimitWaiting)" -gt 0 ]; }
set_limit iops_limit 2
load gw1 "$n" 400 16 &
loader=$!
t 'commands wait for a low limit' t_until 30 waits
t 'another unit is served meanwhile' measure load gw1 "$other" $COUNT 8
t 'and not held up' at_most $((3 * free_ms + 5000))
raise() { set_limit iops_limit 100K && while kill -0 $loader; do sleep 0.2; done; }
t 'a higher limit comes' measure raise
t 'and those that waited go at once' at_most $((3 * free_ms + 20000))

# the reads of a session that ends would have to wait for a minute
set_limit iops_limit 1
load gw1 "$n" 400 64 &
loader=$!
t 'commands wait' t_until 30 waits
t_kill $loader
none_waits() { [ "$(gw_info gw1 "$n" LimitWaiting)" = 0 ]; }
t 'the end of the session ends them' t_until 15 none_waits

load gw1 "$n" 400 64 &
loader=$!
t 'commands wait again' t_until 30 waits
# it ends within 15 s, as docs/reliability.md promises
t 'the LUN and the unit are removed meanwhile' measure gw_unserve gw1 "$n"
t 'without waiting for them' at_most $(($(t_limit 15) * 1000))
t_kill $loader
