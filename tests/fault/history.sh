#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Initiators write and read the same few blocks through both gateways, and some of them fight for a
# reservation. Meanwhile one gateway is cut from its initiators and the other one from the cluster.
# The recorded history must be one that a single disk can have (tests/tools/history).
#
#   HISTORY_SECONDS   how long while all is well (20)
#   SEED              makes the same choices again (a random one)
#   HISTORY_KEEP      folder for the histories of a failure
# shellcheck disable=SC2317,SC2016 # steps are called by name; awk's expressions are its own
. ../lib/ktap.sh
. ../lib/gateway.sh

SECONDS_WELL=${HISTORY_SECONDS:-20}
SEED=${SEED:-$RANDOM}
CUT=14		# seconds; longer than the load's patience, which is longer than W
PATIENCE=10
BACK_WITHIN=90	# seconds, until a nexus has completed a command through a gateway that was cut
t_atexit 'lab heal gw1 iscsi'
t_atexit 'lab heal gw2 ceph'
t 'load and checker' t_build tools load check
note "SEED=$SEED"

n=$TEST-disk
img_create "$n" --size 16M
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
urls=("$(gw_url gw1 "$n")" "$(gw_url gw2 "$n")")

# load FILE OPTIONS...
load() { lab run -- "$work/load" --record "$1" --seed "$SEED" "${@:2}" "${urls[@]}"; }
# possible FILE: its history is possible
possible() {
	"$work/check" --window "$W_S" "$1" >"$1.checked" && return
	[ -z "${HISTORY_KEEP-}" ] || cp "$1" "$HISTORY_KEEP"
	head -n 40 "$1.checked"
	return 1
}
figures() { note "$(sed -n '/ wrong$/,$p' "$1.checked")"; }
# records FILE AWK_CONDITION: print how many records match
records() { awk "!/^(#|nexus)/ && ($2)" "$1" | wc -l; }

well=$work/well
t "load for $SECONDS_WELL s" load "$well" --seconds "$SECONDS_WELL" --reservations
t 'their answers are possible for one disk' possible "$well"
figures "$well"
t_is 'no command was lost' "$(records "$well" '$7 == "lost"')" 0
for kind in read write same unmap caw preempt; do
	t "some $kind" test "$(records "$well" "\$4 == \"$kind\" && \$7 == \"good\"")" -gt 0
done
t 'lock words were taken and freed' test "$(records "$well" '$4 == "caw" && $7 == "good" && $9 == "0"')" -gt 10
t 'some were refused because of a reservation' test "$(records "$well" '$7 == "conflict"')" -gt 0

# Even numbers go to gw1, odd ones to gw2. $cut is the record of the load that runs.
cut='' loader=''
load_begins() {
	cut=$work/$1
	(load "$cut" --seconds 600 --patience $PATIENCE "${@:2}" >"$cut.out" 2>&1; echo $? >"$cut.status") &
	loader=$!
}
load_killed() { [ -z "$loader" ] || t_kill "$loader"; }
t_atexit load_killed
goods() { records "$cut" "\$3 % 2 == $1 && \$7 == \"good\" && \$4 ~ /^(read|write|same|unmap|caw)$/"; }
# goes_on WHICH: nexuses of that gateway complete commands
goes_on() {
	local before began=$SECONDS
	before=$(goods "$1")
	while [ $((SECONDS - began)) -lt $BACK_WITHIN ]; do
		[ "$(goods "$1")" -le $((before + 20)) ] || return 0
		kill -0 "$loader" 2>/dev/null || break
		sleep 1
	done
	cat "$cut.out"
	return 1
}
# cut_for GW SIDE WHO_GOES_ON
cut_for() {
	local began=$SECONDS
	lab cut "$1" "$2" && goes_on "$3" || return 1
	sleep $((CUT - (SECONDS - began) > 0 ? CUT - (SECONDS - began) : 0))
	lab heal "$1" "$2"
}
begun() {
	until [ -s "$cut" ]; do kill -0 "$loader" || return 1; sleep 0.1; done
	goes_on 0 && goes_on 1
}
load_ends() {
	local i
	# a signal to the program itself tells it that the time is up
	for i in $(pgrep -f "^$work/load "); do kill -TERM "$i"; done
	# it waits for commands in flight, and reads all blocks
	for ((i = 0; i < 10 * BACK_WITHIN; i++)); do
		[ ! -s "$cut.status" ] || break
		sleep 0.1
	done
	cat "$cut.out"
	[ "$(cat "$cut.status")" = 0 ]
}
# Without reservations, writes that are stuck in gw2 come loose when it reaches the cluster again,
# and must not land on newer data. With reservations, gw2 has been fenced.
for round in plain reservations; do
	if [ $round = plain ]; then load_begins $round; else load_begins $round --reservations; fi
	t "$round: load" begun
	t "$round: gw1 is cut from its initiators; those of gw2 go on" cut_for gw1 iscsi 1
	t "$round: gw1 can be reached, and its initiators go on" goes_on 0
	t "$round: gw2 is cut from the cluster; those of gw1 go on" cut_for gw2 ceph 0
	t "$round: gw2 reaches the cluster, and its initiators go on" goes_on 1
	t "$round: the load comes to its end" load_ends
	t "$round: what they saw is possible" possible "$cut"
	figures "$cut"
	t "$round: commands were lost meanwhile" test "$(records "$cut" '$7 == "lost"')" -gt 0
done

# The checker would have noticed: run it on the same histories with a line changed.
#
# The last read finds the data that were written there first.
stale() {
	awk '$4 == "write" && $7 == "good" { for (i = $5; i < $5 + $6; i++) if (!(i in first)) first[i] = $8 }
		{ line[NR] = $0 }
		$4 == "read" && $7 == "good" { last = NR }
		END { split(line[last], word, " "); sub(" good [^ ]*", " good " first[word[5]], line[last])
			for (i = 1; i <= NR; i++) print line[i] }' "$well" >"$work/stale"
	! cmp -s "$well" "$work/stale" && "$work/check" "$work/stale"
}
t_says 'a stale read would have been found' 'was overwritten' stale
# A lock word is free, and is read as if its earlier holder had taken it once more, much too late.
stale_lock() {
	awk '$4 == "caw" && $7 == "good" && $8 != "0" && $9 == "0" { freed[$5] = $2; holder[$5] = $8 }
		{ line[NR] = $0 }
		$4 == "read" && $6 == 1 && $7 == "good" && $8 == "0" && freed[$5] && $1 > freed[$5] { last = NR; was = holder[$5] }
		END { sub(" good 0$", " good " was, line[last]); for (i = 1; i <= NR; i++) print line[i] }' "$well" >"$work/lock"
	! cmp -s "$well" "$work/lock" && "$work/check" "$work/lock"
}
t_says 'a COMPARE AND WRITE that comes too late would have been found' 'was overwritten' stale_lock
# a refused command was carried out
preempted() {
	sed -E '/ (write|same|unmap) /s/ conflict/ good/' "$cut" >"$work/preempted"
	"$work/check" "$work/preempted"
}
t_says 'commands of nexuses that were preempted would have been found' 'although a reservation' preempted
