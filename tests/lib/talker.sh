# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Initiators that are logged in, and send commands when they are told to. A test sources ktap.sh,
# gateway.sh, then this file.
#
#   talker NAME URL             log in
#   tell NAME COMMAND...        send qemu-io commands, and do not wait for their end (use aio_write
#                               or aio_read for one that must not wait for the one before it)
#   said NAME REGEX SECONDS     wait until a line that matches comes, at most for that time
#   talker_stops NAME           stop it, so that it does not send again after BUSY
#   talker_ends NAME            end it as if its machine had died: nothing that it sent is taken
#                               back
#
# Commands that fail say why on stderr and return 1.
# shellcheck disable=SC2154 # $work is of gateway.sh

: "${GW_GATEWAYS:?source gateway.sh first}"

talker() {
	mkfifo "$work/$1.in" || return 1
	# Open it for both, so that it neither waits for a writer nor ends with the first one. A
	# FIFO that nobody has open loses its content, so the first command comes from here.
	{
		echo 'read 0 512' >&0
		exec "$TESTS_DIR/lab/lab" run -- timeout "$(t_limit 600)" qemu-io -f raw "$2"
	} <>"$work/$1.in" >"$work/$1.out" 2>&1 &
	echo $! >"$work/$1.pid"
	t_atexit "t_kill $!"
	disown $!
	said "$1" 'read 512/512' "$(t_limit 60)"
}
tell() { printf '%s\n' "${@:2}" 1<>"$work/$1.in"; }
# output of others that ended beside it is printed with the next prompt
said() {
	local i
	for ((i = 0; i < 5 * $3; i++)); do
		! grep -qE "$2" "$work/$1.out" || return 0
		[ $i = 0 ] || tell "$1" length
		sleep 0.2
	done
	echo "$1 said no '$2':"
	tail -n 5 "$work/$1.out"
	return 1
}
talker_family() {
	local child
	echo "$1"
	for child in $(pgrep -P "$1"); do talker_family "$child"; done
}
# shellcheck disable=SC2046 # several words are meant
talker_stops() { kill -STOP $(talker_family "$(cat "$work/$1.pid")"); }
talker_ends() { t_kill "$(cat "$work/$1.pid")"; }
