#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Run the checker on small histories made by hand, and on recorded ones that were wrong once: *.ok
# of corpus/history are possible, *.bad are not. The first line of each describes it.
. ../lib/ktap.sh

work=$(mktemp -d)
t_atexit "rm -rf '$work'"
t 'the checker' t_build tools check
# a violation, and not a file that cannot be read
is_bad() {
	local status
	"$work/check" "$1" >"$work/said"
	status=$?
	cat "$work/said"
	[ $status = 1 ] && ! grep -q 'too many commands at once' "$work/said"
}
for file in corpus/history/*; do
	what=$(sed -n '1s/^# //p' "$file")
	case $file in
	*.ok) t "possible: $what" "$work/check" "$file" ;;
	*.bad) t "impossible: $what" is_bad "$file" ;;
	esac
done
t_is 'all at once' "$("$work/check" corpus/history/*.bad | grep -c ' 0 wrong')" 0

# damaged LINE WHY
damaged() {
	echo "$1" >"$work/damaged"
	"$work/check" "$work/damaged"
	[ $? = 2 ]
}
t 'a file that ends in the middle of a line is no history' damaged '0 1 0 read 0 2 good 0.1'
t 'nor is one with an unknown command' damaged '0 1 0 trim 0 2 good'
t 'nor one in which time goes back' damaged '2 1 0 unmap 0 2 good'
t 'nor an empty one' damaged ''
