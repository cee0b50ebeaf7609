#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A gateway does not trust the content of the cluster's objects: damaged stamps, a damaged or
# missing group object, a table without a free slot, notifications that mean nothing. A line in the
# log says what to do, and everything that can go on goes on.
. ../lib/ktap.sh
. ../lib/gateway.sh

ENTRY=64 SLOTS=256
t_build tools initiator

n=$TEST-disk
img_create "$n" --size 16M
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
id=$(gw_info gw1 "$n" ImageId)
object() { printf 'rbd_data.%s.%016x' "$id" "$1"; }
rados() { lab run -- rados -p rbd "$@"; }
works() { io "$(gw_url gw1 "$n")" "write -P $1 0 64k" 'write -P 1 4M 64k' && io "$(gw_url gw2 "$n")" "read -P $1 0 64k" "write -P $1 64k 64k"; }
said() { lab log "$1" | tail -n 200 | grep -qE "$2"; }
t 'it works' works 1
# shellcheck disable=SC2207 # the names have no spaces
group=($(group_objects))
t_is 'the group has three objects' ${#group[@]} 3

# a stamp that is no number counts as none
nonsense() {
	rados setxattr "$(object 0)" tcr.stamp 'not a number' && rados setxattr "$(object 0)" tcr.tag "$(printf '\377\376')" &&
		rados setxattr "$(object 0)" tcr.other 17
}
t 'nonsense in the xattrs of an object' nonsense
t 'does no harm' works 2

# a stamp from the far future refuses everything
t 'a stamp from the far future' rados setxattr "$(object 0)" tcr.stamp 4611686018427387904
busy_at() {
	undisturbed lab run -- timeout "$(t_limit 60)" "$work/initiator" "$(gw_url gw1 "$n")" future fill "$1" 2 >"$work/fill" 2>&1 &&
		awk '/^writes/ { busy = $4 > 0 } END { print busy + 0 }' "$work/fill"
}
t_is 'writes to that object end with BUSY' "$(busy_at 0)" 1
t_is 'writes to others do not' "$(busy_at 8192)" 0
t 'it can be read' io "$(gw_url gw2 "$n")" 'read -P 2 0 64k'
t 'the log says what to do' said gw1 "$(object 0).*rmxattr $(object 0) tcr.stamp"
t 'that is done' rados rmxattr "$(object 0)" tcr.stamp
t 'and it works again' works 3

t 'a notification on the group object that means nothing' rados notify "${group[0]}" garbage
t 'does no harm' works 4

# the table of gateways: both go on with its content
#
# for another reason than that the host of an emulated gateway took its processors away
out_of_touch() {
	echo $(($(lab exec -n "$1" -- sed -n 's/.*out_of_touch //p' "$GW_CORE/$n/attrib/gateway_group") - $(gw_stalls "$1")))
}
held() { lab exec -n "$1" -- awk '$1 == "object" { print $3 }' "$GW_CORE/$n/attrib/gateway_group" | tr '\n' ' '; }
all_hold() { [ "$(held gw1)$(held gw2)" = 'held held held held held held ' ]; }
before="$(out_of_touch gw1) $(out_of_touch gw2)"
made_again() { rados stat "$1" && all_hold; }
for object in "${group[@]}"; do
	t "$object is removed" rados rm "$object"
	t 'the gateways go on' works 5
	# the gateways look at the spare once a minute
	t 'and make it again' t_until 90 made_again "$object"
done
t_is 'for that they were not out of touch' "$(out_of_touch gw1) $(out_of_touch gw2)" "$before"
t 'all are removed' rados rm "${group[@]}"
# two of them; the spare comes later
joined() {
	rados stat "${group[0]}" && rados stat "${group[1]}" && [[ $(held gw1) == 'held held '* && $(held gw2) == 'held held '* ]]
}
t 'the gateways join again' t_until 60 joined
t 'and go on' works 5
cut_off() {
	local object
	for object in "${group[@]}"; do rados truncate "$object" 10 || return 1; done
}
t 'they are cut off' cut_off
is_longer() { [ "$(rados stat "$1" | sed 's/.*size //')" -gt 10 ]; }
for object in "${group[@]:0:2}"; do t "$object has entries again" t_until 60 is_longer "$object"; done
t 'and they go on' works 6

slot_of() { lab exec -n "$1" -- cat "$GW_CORE/$n/attrib/gateway_group" | awk 'NR == 1 { print $2 }'; }
slots=" $(slot_of gw1) $(slot_of gw2) "
garble_one() {
	local slot
	head -c $((ENTRY * SLOTS)) /dev/urandom >"$work/table"
	rados get "$1" "$work/now" || return 1
	for slot in $slots; do
		dd if="$work/now" of="$work/table" bs=$ENTRY skip="$slot" seek="$slot" count=1 conv=notrunc status=none || return 1
	done
	rados put "$1" "$work/table" --offset 0
}
garble() {
	local object
	for object in "${group[@]}"; do garble_one "$object" || return 1; done
}
t 'all other slots hold what is no entry' garble
t 'the log says so' t_until 60 said gw1 'slots of object target_core_rbd.group, slot [0-9]+ the first of them, are not ours'
t 'the gateways leave that alone and go on' works 7

# gw2 goes, and something takes its slot: as if there were 256 gateways
gone() { gw_unexport gw2 "$n"; gw_disable gw2 "$n"; }
t 'gw2 leaves' gone
slots=" $(slot_of gw1) "
t 'its slot is taken' garble
t_fails 'it cannot come back' gw_enable gw2 "$n" "pool=rbd,image=$n"
t 'and says why' said gw2 'all 256 slots are taken'
lab exec -n gw2 -- rmdir "$GW_CORE/$n"
t 'gw1 works' io "$(gw_url gw1 "$n")" 'write -P 8 0 64k' 'read -P 8 0 64k'

# do as the log advised
t 'all gateways stop' eval 'gw_unexport gw1 "$n"; gw_disable gw1 "$n"'
t 'the objects are removed' rados rm "${group[@]}"
# Nobody knows the common time any more. It may have been ahead, and then the stamps of that image
# are ahead, too.
n=$TEST-other
img_create "$n" --size 16M
t 'they start again' serve "$n" "pool=rbd,image=$n"
t 'and work' works 9
