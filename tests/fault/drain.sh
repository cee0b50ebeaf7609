#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Gateways are drained in turn, under a multipath host with a file system and fio, and beside
# initiators of our own. The host sees no error, its maps show which path is drained, and nothing is
# lost.
#
#   DRAIN_ROUNDS   how often each gateway is drained (2)
# shellcheck disable=SC2317 # steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/hosts.sh
. ../lib/host_load.sh

ROUNDS=${DRAIN_ROUNDS:-2}
n=$TEST-disk data=$TEST-data
t 'the initiators' t_build tools load check
img_create "$n" --size 64M
img_create "$data" --size 64M
t 'a disk for the host, through two gateways' serve "$n" "pool=rbd,image=$n"
t 'and one for initiators of our own' serve "$data" "pool=rbd,image=$data"
t 'the host' host_up init1
t 'it logs in through both' host_login init1 "$n" gw1 gw2
map=$(host_map init1 "$n" gw1 gw2) || t_bail 'no multipath device'

drain() { # GW 0|1
	lab exec -n "$1" -- sh -c "for name in $n $data; do echo $2 >$GW_CORE/\$name/attrib/drain; done"
}
is_drained() { lab exec -n "$1" -- sh -c "! sed -n 1p $GW_CORE/{$n,$data}/attrib/ports | grep -qv ^drained"; }
path_is() { # GW STATE, as multipath has it
	on init1 multipath -ll "$(basename "$map")" |
		grep -q " $(basename "$(host_disk init1 "$n" "$1")") .* $2 "
}

host_time() { on init1 cut -d' ' -f1 /proc/uptime; }
# time the host's writes, one after the other; print the longest at the end
pauses() {
	lab exec init1 -- bash -s -- "$map" "/tmp/$TEST.enough" <<-'SCRIPT'
		rm -f "$2"
		longest=0
		until [ -e "$2" ]; do
			start=$(date +%s%N)
			dd if=/dev/zero of="$1" bs=4096 seek=16000 count=1 oflag=direct conv=notrunc 2>/dev/null || exit 1
			took=$((($(date +%s%N) - start) / 1000000))
			[ $took -le $longest ] || longest=$took
			[ $took -lt 1000 ] || echo "$(cut -d' ' -f1 /proc/uptime) a write took $took ms"
			sleep 0.1
		done
		echo "longest write $longest ms"
	SCRIPT
}
LIMIT_S=$((120 + ROUNDS * 120))
history_load() {
	lab run -- "$work/load" --record "$work/history" --name "$data" --seconds $((20 + ROUNDS * 20)) --seed 1 --blocks 256 \
		"$(gw_url gw1 "$data")" "$(gw_url gw2 "$data")"
}
begin host host_load "$map" $LIMIT_S 1
begin pauses pauses
begin data history_load
begun() { on init1 test -e "/mnt/$TEST/direct"; }
t 'the host writes' t_until 60 begun
for ((round = 1; round <= ROUNDS; round++)); do
	for gw in gw1 gw2; do
		note "$(host_time) $gw is about to be drained"
		t "$round: $gw is drained" drain "$gw" 1
		t "$round: no command is left on $gw" t_until 30 is_drained "$gw"
		t "$round: the host takes its path for one in standby" t_until 60 path_is "$gw" ghost
		note "$(host_time) $gw is about to be back in service"
		t "$round: $gw is back in service" drain "$gw" 0
		t "$round: the host uses its path again" t_until 60 path_is "$gw" ready
	done
done
host_load_enough
on init1 touch "/tmp/$TEST.enough"
end=$((SECONDS + LIMIT_S))
t 'the host saw no error' ended_by $end host
t 'nor was one of its writes refused' ended_by $end pauses
note "$(cat "$work/pauses.out")"
t 'its kernel saw none' no_error
t 'the initiators ended' ended_by $end data
answers_are_possible() {
	"$work/check" --window "$W_S" "$work/history" >"$work/checked" || { cat "$work/checked"; return 1; }
}
t 'their answers are possible for one disk' answers_are_possible
# these run on this machine, and the host is emulated
note "$(grep longest "$work/checked")"
