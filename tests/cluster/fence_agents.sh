#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# fence_scsi is the agent with which Pacemaker fences nodes of a cluster. Of two hosts with
# multipath over both gateways, one fences the other while that one writes.
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/hosts.sh

n=$TEST-disk
declare -A map key=([init1]=a1 [init2]=b2)

img_create "$n" --size 16M
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
t 'a second host' host_up init2
for host in init1 init2; do
	t "$host logs in through both gateways" host_login $host "$n" gw1 gw2
	map[$host]=$(host_map $host "$n" gw1 gw2) || t_bail "$host has no multipath device"
	t_atexit "on $host rm -f /run/cluster.key /run/cluster.dev /tmp/mad"
done

# fence HOST ACTION KEY
fence() { on "$1" fence_scsi --devices="${map[$1]}" --action="$2" --key="$3"; }
write() { host_write "$1" "${map[$1]}" "${@:2}"; }

for host in init1 init2; do
	t "unfence $host" fence $host on "${key[$host]}"
done
for host in init1 init2; do
	t_is "both keys are there, on both paths, says $host" "$(pr_keys $host "${map[$host]}")" '0xa1 0xa1 0xb2 0xb2'
	t_is "the first one holds the reservation, says $host" "$(pr_reservation $host "${map[$host]}")" \
		'0xa1 Write Exclusive, registrants only'
	t "$host writes" write $host 0
done
for gw in gw1 gw2; do
	t_says "a stranger cannot write through $gw" 'write failed: Input/output error' stranger $gw "$n" 'write 1M 4k'
done

# init1 does not know that it has gone mad
writer() {
	lab exec init1 -- bash -s -- "${map[init1]}" <<-'SCRIPT'
		head -c 4096 /dev/zero | tr '\0' '\241' >/tmp/mad
		for ((i = 0; i < 5000; i++)); do
			dd if=/tmp/mad of=$1 bs=4096 count=1 oflag=direct conv=notrunc status=none 2>&1
		done
	SCRIPT
}
writer >"$work/writer" 2>&1 &
pid=$!
t_atexit "t_kill $pid"
# the same bytes through both paths
holds() { io "$(gw_url gw1 "$n")" "read -P $1 0 4k" && io "$(gw_url gw2 "$n")" "read -P $1 0 4k"; }
waits_for() {
	local i
	for ((i = 0; i < 50; i++)); do
		! holds "$1" >/dev/null || return 0
		sleep 0.2
	done
	return 1
}
t 'init1 writes all the time' waits_for 0xa1
t 'init2 fences init1' fence init2 off a1
t 'init2 writes over it' write init2 0 0xb2
sleep 2
t 'nothing of init1 comes after it' holds 0xb2
t 'init1 still tries' kill -0 $pid
# the last line may be half written
t_like 'and is refused' "$(tail -n 2 "$work/writer" | head -n 1)" 'Invalid exchange'
t_is 'its key is gone' "$(pr_keys init2 "${map[init2]}")" '0xb2 0xb2'
t_is 'the reservation is the other one'\''s' "$(pr_reservation init2 "${map[init2]}")" \
	'0xb2 Write Exclusive, registrants only'
t_kill $pid
wait $pid 2>/dev/null
t_says 'its writes are refused on' 'Invalid exchange' write init1 1
t 'because of a reservation conflict, says its kernel' \
	on init1 sh -c "dmesg | grep -i 'reservation conflict'"
fence init1 status a1 >/dev/null 2>&1
t_is 'the agent says that it is off' $? 2
on init1 /usr/share/cluster/fence_scsi_check >/dev/null 2>&1
t_is 'and so does what a watchdog runs' $? 2

t 'unfence init1 again' fence init1 on a1
t_is 'both keys are there' "$(pr_keys init1 "${map[init1]}")" '0xa1 0xa1 0xb2 0xb2'
t_is 'the reservation is still the other one'\''s' "$(pr_reservation init1 "${map[init1]}")" \
	'0xb2 Write Exclusive, registrants only'
t 'init1 writes' write init1 0 0xa2
t 'and it is there' holds 0xa2
