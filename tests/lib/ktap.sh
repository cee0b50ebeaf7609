# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# KTAP for tests written in bash. A test sources this file and calls
#
#   t 'what must hold' cmd args...         pass if cmd succeeds; show its output if not
#   t_fails 'what is refused' cmd args...  passes if cmd fails
#   t_says 'how' REGEX cmd args...         pass if cmd fails and says something that matches
#   t_is 'what' GOT WANTED                 pass if both are equal
#   t_like 'what' GOT REGEX                pass if GOT matches
#   t_ok 'what', t_not_ok 'what' [why]     the test knows by itself
#   t_skip 'what' why                      a check that cannot run here
#   t_skip_all why                         the whole test cannot run here; end it with status 4
#   t_bail why                             going on makes no sense; end it with status 1
#   note text...                           print a diagnostic line
#   t_kill pid                             end a process and its children, without a warning
#   t_atexit cmd                           run cmd, in one line, when the test ends, whatever the
#                                          reason; the last one runs first
#   t_atexit_late cmd                      run cmd after all others that are there now
#   lab ...                                the lab (tests/lab/lab)
#   t_limit SECONDS                        print a limit for something that takes at most SECONDS on
#                                          an ordinary machine: TEST_SLOW (1) times as long
#   $T_SPAN                                the same for a program that goes on in the background
#                                          while checks run: they may take long, whatever it does
#   t_build FOLDER PROGRAM...              make programs of a folder of tests/ in $work, the test's
#                                          own folder
#   t_until SECONDS COMMAND...             run COMMAND every second until it succeeds, for t_limit
#                                          SECONDS at most
#
# The plan is printed at the end, and the exit status is kselftest's: 0 passed, 1 failed, 4 skipped.
# A test that dies on the way fails: the plan is missing then.

TESTS_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck disable=SC2034 # for tests
T_SPAN=600
KTAP_COUNT=0
KTAP_FAILED=0
KTAP_DONE=
# in a file, since a check runs in a subshell and may have something to clean up as well
KTAP_ATEXIT=$(mktemp)

lab() { "$TESTS_DIR/lab/lab" "$@"; }

t_limit() { echo $(($1 * ${TEST_SLOW:-1})); }
t_until() {
	local i limit
	limit=$(t_limit "$1")
	shift
	for ((i = 0; i < limit; i++)); do
		"$@" && return
		sleep 1
	done
	return 1
}

# run-check has made all of them, in TEST_PROGRAMS
t_build() {
	local folder=$1
	shift
	[ ! -e "${TEST_PROGRAMS-}/made" ] || ! cp -t "${work:?}" "${@/#/$TEST_PROGRAMS/}" 2>/dev/null || return 0
	make -s -C "$TESTS_DIR/$folder" OUTPUT="${work:?}" "${@/#/$work/}"
}

note() { printf '%s\n' "$*" | sed 's/^/# /'; }

ktap_result() {
	KTAP_COUNT=$((KTAP_COUNT + 1))
	# a '#' would start a directive
	printf '%s %d %s%s\n' "$1" "$KTAP_COUNT" "${2//\#/}" "${3:+ # $3}"
}

t_ok() { ktap_result ok "$1"; }

t_not_ok() {
	ktap_result 'not ok' "$1"
	KTAP_FAILED=$((KTAP_FAILED + 1))
	[ -z "${2-}" ] || note "$2"
	return 0
}

t_skip() { ktap_result ok "$1" "SKIP ${2-}"; }

t() {
	local what=$1 out status
	shift
	out=$("$@" 2>&1)
	status=$?
	if [ $status = 0 ]; then
		t_ok "$what"
	else
		t_not_ok "$what" "status $status from: $*"
		[ -z "$out" ] || note "$(tail -n 30 <<<"$out")"
	fi
}

t_fails() {
	local what=$1 out
	shift
	if out=$("$@" 2>&1); then
		t_not_ok "$what" "did not fail: $*"
		[ -z "$out" ] || note "$(tail -n 30 <<<"$out")"
	else
		t_ok "$what"
	fi
}

t_says() {
	local what=$1 regex=$2 out
	shift 2
	if out=$("$@" 2>&1); then
		t_not_ok "$what" "did not fail: $*"
	elif [[ $out =~ $regex ]]; then
		t_ok "$what"
	else
		t_not_ok "$what" "wanted a message like '$regex', got:"
		note "$(tail -n 30 <<<"$out")"
	fi
}

t_is() {
	if [ "$2" = "$3" ]; then
		t_ok "$1"
	else
		t_not_ok "$1" "got    '$2'"
		note "wanted '$3'"
	fi
}

t_like() {
	if [[ $2 =~ $3 ]]; then
		t_ok "$1"
	else
		t_not_ok "$1" "got    '$2'"
		note "wanted a match of '$3'"
	fi
}

t_skip_all() {
	# the plan may say 0 only if nothing was reported yet
	if [ "$KTAP_COUNT" = 0 ]; then
		echo "1..0 # SKIP $*"
		KTAP_DONE=4
		exit 4
	fi
	t_skip 'the rest' "$*"
	exit
}

t_bail() {
	t_not_ok "$*" 'cannot go on'
	exit 1
}

# end a process with all its children; those that it left to init cannot be found any more
t_kill() {
	local child
	for child in $(pgrep -P "$1"); do t_kill "$child"; done
	kill -KILL "$1" 2>/dev/null
}

t_atexit() { printf '%s\n' "$*" >>"$KTAP_ATEXIT"; }

t_atexit_late() {
	local before
	before=$(cat "$KTAP_ATEXIT")
	printf '%s\n' "$*" "$before" >"$KTAP_ATEXIT"
}

ktap_exit() {
	local status=$? command commands
	trap '' INT TERM HUP
	mapfile -t commands < <(tac "$KTAP_ATEXIT")
	rm -f "$KTAP_ATEXIT"
	for command in "${commands[@]}"; do
		eval "$command" >/dev/null 2>&1
	done
	[ -z "$KTAP_DONE" ] || exit "$KTAP_DONE"
	if [ "$status" != 0 ] && [ "$KTAP_FAILED" = 0 ]; then
		note "ended with status $status before its end"
		exit "$status"
	fi
	echo "1..$KTAP_COUNT"
	[ "$KTAP_FAILED" = 0 ] || note "$KTAP_FAILED of $KTAP_COUNT failed"
	[ "$KTAP_FAILED" = 0 ] && [ "$KTAP_COUNT" -gt 0 ]
	# a bare exit would give the status from before the trap
	exit $?
}
trap ktap_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
# when the reader of our output went away first, clean up all the same
trap : PIPE

echo 'TAP version 13'
