#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Random commands go through both gateways, as in cluster/random_ops.sh, while allocations fail on
# both. A command ends with GOOD or with BUSY, all of them end, and the data agree with the model,
# those of snapshots too. When nothing fails any more everything is as it was.
#
#   FAIL_SECONDS  how long for each way of failing (10)
#   FAIL_PERCENT  how many of the allocations fail, in each round (2 5); with 10 % it takes the
#                 better part of an hour until the dozens that it takes to read a clone's header all
#                 succeed, and until then nothing is written
#   FAIL_PAGES    the same for allocations of pages (1 5); VERIFY, and an object that is copied up,
#                 take 64 pages, and of 25 % none would ever get all of them
#   SEED          of the commands (a random one)
#
# The heartbeat's allocations fail in a round of their own: a gateway without heartbeats ends every
# change of data with BUSY, long before that needs memory.
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/inject.sh

DURATION=${FAIL_SECONDS:-10}
SEED=${SEED:-$RANDOM}
t 'the exerciser' t_build tools exerciser
note "SEED=$SEED"

exercise() { # NAME
	lab run -- timeout "$(t_limit $((DURATION + 300)))" "$work/exerciser" "$(gw_url gw1 "$1")" "$(gw_url gw2 "$1")" "$1" "$SEED" \
		"$DURATION" >"$work/out" 2>&1
	local status=$?
	tail -n 5 "$work/out"
	return $status
}
# something must fail at the first try
under_failures() { # NAME KIND PERCENT [but FUNCTION]
	local gw status failed=0
	for gw in $GW_GATEWAYS; do inject "$gw" "${@:2}" || return 1; done
	exercise "$1"
	status=$?
	for gw in $GW_GATEWAYS; do failed=$((failed + $(inject_off "$gw"))); done
	echo "$failed failed" | tee -a "$work/out"
	[ $status = 0 ] && [ $failed -gt 0 ]
}

plain=$TEST-plain
clone=$TEST-clone
img_create "$plain" --size 8M --object-size 256K
parent=$TEST-parent
# not aligned with anything, so that a clone's overlap ends within an object
img_create "$parent" --size 7850K --object-size 256K
t 'a parent' parent_fill "$parent"
t 'a clone of it' lab rbd clone --image-feature layering "$parent@s" "$clone"
clone_gone() {
	lab rbd snap purge "$clone"
	lab rbd rm --no-progress "$clone"
	lab rbd snap unprotect "$parent@s"
}
t_atexit clone_gone
# remove the backstores before the images, and stop the failures before that
t_atexit gw_clean
t_atexit inject_clean

for name in "$plain" "$clone"; do
	t "$name: served" serve "$name" "pool=rbd,image=$name"
	for percent in ${FAIL_PERCENT:-2 5}; do
		t "$name: failslab, $percent %" under_failures "$name" failslab "$percent" but group_thread
		note "$(tail -n 2 "$work/out")"
	done
	for percent in ${FAIL_PAGES:-1 5}; do
		t "$name: fail_page_alloc, $percent %" under_failures "$name" fail_page_alloc "$percent" but group_thread
		note "$(tail -n 2 "$work/out")"
	done
	t "$name: failslab, 2 %, heartbeats, too" under_failures "$name" failslab 2
	note "$(tail -n 2 "$work/out")"
	t "$name: and when nothing fails" exercise "$name"
	note "$(tail -n 1 "$work/out")"
done
