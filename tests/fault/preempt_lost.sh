#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A preempted nexus writes nothing any more, and nobody is refused by a reservation that is gone,
# when more is lost than a network: the record is removed by hand beneath a gateway that is cut off,
# Ceph forgets a fence, a monitor goes with a gateway, a gateway is fenced in the middle of a
# change, or its machine is dead. Each of them serves again afterwards.
# shellcheck disable=SC2317 # steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/reserve.sh
. ../lib/faults.sh
. ../lib/placement.sh
. ../lib/preempt_round.sh

t_atexit 'lab heal gw1 ceph'
t_atexit 'lab resume gw1'
t 'the initiators' pr_client_build
t 'the group is with two of the three OSDs' group_together

n=$TEST-disk
url1=$(gw_url gw1 "$n") url2=$(gw_url gw2 "$n")
img_create "$n" --size 64M
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
rounds() { pr_client preempt "$url1" "$url2" 2 >"$work/out" 2>&1 || { cat "$work/out"; return 1; }; }
t 'two PREEMPTs while all is well' rounds
GOOD_WITHIN=$(good_within "$work/out")

# An image with a session of its own. Its header's OSD does not have the group's objects, so that
# gw1 can be cut from the one and not from the others.
header_elsewhere() {
	local group i
	group=$(primary_of target_core_rbd.group)
	for ((i = 0; i < 30; i++)); do
		cleared=$TEST-cleared$i
		img_create "$cleared" --size 16M
		header=$(header_of "$cleared")
		[ "$(primary_of "$header")" = "$group" ] || return 0
	done
	return 1
}
# gw2 notices within seconds. On a slow machine it may register the key and give no answer in time.
clear_by_hand() {
	local i
	lab rbd image-meta remove "$cleared" $KEY && lab run -- rados -p rbd rmxattr "$header" tcr.lu || return 1
	for ((i = 0; i < 15; i++)); do
		pr_of "$cleared" <<<$'keeper@2 keys = good\nkeeper@2 register 0 0xcc = good' >/dev/null && return
		pr_of "$cleared" <<<'keeper@2 keys = good 0xcc' >/dev/null && return
		sleep 1
	done
	cat "$work/pr"
	return 1
}
is_fenced() { [ -n "$victim" ] && record "$cleared" | grep -q "^fenced $victim " && blocklist | grep -qxF "$victim"; }
# Ceph has forgotten the fence, as it does after an hour. gw1 beats again, and cannot read the
# record yet. It has a lease for longer than its quarantine lasts, and may not refuse by its old
# state. TCP waits twice as long before each try, so gw1's first heartbeat may come as late after
# the cut as the cut has lasted.
never_refuses() {
	local end=$((SECONDS + $(t_limit 90) + SECONDS - cut_since)) leased=0
	# shellcheck disable=SC2034 # of faults.sh
	SERVED=("$cleared")
	header_ports && gw_filter gw1 output "oifname eth0 tcp dport { $(cat "$work/ports") }" &&
		lab ceph osd blocklist rm "$victim" && sleep 2 && lab heal gw1 ceph || return 1
	while [ $leased -lt 8 ] && [ $SECONDS -lt $end ]; do
		pr_of "$cleared" <<<'other@1 read 0' && cat "$work/pr" >>"$work/answers" || return 1
		! has_lease "$cleared" || leased=$((leased + 1))
		sleep 0.5
	done
	gw_unfilter gw1
	cat "$work/answers"
	echo "a lease $leased times"
	[ $leased = 8 ] && ! grep -q conflict "$work/answers"
}
t_atexit 'gw_unfilter gw1'
cleared='' header=''
header_elsewhere || t_bail 'all images have their headers where the group object is'
t 'another image, with a session of its own' serve "$cleared" "pool=rbd,image=$cleared,mount_timeout=62"
t 'it is reserved' exclusive "$cleared"
victim=$(record "$cleared" | awk '$1 == "gateway" && $5 == "gw1" { print $3 }')
cut_since=$SECONDS
t 'gw1 is cut from the cluster' lab cut gw1 ceph
t 'its record is removed, and something is registered anew' clear_by_hand
t 'gw1 was there, so it is fenced' is_fenced
t 'gw1 beats again, Ceph has forgotten the fence, and it refuses nothing by what it knew' never_refuses
for name in "$n" "$cleared"; do t "gw1 serves again within $BACK_WITHIN s" back "$name"; done

