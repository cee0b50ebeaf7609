#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Serve the images bench-NAME of pool rbd, and a ramdisk, each through a backend of its own. This
# script runs in each gateway.
#
#   backends.sh ADDRESS IQN_PREFIX MIB
#
# The targets are IQN_PREFIX:NAME at ADDRESS:3260, LUN 0.
set -euo pipefail

address=$1 prefix=$2 mib=$3
core=/sys/kernel/config/target/core
iscsi=/sys/kernel/config/target/iscsi

# backstore HBA NAME CONTROL
backstore() {
	mkdir -p "$core/$1/$2"
	printf '%s' "$3" >"$core/$1/$2/control"
	echo 1 >"$core/$1/$2/enable"
}

# export_lio HBA NAME
export_lio() {
	local tpg="$iscsi/$prefix:$2/tpgt_1"
	mkdir -p "$tpg/lun/lun_0" "$tpg/np/$address:3260"
	echo 0 >"$tpg/attrib/authentication"
	echo 1 >"$tpg/attrib/generate_node_acls"
	echo 0 >"$tpg/attrib/demo_mode_write_protect"
	ln -s "$core/$1/$2" "$tpg/lun/lun_0/$2"
	echo 1 >"$tpg/enable"
}

modprobe -a target_core_mod iscsi_target_mod libceph rbd target_core_iblock
insmod /lab/bench/target_core_rbd.ko
insmod /lab/bench/unguarded.ko

secret=$(ceph-authtool -p -n client.admin /etc/ceph/ceph.client.admin.keyring)
for name in rbd unguarded; do
	backstore ${name}_0 $name "mon_addr=10.77.0.1:3300,id=admin,secret=$secret,pool=rbd,image=bench-$name"
	export_lio ${name}_0 $name
done

device=$(rbd map -o noudev bench-iblock)
backstore iblock_0 iblock "udev_path=$device"
export_lio iblock_0 iblock

backstore rd_mcp_0 ramdisk "rd_pages=$((mib * 256))"
export_lio rd_mcp_0 ramdisk
