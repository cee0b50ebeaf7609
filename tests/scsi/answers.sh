#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A logical unit acts as it describes itself, and where SBC-3 and SPC-4 leave no choice it answers
# as they say: opcodes and service actions, limits with blocks of 512 and of 4096 bytes, long
# transfers, residuals, sense data, and LIO's attributes. (iscsi_test_cu.sh has the commands that
# most initiators send. This test has the rest, see ask.c.)
# shellcheck disable=SC2317 # steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh

t 'somebody who asks' t_build scsi ask

n=$TEST-disk b=$TEST-big
url1=$(gw_url gw1 "$n")
img_create "$n" --size 1G
img_create "$b" --size 1G
t 'a unit with blocks of 512 bytes' serve "$n" "pool=rbd,image=$n"
t 'and one with blocks of 4096 bytes' serve "$b" "pool=rbd,image=$b" 4096

# URL, commands on stdin
ask_url() { lab run -- timeout "$(t_limit 120)" "$work/ask" "$1" "asker-$BASHPID" 2>&1; }
ask() { ask_url "$url1" <<<"$1"; } # COMMAND
# ask_is WHAT COMMAND ANSWER
ask_is() { t_is "$1" "$(ask "$2")" "$3"; }
data_of() { ask_url "$1" <<<"$2" | awk '/^good/ { print $NF }'; } # URL COMMAND
bytes() { echo $((16#${1:$(($2 * 2)):$(($3 * 2))})); } # HEX FROM COUNT
attribute() { lab exec -n gw1 -- sh -c "echo $2 >$GW_CORE/$n/attrib/$1"; }

# Opcodes: the unit does exactly those that it lists.
ask_is 'REZERO UNIT is not supported' 010000000000 5/20/00
ask_is 'SEEK (6) is not' 0b0000000000 5/20/00
ask_is 'SEEK (10) is not' 2b000000000000000000 5/20/00
ask_is 'nor is REPORT REFERRALS' '9e130000000000000000000001000000 in 256' 5/24/00
list=$(data_of "$url1" 'a30c0000000000002000 in 8192')
declare -A listed=()
for ((i = 4; i < ${#list} / 2; i += 8)); do
	opcode=$(bytes "$list" $i 1)
	listed[$opcode]=1
	[ $(($(bytes "$list" $((i + 5)) 1) & 1)) = 0 ] || listed[$opcode,$(bytes "$list" $((i + 2)) 2)]=1
done
note "${#listed[@]} opcodes and service actions are listed"
unlisted() {
	local opcode action
	for ((opcode = 0; opcode < 256; opcode++)); do
		[ -n "${listed[$opcode]-}" ] || printf '%02x000000000000000000000000000000\n' $opcode
	done
	for opcode in $((0x9e)) $((0xa3)); do
		for ((action = 0; action < 32; action++)); do
			[ -n "${listed[$opcode,$action]-}" ] || printf '%02x%02x0000000000000000000000000000\n' $opcode $action
		done
	done
}
unlisted >"$work/unlisted"
ask_url "$url1" <"$work/unlisted" >"$work/refused"
t_is 'every opcode that it does not list is refused, and every service action' \
	"$(paste -d' ' "$work/unlisted" "$work/refused" | awk '$2 != "5/20/00" && $2 != "5/24/00"' | head -5)" ''
t_is 'there were as many answers' "$(wc -l <"$work/refused")" "$(wc -l <"$work/unlisted")"

# Pages.
page=$(data_of "$url1" '120186004000 in 64')
t_is 'page 86h: SIMPLE is supported, ORDERED and HEAD OF QUEUE are not' "${page:0:12}" 0086003c0001
page=$(data_of "$url1" '1201b2004000 in 64')
t_is 'page B2h: a thin disk, which is unmapped by UNMAP and WRITE SAME and reads zeros then' "$page" 00b2000400e40200

# Health checks of hosts send LOG SENSE and SEND DIAGNOSTIC. Drivers ask for the functions before
# they abort.
t_is 'LOG SENSE lists its pages' "$(data_of "$url1" '4d000000000000004000 in 64')" 00000002002f
t_is 'and their subpages' "$(data_of "$url1" '4d0000ff000000004000 in 64')" 40ff0006000000ff2f00
t_is 'page 2Fh: nothing is about to fail, and nothing tells the temperature' \
	"$(data_of "$url1" '4d002f00000000004000 in 64')" 2f000008000003040000ff00
ask_is 'a page that is not listed is refused' '4d000d00000000004000 in 64' 5/24/00
ask_is 'and so is saving' '4d012f00000000004000 in 64' 5/24/00
ask_is 'SEND DIAGNOSTIC: the default self-test passes' 1d0400000000 good
ask_is 'there is no other one' 1d2400000000 5/24/00
t_is 'ABORT TASK and LOGICAL UNIT RESET are the task management functions' \
	"$(data_of "$url1" 'a30d0000000000004000 in 64')" 88000000
t_is 'also in the extended format' "$(data_of "$url1" 'a30d8000000000004000 in 64')" "8800000c$(printf '00%.0s' {1..12})"

# Groups of target ports: SET TARGET PORT GROUPS is refused, so no nexus is told of it, also where
# an operator makes one.
group=$GW_CORE/$n/alua/$TEST
with_group() {
	lab exec -n gw1 -- sh -c "mkdir $group && echo 7 >$group/tg_pt_gp_id &&
		echo $TEST >$GW_ISCSI/$(iqn_of "$n")/tpgt_1/lun/lun_0/alua_tg_pt_gp && grep -q $TEST $GW_ISCSI/$(iqn_of "$n")/tpgt_1/lun/lun_0/alua_tg_pt_gp"
}
tpgs() { echo $(($(bytes "$(data_of "$url1" '120000002400 in 36')" 5 1) >> 4 & 3)); }
t_is 'TPGS: implicit' "$(tpgs)" 1
t 'an operator makes a group of target ports' with_group
t_is 'TPGS: implicit, too' "$(tpgs)" 1
ask_is 'SET TARGET PORT GROUPS is refused' 'a40a0000000000000800 out 8' 5/20/00
lab exec -n gw1 -- rmdir "$group"

# Limits of page B0h, in bytes.
limits() { # URL BLOCK_SIZE
	local page
	page=$(data_of "$1" '1201b0004000 in 64')
	echo "transfer $(($(bytes "$page" 8 4) * $2)) best $(($(bytes "$page" 12 4) * $2))" \
		"unmap $(($(bytes "$page" 20 4) * $2)) granularity $(($(bytes "$page" 28 4) * $2))" \
		"same $(($(bytes "$page" 36 8) * $2))"
}
wanted="transfer $((4 << 20)) best $((4 << 20)) unmap $((512 << 20)) granularity 4096 same $((4 << 20))"
t_is 'limits with blocks of 512 bytes' "$(limits "$url1" 512)" "$wanted"
t_is 'with blocks of 4096 bytes they are the same' "$(limits "$(gw_url gw1 "$b")" 4096)" "$wanted"
url=$(gw_url gw1 "$b")
big() { t_is "$1" "$(ask_url "$url" <<<"$2" | cut -d' ' -f1)" "$3"; } # WHAT COMMAND ANSWER
big 'READ of 32 MiB' "88000000000000000000000020000000 in $((32 << 20))" good
big 'of a block more' "88000000000000000000000020010000 in $(((32 << 20) + 4096))" 5/24/00
big 'UNMAP of 512 MiB' '42000000000000001800 out 24 0:00160010 16:00020000' good
big 'of a block more' '42000000000000001800 out 24 0:00160010 16:00020001' 5/26/00
big 'WRITE SAME of 4 MiB' 93010000000000000000000004000000 good
big 'of a block more' 93010000000000000000000004010000 5/24/00
gw_unexport gw1 "$b"
# gw2 may not have another block size than gw1
gw_unexport gw2 "$b"
gw_disable gw2 "$b"
limit() { lab exec -n gw1 -- cat "$GW_CORE/$b/attrib/$1"; }
lab exec -n gw1 -- sh -c "cd $GW_CORE/$b/attrib && echo 1024 >max_unmap_lba_count && echo 0 >max_write_same_len && echo 512 >block_size"
t_is 'a limit that was set is kept in bytes, one that is switched off stays so' \
	"$(limit max_unmap_lba_count) $(limit max_write_same_len) $(limit unmap_granularity)" '8192 0 8'

# Long transfers: longer than the limit on the page, since firmware does not look there.
ask_is 'READ of 7 MiB, as firmware does' "28000000000000380000 in $((7 << 20))" "good $((7 << 20)) $(printf '00%.0s' $(seq 1024))"
long() { ask "$1" | cut -d' ' -f1; }
t_is 'READ of 32 MiB' "$(long "88000000000000000000000100000000 in $((32 << 20))")" good
t_is 'of a block more' "$(long "88000000000000000000000100010000 in $(((32 << 20) + 512))")" 5/24/00
s=$TEST-striped
img_create "$s" --size 96M --object-size 1M --stripe-unit 64K --stripe-count 4
t 'a unit with stripes' serve "$s" "pool=rbd,image=$s"
head -c 32M /dev/urandom >"$work/random"
{ printf '\xa5'; head -c 4194302 /dev/zero; printf '\x5a'; head -c 4194303 /dev/zero; printf '\xc3'; } >"$work/long"
# NAME LENGTH
exported() { lab rbd export --no-progress "$1" - | tail -c +$((333 * 1024 + 1)) | head -c "$2" | sha256sum | cut -d' ' -f1; }
for name in "$n" "$s"; do
	# not at the beginning of an object
	answer=$(ask_url "$(gw_url gw1 "$name")" <<<"2a000000029a00400000 out $((8 << 20)) 0:a5 4194303:5a 8388607:c3 again")
	if [ "$answer" = 'status 0x08' ]; then
		t_skip "$name: WRITE of 8 MiB with one command" 'for a minute the data took too long to arrive on this machine'
	else
		t_is "$name: WRITE of 8 MiB with one command" "$answer" good
		t_is "$name: the image has it" "$(exported "$name" 8M)" "$(file_sum "$work/long")"
	fi
	t "$name: WRITE of 32 MiB, with commands as long as the page says" io "$(gw_url gw1 "$name")" "write -s $work/random 333k 32M"
	t_is "$name: the image has it, too" "$(exported "$name" 32M)" "$(file_sum "$work/random")"
	t "$name: READ of 32 MiB through the other gateway" lab run -- qemu-img dd -f raw -O raw bs=32M count=2 \
		"if=$(gw_url gw2 "$name")" "of=$work/read"
	t_is "$name: has it" "$(tail -c +$((333 * 1024 + 1)) "$work/read" | head -c 32M | sha256sum | cut -d' ' -f1)" \
		"$(file_sum "$work/random")"
	rm "$work/read"
done

# A slow initiator. A WRITE whose data take long may be older than it looks, and so may the commands
# after it for a moment: BUSY, and nothing is written. Shorter ones go through.
slow_writer() {
	ask "8a000000000000180000000100000000 out $((32 << 20)) 0:a5 slow 20
88000000000000180000000000010000 in 512
8a000000000000180000000008000000 out $((1 << 20)) 0:a5 slow 20 again
88000000000000180000000000010000 in 512" | cut -c 1-16 | xargs -d '\n'
}
t_is 'a WRITE of 32 MiB takes 2.5 s to come: BUSY, and one of 1 MiB goes through' "$(slow_writer)" \
	'status 0x08 good 512 0000000 good good 512 a500000'

# Commands without the data that belong to them.
ask_is 'VERIFY that compares with nothing' 2f020010000000000100 '5/0e/03 overflow 512'
ask_is 'WRITE AND VERIFY of nothing' 2e000010000000000100 '5/0e/03 overflow 512'
ask_is 'WRITE (10) of nothing' 2a000010000000000100 '5/0e/03 overflow 512'
ask_is 'WRITE (16) of nothing' 8a000000000000100000000000010000 '5/0e/03 overflow 512'
ask_is 'UNMAP without its list' 42000000000000001800 '5/0e/03 overflow 24'
ask_is 'WRITE of no blocks needs no data' 2a000010000000000000 good

# VERIFY finds the byte that differs, in whichever page and chunk it is.
for at in 0 63 64 4095 4096 262143 262144 700001 1048575; do
	ask_is "VERIFY with data that differ at byte $at" \
		"8f020000000000100000000008000000 out $((1 << 20)) $at:01" "e/1d/00 at $at"
done
ask_is 'VERIFY with data that do not' "8f020000000000100000000008000000 out $((1 << 20))" good

# Residuals: READ KEYS has eight bytes here.
ask_is 'all came: no overflow' '5e000000000000006400 in 8' 'good 8 0000000000000000'
ask_is 'some did not: they are counted' '5e000000000000006400 in 4' 'good overflow 4 4 00000000'
ask_is 'there was more room: underflow' '5e000000000000006400 in 20' 'good underflow 12 8 0000000000000000'
ask_is 'page 86h has 64 bytes' '12018600ff00 in 64' "good 64 0086003c0001$(printf '00%.0s' $(seq 58))"

# REQUEST SENSE in either format.
ask_is 'REQUEST SENSE: nothing to tell' '03000000ff00 in 255' "good underflow 237 18 700000000000000a$(printf '00%.0s' $(seq 10))"
ask_is 'in descriptor format' '03010000ff00 in 255' 'good underflow 247 8 7200000000000000'

# START STOP UNIT.
ask_is 'START without IMMED' 1b0000000100 good
ask_is 'START with IMMED' 1b0100000100 good
ask_is 'STOP is refused' 1b0000000000 5/24/00
ask_is 'EJECT is refused' 1b0000000200 5/24/00

# LIO's attributes. The only gateway changes them.
gw2_is_gone() { lab exec -n gw1 -- grep -q '^group 2 unavailable' "$GW_CORE/$n/attrib/ports"; }
t 'gw2 does not serve the unit any more' gw_unserve gw2 "$n"
t 'gw1 knows' t_until 20 gw2_is_gone
t 'no provisioning' attribute emulate_tpu 0
attribute emulate_tpws 0
t_is 'a disk that cannot be unmapped has no type' "$(data_of "$url1" '1201b2004000 in 64')" 00b2000400000000
attribute emulate_tpu 1
attribute emulate_tpws 1
attribute emulate_write_cache 1
ask_is 'VERIFY with DPO' 2f100010000000000100 good
t_is 'READ (10) may have DPO and FUA' "$(data_of "$url1" 'a30c0128000000002000 in 8192' | cut -c 9-12)" 2818
attribute emulate_fua_write 0
ask_is 'emulate_fua_write=0: VERIFY with DPO is refused' 2f100010000000000100 5/24/00
t_is 'READ (10) may not have them' "$(data_of "$url1" 'a30c0128000000002000 in 8192' | cut -c 9-12)" 2800
attribute emulate_fua_write 1
attribute emulate_write_cache 0
attribute emulate_tpws 0
ask_is 'emulate_tpws=0: WRITE SAME with UNMAP and NDOB is refused' 93090000000000100000000000010000 5/24/00
ask_is 'and with UNMAP' '93080000000000100000000000010000 out 512' 5/24/00
ask_is 'and WRITE SAME (10)' '41080010000000000100 out 512' 5/24/00
ask_is 'not with NDOB alone' 93010000000000100000000000010000 good
t_is 'UNMAP is not listed for WRITE SAME (16)' "$(data_of "$url1" 'a30c0193000000002000 in 8192' | cut -c 9-12)" 9301
attribute emulate_tpws 1
if lab exec -n gw1 -- test -e "$GW_CORE/$n/attrib/emulate_rsoc"; then
	attribute emulate_rsoc 0
	ask_is 'emulate_rsoc=0: REPORT SUPPORTED OPERATION CODES is not supported' 'a30c0000000000002000 in 8192' 5/20/00
	attribute emulate_rsoc 1
else
	t_skip 'emulate_rsoc' 'this kernel has none'
fi

# UA_INTLCK_CTRL: how long a condition stays, and whether a status leaves one.
sense='03000000ff00 in 255' tur=000000000000
first() { cut -d' ' -f1 "$work/$1" | xargs; }
told() { # FILE: the condition that REQUEST SENSE told
	awk '/ 18 70/ { print substr($NF, 5, 2) " " substr($NF, 25, 4) }' "$work/$1" | xargs
}
# FILE COUNT
has_lines() { for _ in $(seq 600); do [ "$(wc -l <"$work/$1")" -lt "$2" ] || return 0; sleep 0.2; done; return 1; }
# LIO lets nobody change it under a LUN
interlock() {
	gw_unexport gw1 "$n"
	attribute emulate_ua_intlck_ctrl "$1"
	gw_export gw1 "$n"
}
# how many nexuses have a condition that they have not been told
pending() { lab exec -n gw1 -- grep -c '^unit_attention' "$GW_CORE/$n/attrib/reservations"; }
is_pending() { [ "$(pending)" = "$1" ]; }
# meets INTLCK SIZE: the image grows between its first command and the next
meets() {
	interlock "$1"
	printf '%s\n' "$tur" "wait $work/grown$1" "$tur" "$tur" "$sense" "$tur" | ask_url "$url1" >"$work/met$1" &
	has_lines "met$1" 1
	lab rbd resize --no-progress --size "$2" "$n"
	t_until 60 is_pending 1
	touch "$work/grown$1"
	wait $!
}
meets 0 1025M
t_is 'emulate_ua_intlck_ctrl=0: a condition is told once' "$(first met0)" 'good 6/2a/09 good good good'
meets 1 1026M
t_is 'emulate_ua_intlck_ctrl=1: it stays until REQUEST SENSE' "$(first met1)" 'good 6/2a/09 6/2a/09 good good'
t_is 'which tells it' "$(told met1)" '06 2a09'

# conflicts INTLCK: one nexus has the unit reserved, and another one comes
conflicts() {
	local holder
	interlock "$1"
	printf '%s\n' '160000000000 again' "wait $work/conflicted$1" | ask_url "$url1" >"$work/holder$1" &
	holder=$!
	has_lines "holder$1" 1
	printf '%s\n' "$tur" "$tur" "$tur" "$sense" "$tur" | ask_url "$url1" >"$work/conflict$1"
	touch "$work/conflicted$1"
	wait $holder
	t_is "emulate_ua_intlck_ctrl=$1: somebody has the unit" "$(first "holder$1")" good
}
conflicts 0
t_is 'emulate_ua_intlck_ctrl=0: RESERVATION CONFLICT leaves nothing' \
	"$(head -3 "$work/conflict0" | xargs)" 'status 0x18 status 0x18 status 0x18'
conflicts 2
t_is 'emulate_ua_intlck_ctrl=2: it leaves a condition' "$(head -3 "$work/conflict2" | xargs)" 'status 0x18 6/2c/09 6/2c/09'
t_is 'that REQUEST SENSE tells and takes away' "$(told conflict2), $(tail -n 1 "$work/conflict2")" '06 2c09, status 0x18'

# A nexus that has left has nothing to be told: a condition goes with the session.
interlock 0
printf '%s\n' "$tur" "wait $work/leave" | ask_url "$url1" >"$work/leaver" &
has_lines leaver 1
lab rbd resize --no-progress --size 1027M "$n"
t 'somebody is to be told of the new size' t_until 60 is_pending 1
touch "$work/leave"
wait $!
t 'and is gone before' t_until 60 is_pending 0

# TEST UNIT READY tells the same of a deleted image as READ, or hosts would try the path again for
# ever. rbd rm refuses while we watch, so remove the objects one by one.
g=$TEST-gone
img_create "$g" --size 16M
gone_is_served() { gw_serve gw1 "$g" "pool=rbd,image=$g"; }
t 'a unit' gone_is_served
three() { printf '%s\n' "$tur" '28000000000000000100 in 512' 35000000000000000000 | ask_url "$(gw_url gw1 "$g")" | cut -d' ' -f1 | xargs; }
t_is 'TEST UNIT READY, READ, SYNCHRONIZE CACHE' "$(three)" 'good good good'
id=$(gw_info gw1 "$g" ImageId)
is_deleted() { [ "$(gw_info gw1 "$g" State)" = deleted ]; }
delete_image() {
	lab run -- rados -p rbd rm "rbd_header.$id" "rbd_id.$g" && lab run -- rados -p rbd rmomapkey rbd_directory "name_$g" &&
		lab run -- rados -p rbd rmomapkey rbd_directory "id_$id" && t_until 40 is_deleted
}
t 'its image is deleted' delete_image
t_is 'the same three' "$(three)" '2/04/03 2/04/03 2/04/03'
