#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A Linux host with two paths, and a gateway that was fenced, that is cut from the cluster, or that
# was killed. The host goes on through the other path, sees no error, and uses the path again when
# the gateway is well. The path's states as the host had them, and how its commands were answered,
# are printed (docs/hosts.md tells what they mean).
# shellcheck disable=SC2317 # steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/hosts.sh
. ../lib/host_load.sh

n=$TEST-disk
img_create "$n" --size 64M
t 'somebody who asks' t_build scsi ask
t 'and who aborts' t_build tools initiator
t 'a disk for the host, through two gateways' serve "$n" "pool=rbd,image=$n"
t 'the host' host_up init1
t 'it logs in through both' host_login init1 "$n" gw1 gw2
map=$(host_map init1 "$n" gw1 gw2) || t_bail 'no multipath device'
disk=$(basename "$(host_disk init1 "$n" gw1)")

# The host writes all the time. Each second it notes the state of the path through gw1 when that has
# changed: of the device mapper, of the checker, of the device, and ALUA's.
watched() {
	lab exec init1 -- bash -s -- "$map" "$disk" "/tmp/$TEST.enough" <<-'SCRIPT'
		rm -f "$3"
		(
			longest=0
			until [ -e "$3" ]; do
				start=$(date +%s%N)
				dd if=/dev/zero of="$1" bs=4096 count=1 oflag=direct conv=notrunc 2>/dev/null || { echo 'a write failed'; exit 1; }
				took=$((($(date +%s%N) - start) / 1000000))
				[ $took -le $longest ] || longest=$took
				[ $took -lt 2000 ] || echo "$(cut -d' ' -f1 /proc/uptime) a write took $took ms"
				sleep 0.2
			done
			echo "longest write $longest ms"
		) &
		writer=$! state=
		until [ -e "$3" ]; do
			now="$(multipath -ll "$(basename "$1")" 2>/dev/null | sed -n "s/.* $2 *[0-9:]* *//p") $(cat /sys/block/$2/device/access_state 2>/dev/null)"
			[ "$now" = "$state" ] || echo "$(cut -d' ' -f1 /proc/uptime) $2: $now"
			state=$now
			sleep 1
		done
		wait $writer
		status=$?
		dmesg | grep -E 'alua|multipath|sd[a-z]\]|connection|session recovery' | tail -n 25
		exit $status
	SCRIPT
}
# STATE, as multipath has it
path_is() { on init1 multipath -ll "$(basename "$map")" | grep -q " $disk .* $1 "; }
is_out() { path_is 'failed faulty' || path_is 'failed ghost' || path_is 'active ghost'; }
answers() { # TEST UNIT READY, READ, REQUEST SENSE
	printf '%s\n' 000000000000 '28000000000000000100 in 512' '03000000ff00 in 255' |
		lab run -- timeout "$(t_limit 60)" "$work/ask" "$(gw_url gw1 "$n")" "asker-$BASHPID" 2>&1 | sed 's/\(.\{60\}\).*/\1.../'
}
ends_well() { on init1 touch "/tmp/$TEST.enough"; ended_by $((SECONDS + $(t_limit 120))) "$1"; }
gives_up() {
	lab run -- timeout "$(t_limit 90)" "$work/initiator" "$(gw_url gw1 "$n")" aborter abortread 2048 128 | grep '^abort answered: 0 '
}
goes_down() { lab kill gw1; }
is_cut() { lab cut gw1 ceph && gives_up; }
is_fenced() { lab ceph osd blocklist add "$(client_address gw1)"; }
# ADDRESS:PORT/NONCE of its entry in the record
client_address() {
	lab rbd image-meta get "$n" target_core_rbd.lu 2>/dev/null | awk -v name="$1" '$1 == "gateway" && $5 == name { print $3 }'
}
heals() { lab heal gw1 ceph; }
boots() { lab start gw1 && gw_serve gw1 "$n" "pool=rbd,image=$n"; }
t_atexit 'lab heal gw1 ceph'

tried() { # NAME WORDS BEGIN END
	on init1 dmesg --clear
	begin "$1" watched
	t 'the host uses both paths' t_until 90 path_is 'active ready'
	t "gw1 $2" "$3"
	note "its answers: $(answers | tr '\n' ';')"
	# a new identity may take less time than the host's checker needs to see it
	[ "$1" = fenced ] || t "$1: the path is out" t_until 120 is_out
	note "its answers: $(answers | tr '\n' ';')"
	t "$1: gw1 is well again" "$4"
	t "$1: the host uses its path" t_until 330 path_is 'active ready'
	t "$1: no write failed" ends_well "$1"
	note "$(cat "$work/$1.out")"
	t "$1: the host's kernel saw no error" no_error
}
tried recovery 'is cut from the cluster, and gives up' is_cut heals
tried fenced 'is fenced' is_fenced :
tried killed 'is killed' goes_down boots
