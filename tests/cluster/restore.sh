#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A gateway is configured with targetcli, loses its power, boots, and serves the same unit again to
# the same host. The secret of the cluster is in the keyring and nowhere else.
. ../lib/ktap.sh
. ../lib/gateway.sh

gw=gw1
n=$TEST-disk
iqn=$(iqn_of "$n")
# the host that may log in: the name that qemu-io uses, and its password
host=iqn.2008-11.org.linux-kvm
password=restore-secret
url="iscsi://host1%$password@$(gw_addr $gw)/$iqn/1"
root=$(lab share)/root

# The tools, for the running machine and for the one that boots later; the keyring of a user with
# the least rights.
tools_up() {
	mkdir -p "$root/etc/ceph" &&
		make -s -C ../../targetcli install DESTDIR="$root" >&2 &&
		lab ceph auth get-or-create client.restore mon 'profile rbd' osd 'profile rbd pool=rbd' \
			>"$root/etc/ceph/ceph.client.restore.keyring" &&
		tar -C "$root" -cf - . | lab exec $gw -- tar -C / -xf -
}
tools_down() {
	lab exec -n $gw -- targetctl clear
	lab exec -n $gw -- rm -f /etc/rtslib-fb-target/saveconfig.json /etc/target/saveconfig.json \
		/etc/ceph/ceph.client.restore.keyring
	make -s -C ../../targetcli uninstall DESTDIR="$root"
	rm -f "$root/etc/ceph/ceph.client.restore.keyring"
	lab ceph auth rm client.restore
}
t_atexit tools_down

configure() {
	lab exec $gw -- targetcli <<-EOF
		/backstores/rbd create name=$n image=rbd/$n id=restore
		/iscsi create $iqn
		/iscsi/$iqn/tpg1/luns create /backstores/rbd/$n lun1
		/iscsi/$iqn/tpg1 set attribute authentication=1
		/iscsi/$iqn/tpg1/acls create $host
		/iscsi/$iqn/tpg1/acls/$host set auth userid=host1 password=$password
		saveconfig
	EOF
}

serial() { lab run -- iscsi-inq -i $host -e 1 -c 128 "$url" | sed -n 's/.*Unit Serial Number:\[\(.*\)\].*/\1/p'; }
naa() { lab run -- iscsi-inq -i $host -e 1 -c 131 "$url" | grep -a -i 'designator:' | md5sum; }

img_create "$n" --size 16M
t 'the tools are installed' tools_up
t 'configured with targetcli' configure
# a port that is not yet in the record answers BUSY, and a host asks again
t 'it serves' t_until 30 io "$url" 'write -P 0x5e 1M 64k'
serial=$(serial)
naa=$(naa)
t_fails 'but nobody who is not known' lab run -- iscsi-inq -i "$host.other" "$url"
t_fails 'or has another password' lab run -- iscsi-inq -i $host "${url/$password/other-secret}"
t_like 'the unit has a serial number' "$serial" '^[0-9a-f-]{36}$'

secret=$(sed -n 's/.*key = //p' "$root/etc/ceph/ceph.client.restore.keyring")
# places where a secret could have gone: files that are kept or were written, and the kernel's log
secret_places() {
	lab exec $gw -- sh -s -- "$secret" <<-'SCRIPT'
		grep -rlF -- "$1" /etc /run /var/target /var/log 2>/dev/null
		grep -rlF -- "$1" /sys/kernel/config/target 2>/dev/null
		dmesg | grep -qF -- "$1" && echo dmesg
		true
	SCRIPT
}
t_like 'the secret is known to this test' "$secret" '^.{40}$'
t_is 'it is in the keyring and nowhere else' "$(secret_places)" /etc/ceph/ceph.client.restore.keyring

t 'power failure' lab kill $gw
t 'boot' lab start $gw
lab exec -n $gw -- targetctl restore 2>/dev/null
t 'the earlier writes are there' io "$url" 'read -P 0x5e 1M 64k'
t_fails 'it is not open to everybody now' lab run -- iscsi-inq -i "$host.other" "$url"
t_is 'the serial number is the same' "$(serial)" "$serial"
t_is 'and so are the designators' "$(naa)" "$naa"
t_is 'the secret is still in the keyring and nowhere else' "$(secret_places)" /etc/ceph/ceph.client.restore.keyring
