#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The record's reader, the decoder of parameter lists and that of the gateways' table take anything
# without harm, and a gateway can enter its ports in any record. libFuzzer runs with the address
# and undefined behaviour sanitizers, from corpus/, for FUZZ_SECONDS each (5; "make fuzz": 60). Its
# finds go to a temporary folder. An input that breaks something is shown in base64, and kept in
# FUZZ_KEEP if that is set. Its time-out for an input goes by the clock, and beside busy machines a
# test gets no processor for many seconds.
. ../lib/ktap.sh

seconds=${FUZZ_SECONDS:-5}
work=$(mktemp -d)
t_atexit "rm -rf '$work'"

# fuzz TEST FILE...: fuzz with the files of the module that the test is about
fuzz() {
	local test=$1 file sources=()
	shift
	for file in "$@"; do sources+=("../../$file.c"); done
	mkdir "$work/$test.new" "$work/$test.broken"
	t "$test builds for the fuzzer" clang -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -DFUZZ \
		-std=gnu11 -Wall -Wextra -Werror -Iinclude -I../lib -I../.. -o "$work/$test" "$test.c" "${sources[@]}"
	t "$test: takes what it starts from" "$work/$test" -artifact_prefix="$work/$test.broken/" corpus/"$test"/*
	t "$test: nothing found in $seconds s" "$work/$test" -artifact_prefix="$work/$test.broken/" -timeout="$(t_limit 240)" \
		-max_total_time="$seconds" -print_final_stats=1 "$work/$test.new" "corpus/$test"
	for file in "$work/$test.broken"/*; do
		[ -e "$file" ] || continue
		note "$(basename "$file"): $(base64 -w 0 "$file")"
		[ -z "${FUZZ_KEEP-}" ] || cp "$file" "$FUZZ_KEEP"
	done
}
fuzz record_text gateway/record_text gateway/settings gateway/text gateway/record pr/rules
fuzz ports gateway/ports gateway/record_text gateway/settings gateway/text gateway/record pr/rules
fuzz pr_parameters pr/parameters pr/transport_id pr/rules pr/out
fuzz group_table gateway/group_table
