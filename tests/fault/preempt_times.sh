#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A PREEMPT through gw2 ends in time when the victim's gateway does not answer: because it was
# killed, is cut from the cluster, stands still, or is gone with its host, an OSD and a monitor on
# it (if the lab has three). The test prints the median and the worst time of each.
#
#   PREEMPT_TIMES    how many PREEMPTs of each kind (3)
#   PREEMPT_FAULTS   which kinds (cut_ceph paused killed host_lost)
# shellcheck disable=SC2034,SC2317 # SERVED is for faults.sh; steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/reserve.sh
. ../lib/host_load.sh
. ../lib/faults.sh
. ../lib/placement.sh

TIMES=${PREEMPT_TIMES:-3}
FAULTS=${PREEMPT_FAULTS:-cut_ceph paused killed host_lost}
# seconds, for each, beside the time that the monitors need for a new quorum when one is gone
GOOD_WITHIN=$(t_limit 15)
BACK=180			# seconds, for gw1 to serve again
t_atexit heal_all
t 'the initiators' pr_client_build

n=$TEST-disk
SERVED=("$n")
url1=$(gw_url gw1 "$n") url2=$(gw_url gw2 "$n")
img_create "$n" --size 64M
# otherwise all would wait until the cluster notices that an OSD is gone
t 'the group is with two of the three OSDs' group_together
wanted=$(acting "${GROUP_OBJECTS%% *}")
LOST_OSD=osd.$(jq -nr "[0, 1, 2] - $wanted | .[0]")
# shellcheck disable=SC2046 # numbers
t 'and the image with the same ones' place_image "$n" $(jq -nr "$wanted | .[]")
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"

now_ms() { date +%s%3N; }
# How long the monitors alone take to put a client on the blocklist.
quorum() {
	local start
	start=$(now_ms)
	again with_ceph 60 ceph osd blocklist add 192.0.2.1:0/1 60 && echo $(($(now_ms) - start)) >>"$work/quorum"
}
# preempted: log in before, so that only the command is timed
preempted() {
	local ms
	"$1_begin" gw1 || return 1
	[ "$1" != host_lost ] || quorum >/dev/null 2>&1 &
	pr <<-'SCRIPT' || return 1
		other@2 keys
		other@2 preempt 0xbb 0xaa 1 = good
		other@2 write 0 0x31 = good
	SCRIPT
	ms=$(sed -n 's/^other@2 preempt.*(\([0-9]*\) ms)$/\1/p' "$work/pr")
	echo "${ms:-1000}" >>"$work/$1"
	wait
}
round() {
	reserved && preempted "$1"
	local status=$?
	"$1_end" gw1 && pr <<<'other@2 clear 0xbb = good' && serves_within gw1 "$n" $BACK || status=1
	return $status
}
rounds() {
	local i
	for ((i = 0; i < TIMES; i++)); do round "$1" || { echo "round $i"; return 1; }; done
}
for kind in $FAULTS; do
	t "$TIMES times $kind: the PREEMPT ends with GOOD" rounds "$kind"
	sort -n "$work/$kind" >"$work/sorted"
	worst=$(tail -n 1 "$work/sorted")
	note "$kind: median $(awk '{ ms[NR] = $1 } END { print ms[int((NR + 1) / 2)] }' "$work/sorted") ms," \
		"worst $worst ms, of $(wc -l <"$work/sorted")"
	quorum=0
	if [ "$kind" = host_lost ]; then
		quorum=$(sort -n "$work/quorum" | tail -n 1)
		note "the monitors took up to $quorum ms for theirs"
	fi
	t "all within $GOOD_WITHIN s" test "${worst:-999999}" -le $((GOOD_WITHIN * 1000 + quorum))
done
