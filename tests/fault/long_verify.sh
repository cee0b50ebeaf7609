#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# One VERIFY may cover 4 GiB and take minutes. Nobody who waits for it to end waits longer than for
# any other command: a LOGICAL UNIT RESET and a reservation through the other gateway, and the
# removal of the unit. Sixteen bytes are enough to ask for that, so one such command, or many of
# them at once, must not hold anybody up.
# shellcheck disable=SC2317 # steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/reserve.sh

# at most that long, with the cluster reachable
BOUND=15
LIMIT=$BOUND
t 'an initiator' t_build tools initiator
t 'and more of them' pr_client_build

n=$TEST-disk
url1=$(gw_url gw1 "$n") url2=$(gw_url gw2 "$n")
# thin, so that there are few objects to remove at the end
img_create "$n" --size 256G --object-size 32M
t 'a unit of 256 GiB is served' serve "$n" "pool=rbd,image=$n"
in_flight() {
	lab exec -n gw1 -- cat "$GW_CORE/$n/attrib/reservations" | sed -n '1s/.* in_flight \([0-9]*\) .*/\1/p'
}
MOST=$((4 << 21))
verify() {
	lab run -- "$work/initiator" "$url1" verifier verify 0 $MOST >"$work/verify" 2>&1 &
	verifier=$!
	for _ in $(seq 50); do
		[ "$(in_flight)" != 1 ] || return 0
		sleep 0.2
	done
	return 1
}
# shellcheck disable=SC2016 # expanded later
t_atexit 't_kill "$verifier"'
how_it_ended() {
	timeout $BOUND tail --pid="$verifier" -f /dev/null || { t_kill "$verifier"; echo 'it did not'; return; }
	cat "$work/verify"
}

once() { timeout $BOUND "$TESTS_DIR/lab/lab" run -- "$work/initiator" "$url1" "$1" verify 0 "$2"; }
t_is 'VERIFY of a block more than 4 GiB is refused' "$(once longer $((MOST + 1)))" 'status 0x02 sense 5/24/00'
t_is 'and so is VERIFY of all of it' "$(once longest 536870911)" 'status 0x02 sense 5/24/00'

verify
t_is 'a VERIFY of 4 GiB is in flight' "$(in_flight)" 1
t 'LOGICAL UNIT RESET through the other gateway' pr <<<'other@2 reset'
t_is 'ended it' "$(how_it_ended)" 'status 0x08'
verify
t_is 'another one is in flight' "$(in_flight)" 1
reserve() {
	pr <<-'SCRIPT'
		other@2 register 0 0xbb = good
		other@2 reserve 0xbb 3 = good
	SCRIPT
}
t 'exclusive access is reserved through the other gateway' reserve
t_is 'it has ended' "$(how_it_ended)" 'status 0x08'
t 'the reservation is given back' pr <<<'other@2 clear 0xbb = good'

others=()
# shellcheck disable=SC2016 # expanded later
t_atexit 'for verifier in "${others[@]}"; do t_kill "$verifier"; done'
four() {
	local i
	for i in 1 2 3 4; do
		lab run -- "$work/initiator" "$url1" "verifier$i" verify 0 $MOST >"$work/verify$i" 2>&1 &
		others+=($!)
	done
	for _ in $(seq 50); do
		[ "$(in_flight)" != 4 ] || return 0
		sleep 0.2
	done
	return 1
}
four
t_is 'four are in flight' "$(in_flight)" 4
t_is 'for a fifth one the unit is busy' "$(once fifth $MOST)" 'status 0x08'
t_is 'but not for one that is no longer than a transfer' "$(once short 2048)" 'status 0x00'
t 'LOGICAL UNIT RESET through the other gateway' pr <<<'other@2 reset'
for verifier in "${others[@]}"; do timeout $BOUND tail --pid="$verifier" -f /dev/null || t_kill "$verifier"; done
t_is 'ended all of them' "$(cat "$work"/verify[1-4] | xargs)" 'status 0x08 status 0x08 status 0x08 status 0x08'

verify
t_is 'another one is in flight' "$(in_flight)" 1
remove() {
	timeout $BOUND "$TESTS_DIR/lab/lab" exec -n gw1 -- rm "$GW_ISCSI/$(iqn_of "$n")/tpgt_1/lun/lun_0/$n"
}
t 'the LUN is removed' remove
