#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Once a PREEMPT through one gateway has ended with GOOD, no write of the preempted nexus through
# another gateway lands any more: not while all is well, and not when that gateway is cut from the
# cluster, long since forgotten by it or standing still. Such a gateway is fenced, and comes back by
# itself. A gateway that is only busy is not fenced.
#
#   PREEMPT_ROUNDS   rounds in which all is well (6: each way once)
#   PREEMPT_WAIT     for how many seconds an OSD stands still (12)
# shellcheck disable=SC2317 # steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/reserve.sh
. ../lib/placement.sh
. ../lib/preempt_round.sh

ROUNDS=${PREEMPT_ROUNDS:-6}
WAIT=${PREEMPT_WAIT:-12}
t_atexit 'lab heal gw1 ceph'
t_atexit 'lab resume gw1'
t 'the initiators' pr_client_build
t 'the group is with two of the three OSDs' group_together

n=$TEST-disk
long=$TEST-long
url1=$(gw_url gw1 "$n") url2=$(gw_url gw2 "$n")
run() { "$@" >"$work/out" 2>&1 || { cat "$work/out"; return 1; }; }

img_create "$n" --size 64M
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
# a session of its own, so that faults of the other image's session do not touch it
img_create "$long" --size 64M
t 'another image, too' serve "$long" "pool=rbd,image=$long,mount_timeout=61"

LIMIT=$((60 + 10 * ROUNDS)) t "$ROUNDS rounds: after GOOD nothing changes" run pr_client preempt "$url1" "$url2" "$ROUNDS"
note "$(grep good "$work/out")"
GOOD_WITHIN=$(good_within "$work/out")
t 'two hosts preempt each other' run pr_client duel "$url1" "$url2" 4
note "$(cat "$work/out")"
t_is 'nobody was fenced' "$(record "$n" | grep -c '^fenced')$(record "$long" | grep -c '^fenced')" 00

reset() {
	pr <<-'EOF'
		spc2@1 reserve6 = good
		other@2 tur = conflict
		other@2 reset = good
		spc2@1 tur = 6 29/*
		spc2@1 tur = good
		other@2 tur
		other@2 write 1000 0x21 = good
		spc2@1 write 1000 0x22 = good
	EOF
}
t 'LOGICAL UNIT RESET through gw2 ends a RESERVE made through gw1, which is told' reset

# A victim's writes wait for an OSD that stands still. The preempt has to wait for them, and no
# gateway is to blame: that OSD has neither the image's header nor an object of the group, so the
# gateways hear of each other.
slow_osd() {
	local osds
	mapfile -t osds < <(osd_map target_core_rbd.group | jq -r '.acting[]')
	for osd in 0 1 2; do has_osd $osd target_core_rbd.group || break; done
	place "$(header_of "$slow")" "${osds[@]}"
}
osd_signal() { kill "-$1" "$(cat "$(dirname "$(lab share)")/ceph/run/osd.$osd.pid")"; }
osd_wakes() {
	osd_signal CONT
	lab ceph osd unset nodown
}
slow_writes() {
	begin "$work/slow" "$slow" preempt && lab ceph osd set nodown && osd_signal STOP || return 1
	sleep 2
	echo preempt 1<>"$work/slow/in"
	sleep "$WAIT"
	cat "$work/slow/out"
	! grep 'good after' "$work/slow/out"
}
slow_lands() { osd_wakes && has_said "$work/slow" 'good after' "$(t_limit 60)" && sleep 2 && finish "$work/slow"; }
slow=$TEST-slow osd=''
img_create "$slow" --size 64M
slow_osd || t_bail 'the header of an image is not where the group object is'
t_atexit osd_wakes
t 'an image whose header is not on one OSD' serve "$slow" "pool=rbd,image=$slow"
before=$(blocklist)
t 'that OSD stands still, and a PREEMPT waits for the writes that wait for it' slow_writes
t_is 'nobody is fenced' "$(fenced_since "$before")" ''
t 'then they land, then it is good, and nothing changes' slow_lands
said slow

# RESERVATION CONFLICT is final for an initiator; BUSY is not
gone() {
	pr_of "$slow" <<-'EOF'
		keeper@2 clear 0xaa = good
		other@1 read 0 = busy
		other@2 read 0 = good*
	EOF
}
t 'the third image is reserved' exclusive "$slow"

# one cut for all: for one image the preempt comes at once, for another when gw1 is long forgotten
cut_off() {
	begin "$work/cut" "$n" preempt && begin "$work/long" "$long" abort && lab cut gw1 ceph || return 1
	step "$work/cut" preempt 'good after'
}
forgotten() {
	t_until 90 is_forgotten && step "$work/long" preempt 'good after'
}
long_header=$(header_of "$long")
is_forgotten() { ! lab run -- rados -p rbd listwatchers "$long_header" | grep -q 'watcher=10\.77\.0\.11:'; }
t 'gw1 is cut from the cluster, and a victim preempted' cut_off
t 'gw1 does not refuse by a reservation that is no more' gone
t 'when gw1 is forgotten, a victim of another image is preempted' forgotten
said cut
said long
t "good within $GOOD_WITHIN s for the one whose gateway was cut just then" took "$work/cut" "$GOOD_WITHIN"
t 'and for the one whose gateway was forgotten' took "$work/long" "$GOOD_WITHIN"
# it has a lease again, and writes that had to come out are out
healed() { lab heal gw1 ceph && t_until 90 has_lease "$n" && sleep 3 && finish "$work/cut" && finish "$work/long"; }
t 'gw1 reaches the cluster again, and nothing old comes out' healed
said cut
said long
t "gw1 serves again within $BACK_WITHIN s" back "$n"
note "$(cat "$work/took")"
t 'the other image, too' back "$long"
t 'and the third' back "$slow"

paused() {
	begin "$work/paused" "$n" abort && lab pause gw1 || return 1
	step "$work/paused" preempt 'good after' || { lab resume gw1; return 1; }
	lab resume gw1
	t_until 90 has_lease "$n" && sleep 3
	finish "$work/paused"
}
t 'nothing comes out of a gateway that stood still' paused
said paused
t "good within $GOOD_WITHIN s" took "$work/paused" "$GOOD_WITHIN"
t "gw1 serves again within $BACK_WITHIN s" back "$n"
note "$(cat "$work/took")"

t 'the gateways go on together' run pr_client preempt "$url1" "$url2" 2
