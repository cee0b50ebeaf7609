#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Persistent reservations on a multipath device: a host registers all its paths, through both
# gateways, and keeps the rest of the world out.
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/hosts.sh

n=$TEST-disk
img_create "$n" --size 16M
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
# multipathd then remembers the key, and registers paths that come later with it
t 'multipath keeps keys' host_config init1 defaults 'reservation_key file'
t_atexit 'on init1 rm -f /etc/multipath/prkeys'
t 'the host logs in through both gateways' host_login init1 "$n" gw1 gw2
map=$(host_map init1 "$n" gw1 gw2) || t_bail 'no multipath device'

mpath() { on init1 mpathpersist "$@" "$map"; }
keys() { mpath --in --read-keys | sed -n 's/^ *\(0x[0-9a-f]*\) *$/\1/p' | xargs; }
reservation() {
	mpath --in --read-reservation |
		sed -n 's/.*NO reservation held.*/none/p; s/.*Key = \(0x[0-9a-f]*\).*/\1/p; s/.*type = \(.*\)$/\1/p' | xargs
}
# how many requests each of the disks of $n has completed
requests() {
	local gw
	for gw in gw1 gw2; do
		on init1 awk '{ print $1 + $5 }' "/sys/block/$(basename "$(host_disk init1 "$n" $gw)")/stat"
	done | xargs
}
# both paths get their share of the writes, and the data are there
load() {
	on init1 fio --name=load --filename="$map" --rw=randwrite --bs=4k --size=4M --io_size=2M --direct=1 \
		--ioengine=libaio --iodepth=16 --verify=crc32c --verify_fatal=1 --minimal
}
used_both() {
	local was is
	read -ra was <<<"$1"
	read -ra is <<<"$2"
	[ "${is[0]}" -gt $((was[0] + 20)) ] && [ "${is[1]}" -gt $((was[1] + 20)) ]
}

t 'register' mpath --out --register --param-sark=5eed
t_is 'each path has the key' "$(keys)" '0x5eed 0x5eed'
for gw in gw1 gw2; do
	t_is "$gw says so as well" "$(pr_keys init1 "$(host_disk init1 "$n" $gw)")" '0x5eed 0x5eed'
done
t 'reserve, for those that are registered' mpath --out --reserve --param-rk=5eed --prout-type=6
t_is 'the reservation is there' "$(reservation)" '0x5eed Exclusive Access, registrants only'
before=$(requests)
t 'the host writes and reads' load
after=$(requests)
t "through both paths, $before to $after requests" used_both "$before" "$after"
for gw in gw1 gw2; do
	t_says "a stranger cannot write through $gw" 'write failed: Input/output error' stranger $gw "$n" 'write 8M 4k'
	t_says 'nor read' 'read failed: Input/output error' stranger $gw "$n" 'read 8M 4k'
done
t 'release' mpath --out --release --param-rk=5eed --prout-type=6
t_is 'nothing is reserved' "$(reservation)" none
t 'a stranger can write' stranger gw1 "$n" 'write 8M 4k'
t 'unregister' mpath --out --register-ignore --param-rk=5eed --param-sark=0
t_is 'no key is left' "$(keys)" ''

# a path that goes and comes back is a new nexus
t 'register again' mpath --out --register --param-sark=5eed
t 'reserve again' mpath --out --reserve --param-rk=5eed --prout-type=6
path_returns() {
	on init1 iscsiadm -m node -T "$(iqn_of "$n")" -p "$(gw_addr gw2)" --logout &&
		host_login init1 "$n" gw2 && host_map init1 "$n" gw1 gw2
}
# a session's number is in its ISID
t 'a path goes and comes back' path_returns
registered() {
	local i
	for ((i = 0; i < 120; i++)); do
		[ "$(keys)" != '0x5eed 0x5eed 0x5eed' ] || return 0
		sleep 0.5
	done
	keys
	return 1
}
t 'multipathd has it registered' registered
before=$(requests)
t 'the host writes and reads' load
after=$(requests)
t "through both paths, $before to $after requests" used_both "$before" "$after"
t 'clear' mpath --out --clear --param-rk=5eed
t_is 'no key is left' "$(keys)" ''
t_is 'nothing is reserved' "$(reservation)" none
