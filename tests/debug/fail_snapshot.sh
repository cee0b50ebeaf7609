#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A snapshot is taken while allocations fail, one at a time and each of them once, on the thread of a gateway that is
# told of it: what is written through that gateway afterwards is not in the snapshot.
#
#   FAIL_ROUNDS   how many rounds at most (400)
. ../ktap.sh
. ../gateway.sh
. ./inject.sh

ROUNDS=${FAIL_ROUNDS:-400}
n=$TEST-disk
img_create "$n" --size 4M
t 'served' serve "$n" "pool=rbd,image=$n"
id=$(lab rbd info --format json "$n" | jq -r .id)
inject_here gw1 || t_bail 'nothing can be made to fail'

writes() { lab run -- timeout 120 qemu-io -f raw -c "write -P $1 0 64k" "$(gw_url gw1 "$n")"; }
# how many bytes of the first 64 KiB of it are not X
others() { lab rbd export --no-progress "$1" - | head -c 65536 | tr -d X | wc -c; }
sweep() {
	local i left
	for ((i = 1; i <= ROUNDS; i++)); do
		# X before, then Y
		writes 88 && fail_nth gw1 "trbd/$id" $i && lab rbd snap create --no-progress "$n@s" && writes 89 || return 1
		left=$(fail_nth gw1 "trbd/$id" 0) || return 1
		others "$n@s" >"$work/others"
		if [ "$(cat "$work/others")" != 0 ]; then
			echo "round $i: $(cat "$work/others") bytes were written to the snapshot after it was taken"
			return 1
		fi
		lab rbd snap rm --no-progress "$n@s"
		[ "$left" = 0 ] || break
	done
	echo $((i - 1)) >"$work/failed"
	[ $i -gt 1 ]
}
t 'each allocation fails once, and no snapshot is written to' sweep
note "$(cat "$work/failed") allocations failed"
