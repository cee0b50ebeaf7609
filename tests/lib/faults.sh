# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# faults are called by name; tests use the lists; $work is of gateway.sh
# shellcheck disable=SC2317,SC2034,SC2154
#
# Faults, each of them three functions: NAME_begin WHERE, NAME_during WHERE SECONDS (if it is more
# than waiting) and NAME_end WHERE. A test sources ktap.sh, gateway.sh, then this file, and sets
# SERVED to the names of the images that both gateways serve.
#
#   fault NAME WHERE SECONDS    begin it, let it last, end it
#   heal_all                    end all faults, also those that a test had no time to end
#   gw_restore GW               do as an administrator does after a reboot: enable and export SERVED
#   gw_down GW                  undo that
#   snap_taken IMAGE@SNAPSHOT   note its content, for snap_same
#   snap_same IMAGE@SNAPSHOT    check that the content is still the same: a snapshot does not change
#   snaps_same                  check all snapshots that were noted, and are there
#   FAULTS_CLUSTER, FAULTS_GATEWAY
#                               the lists: name, where (osd, mon, cut, gw or -), least and most
#                               seconds. cut: a monitor that can be cut off; a lab with one monitor
#                               has none
#   FAULTS_ASKED                the same, for tests that ask by name; nothing is promised then
#   MONS                        the monitors of this lab
#   LOST_OSD                    the OSD that goes with host_lost, if the test wants a certain one
#
# Other faults may go on at the same time, so a step that fails is tried again. A fault that cannot
# begin or end says why on stderr and returns 1.

: "${GW_GATEWAYS:?source gateway.sh first}"

FAULTS_CLUSTER='
mon_killed     mon  2  20
mon_frozen     mon  2  40
mon_cut        cut  2  60
osd_killed     osd  1  30
osds_killed    -    5  40
osds_frozen    -    5  40
osd_slow       osd  5  30
osd_out        osd  5  30
pool_full      -    2  240
cluster_full   -    2  240
maps_change    -    5  20
image_grown    -    0  0
snapshots      -    5  20
'
FAULTS_GATEWAY='
killed         gw   0  20
paused         gw   2  60
frozen         gw   2  60
host_lost      gw   2  60
cut_ceph       gw   2  60
cut_snapshots  gw   45 70
cut_iscsi      gw   2  60
deaf_ceph      gw   2  40
mute_ceph      gw   2  40
deaf_iscsi     gw   2  40
mute_iscsi     gw   2  40
watch_dropped  gw   35 50
reset          gw   2  10
clock          gw   2  30
blocklisted    gw   1  2
reloaded       gw   0  5
'
FAULTS_ASKED='
all_frozen     gw   5  40
thread_stalled gw   9  30
'
MONS=$(lab status | awk '/^mon\./ { print $1 }' | xargs)

# a ceph program that gives up, since the cluster may be the broken part: with_ceph SECONDS ceph osd
# ...
with_ceph() { lab run -- timeout "$@"; }
# again COMMAND...: until it succeeds; for steps that must be done in the end, however long another
# fault lasts
again() {
	local deadline=$((SECONDS + 240)) out
	until out=$("$@" 2>&1); do
		[ $SECONDS -lt $deadline ] || { printf '%s: %s\n' "$*" "$out" >&2; return 1; }
		sleep 1
	done
}

fault() {
	local status=0
	# only one fault at a time hurts the cluster's daemons
	case $1 in mon_* | osd_killed | osd_slow | osds_* | host_lost) exec 6>"$work/daemons" && flock 6 ;; esac
	"$1_begin" "$2" || status=1
	if declare -F "$1_during" >/dev/null; then
		"$1_during" "$2" "$3" || status=1
	else
		sleep "$3"
	fi
	"$1_end" "$2" || status=1
	exec 6>&-
	return $status
}

# --- the cluster

OSDS='osd.0 osd.1 osd.2'
# each_osd COMMAND
each_osd() {
	local osd status=0
	for osd in $OSDS; do lab "$1" "$osd" || status=1; done
	return $status
}

mon_killed_begin() { lab kill "$1"; }
mon_killed_end() { lab start "$1"; }
# its connections stay, so nobody learns that it is gone
mon_frozen_begin() { lab pause "$1"; }
mon_frozen_end() { lab resume "$1"; }
mon_cut_begin() { lab cut "$1" ceph; }
mon_cut_end() { lab heal "$1" ceph; }

osd_killed_begin() { lab kill "$1"; }
osd_killed_end() { lab start "$1"; }

