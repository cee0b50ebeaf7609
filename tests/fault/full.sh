#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Nothing may grow any more, because the pool's quota is used up or the cluster is full. That is an error for who writes something
# new, and nothing else: whoever reads goes on, and so does who overwrites, and no gateway gives up. When there is room
# again, everything works at once.
#
#   FULL_SECONDS   how long each time (35, and the quota only)
# shellcheck disable=SC2034,SC2317 # SERVED is for faults.sh; steps are called by name
. ../ktap.sh
. ../gateway.sh
. ../talker.sh
. ../host_load.sh
. ../faults.sh

FULL=${FULL_SECONDS:-35}
GROWN=15	# seconds after which an initiator gives up a write that does not end
ROOM=$(t_limit 20)	# seconds, for writes to go on when there is room
n=$TEST-disk
SERVED=("$n")
t_atexit heal_all
img_create "$n" --size 256M
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
t 'there are data' io "$(gw_url gw1 "$n")" 'write -P 0x11 0 64M'

# reads_until TIME: through each gateway, in a session of its own each time; what became of them is in $work/reads.GW
reads_until() {
	local gw
	while [ $SECONDS -lt "$1" ]; do
		for gw in $GW_GATEWAYS; do
			if IO_LIMIT=8 io "$(gw_url "$gw" "$n")" 'read -P 0x11 32M 64k' >/dev/null; then echo good; else echo bad; fi \
				>>"$work/reads.$gw"
		done
		sleep 1
	done
}
# the last five reads of a gateway
last_reads() { tail -n 5 "$work/reads.$1" | sort | uniq -c | xargs; }
overwrites() { IO_LIMIT=$(t_limit 20) io "$(gw_url "$1" "$n")" "write -P 0x22 $2 64k" "read -P 0x22 $2 64k"; }
grows() { IO_LIMIT=8 io "$(gw_url "$1" "$n")" "write -P 0x33 $2 64k"; }
grows_within() {
	local start=$SECONDS
	until grows "$1" "$2"; do [ $((SECONDS - start)) -lt "$ROOM" ] || return 1; sleep 1; done
}
new_identities() { lab log --since-mark "$1" | grep -c 'takes a new identity'; }

place=64
for what in pool_full ${FULL_SECONDS:+cluster_full}; do
	began=$SECONDS
	: >"$work/reads.gw1"
	: >"$work/reads.gw2"
	t "$what" ${what}_begin -
	for gw in $GW_GATEWAYS; do
		t "$what: an initiator logs in through $gw" talker "$what-$gw" "$(gw_url "$gw" "$n")"
		tell "$what-$gw" "aio_write -P 0x33 ${place}M 64k"
		place=$((place + 8))
	done
	reads_until $((began + GROWN))
	for gw in $GW_GATEWAYS; do talker_ends "$what-$gw"; done
	reads_until $((began + FULL))
	for gw in $GW_GATEWAYS; do
		t_is "$what: reads go on through $gw" "$(last_reads "$gw")" '5 good'
		note "$gw: $(sort "$work/reads.$gw" | uniq -c | xargs)"
		t "$what: so does who overwrites" overwrites "$gw" $((4 * ${gw#gw}))M
	done
	t "$what: there is room again" ${what}_end -
	for gw in $GW_GATEWAYS; do
		t "$what: $gw writes again" grows_within "$gw" ${place}M
		place=$((place + 8))
		t "$what: and it serves" serves_within "$gw" "$n" 30
		t_is "$what: $gw has not taken a new identity" "$(new_identities "$gw")" 0
	done
done