# The lost machine may have had our monitor, too: libceph itself would notice after half a minute.
monitor_lost() {
	local before
	before=$(lab log gw2 | grep -c 'libceph: mon.* socket closed')
	pr <<<'keeper@2 ignore 0xaaaa = good' && gw_filter gw2 output 'oifname eth0 tcp dport { 3300, 6789 }' &&
		lab pause gw1 || return 1
	pr_client script "$url1" "$url2" <<<'keeper@2 register 0xaaaa 0 = good' >"$work/monitor_lost" 2>&1 &
	# a line more, in less than libceph's own half minute
	# shellcheck disable=SC2016 # expanded later
	t_until 20 eval '[ "$(lab log gw2 | grep -c "libceph: mon.* socket closed")" -gt "$before" ]'
	lab log gw2 | grep -c 'libceph: mon.* socket closed' >"$work/closed"
	gw_unfilter gw2
	wait $!
	lab resume gw1
	grep -q ': good' "$work/monitor_lost" && [ "$(cat "$work/closed")" -gt "$before" ]
}
t_atexit 'gw_unfilter gw2'
t 'a monitor that is lost with a gateway is noticed soon' monitor_lost
note "$(cat "$work/monitor_lost")"
t "gw1 serves again within $BACK_WITHIN s" back "$n"

# gw1 is fenced when it has written a change and waits for gw2, which stands still: the change may
# be in force. gw1 reaches no monitor, so it cannot fence gw2 and go on before.
# shellcheck disable=SC2034 # of faults.sh
SERVED=("$n")
registered() { record "$n" | grep -q '^registration .* 0x0*aaaa '; }
# a change is in the record, and not in force yet
is_written() {
	lab exec -n gw1 -- awk 'NR == 1 { for (i = 1; i < NF; i++) at[$i] = $(i + 1); exit !(at["generation"] > at["settled"]) }' \
		"$GW_CORE/$n/attrib/reservations"
}
has_none() { ! has_lease "$n"; }
half_done() {
	local client
	pr <<<'keeper@1 ignore 0xaaaa = good' && registered && gw_clients gw1 && client=$(head -n 1 "$work/clients") &&
		gw_filter gw1 output 'oifname eth0 tcp dport { 3300, 6789 }' && lab pause gw2 || return 1
	pr_client script "$url1" "$url2" <<<'keeper@1 register 0xaaaa 0' >"$work/half_done" 2>&1 &
	t_until 20 is_written && lab ceph osd blocklist add "$client" && t_until 30 has_none
	gw_unfilter gw1
	wait $!
	lab resume gw2
	! registered && grep -q ': [0-9]' "$work/half_done"
}
t_atexit 'lab resume gw2'
t 'a change that was written when gw1 was fenced does not end with BUSY' half_done
note "$(cat "$work/half_done")"
# gw2 stood still for longer than gw1 waits, and is fenced as well
both_serve() {
	local i
	for ((i = 0; i < BACK_WITHIN; i++)); do
		pr <<<$'reader@1 read 100 = good 0x00\nreader@2 read 100 = good 0x00' >/dev/null && return
		sleep 1
	done
	return 1
}
t 'both gateways serve again' both_serve
t "gw1 serves again within $BACK_WITHIN s" back "$n"

killed() {
	begin "$work/killed" "$n" preempt && lab kill gw1 || return 1
	step "$work/killed" preempt 'good after' && finish "$work/killed"
}
t 'nothing comes out of a dead gateway' killed
said killed
t "good within $GOOD_WITHIN s" took "$work/killed" "$GOOD_WITHIN"
t 'gw1 boots' lab start gw1
configured() { gw_serve gw1 "$n" "pool=rbd,image=$n"; }
t 'and is configured' configured
t 'and serves' back "$n"
t 'the gateways go on together' rounds