# no placement group has an OSD left
osds_killed_begin() { each_osd kill; }
osds_killed_end() { each_osd start; }
osds_frozen_begin() { each_osd pause; }
osds_frozen_end() { each_osd resume; }

osd_slow_begin() { :; }
osd_slow_during() {
	local end=$((SECONDS + $2)) status=0
	while [ $SECONDS -lt $end ]; do
		lab pause "$1" || status=1
		sleep 0.8
		lab resume "$1" || status=1
		sleep 0.1
	done
	return $status
}
osd_slow_end() { lab resume "$1"; }

osd_out_begin() { again with_ceph 60 ceph osd out "${1#osd.}"; }
osd_out_end() { again with_ceph 60 ceph osd in "${1#osd.}"; }

# is_full yes|no: the map says so of the pool; the OSDs, the manager and the monitor need some
# seconds
is_full() {
	local i full
	for ((i = 0; i < 30; i++)); do
		full=$(with_ceph 20 ceph osd dump --format json 2>/dev/null |
			jq 'any(.pools[]; .pool_name == "rbd" and (.flags_names | test("\\bfull\\b")))')
		case $1:$full in yes:true | no:false) return ;; esac
		sleep 1
	done
	echo "full: wanted $1, is $full" >&2
	return 1
}
# A write to an object that a snapshot shares needs room for a copy, so take no snapshots while
# nothing may grow.
room_alone() { exec 7>"$work/room" && flock "$@" 7; }
room_shared() { exec 7>&-; }
full_begins() {
	local name
	room_alone
	snaps_same || return 1
	for name in "${SERVED[@]}"; do again with_ceph 60 rbd snap purge --no-progress "$name" || return 1; done
}
# Reads go on meanwhile, through one gateway at least; the other one may have a fault of its own.
# $work/reads.all has a line for each good read.
full_during() {
	local end=$((SECONDS + $2)) last=$SECONDS gw
	while [ $SECONDS -lt $end ]; do
		for gw in $GW_GATEWAYS; do
			IO_LIMIT=10 io "$(gw_url "$gw" "${SERVED[0]}")" 'read 32M 4k' >/dev/null || continue
			last=$SECONDS
			echo "$gw" >>"$work/reads.all"
		done
		sleep 1
	done
	[ $((SECONDS - last)) -lt 45 ] || { echo "no read for $((SECONDS - last)) s"; return 1; }
}
pool_full_begin() { full_begins && again with_ceph 60 ceph osd pool set-quota rbd max_bytes 4096 && is_full yes; }
pool_full_during() { full_during "$@"; }
pool_full_end() {
	again with_ceph 60 ceph osd pool set-quota rbd max_bytes 0 && is_full no
	room_shared
}
# the lower limits have to stay below the higher ones
cluster_full_begin() {
	local limit
	full_begins || return 1
	for limit in nearfull backfillfull full; do again with_ceph 60 ceph osd set-$limit-ratio 0.0001 || return 1; done
	is_full yes
}
cluster_full_during() { full_during "$@"; }
cluster_full_end() {
	again with_ceph 60 ceph osd set-full-ratio 0.95 && again with_ceph 60 ceph osd set-backfillfull-ratio 0.9 &&
		again with_ceph 60 ceph osd set-nearfull-ratio 0.85 && is_full no
	room_shared
}

maps_change_begin() { :; }
maps_change_during() {
	local end=$((SECONDS + $2)) i
	for ((i = 0; SECONDS < end; i++)); do
		with_ceph 60 ceph osd pool create "$TEST-churn$i" 1
		with_ceph 60 ceph osd reweight $((i % 3)) 0.7
		with_ceph 60 ceph osd pool rm "$TEST-churn$i" "$TEST-churn$i" --yes-i-really-really-mean-it
		with_ceph 60 ceph osd reweight $((i % 3)) 1
	done
}
maps_change_end() {
	local pool osd
	for pool in $(with_ceph 60 ceph osd pool ls | grep "^$TEST-churn"); do
		again with_ceph 60 ceph osd pool rm "$pool" "$pool" --yes-i-really-really-mean-it || return 1
	done
	for osd in 0 1 2; do again with_ceph 60 ceph osd reweight $osd 1 || return 1; done
}

# --- the images

