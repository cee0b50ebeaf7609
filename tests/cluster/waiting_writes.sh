#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Small writes wait in a gateway, because the one before them is stuck on its way to an OSD. They do
# not change a snapshot that is taken meanwhile: the gateway has told the taker that it knows of it.
# The writes do not get lost either.
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/faults.sh
. ../lib/placement.sh

# object 0 is with another OSD than the objects that the gateway needs to stay in touch
is_apart() {
	local id data
	id=$(lab rbd info --format json "$1" | jq -r .id)
	data=$(primary_of "rbd_data.$id.0000000000000000")
	[ "$data" != "$(primary_of target_core_rbd.group)" ] && [ "$data" != "$(primary_of "rbd_header.$id")" ]
}
t 'the group is with two of the three OSDs' group_together
n=
for ((i = 0; i < 60; i++)); do
	img_create "$TEST-disk$i" --size 4M
	! is_apart "$TEST-disk$i" || { n=$TEST-disk$i; break; }
done
t 'an image whose data are with an OSD of their own' test "$n"
# shellcheck disable=SC2034 # for faults.sh
SERVED=("$n")
t 'it is served' serve "$n" "pool=rbd,image=$n"
t 'something is written' io "$(gw_url gw1 "$n")" 'write -P 1 0 64k'

data_ports() {
	local osd
	osd=$(primary_of "rbd_data.$(gw_info gw1 "$n" ImageId).0000000000000000")
	lab ceph osd dump --format json 2>/dev/null |
		jq -r --argjson osd "$osd" '[.osds[] | select(.osd == $osd) | .public_addrs.addrvec[].addr | sub(".*:"; "")] | unique | join(",")'
}
t_atexit 'gw_unfilter gw1'
stuck() {
	local ports
	ports=$(data_ports) && [ "$ports" ] && gw_filter gw1 output "oifname eth0 tcp dport { $ports }"
}
t 'gw1 does not reach that OSD' stuck
for i in $(seq 0 9); do echo "aio_write -P 2 $((i * 4))k 4k"; done >"$work/writes"
echo aio_flush >>"$work/writes"
lab run -- timeout "$(t_limit $T_SPAN)" qemu-io -f raw "$(gw_url gw1 "$n")" <"$work/writes" >"$work/writer" 2>&1 &
writer=$!
t 'writes wait' t_until 60 has_begun gw1 "$n"
t 'a snapshot is taken that waits for nobody' lab rbd snap create --no-progress --skip-quiesce "$n@s"
t 'gw1 reaches the OSD again' gw_unfilter gw1
wait $writer
t_is 'ten writes end well' "$(grep -c 'wrote 4096' "$work/writer") $(grep -c failed "$work/writer")" '10 0'
# the first one was on its way when the snapshot was taken
behind() { lab rbd export --no-progress "$1" "$work/export" && head -c 64k "$work/export" | tail -c +4097 | od -An -v -t u1 -w1 | sort -n | uniq -c | xargs; rm -f "$work/export"; }
t_is 'the waiting writes are not in the snapshot' "$(behind "$n@s")" '61440 1'
t_is 'and is in the image' "$(behind "$n")" '24576 1 36864 2'
