#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Random damage hits everything that gateways share through the cluster: notifications and answers
# to notifications that mean nothing or nearly something, the text of the record, the table of
# gateways (object_fuzz.py). Reads and writes go on all the time, reservations hold, nobody is
# fenced, and when it is over all works as before.
#
#   FUZZ_SECONDS   for how long, each (5)
#   SEED           makes the same damage again (a random one)
# shellcheck disable=SC2317 # steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/reserve.sh

LONG=${FUZZ_SECONDS:-5}
SEED=${SEED:-$RANDOM}
t 'the initiators' pr_client_build

n=$TEST-disk
url1=$(gw_url gw1 "$n") url2=$(gw_url gw2 "$n")
img_create "$n" --size 16M
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
header=$(header_of "$n")
t 'two are registered, one of them reserves' reserved

# fuzz WHAT CHECK: CHECK holds again and again while the fuzzer runs, until it has ended
fuzz() {
	local what=$1 pid rounds=0 status=0
	lab run -- timeout $((LONG + $(t_limit 60))) /usr/bin/python3 object_fuzz.py rbd "$header" "$SEED" "$LONG" "$what" \
		>"$work/$what" 2>&1 &
	pid=$!
	while kill -0 $pid 2>/dev/null; do
		"$2" || { status=1; break; }
		rounds=$((rounds + 1))
	done
	wait $pid || status=1
	cat "$work/$what"
	echo "$rounds rounds" >>"$work/$what"
	return $status
}
note "SEED=$SEED"
while read -r what check text; do
	t "$text: $check" fuzz "$what" "$check"
	note "$(xargs <"$work/$what")"
	t "$text: all works afterwards" works
done <<-'EOF'
	messages works notifications
	answers works answers
	record in_force damaged records
	table works a damaged table
EOF
t_is 'nobody was fenced' "$(lab rbd image-meta get "$n" $KEY | grep -c '^fenced')" 0
state() { lab exec -n "$1" -- cat "$GW_CORE/$n/attrib/reservations" | head -n 1 | cut -d' ' -f3-; }
serves() { [[ $(state gw1) =~ ^serving\ .*\ in_flight\ 0\ draining\ 0$ ]]; }
t 'a gateway serves, with nothing in flight' t_until 30 serves
# nobody tells the other gateways that a change is in force; they find out when they look, every few
# seconds
same() {
	local end=$((SECONDS + 20))
	until [ "$(state gw1)" = "$(state gw2)" ]; do
		[ $SECONDS -lt $end ] || { state gw1; state gw2; return 1; }
		sleep 0.2
	done
}
t 'the other is where that is' same
