# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What lab tests do with reservations. A test sources ktap.sh, gateway.sh, then this file, and sets url1 and url2 to
# the gateways' URLs of a unit.
#
#   pr_client_build             makes the initiators of tools/pr_client, with the rules that they are held against
#   pr_client ARGS...           runs them; ended after LIMIT seconds (240)
#   pr                          commands from stdin, with the answers they must get (script.c); what was answered is in
#                               $work/pr, and shown if it was not that
#   status NEXUS                READ FULL STATUS as one line
#   record IMAGE                its record, to the last byte
#   PORTS_LAST                  rules of awk that change a record: what the rules before print at its end comes before ports
#   reserved, works, in_force   keeper@1 and other@2 are registered and keeper reserves; they are, and reservation
#                               commands work; what is reserved stays so, whatever commands do
: "${work:?source gateway.sh first}"
# shellcheck disable=SC2034 # for tests
KEY=target_core_rbd.lu
# shellcheck disable=SC2034 # for tests
PORTS_LAST='$1 ~ /^(group|port)$/ { held = held $0 "\n"; next } $1 == "end" { printf "%s", held }'

pr_client_build() { t_build tools pr_client; }
pr_client() { lab run -- timeout "$(t_limit "${LIMIT:-240}")" "$work/pr_client" "$@"; }
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
