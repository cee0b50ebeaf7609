#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The tests of the reservation rules, the record, TransportIDs and parameter data take at least 95 percent of their
# branches.
. ../lib/ktap.sh

work=$(mktemp -d)
t_atexit "rm -rf '$work'"
here=$PWD
cd "$work" || exit 1

# covered TEST FILE...: the files of the module that TEST is about; the first one is measured
covered() {
	local test=$1 file taken sources=()
	shift
	for file in "$@"; do sources+=("$here/../../$file.c"); done
	t "$test builds with coverage" gcc -O0 --coverage -std=gnu11 -I"$here/include" -I"$here/../lib" -I"$here/../.." -o "$test" \
		"$here/$test.c" "${sources[@]}"
	t "$test passes" "./$test"
	taken=$(gcov -b -o . "$test-${1##*/}.gcda" 2>/dev/null | awk -F'[:%]' '/^File/ { on = /\/'"${1##*/}"'\.c/ }
		on && /^Taken at least once/ { print $2; exit }')
	note "$1.c: $taken percent of branches"
	t "$1.c: at least 95 percent" awk -v t="$taken" 'BEGIN { exit !(t >= 95) }'
}
covered pr_rules pr/rules pr/out
covered pr_rules pr/out pr/rules
covered record_text gateway/record_text gateway/record pr/rules
covered record gateway/record
covered pr_transport_id pr/transport_id
covered pr_parameters pr/parameters pr/transport_id pr/rules pr/out
