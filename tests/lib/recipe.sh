# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Type README's recipe, taken out of README.md, so that tests run exactly the lines that people
# read. A test sources ktap.sh, gateway.sh, hosts.sh, then this file; the demo uses it as well.
#
#   recipe TOOLS              print the lines of the chapter "Use" that begin with one of these,
#                             a|b|c
#   recipe_gateway GW         print those for a gateway: gw1 is the first
#   recipe_word REGEX         print the word behind the match, in these lines
#   type_in NODE LINES        type lines there, one after the other, until one fails
#   on_both COMMAND           run COMMAND gw1 and COMMAND gw2 at the same time
#   recipe_address NODE       give it the address that README has for it, until it boots
#   recipe_host_name NAME     give init1 this name
#   recipe_up                 bring up two gateways and init1 as README has them, with its addresses
#                             and names; the tools are installed, and targetcli has not been used
#                             yet
#
# Everything that recipe_up and the recipe made goes away at the end.

RECIPE_README=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/README.md

recipe() { sed -n '/^## Use$/,/^## /s/^    //p' "$RECIPE_README" | grep -E "^($1) "; }

recipe_gateway() {
	local other='# on the second gateway only'
	[ "$1" = gw1 ] || other='# on the first gateway only'
	recipe targetcli | grep -v "$other\$"
}

recipe_word() { recipe '.*' | sed -nE "s|.*$1([^ ]+).*|\1|p" | sort -u; }

type_in() { lab exec -n --timeout $((300 * ${TEST_SLOW:-1})) "$1" -- bash -exc "$2"; }

# each line begins with the start of an interpreter, so one gateway after the other would take twice
# as long
on_both() {
	local other ended=0
	"$1" gw2 &
	other=$!
	"$1" gw1 || ended=1
	wait $other && return $ended
}

# beside the node's address in the lab's network, which ends the same
recipe_address() {
	lab exec "$1" -- bash -e -s <<-'SCRIPT'
		set -- $(ip -o -4 addr show | awk '/ 10\.78\.0\./ { print $2, $4 }')
		ip addr replace "192.0.2.${2##*.}" dev "$1"
	SCRIPT
}

# the name that README gives the host; the daemon reads it when it starts
recipe_host_name() {
	lab exec init1 -- bash -e -s -- "$1" <<-'SCRIPT'
		echo "InitiatorName=$1" >/etc/iscsi/initiatorname.iscsi
		iscsiadm -k 0 || :
		timeout 10 sh -c 'while pidof iscsid >/dev/null; do sleep 0.2; done'
		iscsid </dev/null >/dev/null 2>&1
	SCRIPT
}

recipe_tools() {
	# shellcheck disable=SC2154 # gateway.sh's
	make -s -C "$TESTS_DIR/../targetcli" install DESTDIR="$work/tools" >&2 || return 1
	for gw in $GW_GATEWAYS; do
		tar -C "$work/tools" -cf - . | lab exec "$gw" -- tar -C / -xf - && lab exec -n "$gw" -- rm -rf /root/.targetcli || return 1
	done
}

recipe_up() {
	local gw
	t_atexit recipe_down
	recipe_tools || return 1
	for gw in $GW_GATEWAYS init1; do recipe_address "$gw" || return 1; done
	recipe_host_name "$(recipe_word 'acls create ')"
}

recipe_down() {
	local gw
	host_forget init1
	host_sh init1 <<-'SCRIPT'
		ip addr del 192.0.2.51/24 dev "$(ip -o -4 addr show | awk '/ 192\.0\.2\./ { print $2 }')"
	SCRIPT
	recipe_host_name iqn.2026-11.test.lab:init1
	for gw in $GW_GATEWAYS; do
		gw_sh "$gw" <<-'SCRIPT'
			targetctl clear
			rm -rf /root/.targetcli /etc/rtslib-fb-target/saveconfig.json /etc/ceph/ceph.client.gw.keyring
			ip -o -4 addr show | awk '/ 192\.0\.2\./ { print $4, $2 }' | while read -r addr dev; do ip addr del "$addr" dev "$dev"; done
			rm -rf /usr/lib/python3/dist-packages/target_core_rbd /usr/lib/python3/dist-packages/target_core_rbd.pth
		SCRIPT
	done
	lab rbd rm --no-progress "$(recipe 'rbd create' | sed 's/.* //')"
	lab ceph auth rm client.gw
}
