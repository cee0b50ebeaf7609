#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A gateway reads each write that the other one has acknowledged, block by block, with two
# initiators at work at the same time.
. ../lib/ktap.sh
. ../lib/gateway.sh

BLOCKS=${CROSS_BLOCKS:-1000}
n=$TEST-disk
img_create "$n" --size 16M
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
t "$BLOCKS blocks, there and back" lab run -- python3 "$PWD/cross.py" "$(gw_addr gw1)" "$(gw_addr gw2)" "$(iqn_of "$n")" "$BLOCKS"
t_is 'nothing was refused as stale' "$(gw_info gw1 "$n" Stale)$(gw_info gw2 "$n" Stale)" 00
for gw in $GW_GATEWAYS; do
	t_is "$gw: the state of paths is not for initiators to change" \
		"$(lab run -- iscsi-inq "$(gw_url "$gw" "$n")" 2>/dev/null | sed -n 's/^TPGS://p')" 1
done
