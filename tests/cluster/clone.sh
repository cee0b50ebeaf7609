#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Clones: blocks that were not written are the parent's, and writes do not reach the parent. Both
# gateways, librbd and a flatten beside them agree on that.
#
#   RACE_WRITES   through each of two gateways to the same objects at once (192)
. ../lib/ktap.sh
. ../lib/gateway.sh

MIB=24
RACE_WRITES=${RACE_WRITES:-192}

# a parent with a hole in it, and a clone of a clone
p=$TEST-parent
img_create "$p" --size ${MIB}M
head -c ${MIB}M /dev/urandom >"$work/parent"
dd if=/dev/zero of="$work/parent" bs=1M seek=8 count=4 conv=notrunc status=none
GW_IMAGES=()
lab rbd rm --no-progress "$p"
lab rbd import --no-progress --image-feature layering "$work/parent" "$p" 2>/dev/null
lab rbd snap create --no-progress "$p@s" 2>/dev/null
lab rbd snap protect "$p@s"

family() { # NAME CLONE-OPTIONS...
	local n=$1
	shift
	lab rbd clone --image-feature layering "$@" "$p@s" "$n"
}
clean_family() {
	local n
	for n in "$TEST-grandchild" "$TEST-striped" "$TEST-flat" "$TEST-child" "$TEST-race" "$TEST-deep"; do
		lab rbd snap unprotect "$n@s"
		lab rbd snap purge --no-progress "$n"
		lab rbd rm --no-progress "$n"
	done
	lab rbd snap unprotect "$p@s"
	lab rbd snap purge --no-progress "$p"
	lab rbd rm --no-progress "$p"
}
# after the backstores are gone
t_atexit_late clean_family

# scenario NAME MIRROR: random writes and discards through both gateways, then compare everybody's
# view
scenario() {
	local n=$1 mirror=$2 wanted
	t "$n: served by both gateways" serve "$n" "pool=rbd,image=$n"
	t_is "$n: reads as its parent" "$(iscsi_sum "$(gw_url gw1 "$n")")" "$(file_sum "$mirror")"
	rm -f "$work"/piece*
	python3 random_writes.py "$mirror" 512 $((4 << 20)) 24 "$RANDOM" "$work" >"$work/all"
	t "$n: writes through gw1" play "$(gw_url gw1 "$n")" < <(head -n 12 "$work/all")
	t "$n: and through gw2" play "$(gw_url gw2 "$n")" < <(tail -n +13 "$work/all")
	# a whole object, a part of one, and a place where the parent has none
	printf 'discard 4M 4M\ndiscard 13M 64k\ndiscard 9M 1M\n' >"$work/discards"
	t "$n: discards" play "$(gw_url gw1 "$n")" <"$work/discards"
	dd if=/dev/zero of="$mirror" bs=1M seek=4 count=4 conv=notrunc status=none
	dd if=/dev/zero of="$mirror" bs=64k seek=208 count=1 conv=notrunc status=none
	dd if=/dev/zero of="$mirror" bs=1M seek=9 count=1 conv=notrunc status=none
	wanted=$(file_sum "$mirror")
	t_is "$n: gw1 reads what was written" "$(iscsi_sum "$(gw_url gw1 "$n")")" "$wanted"
	t_is "$n: gw2 too" "$(iscsi_sum "$(gw_url gw2 "$n")")" "$wanted"
	t_is "$n: and librbd" "$(image_sum "$n")" "$wanted"
}

n=$TEST-child
t 'a clone' family "$n"
cp "$work/parent" "$work/child"
scenario "$n" "$work/child"
t_is 'the parent is as it was' "$(image_sum "$p@s")" "$(file_sum "$work/parent")"

# a snapshot of the clone keeps the parent's data, although objects are copied up afterwards
t 'a snapshot of the clone' lab rbd snap create --no-progress "$n@s"
cp "$work/child" "$work/snap"
t 'first writes after it' play "$(gw_url gw1 "$n")" < <(for i in $(seq 0 5); do echo "write -P 0x77 $((i * 4))M 4k"; done)
t_is 'the snapshot did not change' "$(image_sum "$n@s")" "$(file_sum "$work/snap")"
lab rbd snap protect "$n@s"

