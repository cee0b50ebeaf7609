#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# An operator's first hour: README's recipe as it is printed, on two fresh gateways and a host. The
# gateways serve one disk, each through its own portal group only. A host with an ACL and its CHAP
# password gets the disk with two paths, and nobody else gets it. While the host writes, a gateway
# is drained, the image grows, a backstore is removed, and the target service starts again. Then the
# pool fills up.
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/hosts.sh
. ../lib/recipe.sh

t 'two gateways and a host as README has them' recipe_up
iqn=$(recipe_word '/iscsi create ')
host=$(recipe_word 'acls create ')
password=$(recipe_word 'password=')
t_like 'README names a target' "$iqn" '^iqn\.[^ ]*$'
t_like 'a host' "$host" '^iqn\.[^ ]*$'
t_like 'and one password' "$password" '^[^ ]{12,16}$'

# find lines by their words and not by their number; a line that sed does not find is not typed
t_is 'lines for gateways, the two that differ included' "$(recipe_gateway gw1 | wc -l)" "$(($(recipe targetcli | wc -l) - 1))"
type_keyring() { type_in "$1" "$(recipe ceph)"; }
# on gw1 as printed, on gw2 in a shell of targetcli, which has to start once
type_targetcli() {
	if [ "$1" = gw1 ]; then
		type_in gw1 "$(recipe_gateway gw1)"
	else
		recipe_gateway gw2 | sed 's/^targetcli //; s/ *#.*//' | lab exec --timeout "$(t_limit 300)" gw2 -- targetcli
	fi
}
t "the user's keyring, on both" on_both type_keyring
t 'the image' type_in gw1 "$(recipe rbd)"
t 'targetcli, on both' on_both type_targetcli

enabled() { lab exec -n "$1" -- sh -c "cd $GW_ISCSI/$iqn && cat tpgt_1/enable tpgt_2/enable" | xargs; }
portals() { lab exec -n "$1" -- sh -c "cd $GW_ISCSI/$iqn && ls -d tpgt_*/np/*" | xargs; }
as_configured() {
	local gw
	for gw in $GW_GATEWAYS; do
		t_is "$1: $gw listens on the addresses of the groups" "$(portals "$gw")" \
			'tpgt_1/np/192.0.2.11:3260 tpgt_2/np/192.0.2.12:3260'
	done
	t_is "$1: gw1 has enabled its own group only" "$(enabled gw1)" '1 0'
	t_is "$1: so has gw2" "$(enabled gw2)" '0 1'
}
as_configured 'at first'

# only hosts with an ACL may log in
t 'the host asks one gateway' on init1 bash -exc "$(recipe iscsiadm | grep discovery)"
t_is 'and hears of both' "$(on init1 iscsiadm -m node | awk -v t="$iqn" '$2 == t { print $1 }' | sort | xargs)" \
	'192.0.2.11:3260,1 192.0.2.12:3260,2'
t_fails 'without the password it may not log in' on init1 iscsiadm -m node -T "$iqn" --login
inquiry() { on init1 iscsi-inq -i "$1" "iscsi://host1%$2@192.0.2.11/$iqn/1"; }
t 'an initiator with the name and the password may' inquiry "$host" "$password"
t_fails 'with another password it may not' inquiry "$host" "not-$password"
t_fails 'nor with another name' inquiry "$host.other" "$password"

t 'the host logs in' type_in init1 "$(recipe iscsiadm)"
paths() { on init1 bash -ec "$(recipe multipath)" | grep -c 'active ready'; }
two_paths() { [ "$(paths)" = 2 ]; }
t 'it has two paths' t_until 60 two_paths
map=$(on init1 multipath -ll -v1)
t_is 'to one disk' "$(wc -l <<<"$map")" 1
[ "$(wc -l <<<"$map")" = 1 ] || note "$(on init1 multipath -ll)"
t_is 'which is LUN 1 of both' "$(on init1 sh -c "ls /dev/disk/by-path | grep -- '-iscsi-$iqn-'" | sed 's/.*-//' | xargs)" '1 1'

