#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# shellcheck disable=SC2016 # expanded in the gateway
#
# A 4 KiB READ and a 4 KiB WRITE cost what they cost before, and less than through iblock on krbd:
# instructions in the gateway, by part of its kernel; its packets, context switches and allocations;
# and operations of the OSDs. Run it alone on the machine: what a gateway does each second is
# subtracted, and beside other labs there is so much of it for each command that the rest is not
# exact.
#
# Counting the command, for the module's counters and histograms, takes at most one percent of all
# that. So does each of the two tracepoints that a command passes, while it is on.
#
# One gateway more is started for it, under a plug-in of QEMU's that counts.
#
#   COUNT=600        how many commands of each kind
. ../lib/ktap.sh
case ${KERNEL-} in
6.12*) ;;
*) t_skip_all 'its bounds are those of the stock kernel 6.12' ;;
esac
. ../lib/gateway.sh

COUNT=${COUNT:-600}
# instructions of the module itself for each command: 3070 to 3410 and 4280 to 5400 were counted
READ_OURS=3600
WRITE_OURS=5600
# those of the whole gateway, in percent of those through iblock on krbd: 94 to 96, and 96 to 101
READ_SHARE=103
WRITE_SHARE=105
# tenths of packets to the cluster: the request, and TCP's acknowledgment of the answer
PACKETS=25

gw=gw9
GW_GATEWAYS=$gw
n=$TEST-disk
counts=$(mktemp -p /dev/shm)
t_atexit "rm -f '$counts'"
t 'the counter' t_build tools count_instructions
t_atexit_late "lab kill $gw"
t 'a gateway whose instructions are counted' lab start --plugin "$work/count_instructions,counts=$counts" $gw

img_create "$n" --size 16M
img_create "$n-peer" --size 16M
for name in "$n" "$n-peer"; do
	t "$name, written" lab rbd bench --io-type write --io-size 4M --io-total 16M "$name"
done
t 'ours' gw_serve $gw "$n" "pool=rbd,image=$n"
t 'iblock on krbd' krbd_serve $gw "$n-peer"
lab exec -n $gw -- cat /proc/kallsyms >"$work/symbols"

read_counts() { ./instructions.py read "$counts" >"$work/$1"; }
now() { date +%s%3N; }

# load UNIT KIND: COUNT commands, one at a time
load() {
	local words=()
	[ "$2" = reads ] || words=(-w)
	lab run -- timeout "$(t_limit 300)" qemu-img bench -f raw -t none -c "$COUNT" -d 1 -s 4k -S 148k "${words[@]}" "$(gw_url $gw "$1")"
}

# while_loaded READING UNIT KIND: take a reading before and after the load, and a third one when as
# much time has passed again, in $work/{before,after,idle}; print which share of what the idle time
# added must be subtracted
while_loaded() {
	local reading=$1 start middle end
	shift
	load "$@" >/dev/null 2>&1 || return 1		# libceph connects, caches are warm
	$reading before && start=$(now)
	load "$@" >/dev/null 2>&1 || return 1
	middle=$(now) && $reading after
	sleep $(((middle - start) / 1000 + 1))
	end=$(now) && $reading idle
	echo "$(((middle - start) * 1000 / (end - middle)))e-3"
}

# instructions UNIT KIND: print those of each command, by part
instructions() {
	local share
	share=$(while_loaded read_counts "$@") || return 1
	./instructions.py table "$work/symbols" "$COUNT" "$work/before" "$work/after" "$work/after" "$work/idle" "$share"
}

