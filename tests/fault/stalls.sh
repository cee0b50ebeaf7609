#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The cluster stands still or loses a daemon, again and again, while all gateways write and
# reservations change. That is a delay, and nothing else: no gateway is fenced, and no initiator
# sees an error.
#
#   STALLS         how many (4)
#   STALL_SECONDS  how long each lasts (8)
#
# All gateways of the lab take part; "make soak-tests TESTS=stalls" has four of them.
# shellcheck disable=SC2317 # steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/reserve.sh

STALLS=${STALLS:-4}
SECONDS_EACH=${STALL_SECONDS:-8}
BACK_S=90	# for the cluster to be clean, and a reservation command to be through
GW_GATEWAYS=$(lab status | awk '/^gw/ { print $1 }' | tr '\n' ' ')

n=$TEST-disk
t_build tools initiator
t 'the initiators' pr_client_build
img_create "$n" --size 64M
t "served by $GW_GATEWAYS" serve "$n" "pool=rbd,image=$n"
url1=$(gw_url gw1 "$n") url2=$(gw_url gw2 "$n")
header=$(header_of "$n")

# Each gateway has a writer. It repeats a command that ends with BUSY, as initiators do; anything
# else ends the writer.
writers=()
start_writers() {
	local gw lba=0
	for gw in $GW_GATEWAYS; do
		# do not use the function: the signal must reach the program itself
		"$TESTS_DIR/lab/lab" run -- "$work/initiator" "$(gw_url "$gw" "$n")" "writer-$gw" fill $lba \
			$((STALLS * (SECONDS_EACH + 3 * BACK_S))) >"$work/writer.$gw" 2>&1 &
		writers+=($!)
		lba=$((lba + 8192))
	done
}
# shellcheck disable=SC2016 # expanded later
t_atexit 'for writer in "${writers[@]}"; do t_kill "$writer"; done'
writers_write() {
	local gw writer i=0
	for gw in $GW_GATEWAYS; do
		writer=${writers[i]}
		kill -0 "$writer" 2>/dev/null || { echo "$gw:"; cat "$work/writer.$gw"; return 1; }
		i=$((i + 1))
	done
}
# not in a subshell, which could not wait for them
writers_end() {
	local gw
	kill -TERM "${writers[@]}"
	wait "${writers[@]}"
	for gw in $GW_GATEWAYS; do echo "writer of $gw: $(cat "$work/writer.$gw")"; done >"$work/writers"
	note "$(cat "$work/writers")"
}

# send a reservation command through one gateway, which all the others must hear of; repeat it while
# they cannot
reserve() {
	LIMIT=$BACK_S pr <<-'SCRIPT'
		keeper@1 ignore 0xaa = good
		other@2 ignore 0xbb = good
	SCRIPT
}
reserve_until_good() {
	local start=$SECONDS
	until reserve; do
		[ $((SECONDS - start)) -lt $BACK_S ] || return 1
		sleep 1
	done
}
clean() {
	local i
	for ((i = 0; i < BACK_S; i++)); do
		lab ceph pg stat 2>/dev/null | grep -qE '([0-9]+) pgs: \1 active\+clean;' && return
		sleep 1
	done
	lab ceph pg stat
	return 1
}

stall_all_osds() {
	lab ceph osd set nodown && lab pause osd.0 && lab pause osd.1 && lab pause osd.2 && sleep "$SECONDS_EACH" &&
		lab resume osd.0 && lab resume osd.1 && lab resume osd.2 && lab ceph osd unset nodown
}
stall_osd_of() {
	local osd
	osd=osd.$(primary_of "$1")
	lab ceph osd set nodown && lab pause "$osd" && sleep "$SECONDS_EACH" && lab resume "$osd" && lab ceph osd unset nodown
}
kill_osd_of() {
	local osd
	osd=osd.$(primary_of "$1")
	lab kill "$osd" && sleep "$SECONDS_EACH" && lab start "$osd"
}
restart_mon() { lab kill mon.a && sleep 2 && lab start mon.a; }
t_atexit 'lab ceph osd unset nodown'
# shellcheck disable=SC2016 # expanded later
t_atexit 'for osd in 0 1 2; do lab resume osd.$osd; lab start osd.$osd; done; lab start mon.a'

before=$(blocklist)
t 'reservation commands work' reserve_until_good
start_writers
stalls=('stall_all_osds' "stall_osd_of $header" 'restart_mon' "kill_osd_of $header" 'stall_osd_of target_core_rbd.group'
	'kill_osd_of target_core_rbd.group')
for ((i = 0; i < STALLS; i++)); do
	read -ra stall <<<"${stalls[i % ${#stalls[@]}]}"
	reserve &
	pr=$!
	t "$((i + 1)): ${stall[*]}" "${stall[@]}"
	wait $pr
	t "$((i + 1)): the cluster is well again" clean
	t "$((i + 1)): reservation commands get through" reserve_until_good
	t "$((i + 1)): no writer saw an error" writers_write
done
writers_end
t_is 'all writers came to their end' "$(grep -c ' longest ' "$work/writers")" ${#writers[@]}
t_is "$STALLS stalls, and nobody was fenced" "$(fenced_since "$before")" ''
t_is 'by the record neither' "$(lab rbd image-meta get "$n" target_core_rbd.lu 2>/dev/null | grep -c '^fenced')" 0
t_is 'all gateways are still there' "$(lab rbd image-meta get "$n" target_core_rbd.lu 2>/dev/null | grep -c '^gateway')" \
	"$(wc -w <<<"$GW_GATEWAYS")"
for gw in $GW_GATEWAYS; do
	note "$gw: $(lab exec -n "$gw" -- head -n 1 "$GW_CORE/$n/attrib/gateway_group")"
	log=$(lab log --since-mark "$gw")
	note "$gw: $(grep -c 'was out of touch' <<<"$log") times out of touch"
	t_is "$gw: never had to take a new identity" "$(grep -c 'takes a new identity' <<<"$log")" 0
done
