# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Allocations that fail, on a gateway with the debug kernel: only those with a function of the module in their stack. A
# test sources gateway.sh, then this file; it is skipped on a kernel that cannot do this, and nothing fails any more when
# it ends.
#
#   inject GW KIND PERCENT   from now on so many of them fail; KIND: failslab, fail_page_alloc
#   inject_off GW            none any more; says how many failed since inject
#   inject_here GW           none fail, but those that a task asks for with /proc/PID/fail-nth, which counts both kinds
#   fail_nth GW THREAD N     after inject_here: the Nth that this thread makes from now on fails; 0: none. Says how many
#                            were left of the N before, 0 if it was reached
#
# Not waited for in vain: __GFP_NOFAIL never fails here, and a mempool hands out what it has in reserve instead.

inject_sh() {
	gw_sh "$@" <<-'SCRIPT'
		what=$1 kind=$2 percent=$3
		cd /sys/kernel/debug || exit 1
		# where its functions are; what comes with the next module begins on another page
		set -- $(awk '/\[target_core_rbd\]/ && $2 ~ /^[tT]$/ { print $1 }' /proc/kallsyms | sort | sed -n '1p;$p')
		[ $# = 2 ] || exit 1
		for dir in failslab fail_page_alloc; do
			echo 0 >$dir/probability
			echo 0 >$dir/verbose
			echo N >$dir/ignore-gfp-wait
			echo 32 >$dir/stacktrace-depth
			echo 0x$1 >$dir/require-start
			printf '0x%x' $(((0x$2 | 0xfff) + 1)) >$dir/require-end
			echo 1 >$dir/interval
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
inject() { inject_sh "$1" on "$2" "$3"; }
inject_off() { inject_sh "$1" off; }
inject_here() { inject_sh "$1" here; }

fail_nth() {
	gw_sh "$@" <<-'SCRIPT'
		for comm in /proc/[0-9]*/comm; do
			read -r name <$comm
			[ "$name" = "$1" ] || continue
			cat ${comm%comm}fail-nth
			echo $2 >${comm%comm}fail-nth
			exit
		done 2>/dev/null
		exit 1
	SCRIPT
}

inject_clean() {
	local gw
	for gw in $GW_GATEWAYS; do inject_off "$gw"; done
}
t_atexit inject_clean

lab exec -n gw1 -- test -e /sys/kernel/debug/failslab/require-start || t_skip_all 'needs the debug kernel: make check-debug'
