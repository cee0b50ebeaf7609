# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Make allocations fail on a gateway with the debug kernel: only those with a function of the module
# in their stack. A test sources gateway.sh, then this file. It is skipped on a kernel that cannot
# do this, and nothing fails any more when it ends.
#
#   inject GW KIND PERCENT [but|only FUNCTION]
#                            fail that many of them from now on; KIND: failslab, fail_page_alloc.
#                            "but": none that have this function in their stack; "only": only those
#   inject_off GW            fail no more; print how many failed since inject
#   inject_here GW           fail only those that a task asks for with /proc/PID/fail-nth, which
#                            counts both kinds
#   fail_nth GW PID N        after inject_here: fail the Nth that this thread makes from now on; 0:
#                            none. Print how many were left of the N before, 0 if it was reached
#   fail_each GW THREAD DO LOOK
#                            run DO while allocations of that kernel thread fail, one each time, and
#                            LOOK after it while none does; both are functions. Stop when no
#                            allocation is left, or when one of the two fails; print how many there
#                            are and how many failed
#
#   FAIL_ROUNDS              how often DO runs at most (16, each time is long on such a kernel). Of
#                            more allocations only some fail, at equal distances, another choice
#                            each time, so enough runs reach all
#
# Two kinds never fail here: __GFP_NOFAIL, and those of a mempool, which hands out its reserve
# instead.

: "${work:?source gateway.sh first}"

inject_sh() {
	gw_sh "$@" <<-'SCRIPT'
		what=$1 kind=$2 percent=$3 how=$4 function=$5
		cd /sys/kernel/debug || exit 1
		# where its functions are; the next module's functions begin on another page
		functions=$(awk '/\[target_core_rbd\]/ && $2 ~ /^[tT]$/ { print $1, $3 }' /proc/kallsyms | sort)
		set -- $(sed -n '1s/ .*//p;$s/ .*//p' <<<"$functions")
		[ $# = 2 ] || exit 1
		set -- 0x$1 $(printf '0x%x' $(((0x$2 | 0xfff) + 1))) 0 0
		if [ -n "$how" ]; then
			range=$(awk -v f=$function 'from && $1 != from { print "0x" from, "0x" $1; exit } $2 == f { from = $1 }' \
				<<<"$functions")
			[ -n "$range" ] || exit 1
			[ $how = only ] && set -- $range 0 0 || set -- $1 $2 $range
		fi
		for dir in failslab fail_page_alloc; do
			echo 0 >$dir/probability
			echo 0 >$dir/verbose
			echo N >$dir/ignore-gfp-wait
			echo 32 >$dir/stacktrace-depth
			echo $1 >$dir/require-start
			echo $2 >$dir/require-end
			echo $3 >$dir/reject-start
			echo $4 >$dir/reject-end
			echo 1 >$dir/interval
			[ $what = off ] || echo -1 >$dir/times
		done
		echo 0 >fail_page_alloc/min-order
		echo N >fail_page_alloc/ignore-gfp-highmem
		case $what in
		on)
			echo 1000000000 >$kind/times
			echo $percent >$kind/probability
			;;
		off)
			for dir in failslab fail_page_alloc; do
				times=$(cat $dir/times)
				[ $times -lt 0 ] || n=$((n + 1000000000 - times))
				echo -1 >$dir/times
			done
			echo ${n-0}
			;;
		esac
	SCRIPT
}
inject() { inject_sh "$1" on "${@:2}"; }
inject_off() { inject_sh "$1" off; }
inject_here() { inject_sh "$1" here; }

fail_nth() {
	gw_sh "$@" <<-'SCRIPT'
		cat /proc/$1/fail-nth && echo $2 >/proc/$1/fail-nth
	SCRIPT
}

kthread_pid() {
	gw_sh "$@" <<-'SCRIPT'
		for comm in /proc/[0-9]*/comm; do
			read -r name <$comm
			[ "$name" != "$1" ] || basename ${comm%/comm}
		done 2>/dev/null
	SCRIPT
}

FAIL_ROUNDS=${FAIL_ROUNDS:-16}
# more than any step here makes
FAIL_MOST=100000

# no test has variables of these names: DO and LOOK see them
fail_each() { # GW THREAD DO LOOK
	local gw=$1 pid left nth stride total failed=0
	pid=$(kthread_pid "$gw" "$2")
	[ -n "$pid" ] || { echo "$gw has no $2"; return 1; }
	fail_nth "$gw" "$pid" $FAIL_MOST >/dev/null || return 1
	"$3" >"$work/round" 2>&1 || { echo 'when nothing fails:'; cat "$work/round"; return 1; }
	left=$(fail_nth "$gw" "$pid" 0) || return 1
	total=$((FAIL_MOST - left))
	stride=$(((total + FAIL_ROUNDS - 1) / FAIL_ROUNDS))
	[ $stride -gt 0 ] || { echo 'it allocates nothing'; return 1; }
	nth=$((1 + RANDOM % stride))
	while :; do
		fail_nth "$gw" "$pid" $nth >/dev/null || return 1
		"$3" >"$work/round" 2>&1 || { echo "while the ${nth}th of $total fails:"; cat "$work/round"; return 1; }
		left=$(fail_nth "$gw" "$pid" 0) || return 1
		"$4" >"$work/round" 2>&1 || { echo "after the ${nth}th of $total failed:"; cat "$work/round"; return 1; }
		[ "$left" = 0 ] || break
		failed=$((failed + 1)) nth=$((nth + stride))
	done
	echo "$failed of $total allocations failed" | tee "$work/said"
	[ $failed -gt 0 ]
}

inject_clean() {
	local gw
	for gw in $GW_GATEWAYS; do inject_off "$gw"; done
}
t_atexit inject_clean

lab exec -n gw1 -- test -e /sys/kernel/debug/failslab/require-start || t_skip_all 'needs the debug kernel: make check-debug'
