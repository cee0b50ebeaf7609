#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A gateway has many units, and their cluster is away. Removing and restoring them takes bounded
# time for all together. The gateway tells which units are missing, and they come when the cluster
# does.
# shellcheck disable=SC2317 # steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/placement.sh

GW_GATEWAYS=gw1
UNITS=${UNITS:-6}
PATIENCE=20	# seconds: mount_timeout of the units

n=$TEST-1
url=$(gw_url gw1 "$n")
root=$(lab share)/root
t_build tools initiator
now_ms() { date +%s%3N; }
units() { lab exec -n gw1 -- sh -c "ls -d $GW_CORE/../rbd_*/$TEST-* 2>/dev/null" | wc -l; }

tools_up() {
	mkdir -p "$root/etc/ceph" && make -s -C ../../targetcli install DESTDIR="$root" >&2 &&
		lab ceph auth get-or-create client.away mon 'profile rbd' osd 'profile rbd pool=rbd' \
			>"$root/etc/ceph/ceph.client.away.keyring" &&
		tar -C "$root" -cf - . | lab exec gw1 -- tar -C / -xf -
}
tools_down() {
	lab heal gw1 ceph
	lab exec -n gw1 -- targetctl clear
	lab exec -n gw1 -- rm -f /etc/rtslib-fb-target/saveconfig.json /etc/ceph/ceph.client.away.keyring
	make -s -C ../../targetcli uninstall DESTDIR="$root"
	rm -f "$root/etc/ceph/ceph.client.away.keyring"
	lab ceph auth rm client.away
}
t_atexit tools_down

configure() {
	lab exec gw1 -- python3 - "$TEST" $UNITS "$(iqn_of "$n")" $PATIENCE <<-'EOF'
		import os, sys
		import rtslib_fb as rtslib
		name, count, iqn = sys.argv[1], int(sys.argv[2]), sys.argv[3]
		units = [rtslib.RBDStorageObject('%s-%d' % (name, i), image='rbd/%s-%d' % (name, i), id='away',
		                                options='mount_timeout=%s' % sys.argv[4])
		         for i in range(1, count + 1)]
		tpg = rtslib.TPG(rtslib.Target(rtslib.FabricModule('iscsi'), iqn), 1)
		for attribute, value in {'generate_node_acls': 1, 'demo_mode_write_protect': 0, 'authentication': 0}.items():
		    tpg.set_attribute(attribute, value)
		rtslib.LUN(tpg, 0, storage_object=units[0])
		rtslib.NetworkPortal(tpg, '10.78.0.11', 3260)
		tpg.enable = True
		os.makedirs('/etc/rtslib-fb-target', exist_ok=True)
		rtslib.RTSRoot().save_to_file('/etc/rtslib-fb-target/saveconfig.json')
	EOF
}
t 'the tools are installed' tools_up
for ((i = 1; i <= UNITS; i++)); do img_create "$TEST-$i" --size 4M; done
t "$UNITS units, and a target" configure
# a port that is not yet in the record answers BUSY, and a host asks again
t 'it serves' t_until 30 io "$url" 'write -P 0x5e 1M 64k'

# A unit whose header is on the same OSD as that of the first one. That OSD stands still: a READ
# KEYS of the first unit waits for it, for a minute. The other unit is closed, which must not
# shorten that.
osd_signal() { kill "-$1" "$(cat "$(dirname "$(lab share)")/ceph/run/osd.$osd.pid")"; }
osd_wakes() {
	osd_signal CONT
	lab ceph osd unset nodown
}
neighbour=$TEST-2
mapfile -t osds < <(osd_map "$(header_of "$n")" | jq -r '.acting[]')
osd=${osds[0]}
t 'another unit has its header with the same OSD' place "$(header_of "$neighbour")" "${osds[@]}"
t_atexit osd_wakes
path_of() { lab exec -n gw1 -- sh -c "ls -d $GW_CORE/../rbd_*/$1"; }
waits() {
	lab ceph osd set nodown && osd_signal STOP || return 1
	lab run -- timeout "$(t_limit $T_SPAN)" "$work/initiator" "$url" reader readkeys 0 1 >"$work/keys" 2>&1 &
	disown $!
	sleep 1
}
answered() {
	local i
	for ((i = 0; i < $(t_limit 60); i++)); do
		grep -q '^status' "$work/keys" && break
		sleep 1
	done
	cat "$work/keys"
	grep -q '^status 0x00' "$work/keys"
}
t 'an OSD stands still, and a READ KEYS waits for it' waits
t "a unit with a header there is removed" lab exec -n gw1 -- rmdir "$(path_of "$neighbour")"
sleep 2
t_is 'the READ KEYS of another one goes on waiting' "$(cat "$work/keys")" ''
osd_wakes
t 'and is good' answered

# removed: remove all of them, one after the other; print how long each took, in ms
removed() {
	lab exec gw1 -- python3 - "$GW_CORE/../rbd_*/$TEST-*" >"$work/removed" <<-'EOF'
		import glob, os, sys, time
		for unit in glob.glob(sys.argv[1]):
		    start = time.monotonic()
		    os.rmdir(unit)
		    print(int(1000 * (time.monotonic() - start)))
	EOF
}
t 'the target goes' gw_unexport gw1 "$n"
t 'the cluster is away' lab cut gw1 ceph
sleep 2
t "$((UNITS - 1)) units are removed" removed
took=$(awk '{ sum += $1 } END { print +sum }' "$work/removed")
note "$(wc -l <"$work/removed") units in $took ms"
t 'all of them wait for the cluster together' test "$took" -le "$(t_limit 15000)"
t_is 'all of them' "$(units)" 0

restored() {
	local start
	start=$(now_ms)
	lab exec -n gw1 -- targetctl restore >"$work/restore" 2>&1
	echo "status $?" >>"$work/restore"
	echo $(($(now_ms) - start)) >"$work/restored"
}
restored
note "restore ended after $(cat "$work/restored") ms"
# one after the other they would wait at least twice as long
t 'they waited together' test "$(cat "$work/restored")" -le "$(t_limit $((1000 * PATIENCE * UNITS / 2)))"
t_like 'and says by its status that it must be done again' "$(cat "$work/restore")" '(^|
)status 75'
t_like 'and what is missing' "$(cat "$work/restore")" "rbd: $UNITS units are missing: $n "
t_like 'and why' "$(cat "$work/restore")" 'the cluster does not answer'

t 'the cluster comes back while it is tried again' gw_comes_back gw1
t_like 'it says so' "$(cat "$work/retry")" 'all units are there'
t_is 'they are' "$(units)" $UNITS
t 'the earlier writes are there' io "$url" 'read -P 0x5e 1M 64k'
