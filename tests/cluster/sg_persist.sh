#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Persistent reservations as two Linux hosts see them, each of which knows one gateway only: a
# change through one gateway holds at the other one.
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/hosts.sh

n=$TEST-disk
declare -A gw=([init1]=gw1 [init2]=gw2) disk

img_create "$n" --size 64M
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
t 'a second host' host_up init2
for host in init1 init2; do
	# multipathd would take the disk for itself, and the unit attentions
	t "$host goes without multipath" host_config $host blacklist 'devnode "."'
	t "$host logs in through ${gw[$host]}" host_login $host "$n" "${gw[$host]}"
	disk[$host]=$(host_disk $host "$n" "${gw[$host]}") || t_bail "$host has no disk"
done

# pr_out HOST OPTIONS...
pr_out() { on "$1" sg_persist --no-inquiry --out "${@:2}" "${disk[$1]}"; }
# both WHAT QUERY WANTED: the same answer on both hosts
both() {
	local host
	for host in init1 init2; do
		t_is "$1, says $host" "$($2 $host "${disk[$host]}")" "$3"
	done
}
forget_log() { on "$1" dmesg --clear; }
log_says() { on "$1" dmesg | grep -i "$2"; }

# --- one host at a time
t 'init1 registers' pr_out init1 --register --param-sark=1a
t 'init2 registers' pr_out init2 --register --param-sark=2b
both 'both keys are there' pr_keys '0x1a 0x2b'
both 'two changes so far' pr_generation 0x2
t 'init1 reserves, for itself alone' pr_out init1 --reserve --prout-type=3 --param-rk=1a
both 'the reservation is there' pr_reservation '0x1a Exclusive Access'
status=$(pr_status init1 "${disk[init1]}")
for host in init1 init2; do
	t_like "the full status has $host with its ISID" "$status" "$ISCSI_PREFIX:$host,i,0x[0-9a-f]{12}"
done
t_is 'and it is the same on init2' "$(pr_status init2 "${disk[init2]}")" "$status"
capabilities=$(pr_in init1 --report-capabilities "${disk[init1]}")
for type in 'Write Exclusive' 'Exclusive Access'; do
	for whose in '' ', registrants only' ', all registrants'; do
		t_like "on offer: $type$whose" "$capabilities" "$type$whose: 1"
	done
done
t_like 'on offer: it outlives a power loss' "$capabilities" '\(PTPL_C\): 1'
t_is 'init2 is offered the same' "$(pr_in init2 --report-capabilities "${disk[init2]}")" "$capabilities"

holder_mounts() {
	host_sh init1 "${disk[init1]}" <<-'SCRIPT'
		set -e
		mkfs.ext4 -q $1
		mkdir -p /mnt/disk
		mount $1 /mnt/disk
		echo from init1 >/mnt/disk/file
		sync -f /mnt/disk
	SCRIPT
}
other_mounts() { on init2 sh -c "mkdir -p /mnt/disk && mount ${disk[init2]} /mnt/disk"; }
umount_all() { on init1 umount /mnt/disk; on init2 umount /mnt/disk; }
t_atexit umount_all

t 'the holder makes a file system and mounts it' holder_mounts
forget_log init2
t_fails 'init2 cannot mount it' other_mounts
t 'because of a reservation conflict, says its kernel' log_says init2 'reservation conflict'
t_says 'nor release with a key that is not its own' 'Reservation conflict' \
	pr_out init2 --release --prout-type=3 --param-rk=1a
t 'with its own key it releases what it holds, which is nothing' pr_out init2 --release --prout-type=3 --param-rk=2b
both 'the reservation is still there' pr_reservation '0x1a Exclusive Access'
t 'init1 unmounts' on init1 umount /mnt/disk
t 'and releases' pr_out init1 --release --prout-type=3 --param-rk=1a
both 'nothing is reserved' pr_reservation none
t 'init2 mounts it' other_mounts
t_is 'and reads what init1 wrote' "$(on init2 cat /mnt/disk/file)" 'from init1'
t 'init2 unmounts' on init2 umount /mnt/disk
t 'init1 unregisters' pr_out init1 --register --param-rk=1a
both 'the other key is left' pr_keys 0x2b
t 'init2 unregisters' pr_out init2 --register --param-rk=2b
both 'no key is left' pr_keys ''

