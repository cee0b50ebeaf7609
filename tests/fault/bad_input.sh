#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A mistake in an operator's input, or a change that spoils an image, is an error on the spot that
# says what to do. Nothing is left behind, and nothing else is disturbed.
. ../lib/ktap.sh
. ../lib/gateway.sh

gw=gw1
bystander=$TEST-bystander
img_create "$bystander" --size 16M
t 'a bystander is served' serve "$bystander" "pool=rbd,image=$bystander"
bystander_works() { lab run -- qemu-io -f raw -c 'write -P 7 0 64k' -c 'read -P 7 0 64k' "$(gw_url $gw "$bystander")"; }

secret=$(lab ceph auth get-key client.admin)
good="mon_addr=10.77.0.1:3300,id=admin,secret=$secret"

# refused WHAT REGEX CONTROL...: write each CONTROL, then enable: one of them must fail with a
# message that matches
refused() {
	local what=$1 regex=$2
	shift 2
	t_says "$what" "$regex" lab exec $gw -- bash -s -- "$TEST-x" "$@" <<-'SCRIPT'
		exec 2>&1
		dir=/sys/kernel/config/target/core/rbd_0/$1
		shift
		dmesg -C
		mkdir -p "$dir" || exit 0
		status=0
		for control; do
			printf "$control" | dd of="$dir/control" bs=8k status=none || status=1
		done
		[ $status = 1 ] || echo 1 >"$dir/enable" || status=1
		dmesg | grep target_core_rbd
		rmdir "$dir" || exit 0
		exit $status
	SCRIPT
}

img_create "$TEST-disk" --size 16M
img_create "$TEST-exclusive" --size 16M --image-feature layering,exclusive-lock,object-map,fast-diff
img_create "$TEST-journal" --size 16M --image-feature exclusive-lock,journaling

long=$(printf 'x%.0s' {1..300})
refused 'a word that is no pair' 'malformed|Invalid argument' "$good,image=$TEST-disk,nonsense"
refused 'an unknown key' 'nosuchkey' "$good,image=$TEST-disk,nosuchkey=1"
refused 'a value that is no number' 'mount_timeout|Invalid' "$good,image=$TEST-disk,mount_timeout=soon"
refused 'an empty image name' 'image' "$good,image="
refused 'a name that is too long' 'too long|Invalid|image' "$good,image=$long"
refused 'binary' 'Invalid|malformed' "$good,image=\\001\\377\\376"
refused 'a NUL in the middle' 'Invalid|malformed' "$good,image=a\\000b"
refused 'a key twice' 'image' "$good,image=$TEST-disk,image=$TEST-other"
refused 'no image' 'image' "$good,pool=rbd"
refused 'no monitor' 'mon_addr' "id=admin,secret=$secret,image=$TEST-disk"
refused 'a monitor that is no address' 'mon_addr|Invalid' "mon_addr=nowhere!,id=admin,secret=$secret,image=$TEST-disk"
refused 'a monitor where nobody listens' 'no session|mon_addr' \
	"mon_addr=10.77.0.99:3300,id=admin,secret=$secret,image=$TEST-disk,mount_timeout=3"
refused 'a wrong key' 'check .*key' \
	"mon_addr=10.77.0.1:3300,id=admin,secret=$(ceph-authtool --gen-print-key),image=$TEST-disk,mount_timeout=30"
refused 'a wrong user' 'check .*id' "mon_addr=10.77.0.1:3300,id=nobody,secret=$secret,image=$TEST-disk,mount_timeout=30"
refused 'a secret that is none' 'secret|Invalid' "mon_addr=10.77.0.1:3300,id=admin,secret=hello,image=$TEST-disk"
refused 'a key that the keyring has not' 'key' "mon_addr=10.77.0.1:3300,id=admin,key=nosuchkey,image=$TEST-disk"
refused 'letting go of writes when it is full' 'abort_on_full|Invalid' "$good,image=$TEST-disk,abort_on_full"
refused 'pings too rare for a watch' 'osdkeepalive must be 5 seconds' "$good,image=$TEST-disk,osdkeepalive=6"
for option in read_from_replica=balance read_from_replica=localize 'crush_location=host:a'; do
	refused "$option, which would do nothing" 'all reads go to the primary' "$good,image=$TEST-disk,$option"
