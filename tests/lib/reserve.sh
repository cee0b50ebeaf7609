# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Functions of lab tests for reservations. A test sources ktap.sh, gateway.sh, then this file, and
# sets url1 and url2 to the gateways' URLs of a unit.
#
#   pr_client_build             make the initiators of tools/pr_client, with the rules that they are
#                               compared with
#   pr_client ARGS...           run them; end them after LIMIT seconds (240)
#   pr                          run commands from stdin, with the answers they must get (script.c);
#                               the answers are in $work/pr, and shown if they differ
#   status NEXUS                print READ FULL STATUS as one line
#   record IMAGE                print its record, to the last byte
#   PORTS_LAST                  rules of awk that change a record: lines that earlier rules print at
#                               its end come before the lines of ports
#   reserved, works, in_force   register keeper@1 and other@2, and let keeper reserve; check that
#                               they are, and that reservation commands work; check that the
#                               reservation holds, whatever becomes of commands
: "${work:?source gateway.sh first}"
# shellcheck disable=SC2034 # for tests
KEY=target_core_rbd.lu
# shellcheck disable=SC2034 # for tests
PORTS_LAST='$1 ~ /^(group|port)$/ { held = held $0 "\n"; next } $1 == "end" { printf "%s", held }'

pr_client_build() { t_build tools pr_client; }
pr_client() { lab run -- timeout --verbose "$(t_limit "${LIMIT:-240}")" "$work/pr_client" "$@"; }
# shellcheck disable=SC2154 # url1 and url2 are the test's
pr() { pr_client script "$url1" "$url2" >"$work/pr" 2>&1 || { cat "$work/pr"; return 1; }; }
status() { pr_client script "$url1" "$url2" <<<"$1 status" | sed 's/^[^:]*: //'; }
# rbd shows it with a newline behind it
record() { lab rbd image-meta get "$1" $KEY 2>/dev/null | head -c -1; }

reserved() {
	pr <<-'SCRIPT'
		keeper@1 register 0 0xaa = good
		other@2 register 0 0xbb = good
		keeper@1 reserve 0xaa 1 = good
		keeper@1 write 0 0x10 = good
		other@2 write 0 0x11 = conflict
	SCRIPT
}
works() {
	pr <<-'SCRIPT'
		keeper@1 keys = good 0xaa 0xbb
		other@2 keys = good 0xaa 0xbb
		other@2 holder = good 0xaa type 1
		other@2 register 0xbb 0xcc = good
		keeper@1 keys = good 0xaa 0xcc
		other@2 register 0xcc 0xbb = good
		other@1 write 0 0x12 = conflict
	SCRIPT
}
in_force() {
	pr <<-'SCRIPT'
		keeper@1 write 0 0x20 = good
		keeper@2 write 0 0x21 = conflict
		other@2 write 0 0x22 = conflict
		stranger@1 write 0 0x23 = conflict
		stranger@2 write 0 0x24 = conflict
		stranger@2 read 0 = good 0x20
	SCRIPT
}