# --- registrants, and one that takes over
t 'init1 registers again' pr_out init1 --register --param-sark=1a
t 'and init2' pr_out init2 --register --param-sark=2b
t 'init1 reserves, for writers that are registered' pr_out init1 --reserve --prout-type=5 --param-rk=1a
both 'the reservation is there' pr_reservation '0x1a Write Exclusive, registrants only'
t 'the holder writes' host_write init1 "${disk[init1]}" 0
t 'the other one that is registered writes' host_write init2 "${disk[init2]}" 1
for at in gw1 gw2; do
	t_says "one that is not registered cannot write through $at" 'write failed: Input/output error' \
		stranger $at "$n" 'write 8k 4k'
	t 'but read' stranger $at "$n" 'read 8k 4k'
done
t 'init2 preempts init1' pr_out init2 --preempt --prout-type=5 --param-rk=2b --param-sark=1a
forget_log init1
t_says 'the next command of init1 is told so' '[Rr]egistrations preempted' on init1 sg_turs -vv "${disk[init1]}"
t 'once' on init1 sg_turs "${disk[init1]}"
t_says 'its writes are refused' 'Invalid exchange' host_write init1 "${disk[init1]}" 0
t 'because of a reservation conflict, says its kernel' log_says init1 'reservation conflict'
both 'its key is gone' pr_keys 0x2b
both 'the reservation is the other one'\''s' pr_reservation '0x2b Write Exclusive, registrants only'
t 'init2 writes' host_write init2 "${disk[init2]}" 1
t 'init2 clears everything' pr_out init2 --clear --param-rk=2b
both 'no key is left' pr_keys ''
both 'nothing is reserved' pr_reservation none
t 'init1 writes again' host_write init1 "${disk[init1]}" 0

# --- a gateway that is its own initiator: fabrics without an ISID have names of iSCSI as well
looped() {
	gw_sh gw1 "$GW_CORE/$n" "$ISCSI_PREFIX" <<-'SCRIPT'
		modprobe -a tcm_loop sd_mod || exit 1
		port=/sys/kernel/config/target/loopback/$2:loop/tpgt_1 status=1
		mkdir -p $port/lun/lun_0
		echo $2:loop-host >$port/nexus
		ln -s $1 $port/lun/lun_0/disk
		for ((i = 0; i < 600; i++)); do
			disk=$(ls -d /sys/bus/scsi/devices/[0-9]*/block/* 2>/dev/null | head -n 1)
			[ ! -b "/dev/${disk##*/}" ] || break
			sleep 0.2
		done
		disk=/dev/${disk##*/}
		sg_turs $disk
		sg_persist --no-inquiry --out --register --param-sark=3c $disk && sg_persist --no-inquiry --in --read-full-status $disk &&
			sg_persist --no-inquiry --out --register --param-rk=3c $disk && status=0
		rm $port/lun/lun_0/disk
		rmdir $port/lun/lun_0 $port ${port%/*}
		exit $status
	SCRIPT
}
t 'a gateway registers by loopback' eval 'looped >"$work/looped" 2>&1 || { cat "$work/looped"; false; }'
t_like 'and is named by a TransportID without an ISID' "$(cat "$work/looped")" "$ISCSI_PREFIX:loop-host"
t_is 'which is the name alone' "$(grep -c "loop-host,i," "$work/looped")" 0

hosts_clean >/dev/null 2>&1
for at in gw1 gw2; do
	gw_unexport $at "$n"
	gw_disable $at "$n"
done
t_like 'gateways that go leave nothing on the image' "$(lab rbd status "$n")" 'Watchers: none'
