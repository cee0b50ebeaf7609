#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A host is lost with everything on it: a gateway, an OSD, and a monitor, if the lab has three. No
# connection is closed. The other gateway serves on, and preempts a reservation that was held
# through the lost one. When the host is back, both serve.
# shellcheck disable=SC2034,SC2317 # SERVED is for faults.sh; steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/reserve.sh
. ../lib/host_load.sh
. ../lib/faults.sh
. ../lib/placement.sh

# seconds, for a PREEMPT when the victim's gateway does not answer (preempt.sh)
GOOD_WITHIN=$(t_limit 15)
BACK=180			# seconds, for the host's gateway to serve again
t_atexit heal_all
t 'the initiators' pr_client_build
t 'the group is with two of the three OSDs' group_together

# Neither the image nor the gateways' heartbeats need the OSD that goes, or all would wait for the
# cluster to notice.
wanted=$(acting "${GROUP_OBJECTS%% *}")
LOST_OSD=osd.$(jq -nr "[0, 1, 2] - $wanted | .[0]")
n=$TEST-disk
img_create "$n" --size 64M
# shellcheck disable=SC2046 # numbers
t 'and the image with the same ones' place_image "$n" $(jq -nr "$wanted | .[]")
SERVED=("$n")
url1=$(gw_url gw1 "$n") url2=$(gw_url gw2 "$n")
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
t 'reserved through gw1' reserved

note "gw1, $(lost_mon gw1) and $LOST_OSD are lost"
t 'the host is lost' host_lost_begin gw1
preempted() {
	local start=$SECONDS
	pr <<-'SCRIPT' || return 1
		other@2 preempt 0xbb 0xaa 1 = good
		other@2 write 0 0x31 = good
		other@2 read 0 = good 0x31
	SCRIPT
	echo $((SECONDS - start)) >"$work/took"
}
t 'a reservation through it is preempted through gw2' preempted
note "$(cat "$work/took") s"
t "within $GOOD_WITHIN s" test "$(cat "$work/took")" -le "$GOOD_WITHIN"
t 'the host is back' host_lost_end gw1
t 'it reads the later writes' pr <<<'other@2 read 0 = good 0x31'
released() { pr <<<'other@2 clear 0xbb = good'; }
t 'the reservation is given up' released
for gw in $GW_GATEWAYS; do t "$gw serves" serves_within "$gw" "$n" $BACK; done
