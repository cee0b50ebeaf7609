#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Initiators' writes are in the image, byte by byte, and initiators read the image's content: for
# every layout that an image can have.
#
#   DATA_MIB     size of each image (4), in objects of 1 MiB; one has 12 MiB at least, in objects
#                of 4 MiB
#   DATA_WRITES  random writes to each (24)
#   SEED         of the random writes
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/hosts.sh

MIB=${DATA_MIB:-4}
WRITES=${DATA_WRITES:-24}
SEED=${SEED:-$RANDOM}
note "SEED=$SEED"

# Do the same through the kernel's initiator: qemu-img fails an assertion of its own on units with
# blocks of 4096 bytes.
init_sum() { # GATEWAY NAME
	host_login init1 "$2" "$1" &&
		on init1 dd if="$(host_disk init1 "$2" "$1")" bs=1M iflag=direct status=none | sha256sum | cut -d' ' -f1
	host_forget init1 >&2
}
disk_sum() { # GATEWAY NAME BLOCK_SIZE
	if [ "$3" = 512 ]; then
		iscsi_sum "$(gw_url "$1" "$2")"
	else
		init_sum "$1" "$2"
	fi
}

# layout NAME SPEC BLOCK_SIZE CONTROL [OBJECT_MIB]
layout() {
	local name=$1 spec=$2 block=$3 control=$4 object=${5:-1} wanted
	t "$name: served by both gateways" serve "$name" "$control" "$block"

	head -c "$(lab rbd info --format json "$spec" | jq .size)" /dev/urandom >"$work/mirror"
	t "$name: random data through gw1" lab run -- qemu-img convert -n -f raw -O raw "$work/mirror" "$(gw_url gw1 "$name")"
	rm -f "$work"/piece*
	python3 random_writes.py "$work/mirror" "$block" $((object << 20)) "$WRITES" "$SEED" "$work" >"$work/all"
	t "$name: random writes through gw1" play "$(gw_url gw1 "$name")" < <(head -n $((WRITES / 2)) "$work/all")
	t "$name: and through gw2" play "$(gw_url gw2 "$name")" < <(tail -n +$((WRITES / 2 + 1)) "$work/all")
	wanted=$(file_sum "$work/mirror")
	t_is "$name: the image has them" "$(image_sum "$spec")" "$wanted"
	t_is "$name: gw1 reads them" "$(disk_sum gw1 "$name" "$block")" "$wanted"
	t_is "$name: gw2 reads them" "$(disk_sum gw2 "$name" "$block")" "$wanted"

	t "$name: rbd bench writes" lab rbd bench --io-type write --io-pattern rand --io-size 12K --io-total 2M "$spec"
	wanted=$(image_sum "$spec")
	t_is "$name: gw1 reads what it wrote" "$(disk_sum gw1 "$name" "$block")" "$wanted"
	gw_unexport gw1 "$name"
	gw_unexport gw2 "$name"
}

n=$TEST-plain
img_create "$n" --size $((MIB < 12 ? 12 : MIB))M
layout "$n" "rbd/$n" 512 "pool=rbd,image=$n" 4

n=$TEST-striped
img_create "$n" --size ${MIB}M --object-size 1M --stripe-unit 64K --stripe-count 4
layout "$n" "rbd/$n" 512 "pool=rbd,image=$n"

n=$TEST-4k
img_create "$n" --size ${MIB}M --object-size 1M
layout "$n" "rbd/$n" 4096 "pool=rbd,image=$n"

n=$TEST-namespace
lab rbd namespace create --pool rbd --namespace "$TEST" 2>/dev/null
img_create "rbd/$TEST/$n" --size ${MIB}M --object-size 1M
layout "$n" "rbd/$TEST/$n" 512 "pool=rbd,namespace=$TEST,image=$n"

n=$TEST-ec
t 'an erasure coded pool' ec_pool "$TEST"
img_create "$n" --size ${MIB}M --object-size 1M --data-pool "$TEST"
layout "$n" "rbd/$n" 512 "pool=rbd,image=$n"

# the other way round: an image that has data when the module first sees it
n=$TEST-imported
head -c ${MIB}M /dev/urandom >"$work/mirror"
GW_IMAGES+=("$n")
t 'rbd import' lab rbd import --no-progress --image-feature layering "$work/mirror" "$n"
serve "$n" "pool=rbd,image=$n"
t_is 'gw2 reads what was imported' "$(iscsi_sum "$(gw_url gw2 "$n")")" "$(file_sum "$work/mirror")"
