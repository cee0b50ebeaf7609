#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The gateways are one array: every target port has an identifier of its own, the same through every
# gateway and after they boot in another order. REPORT TARGET PORT GROUPS gives the same answer
# through every port, and follows the gateways: one that is drained, one that is killed, one that
# comes back.
# shellcheck disable=SC2317 # steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/reserve.sh

t 'somebody who asks' t_build scsi ask
t 'initiators with reservations' pr_client_build
n=$TEST-disk
img_create "$n" --size 64M
t 'a unit through two gateways' serve "$n" "pool=rbd,image=$n"
url1=$(gw_url gw1 "$n") url2=$(gw_url gw2 "$n")

# URL, commands on stdin
ask() { lab run -- timeout "$(t_limit 60)" "$work/ask" "$1" "asker-$BASHPID" 2>&1; }
data_of() { ask "$1" <<<"$2" | awk '/^good/ { print $NF }'; } # URL COMMAND
numbers() { data_of "$1" '120183040000 in 1024' | ../lib/ports_text.py identification; }
RTPG='a30a0000000000001000 in 4096'
groups() { data_of "$1" "$RTPG" | ../lib/ports_text.py groups; }

# Identifiers.
one=$(numbers "$url1") two=$(numbers "$url2")
note "gw1: $one, gw2: $two"
read -r rtpi1 group1 <<<"$one"
read -r rtpi2 group2 <<<"$two"
t 'page 83h: ports and groups have numbers, each its own' test "$rtpi1" -gt 0 -a "$rtpi2" -gt 0 -a "$group1" -gt 0 -a "$group2" -gt 0 \
	-a "$rtpi1" != "$rtpi2" -a "$group1" != "$group2"
all="$group1:0 $rtpi1,$group2:0 $rtpi2"
[ "$group1" -lt "$group2" ] || all="$group2:0 $rtpi2,$group1:0 $rtpi1"
t_is 'REPORT TARGET PORT GROUPS through gw1: both, active' "$(groups "$url1")" "$all"
t_is 'through gw2: the same, byte for byte' "$(data_of "$url2" "$RTPG")" "$(data_of "$url1" "$RTPG")"
t_is 'the header is longer if asked for' "$(data_of "$url1" 'a32a0000000000001000 in 4096' | cut -c 9-16)" 10000000
registered() {
	pr <<-'SCRIPT'
		keeper@1 register 0 0xaa = good
		other@2 register 0 0xbb = good
	SCRIPT
}
t 'an initiator registers through each' registered
# READ FULL STATUS: the identifiers are in bytes 18 and 19 of a descriptor of 76 bytes and more
full_status() {
	data_of "$1" '5e030000000000100000 in 4096' | python3 -c '
data, found = bytes.fromhex(input())[8:], []
while data:
    found.append(int.from_bytes(data[18:20], "big"))
    data = data[24 + int.from_bytes(data[20:24], "big"):]
print(*sorted(found))'
}
t_is 'READ FULL STATUS has the same numbers' "$(full_status "$url1")" "$(printf '%s\n' "$rtpi1" "$rtpi2" | sort -n | xargs)"
t_is 'through gw2, too' "$(full_status "$url2")" "$(full_status "$url1")"

# An operator's groups in LIO change nothing.
lio_group() {
	lab exec -n gw1 -- sh -c "mkdir $GW_CORE/$n/alua/$TEST && echo 7 >$GW_CORE/$n/alua/$TEST/tg_pt_gp_id &&
		echo $TEST >$GW_ISCSI/$(iqn_of "$n")/tpgt_1/lun/lun_0/alua_tg_pt_gp"
}
t "a group of LIO's own" lio_group
t_is 'is nobody told of' "$(numbers "$url1"), $(groups "$url1")" "$one, $all"
lab exec -n gw1 -- rmdir "$GW_CORE/$n/alua/$TEST"

