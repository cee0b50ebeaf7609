#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Random commands of every kind through both gateways, with snapshots that come and go: what initiators read, what
# librbd sees and what snapshots keep is what a model says (tools/exerciser.c). On a plain image, a clone, a striped clone and
# an erasure coded pool.
#
#   RANDOM_SECONDS   how long on each image (10)
#   SEED             makes the same commands again (a random one)
. ../lib/ktap.sh
. ../lib/gateway.sh

DURATION=${RANDOM_SECONDS:-10}
SEED=${SEED:-$RANDOM}
t 'the exerciser' t_build tools exerciser
t 'an initiator' t_build tools initiator
note "SEED=$SEED"

# exercise WHAT NAME
exercise() {
	t "$1: served" serve "$2" "pool=rbd,image=$2"
	if lab run -- timeout "$(t_limit $((DURATION + 300)))" "$work/exerciser" "$(gw_url gw1 "$2")" "$(gw_url gw2 "$2")" "$2" "$SEED" \
		"$DURATION" >"$work/out" 2>&1; then
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
# what only removed snapshots needed counts as well; the OSDs take their time to remove that, and say when they are at it
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
# many initiators send them so
url=$(gw_url gw1 "$plain")
t 'blocks are written' io "$url" 'write -P 0x5a 0 256k'
ops=$(osd_ops_while lab run -- "$work/initiator" "$url" unmap unmap 0 200)
t "200 that follow each other, each in a descriptor of one UNMAP, take few operations ($ops)" [ "$ops" -lt 20 ]
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

ec=$TEST-ec
t 'an erasure coded pool' ec_pool "$TEST"
img_create "$ec" --size 24M --data-pool "$TEST"
exercise 'an erasure coded image' "$ec"
