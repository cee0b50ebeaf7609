#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# One of the group's objects does not answer, as when its placement group is inactive: its OSD
# stands still, and nobody else has the object. Images whose objects are with other OSDs are served
# as if nothing had happened, through all gateways. Each of the group's objects in turn.
#
#   AWAY_SECONDS   for how long (8)
# shellcheck disable=SC2317 # steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/placement.sh

AWAY_SECONDS=${AWAY_SECONDS:-8}
osd=2

back() {
	lab resume osd.$osd
	lab ceph osd unset nodown
}
t_atexit back

# An image whose objects are in other placement groups than those of the group: those move together.
group_pgs=$(for object in $GROUP_OBJECTS; do pg_of "$object"; done)
apart() {
	local id
	id=$(lab rbd info --format json "$1" | jq -r .id)
	! grep -qxF "$(pg_of "rbd_header.$id")" <<<"$group_pgs" && ! grep -qxF "$(pg_of "rbd_data.$id.0000000000000000")" <<<"$group_pgs"
}
find_image() {
	local i
	for ((i = 0; i < 40; i++)); do
		n=$TEST-disk$i
		img_create "$n" --size 4M || return 1
		! apart "$n" || return 0
	done
	return 1
}
find_image || t_bail 'no image is apart from the objects of the group'
t 'it is with two of the three OSDs' place_image "$n" 0 1
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
url1=$(gw_url gw1 "$n") url2=$(gw_url gw2 "$n")
t_is 'the group has three objects' "$(group_objects | tr '\n' ' ')" "$GROUP_OBJECTS "
with_two() {
	local object
	for object in $GROUP_OBJECTS; do place "$object" 0 1 || return 1; done
}
t 'they are with the same two' with_two
out_of_touch() {
	local gw
	# for another reason than that the host of an emulated gateway took its processors away
	for gw in $GW_GATEWAYS; do
		echo $(($(lab exec -n "$gw" -- sed -n 's/.*out_of_touch //p' "$GW_CORE/$n/attrib/gateway_group") - $(gw_stalls "$gw")))
	done
}
stands_still() { lab ceph osd set nodown && lab pause osd.$osd && sleep 1; }
# the object does not answer, or nothing is shown here
silent() { ! timeout 2 "$TESTS_DIR/lab/lab" run -- rados -p rbd stat "$1"; }
# every write ends, again and again, though the object stays away
writes() {
	local end=$((SECONDS + AWAY_SECONDS)) i=0 url
	while [ $SECONDS -lt $end ] || [ $i -lt 6 ]; do
		for url in "$url1" "$url2"; do
			i=$((i + 1))
			IO_LIMIT=90 io "$url" "write -P $((i % 250 + 1)) $((i % 16 * 4))k 4k" >"$work/write" 2>&1 || { cat "$work/write"; return 1; }
		done
	done
	note "$i writes"
}

for object in $GROUP_OBJECTS; do
	t "$object is with the third" place "$object" $osd 0
	before=$(out_of_touch)
	t 'that one stands still' stands_still
	t "$object does not answer" silent "$object"
	t 'writes through both gateways go on' writes
	t_is 'no gateway was out of touch' "$(out_of_touch)" "$before"
	t 'the OSD goes on' lab resume osd.$osd
	lab ceph osd unset nodown
	t 'all is as before' place "$object" 0 1
done
