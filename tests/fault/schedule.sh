#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# No fault may lead to a lost write, a stale write or a hang. Two random sequences of faults run
# beside each other: one of the cluster and the images, and one of the gateways, of which one at a
# time is hurt. Meanwhile
#
#	userspace initiators write, read and compare through both gateways, and keep a history;
#		those of another image also fight for a reservation
#	a machine with multipath over both has a file system, in which fio writes and verifies
#
# In the end everything is healed. Then the histories are possible for one disk each; fio and the
# file system saw no error; no snapshot changed after it was taken; no kernel complained; both
# gateways serve, and nobody helped them; rbd can read the images.
#
#   MINUTES   how long (2, with short faults)
#   SEED      makes the same sequence again (a random one if MINUTES is given, otherwise 1)
#   FAULTS    only these, by name, with commas between (all of faults.sh but FAULTS_ASKED; "vandal"
#             must make the test fail)
#   KEEP      the folder in which histories, plan and kernel logs are left when the test fails
#             (fault-schedule-SEED in /var/tmp)
#
# Each line has a time, in minutes and seconds since the test began, and an event. Each kind of
# fault comes once before any comes twice.
# shellcheck disable=SC2317,SC2016 # steps are called by name; awk's expressions are its own
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/hosts.sh
. ../lib/host_load.sh