done
refused 'a pool that is not there' 'no pool nosuchpool' "$good,pool=nosuchpool,image=$TEST-disk"
refused 'a namespace that is not there' 'no such image' "$good,pool=rbd,namespace=nosuchns,image=$TEST-disk"
refused 'an image that is not there' 'no such image' "$good,pool=rbd,image=nosuchimage"
refused 'a snapshot that is not there' 'no such snapshot' "$good,pool=rbd,image=$TEST-disk,snap=nosuchsnap"
refused 'an image with exclusive-lock' "rbd feature disable [^ ]*$TEST-exclusive [a-z, -]*exclusive-lock" \
	"$good,pool=rbd,image=$TEST-exclusive"
refused 'an image with journaling' "rbd feature disable [^ ]*$TEST-journal [a-z, -]*journaling" "$good,pool=rbd,image=$TEST-journal"

# rbd has not made format 1 for years; only its header object tells the format
lab run -- sh -c "printf '<<< Rados Block Device Image >>>\n' | rados -p rbd put $TEST-old.rbd -"
t_atexit "lab run -- rados -p rbd rm $TEST-old.rbd"
refused 'an image of format 1' 'format 1' "$good,pool=rbd,image=$TEST-old"
t 'the bystander works' bystander_works

# changes that are refused while a device is enabled, or in use
n=$TEST-disk
t 'a good one is served' serve "$n" "pool=rbd,image=$n"
core=/sys/kernel/config/target/core/rbd_0
t_says 'enabling twice' 'exists|busy|Invalid' lab exec -n $gw -- sh -c "/bin/echo 1 >$core/$n/enable"
t_says 'changing control of an enabled device' 'busy' lab exec -n $gw -- sh -c "/bin/echo image=other >$core/$n/control"
t_says 'deleting an exported device' 'busy|not permitted|Operation' lab exec -n $gw -- rmdir $core/$n
t_says 'removing the module under a device' 'in use' lab exec -n $gw -- rmmod target_core_rbd
io_ok() { lab run -- qemu-io -f raw -c "$1" "$(gw_url $gw "$n")"; }
t 'it still works' lab run -- qemu-io -f raw -c 'write -P 9 0 64k' -c 'read -P 9 0 64k' "$(gw_url $gw "$n")"

nowhere() { ! lab exec -n $gw -- sh -c "cat $core/$n/* $core/$n/attrib/* 2>/dev/null; dmesg" | grep -qF "$secret"; }
t 'the secret can be read back nowhere' nowhere

# A feature that allows one writer is enabled under us: nothing is written until it is disabled, and
# the log says how.
write_ends() { lab run -- timeout "$1" qemu-io -f raw -c 'write -P 9 0 64k' "$(gw_url $gw "$n")" | grep -q ^wrote; }
said() { lab log $gw | grep -q "run: rbd feature disable rbd/$n .*exclusive-lock"; }
t 'exclusive-lock is enabled under us' lab rbd feature enable "$n" exclusive-lock
t 'the log says how to disable it' t_until 60 said
t_fails 'nothing is written meanwhile' write_ends 3
t 'but it can be read' io_ok 'read -P 9 0 64k'
t 'it is disabled' lab rbd feature disable "$n" exclusive-lock
t 'and writes go on' write_ends "$(t_limit 20)"

# logged_in LUN: run the script from stdin on a host that has the disks; $path-0 to $path-LUN are
# there
logged_in() {
	local script
	script=$(cat)
	lab exec init1 -- bash -s -- "$(gw_addr $gw)" "$(iqn_of "$n")" "$1" "$script" <<-'SCRIPT'
		iscsiadm -m discovery -t sendtargets -p $1 >/dev/null
		iscsiadm -m node -T $2 -p $1 --login >/dev/null
		path=/dev/disk/by-path/ip-$1:3260-iscsi-$2-lun
		for lun in $(seq 0 $3); do
			for _ in $(seq 600); do [ ! -b $path-$lun ] || break; sleep 0.2; done
		done
		eval "$4"
		multipath -F 2>/dev/null
		iscsiadm -m node -T $2 --logout >/dev/null
		iscsiadm -m node -T $2 -o delete >/dev/null
	SCRIPT
}

