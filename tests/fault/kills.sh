#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A host with multipath has a file system, in which fio writes and verifies, and both gateways are
# killed in turn, as by a power failure, over and over. When the host has a gateway back, the other
# one dies. No error reaches the file system or fio, and no write is lost.
#
#   KILLS   how many (4)
# shellcheck disable=SC2034,SC2317 # SERVED is for faults.sh; steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/hosts.sh
. ../lib/host_load.sh
. ../lib/faults.sh

KILLS=${KILLS:-4}
AWAY=15		# seconds that a gateway stays off, and its host finds out
BACK=180	# seconds, until the host uses it again
ENDS=300	# seconds, for a round of the load

n=$TEST-disk
SERVED=("$n")
t_atexit heal_all
img_create "$n" --size 64M
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
t 'a host logs in through both' host_login init1 "$n" gw1 gw2
map=$(host_map init1 "$n" gw1 gw2) || t_bail 'no multipath device'

# written GW: print how many writes the host has sent that way
written() {
	host_sh init1 "$(host_disk init1 "$n" "$1")" <<-'SCRIPT'
		awk '{ print $5 }' "/sys/block/$(basename "$1")/stat"
	SCRIPT
}
# used_within GW SECONDS: more writes come in that time
used_within() {
	local start=$SECONDS before now
	before=$(written "$1")
	until now=$(written "$1") && [ "${now:-0}" -gt "${before:-0}" ]; do
		[ $((SECONDS - start)) -lt "$2" ] || { on init1 multipath -ll; return 1; }
		sleep 1
	done
}
# boots GW: print how often its console tells of a boot
boots() { lab log "$1" | grep -c 'Linux version '; }

declare -A booted killed=([gw1]=0 [gw2]=0)
for gw in $GW_GATEWAYS; do booted[$gw]=$(boots "$gw"); done
began=$SECONDS
begin host host_load "$map" $((KILLS * (AWAY + 2 * BACK))) 1
for gw in $GW_GATEWAYS; do t "the host uses $gw" used_within "$gw" 60; done
for ((i = 0; i < KILLS; i++)); do
	gw=gw$((i % 2 + 1)) start=$SECONDS
	killed[$gw]=$((killed[$gw] + 1))
	t "$((i + 1)): $gw is killed, and boots" fault killed $gw $AWAY
	t "$((i + 1)): the host uses it again" used_within $gw $BACK
	note "$((i + 1)): $((SECONDS - start)) s"
	[ ! -e "$work/host.status" ] || break
done
t 'enough' host_load_enough
t 'no error reached fio, and it read what it had written' ended_by $((SECONDS + ENDS)) host
note "$(tail -n 1 "$work/host.out"), in $((SECONDS - began)) s"
t 'none reached the file system' no_error
t 'the file system is sound' on init1 e2fsck -fn "$map"
for gw in $GW_GATEWAYS; do
	t_is "$gw has booted ${killed[$gw]} times more" $(($(boots "$gw") - booted[$gw])) "${killed[$gw]}"
	t "$gw serves" serves_within "$gw" "$n" 30
done
t_is 'killed' $((killed[gw1] + killed[gw2])) "$KILLS"
