#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Whatever breaks: no lost write, no stale write, no hang. A random sequence of faults, or rather two beside each
# other: one of the cluster and the images, one of the gateways, of which one at a time is hurt. Meanwhile
#
#	userspace initiators write, read and compare through both gateways, and keep a history; those of another image
#		also fight for a reservation
#	a machine with multipath over both has a file system, in which fio writes and verifies
#
# In the end everything is healed, and: the histories are possible for one disk each; fio and the file system saw no
# error; no kernel complained; both gateways serve, and nobody helped them; the images can be read with rbd.
#
#   MINUTES   how long (2, with short faults)
#   SEED      makes the same sequence again (a random one if MINUTES is given, otherwise 1)
#   FAULTS    only these, by name, with commas between (all of faults.sh; "vandal" does what must make the test fail)
#   KEEP      the folder in which histories, plan and kernel logs are left when the test fails
#             (fault-schedule-SEED in /var/tmp)
#
# The lines say when, in minutes and seconds since it began, and what. Each kind comes once before any comes twice.
# shellcheck disable=SC2317,SC2016 # steps are called by name; awk's expressions are its own
. ../ktap.sh
. ../gateway.sh
. ../initiators.sh

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
. ../faults.sh
t_atexit "on init1 umount -l /mnt/$host"
# if a fault did not come to its end
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

# drawn N: DRAWN is a number below N. bash's own generator has changed between versions.
state=$SEED
draw() {
	state=$((state * 6364136223846793005 + 1442695040888963407))
	DRAWN=$(((state >> 33 & 0x7fffffff) % $1))
}

# plan FAULTS: as with a deck of cards, which is shuffled when it is used up
plan() {
	local deck=() i total=0 name where least most swap seconds pause
	while read -r name where least most; do
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
			esac
			draw $((MOST / 2 + 1))
			pause=$((2 + DRAWN))
			echo "$name $where $seconds $pause"
			total=$((total + seconds + pause))
		done
	done
}
plan "$FAULTS_CLUSTER
$([[ " $FAULTS " != *' vandal '* ]] || echo 'vandal - 10 10')" >"$work/plan/cluster"
plan "$FAULTS_GATEWAY" >"$work/plan/gateways"

# --- the faults

say() { note "$(printf '[%3d:%02d] ' $(((SECONDS - began) / 60)) $(((SECONDS - began) % 60)))$*" >&3; }
problem() {
	say "PROBLEM: $*"
	echo "$*" >>"$work/problems"
}

