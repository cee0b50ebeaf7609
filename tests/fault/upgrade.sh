#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Gateways are upgraded in turn, from the module of an earlier commit to that of this tree, under a
# multipath host with a file system and fio, and beside initiators of our own that have
# reservations. No host sees an error, and nothing is forgotten. While both modules serve, the older
# one can read the record. Afterwards a gateway with the older one is turned away, and told why.
#
#   UPGRADE_FROM   the commit; without it the one that CHANGELOG.md names, from which on upgrades
#                  are possible
# shellcheck disable=SC2016,SC2317 # expanded later, and steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/reserve.sh
. ../lib/hosts.sh
. ../lib/host_load.sh

top=$TESTS_DIR/..
FROM=${UPGRADE_FROM:-$(sed -n 's/^Rolling upgrades from commit `\([0-9a-f]*\)`.*/\1/p' "$top/CHANGELOG.md")}
LIMIT_S=600
git -C "$top" cat-file -e "$FROM^{commit}" 2>/dev/null || t_skip_all "commit ${FROM:-(none)} is not in this clone"
kver=$(lab exec -n gw1 -- uname -r)
share=$(lab share)

older_builds() {
	mkdir "$work/from" && git -C "$top" archive "$FROM" | tar -x -C "$work/from" &&
		make -s -C "$work/from" KVER="$kver" modules && cp "$work/from/out/$kver/target_core_rbd.ko" "$share/$TEST-from.ko"
}
t_atexit_late 'rm -f "$share/$TEST-from.ko"'
t "the module of $FROM" older_builds
t 'the initiators' t_build tools load check
t 'those with reservations' pr_client_build

version() { lab exec -n "$1" -- cat /sys/module/target_core_rbd/srcversion; }
loads() { # GW FILE
	lab exec -n "$1" -- sh -c "rmdir /sys/kernel/config/target/core/rbd_* 2>/dev/null
		rmmod target_core_rbd && insmod /lab/$2"
}
all_load() { loads gw1 "$1" && loads gw2 "$1"; }
newer=$(version gw1)
t_atexit_late 'for gw in $GW_GATEWAYS; do [ "$(version $gw)" = "$newer" ] || loads $gw target_core_rbd.ko; done'
t 'both gateways have it' all_load "$TEST-from.ko"
t 'it is another module' test "$(version gw1)" != "$newer"

n=$TEST-disk data=$TEST-data
url1=$(gw_url gw1 "$data") url2=$(gw_url gw2 "$data")
img_create "$n" --size 64M
img_create "$data" --size 64M
t 'a disk for the host, through two gateways' serve "$n" "pool=rbd,image=$n"
t 'and one for initiators of our own' serve "$data" "pool=rbd,image=$data"
registered() {
	pr <<-'SCRIPT'
		keeper@1 register 0 0xaa = good
		other@2 register 0 0xbb = good
	SCRIPT
}
t 'two of which register' registered
t 'the host' host_up init1
t 'it logs in through both' host_login init1 "$n" gw1 gw2
map=$(host_map init1 "$n" gw1 gw2) || t_bail 'no multipath device'

# version 2 had none
features() { record "$1" | awk '$1 == "features" { n = $2 } END { print n + 0 }'; }
understands() { [ "$(features "$n") $(features "$data")" = "$1 $1" ]; }
paths() { on init1 multipath -ll "$(basename "$map")" | grep -c ' active ready '; }
both_paths() { [ "$(paths)" = 2 ]; }
history_load() {
	lab run -- "$work/load" --record "$work/history" --name "$data" --seconds 90 --seed 1 --blocks 256 "$url1" "$url2"
}
upgraded() { # GW
	local name
	for name in $n $data; do gw_unserve "$1" "$name" || return 1; done
	loads "$1" target_core_rbd.ko || return 1
	for name in $n $data; do gw_serve "$1" "$name" "pool=rbd,image=$name" || return 1; done
}

begin host host_load "$map" $LIMIT_S 1
begin data history_load
begun() { on init1 test -e "/mnt/$TEST/direct"; }
t 'the host writes' t_until 60 begun
before=$(features "$n")
for gw in gw1 gw2; do
	t "$gw is upgraded" upgraded $gw
	t "$gw has the newer module" test "$(version $gw)" = "$newer"
	t 'the host uses both paths' t_until 90 both_paths
	[ $gw != gw1 ] || t "what is written is still for both, features $before" understands "$before"
done
newest() { [ "$(features "$n")" -ge "$before" ] && [ "$(features "$n")" = "$(features "$data")" ]; }
t 'the record has what both understand now' newest
note "features were $before, and are $(features "$n")"
host_load_enough
end=$((SECONDS + LIMIT_S))
t 'the host saw no error' ended_by $end host
note "$(cat "$work/host.out")"
t 'its kernel saw none' no_error
t 'the initiators ended' ended_by $end data
t 'their answers are possible for one disk' "$work/check" --window "$W_S" "$work/history"
t_is 'the registrations are there' "$(record "$data" | grep -c '^registration')" 2
kept() { pr <<<'keeper@1 keys = good 0xaa 0xbb'; }
t 'and their keys' kept

# Back again is another matter.
gw_unserve gw2 "$n" && gw_unserve gw2 "$data"
t 'gw2 takes the older module again' loads gw2 "$TEST-from.ko"
if [ "$(features "$n")" = "$before" ]; then
	t 'both modules serve together' gw_serve gw2 "$n" "pool=rbd,image=$n"
else
	t_fails 'it cannot serve beside the newer one' gw_serve gw2 "$n" "pool=rbd,image=$n"
	says() { lab log --since-mark gw2 | grep -q 'of a newer version'; }
	t 'and says why' says
fi
t 'gw1 goes on' serves gw1 "$n"