# librbd waits half a minute for gateways that do not answer
grow() {
	local size
	size=$(with_ceph 60 rbd info --format json "$1" | jq .size) && [ -n "$size" ] &&
		with_ceph 100 rbd resize --no-progress --size "$((size / 1048576 + 16))M" "$1"
}
image_grown_begin() {
	local name
	for name in "${SERVED[@]}"; do again grow "$name" || return 1; done
}
image_grown_end() { :; }

snap_sum() {
	local sum
	sum=$(set -o pipefail; with_ceph 60 rbd export --no-progress "$1" - 2>/dev/null | sha256sum) && echo "${sum%% *}"
}
snap_taken() {
	local sum
	sum=$(snap_sum "$1") && echo "$1 $sum" >>"$work/snapshots"
}
snap_same() {
	local before now
	before=$(awk -v s="$1" '$1 == s { print $2 }' "$work/snapshots" 2>/dev/null)
	[ -n "$before" ] || return 0
	# perhaps it is the cluster that does not answer just now
	now=$(snap_sum "$1" || snap_sum "$1") || return 0
	[ "$now" = "$before" ] || { echo "$1 has changed since it was taken"; return 1; }
}
snaps_same() {
	local snap status=0
	[ -e "$work/snapshots" ] || return 0
	while read -r snap; do
		! with_ceph 60 rbd info "$snap" </dev/null >/dev/null 2>&1 || snap_same "$snap" </dev/null || status=1
	done < <(cut -d' ' -f1 "$work/snapshots")
	return $status
}

snapshots_begin() { :; }
# A snapshot may fail: librbd gives up when a gateway that stands still does not answer. The last
# two snapshots of each image stay, so that a write that comes loose later cannot get into them
# unseen.
snapshots_during() {
	local end=$((SECONDS + $2)) i name now status=0
	now=$(date +%s)
	for ((i = 0; SECONDS < end; i++)); do
		for name in "${SERVED[@]}"; do
			with_ceph 60 rbd snap create --no-progress "$name@fault$now-$i" && snap_taken "$name@fault$now-$i"
			[ $i -ge 2 ] || continue
			snap_same "$name@fault$now-$((i - 2))" || status=1
			with_ceph 60 rbd snap rm --no-progress "$name@fault$now-$((i - 2))"
		done
	done
	return $status
}
snapshots_end() { :; }

# Nobody may do this, and every check must notice it: the first objects of the images go back to
# earlier content. It is in none of the lists.
vandal_objects() {
	local name
	for name in "${SERVED[@]}"; do
		echo "$name rbd_data.$(with_ceph 60 rbd info --format json "$name" | jq -r .id).$(printf %016x 0)"
	done
}
vandal_begin() {
	local name object
	vandal_objects | while read -r name object; do
		with_ceph 60 rados -p rbd get "$object" "$work/vandal.$name"
	done
}
vandal_end() {
	local name object
	vandal_objects | while read -r name object; do
		with_ceph 60 rados -p rbd put "$object" "$work/vandal.$name"
	done
}

# --- gateways

gw_restore() {
	local name
	for name in "${SERVED[@]}"; do again gw_restore_one "$1" "$name" || return 1; done
}
gw_restore_one() {
	gw_serve "$1" "$2" "pool=rbd,image=$2" && return
	gw_unexport "$1" "$2"
	gw_disable "$1" "$2"
	return 1
}
gw_down() {
	local name
	for name in "${SERVED[@]}"; do gw_unserve "$1" "$name" || return 1; done
}
# a gateway is about to forget its counts, and the test may want to know them: gw_counted GW
declare -F gw_counted >/dev/null || gw_counted() { :; }

killed_begin() { gw_counted "$1"; lab kill "$1"; }
killed_end() { lab start "$1" && gw_restore "$1"; }

paused_begin() { lab pause "$1"; }
paused_end() { lab resume "$1"; }
# its clocks stand still as well
frozen_begin() { lab pause --freeze "$1"; }
frozen_end() { lab resume "$1"; }
# A hypervisor suspends all of its virtual machines; the one that is meant wakes up last.
all_frozen_begin() {
	local gw status=0
	for gw in $GW_GATEWAYS; do lab pause --freeze "$gw" || status=1; done
	return $status
}
all_frozen_end() {
	local gw status=0
	for gw in $GW_GATEWAYS; do [ "$gw" = "$1" ] || lab resume "$gw" || status=1; done
	sleep 3
	lab resume "$1" && return $status
}