if [ -n "${MINUTES-}" ]; then SEED=${SEED:-$RANDOM}; else SEED=${SEED:-1}; fi
MINUTES=${MINUTES:-2}
FAULTS=${FAULTS-}
FAULTS=${FAULTS//,/ }
KEEP=${KEEP:-/var/tmp/fault-schedule-$SEED}
DURATION=$((60 * MINUTES))
MOST=$((DURATION / 10))		# seconds that a fault lasts
QUIET=120	# seconds, for the cluster to be clean again
BACK=180	# seconds, for a gateway to serve again; an OSD may be away at the same time
ENDS=300	# seconds, for faults and loads to end after their time

data=$TEST-data
pr=$TEST-pr
host=$TEST-host
SERVED=("$data" "$pr" "$host")
mkdir "$work/history" "$work/plan"
: >"$work/problems"
: >"$work/counted"
: >"$work/injected"
: >"$work/log"

gw_counted() { counters "$1" >>"$work/counted"; }
. ../lib/faults.sh
# in case a fault did not come to its end
heal_rest() {
	# shellcheck disable=SC2015 # no else is meant
	[ -e "$work/cluster.status" ] && [ -e "$work/gateways.status" ] && [ ! -s "$work/problems" ] || heal_all
}
t_atexit heal_rest

note "SEED=$SEED MINUTES=$MINUTES${FAULTS:+ FAULTS=$FAULTS}"
for name in $FAULTS; do
	declare -F "${name}_begin" >/dev/null || t_bail "there is no fault $name"
done

# --- the plan: a line for each fault, "NAME WHERE SECONDS PAUSE", made of SEED alone

# drawn N: set DRAWN to a random number below N. bash's own generator has changed between versions.
state=$SEED
draw() {
	state=$((state * 6364136223846793005 + 1442695040888963407))
	DRAWN=$(((state >> 33 & 0x7fffffff) % $1))
}

# plan FAULTS: draw faults as from a deck of cards, which is shuffled when it is used up
plan() {
	local deck=() i total=0 name where least most swap seconds pause
	while read -r name where least most; do
		[ "$where" != cut ] || [ ${#mons[@]} -gt 1 ] || continue
		if [ -n "$FAULTS" ]; then
			[[ " $FAULTS " == *" $name "* ]] || continue
		elif [ -z "$name" ] || [ "$least" -gt "$MOST" ]; then
			continue
		fi
		deck+=("$name $where $least $((most < MOST || least > MOST ? most : MOST))")
	done <<<"$1"
	[ ${#deck[@]} -gt 0 ] || return 0
	while [ $total -lt $DURATION ]; do
		for ((i = ${#deck[@]} - 1; i > 0; i--)); do
			draw $((i + 1))
			swap=${deck[i]} deck[i]=${deck[DRAWN]} deck[DRAWN]=$swap
		done
		for ((i = 0; i < ${#deck[@]}; i++)); do
			read -r name where least most <<<"${deck[i]}"
			draw $((most - least + 1))
			seconds=$((least + DRAWN))
			draw 6
			case $where in
			osd) where=osd.$((DRAWN % 3)) ;;
			gw) where=gw$((1 + DRAWN % 2)) ;;
			mon) where=${mons[DRAWN % ${#mons[@]}]} ;;
			cut) where=${mons[1 + DRAWN % (${#mons[@]} - 1)]} ;;
			esac
			draw $((MOST / 2 + 1))
			pause=$((2 + DRAWN))
			echo "$name $where $seconds $pause"
			total=$((total + seconds + pause))
		done
	done
}
read -ra mons <<<"$MONS"
plan "$FAULTS_CLUSTER
$([[ " $FAULTS " != *' vandal '* ]] || echo 'vandal - 10 10')" >"$work/plan/cluster"
plan "$FAULTS_GATEWAY
${FAULTS:+$FAULTS_ASKED}" >"$work/plan/gateways"

# --- the faults

say() { note "$(printf '[%3d:%02d] ' $(((SECONDS - began) / 60)) $(((SECONDS - began) % 60)))$*" >&3; }
problem() {
	say "PROBLEM: $*"
	echo "$*" >>"$work/problems"
}

# the guard's counts, of all images of a gateway together
counters() {
	lab exec -n --timeout 20 "$1" -- sh -c "cat $GW_CORE/$TEST-*/info" 2>/dev/null |
		grep -oE '(Fallbacks|Stale|Late): [0-9]+' | tr -d :
}
lane() {
	local faults line name where seconds pause start what
	mapfile -t faults <"$work/plan/$1"
	for line in "${faults[@]}"; do
		read -r name where seconds pause <<<"$line"
		[ $((SECONDS - began + pause + seconds)) -lt $DURATION ] || break
		sleep "$pause"
		what=$name
		[ "$where" = - ] || what+=" $where"
		say "$what for $seconds s"
		echo "$name" >>"$work/injected"
		start=$SECONDS
		fault "$name" "$where" "$seconds" >"$work/out.$1" 2>&1 </dev/null ||
			problem "$what: $(tail -n 5 "$work/out.$1")"
		printf -- '--- %s\n' "$line" | cat - "$work/out.$1" >>"$work/log"
		if [ "$1" = gateways ]; then
			if serves_within "$where" "$host" $BACK >"$work/back"; then
				say "$what: it serves, $((SECONDS - start)) s after the fault began"
			else
				problem "$what: after $BACK s it does not serve: $(cat "$work/back")"
				return
			fi
		else
			say "$what: over, after $((SECONDS - start)) s"
		fi
	done
}

# --- the loads

# all of them end some time after the faults
ended() { ended_by $((began + DURATION + ENDS)) "$1"; }
# history_load IMAGE OPTIONS...: use many blocks, since a gateway that takes a new identity gives
# many answers at once that leave open whether a command was carried out
history_load() {
	lab run -- "$work/load" --record "$work/history/$1" --name "$1" --seconds $DURATION --seed "$SEED" \
		--blocks 256 "${@:2}" \
		"$(gw_url gw1 "$1")" "$(gw_url gw2 "$1")"
}

# --- the run

t 'the initiators' t_build tools load check
for name in "${SERVED[@]}"; do
	img_create "$name" --size 64M
	# there is room for all of it when the cluster is full
	[ "$name" != "$host" ] || lab rbd bench --io-type write --io-size 4M --io-total 64M "$name" >/dev/null 2>&1
	t "served by both gateways: $name" serve "$name" "pool=rbd,image=$name"
done
t 'a host logs in through both' host_login init1 "$host" gw1 gw2
map=$(host_map init1 "$host" gw1 gw2) || t_bail 'no multipath device'
consoles() {
	local gw
	for gw in $GW_GATEWAYS; do lab log "$gw"; done
}
consoles >"$work/consoles.before"

well=
keep() {
	local node
	[ -z "$well" ] || return
	mkdir -p "$KEEP"
	cp -r "$work/history" "$work/plan" "$work"/{log,problems,injected,{host,data,pr}.out} "$KEEP"
	for node in $GW_GATEWAYS init1; do lab log "$node" >"$KEEP/console.$node"; done
	echo "SEED=$SEED MINUTES=$MINUTES FAULTS=$FAULTS KERNEL=${KERNEL-}" >"$KEEP/settings"
}
# also when somebody ends the test from outside
t_atexit keep

began=$SECONDS
exec 3>&1	# where it is told what happens
begin host host_load "$map" $DURATION "$SEED"
begin data history_load "$data"
begin pr history_load "$pr" --reservations
begin cluster lane cluster
begin gateways lane gateways
t 'the faults of the cluster came and went' ended cluster
t 'those of the gateways too' ended gateways
t_is 'each could be made, and ended, and its gateway served again without help' "$(cat "$work/problems")" ''
# no fault is left; but if one is, the loads must not wait for it
heal_rest
t 'the host saw no error' ended host
t 'the initiators ended' ended data
t 'those with a reservation too' ended pr
say 'all have ended'

# --- the judgement

clean() {
	local i
	for ((i = 0; i < QUIET; i++)); do
		with_ceph 20 ceph status --format json 2>/dev/null | jq -e '.osdmap.num_up_osds == 3 and
			.pgmap.num_pgs == ([.pgmap.pgs_by_state[] | select(.state_name == "active+clean") | .count] | add)' && return
		sleep 1
	done >/dev/null
	lab ceph status
	return 1
}
t 'the cluster is clean again' clean
possible() {
	"$work/check" --window "$W_S" "$work/history/$1" >"$work/$1.check" 2>&1 && return
	head -n 30 "$work/$1.check"
	return 1
}
t 'the history is possible for one disk' possible "$data"
t 'the one with reservations, too' possible "$pr"
for gw in $GW_GATEWAYS; do t "$gw serves" serves_within "$gw" "$host" 120; done
t 'no error reached the file system' no_error
t 'the file system is sound' on init1 e2fsck -fn "$map"
t 'no snapshot changed after it was taken' snaps_same
for name in "${SERVED[@]}"; do
	t "rbd export reads $name" lab run -- timeout 300 rbd export --no-progress "$name" "$work/export"
	rm -f "$work/export"
done
t 'no kernel complained' lab check-log

# --- figures

for gw in $GW_GATEWAYS; do gw_counted "$gw"; done
counted() { awk -v k="$1" '$1 == k { n += $2 } END { print n + 0 }' "$work/counted"; }
# print lines of the gateways' logs that were not there before
consoles >"$work/consoles.after"
logged() { echo $(($(grep -c "$1" "$work/consoles.after") - $(grep -c "$1" "$work/consoles.before"))); }
figures() { note "figures: $*"; }
figures "$(wc -l <"$work/injected") faults: $(sort "$work/injected" | uniq -c | awk '{ printf "%s %d, ", $2, $1 }')"
figures "guard: $(counted Fallbacks) fallbacks, $(counted Stale) stale, $(counted Late) late"
figures "gateways: $(logged 'was out of touch') times out of touch, $(logged 'it is fenced') fencings," \
	"$(logged 'takes a new identity') new identities"
figures "$(wc -l 2>/dev/null <"$work/snapshots" || echo 0) snapshots looked at twice," \
	"$(wc -l 2>/dev/null <"$work/reads.all" || echo 0) reads while nothing could grow"
figures "host: $(tail -n 1 "$work/host.out")"
for name in "$data" "$pr"; do
	figures "$(grep -E 'commands at|longest' "$work/$name.check" | sed "s|.*/history/||")"
done

if [ "$KTAP_FAILED" = 0 ]; then
	well=y
else
	note "histories, plan and logs are in $KEEP"
fi
