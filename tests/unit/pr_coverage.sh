#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The tests of the reservation rules, the record, TransportIDs and parameter data take at least 95
# percent of their branches.
. ../lib/ktap.sh

work=$(mktemp -d)
t_atexit "rm -rf '$work'"
here=$PWD
cd "$work" || exit 1

# The test itself is not measured: it may have the name of its source.
#
# built TEST FILE...
built() {
	local test=$1 file flags=(-O0 -std=gnu11 -I"$here/include" -I"$here/../lib" -I"$here/../..") objects=("$1.test.o")
	shift
	gcc "${flags[@]}" -c -o "${objects[0]}" "$here/$test.c" || return 1
	for file in "$@"; do
		objects+=("$test.${file##*/}.o")
		gcc "${flags[@]}" --coverage -c -o "${objects[-1]}" "$here/../../$file.c" || return 1
	done
	gcc --coverage -o "$test" "${objects[@]}"
}
# covered TEST FILE...: the sources that TEST is about; the first one is measured
covered() {
	local test=$1 taken
	shift
	t "$test builds with coverage" built "$test" "$@"
	t "$test passes" "./$test"
	taken=$(gcov -b "$test.${1##*/}.o" 2>/dev/null | awk -F'[:%]' '/^File/ { on = /\/'"${1##*/}"'\.c/ }
		on && /^Taken at least once/ { print $2; exit }')
	note "$1.c: $taken percent of branches"
	t "$1.c: at least 95 percent" awk -v t="$taken" 'BEGIN { exit !(t >= 95) }'
}
covered pr_rules pr/rules pr/out
covered pr_rules pr/out pr/rules
covered record_text gateway/record_text gateway/settings gateway/text gateway/record pr/rules
covered record gateway/record
covered record_settings gateway/settings
covered ports gateway/ports gateway/record
covered pr_transport_id pr/transport_id
covered pr_parameters pr/parameters pr/transport_id pr/rules pr/out