t 'a clone of the clone, striped' lab rbd clone --image-feature layering --stripe-unit 64K --stripe-count 3 "$n@s" "$TEST-grandchild"
cp "$work/snap" "$work/grandchild"
scenario "$TEST-grandchild" "$work/grandchild"

# both gateways copy up the same objects at the same moment
n=$TEST-race
family "$n"
cp "$work/parent" "$work/race"
serve "$n" "pool=rbd,image=$n"
step=$((MIB * 1024 / RACE_WRITES)) # KiB
writes() { for ((i = 0; i < RACE_WRITES; i++)); do echo "aio_write -P $1 $((i * step + $2))k 4k"; done; echo aio_flush; }
race() {
	lab run -- qemu-io -f raw "$(gw_url gw1 "$n")" < <(writes 0x11 0) >"$work/race1" 2>&1 &
	local pid=$!
	lab run -- qemu-io -f raw "$(gw_url gw2 "$n")" < <(writes 0x22 $((step / 2))) >"$work/race2" 2>&1
	wait $pid
	! grep failed "$work/race1" "$work/race2"
}
t 'two gateways write to the same objects at once' race
python3 - "$work/race" "$RACE_WRITES" "$step" <<'PY'
import sys
step = int(sys.argv[3])
with open(sys.argv[1], 'r+b') as f:
    for i in range(int(sys.argv[2])):
        for pattern, off in ((0x11, 0), (0x22, step // 2)):
            f.seek((i * step + off) * 1024)
            f.write(bytes([pattern]) * 4096)
PY
t_is 'nothing is lost' "$(image_sum "$n")" "$(file_sum "$work/race")"

# flatten beside the gateways, then the parent can go, and reads go on
n=$TEST-flat
family "$n"
serve "$n" "pool=rbd,image=$n"
reads() { for i in $(seq 0 $((MIB * 4 - 1))); do echo "read $((i * 256))k 256k"; done; }
flatten() {
	lab rbd flatten --no-progress "$n" >"$work/flatten.out" 2>&1 &
	local pid=$!
	play "$(gw_url gw1 "$n")" < <(reads) || return 1
	wait $pid || { cat "$work/flatten.out"; return 1; }
}
t 'flatten beside reads' flatten
t_is 'the clone has what the parent had' "$(iscsi_sum "$(gw_url gw2 "$n")")" "$(file_sum "$work/parent")"

# A snapshot of a clone with deep-flatten must not need the parent any more after a flatten. The
# flatten gives it the parent's data where there is no object; where whole objects were written or
# unmapped since, there are objects.
n=$TEST-deep
deep() {
	lab rbd clone --image-feature layering,deep-flatten "$p@s" "$n" && serve "$n" "pool=rbd,image=$n" &&
		lab rbd snap create --no-progress "$n@s"
}
t 'a clone with deep-flatten, and a snapshot of it' deep
t 'whole objects are written, unmapped and zeroed' play "$(gw_url gw1 "$n")" <<<$'write -P 0x55 0 4M\ndiscard 4M 4M\nwrite -z 12M 4M'
t_is 'the snapshot did not change' "$(image_sum "$n@s")" "$(file_sum "$work/parent")"
t 'a flatten' lab rbd flatten --no-progress "$n"
t_is 'nor does it with the flatten' "$(image_sum "$n@s")" "$(file_sum "$work/parent")"
cp "$work/parent" "$work/deep"
head -c 4M /dev/zero | tr '\0' '\125' | dd of="$work/deep" conv=notrunc status=none
dd if=/dev/zero of="$work/deep" bs=4M seek=1 count=1 conv=notrunc status=none
dd if=/dev/zero of="$work/deep" bs=4M seek=3 count=1 conv=notrunc status=none
t_is 'and the clone is what was written' "$(iscsi_sum "$(gw_url gw2 "$n")")" "$(file_sum "$work/deep")"
