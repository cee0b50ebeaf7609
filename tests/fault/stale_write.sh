#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A write that is stuck in a gateway never comes out later on top of newer data.
#
# This is the scenario, for each kind of image and of stuck command, all at the same time at places
# of their own:
#
# 	the block holds P0, or nothing; gw1 is cut from the cluster, not from its initiators
# 	an initiator sends A through gw1, and gets no answer
# 	it fails over and writes A, then B through gw2; both are acknowledged
# 	gw1 reaches the cluster again, and ends the commands that it holds
# 	the block must hold B, and the OSD must have refused the commands that gw1 held
#
# The sessions with gw1 stay until shortly before that, or gw1 would give up its commands
# (bounded.sh).
#
# To show that this test can fail, the same runs against a target that has the defect, LIO's iblock
# on krbd: the block holds A there. If it ever does not, the scenario proves nothing any more and
# the test fails.
# shellcheck disable=SC2317 # steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh

STUCK_FOR=$((W_S + 1))	# seconds: the time-out of an initiator
END_WAIT=$(t_limit 60)	# for gw1 to end the commands that it holds

# stuck WHAT NAME OFFSET LENGTH BEFORE COMMAND [NEWER]: send a command that is going to hang in gw1.
# BEFORE: the pattern at the place, - for nothing. COMMAND: of qemu-io, or "caw OLD NEW" for the
# block at OFFSET. NEWER: the pattern that gw2 writes in the end, 0xb2 unless it is named.
whats=() names=() offsets=() lengths=() befores=() commands=() newers=() pids=()
stuck() {
	whats+=("$1")
	names+=("$2")
	offsets+=("$3")
	lengths+=("$4")
	befores+=("$5")
	commands+=("$6")
	newers+=("${7:-0xb2}")
}

# Log in before the cut, so that only the sending is left to do after it: a command that comes to a
# gateway without a lease waits for the lease, and not for the OSDs.
stuck_log_in() {
	local i url command
	for i in "${!whats[@]}"; do
		url=$(gw_url gw1 "${names[i]}") command=${commands[i]}
		mkfifo "$work/go.$i"
		case $command in
		caw*)
			# shellcheck disable=SC2086 # OLD and NEW
			lab run -- timeout "$(t_limit $T_SPAN)" "$work/initiator" -w "$url" stuck caw $((${offsets[i]%M} * 2048)) ${command#caw} &
			;;
		*)
			echo "read ${offsets[i]} 512" >&0
			lab run -- timeout "$(t_limit $T_SPAN)" qemu-io -f raw "$url" &
			;;
		esac <>"$work/go.$i" >"$work/stuck.$i" 2>&1
		pids[i]=$!
		t_atexit "t_kill $!"
		# bash would tell of its end
		disown $!
	done
}
stuck_are_ready() {
	local tries
	for ((tries = 0; tries < 10 * $(t_limit 60); tries++)); do
		[ "$(grep -lE '^ready|read 512/512' "$work"/stuck.* | wc -l)" != "${#whats[@]}" ] || return 0
		sleep 0.1
	done
	head "$work"/stuck.*
	return 1
}
stuck_send() {
	local i
	for i in "${!whats[@]}"; do printf '%s\nquit\n' "${commands[i]}" 1<>"$work/go.$i"; done
}

family() {
	local child
	echo "$1"
	for child in $(pgrep -P "$1"); do family "$child"; done
}
# The initiators stand still: otherwise they would repeat a command that ends with BUSY, and rightly
# so. If they went away, gw1 would give up after ten seconds, and on a slow machine that is before
# TCP finds that the cluster is there again. Print the commands that have ended, though.
stuck_stand_still() {
	local i
	for i in "${!whats[@]}"; do
		kill -0 "${pids[i]}" 2>/dev/null || { echo "${whats[i]}: it was not stuck:"; cat "$work/stuck.$i"; }
		family "${pids[i]}" >>"$work/families"
	done
	xargs kill -STOP <"$work/families"
}
gave_up() { lab log --since-mark gw1 | grep -q 'giving up what is in flight'; }

