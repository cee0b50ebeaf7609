#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A gateway whose way to the OSDs is bad in part: heartbeats go on, and writes hang. Once it has
# given up, hosts write through the other gateway without a delay, and it stays out until a request
# as large as theirs gets through. When all gateways have that fault, they serve as well as they
# can.
#
#   GRAY_FAULTS   which faults (mtu): mtu, large packets are lost; osd, one OSD is out of reach;
#                 one_way, its answers are lost
# shellcheck disable=SC2317 # steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh
# shellcheck disable=SC2034 # for faults.sh
SERVED=()
. ../lib/faults.sh

# A write that takes longer than this hangs.
HANGS_S=30

n=$TEST-disk
url1=$(gw_url gw1 "$n") url2=$(gw_url gw2 "$n")
t_build tools initiator
img_create "$n" --size 256M
now_ms() { date +%s%3N; }

# The OSD is the one that has the block of the write that hangs.
hanging=$((128 * 2048))
osd_ports() {
	local osd
	osd=$(primary_of "rbd_data.$(lab rbd info --format json "$n" | jq -r .id).$(printf %016x $((hanging / 8192)))") &&
		lab ceph osd dump --format json 2>/dev/null | jq -r --argjson osd "$osd" '[.osds[] | select(.osd == $osd) |
			.public_addrs.addrvec[].addr | sub(".*:"; "")] | unique | join(",")'
}
turns_gray() {
	case $fault in
	# large packets, and only on the way to OSDs: monitors have lower ports
	mtu) gw_filter "$1" output 'oifname eth0 tcp dport >= 6800 ip length > 1400' ;;
	osd) gw_filter "$1" output "oifname eth0 tcp dport { $(osd_ports) }" ;;
	one_way) gw_filter "$1" input "iifname eth0 tcp sport { $(osd_ports) }" ;;
	esac
}
t_atexit 'gw_unfilter gw1; gw_unfilter gw2'

# gives_up GW: an initiator aborts a write that hangs in it
gives_up() {
	local before
	before=$(given_up "$1")
	lab run -- timeout "$(t_limit 90)" "$work/initiator" "$(gw_url "$1" "$n")" aborter abort $hanging 128
	[ "$(given_up "$1")" -gt "$before" ]
}
given_up() { lab log "$1" | grep -c 'gave up waiting'; }
# says WORDS: gw1 has logged them once more than when the fault began
said() { lab log gw1 | grep -c "$1"; }
says() { [ "$(said "$1")" -gt "${before[$1]}" ]; }

# Do as a host with two paths does: try gw1 first. The places are of several objects, and so OSDs.
# Note how long it took, and through which gateway it hung.
written() {
	local gw start tried
	start=$(now_ms)
	for gw in gw1 gw2 ''; do
		[ -n "$gw" ] || return 1
		tried=$(now_ms)
		! IO_LIMIT=$HANGS_S io "$(gw_url "$gw" "$n")" "write -P 0x$1 $((4 * $1))M 64k" >/dev/null || break
		[ $(($(now_ms) - tried)) -lt "$(t_limit ${HANGS_S}000)" ] || echo "$gw" >>"$work/hung"
	done
	echo $(($(now_ms) - start)) >>"$work/took"
}
longest() { sort -n "$work/took" | tail -n 1; }
all_written() {
	local i
	for i in {10..25}; do written "$i" || return 1; done
}
serves() { io "$1" 'write -P 0x5e 0 64k' >/dev/null; }
reads() { IO_LIMIT=20 io "$url1" 'read 0 4k' >/dev/null || IO_LIMIT=20 io "$url2" 'read 0 4k' >/dev/null; }

declare -A before look=([mtu]='look at the MTU' [osd]='look at this OSD and at the link' [one_way]='look at this OSD and at the link')
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
t 'gw1 writes' serves "$url1"
t 'gw2 writes' serves "$url2"

for fault in ${GRAY_FAULTS:-mtu}; do
	rm -f "$work/took" "$work/hung"
	out='stays out until the OSDs' reason=${look[$fault]}
	before=(["$out"]=$(said "$out") ["$reason"]=$(said "$reason"))
	t "$fault: gw1's way to the OSDs is bad" turns_gray gw1
	t "$fault: a write hangs, and gw1 gives up" gives_up gw1
	t "$fault: all writes after that are done" all_written
	note "$fault: the longest took $(longest) ms"
	t_is "$fault: none of them hung" "$(cat "$work/hung" 2>/dev/null)" ''
	t "$fault: gw1 says that it stays out" t_until 60 says "$out"
	# A slow machine may not get a small request through in time either. The next try tells.
	t "$fault: and at what to look" t_until 240 says "$reason"
	t_fails "$fault: gw1 stays out" serves "$url1"
	t "$fault: its way is well again" gw_unfilter gw1
	# it may have been out for as long as it waits now
	t "$fault: gw1 serves again, by itself" t_until 300 serves "$url1"
done

fault=mtu
t 'gw1 loses large packets' turns_gray gw1
t 'gw2 as well' turns_gray gw2
t 'gw1 gives up' gives_up gw1
t 'gw2 gives up' gives_up gw2
# large packets still come from the OSDs
t 'one of them serves what it can' t_until 60 reads
gw_unfilter gw1
gw_unfilter gw2
t 'gw1 serves again' t_until 300 serves "$url1"
t 'gw2 serves again' t_until 300 serves "$url2"
