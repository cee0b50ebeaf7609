#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Random commands of every kind go through both gateways, while snapshots come and go. Initiators,
# librbd and snapshots all see the content that a model has (tools/exerciser.c). This runs on a
# plain image, a clone, a striped clone, a clone whose parent moves to and fro (rbd migration), and
# an erasure coded pool.
#
#   RANDOM_SECONDS   how long on each image (6)
#   SEED             makes the same commands again (a random one)
. ../lib/ktap.sh
. ../lib/gateway.sh

DURATION=${RANDOM_SECONDS:-6}
SEED=${SEED:-$RANDOM}
t 'the exerciser' t_build tools exerciser
t 'an initiator' t_build tools initiator
note "SEED=$SEED"

# exercised NAME
exercised() {
	lab run -- timeout "$(t_limit $((DURATION + 300)))" "$work/exerciser" "$(gw_url gw1 "$1")" "$(gw_url gw2 "$1")" "$1" "$SEED" \
		"$DURATION" >"$work/out" 2>&1
}
# exercise WHAT NAME [MEANWHILE]: MEANWHILE is called with the process that is done when the
# exerciser is
exercise() {
	local pid
	t "$1: served" serve "$2" "pool=rbd,image=$2"
	exercised "$2" &
	pid=$!
	[ $# = 2 ] || t "$1: $3" "$3" $pid
	if wait $pid; then
		t_ok "$1: as the model has it"
	else
		t_not_ok "$1: as the model has it"
	fi
	note "$(tail -n 5 "$work/out")"
}

used_mib() { lab rbd du --format json "$1" 2>/dev/null | jq '[.images[].used_size] | add / 1048576'; }

plain=$TEST-plain
img_create "$plain" --size 24M
exercise 'a plain image' "$plain"
t 'something is in it' test "$(used_mib "$plain" | cut -d. -f1)" -gt 0
t 'all of it is unmapped' io "$(gw_url gw2 "$plain")" 'discard 0 24M'
# data that only removed snapshots needed count as well; the OSDs take their time to remove them,
# and say when they are at it
falls_to_nothing() {
	local i=0
	while [ $i -lt 60 ]; do
		[ "$(used_mib "$plain")" = 0 ] && return
		lab ceph pg stat | grep -q snaptrim || i=$((i + 1))
		sleep 1
	done
	lab rbd du "$plain"
	return 1
}
t 'then rbd du falls to nothing' falls_to_nothing
# many initiators send commands like that
url=$(gw_url gw1 "$plain")
t 'blocks are written' io "$url" 'write -P 0x5a 0 256k'
ops=$(osd_ops_while lab run -- "$work/initiator" "$url" unmap unmap 0 200)
t "200 that follow each other, each in a descriptor of one UNMAP, take few operations ($ops)" [ "$ops" -lt 100 ]
t 'and those were unmapped' io "$url" 'read -P 0 0 100k' 'read -P 0x5a 100k 156k'

parent=$TEST-parent
# not aligned with anything, so that a clone's overlap ends within an object
img_create "$parent" --size 19M
t 'a parent' parent_fill "$parent"
for kind in clone striped; do
	options=(--image-feature layering)
	[ $kind = clone ] || options+=(--image-feature striping --stripe-unit 64K --stripe-count 4 --object-size 1M)
	name=$TEST-$kind
	t "$kind" lab rbd clone "${options[@]}" "$parent@s" "$name"
	exercise "a $kind" "$name"
	unserve "$name"
	lab rbd rm --no-progress "$name" >/dev/null 2>&1
done
lab rbd snap unprotect "$parent@s" >/dev/null 2>&1

# a parent of clone format 2, which may move while it has children
mover=$TEST-mover moved=$TEST-moved
moves() {
	local from=$mover to=$moved count=0 layout=(--object-size 1M --stripe-unit 64K --stripe-count 4) other=(--object-size 4M) swap
	while kill -0 "$1" 2>/dev/null; do
		lab rbd migration prepare "${layout[@]}" "$from" "$to" && lab rbd migration execute --no-progress "$to" &&
			lab rbd migration commit --force --no-progress "$to" || return 1
		swap=$from from=$to to=$swap
		swap=("${layout[@]}") layout=("${other[@]}") other=("${swap[@]}")
		count=$((count + 1))
	done
	echo "$count" >"$work/moves"
	[ $count -gt 0 ]
}
name=$TEST-child
movable() {
	lab rbd bench --io-type write --io-size 1M --io-total 13M --io-pattern rand "$mover" &&
		lab rbd snap create --no-progress "$mover@s" &&
		lab rbd clone --rbd-default-clone-format 2 --image-feature layering "$mover@s" "$name"
}
img_create "$mover" --size 19M
GW_IMAGES+=("$moved")
t 'a parent that can move, and a clone' movable
exercise 'a clone whose parent moves' "$name" moves
note "it moved $(cat "$work/moves") times"
unserve "$name"
lab rbd snap purge --no-progress "$name" >/dev/null 2>&1
lab rbd rm --no-progress "$name" >/dev/null 2>&1

ec=$TEST-ec
t 'an erasure coded pool' ec_pool "$TEST"
img_create "$ec" --size 24M --data-pool "$TEST"
exercise 'an erasure coded image' "$ec"
