#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A snapshot is taken while a gateway that is told of it cannot read the image's header, for want of
# memory. Later writes through that gateway are not in the snapshot. First all of its allocations
# fail until somebody has tried to write; then they fail one at a time. See inject.sh for how many
# of them do.
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/inject.sh

n=$TEST-disk
img_create "$n" --size 4M
t 'served' serve "$n" "pool=rbd,image=$n"
id=$(lab rbd info --format json "$n" | jq -r .id)

writes() { lab run -- timeout "$(t_limit 120)" qemu-io -f raw -c "write -P $1 0 64k" "$(gw_url gw1 "$n")" | grep '^wrote'; }
# how many bytes of the first 64 KiB of it are not X
others() { lab rbd export --no-progress "$1" - 2>/dev/null | head -c 65536 | tr -d X | wc -c; }

t 'X is written' writes 88
t 'the header cannot be read any more' inject gw1 failslab 100 only trbd_image_refresh_or_fail
t 'a snapshot is taken' lab rbd snap create --no-progress "$n@blind"
# BUSY until its initiator gives up
t_fails 'Y cannot be written' writes 89
t 'allocations failed' test "$(inject_off gw1)" -gt 0
t 'Y can be written when the header can be read' writes 89
t_is 'it is not in the snapshot' "$(others "$n@blind")" 0
t 'the snapshot goes' lab rbd snap rm --no-progress "$n@blind"

inject_here gw1 || t_bail 'nothing can be made to fail'

snapshot() {
	# X before, then Y
	writes 88 && lab rbd snap create --no-progress "$n@s" && writes 89 || return 1
	others "$n@s" >"$work/others"
	[ "$(cat "$work/others")" = 0 ] ||
		{ echo "$(cat "$work/others") bytes were written to the snapshot after it was taken"; return 1; }
	lab rbd snap rm --no-progress "$n@s"
}
t 'allocations fail, and no snapshot is written to' fail_each gw1 "trbd/$id" snapshot true
note "$(cat "$work/said")"