# what the guard has counted, of all images of a gateway together
counters() {
	lab exec -n --timeout 20 "$1" -- sh -c "cat $GW_CORE/$TEST-*/info" 2>/dev/null |
		grep -oE '(Fallbacks|Stale|Late): [0-9]+' | tr -d :
}
# where no file system is
serves() { io "$(gw_url "$1" "$host")" 'write -P 0x5e 63M 64k' 'read -P 0x5e 63M 64k'; }
# serves_within GW SECONDS
serves_within() {
	local start=$SECONDS
	until serves "$1" >"$work/serves.$1" 2>&1; do
		[ $((SECONDS - start)) -lt "$2" ] || { cat "$work/serves.$1"; return 1; }
		sleep 1
	done
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
			if serves_within "$where" $BACK >"$work/back"; then
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

# What runs on the machine with multipath: rounds in which fio writes a file past the cache and one through it, and
# verifies both, and in which files are made, moved and removed. In the end of a round all of it is read once more.
# Prints how many rounds there were, and the longest time that a command of fio took.
cat >"$work/host.sh" <<'SCRIPT'
set -eu
map=$1 end=$((SECONDS + $2)) seed=$3 round=0
declare -A longest=([read]=0 [write]=0 [sync]=0)
dir=/mnt/$4
mkdir -p $dir
mkfs.ext4 -q -F $map 60M
mount -o errors=remount-ro $map $dir
trap 'umount $dir || { sleep 5; umount $dir; }' EXIT

fio_round() {
	local kind ms options=(--clocksource=clock_gettime --randrepeat=1 --randseed=$((seed + round))
		--verify=crc32c --verify_fatal=1 --verify_state_save=0 --rw=randwrite
		--ioengine=libaio --output-format=json "$@"
		--name=direct --filename=$dir/direct --size=2M --direct=1 --iodepth=8 --rate_iops=80
		--name=journal --filename=$dir/journal --size=512k --fsync=8 --rate_iops=20)
	fio "${options[@]}" >/tmp/fio.json 2>/tmp/fio.err || { cat /tmp/fio.err; exit 1; }
	for kind in read write sync; do
		ms=$(sed -n '/^{/,$p' /tmp/fio.json |
			jq --arg kind $kind '[.jobs[][$kind] | (.clat_ns // .lat_ns).max] | max / 1000000 | floor')
		[ $ms -le ${longest[$kind]} ] || longest[$kind]=$ms
	done
}
files_round() {
	local i
	mkdir $dir/new
	for i in 1 2 3 4 5 6 7 8; do
		head -c $((RANDOM * 2)) /dev/urandom >$dir/new/$i
		sync $dir/new/$i
	done
	(cd $dir/new && sha256sum [1-8] >/tmp/sums)
	rm -rf $dir/old
	mv $dir/new $dir/old
	sync -f $dir
	echo 3 >/proc/sys/vm/drop_caches
	(cd $dir/old && sha256sum -c --quiet /tmp/sums)
}
while [ $SECONDS -lt $end ]; do
	fio_round
	files_round
	fio_round --verify_only
	(cd $dir/old && sha256sum -c --quiet /tmp/sums)
	round=$((round + 1))
done
echo "$round rounds, longest in ms: read ${longest[read]}, write ${longest[write]}, fsync ${longest[sync]}"
SCRIPT

# begin NAME COMMAND...: beside us; what it says is in NAME.out, and its status in NAME.status when it has ended
begin() {
	local name=$1
	shift
	{
		"$@" >"$work/$name.out" 2>&1
		echo $? >"$work/$name.status"
	} &
	t_atexit "t_kill $!"
}
# ended NAME: it has, in time and well
ended() {
	local status
	until status=$(cat "$work/$1.status" 2>/dev/null) && [ -n "$status" ]; do
		[ $((SECONDS - began)) -lt $((DURATION + ENDS)) ] || { echo "$1 does not end"; return 1; }
		sleep 1
	done
	tail -n 30 "$work/$1.out"
	return "$status"
}
host_load() { lab exec init1 -- bash -s -- "$map" $DURATION "$SEED" "$host" <"$work/host.sh"; }
# history_load IMAGE OPTIONS...: over many blocks, since a gateway that takes a new identity gives many answers at once
# that leave open what was done
history_load() {
	lab run -- "$work/load" --record "$work/history/$1" --name "$1" --seconds $DURATION --seed "$SEED" \
		--blocks 256 "${@:2}" \
		"$(gw_url gw1 "$1")" "$(gw_url gw2 "$1")"
}

# --- the run

HISTORY=$(cd ../history && pwd)
t 'the initiators' make -s -C "$HISTORY" OUTPUT="$work" "$work/load" "$work/check"
for name in "${SERVED[@]}"; do
	img_create "$name" --size 64M
	t "served by both gateways: $name" serve "$name" "pool=rbd,image=$name"
done
t 'a host logs in through both' host_login init1 "$host" gw1 gw2
map=$(host_map init1 "$host" gw1 gw2) || t_bail 'no multipath device'
consoles() {
	local gw
	for gw in $GW_GATEWAYS; do lab log "$gw"; done
}
consoles >"$work/consoles.before"
on init1 dmesg --clear

well=
keep() {
	local node
	[ -z "$well" ] || return
	mkdir -p "$KEEP"
	cp -r "$work/history" "$work/plan" "$work"/{log,problems,injected,{host,data,pr}.out} "$KEEP"
	for node in $GW_GATEWAYS init1; do lab log "$node" >"$KEEP/console.$node"; done
	echo "SEED=$SEED MINUTES=$MINUTES FAULTS=$FAULTS KERNEL=${KERNEL-}" >"$KEEP/settings"
}
# also when the test is ended from outside
t_atexit keep

began=$SECONDS
exec 3>&1	# where it is told what happens
begin host host_load
begin data history_load "$data"
begin pr history_load "$pr" --reservations
begin cluster lane cluster
begin gateways lane gateways
t 'the faults of the cluster came and went' ended cluster
t 'those of the gateways too' ended gateways
t_is 'each could be made, and ended, and its gateway served again without help' "$(cat "$work/problems")" ''
# nothing is left, but if something is, the loads must not wait for it
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
	"$work/check" "$work/history/$1" >"$work/$1.check" 2>&1 && return
	head -n 30 "$work/$1.check"
	return 1
}
t 'the history is possible for one disk' possible "$data"
t 'the one with reservations, too' possible "$pr"
for gw in $GW_GATEWAYS; do t "$gw serves" serves_within "$gw" 30; done
# errors of paths (sd) are what multipath is for
no_error() {
	on init1 dmesg >"$work/dmesg" &&
		! grep -E 'EXT4-fs (error|warning)|JBD2: .*[Ee]rror|I/O error,? (on )?dev(ice)? dm-' "$work/dmesg"
}
t 'no error reached the file system' no_error
t 'which is sound' on init1 e2fsck -fn "$map"
for name in "${SERVED[@]}"; do
	t "rbd export reads $name" lab run -- timeout 300 rbd export --no-progress "$name" "$work/export"
	rm -f "$work/export"
done
t 'no kernel complained' lab check-log

# --- figures

for gw in $GW_GATEWAYS; do gw_counted "$gw"; done
counted() { awk -v k="$1" '$1 == k { n += $2 } END { print n + 0 }' "$work/counted"; }
# lines of the gateways' logs that were not there before
consoles >"$work/consoles.after"
logged() { echo $(($(grep -c "$1" "$work/consoles.after") - $(grep -c "$1" "$work/consoles.before"))); }
figures() { note "figures: $*"; }
figures "$(wc -l <"$work/injected") faults: $(sort "$work/injected" | uniq -c | awk '{ printf "%s %d, ", $2, $1 }')"
figures "guard: $(counted Fallbacks) fallbacks, $(counted Stale) stale, $(counted Late) late"
figures "gateways: $(logged 'was out of touch') times out of touch, $(logged 'it is fenced') fencings," \
	"$(logged 'takes a new identity') new identities"
figures "host: $(tail -n 1 "$work/host.out")"
for name in "$data" "$pr"; do
	figures "$(grep -E 'commands at|longest' "$work/$name.check" | sed "s|.*/history/||")"
done

if [ "$KTAP_FAILED" = 0 ]; then
	well=y
else
	note "histories, plan and logs are in $KEEP"
fi