# wait until gw1 has no request at the OSDs any more; a command that waits for the group ends with
# the next heartbeat
gw1_idle() {
	lab exec -n gw1 -- sh -c "
		for i in \$(seq $END_WAIT); do
			grep -hE '^REQUESTS [1-9]' /sys/kernel/debug/ceph/*/osdc || { sleep 3; exit 0; }
			sleep 1
		done >/dev/null
		exit 1"
}

before_all() {
	local i
	for i in "${!whats[@]}"; do
		[ "${befores[i]}" = - ] || io "$(gw_url gw1 "${names[i]}")" "write -P ${befores[i]} ${offsets[i]} ${lengths[i]}" ||
			{ echo "${whats[i]}: first write"; return 1; }
	done
}

# One connection for each image, all at the same time: 24 s after the cut gw1 gives up the commands
# that it holds, and no OSD is asked for them.
newer_all() {
	local i name status=0 writers=() commands
	for name in $(printf '%s\n' "${names[@]}" | sort -u); do
		commands=()
		for i in "${!whats[@]}"; do
			[ "${names[i]}" != "$name" ] || commands+=("write -P 0xa1 ${offsets[i]} ${lengths[i]}" \
				"write -P ${newers[i]} ${offsets[i]} ${lengths[i]}")
		done
		IO_OUT=$work/newer.$name io "$(gw_url gw2 "$name")" "${commands[@]}" &
		writers+=($!)
	done
	for i in "${writers[@]}"; do wait "$i" || status=1; done
	return $status
}
t_atexit 'lab heal gw1 ceph'

t_build tools initiator
name=$TEST-plain
img_create "$name" --size 64M
t 'an image on two gateways' serve "$name" "pool=rbd,image=$name"
stuck 'a write' "$name" 0 64k 0 'write -P 0xa1 0 64k'
stuck 'a first write to an object' "$name" 8M 64k - 'write -P 0xa1 8M 64k'
stuck 'a write across objects' "$name" $((16 * 1024 - 32))k 64k 0 "write -P 0xa1 $((16 * 1024 - 32))k 64k"
stuck 'WRITE SAME' "$name" 24M 64k 0 'write -z 24M 64k'
stuck 'UNMAP' "$name" 28M 64k 0x33 'discard 28M 64k'
stuck 'UNMAP of a whole object' "$name" 32M 4M 0x33 'discard 32M 4M'
stuck 'COMPARE AND WRITE' "$name" 40M 512 0x44 'caw 0x44 0xa1'
stuck 'COMPARE AND WRITE of a hole' "$name" 44M 512 - 'caw 0 0xa1'
# a lock: free, held, and free again when gw1 comes to compare
stuck 'COMPARE AND WRITE whose value returns' "$name" 48M 512 0x44 'caw 0x44 0xa1' 0x44
stuck 'COMPARE AND WRITE of a hole, and zeros return' "$name" 52M 512 - 'caw 0 0xa1' 0

# on a clone the object must be copied up before it can be written
parent=$TEST-parent
clone=$TEST-clone
img_create "$parent" --size 16M
parent_up() {
	lab rbd bench --io-type write --io-size 4M --io-total 16M "$parent" &&
		lab rbd snap create --no-progress "$parent@s" && lab rbd snap protect "$parent@s" &&
		lab rbd clone --image-feature layering "$parent@s" "$clone"
}
clone_clean() {
	lab rbd rm --no-progress "$clone"
	lab rbd snap unprotect "$parent@s"
}
t 'a clone' parent_up
t 'on two gateways' serve "$clone" "pool=rbd,image=$clone"
stuck 'a first write on a clone' "$clone" 0 64k - 'write -P 0xa1 0 64k'
stuck 'UNMAP on a clone' "$clone" 4M 64k - 'discard 4M 64k'

ec=$TEST-ec
t 'an erasure coded pool' ec_pool "$TEST"
img_create "$ec" --size 64M --data-pool "$TEST"
t 'an image with its data there' serve "$ec" "pool=rbd,image=$ec"
stuck 'a write to an erasure coded pool' "$ec" 0 64k 0 'write -P 0xa1 0 64k'
stuck 'a first write there' "$ec" 8M 64k - 'write -P 0xa1 8M 64k'

# The peer that has the defect: iblock over krbd on both gateways.
peer=$TEST-peer
img_create "$peer" --size 64M
peers_up() { krbd_serve gw1 "$peer" && krbd_serve gw2 "$peer"; }
t 'a peer: iblock over krbd on two gateways' peers_up
stuck 'the peer' "$peer" 0 64k 0 'write -P 0xa1 0 64k'

t 'all places have what they had before' before_all
stuck_log_in
t 'the initiators have logged in' stuck_are_ready
t 'gw1 is cut from the cluster' lab cut gw1 ceph
cut_at=$SECONDS
stuck_send
sleep $STUCK_FOR
t 'the hanging data are written, and then newer ones, through gw2' newer_all
ended=$(stuck_stand_still)
if [ -n "$ended" ] && gave_up; then
	t_skip 'the commands have hung until now' 'this machine is too slow: gw1 has given them up'
else
	t_is 'the commands have hung until now' "$ended" ''
fi
# A first try that an OSD refused counts as a fallback, also when the second one is not sent because
# gw1 has not heard of the header for too long.
refused() { echo $(($(gw_info gw1 "$name" Fallbacks) + $(gw_info gw1 "$clone" Fallbacks) + $(gw_info gw1 "$ec" Fallbacks))); }
before=$(refused)
# the requests that it has sent with a guard: all but those that came when its lease had run out,
# and the peer's
held=$(lab exec -n gw1 -- sh -c 'cat /sys/kernel/debug/ceph/*/osdc' | grep -c 'rbd_data.*xattr')
note "gw1 holds $held guarded requests"
t 'gw1 reaches the cluster again' lab heal gw1 ceph
note "gw1 was cut off for $((SECONDS - cut_at)) s"
t 'and ends what it holds' gw1_idle
xargs kill -KILL <"$work/families" 2>/dev/null

for i in "${!whats[@]}"; do
	read_newer=(io "$(gw_url gw2 "${names[i]}")" "read -P ${newers[i]} ${offsets[i]} ${lengths[i]}")
	if [ "${names[i]}" = "$peer" ]; then
		t_fails 'the old write does come back there, so this test can fail' "${read_newer[@]}"
	else
		t "${whats[i]}: the newer data stay" "${read_newer[@]}"
	fi
done
note "the OSDs refused $(($(refused) - before)) first tries"
if gave_up || [ "$held" -lt 10 ]; then
	t_skip 'the OSDs refused what gw1 held' 'this machine is too slow: gw1 had given it up, or not sent it'
else
	t 'the OSDs refused what gw1 held' test $(($(refused) - before)) -ge 10
fi
t 'both gateways go on afterwards' t_until 60 io "$(gw_url gw1 "$name")" 'write -P 1 0 64k'
t 'and what is written then stays' io "$(gw_url gw1 "$name")" 'read -P 1 0 64k'

unserve "$clone"
clone_clean >/dev/null 2>&1
