#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# "trbdctl apply" is killed between two changes. The next apply brings the gateway to the same state
# as one that was never killed: what is configured, what is saved, and the files around it.
#
#   POINTS   how many times it is killed on each of three ways (7), spread over its changes
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/with_trbdctl.sh

POINTS=${POINTS:-7}
n=$TEST-disk
iqn=$(iqn_of "$n")

# file NAME LINES: a file of this gateway with these targets
file() {
	put gw1 "/root/$1.yaml" <<-EOF
		version: 1
		gateways: {gw1: {portals: [$(gw_addr gw1)]}}
		disks: {a: {image: rbd/$n-a}, b: {image: rbd/$n-b}}
		$2
	EOF
}
apply() { ctl gw1 apply --prune "/root/$1.yaml"; }
# Everything that an apply leaves behind. rtslib gives links random names, and saves these as
# aliases; it keeps backups under names with a time in them. NULL is what it writes for nothing.
state() {
	all_of gw1 | sed -E "\\|$TRBDCTL_SAVED|d; /:NULL$/d; s|(/lun_[0-9]+)/[0-9a-f]{10}$|\\1/link|"
	lab exec -n gw1 -- jq 'walk(if type == "object" then del(.alias) else . end)' $TRBDCTL_SAVED
	lab exec -n gw1 -- find /etc/rtslib-fb-target /etc/target_core_rbd /var/lib/target_core_rbd -path '*/backup/*' -prune -o \
		-type f -printf '%p %m\n' 2>/dev/null | sort
}
kill_at() { lab exec --timeout "$(t_limit 300)" gw1 -- python3 - "$@" <kill_at.py; }
nothing() { lab exec -n gw1 -- sh -c "targetctl clear; rm -f $TRBDCTL_SAVED"; }
# go FROM: be there
go() { if [ "$1" = nothing ]; then nothing; else apply "$1"; fi; }

for image in a b; do img_create "$n-$image" --size 16M; done
t 'trbdctl is installed' trbdctl_up
lab exec -n gw1 -- sh -c "umask 077; mkdir -p $TRBDCTL_SECRETS; cd $TRBDCTL_SECRETS; echo change-me-now1 >one; echo change-me-now2 >two"
file small "targets: {$iqn: {luns: {1: a}, hosts: {$iqn.host: {chap: {user: host1, secret: one}, luns: all}}}}
discovery: {chap: none}"
file large "targets:
  $iqn: {luns: {1: a, 2: b}, hosts: {$iqn.host: {chap: {user: host1, secret: two}, luns: all}, $iqn.reader: {chap: none, luns: {5: 1}, read_only: true}}}
  $iqn-2: {luns: {1: b}, hosts: {$iqn.host: {chap: none, luns: all}}}
discovery: {chap: {user: scout, secret: one}}"

declare -A wanted
for file in small large; do
	t "$file is applied" apply $file
	wanted[$file]=$(state)
done

# way FROM TO: kill an apply of TO at several of its changes, each time from FROM
way() {
	local changes at i
	go "$1"
	changes=$(kill_at 0 apply --prune "/root/$2.yaml" 2>&1 >/dev/null | tail -n 1)
	t_is "from $1 to $2" "$(diff <(echo "${wanted[$2]}") <(state))" ''
	t_like 'changes something' "$changes" '^[1-9][0-9]*$'
	for ((i = 0; i < POINTS; i++)); do
		at=$((1 + changes * i / POINTS))
		go "$1" >/dev/null 2>&1
		kill_at $at apply --prune "/root/$2.yaml" >/dev/null 2>&1
		t_is "from $1 to $2, killed before change $at of $changes" $? 137
		t 'applied again' apply "$2"
		t_is 'it is as if nothing had happened' "$(diff <(echo "${wanted[$2]}") <(state))" ''
	done
}
way nothing small
way small large
way large small
