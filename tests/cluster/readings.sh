#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The texts that a backstore has for operators: nobody waits for them while it is being enabled, and
# a text that is cut says so.
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/reserve.sh

t 'the initiators' pr_client_build

# A monitor that does not answer. The reader must be through before enabling has ended.
n=$TEST-away
read_while_enabling() {
	gw_sh gw1 "$GW_CORE/$n" <<-'SCRIPT'
		mkdir -p "$1" && cd "$1" || exit 1
		rm -f /tmp/enabled
		printf 'mon_addr=10.77.0.250:3300,id=admin,mount_timeout=10,image=away' >control
		(echo 1 >enable; touch /tmp/enabled) 2>/dev/null &
		until [ -e /tmp/enabled ] || grep -q 'State: opening' info; do sleep 0.1; done
		cat info attrib/gateway_group attrib/reservations
		echo pool=other >control && echo 'control was changed'
		[ ! -e /tmp/enabled ] || echo 'enabling has ended first'
		wait
	SCRIPT
}
said=$(read_while_enabling 2>"$work/errors")
t_like 'a backstore that is being enabled says so' "$said" 'Pool: rbd .* Image: away .* State: opening'
t_is 'nobody waits for it' "$(tail -n 1 <<<"$said" | grep 'first')" ''
t_is 'and nobody can change it any more' "$(grep -c 'control was changed' <<<"$said")" 0
t_is 'when that has failed, it is closed' "$(lab exec -n gw1 -- grep -c State: "$GW_CORE/$n/info")" 0
gw_disable gw1 "$n"

n=$TEST-disk
url1=$(gw_url gw1 "$n") url2=$(gw_url gw2 "$n")
img_create "$n" --size 16M
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
debugfs=/sys/kernel/debug/target_core_rbd/rbd_0.$n
reading() { lab exec -n gw1 -- cat "$1"; }

# other tests may have left something in the table
counts_are_right() {
	reading "$GW_CORE/$n/attrib/gateway_group" | awk '
		NR == 1 { for (i = 1; i < NF; i++) count[$i] = $(i + 1) }
		$3 ~ /^(self|alive|silent)$/ { lines[$3]++; all++ }
		END { exit !(lines["self"] && lines["alive"] && all == count["gateways"] && lines["silent"] + 0 == count["silent"]) }'
}
t 'the group begins with the counts' t_until 20 counts_are_right
t_is 'the group in debugfs has the same lines' \
	"$(reading "$debugfs/gateway_group" | awk '{ print $1, $2, $3 }' | tail -n +2)" \
	"$(reading "$GW_CORE/$n/attrib/gateway_group" | awk '{ print $1, $2, $3 }' | tail -n +2)"

# more than a page holds, some 130 bytes each
COUNT=48
register() {
	local i run
	for ((run = 0; run < COUNT; run += 12)); do
		for ((i = run; i < run + 12; i++)); do echo "an-initiator-with-a-name-$i@1 ignore 0x$((1000 + i)) = good"; done | pr || return 1
	done
	pr <<<"an-initiator-with-a-name-$((COUNT - 1))@1 reserve 0x$((1000 + COUNT - 1)) 1 = good"
}
t "$COUNT initiators are registered, the last one reserves" register
reading "$GW_CORE/$n/attrib/reservations" >"$work/page"
reading "$debugfs/reservations" >"$work/all"
t_is 'the file in debugfs has all of them' "$(grep -cE '^(registered|holder) ' "$work/all")" $COUNT
t 'that is more than a page' test "$(wc -c <"$work/all")" -gt 4096
t_like 'the page begins with how many there are' "$(sed -n 2p "$work/page")" " registrations $COUNT\$"
t_is 'has the holder' "$(grep -c "^holder .*name-$((COUNT - 1))," "$work/page")" 1
t_is 'ends with where all of it is' "$(tail -n 1 "$work/page")" "cut here, all of it is in $debugfs/reservations"
t_is 'and has no part of a line' "$(sed '1d;$d' "$work/page" | grep -vcxFf "$work/all")" 0
t 'removed' unserve "$n"
t_is 'the folder in debugfs goes with it' "$(lab exec -n gw1 -- ls /sys/kernel/debug/target_core_rbd)" ''
