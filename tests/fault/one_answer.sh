#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# One gateway of four is drained, and another one dies. At every step the two others give the same
# REPORT TARGET PORT GROUPS, byte for byte, and the same VPD page 83h but for the port that was
# asked.
#
# It needs a lab of four gateways: make soak-tests TESTS=one_answer
# shellcheck disable=SC2317 # steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/reserve.sh

# shellcheck disable=SC2034 # of gateway.sh
GW_GATEWAYS='gw1 gw2 gw3 gw4'
[ "$(lab status | grep -c '^gw[1-4] running')" = 4 ] || t_skip_all 'needs a lab of four gateways'
n=$TEST-disk
t 'somebody who asks' t_build scsi ask
t 'initiators with reservations' pr_client_build
img_create "$n" --size 64M
t 'a unit through four gateways' serve "$n" "pool=rbd,image=$n"
# shellcheck disable=SC2034 # of reserve.sh
url1=$(gw_url gw1 "$n") url2=$(gw_url gw2 "$n")

# GW
ask() { lab run -- timeout "$(t_limit 60)" "$work/ask" "$(gw_url "$1" "$n")" "asker-$BASHPID" 2>&1; }
answer() { ask "$1" <<<"$2" | awk '/^good/ { print $NF }'; } # GW COMMAND
groups() { answer "$1" 'a30a0000000000001000 in 4096'; }
shown() { ../lib/ports_text.py groups <<<"$(groups "$1")"; }
states() { shown "$1" | tr , '\n' | sed 's/^[0-9]*:\([0-9]*\) .*/\1/' | sort | xargs; }
for gw in $GW_GATEWAYS; do
	knows() { [ "$(shown "$gw" | tr , '\n' | grep -c .)" = 4 ]; }
	t "$gw knows four groups" t_until 20 knows
done
t_is 'all are active' "$(states gw1)" '0 0 0 0'
same() { # GW...
	local gw first
	first=$(groups "$1")
	[ -n "$first" ] || return 1
	for gw in "${@:2}"; do [ "$(groups "$gw")" = "$first" ] || { shown "$1"; shown "$gw"; return 1; }; done
}
t 'all four say the same, byte for byte' same gw1 gw2 gw3 gw4
numbers() { for gw in $GW_GATEWAYS; do answer "$gw" '120183040000 in 1024' | ../lib/ports_text.py identification; done; }
before=$(numbers)
note "relative port and group: $(tr '\n' ',' <<<"$before")"
t_is 'each has a port and a group of its own' "$(cut -d' ' -f1 <<<"$before" | sort -u | wc -l) $(cut -d' ' -f2 <<<"$before" | sort -u | wc -l)" '4 4'

t 'gw3 is drained' lab exec -n gw3 -- sh -c "echo 1 >$GW_CORE/$n/attrib/drain"
standby() { for gw in gw1 gw2 gw4; do [ "$(states $gw)" = '0 0 0 2' ] || return 1; done; }
t 'the others report one group in standby' t_until 20 standby
t 'all four say the same, byte for byte' same gw1 gw2 gw3 gw4
t 'gw4 dies' lab kill gw4
registers() { pr <<<'keeper@1 ignore 0xaa = good'; }
t 'somebody registers through gw1, which fences gw4' registers
unavailable() { for gw in gw1 gw2; do [ "$(states $gw)" = '0 0 2 3' ] || return 1; done; }
t 'one group is unavailable' t_until 20 unavailable
t 'gw1 and gw2 say the same, byte for byte' same gw1 gw2
note "$(groups gw1)"
t 'so does gw3, which is drained' same gw1 gw3
t 'gw4 boots' lab start gw4
t 'and serves' gw_serve gw4 "$n" "pool=rbd,image=$n"
t 'gw3 is back in service' lab exec -n gw3 -- sh -c "echo 0 >$GW_CORE/$n/attrib/drain"
active() { for gw in $GW_GATEWAYS; do [ "$(states "$gw")" = '0 0 0 0' ] || return 1; done; }
t 'all are active again' t_until 60 active
t 'all four say the same, byte for byte' same gw1 gw2 gw3 gw4
t_is 'each has the numbers of before' "$(numbers)" "$before"