# A host goes, with everything on it: the gateway, a monitor if there are others, and an OSD. It
# does not say so: no connection is closed. All OSDs are on one host for CRUSH, so one OSD's word
# that another is down would not count.
lost_osd() { echo "${LOST_OSD:-osd.$((${1#gw} % 3))}"; }
lost_mon() {
	local mons
	read -ra mons <<<"$MONS"
	echo "${mons[${1#gw}]-}"
}
host_lost_begin() {
	local mon
	mon=$(lost_mon "$1")
	again with_ceph 60 ceph config set mon mon_osd_min_down_reporters 1 || return 1
	gw_counted "$1"
	lab pause "$(lost_osd "$1")" && { [ -z "$mon" ] || lab cut "$mon" ceph; } && lab kill "$1"
}
host_lost_end() {
	local mon osd
	mon=$(lost_mon "$1") osd=$(lost_osd "$1")
	if [ -n "$mon" ]; then
		lab kill "$mon"
		lab heal "$mon" ceph && lab start "$mon" || return 1
	fi
	lab kill "$osd"
	lab start "$osd" && lab start "$1" && gw_restore "$1" &&
		again with_ceph 60 ceph config rm mon mon_osd_min_down_reporters
}

# One of the threads that receive from initiators gets no processor, and everything else goes on,
# heartbeats too. It shares a cgroup, which may run for a millisecond of each second, with a program
# that uses that up.
thread_stalled_begin() {
	gw_sh "$1" <<-'SCRIPT'
		set -e
		top=/run/stalled thread=$(pgrep -n '^iscsi_trx')
		mkdir -p $top
		mountpoint -q $top || mount -t cgroup2 none $top
		echo +cpu >$top/cgroup.subtree_control
		mkdir -p $top/stalled
		echo '1000 1000000' >$top/stalled/cpu.max
		sh -c 'while :; do :; done' </dev/null >/dev/null 2>&1 &
		echo $! >/run/stalled.hog
		echo $! >$top/stalled/cgroup.procs
		taskset -pc 1 $! >/dev/null
		taskset -pc 1 $thread >/dev/null
		chrt -i -p 0 $thread
		echo $thread >$top/stalled/cgroup.procs
	SCRIPT
}
thread_stalled_end() {
	gw_sh "$1" <<-'SCRIPT'
		top=/run/stalled
		[ -d $top/stalled ] || exit 0
		kill -KILL "$(cat /run/stalled.hog)" 2>/dev/null
		for thread in $(cat $top/stalled/cgroup.procs); do
			echo $thread >$top/cgroup.procs
			chrt -o -p 0 $thread
			taskset -pc 0-1 $thread >/dev/null
		done
		for ((i = 0; i < 50; i++)); do ! rmdir $top/stalled 2>/dev/null || exit 0; sleep 0.1; done
		exit 1
	SCRIPT
}

reloaded_begin() {
	gw_counted "$1"
	gw_down "$1" && lab exec -n "$1" -- sh -c "rmdir $GW_CORE 2>/dev/null; rmmod target_core_rbd"
}
reloaded_end() { lab exec -n "$1" -- insmod /lab/target_core_rbd.ko && gw_restore "$1"; }

cut_ceph_begin() { lab cut "$1" ceph; }
cut_ceph_end() { lab heal "$1" ceph; }
# Take snapshots when the OSDs have forgotten the gateway's watch, so that nobody asks it to stand
# still. Writes that hang in it must not get into them when it is back.
cut_snapshots_begin() { lab cut "$1" ceph; }
cut_snapshots_during() {
	local end=$((SECONDS + $2)) name
	sleep 35
	room_alone -n || return 0
	for name in "${SERVED[@]}"; do
		with_ceph 60 rbd snap create --no-progress "$name@cut" && snap_taken "$name@cut"
	done
	sleep $((end - SECONDS > 0 ? end - SECONDS : 0))
	return 0
}
cut_snapshots_end() {
	local name status=0
	lab heal "$1" ceph || return 1
	sleep 15
	for name in "${SERVED[@]}"; do
		snap_same "$name@cut" || status=1
		with_ceph 60 rbd snap rm --no-progress "$name@cut"
		sed -i "\\|^$name@cut |d" "$work/snapshots"
	done
	room_shared
	return $status
}
cut_iscsi_begin() { lab cut "$1" iscsi; }
cut_iscsi_end() { lab heal "$1" iscsi; }

