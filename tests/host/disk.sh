#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Writes to the disk are in the image, and writes to the image are on the disk, byte by byte.
. ../lib/ktap.sh

[ -b "${HOST_DISK-}" ] || t_skip_all 'needs a disk: make check-host POOL=...'

MIB=1048576
work=$(mktemp -d)
t_atexit "rm -rf '$work'"

disk_sum() { dd if="$HOST_DISK" bs=1M iflag=direct status=none | sha256sum | cut -d' ' -f1; }
image_sum() { rbd export --no-progress "$HOST_IMAGE" - | sha256sum | cut -d' ' -f1; }

size=$(blockdev --getsize64 "$HOST_DISK")
t_is 'the disk has the size of the image' "$size" "$(rbd info --format json "$HOST_IMAGE" | jq .size)"

t_is 'an image without data reads as zeros' \
	"$(disk_sum)" "$(head -c "$size" /dev/zero | sha256sum | cut -d' ' -f1)"

# a file that gets the same writes holds the content that the image must have in the end
truncate -s "$size" "$work/wanted"
put() { # OFFSET LENGTH, in blocks of 512
	head -c $(($2 * 512)) /dev/urandom >"$work/piece"
	dd if="$work/piece" of="$work/wanted" bs=512 seek="$1" conv=notrunc status=none &&
		dd if="$work/piece" of="$HOST_DISK" bs=$(($2 * 512)) seek=$(($1 * 512)) oflag=direct,seek_bytes status=none
}
objects=$((size / (4 * MIB)))
many() {
	local length border
	for length in 1 2 7 8 255 256 1023 2048 8191 8192; do
		# somewhere, at an object's border, across one
		border=$((8192 * (1 + RANDOM % (objects - 1))))
		put $((RANDOM % (8192 * (objects - 1)))) $length || return
		put $border $length || return
		put $((border - length / 2)) $length || return
	done
}
t 'writes of 512 bytes to 4 MiB succeed' many
wanted=$(sha256sum "$work/wanted" | cut -d' ' -f1)
t_is 'the image has them' "$(image_sum)" "$wanted"
blockdev --flushbufs "$HOST_DISK"
t_is 'and the disk too' "$(disk_sum)" "$wanted"

t 'rbd bench writes to the image' rbd bench --io-type write --io-pattern rand --io-size 64K \
	--io-total $((16 * MIB)) "$HOST_IMAGE"
blockdev --flushbufs "$HOST_DISK"
t_is 'and the disk has what it wrote' "$(disk_sum)" "$(image_sum)"

t 'a flush succeeds' dd if=/dev/zero of="$HOST_DISK" bs=512 count=1 oflag=direct conv=fsync,notrunc status=none
