# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Initiators that are logged in, and send what they are told when they are told. A test sources ktap.sh, gateway.sh, then this
# file.
#
#   talker NAME URL             logs in
#   tell NAME COMMAND...        qemu-io commands; it does not wait for their end (what shall not wait for the one before
#                               it is aio_write or aio_read)
#   said NAME REGEX SECONDS     a line that matches comes within that time
#   talker_ends NAME            as if its machine had died: nothing that it sent is taken back
#
# Commands that fail say why on stderr and return 1.
# shellcheck disable=SC2154 # $work is of gateway.sh

: "${GW_GATEWAYS:?source gateway.sh first}"

declare -A TALKERS=()
talker() {
	mkfifo "$work/$1.in" || return 1
	# opened for both, so that it neither waits for a writer nor ends with the first one
	"$KTAP_DIR/lab/lab" run -- timeout "$(t_limit 600)" qemu-io -f raw "$2" <>"$work/$1.in" >"$work/$1.out" 2>&1 &
	TALKERS[$1]=$!
	t_atexit "t_kill $!"
	disown $!
	tell "$1" 'read 0 512'
	said "$1" 'read 512/512' "$(t_limit 30)"
}
tell() { printf '%s\n' "${@:2}" 1<>"$work/$1.in"; }
said() {
	local i
	for ((i = 0; i < 10 * $3; i++)); do
		! grep -qE "$2" "$work/$1.out" || return 0
		sleep 0.1
	done
	echo "$1 said no '$2':"
	tail -n 5 "$work/$1.out"
	return 1
}
talker_ends() { t_kill "${TALKERS[$1]}"; }
