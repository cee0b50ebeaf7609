#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Once a PREEMPT through one gateway has ended with GOOD, no write of the preempted nexus through
# another gateway lands any more: not while all is well, and not when that gateway is cut from the
# cluster, long since forgotten by it, standing still or dead. Such a gateway is fenced, and comes
# back by itself. A gateway that is only busy is not fenced.
#
#   PREEMPT_ROUNDS   rounds in which all is well (6: each way once)
#   PREEMPT_WAIT     for how many seconds an OSD stands still (12)
# shellcheck disable=SC2317 # steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/reserve.sh
. ../lib/faults.sh
. ../lib/placement.sh

ROUNDS=${PREEMPT_ROUNDS:-6}
WAIT=${PREEMPT_WAIT:-12}
BACK_WITHIN=$(t_limit 60)	# seconds, until that gateway serves again
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
# Seconds, for a PREEMPT when the victim's gateway does not answer. The gateways need three of them.
# The rest is for the machine, which needs as long for five PREEMPTs when all answer.
slowest=$(sed -n 's/.* good after \([0-9]*\) ms.*/\1/p' "$work/out" | sort -n | tail -n 1)
GOOD_WITHIN=$(((5000 + 5 * ${slowest:-1000} + 999) / 1000))
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

# A round in steps, each of which begins with the next line: begin DIR NAME ACTION, step DIR LINE
# REGEX. Rounds overlap and wait for each other, so the program gets as long as a whole test.
begin() {
	mkdir "$1" && mkfifo "$1/in" && : >"$1/out" || return 1
	LIMIT=3600 pr_client preempt "$(gw_url gw1 "$2")" "$(gw_url gw2 "$2")" "$3" <>"$1/in" >"$1/out" 2>&1 &
	echo $! >"$1/pid"
	has_said "$1" '^writing' "$(t_limit 60)"
}
# has_said DIR REGEX SECONDS
has_said() {
	local i
	for ((i = 0; i < 10 * $3; i++)); do
		grep -qE "$2" "$1/out" && return
		kill -0 "$(cat "$1/pid")" 2>/dev/null || break
		sleep 0.1
	done
	# the program's last line
	grep -qE "$2" "$1/out" && return
	echo "no '$2':"
	cat "$1/out"
	return 1
}
step() {
	# open it for reading as well, or it would wait for a reader
	echo "$2" 1<>"$1/in"
	has_said "$1" "$3" "$(t_limit 90)"
}
# took DIR SECONDS: the preempt was good in that time
took() {
	local ms
	ms=$(sed -n 's/.* good after \([0-9]*\) ms.*/\1/p' "$1/out")
	echo "PREEMPT took $ms ms"
	[ -n "$ms" ] && [ "$ms" -le $(($2 * 1000)) ]
}
finish() { step "$1" again '^unchanged' && step "$1" end '^done'; }
# in a round that fails half way the program would wait for ever
rounds_end() {
	local pid
	for pid in "$work"/*/pid; do t_kill "$(cat "$pid")"; done
}
t_atexit rounds_end

# back NAME: a new session reads through gw1; print how long that took
back() {
	local began=$SECONDS
	while [ $((SECONDS - began)) -lt "$BACK_WITHIN" ]; do
		if lab run -- timeout "$(t_limit 10)" "$work/pr_client" script "$(gw_url gw1 "$1")" "$(gw_url gw2 "$1")" \
			<<<'reader@1 read 100 = good 0x00' >"$work/back" 2>&1; then
			echo "$((SECONDS - began)) s" >"$work/took"
			return
		fi
		sleep 1
	done
	cat "$work/back"
	return 1
}
said() { note "$(grep -E 'good after|^victim' "$work/$1/out")"; }

# A victim's writes wait for an OSD that stands still. The preempt has to wait for them, and no
# gateway is to blame: that OSD has neither the image's header nor an object of the group, so the
# gateways hear of each other.
slow_osd() {
	local wanted i
	wanted=$(acting target_core_rbd.group)
	for ((i = 0; i < 30; i++)); do
		slow=$TEST-slow$i
		img_create "$slow" --size 64M
		if [ "$(acting "rbd_header.$(lab rbd info --format json "$slow" | jq -r .id)")" = "$wanted" ]; then
			osd=$(jq -nr "[0, 1, 2] - $wanted | .[0]")
			return
		fi
	done
	return 1
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
slow='' osd=''
slow_osd || t_bail 'no image has its header where the group object is'
t_atexit osd_wakes
t 'an image whose header is not on one OSD' serve "$slow" "pool=rbd,image=$slow"
before=$(blocklist)
t 'that OSD stands still, and a PREEMPT waits for the writes that wait for it' slow_writes
t_is 'nobody is fenced' "$(fenced_since "$before")" ''
t 'then they land, then it is good, and nothing changes' slow_lands
said slow

on_slow() { url1=$(gw_url gw1 "$slow") url2=$(gw_url gw2 "$slow") pr; }
exclusive() {
	on_slow <<-'EOF'
		keeper@2 register 0 0xaa = good
		keeper@2 reserve 0xaa 3 = good
		other@1 read 0 = conflict
	EOF
}
# RESERVATION CONFLICT is final for an initiator; BUSY is not
gone() {
	on_slow <<-'EOF'
		keeper@2 clear 0xaa = good
		other@1 read 0 = busy
		other@2 read 0 = good*
	EOF
}
t 'the third image is reserved' exclusive

# An image with a session of its own. Its header's OSD does not have the group's objects, so that
# gw1 can be cut from the one and not from the others.
header_elsewhere() {
	local group i
	group=$(primary_of target_core_rbd.group)
	for ((i = 0; i < 30; i++)); do
		cleared=$TEST-cleared$i
		img_create "$cleared" --size 16M
		header=rbd_header.$(lab rbd info --format json "$cleared" | jq -r .id)
		[ "$(primary_of "$header")" = "$group" ] || return 0
	done
	return 1
}
on_cleared() { url1=$(gw_url gw1 "$cleared") url2=$(gw_url gw2 "$cleared") pr; }
exclusive_too() {
	on_cleared <<-'EOF'
		keeper@2 register 0 0xaa = good
		keeper@2 reserve 0xaa 3 = good
		other@1 read 0 = conflict
	EOF
}
# gw2 notices within seconds. On a slow machine it may register the key and give no answer in time.
clear_by_hand() {
	local i
	lab rbd image-meta remove "$cleared" $KEY && lab run -- rados -p rbd rmxattr "$header" tcr.lu || return 1
	for ((i = 0; i < 15; i++)); do
		on_cleared <<<$'keeper@2 keys = good\nkeeper@2 register 0 0xcc = good' >/dev/null && return
		on_cleared <<<'keeper@2 keys = good 0xcc' >/dev/null && return
		sleep 1
	done
	cat "$work/pr"
	return 1
}
is_fenced() { [ -n "$victim" ] && record "$cleared" | grep -q "^fenced $victim " && blocklist | grep -qxF "$victim"; }
leases() { lab exec -n gw1 -- awk 'NR == 1 { exit $4 <= 0 }' "$GW_CORE/$cleared/attrib/gateway_group"; }
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
		on_cleared <<<'other@1 read 0' && cat "$work/pr" >>"$work/answers" || return 1
		! leases || leased=$((leased + 1))
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
t 'a fourth image, with a session of its own' serve "$cleared" "pool=rbd,image=$cleared,mount_timeout=62"
t 'it is reserved' exclusive_too
victim=$(record "$cleared" | awk '$1 == "gateway" && $5 == "gw1" { print $3 }')

# one cut for all: for one image the preempt comes at once, for another when gw1 is long forgotten
cut_off() {
	begin "$work/cut" "$n" preempt && begin "$work/long" "$long" abort && lab cut gw1 ceph || return 1
	step "$work/cut" preempt 'good after'
}
forgotten() {
	t_until 90 is_forgotten && step "$work/long" preempt 'good after'
}
long_header=rbd_header.$(lab rbd info --format json "$long" | jq -r .id)
is_forgotten() { ! lab run -- rados -p rbd listwatchers "$long_header" | grep -q 'watcher=10\.77\.0\.11:'; }
cut_since=$SECONDS
t 'gw1 is cut from the cluster, and a victim preempted' cut_off
t 'gw1 does not refuse by a reservation that is no more' gone
t 'the record of the fourth image is removed, and something is registered anew' clear_by_hand
t 'gw1 was there, so it is fenced' is_fenced
t 'when gw1 is forgotten, a victim of another image is preempted' forgotten
said cut
said long
t "good within $GOOD_WITHIN s for the one whose gateway was cut just then" took "$work/cut" "$GOOD_WITHIN"
t 'and for the one whose gateway was forgotten' took "$work/long" "$GOOD_WITHIN"
t 'gw1 beats again, Ceph has forgotten the fence, and it refuses nothing by what it knew' never_refuses
has_lease() { lab exec -n gw1 -- awk 'NR == 1 { exit $4 <= 0 }' "$GW_CORE/$n/attrib/gateway_group"; }
# it has a lease again, and writes that had to come out are out
# shellcheck disable=SC2015 # no else is meant
healed() { gw_unfilter gw1 && lab heal gw1 ceph && t_until 90 has_lease && sleep 3 && finish "$work/cut" && finish "$work/long"; }
t 'gw1 reaches the cluster again, and nothing old comes out' healed
said cut
said long
t "gw1 serves again within $BACK_WITHIN s" back "$n"
note "$(cat "$work/took")"
t 'the other image, too' back "$long"
t 'and the third' back "$slow"
t 'and the fourth' back "$cleared"

paused() {
	begin "$work/paused" "$n" abort && lab pause gw1 || return 1
	step "$work/paused" preempt 'good after' || { lab resume gw1; return 1; }
	lab resume gw1
	t_until 90 has_lease && sleep 3
	finish "$work/paused"
}
t 'nothing comes out of a gateway that stood still' paused
said paused
t "good within $GOOD_WITHIN s" took "$work/paused" "$GOOD_WITHIN"
t "gw1 serves again within $BACK_WITHIN s" back "$n"
note "$(cat "$work/took")"

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
half_done() {
	local client
	pr <<<'keeper@1 ignore 0xaaaa = good' && registered && gw_clients gw1 && client=$(head -n 1 "$work/clients") &&
		gw_filter gw1 output 'oifname eth0 tcp dport { 3300, 6789 }' && lab pause gw2 || return 1
	pr_client script "$url1" "$url2" <<<'keeper@1 register 0xaaaa 0' >"$work/half_done" 2>&1 &
	t_until 20 is_written && lab ceph osd blocklist add "$client" && t_until 30 eval '! has_lease'
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
t 'nor of a dead one' killed
said killed
t "good within $GOOD_WITHIN s" took "$work/killed" "$GOOD_WITHIN"
t 'gw1 boots' lab start gw1
configured() { gw_serve gw1 "$n" "pool=rbd,image=$n"; }
t 'and is configured' configured
t 'and serves' back "$n"
t 'the gateways go on together' run pr_client preempt "$url1" "$url2" 2
