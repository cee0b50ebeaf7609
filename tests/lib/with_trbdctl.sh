# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Functions of lab tests for trbdctl. A test sources ktap.sh, gateway.sh, then this file.
#
#   trbdctl_up             install the tools in the running gateways, and in those that boot later
#   ctl GW WORDS...        run trbdctl there
#   differs GW             print the status of plan: 2 if something differs, else 0
#   all_of GW              print everything that is configured there, and what is saved
#   put NODE FILE          write standard input to a file there
#   group_file UNIT LUN HOST SECRET
#                          print a file: both gateways serve the unit, whose image has its name, as
#                          that LUN; HOST gets it as user host1 with that secret
#   chap_login NODE IQN USER PASSWORD
#                          log in to all portals of a target that the node has discovered
#
# The tools, and what they configured, go away at the end.

TRBDCTL_ROOT=$(lab share)/root
# shellcheck disable=SC2034 # for tests
TRBDCTL_SAVED=/etc/rtslib-fb-target/saveconfig.json
# shellcheck disable=SC2034 # for tests
TRBDCTL_SECRETS=/etc/target_core_rbd/secrets

trbdctl_up() {
	local gw
	t_atexit trbdctl_down
	make -s -C "$TESTS_DIR/../targetcli" install DESTDIR="$TRBDCTL_ROOT" >&2 || return 1
	for gw in $GW_GATEWAYS; do
		tar -C "$TRBDCTL_ROOT" -cf - . | lab exec "$gw" -- tar -C / -xf - || return 1
	done
}

trbdctl_down() {
	local gw
	make -s -C "$TESTS_DIR/../targetcli" uninstall DESTDIR="$TRBDCTL_ROOT"
	for gw in $GW_GATEWAYS; do
		gw_sh "$gw" <<-'SCRIPT'
			targetctl clear
			rm -rf /etc/rtslib-fb-target/saveconfig.json /etc/rtslib-fb-target/backup /etc/target_core_rbd /var/lib/target_core_rbd
			rm -rf /usr/lib/python3/dist-packages/target_core_rbd.pth /usr/lib/python3/dist-packages/{target_core_rbd,trbdctl}
		SCRIPT
	done
	lab run -- rados -p rbd rm target_core_rbd.config
}

ctl() { lab exec -n --timeout "$(t_limit 300)" "$1" -- trbdctl "${@:2}"; }

differs() { ctl "$1" plan pool:rbd >/dev/null 2>&1; echo $?; }

all_of() {
	gw_sh "$1" <<-'SCRIPT'
		cd /sys/kernel/config/target && find . -type d -o -type l | grep -v '/statistics\|/fabric_statistics' | sort
		find iscsi \( -path '*/attrib/*' -o -path '*/auth/*' -o -name enable \) -type f | sort | xargs grep -H .
		md5sum /etc/rtslib-fb-target/saveconfig.json 2>/dev/null
	SCRIPT
}

put() { lab exec "$1" -- tee "$2" >/dev/null; }

group_file() {
	cat <<-EOF
		version: 1
		gateways:
		  gw1: {portals: [$(gw_addr gw1)]}
		  gw2: {portals: [$(gw_addr gw2)]}
		disks:
		  $1: {image: rbd/$1}
		targets:
		  $(iqn_of "$1"):
		    luns: {$2: $1}
		    hosts:
		      $3: {chap: {user: host1, secret: $4}, luns: all}
	EOF
}

chap_login() {
	gw_sh "$1" "${@:2}" <<-'SCRIPT'
		set -e
		iscsiadm -m node -T "$1" -o update -n node.session.auth.authmethod -v CHAP
		iscsiadm -m node -T "$1" -o update -n node.session.auth.username -v "$2"
		iscsiadm -m node -T "$1" -o update -n node.session.auth.password -v "$3"
		iscsiadm -m node -T "$1" --login
	SCRIPT
}
