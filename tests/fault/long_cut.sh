#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A gateway is cut from the cluster with writes in its hands, for so long that the OSDs forget its watch. Snapshots that are taken
# then, of which nobody tells it, do not change when it is back.
#
#   CUTS   how many times (1)
# shellcheck disable=SC2034,SC2317 # SERVED is for faults.sh; steps are called by name
. ../ktap.sh
. ../gateway.sh
. ../host_load.sh
. ../talker.sh
. ../faults.sh

CUTS=${CUTS:-1}
FORGOTTEN=40		# seconds without a sign of life, after which OSDs have forgotten a watcher
LANDS=5			# seconds, for what hangs in a gateway to come out when it serves
PLACES=8
n=$TEST-disk
SERVED=("$n")
t_atexit heal_all
img_create "$n" --size 64M
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
url1=$(gw_url gw1 "$n") url2=$(gw_url gw2 "$n")
t 'there are data' io "$url2" 'write -P 0x11 0 64M'

header=rbd_header.$(lab rbd info --format json "$n" | jq -r .id)
watchers() { lab run -- rados -p rbd listwatchers "$header" | grep -c 'watcher=10.77.0.11:'; }
forgotten() {
	local i
	for ((i = 0; i < FORGOTTEN; i++)); do
		[ "$(watchers)" != 0 ] || return 0
		sleep 1
	done
	return 1
}
# sent at once, while it holds its lease: they are on their way to OSDs that cannot be reached
cut_with_writes() {
	local i
	lab cut gw1 ceph || return 1
	for ((i = 0; i < PLACES; i++)); do tell "writer$1" "aio_write -P 0xa1 $((i * 4))M 64k"; done
}
snapshot() { lab rbd snap create --no-progress "$1" && snap_taken "$1"; }
for ((cut = 1; cut <= CUTS; cut++)); do
	t "$cut: an initiator logs in through gw1" talker "writer$cut" "$url1"
	t "$cut: gw1 is cut from the cluster, with writes in its hands" cut_with_writes $cut
	t "$cut: its watch is forgotten" forgotten
	t "$cut: a snapshot is taken" snapshot "$n@s$cut"
	t "$cut: gw2 goes on" io "$url2" "write -P $cut 62M 64k" "read -P $cut 62M 64k"
	t "$cut: gw1 reaches the cluster again" lab heal gw1 ceph
	t "$cut: and serves" serves_within gw1 "$n" 120
	sleep $LANDS
	t "$cut: the snapshot has not changed" snap_same "$n@s$cut"
	talker_ends "writer$cut"
	t "$cut: there are data again" io "$url2" 'write -P 0x11 0 32M'
done
t 'none of them has changed in the end' snaps_same
t_is 'as many were looked at' "$(wc -l <"$work/snapshots")" "$CUTS"
