#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The gateways serve every image that librbd makes and serves: with many stripes, with many
# snapshots. A command that needs much of a clone's parent does not use up the gateway's memory.
#
#   SNAPSHOTS    how many (520)
. ../lib/ktap.sh
. ../lib/gateway.sh

COUNT=${SNAPSHOTS:-520}
pool=$TEST-pool
clean_pool() { lab ceph osd pool rm "$pool" "$pool" --yes-i-really-really-mean-it; }
t_atexit_late clean_pool

n=$TEST-wide
img_create "$n" --size 12M --object-size 4M --stripe-unit 1M --stripe-count 1024
head -c 12M /dev/urandom >"$work/wide"
t 'an image with 1,024 objects in a stripe' serve "$n" "pool=rbd,image=$n"
t 'it is written' lab run -- qemu-img convert -n -f raw -O raw "$work/wide" "$(gw_url gw1 "$n")"
t_is 'librbd reads the same' "$(image_sum "$n")" "$(file_sum "$work/wide")"
t_is 'so does gw2' "$(iscsi_sum "$(gw_url gw2 "$n")")" "$(file_sum "$work/wide")"

# file systems make stripes of these: of less than an object, and of less than a command can write
block_limits() { lab run -- iscsi-inq -e 1 -c 176 "$(gw_url gw1 "$n")" | sed -n "s/^$1: *\([0-9]*\).*/\1/p"; }
t_is 'the granularity of transfers is 64 KiB' "$(block_limits 'optimal transfer length granularity')" 128
t_is 'a command can have 4 MiB, and more where nobody looks at this' "$(block_limits 'maximum transfer length')" 8192
t_is 'the best length is 4 MiB' "$(block_limits 'optimal transfer length')" 8192

n=$TEST-snaps
many() {
	lab ceph osd pool create "$pool" 8 && lab rbd pool init "$pool" &&
		lab rbd create --size 4M --image-feature layering "$pool/$n" && serve "$n" "pool=$pool,image=$n" &&
		io "$(gw_url gw1 "$n")" 'write -P 1 0 64k' &&
		lab run -- python3 "$PWD/many_snapshots.py" "$pool" "rbd_header.$(gw_info gw1 "$n" ImageId)" "$COUNT"
}
t "an image with $COUNT snapshots" many
export IO_LIMIT=30
for gw in gw1 gw2; do t "it is written through $gw" io "$(gw_url $gw "$n")" 'write -P 2 0 4k' 'read -P 2 0 4k' 'read -P 1 4k 4k'; done
unset IO_LIMIT

# The parent holds nothing, and the gateway has to find that out object by object.
n=$TEST-clone
clean_family() {
	local i
	for i in "$n" "$TEST-parent"; do
		lab rbd snap purge --no-progress "$i"
		lab rbd rm --no-progress "$i"
	done
}
t_atexit_late clean_family
empty() {
	lab rbd create --size 512M --image-feature layering "$TEST-parent" && lab rbd snap create --no-progress "$TEST-parent@s" &&
		lab rbd clone --rbd-default-clone-format 2 --image-feature layering "$TEST-parent@s" "$n" &&
		lab rbd snap create --no-progress "$n@s" && serve "$n" "pool=rbd,image=$n"
}
t 'a clone of an empty image' empty
available() { awk '/^MemAvailable/ { print int($2 / 1024) }'; }
least_available() {
	gw_sh gw1 <<-'SCRIPT' | sort -n | head -n 1
		while [ -e /tmp/measure ]; do awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo; done
	SCRIPT
}
before=$(lab exec -n gw1 -- cat /proc/meminfo | available)
lab exec -n gw1 -- touch /tmp/measure
least_available >"$work/least" &
measure=$!
t 'UNMAP of 512 MiB' io "$(gw_url gw1 "$n")" 'discard 0 512M'
lab exec -n gw1 -- rm -f /tmp/measure
wait $measure
took=$((before - $(cat "$work/least")))
note "UNMAP took $took MiB of $before"
t 'takes less than 128 MiB of memory' test $took -lt 128
objects() { lab run -- rados -p rbd ls | grep -c "^rbd_data.$(gw_info gw1 "$n" ImageId)\."; }
t_is 'it makes no objects where the parent has nothing' "$(objects)" 0
