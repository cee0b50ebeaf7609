#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Reservations belong to the logical unit and not to a gateway: a command finds and leaves the same
# state through every gateway. This tries many nexuses at once; as many registrations as there may
# be; random commands against a model (tools/pr_client/model.c); the restart of all gateways. And
# none of it costs a READ or a WRITE an operation.
#
#   PR_COMMANDS   random commands (400)
#   SEED          makes the same commands again (a random one)
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/reserve.sh

COMMANDS=${PR_COMMANDS:-400}
SEED=${SEED:-$RANDOM}
t 'the initiators' pr_client_build

n=$TEST-disk
url1=$(gw_url gw1 "$n") url2=$(gw_url gw2 "$n")
# shown when it went well, too
run() {
	"$@" >"$work/out" 2>&1 || { cat "$work/out"; return 1; }
}

img_create "$n" --size 64M
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
t '64 nexuses register at the same moment' run pr_client register "$url1" "$url2" 64
note "$(cat "$work/out")"
t '1,024 registrations, read back through both gateways' run pr_client full "$url1" "$url2" 1024
note "$(cat "$work/out")"

note "SEED=$SEED"
LIMIT=$((COMMANDS + 120)) t "$COMMANDS random commands, each as the model has it" run \
	pr_client model "$url1" "$url2" "$SEED" "$COMMANDS"
note "$(tail -n 3 "$work/out")"

# a reader with rbd sees the same in the record
read -r generation aptpl type registrations < <(sed -n \
	's/^in the end: generation \([0-9]*\) aptpl \([01]\) type \([0-9]\) registrations \([0-9]*\) .*/\1 \2 \3 \4/p' "$work/out")
record "$n" >"$work/record"
t_is 'the record is one of this image' "$(sed -n 's/^image //p' "$work/record")" \
	"$(lab rbd info --format json "$n" | jq -r .id)"
t_is 'it has the generation, and APTPL' "$(awk '$1 == "pr" { print $2, $4 }' "$work/record")" "$generation $aptpl"
t_is 'the registrations' "$(grep -c '^registration ' "$work/record")" "$registrations"
t_is 'and the reservation' "$(awk '$1 == "reservation" { print $2 }' "$work/record")" "$([ "$type" = 0 ] || echo "$type")"

kept=$TEST-kept
img_create "$kept" --size 16M
t 'another image' serve "$kept" "pool=rbd,image=$kept"
url1=$(gw_url gw1 "$kept") url2=$(gw_url gw2 "$kept")
spc2() {
	pr <<-'EOF'
		spc2@1 reserve6 = good
		other@2 write 0 1 = conflict
		other@2 tur = conflict
		other@2 keys = conflict
		other@2 ignore 0xbb = conflict
		other@2 release6 = good
		spc2@2 write 0 1 = conflict
		spc2@1 write 0 0x77 = good
		spc2@1 logout = good
	EOF
}
t 'a RESERVE through one gateway is one everywhere' spc2
free() { pr <<<'other@2 write 0 1 = good'; }
t 'and ends with its session' t_until 60 free
# A state that must be found again: three registrations, one of them for all ports, and a holder.
settle() {
	pr <<-'EOF'
		keeper@1 register 0 0xaa = good
		other@2 register 0 0xbb = good
		all@2 everywhere 0xcc = good
		keeper@1 reserve 0xaa 5 = good
		other@2 keys = good 0xaa 0xbb 0xcc
		all@1 keys = good 0xaa 0xbb 0xcc
		all@2 holder = good 0xaa type 5
		all@1 write 0 0x33 = good
		stranger@2 write 0 1 = conflict
		stranger@1 write 0 1 = conflict
		stranger@1 read 0 = good 0x33
		other@2 write 0 0x5a = good
	EOF
}
t 'three register through both gateways, and one of them reserves' settle

# nobody need hear of a change that changes nothing
nothing_to_do() {
	local before after
	before=$(record "$kept" | sed -n 's/^generation //p')
	pr <<-'EOF' || return 1
		keeper@1 reserve 0xaa 5 = good
		other@2 release 0xbb 5 = good
	EOF
	after=$(record "$kept" | sed -n 's/^generation //p')
	echo "from generation $before to $after"
	[ "$before" ] && [ "$before" = "$after" ]
}
t 'the holder reserves again, another one releases: the record stays' nothing_to_do

# costs WHAT WANTED: WANTED operations. Heartbeats that come sooner or later may add or take away
# some; one more for each command would be twice as many
costs() {
	local ops
	ops=$(osd_ops_while pr <<<"$1") || { cat "$work/ops.out"; return 1; }
	echo "$ops operations, should be $2" | tee "$work/ops"
	[ "$ops" -ge $(($2 * 3 / 4)) ] && [ "$ops" -le $(($2 * 5 / 4)) ]
}
t '1,000 reads beside a reservation are 1,000 operations' costs 'stranger@2 reads 1000 = good' 1000
note "$(cat "$work/ops")"
t '500 writes of a registrant are 500' costs 'other@2 writes 500 = good' 500
note "$(cat "$work/ops")"

# all gateways go, without a word, and come back
before=$(status stranger@1)
t_like 'there is a state to keep' "$before" '^good generation 3; 0xaa holder 5 .*; 0xbb .*; 0xcc all ports'
t_is 'the same through both gateways' "$(status stranger@2)" "$before"
restart() {
	lab kill gw1 && lab kill gw2 || return 1
	lab start gw1 &
	lab start gw2 && wait $!
}
t 'both gateways lose their power and boot' restart
t 'they serve again' serve "$kept" "pool=rbd,image=$kept"
t_is 'all is as before, through one' "$(status stranger@1)" "$before"
t_is 'and the other' "$(status stranger@2)" "$before"
after_restart() {
	pr <<-'EOF'
		stranger@1 write 0 1 = conflict
		stranger@2 write 0 1 = conflict
		all@1 write 0 0x44 = good
		all@2 read 0 = good 0x44
		other@2 preempt 0xbb 0xaa 1 = good
		keeper@1 write 0 1 = conflict
		other@1 write 0 1 = conflict
		other@2 write 0 1 = good
		other@2 clear 0xbb = good
		keeper@1 keys = good
		stranger@1 write 0 2 = good
	EOF
}
t 'it is in force, and can be changed' after_restart
