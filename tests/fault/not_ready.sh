#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A gateway that cannot serve says so, in words that hosts understand: 02/04/0C sends them to
# another path, 02/04/0A asks them to wait if there is none.
#
# gw1 is cut from the cluster, and gives up. One of its units is served by gw2 as well, the other
# one by nobody else.
. ../lib/ktap.sh
. ../lib/gateway.sh

BACK_S=60	# for gw1 to serve again

n=$TEST-both a=$TEST-alone
img_create "$n" --size 64M
img_create "$a" --size 64M
t 'the programs that ask and abort' t_build scsi ask
t 'and the other one' t_build tools initiator
t 'a unit that both gateways serve' serve "$n" "pool=rbd,image=$n"
t 'a unit that only gw1 serves' gw_serve gw1 "$a" "pool=rbd,image=$a"

tur=000000000000 read='28000000000000000100 in 512' sense='03000000ff00 in 255'
# UNIT, commands on stdin
ask() { lab run -- timeout "$(t_limit 120)" "$work/ask" "$(gw_url gw1 "$1")" "asker-$1" 2>&1; }
asks() { printf '%s\n' "$tur" "$read" "$sense" | ask "$1" >"$work/$1"; } # UNIT
answers() { cut -d' ' -f1 "$work/$1" | sed -n 1,2p | xargs; } # UNIT
told() { awk '/ 18 70/ { print substr($NF, 5, 2) "/" substr($NF, 25, 2) "/" substr($NF, 27, 2) }' "$work/$1"; }
t_is 'both are ready' "$(ask "$n" <<<"$tur" | cut -d' ' -f1) $(ask "$a" <<<"$tur" | cut -d' ' -f1)" 'good good'

t_atexit 'lab heal gw1 ceph'
t 'gw1 is cut from the cluster' lab cut gw1 ceph
# a read needs no lease, so it waits for an OSD
gives_up() {
	lab run -- timeout "$(t_limit 90)" "$work/initiator" "$(gw_url gw1 "$n")" aborter abortread 2048 128 >"$work/abort" 2>&1
	cat "$work/abort"
	grep -q '^abort answered: 0 ' "$work/abort"
}
t 'and gives up' gives_up
t 'the unit that both serve answers' asks "$n"
t 'and the other one' asks "$a"
t_is 'TEST UNIT READY and READ send hosts to gw2' "$(answers "$n")" '2/04/0c 2/04/0c'
t_is 'REQUEST SENSE tells the same' "$(told "$n")" '02/04/0c'
t_is 'where nobody else serves they ask to wait' "$(answers "$a")" '2/04/0a 2/04/0a'
t_is 'and REQUEST SENSE tells that' "$(told "$a")" '02/04/0a'

t 'gw1 reaches the cluster again' lab heal gw1 ceph
t "and serves $n" t_until $BACK_S io "$(gw_url gw1 "$n")" 'write 0 4k'
t "and $a" t_until $BACK_S io "$(gw_url gw1 "$a")" 'write 0 4k'
t_is 'both are ready again' "$(ask "$n" <<<"$tur" | cut -d' ' -f1) $(ask "$a" <<<"$tur" | cut -d' ' -f1)" 'good good'
