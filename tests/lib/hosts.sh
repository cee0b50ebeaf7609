# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Functions of lab tests for machines as initiators: hosts with a kernel, file systems and multipath
# of their own. A test sources ktap.sh, gateway.sh, then this file.
#
#   host_up HOST                      boot it, unless it runs; it goes on running for the next tests
#   on HOST CMD...                    run a command there
#   host_sh HOST ARGS...              run a script from stdin there
#   host_config HOST SECTION LINE     add to its multipath.conf
#   host_login HOST NAME GW...        log in to the target of NAME through these gateways
#   host_forget HOST                  remove its multipath devices, log out of every target, and
#                                     forget them
#   host_disk HOST NAME GW            print the disk that it has through that gateway
#   host_map HOST NAME GW...          print its multipath device, once it has these paths
#   host_write HOST DEVICE BLOCK [BYTE]  write a block of 4096 bytes past all caches
#   stranger GW NAME COMMAND          run a qemu-io command as an initiator that is none of the
#                                     hosts
#   pr_keys, pr_generation, pr_reservation, pr_status HOST DEVICE
#                                     print PERSISTENT RESERVE IN's answer there: the keys, sorted;
#                                     PRGENERATION; the reservation's key and type; everything
#
# Commands that fail say why on stderr and return 1. Sessions, multipath devices and configuration
# go away at the end.

: "${GW_GATEWAYS:?source gateway.sh first}"

host_up() { lab status | grep -q "^$1 running " || lab start "$1"; }

on() { lab exec -n --timeout "$(t_limit 300)" "$1" -- "${@:2}"; }

host_sh() { lab exec --timeout "$(t_limit 300)" "$1" -- bash -s -- "${@:2}"; }

host_config() {
	host_sh "$1" "$TEST" "$2" "$3" <<-'SCRIPT'
		mkdir -p /etc/multipath/conf.d
		printf '%s {\n\t%s\n}\n' "$2" "$3" >/etc/multipath/conf.d/$1.conf
		multipathd reconfigure
	SCRIPT
}

host_login() {
	local host=$1 iqn gw
	iqn=$(iqn_of "$2")
	for gw in "${@:3}"; do
		host_sh "$host" "$iqn" "$(gw_addr "$gw")" <<-'SCRIPT' || return 1
			set -e
			iscsiadm -m discovery -t sendtargets -p $2 >/dev/null
			iscsiadm -m node -T $1 -p $2 --login >/dev/null
			timeout 120 sh -c "until [ -b /dev/disk/by-path/ip-$2:3260-iscsi-$1-lun-0 ]; do sleep 0.2; done"
		SCRIPT
	done
}

# Commands that wait for a path must fail first, or nothing ends. A late uevent of a path has
# multipathd make a device again that was removed a moment ago, so look again after each round.
host_forget() {
	host_sh "$1" <<-'SCRIPT'
		maps() { multipath -ll -v1; }
		for ((i = 0; i < 60; i++)); do
			for map in $(maps); do
				multipathd disablequeueing map "$map"
				multipath -f "$map"
			done
			! iscsiadm -m session || iscsiadm -m node --logoutall=all
			! iscsiadm -m node || iscsiadm -m node -o delete
			udevadm settle --timeout=10
			[ -n "$(maps)" ] || iscsiadm -m session || exit 0
			sleep 0.5
		done
		multipath -ll >&2
		exit 1
	SCRIPT
}

hosts_clean() {
	local host status=0
	for host in $(lab status | awk '/^init.* running / { print $1 }'); do
		host_forget "$host" || status=1
		host_sh "$host" "/etc/multipath/conf.d/$TEST.conf" <<-'SCRIPT'
			if [ -e "$1" ]; then
				rm "$1"
				multipathd reconfigure
			fi
		SCRIPT
	done
	return $status
}
t_atexit hosts_clean

host_disk() { on "$1" readlink -e "/dev/disk/by-path/ip-$(gw_addr "$3"):3260-iscsi-$(iqn_of "$2")-lun-0"; }

host_map() {
	host_sh "$1" $(($# - 2)) "/dev/disk/by-path/ip-$(gw_addr "$3"):3260-iscsi-$(iqn_of "$2")-lun-0" <<-'SCRIPT'
		for ((i = 0; i < 600; i++)); do
			dm=$(echo /sys/block/"$(basename "$(readlink -f "$2")")"/holders/dm-*)
			paths=("$dm"/slaves/sd*)
			if [ -e "${paths[0]}" ] && [ ${#paths[@]} = "$1" ] && map=/dev/mapper/$(cat "$dm/dm/name") && [ -b "$map" ]; then
				echo "$map"
				exit
			fi
			sleep 0.2
		done
		multipath -ll >&2
		exit 1
	SCRIPT
}

host_write() {
	host_sh "$1" "$2" "$3" "${4:-0}" <<-'SCRIPT'
		set -o pipefail
		head -c 4096 /dev/zero | tr '\0' "\\$(printf %o "$3")" |
			dd of="$1" bs=4096 seek="$2" count=1 iflag=fullblock oflag=direct conv=notrunc
	SCRIPT
}

stranger() { io "$(gw_url "$1" "$2")" "$3" && ! grep ' failed: ' "$IO_OUT"; }

pr_in() { on "$1" sg_persist --no-inquiry --in "$2" "$3"; }
pr_keys() { pr_in "$1" --read-keys "$2" | sed -n 's/^ *\(0x[0-9a-f]*\)$/\1/p' | sort | xargs; }
pr_generation() { pr_in "$1" --read-keys "$2" | sed -n 's/.*PR generation=\(0x[0-9a-f]*\).*/\1/p'; }
pr_status() { pr_in "$1" --read-full-status "$2"; }
pr_reservation() {
	pr_in "$1" --read-reservation "$2" |
		sed -n 's/.*there is NO reservation held.*/none/p; s/^ *Key=\(.*\)$/\1/p; s/.*type: \(.*\)$/\1/p' | xargs
}