# LIO copies between units by itself, also to ours when an operator has switched that on and the
# initiator asks another unit.
beside_ramdisk() {
	t_atexit ramdisk_clean
	gw_sh $gw "$n" "$(iqn_of "$n")" <<-'SCRIPT'
		core=/sys/kernel/config/target/core
		echo 1 >$core/rbd_0/$1/attrib/emulate_3pc
		dir=$core/rd_mcp_9/$1 lun=/sys/kernel/config/target/iscsi/$2/tpgt_1/lun/lun_1
		mkdir -p "$dir" && echo rd_pages=1024 >"$dir/control" && echo 1 >"$dir/enable" &&
			echo 7d1ab5f8-6a3c-4f0e-9d52-1c0ffee00001 >"$dir/wwn/vpd_unit_serial" && mkdir "$lun" && ln -s "$dir" "$lun/$1"
	SCRIPT
}
ramdisk_clean() {
	gw_sh $gw "$n" "$(iqn_of "$n")" <<-'SCRIPT'
		lun=/sys/kernel/config/target/iscsi/$2/tpgt_1/lun/lun_1
		[ ! -d "$lun" ] || { rm -f "$lun/$1"; rmdir "$lun"; }
		cd /sys/kernel/config/target/core && [ ! -d rd_mcp_9 ] || rmdir "rd_mcp_9/$1" rd_mcp_9
	SCRIPT
}
third_party_copy() {
	logged_in 1 <<-'SCRIPT'
		# two targets, by NAA; a segment of 8 blocks from the first to the second, at block
		# 0 of each
		target() { printf 'e400 0000 0103 0010 %s 00000000 00000200' "$(/lib/udev/scsi_id -g -d "$1" | cut -c2-)"; }
		copy="0100 0040 00000000 0000001c 00000000 $(target $path-1) $(target $path-0)
			0200 0018 0000 0001 0000 0008 $(printf '%032d' 0)"
		/usr/bin/python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.stdin.read()))' <<<"$copy" |
			sg_raw -s 108 $path-1 83 00 00 00 00 00 00 00 00 00 00 00 00 6c 00 00 2>&1
	SCRIPT
}
t 'a ramdisk beside it, and EXTENDED COPY switched on' beside_ramdisk
t_like 'the ramdisk cannot be copied there' "$(third_party_copy)" 'Copy target device not reachable'
t 'and was not' io_ok 'read -P 9 0 64k'
ramdisk_clean

# shrunk under us: blocks that are still there keep their data, those behind are an error, and
# nothing else happens
t 'an image is shrunk under us' lab rbd resize --no-progress --allow-shrink --size 8M "$n"
is_shrunk() {
	[ "$(lab run -- iscsi-readcapacity16 "$(gw_url $gw "$n")" | awk -F: '/Total size/ { print $2 + 0 }')" = $((8 * 1048576)) ]
}
t 'the new size is what initiators are told' t_until 60 is_shrunk
t 'the rest can be read' io_ok 'read -P 9 0 64k'
raw_read() { logged_in 0 <<<'sg_raw -r 512 $path-0 28 00 00 00 60 00 00 00 01 00 2>&1'; }
t_like 'blocks behind the end are out of range' "$(raw_read)" 'address out of range|21 00'

# deleted under us: rbd rm refuses while we watch, so remove the objects one by one
delete_image() {
	local id
	id=$(gw_info $gw "$n" ImageId)
	lab run -- rados -p rbd rm "rbd_header.$id"
	lab run -- rados -p rbd rm "rbd_id.$n"
	lab run -- rados -p rbd rmomapkey rbd_directory "name_$n"
	lab run -- rados -p rbd rmomapkey rbd_directory "id_$id"
	for gw_ in gw1 gw2; do
		for _ in $(seq 80); do
			[ "$(gw_info $gw_ "$n" State)" != open ] && break
			sleep 0.5
		done
	done
}
delete_image
t_is 'a deleted image is noticed' "$(gw_info $gw "$n" State)" deleted
t_fails 'reads of a deleted image fail' io_ok 'read 0 64k'
t_fails 'and writes' io_ok 'write 0 64k'
t 'its device can be removed' eval 'for g in gw1 gw2; do gw_unexport $g "$n"; gw_disable $g "$n"; done'
t 'the bystander works to the end' bystander_works
