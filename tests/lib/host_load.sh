# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The load of init1 in tests of faults. This host has a file system on a multipath device, with fio
# and files, verified all the time. A test sources ktap.sh, gateway.sh, hosts.sh, then this file.
#
#   begin NAME COMMAND...             run it beside the test; its output is in $work/NAME.out
#   ended_by TIME NAME                succeed if it has ended by then (of SECONDS), and well; print
#                                     its last line
#   host_load MAP SECONDS SEED        make a file system in the first 61 MiB, and write and verify;
#                                     print how many rounds that were
#   host_load_enough                  make the present round the last one
#   no_error                          succeed if its kernel saw no error of a multipath device or of
#                                     ext4 since host_load began
#   serves GW NAME, serves_within GW NAME SECONDS
#                                     succeed if a new session reads and writes, where no such file
#                                     system is
#
# Commands that fail say why on stderr and return 1. The file system is unmounted at the end.
# shellcheck disable=SC2154 # $work is of gateway.sh

: "${GW_GATEWAYS:?source gateway.sh first}"

begin() {
	local name=$1
	shift
	{
		"$@" >"$work/$name.out" 2>&1
		echo $? >"$work/$name.status"
	} &
	t_atexit "t_kill $!"
}
ended_by() {
	local status
	until status=$(cat "$work/$2.status" 2>/dev/null) && [ -n "$status" ]; do
		[ $SECONDS -lt "$1" ] || { echo "$2 does not end"; return 1; }
		sleep 1
	done
	tail -n 30 "$work/$2.out"
	return "$status"
}

# In each round fio writes one file through the cache and one past it, and verifies both. Other
# files are made, moved and removed. At the end of a round all of it is read once more.
t_atexit "on init1 umount -l /mnt/$TEST"
host_load() {
	on init1 dmesg --clear
	lab exec init1 -- bash -s -- "$@" "/mnt/$TEST" <<-'HOST_LOAD'
		set -eu
		map=$1 end=$((SECONDS + $2)) seed=$3 dir=$4 round=0
		mkdir -p $dir
		rm -f $dir.enough
		# The cluster may be full later on, so no object may get smaller: nothing is
		# discarded, or zeroed at its end.
		mkfs.ext4 -q -F -E nodiscard,lazy_journal_init=1,lazy_itable_init=1 $map 61M
		mount -o errors=remount-ro,noinit_itable $map $dir
		trap 'umount $dir || { sleep 5; umount $dir; }' EXIT

		# fio's latencies are of no use: an fsync, whose start it does not note, lasts
		# since the machine booted
		fio_round() {
			fio --clocksource=clock_gettime --randrepeat=1 --randseed=$((seed + round)) --verify=crc32c \
				--verify_fatal=1 --verify_state_save=0 --rw=randwrite --ioengine=libaio "$@" \
				--name=direct --filename=$dir/direct --size=2M --direct=1 --iodepth=8 --rate_iops=80 \
				--name=journal --filename=$dir/journal --size=512k --fsync=8 --rate_iops=20 >/tmp/fio 2>&1 ||
				{ tail -n 30 /tmp/fio; exit 1; }
		}
		files_round() {
			local i
			mkdir $dir/new
			for i in 1 2 3 4 5 6 7 8; do
				head -c $((RANDOM * 2)) /dev/urandom >$dir/new/$i
				sync $dir/new/$i
			done
			(cd $dir/new && sha256sum [1-8] >/tmp/sums)
			rm -rf $dir/old
			mv $dir/new $dir/old
			sync -f $dir
			echo 3 >/proc/sys/vm/drop_caches
			(cd $dir/old && sha256sum -c --quiet /tmp/sums)
		}
		while [ $SECONDS -lt $end ] && [ ! -e $dir.enough ]; do
			fio_round
			files_round
			fio_round --verify_only
			(cd $dir/old && sha256sum -c --quiet /tmp/sums)
			round=$((round + 1))
		done
		echo "$round rounds"
	HOST_LOAD
}
host_load_enough() { on init1 touch "/mnt/$TEST.enough"; }

# errors of paths (sd) are for multipath to handle
no_error() {
	on init1 dmesg >"$work/dmesg" &&
		! grep -E 'EXT4-fs (error|warning)|JBD2: .*[Ee]rror|I/O error,? (on )?dev(ice)? dm-' "$work/dmesg"
}

# after a few BUSYs QEMU waits for half a minute at random, so give it less time than that
serves() { IO_LIMIT=10 io "$(gw_url "$1" "$2")" 'write -P 0x5e 63M 64k' 'read -P 0x5e 63M 64k'; }
serves_within() {
	local start=$SECONDS
	until serves "$1" "$2" >"$work/serves.$1" 2>&1; do
		[ $((SECONDS - start)) -lt "$3" ] || { cat "$work/serves.$1"; return 1; }
		sleep 1
	done
}
