# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Find and choose the OSDs that have objects of pool rbd, for tests that stop an OSD or cut a
# gateway off from one. A test sources ktap.sh and gateway.sh, then this file. All objects of one
# placement group move together. At the end every object is where CRUSH wants it.
#
#   pg_of OBJECT             print its placement group
#   acting OBJECT            print its OSDs, sorted: [0,1]
#   has_osd OSD OBJECT       succeed if that is one of them
#   place OBJECT OSD...      put its placement group on these, the first one primary, and wait until
#                            they have all of it
#   pool_is_clean            succeed when nothing moves any more
#   place_image IMAGE OSD... put the header and the first object of its data there
#   group_together           put all objects of the gateways' group on the OSDs of the first one.
#                            Otherwise any OSD of a lab of three may have two of them, and the
#                            gateways lose touch when that OSD stands still

osd_map() { lab ceph osd map rbd "$1" --format json 2>/dev/null; }
pg_of() { osd_map "$1" | jq -r .pgid; }
acting() { osd_map "$1" | jq -c '.acting | sort'; }
has_osd() { osd_map "$2" | jq -e --argjson osd "$1" '.acting | index($osd)' >/dev/null; }

pool_is_clean() {
	lab ceph pg stat --format json 2>/dev/null | jq -e '[.pg_summary.num_pg_by_state[].name] == ["active+clean"]' >/dev/null
}
# is_placed PG OSDS: by its own word; the map and the statistics say so too early
is_placed() {
	timeout 10 "$TESTS_DIR/lab/lab" ceph pg "$1" query 2>/dev/null |
		jq -e --argjson osds "$2" '.state == "active+clean" and .up == $osds and .acting == $osds' >/dev/null
}
place() {
	local pg
	pg=$(pg_of "$1")
	lab ceph osd pg-upmap "$pg" "${@:2}" && t_until 60 is_placed "$pg" "$(jq -nc '$ARGS.positional | map(tonumber)' --args "${@:2}")"
}
unplace() {
	local pg
	for pg in $(lab ceph osd dump --format json 2>/dev/null | jq -r '.pg_upmap[].pgid'); do
		lab ceph osd rm-pg-upmap "$pg"
	done
	t_until 60 pool_is_clean
}
t_atexit unplace

place_image() {
	local id object
	id=$(lab rbd info --format json "$1" | jq -r .id)
	for object in "rbd_header.$id" "rbd_data.$id.0000000000000000"; do place "$object" "${@:2}" || return 1; done
}

# their names in a pool without a namespace, see gateway/group_object.c
GROUP_OBJECTS='target_core_rbd.group target_core_rbd.group.1 target_core_rbd.group.4'
group_together() {
	local osds object
	mapfile -t osds < <(osd_map "${GROUP_OBJECTS%% *}" | jq -r '.acting[]')
	for object in $GROUP_OBJECTS; do
		place "$object" "${osds[@]}" || return 1
	done
}
