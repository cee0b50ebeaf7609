#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# All gateways of a unit have the same settings, which are in its record: the block size, and the
# attributes that change what a command means. The second gateway takes them from there. No gateway
# changes one while another gateway serves, and hosts notice nothing of a try. A gateway that was
# away while one changed stays away.
# shellcheck disable=SC2317 # steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh

t 'somebody who asks' t_build scsi ask
n=$TEST-1
img_create "$n" --size 64M
record() { lab rbd image-meta get "$n" target_core_rbd.lu; }
# setting GATEWAY NAME
setting() { lab exec -n "$1" -- cat "$GW_CORE/$n/attrib/$2"; }
block_size() { setting "$1" block_size; }
# set it, and print how that ended: set_setting GATEWAY NAME VALUE
set_setting() { lab exec -n "$1" -- sh -c "echo $3 | tee $GW_CORE/$n/attrib/$2" 2>&1 >/dev/null && echo set; }
set_block_size() { set_setting "$1" block_size "$2"; }
capacity() { lab run -- iscsi-readcapacity16 "$(gw_url "$1" "$n")" 2>&1 | grep -iE 'block (size|length)' | grep -o '[0-9]*$'; }
enable() { gw_enable "$1" "$n" "pool=rbd,image=$n"; }

t 'a backstore that is not enabled' lab exec -n gw1 -- mkdir -p "$GW_CORE/$n"
t_like 'takes no setting, which enabling would overwrite' "$(set_setting gw1 emulate_tpu 0)" 'No such device'
t 'gw1 is enabled' enable gw1
t_is 'with 512 bytes' "$(block_size gw1)" 512
t_is 'sizes that LIO does not know are refused' "$(set_block_size gw1 3072 | grep -c 'Invalid argument')" 1
t_is 'it is alone, and takes 4096' "$(set_block_size gw1 4096)" set
t_is 'its limits go with that' "$(setting gw1 max_write_same_len)" 1024
t_like 'the record says so' "$(record)" $'\nblock_size 4096\n'
t_is 'a switch is not half on' "$(set_setting gw1 emulate_caw half | grep -c 'Invalid argument')" 1
# in the order of the record
unusual='emulate_write_cache 1
emulate_fua_write 0
emulate_ua_intlck_ctrl 1
emulate_tas 0
emulate_caw 0
emulate_pr 0
is_nonrot 0
emulate_tpu 0
emulate_tpws 0
unmap_zeroes_data 0
max_unmap_lba_count 1024
max_unmap_block_desc_count 7
unmap_granularity 2
unmap_granularity_alignment 3
max_write_same_len 0'
settings() { lab exec -n "$1" -- sh -c "cd $GW_CORE/$n/attrib && grep . $(cut -d' ' -f1 <<<"$unusual" | paste -sd' ')" | tr : ' '; }
while read -r name value; do
	t_is "$name $value" "$(set_setting gw1 "$name" "$value")" set
done <<<"$unusual"
t_is 'LIO has all of them' "$(settings gw1)" "$unusual"
t_is 'so does the record' "$(record | sed -n 's/^setting //p')" "$unusual"
t_is 'the usual value' "$(set_setting gw1 emulate_tpu 1)" set
t_is 'is not in it' "$(record | grep -c emulate_tpu)" 0
t 'gw2 is enabled' enable gw2
t_is 'with the same settings' "$(settings gw2)" "$(settings gw1)"
t_like 'beside gw1 it does not change one' "$(set_setting gw2 emulate_caw 1)" 'busy'
t_is 'and has not' "$(setting gw2 emulate_caw)" 0
t_is 'a value that is in force may be set again' "$(set_setting gw2 emulate_caw 0)" set
t_is 'it has 4096 at once' "$(block_size gw2)" 4096
t_like 'beside gw1 it cannot go back to 512' "$(set_block_size gw2 512)" 'busy'
t_is 'and has not' "$(block_size gw2)" 4096
t_like 'the log says why' "$(lab log --since-mark gw2)" 'block_size stays as it is: gateway gw1 serves the image, too'
t_is 'its present size may be set again' "$(set_block_size gw2 4096)" set

for gw in gw1 gw2; do
	t "exported by $gw" gw_export $gw "$n" 4096
	t_is "an initiator sees 4096 through $gw" "$(capacity $gw)" 4096
done
t 'written through gw1' io "$(gw_url gw1 "$n")" 'write -P 0x31 1M 64k'
# asked GATEWAY COMMAND: its answer, as tests/scsi/ask.c prints it
asked() { lab run -- timeout "$(t_limit 60)" "$work/ask" "$(gw_url "$1" "$n")" reader <<<"$2"; }
# block 256 is the one at 1 MiB; not with qemu-io, which fails an assertion of its own here
block() { asked "$1" '88000000000000000100000000010000 in 4096' | grep -c '^good.* \(31\)*$'; }
t_is 'the same LBA is the same place through gw2' "$(block gw2)" 1
for gw in gw1 gw2; do
	t_is "$gw: there is no COMPARE AND WRITE" "$(asked $gw '89000000000000000100000000010000 out 8192' | cut -d' ' -f1)" 5/20/00
	t_is "$gw: mode page 08h has WCE" "$(asked $gw '1a080800ff00 in 255' | awk '{ print substr($NF, 13, 2) }')" 04
done
t_like 'nobody changes it under a LUN' "$(set_block_size gw1 512)" 'Invalid argument'
t_is 'its present size may be set again there, too' "$(set_block_size gw1 4096)" set
t_is 'and commands go on' "$(block gw1)" 1

# gw2 is cut off, and housekeeping takes it out of the registry; then gw1 is alone
gateways() { record | grep -c '^gateway '; }
alone() { [ "$(gateways)" = 1 ]; }
t 'gw2 is cut off from the cluster' lab cut gw2 ceph
gw_unexport gw1 "$n"
t 'and taken out of the registry' t_until 120 alone
t_is 'gw1 is alone, and takes 512' "$(set_block_size gw1 512)" set
t 'gw1 is cut off, too' lab cut gw1 ceph
takes_it() { [ "$(set_setting gw1 emulate_tas 1)" = set ]; }
t_fails 'it takes no setting, and says so' takes_it
t 'gw1 is back' lab heal gw1 ceph
t 'and takes it when it is set again' t_until 60 takes_it
t_is 'the record and LIO agree' "$(record | grep -c emulate_tas) $(setting gw1 emulate_tas)" '0 1'
t 'gw2 is back' lab heal gw2 ceph
stays_away() { lab log --since-mark gw2 | grep -q 'the record has another block_size than this gateway'; }
t 'it stays away, and says so' t_until 60 stays_away
t_is 'only gw1 is in the registry' "$(gateways)" 1
gw_unexport gw2 "$n"
t 'its backstore is deleted' gw_disable gw2 "$n"
t 'and made anew' enable gw2
t_is 'with 512' "$(block_size gw2)" 512

# Gateways share nothing of a snapshot.
s=$TEST-snapshot
t 'a snapshot' lab rbd snap create --no-progress "$n@s"
for gw in gw1 gw2; do t "$gw: is enabled" gw_enable $gw "$s" "pool=rbd,image=$n,snap=s"; done
t 'gw1 sets its block size' lab exec -n gw1 -- sh -c "echo 4096 >$GW_CORE/$s/attrib/block_size"
t_is 'and gw2 has its own' "$(lab exec -n gw1 -- cat "$GW_CORE/$s/attrib/block_size") $(lab exec -n gw2 -- cat "$GW_CORE/$s/attrib/block_size")" '4096 512'
for gw in gw1 gw2; do gw_disable $gw "$s"; done
