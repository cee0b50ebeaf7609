#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# An initiator gets an answer to any command, and the unit goes on: every opcode with every service
# action, good commands with a fault in them, data of any length in any direction, from many nexuses
# through both gateways (cdb_fuzz.c). Afterwards the unit serves. Reservations are as they should be
# and can be cleared away. Both gateways say the same, nothing is left in flight, another image was
# not touched, and the module can go. (A complaint of a kernel fails every test; see ../run-one.)
#
#   FUZZ_COMMANDS   how many commands (6,000)
#   FUZZ_NEXUSES    from how many nexuses (8)
#   SEED            makes the same commands again (a random one)
# shellcheck disable=SC2317 # steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/reserve.sh

COMMANDS=${FUZZ_COMMANDS:-6000}
NEXUSES=${FUZZ_NEXUSES:-8}
SEED=${SEED:-$RANDOM}
MIB=64

t 'the fuzzer builds' t_build scsi cdb_fuzz
t 'the initiators' pr_client_build
t "the record's reader" t_build unit record_text

n=$TEST-disk beside=$TEST-beside
url1=$(gw_url gw1 "$n") url2=$(gw_url gw2 "$n")
img_create "$n" --size ${MIB}M
img_create "$beside" --size 16M
t 'an image is served' serve "$n" "pool=rbd,image=$n"
t 'and one beside it' serve "$beside" "pool=rbd,image=$beside"
t 'that has something to lose' io "$(gw_url gw1 "$beside")" 'write -P 0x11 0 4M' 'write -P 0x22 4M 8M' \
	'write -P 0x33 13M 1M'
sum=$(image_sum "$beside")

# the other image is in use meanwhile
reads_beside() {
	while [ -e "$work/fuzzing" ]; do
		io "$(gw_url gw1 "$beside")" 'read -P 0x11 0 4M' && io "$(gw_url gw2 "$beside")" 'read -P 0x22 4M 8M' || return 1
		echo >>"$work/rounds"
		sleep 2
	done
}
fuzz() {
	lab run -- timeout "$(t_limit $((COMMANDS / 10 + 600)))" "$work/cdb_fuzz" "$url1" "$url2" "$SEED" "$COMMANDS" "$NEXUSES" \
		$((MIB * 2048)) "$(t_limit 180)" >"$work/fuzz" 2>&1 || { cat "$work/fuzz"; return 1; }
}
note "SEED=$SEED"
touch "$work/fuzzing" "$work/rounds"
reads_beside >"$work/beside" 2>&1 &
began=$SECONDS
t "$COMMANDS commands from $NEXUSES nexuses, each answered as it should be" fuzz
note "$(cat "$work/fuzz")"
note "$COMMANDS commands in $((SECONDS - began)) s"
rm "$work/fuzzing"
wait $!
t_is 'the image beside it was served all the time' "$? $([ -s "$work/rounds" ] && echo served)" '0 served'
note "$(cat "$work/beside")"

# The present reservations, whichever they are.
record_is_sane() {
	record "$n" >"$work/now"
	"$work/record_text" "$work/now" | tee "$work/read" && grep -q ': a record, ' "$work/read"
}
t 'the record can be read' record_is_sane
# a RESERVE of a nexus that fuzzed ends with its session
nobody_reserves() {
	for _ in {1..200}; do
		record "$n" | grep -q '^spc2 ' || return 0
		sleep 0.2
	done
	record "$n"
	return 1
}
t 'no RESERVE outlives its session' nobody_reserves
now=$(status newcomer@1)
t_like 'the full status, through one gateway' "$now" '^good generation [0-9]+'
t_is 'the same through the other' "$(status newcomer@2)" "$now"
note "$(cut -c-300 <<<"$now")"
newcomer() {
	pr <<-'SCRIPT'
		newcomer@1 ignore 0x99 = good
		newcomer@1 clear 0x99 = good
		newcomer@1 keys = good
		newcomer@2 keys = good
		newcomer@1 ignore 0x99 = good
		newcomer@2 ignore 0x98 = good
		newcomer@1 reserve 0x99 3 = good
		newcomer@2 keys = good 0x99 0x98
		other@2 holder = good 0x99 type 3
		other@2 write 0 0x12 = conflict
		newcomer@1 write 0 0x12 = good
		newcomer@2 clear 0x98 = good
		other@1 keys = good
		other@2 write 0 0x13 = good
	SCRIPT
}
t 'one that was never here clears all of it, registers and reserves' newcomer
fresh() {
	io "$url1" 'write -P 0x71 0 4M' 'write -P 0x72 60M 4M' && io "$url2" 'read -P 0x71 0 4M' 'read -P 0x72 60M 4M' \
		'write -P 0x73 1M 2M' && io "$url1" 'read -P 0x73 1M 2M' 'read -P 0x71 0 1M'
}
t 'new writes are read back' fresh
t_is 'the image beside it is what it was' "$(image_sum "$beside")" "$sum"

state() { lab exec -n "$1" -- cat "$GW_CORE/$n/attrib/reservations" | head -n 1 | cut -d' ' -f3-; }
quiet() {
	local one two wanted='^serving generation ([0-9]+) settled ([0-9]+) .*in_flight 0 draining 0$'
	for _ in {1..80}; do
		one=$(state gw1) two=$(state gw2)
		[ "$one" = "$two" ] && [[ $one =~ $wanted ]] && [ "${BASH_REMATCH[1]}" = "${BASH_REMATCH[2]}" ] && return
		sleep 0.5
	done
	echo "gw1: $one; gw2: $two"
	return 1
}
t 'both gateways serve the same generation, with nothing in flight' quiet
t_is 'nobody was fenced' "$(record "$n" | grep -c '^fenced')" 0

# slabs that still have objects refuse to go at unloading: that is a line in the log
go() {
	gw_sh "$1" <<-'SCRIPT'
		rmdir /sys/kernel/config/target/core/rbd_* 2>/dev/null
		rmmod target_core_rbd && [ "$(ps -eo comm | grep -c ^trbd)" = 0 ] && insmod /lab/target_core_rbd.ko
	SCRIPT
}
units_go() {
	local name
	for name in "$n" "$beside"; do
		gw_unexport "$1" "$name"
		gw_disable "$1" "$name" || return 1
	done
}
for gw in gw1 gw2; do
	t "$gw: the backstores go" units_go $gw
	t "$gw: the module goes, and comes back" go $gw
done
