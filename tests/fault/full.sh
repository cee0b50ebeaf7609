#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A pool whose quota is used up, and a cluster that is full: a write that needs room gets SPACE
# ALLOCATION FAILED at once, and everything else goes on through both gateways: reads, overwrites,
# UNMAP, reservations, logins. Nobody takes a new identity, and when there is room again, everything
# works by itself.
#
#   FULL_SECONDS   for how long each of the two lasts (12)
# shellcheck disable=SC2317,SC2034 # steps are called by name; SERVED is for faults.sh
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/reserve.sh
. ../lib/faults.sh

SECONDS_FULL=${FULL_SECONDS:-12}
t_atexit heal_all
t 'the initiators' pr_client_build
t_build tools initiator

n=$TEST-disk
SERVED=("$n")
url1=$(gw_url gw1 "$n") url2=$(gw_url gw2 "$n")
img_create "$n" --size 128M
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"

# objects of 4 MiB are 8192 blocks long; those of the first blocks are there, those from LBA 65536
# on are not. Each kind of command has its own of these, since they are written when there is room
# again.
before() {
	pr <<-'EOF'
		host@1 write 0 0x10 = good
		host@2 write 8192 0x10 = good
		host@2 write 16384 0x10 = good
	EOF
	# more than the quota
	io "$url1" 'write -P 0x10 1M 1M'
}
# refused LBA: a command that needs a new object does not get it, through either gateway
refused() {
	pr <<-EOF
		host@1 write $1 0x66 = 7 27/07
		host@2 write $(($1 + 8192)) 0x66 = 7 27/07
	EOF
}
goes_on() {
	pr <<-EOF
		host@1 write 0 $1 = good
		host@2 read 0 = good $1
		host@2 write 8192 $1 = good
		host@1 read 8192 = good $1
		host@1 read 245760 = good 0x00
		host@2 read 253952 = good 0x00
	EOF
}
reserves() {
	pr <<-'EOF'
		keeper@1 register 0 0xaa = good
		other@2 register 0 0xbb = good
		other@2 reserve 0xbb 1 = good
		keeper@1 write 0 0x11 = conflict
		keeper@1 preempt 0xaa 0xbb 1 = good
		other@2 tur = 6 2a/05
		other@2 write 0 0x11 = conflict
		keeper@1 clear 0xaa = good
	EOF
}
unmaps() { lab run -- timeout "$(t_limit 30)" "$work/initiator" "$url1" unmapper unmap 16384 8; }
compares() { lab run -- timeout "$(t_limit 30)" "$work/initiator" "$url2" comparer caw 8192 "$1" "$2"; }
# ask the gateways: rbd itself would wait for room
on_gateways() {
	local gw
	for gw in gw1 gw2; do lab exec -n $gw -- sed -n "$1" "$GW_CORE/$n/attrib/$2"; done
}
identities() { on_gateways 's/^id \([0-9]*\) .*/\1/p' reservations; }
# for another reason than that the host of an emulated gateway took its processors away
out_of_touch() {
	local gw counts
	mapfile -t counts < <(on_gateways 's/.*out_of_touch //p' gateway_group)
	for gw in 1 2; do echo $((counts[gw - 1] - $(gw_stalls gw$gw))); done
}
# as long as it lasts, reads and overwrites with a login each
lasts() {
	local end=$((SECONDS + SECONDS_FULL)) byte=32
	while [ $SECONDS -lt $end ]; do
		byte=$((byte % 200 + 1))
		goes_on "$(printf 0x%02x $byte)" || return 1
		rounds=$((rounds + 1))
	done
	echo $rounds >"$work/rounds"
}
room() {
	pr <<-EOF
		host@1 write $1 0x77 = good
		host@2 write $(($1 + 8192)) 0x77 = good
		host@2 read $1 = good 0x77
		host@1 read $(($1 + 8192)) = good 0x77
	EOF
}

# A gateway is to serve another image while there is no room: it says so, and does not wait for
# room.
m=$TEST-more
img_create "$m" --size 8M
ended() { ! kill -0 "$1" 2>/dev/null; }
enable_more() {
	gw_enable gw2 "$m" "pool=rbd,image=$m" >"$work/more" 2>&1 &
	t_until 30 ended $! && cat "$work/more"
}
why_not() { lab log --since-mark gw2 | grep -c 'the pool is full; the image cannot be watched'; }

lba=65536
for kind in pool_full cluster_full; do
	rounds=0
	t "$kind: there is something" before
	identities=$(identities) touch=$(out_of_touch)
	t "$kind: begins" ${kind}_begin -
	LIMIT=20 t "$kind: a write that needs room gets SPACE ALLOCATION FAILED" refused $lba
	LIMIT=20 t "$kind: reads and overwrites go on" goes_on 0x21
	LIMIT=30 t "$kind: reservations change" reserves
	t "$kind: COMPARE AND WRITE of what is there" compares 0x21 0x22
	t "$kind: UNMAP" unmaps
	LIMIT=30 t "$kind: all that for $SECONDS_FULL s, with logins" lasts
	note "$kind: $(cat "$work/rounds" 2>/dev/null) rounds"
	LIMIT=20 t "$kind: and writes that need room still get that answer" refused $lba
	explained=$(why_not)
	t_like "$kind: another image cannot be enabled" "$(enable_more)" 'error'
	t_is "$kind: and the log says why" "$(($(why_not) - explained))" 1
	gw_disable gw2 "$m"
	t_is "$kind: no gateway has another identity" "$(identities)" "$identities"
	t_is "$kind: none was out of touch" "$(out_of_touch)" "$touch"
	t "$kind: ends" ${kind}_end -
	LIMIT=60 t "$kind: what did not fit is written now" room $lba
	LIMIT=60 t "$kind: and the other image is enabled" gw_enable gw2 "$m" "pool=rbd,image=$m"
	gw_disable gw2 "$m"
	lba=$((lba + 16384))
done
