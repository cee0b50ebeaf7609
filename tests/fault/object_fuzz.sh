#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Random damage to what gateways share through the cluster: notifications and answers to notifications that mean
# nothing or nearly something, the text of the record, the table of gateways (object_fuzz.py). Reads and writes go on
# all the time, what is reserved stays reserved, nobody is fenced, and when it is over all works as before.
#
#   FUZZ_SECONDS   for how long, each (8)
#   SEED           makes the same damage again (a random one)
# shellcheck disable=SC2317 # steps are called by name
. ../ktap.sh
. ../gateway.sh

LONG=${FUZZ_SECONDS:-8}
SEED=${SEED:-$RANDOM}
KEY=target_core_rbd.lu
t 'the initiators' reservations_build "$work/reservations"

n=$TEST-disk
url1=$(gw_url gw1 "$n") url2=$(gw_url gw2 "$n")
img_create "$n" --size 16M
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
header=rbd_header.$(lab rbd info --format json "$n" | jq -r .id)
pr() {
	lab run -- timeout 240 "$work/reservations" script "$url1" "$url2" >"$work/pr" 2>&1 || { cat "$work/pr"; return 1; }
}
reserved() {
	pr <<-'SCRIPT'
		keeper@1 register 0 0xaa = good
		other@2 register 0 0xbb = good
		keeper@1 reserve 0xaa 1 = good
		keeper@1 write 0 0x10 = good
		other@2 write 0 0x11 = conflict
	SCRIPT
}
works() {
	pr <<-'SCRIPT'
		keeper@1 keys = good 0xaa 0xbb
		other@2 keys = good 0xaa 0xbb
		other@2 holder = good 0xaa type 1
		other@2 register 0xbb 0xcc = good
		keeper@1 keys = good 0xaa 0xcc
		other@2 register 0xcc 0xbb = good
		other@1 write 0 0x12 = conflict
	SCRIPT
}
# with a record that cannot be read, commands of reservations may fail
in_force() {
	pr <<-'SCRIPT'
		keeper@1 write 0 0x20 = good
		other@2 read 0 = good 0x20
		keeper@2 write 0 0x21 = conflict
		other@2 write 0 0x22 = conflict
		stranger@1 write 0 0x23 = conflict
	SCRIPT
}
t 'two are registered, one of them reserves' reserved

# fuzz WHAT CHECK: CHECK holds again and again while it goes on, until it is over
fuzz() {
	local what=$1 pid rounds=0 status=0
	lab run -- timeout $((LONG + 60)) /usr/bin/python3 object_fuzz.py rbd "$header" "$SEED" "$LONG" "$what" \
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
t_like 'a gateway serves, with nothing in flight' "$(state gw1)" '^serving .* in_flight 0 draining 0$'
t_is 'the other is where that is' "$(state gw2)" "$(state gw1)"