# packets that the gateway has sent to the cluster, and its context switches and allocations
read_events() {
	{
		echo packets "$(lab run -- ip -s -j link show "$gw-ceph" | jq '.[0].stats64.rx.packets')"
		lab exec -n $gw -- sh -c 'awk "/^ctxt/ { print \"switches\", \$2 }" /proc/stat
			cat /sys/kernel/tracing/events/kmem/*alloc/hist | awk "/Hits:/ { n += \$2 } END { print \"allocations\", n }"'
	} >"$work/$1"
}

# events UNIT KIND: print tenths of those of each command
events() {
	local share
	share=$(while_loaded read_events "$@") || return 1
	paste -d ' ' "$work/before" "$work/after" "$work/idle" | awk -v share="$share" -v count="$COUNT" \
		'{ printf "%s %.0f\n", $1, 10 * ($4 - $2 - share * ($6 - $4)) / count }'
}

part() { awk -v part="$2" '$1 == part { print $2 }' "$work/$1"; } # TABLE PART
of_module() { echo $(($(part "$1" ours) + $(part "$1" counters))); } # TABLE

tables() {
	note "$2 for each 4 KiB command:"
	join -a 1 -a 2 -e 0 -o 0,1.2,2.2 <(sort "$work/ours-$1") <(sort "$work/peer-$1") | sort -k 2 -n -r |
		awk -v kind="$1" 'BEGIN { printf "%-18s %10s %10s\n", kind, "ours", "iblock" }
			{ printf "%-18s %10d %10d\n", $1, $2, $3 }' | sed 's/^/# /'
}

# at_most WHAT FIGURE LIMIT
at_most() {
	if [ -n "$2" ] && [ "$2" -gt 0 ] && [ "$2" -le "$3" ]; then
		t_ok "$1: at most $3"
	else
		t_not_ok "$1: at most $3" "got $2"
	fi
}

for kind in reads writes; do
	instructions "$n" $kind >"$work/ours-$kind" && instructions "$n-peer" $kind >"$work/peer-$kind"
	tables $kind 'instructions of the gateway'
done
at_most 'instructions of ours, 4 KiB READ' "$(of_module ours-reads)" $READ_OURS
at_most 'instructions of ours, 4 KiB WRITE' "$(of_module ours-writes)" $WRITE_OURS
for kind in reads writes; do
	at_most "those of the counters, $kind, a percent of all" "$(part ours-$kind counters)" $(($(part ours-$kind all) / 100))
done
at_most 'of the whole gateway, percent of iblock on krbd, READ' $((100 * $(part ours-reads all) / $(part peer-reads all))) $READ_SHARE
at_most 'of the whole gateway, percent of iblock on krbd, WRITE' $((100 * $(part ours-writes all) / $(part peer-writes all))) \
	$WRITE_SHARE

for kind in reads writes; do
	ops=$(osd_ops_while load "$n" $kind)
	# a heartbeat more or less
	if [ $((ops - COUNT)) -ge -8 ] && [ $((ops - COUNT)) -le 8 ]; then
		t_ok "$COUNT $kind: one operation of an OSD each"
	else
		t_not_ok "$COUNT $kind: one operation of an OSD each" "$ops"
	fi
done

# traced 0|1: turn the tracepoints of the module off or on
traced() {
	gw_sh $gw "$1" <<-'SCRIPT'
		mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing || exit
		echo "$1" >/sys/kernel/tracing/events/target_core_rbd/enable
	SCRIPT
}
t 'tracepoints on' traced 1
for kind in reads writes; do
	instructions "$n" $kind >"$work/traced-$kind"
	more=$(($(part traced-$kind tracing) - $(part ours-$kind tracing)))
	note "$kind: tracepoints that are on take $more instructions"
	at_most "those of a tracepoint that is on, $kind, a percent of all" $((more / 2)) $(($(part ours-$kind all) / 100))
done
t 'and off' traced 0

count_allocations() {
	gw_sh $gw <<-'SCRIPT'
		cd /sys/kernel/tracing/events/kmem || exit
		for event in kmalloc kmem_cache_alloc; do echo hist:keys=common_cpu >$event/trigger || exit; done
	SCRIPT
}
t 'its kernel counts allocations' count_allocations
for kind in reads writes; do
	events "$n" $kind >"$work/ours-$kind" && events "$n-peer" $kind >"$work/peer-$kind"
	tables $kind 'tenths of events'
	at_most "$kind: tenths of packets to the cluster" "$(part ours-$kind packets)" $PACKETS
	at_most "$kind: tenths of context switches, those of iblock on krbd and one" "$(part ours-$kind switches)" \
		$(($(part peer-$kind switches) + 10))
	at_most "$kind: tenths of allocations, those of iblock on krbd and one" "$(part ours-$kind allocations)" \
		$(($(part peer-$kind allocations) + 10))
done
