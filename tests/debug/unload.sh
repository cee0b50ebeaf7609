#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The module goes after all tests on these machines, and leaks none of its allocations.
. ../lib/ktap.sh
. ../lib/gateway.sh

lab exec -n gw1 -- test -e /sys/kernel/debug/kmemleak || t_skip_all 'needs the debug kernel: make check-debug'
for gw in $GW_GATEWAYS; do
	t "$gw: its slabs can be seen" lab exec -n "$gw" -- grep -q ^trbd /proc/slabinfo
	t "$gw: the module goes" lab exec -n "$gw" -- sh -c \
		'rmdir /sys/kernel/config/target/core/rbd_* 2>/dev/null; rmmod target_core_rbd'
	t "$gw: none of its slabs is left" lab exec -n "$gw" -- sh -c '! grep ^trbd /proc/slabinfo'
done
# shellcheck disable=SC2086 # a list
t 'nothing leaked' ./leaks $GW_GATEWAYS
for gw in $GW_GATEWAYS; do
	t "$gw: it comes back" lab exec -n "$gw" -- insmod /lab/target_core_rbd.ko
done
