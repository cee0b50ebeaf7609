#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# An operator sees what a gateway does: its counters count exactly the commands that came through
# it, its histograms have each of them once, and tracepoints show a command as it was sent.
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/reserve.sh

t 'somebody who asks' t_build scsi ask
t 'initiators with reservations' pr_client_build

n=$TEST-disk
url1=$(gw_url gw1 "$n") url2=$(gw_url gw2 "$n")
img_create "$n" --size 16M
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
files=/sys/kernel/debug/target_core_rbd/rbd_0.$n
reading() { lab exec -n "$1" -- cat "$files/$2"; } # GW FILE

# what_changed GW CMD...: run CMD, and print the counters of GW that differ afterwards, and by how
# much
what_changed() {
	local gw=$1
	shift
	reading "$gw" counters >"$work/before" || return 1
	"$@" >"$work/said" 2>&1 || { cat "$work/said"; return 1; }
	reading "$gw" counters | awk 'NR == FNR { before[$1] = $2; next }
		$2 != before[$1] { print $1, $2 - before[$1] }' "$work/before" - | sort >"$work/changed"
}

ask() { lab run -- timeout "$(t_limit 120)" "$work/ask" "$1" "asker-$BASHPID"; } # URL
commands() {
	ask "$url1" <<-'EOF'
		2a000000000000000800 out 4096 0:5a
		2a000000000800000800 out 4096 0:a5
		28000000000000000800 in 4096
		42000000000000001800 out 24 0:00160010 8:0000000000000000 16:00000010
		93000000000000000000000000200000 out 512
		89000000000000000000000000010000 out 1024 512:77
		89000000000000000000000000010000 out 1024
		2f000000000000000800
		35000000000000000000
		5e000000000000000800 in 8
		1a003f004000 in 64
		2800ffffffff00000800 in 4096
	EOF
}
wanted='check_illegal_request 1
check_miscompare 1
compare_and_writes 2
flushes 1
good 9
left_to_lio 1
miscompares 1
other_commands 1
read_bytes 4096
reads 2
reservations_in 1
unmap_bytes 8192
unmaps 1
verifies 1
write_bytes 8192
write_same_bytes 16384
write_sames 1
writes 2'
t 'twelve commands through one gateway' undisturbed what_changed gw1 commands
note "$(cut -c1-60 "$work/said")"
t_is 'each is in the counters, once' "$(cat "$work/changed")" "$wanted"
# its own commands are none, and so are those of the other gateway
t 'the same again' undisturbed what_changed gw2 commands
t_is 'the other gateway counts none of them' "$(cat "$work/changed")" ''

conflict() {
	pr <<-'EOF'
		keeper@1 register 0 0xaa = good
		keeper@1 reserve 0xaa 1 = good
		other@1 write 0 1 = conflict
		keeper@1 clear 0xaa = good
	EOF
}
t 'a write that conflicts with a reservation' undisturbed what_changed gw1 conflict
t_is 'counts as such' "$(grep -x 'conflicts 1' "$work/changed")" 'conflicts 1'
t_is 'and the reservation commands as theirs' "$(awk '$1 == "reservations_out" { print $2 }' "$work/changed")" 3

# The histograms have what the counters have. Nothing runs meanwhile.
reading gw1 latency >"$work/latency"
reading gw1 counters >"$work/counters"
histogram() { awk -v class="$1" '$1 == class && $2 != "sum" { n += $3 } END { print n + 0 }' "$work/latency"; }
counted() { awk -v names=" $* " 'index(names, " " $1 " ") { n += $2 } END { print n + 0 }' "$work/counters"; }
t_is 'the histogram of reads has all reads' "$(histogram read)" "$(counted reads)"
t_is 'that of writes all writes' "$(histogram write)" "$(counted writes)"
t_is 'that of UNMAP all of them' "$(histogram unmap)" "$(counted unmaps)"
t_is 'that of COMPARE AND WRITE as well' "$(histogram compare_and_write)" "$(counted compare_and_writes)"
others='write_sames verifies flushes reservations_in reservations_out other_commands'
# shellcheck disable=SC2086 # several names
t_is 'and the last one the rest, but for what LIO answers' "$(histogram other)" \
	$(($(counted $others) - $(counted left_to_lio)))
# shellcheck disable=SC2086 # several names
t_is 'each command has one answer' \
	"$(counted good busy conflicts check_not_ready check_medium_error check_hardware_error check_illegal_request \
		check_unit_attention check_data_protect check_aborted check_miscompare check_other task_aborted left_to_lio)" \
	"$(counted reads writes unmaps compare_and_writes $others)"
t_is 'a histogram has 21 buckets' "$(grep -c '^read [0-9+]' "$work/latency")" 21
took_time() { awk '$1 == "read" && $2 == "sum" && $3 > 0 { found = 1 } END { exit !found }' "$work/latency"; }
t 'reads took some time' took_time

session_is_told() {
	reading gw1 session >"$work/session" && cat "$work/session" &&
		awk '{ seen[$1] = NF == 2 && $2 ~ /^[0-9]+$/ } $1 == "heartbeats" { beats = $2 }
		END { exit !(beats > 0 && seen["recoveries"] && seen["fences_of_us"] && seen["leases_lost"] && seen["stalls"]) }' "$work/session"
}
t 'the session tells of its heartbeats, and of what went wrong' session_is_told
beats() { reading gw1 session | awk '$1 == "heartbeats" { print $2 }'; }
before=$(beats)
more_beats() { [ "$(beats)" -gt "$before" ]; }
t 'heartbeats go on' t_until 20 more_beats

# a command as tracefs shows it
t_atexit "lab exec gw1 -- bash -c 'echo 0 >/sys/kernel/tracing/events/target_core_rbd/enable'"
trace_begin() {
	gw_sh gw1 <<-'SCRIPT'
		mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing || exit 1
		cd /sys/kernel/tracing && echo >trace && echo 1 >events/target_core_rbd/enable && echo 1 >tracing_on
	SCRIPT
}
t 'tracepoints can be switched on' trace_begin
t 'a READ of 8 blocks at LBA 4660' ask "$url1" <<<'28000000123400000800 in 4096'
lab exec -n gw1 -- cat /sys/kernel/tracing/trace >"$work/trace"
t_like 'its beginning is there' "$(grep trbd_command_begin "$work/trace")" \
	"device=$n opcode=0x28 lba=4660 bytes=4096"
t_like 'and its end, with the answer' "$(grep trbd_command_end "$work/trace")" \
	"device=$n opcode=0x28 lba=4660 bytes=4096 status=0x00 sense_key=0x0 us=[1-9]"
blocked() {
	gw_sh gw1 "$GW_CORE/$n/attrib/drain" <<-'SCRIPT'
		echo 1 >"$1" && echo 0 >"$1"
	SCRIPT
}
t 'an operator takes the gateway out of service, and back' blocked
lab exec -n gw1 -- cat /sys/kernel/tracing/trace >"$work/trace"
t_is 'that is traced' "$(grep -oE "trbd_(un)?blocked: image=[^ ]*$n reason=standby" "$work/trace" | cut -d: -f1 | tr '\n' ' ')" \
	'trbd_blocked trbd_unblocked '

t 'removed' unserve "$n"
