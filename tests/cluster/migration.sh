#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The parent of a clone moves (rbd migration) while gateways serve the clone, and while they serve a
# clone of the clone, whose parent's header nobody tells them about. At every step they read the old
# content, and a first write of a few bytes keeps the rest of its object. The same holds for a
# parent that is flattened and loses its own parent.
. ../lib/ktap.sh
. ../lib/gateway.sh

MIB=16
p=$TEST-parent c=$TEST-child g=$TEST-grandchild moved=$TEST-moved
pool=$TEST-pool

head -c ${MIB}M /dev/urandom >"$work/parent"
# a hole
dd if=/dev/zero of="$work/parent" bs=1M seek=4 count=4 conv=notrunc status=none

clean_family() {
	local n
	for n in "$g" "$TEST-leaf" "$TEST-middle" "$c" "$p" "$moved"; do
		lab rbd snap purge --no-progress "$n"
		lab rbd rm --no-progress "$n"
	done
	lab ceph osd pool rm "$pool" "$pool" --yes-i-really-really-mean-it
}
# after the backstores are gone
t_atexit_late clean_family

clone() { lab rbd clone --rbd-default-clone-format 2 --image-feature layering,deep-flatten "$@"; }
family() {
	lab rbd import --no-progress --image-feature layering "$work/parent" "$p" && lab rbd snap create --no-progress "$p@s" &&
		clone "$p@s" "$c" && lab rbd snap create --no-progress "$c@s" && clone "$c@s" "$g"
}
t 'a parent, a clone, and a clone of that' family
cp "$work/parent" "$work/$c"
cp "$work/parent" "$work/$g"
for n in "$c" "$g"; do t "$n is served by both gateways" serve "$n" "pool=rbd,image=$n"; done

# written N GW IMAGE: write 512 bytes into object N, which is not there yet
SECTOR=$(head -c 512 /dev/zero | tr '\0' '\252' | sed 's/\xaa/\\xaa/g')
written() {
	printf %b "$SECTOR" | dd of="$work/$3" bs=512 seek=$(($1 * 8192 + 3)) conv=notrunc status=none
	io "$(gw_url "$2" "$3")" "write -P 0xaa $(($1 * 4194304 + 1536)) 512"
}
# all_well STEP N: all gateways read the earlier content; then comes a first write to object N
all_well() {
	local n
	for n in "$c" "$g"; do
		t_is "$1: $n is as it was" "$(iscsi_sum "$(gw_url gw1 "$n")")" "$(file_sum "$work/$n")"
		t "$1: a first write to $n" written "$2" gw2 "$n"
	done
}

migration() { lab rbd migration "$@" 2>&1; }
# the new parent has other objects
t 'the parent is going to move' migration prepare --object-size 1M --stripe-unit 64K --stripe-count 4 "$p" "$moved"
all_well 'prepared' 0
enable_again() {
	unserve "$g" && serve "$g" "pool=rbd,image=$g"
}
t "$g is enabled meanwhile" enable_again
t 'it does not move after all' migration abort --no-progress "$moved"
t 'it is going to move again' migration prepare --object-size 1M --stripe-unit 64K --stripe-count 4 "$p" "$moved"
t 'it moves' migration execute --no-progress "$moved"
all_well 'executed' 2

# a cycle of reads through each gateway while the old parent goes
committed() {
	local n pids=() ret=0
	for n in "$c" "$g"; do
		lab run -- timeout "$(t_limit 60)" qemu-img dd -f raw -O raw bs=64k "if=$(gw_url gw1 "$n")" "of=$work/read-$n" &
		pids+=($!)
	done
	sleep 0.2
	migration commit --force --no-progress "$moved" || ret=1
	wait "${pids[@]}"
	return $ret
}
t 'the old parent is removed' committed
for n in "$c" "$g"; do t_is "$n was read right meanwhile" "$(file_sum "$work/read-$n")" "$(file_sum "$work/$n")"; done
all_well 'committed' 3
for n in "$c" "$g"; do t_is "and nothing is lost in $n" "$(image_sum "$n")" "$(file_sum "$work/$n")"; done

# the grandparent's pool goes, when the parent does not need it any more
orphan() {
	lab ceph osd pool create "$pool" 8 && lab rbd pool init "$pool" &&
		lab rbd import --no-progress --image-feature layering "$work/parent" "$pool/top" &&
		lab rbd snap create --no-progress "$pool/top@s" && clone "$pool/top@s" "$TEST-middle" &&
		lab rbd snap create --no-progress "$TEST-middle@s" && clone "$TEST-middle@s" "$TEST-leaf" &&
		serve "$TEST-leaf" "pool=rbd,image=$TEST-leaf" &&
		lab rbd flatten --no-progress "$TEST-middle" &&
		lab ceph osd pool rm "$pool" "$pool" --yes-i-really-really-mean-it
}
t 'a parent is flattened, and the pool of its own parent goes' orphan 2>/dev/null
t_is 'the clone is read to its holes' "$(iscsi_sum "$(gw_url gw1 "$TEST-leaf")")" "$(file_sum "$work/parent")"