# Draining.
tur=000000000000
drain() { lab exec -n "$1" -- sh -c "echo $2 >$GW_CORE/$n/attrib/drain"; } # GW 0|1
service() { lab exec -n "$1" -- sed -n '1s/ .*//p' "$GW_CORE/$n/attrib/ports"; }
is_drained() { [ "$(service "$1")" = drained ]; }
# FILE COUNT
has_lines() { for _ in $(seq 300); do [ "$(wc -l <"$work/$1")" -lt "$2" ] || return 0; sleep 0.2; done; return 1; }
listener() { # NAME URL: TEST UNIT READY, and again twice when there is a file $work/NAME.go
	printf '%s\n' $tur "wait $work/$1.go" $tur $tur | ask "$2" >"$work/$1"
}
first() { cut -d' ' -f1 "$work/$1" | xargs; }
listener before1 "$url1" &
one_listens=$!
listener before2 "$url2" &
two_listens=$!
has_lines before1 1 && has_lines before2 1
t 'gw1 is drained' drain gw1 1
t 'and says so when no command is left' t_until 20 is_drained gw1
standby=${all/$group1:0/$group1:2}
t_is 'its group is in standby' "$(groups "$url1")" "$standby"
told() { [ "$(groups "$url2")" = "$standby" ]; }
t 'gw2 says so, too' t_until 10 told
touch "$work/before1.go" "$work/before2.go"
wait "$one_listens" "$two_listens"
t_is 'an initiator at gw1 is told of the change, and goes elsewhere then' "$(first before1)" 'good 6/2a/06 2/04/0b'
t_is 'one at gw2 is told of it, too' "$(first before2)" 'good 6/2a/06 good'
t_is 'READ is refused through gw1' "$(ask "$url1" <<<'28000000000000000100 in 512')" 2/04/0b
t_is 'INQUIRY and PERSISTENT RESERVE IN are not' "$(printf '%s\n' '120000002400 in 36' '5e000000000000006400 in 100' | ask "$url1" | cut -d' ' -f1 | xargs)" 'good good'
t_is 'READ goes through gw2' "$(ask "$url2" <<<'28000000000000000100 in 512' | cut -d' ' -f1)" good
t 'gw1 is back in service' drain gw1 0
back() { [ "$(groups "$url2")" = "$all" ]; }
t 'and everybody says so' t_until 10 back
t_is 'READ goes through it' "$(ask "$url1" <<<'28000000000000000100 in 512' | cut -d' ' -f1)" good

# A gateway that dies is unavailable as soon as it is fenced.
t 'gw1 dies' lab kill gw1
registers() { pr <<<'other@2 ignore 0xcc = good'; }
t 'somebody registers through gw2, which fences it' registers
t_is 'its group is unavailable' "$(groups "$url2")" "${all/$group1:0/$group1:3}"
unserve_one() { gw_unserve "$1" "$n"; }
t 'gw2 stops serving' unserve_one gw2
t 'gw1 boots' lab start gw1
t 'and serves, alone' gw_serve gw1 "$n" "pool=rbd,image=$n"
t_is 'it has the numbers of before' "$(numbers "$url1")" "$one"
t 'gw2 serves again' gw_serve gw2 "$n" "pool=rbd,image=$n"
t_is 'so has gw2' "$(numbers "$url2")" "$two"
t 'both say so' t_until 10 back
t_is 'also gw1' "$(groups "$url1")" "$all"
# also if it is drained while the cluster is away
t 'gw1 is cut from the cluster' lab cut gw1 ceph
t_atexit 'lab heal gw1 ceph'
t 'it can be drained' drain gw1 1
t_is 'and refuses commands' "$(ask "$url1" <<<'28000000000000000100 in 512' | cut -c 1-2)" 2/
lab heal gw1 ceph
t 'it is drained for all when the cluster is there' t_until 60 is_drained gw1
t 'and back in service' drain gw1 0
t 'for all' t_until 30 back
