#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The registry of gateways in the record stays true by itself. An entry is replaced when its gateway
# comes back after it died. An entry that a backstore left behind goes, and nobody is fenced for it.
# Entries of dead gateways go without a change of reservations, and fences last. Gateways read
# records of the format before, and bring them to the present one.
#
#   REGISTRY_RESTARTS   how often a gateway dies and comes back (1)
#   REGISTRY_DEAD       entries of dead gateways that the first change finds (20)
# shellcheck disable=SC2317 # steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/reserve.sh
. ../lib/faults.sh

RESTARTS=${REGISTRY_RESTARTS:-1}
DEAD=${REGISTRY_DEAD:-20}
t_atexit 'lab heal gw1 ceph'
t_atexit 'lab start gw1'

n=$TEST-disk
beside=$TEST-beside
url1=$(gw_url gw1 "$n") url2=$(gw_url gw2 "$n")
# shellcheck disable=SC2034 # of faults.sh
SERVED=("$n" "$beside")
t 'the initiators' pr_client_build
img_create "$n" --size 16M
img_create "$beside" --size 16M
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
t 'another image, by the same sessions' serve "$beside" "pool=rbd,image=$beside"
header=$(header_of "$n")

# amend AWK: change the record as a gateway does, so that all see it; changes in force stay so
amend() {
	local generation text _
	# gateways may write, too
	for _ in 1 2 3 4 5; do
		record "$n" >"$work/was"
		generation=$(awk '$1 == "generation" { print $2 }' "$work/was")
		[ -n "$generation" ] && [ "$(lab run -- rados -p rbd getxattr "$header" tcr.lu)" = "$generation" ] && break
		generation=
	done
	[ -n "$generation" ] || return 1
	# awk's numbers are not exact enough
	generation=$((generation + 1))
	awk -v g="$generation" '$1 == "generation" || $1 == "settled" { $2 = g } '"$1 $PORTS_LAST"' { print }' "$work/was" >"$work/amended"
	text=$(cat "$work/amended" && echo .)
	lab rbd image-meta set "$n" $KEY "${text%.}" >/dev/null &&
		lab run -- rados -p rbd setxattr "$header" tcr.lu "$generation"
}
# read the record anew and pass it to COMMAND...
look() {
	record "$n" >"$work/record"
	"$@" && return
	cat "$work/record"
	return 1
}
gateways_are() { [ "$(awk '$1 == "gateway" { print $5 }' "$work/record" | sort | tr '\n' ' ')" = "$1" ]; }
says() { grep -qE "$1" "$work/record"; }
says_not() { ! says "$1"; }
address_of() { record "$n" | awk -v gw="$1" '$1 == "gateway" && $5 == gw { print $3; exit }'; }
blocklisted() { lab ceph osd blocklist ls 2>/dev/null | grep -qF "$1 "; }
# of both, over all their boots
identities() { { lab log gw1; lab log gw2; } | grep -c 'takes a new identity'; }
before=$(identities)

t 'two are registered, one of them reserves' reserved
downgrade='$1 ~ "^(features|group|port)$" { next } $1 == "target_core_rbd.lu" { $2 = 1 } $1 == "gateway" { NF = 5 } $1 == "fenced" { NF = 3 }'
t 'the record becomes one of version 1' amend "$downgrade"
t 'which is in force' in_force
t 'and can be changed' works
t 'and is of the present version then' t_until 60 look says '^target_core_rbd.lu 3$'
t 'with all that it said' t_until 60 look says '^registration .* 0x0*aa .*'
# each gateway says so of itself
complete() { says '^gateway .* gw1 [1-9][0-9]* [0-9a-f]{16} [0-9]+$' && says '^gateway .* gw2 [1-9][0-9]* [0-9a-f]{16} [0-9]+$'; }
t 'the gateways add what is not in it' t_until 60 look complete

# --- left behind: by a client that lives
own=$(address_of gw1)
t 'an entry is left behind by a gateway that lives' \
	amend "\$1 == \"end\" { print \"gateway 4711 $own 0 gw1 0 - 1\" }"
t 'reservations change meanwhile' works
t 'it goes' t_until 60 look says_not '^gateway 4711 '
t_is 'and nobody was fenced' "$(record "$n" | grep -c '^fenced') $(identities)" "0 $before"
without() {
	lab cut gw1 ceph && gw_unserve gw1 "$n"
	record "$n" >"$work/record"
	gateways_are 'gw1 gw2 '
}
t 'a backstore goes while its gateway is cut off, and its entry stays' without
# shellcheck disable=SC2015 # no else is meant
healed() { lab heal gw1 ceph && t_until 60 look gateways_are 'gw2 '; }
t 'until the gateway reaches the cluster again' healed
t_is 'and nobody was fenced for it' "$(record "$n" | grep -c '^fenced') $(identities)" "0 $before"
t 'the other image is served' t_until 60 io "$(gw_url gw1 "$beside")" 'write -P 3 0 64k'
t 'and this one when it is configured again' eval 'gw_serve gw1 "$n" "pool=rbd,image=$n"'

# --- a new slot in the group: a gateway that is found by it must say so
members() { record "$n" | awk '$1 == "gateway" { print $6 }' | sort | tr '\n' ' '; }
t 'before' t_until 60 look gateways_are 'gw1 gw2 '
places=$(members)
# shellcheck disable=SC2046 # the names have no spaces
t 'the objects of the group go' lab run -- rados -p rbd rm $(group_objects)
moved() { [ "$(members | tr ' ' '\n' | grep -cFxf <(tr ' ' '\n' <<<"$places" | grep .))" = 0 ]; }
t 'the gateways take other places in it, and the record says so' t_until 30 look moved

