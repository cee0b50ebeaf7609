#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A gateway dies as by a power failure and boots again, over and over. Nobody ever changes a
# reservation, which would tidy up. The record of the unit lists the gateway once.
#
#   RESTARTS   how many times (4)
# shellcheck disable=SC2034,SC2317 # SERVED is for faults.sh; steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/host_load.sh
. ../lib/faults.sh

RESTARTS=${RESTARTS:-4}
TIDY=90		# seconds, until the entry that a gateway left behind is gone
n=$TEST-disk
SERVED=("$n")
t_atexit heal_all
img_create "$n" --size 64M
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
listed() { lab rbd image-meta get "$n" target_core_rbd.lu 2>/dev/null | grep -c '^gateway'; }
t_is 'both are listed' "$(listed)" 2
for ((i = 1; i <= RESTARTS; i++)); do
	t "$i: gw2 dies, boots and serves" fault killed gw2 0
	note "$i: $(listed) are listed"
done
for ((i = 0; i < TIDY && $(listed) != 2; i++)); do sleep 1; done
t_is "after $RESTARTS restarts, both are listed once" "$(listed)" 2
for gw in $GW_GATEWAYS; do t "$gw serves" serves_within "$gw" "$n" 30; done
t_is 'gw1 has not taken a new identity' "$(lab log --since-mark gw1 | grep -c 'takes a new identity')" 0