t 'it writes' host_write init1 "/dev/mapper/$map" 5 90
same() {
	gw_sh init1 "$iqn" <<-'SCRIPT'
		for path in /dev/disk/by-path/*-iscsi-$1-lun-1; do
			dd if="$path" bs=4096 skip=5 count=1 iflag=direct status=none | tr -d Z | wc -c
		done
	SCRIPT
}
t_is 'and reads that through each path' "$(same | xargs)" '0 0'

# After the first hour, while the host goes on writing: a gateway is drained, the image grows, a
# backstore is removed, the service starts again.
writes() {
	gw_sh init1 "$map" <<-'SCRIPT'
		touch /tmp/writes
		for ((i = 0; ; i++)); do
			[ -e /tmp/writes ] || { echo "no error"; exit; }
			head -c 4096 /dev/zero | dd of="/dev/mapper/$1" bs=4096 seek=$((100 + i % 1000)) count=1 iflag=fullblock \
				oflag=direct conv=notrunc status=none || exit 1
		done
	SCRIPT
}
t_atexit 'on init1 rm -f /tmp/writes'
writes >"$work/writes" 2>&1 &
writer=$!
one_path() { [ "$(paths)" = 1 ]; }
t 'gw2 is drained by disabling its group' type_in gw2 "targetcli /iscsi/$iqn/tpg2 disable"
t 'the host has one path' t_until 60 one_path
t 'gw2 is put back' type_in gw2 "targetcli /iscsi/$iqn/tpg2 enable"
t 'the host has two' t_until 60 two_paths

t 'the image grows' lab rbd resize --no-progress --size 11G "$(recipe 'rbd create' | sed 's/.* //')"
grown() {
	gw_sh init1 "$iqn" "$map" <<-'SCRIPT'
		iscsiadm -m node -T "$1" --rescan && multipathd resize map "$2"
		[ "$(blockdev --getsize64 "/dev/mapper/$2")" = $((11 << 30)) ]
	SCRIPT
}
t 'so does the disk of the host' t_until 60 grown
t_like 'targetcli says so' "$(lab exec -n gw2 -- targetcli /backstores/rbd ls)" '11\.0GiB'

t 'the backstore of gw2 is removed while it is in use' type_in gw2 'targetcli /backstores/rbd delete disk1'
t_is 'it is gone' "$(lab exec -n gw2 -- sh -c 'ls -d /sys/kernel/config/target/core/rbd_*/disk1 2>/dev/null')" ''
t 'the host has one path then' t_until 60 one_path

t_is 'only root can read what is saved' \
	"$(lab exec -n gw1 -- stat -c %a /etc/rtslib-fb-target/saveconfig.json)" 600
t 'the target service of gw2 starts again' type_in gw2 'targetctl clear; targetctl restore'
as_configured 'after that'
t 'and the host has its path back' t_until 60 two_paths
on init1 rm -f /tmp/writes
wait $writer
t_is 'its writes had no error all the time' "$(cat "$work/writes")" 'no error'

# The pool fills up, and gets room again.
t_atexit 'lab ceph osd pool set-quota rbd max_bytes 0'
is_full() { lab ceph osd pool ls detail --format json 2>/dev/null | jq -e --arg is "$1" \
	'.[] | select(.pool_name == "rbd") | (.flags_names | test("full")) == ($is == "yes")' >/dev/null; }
new_place() { host_write init1 "/dev/mapper/$map" 2000000 65 2>&1; }
full() { lab ceph osd pool set-quota rbd max_bytes 4096 && t_until 60 is_full yes; }
t 'the quota of the pool is used up' full
t_like 'a write that needs room is told that there is none' "$(new_place)" 'No space left on device'
t 'one to a place that is there goes through' host_write init1 "/dev/mapper/$map" 5 91
t_is 'the host has two paths' "$(paths)" 2
room() { lab ceph osd pool set-quota rbd max_bytes 0 && t_until 60 is_full no; }
t 'there is room again' room
t 'and the write goes through' new_place
