# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Rounds of pr_client's preempt in steps. The victim writes through gw1, and another initiator
# preempts it through gw2. A test sources ktap.sh, gateway.sh, reserve.sh, then this file.
#
#   begin DIR NAME ACTION     begin a round with image NAME; ACTION is preempt or abort
#   step DIR LINE REGEX       go on with LINE, and wait until the program has said REGEX
#   has_said DIR REGEX SECONDS
#                             wait for that alone
#   finish DIR                check that nothing of the victim's has landed since, and end the round
#   said DIR                  note how the victim and the PREEMPT fared
#   took DIR SECONDS          succeed if the PREEMPT was good within that time
#   good_within FILE          print how many seconds it may take when the victim's gateway does not
#                             answer; FILE has the output of rounds in which it does
#   pr_of NAME                pr for that image
#   exclusive NAME            keeper@2 reserves it: the others may not even read
#   back NAME                 wait until a new session reads through gw1, BACK_WITHIN seconds at
#                             most; $work/took tells how long that was
#   has_lease NAME            succeed if gw1 has one for that image
#
# Rounds that are still going on end with the test. $work is of gateway.sh.
# shellcheck disable=SC2154

: "${KEY:?source reserve.sh first}"
BACK_WITHIN=$(t_limit 60)

# Rounds overlap and wait for each other, so the program gets as long as a whole test.
begin() {
	mkdir "$1" && mkfifo "$1/in" && : >"$1/out" || return 1
	LIMIT=3600 pr_client preempt "$(gw_url gw1 "$2")" "$(gw_url gw2 "$2")" "$3" <>"$1/in" >"$1/out" 2>&1 &
	echo $! >"$1/pid"
	has_said "$1" '^writing' "$(t_limit 60)"
}
has_said() {
	local i
	for ((i = 0; i < 10 * $3; i++)); do
		grep -qE "$2" "$1/out" && return
		kill -0 "$(cat "$1/pid")" 2>/dev/null || break
		sleep 0.1
	done
	# the program's last line
	grep -qE "$2" "$1/out" && return
	echo "no '$2':"
	cat "$1/out"
	return 1
}
step() {
	# open it for reading as well, or it would wait for a reader
	echo "$2" 1<>"$1/in"
	has_said "$1" "$3" "$(t_limit 90)"
}
took() {
	local ms
	ms=$(sed -n 's/.* good after \([0-9]*\) ms.*/\1/p' "$1/out")
	echo "PREEMPT took $ms ms"
	[ -n "$ms" ] && [ "$ms" -le $(($2 * 1000)) ]
}
# the gateways need three seconds; a machine needs as long for the rest as for five PREEMPTs
good_within() {
	local slowest
	slowest=$(sed -n 's/.* good after \([0-9]*\) ms.*/\1/p' "$1" | sort -n | tail -n 1)
	echo $(((5000 + 5 * ${slowest:-1000} + 999) / 1000))
}
pr_of() { url1=$(gw_url gw1 "$1") url2=$(gw_url gw2 "$1") pr; }
exclusive() {
	pr_of "$1" <<-'EOF'
		keeper@2 register 0 0xaa = good
		keeper@2 reserve 0xaa 3 = good
		other@1 read 0 = conflict
	EOF
}
finish() { step "$1" again '^unchanged' && step "$1" end '^done'; }
# in a round that fails half way the program would wait for ever
rounds_end() {
	local pid
	for pid in "$work"/*/pid; do t_kill "$(cat "$pid")"; done
}
t_atexit rounds_end

back() {
	local began=$SECONDS
	while [ $((SECONDS - began)) -lt "$BACK_WITHIN" ]; do
		if lab run -- timeout "$(t_limit 10)" "$work/pr_client" script "$(gw_url gw1 "$1")" "$(gw_url gw2 "$1")" \
			<<<'reader@1 read 100 = good 0x00' >"$work/back" 2>&1; then
			echo "$((SECONDS - began)) s" >"$work/took"
			return
		fi
		sleep 1
	done
	cat "$work/back"
	return 1
}
said() { note "$(grep -E 'good after|^victim' "$work/$1/out")"; }
has_lease() { lab exec -n gw1 -- awk 'NR == 1 { exit $4 <= 0 }' "$GW_CORE/$1/attrib/gateway_group"; }