# --- many dead at once
dead() {
	amend '$1 == "end" { for (i = 0; i < '"$DEAD"'; i++)
		printf "gateway %d 10.77.0.99:0/%d %d dead 77 - 1\n", 5000 + i, 5000 + i, 100 + i }'
}
t "$DEAD gateways are dead" dead
since=$SECONDS
t 'the first change finds them' works
took=$((SECONDS - since))
note "$took s for $DEAD"
# it is some ten seconds for one or for all, and it was minutes
t 'all at once' test $took -le "$(t_limit 40)"
t_is 'they are fenced' "$(record "$n" | grep -c '^fenced 10.77.0.99:')" "$DEAD"
t 'and out' t_until 60 look gateways_are 'gw1 gw2 '

# --- an initiator that has less patience than it takes to fence a gateway. Nobody knows the last
# heartbeat of a gateway without a place in the table, so everybody waits for a whole lease.
fenced_by_gw2() { lab log gw2 | grep -c "(10.77.0.97:0/2) does not answer; it is fenced"; }
impatient() {
	local i before
	before=$(fenced_by_gw2)
	amend '$1 == "gateway" && !d++ { print "gateway 4713 10.77.0.97:0/2 200 dead 77 - 1" }' || return 1
	for i in 1 2 3 4 5 6 7 8; do
		LIMIT=3 pr <<<'other@2 ignore 0xbb = good' >"$work/impatient" && break
	done
	echo "$i commands, fenced $(($(fenced_by_gw2) - before)) times" | tee -a "$work/impatient"
	# once, and once more when the first one is aborted before the monitors have answered
	[ "$(fenced_by_gw2)" -le $((before + 2)) ] && pr <<<'other@2 ignore 0xbb = good' || return 1
	record "$n" >"$work/record"
	says_not '^gateway 4713 ' && says '^fenced 10.77.0.97:0/2 '
}
t 'commands that are aborted go on where the one before was' impatient
note "$(tail -n 1 "$work/impatient")"

# --- a gateway dies, and comes back. Ceph has forgotten a fence meanwhile, as it does when no
# gateway serves for an hour
forgotten=10.77.0.99:0/5000
t 'Ceph forgets a fence' lab ceph osd blocklist rm $forgotten
t_fails 'it is gone' blocklisted $forgotten
passed() { awk '$1 == "barrier" { b = $2 } $1 == "fenced" && $2 == a { e = $3 } END { exit !(e && b >= e) }' a="$1" "$work/record"; }
restarts() {
	local i was
	for ((i = 0; i < RESTARTS; i++)); do
		was=$(address_of gw1)
		killed_begin gw1 && killed_end gw1 || return 1
		blocklisted $forgotten || return 1
		t_until 60 look gateways_are 'gw1 gw2 ' && says "^fenced $was " && blocklisted "$was" &&
			passed $forgotten || return 1
	done
}
t "$RESTARTS times gw1 dies and comes back: it has one entry, and the fences are renewed" restarts
t 'reservations are what they were' works

# --- fences last longer than Ceph's, and not for ever
now=$(awk '$1 == "fenced" { print $5; exit }' <<<"$(record "$n" | grep '^fenced 10.77.0.11:')")
fences() {
	amend '$1 == "fenced" { next } $1 == "end" {
		print "fenced 10.77.0.98:0/1 1 0 0"
		print "fenced 10.77.0.98:0/2 1 '"$((now - 90000)) $((now - 90000))"'"
		print "fenced 10.77.0.98:0/3 1 '"$((now - 7200)) $((now - 7200))"'" }'
}
t 'fences of an unknown time, of two hours and of 25 hours ago' fences
t 'the last one is forgotten' t_until 30 look says_not '^fenced 10.77.0.98:0/2 '
renewed() { blocklisted 10.77.0.98:0/1 && blocklisted 10.77.0.98:0/3 && says "^fenced 10.77.0.98:0/3 [0-9]+ $((now - 7200)) [0-9]+$" && says_not "^fenced 10.77.0.98:0/3 .* $((now - 7200))$"; }
t 'the others are renewed' t_until 60 look renewed
t_fails 'and that one is not' blocklisted 10.77.0.98:0/2

# --- nobody changes reservations
silent() { amend '$1 == "fenced" { next } $1 == "end" { print "gateway 4712 10.77.0.97:0/1 200 dead 77 - 1" }'; }
t 'one more is dead' silent
t 'it goes though nobody asks for it' t_until 120 look says_not '^gateway 4712 '
t 'fenced' blocklisted 10.77.0.97:0/1

# --- removed by hand: the gateways register again, and serve on
before=$(identities)
by_hand() { lab rbd image-meta remove "$n" $KEY && lab run -- rados -p rbd rmxattr "$header" tcr.lu; }
t 'the record is removed by hand' by_hand
t 'both register again' t_until 30 look gateways_are 'gw1 gw2 '
t_is 'nobody had to take a new identity' "$(identities)" "$before"
anew() { pr <<<'keeper@1 keys = good'; }
t 'and nothing is reserved' t_until 20 look anew

# shellcheck disable=SC2016 # when they are there
t_atexit 'lab ceph osd blocklist ls 2>/dev/null | awk "/^10.77.0.9[789]:/ { print \$1 }" | while read -r a; do lab ceph osd blocklist rm "$a" </dev/null; done'