# One way only: a deaf gateway sends and hears nothing, a mute one hears and sends nothing. eth0 is
# the cluster's side, eth1 the initiators'. gw_filter GW input|output RULE...: drops what matches
gw_filter() {
	gw_sh "$1" "$2" "${@:3}" <<-'SCRIPT'
		hook=$1
		shift
		nft add table ip fault && nft add chain ip fault $hook "{ type filter hook $hook priority 0; }" || exit 1
		for rule; do nft add rule ip fault $hook $rule drop || exit 1; done
	SCRIPT
}
gw_unfilter() {
	lab exec -n "$1" -- sh -c '! nft list table ip fault >/dev/null 2>&1 || nft delete table ip fault'
}
deaf_ceph_begin() { gw_filter "$1" input 'iifname eth0'; }
deaf_ceph_end() { gw_unfilter "$1"; }
mute_ceph_begin() { gw_filter "$1" output 'oifname eth0'; }
mute_ceph_end() { gw_unfilter "$1"; }
deaf_iscsi_begin() { gw_filter "$1" input 'iifname eth1'; }
deaf_iscsi_end() { gw_unfilter "$1"; }
mute_iscsi_begin() { gw_filter "$1" output 'oifname eth1'; }
mute_iscsi_end() { gw_unfilter "$1"; }

# An OSD forgets a watch that it has not heard of for 30 s. Meanwhile the gateway reaches the
# monitor and all other OSDs: it is cut from the OSD that has the header of the first image.
header_ports() {
	local id osd
	id=$(with_ceph 60 rbd info --format json "${SERVED[0]}" | jq -r .id) &&
		osd=$(with_ceph 60 ceph osd map rbd "rbd_header.$id" --format json | jq .acting_primary) || return 1
	with_ceph 60 ceph osd dump --format json | jq -r --argjson osd "$osd" '[.osds[] | select(.osd == $osd) |
		.public_addrs.addrvec[].addr | sub(".*:"; "")] | unique | join(",")' >"$work/ports"
	grep -q '[0-9]' "$work/ports"
}
watch_dropped_begin() {
	again header_ports && gw_filter "$1" output "oifname eth0 tcp dport { $(cat "$work/ports") }"
}
watch_dropped_end() { gw_unfilter "$1"; }

# connections are reset over and over
reset_begin() { :; }
reset_during() {
	local end=$((SECONDS + $2))
	while [ $SECONDS -lt $end ]; do
		lab exec -n "$1" -- sh -c 'ss -K dst 10.77.0.0/24; ss -K dst 10.78.0.0/24' >/dev/null || return 1
		sleep 1
	done
}
reset_end() { :; }

# half an hour is more than any ticket's grace; ahead on one gateway, behind on the other
clock_begin() {
	local by=+30
	[ "$1" = gw1 ] || by=-30
	lab exec -n "$1" -- date -s "$by minutes" >/dev/null
}
clock_end() { lab exec -n "$1" -- date -s "@$(date +%s)" >/dev/null; }

# an administrator fences it; it finds back by itself, although the entry stays
gw_clients() {
	local name
	for name in "${SERVED[@]}"; do
		with_ceph 60 rbd image-meta get "$name" target_core_rbd.lu
	done | awk -v gw="$1" '$1 == "gateway" && $5 == gw { print $3 }' | sort -u >"$work/clients"
	[ -s "$work/clients" ] || { echo "no client of $1 is in a record"; return 1; }
}
blocklisted_begin() {
	local client clients
	again gw_clients "$1" || return 1
	mapfile -t clients <"$work/clients"
	for client in "${clients[@]}"; do again with_ceph 60 ceph osd blocklist add "$client" || return 1; done
}
blocklisted_end() { :; }

heal_all() {
	local gw daemon
	for daemon in $OSDS $MONS; do
		lab heal "$daemon" ceph
		lab resume "$daemon"
		lab start "$daemon"
	done
	for gw in $GW_GATEWAYS; do
		lab resume "$gw"
		lab start "$gw"
		lab heal "$gw" ceph
		lab heal "$gw" iscsi
		gw_unfilter "$gw"
		thread_stalled_end "$gw"
		clock_end "$gw"
		lab exec -n "$gw" -- sh -c '[ -d /sys/module/target_core_rbd ] || insmod /lab/target_core_rbd.ko'
	done
	# one ceph program for all of it: a test that is being ended has little time
	printf '%s\n' 'osd in 0 1 2' 'osd pool set-quota rbd max_bytes 0' 'osd set-full-ratio 0.95' \
		'osd set-backfillfull-ratio 0.9' 'osd set-nearfull-ratio 0.85' \
		'config rm mon mon_osd_min_down_reporters' | with_ceph 30 ceph
	maps_change_end
} >/dev/null 2>&1
