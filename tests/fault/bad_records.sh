#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The record of the shared state is damaged, taken away, or of another image; strangers watch the
# image and send it notifications. Then reservation commands fail, or nothing happens, but
# reservations hold, and a command that works again finds them. The steps that operators are told to
# take to clear everything clear everything.
# shellcheck disable=SC2317 # steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/reserve.sh

t 'the initiators' pr_client_build

n=$TEST-disk
url1=$(gw_url gw1 "$n") url2=$(gw_url gw2 "$n")
# bash would take the newline at the end away
write_record() {
	local text
	text=$(cat "$1" && echo .)
	lab rbd image-meta set "$n" $KEY "${text%.}" >/dev/null
}

img_create "$n" --size 16M
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
header=$(header_of "$n")
t 'two are registered, one of them reserves' reserved
record "$n" >"$work/saved"
t_like 'there is a record' "$(head -n 1 "$work/saved")" '^target_core_rbd.lu [0-9]+$'

# nothing is changed, and no nexus is told that it was
refused() {
	pr <<-'SCRIPT'
		stranger@1 ignore 0xdd = bad
		other@2 register 0xbb 0xcc = bad
		other@2 preempt 0xbb 0xaa 1 = bad
		keeper@1 clear 0xaa = bad
	SCRIPT
}
log_lines() { lab log gw1 | wc -l; }
# the kernel leaves lines out when there are many: until there is one
named_since() {
	for _ in 1 2 3 4 5 6 7 8; do
		lab log gw1 | tail -n +"$(($1 + 1))" | grep -F "$KEY" >"$work/log" && return
		sleep 1
		pr <<<'stranger@1 ignore 0xdd = bad' || return 1
	done
	return 1
}
# damaged WHAT: tell what is wrong with the present record
damaged() {
	local since
	since=$(log_lines)
	t "$1: reservation commands fail" refused
	t "$1: what is reserved stays reserved" in_force
	t "$1: a LOGICAL UNIT RESET" pr <<<'keeper@1 reset = good'
	t "$1: does not stop the disk" in_force
	t "$1: the log names the key" named_since "$since"
	note "$(head -n 1 "$work/log" | cut -c-200)"
	t "$1: put back" write_record "$work/saved"
	t "$1: all is as it was" works
	record "$n" >"$work/saved"
}

# as a person would, whose shell takes the last newline away
t 'put back as it was read' eval 'lab rbd image-meta set "$n" $KEY "$(record "$n")" >/dev/null'
t 'is the record that it was' works
record "$n" >"$work/saved"

head -c $(($(wc -c <"$work/saved") / 2)) "$work/saved" >"$work/bad"
t 'truncated' write_record "$work/bad"
# a copy made now has it too, and none of its own
damaged_copy() {
	lab rbd cp --no-progress "$n" "$TEST-damaged" && gw_enable gw1 "$TEST-damaged" "pool=rbd,image=$TEST-damaged"
}
GW_IMAGES+=("$TEST-damaged")
t 'a copy of that can be served' damaged_copy
damaged 'truncated'
tr 'a-f1-5' '6-9x-z#' <"$work/saved" >"$work/bad"
t 'garbled' write_record "$work/bad"
damaged 'garbled'
sed '1s/.*/target_core_rbd.lu 99/' "$work/saved" >"$work/bad"
t 'of a newer version' write_record "$work/bad"
damaged 'of a newer version'
sed 's/^image .*/image 123456789abc/' "$work/saved" >"$work/bad"
t 'of another image' write_record "$work/bad"
damaged 'of another image'
# the argument of a command is not longer than 128 KiB
head -c 75000 /dev/urandom | base64 -w 0 >"$work/bad"
t '100 KiB of something else' write_record "$work/bad"
damaged '100 KiB of something else'
t 'removed' lab rbd image-meta remove "$n" $KEY
damaged 'removed'

# A gateway wrote a PREEMPT into the record and died before it told any other one, and another one
# died with it. The next gateway that is asked finishes the change before it answers, and fences the
# dead ones for that. Both at once.
half_done() {
	local generation address=10.77.0.99:0/4711 start took gap
	generation=$(awk '$1 == "generation" { print $2 }' "$work/saved")
	awk -v g=$((generation + 1)) -v a=$address '
		$1 == "registration" && $3 ~ /bb$/ { next }
		$1 == "generation" { $2 = g }
		$1 == "change" { $2 = 4711; $3 = 4 }
		$1 == "end" { print "gateway 4711 " a " 9 dead 0 - 1\ngateway 4712 10.77.0.98:0/4712 10 dead 0 - 1" }
		'"$PORTS_LAST"' { print }' "$work/saved" >"$work/half" || return 1
	write_record "$work/half" && lab run -- rados -p rbd setxattr "$header" tcr.lu $((generation + 1)) || return 1
	start=$(date +%s%3N)
	pr <<<'keeper@1 keys = good 0xaa' || return 1
	took=$(($(date +%s%3N) - start))
	pr <<-'SCRIPT' || return 1
		other@2 write 0 0x25 = conflict
		other@2 register 0xbb 0xcc = conflict
		keeper@1 write 0 0x26 = good
	SCRIPT
	record "$n" >"$work/saved"
	awk '$1 == "generation" { g = $2 } $1 == "settled" { s = $2 } END { exit g != s }' "$work/saved" &&
		grep -q "^fenced $address " "$work/saved" && ! grep -q '^gateway 471[12] ' "$work/saved" || return 1
	gap=$(($(fenced_at 10.77.0.98:0/4712) - $(fenced_at $address)))
	echo "$took ms, ${gap#-} from one fence to the other" | tee "$work/took"
	# one after the other, each would have half of the time
	[ $((3 * ${gap#-})) -lt "$took" ]
}
# the time when gw1 said so, in ms of its own clock
fenced_at() { lab log gw1 | sed -n "s|^\[ *\([0-9]*\)\.\([0-9]\{3\}\).*($1) does not answer; it is fenced.*|\1\2|p" | tail -n 1; }
t 'a change whose sender died is finished before anything is answered' half_done
note "$(cat "$work/took")"
t_is 'the dead are on the blocklist' "$(lab ceph osd blocklist ls 2>/dev/null | grep -cE '^10.77.0.9(9:0/4711|8:0/4712)')" 2
t 'the other registers again' pr <<<'other@2 register 0 0xbb = good'
record "$n" >"$work/saved"

# Copies have the record of the image that they were copied from, and none of their own.
copies() {
	lab rbd snap create --no-progress "$n@s" && lab rbd snap protect "$n@s" &&
		lab rbd clone --image-feature layering "$n@s" "$TEST-clone" &&
		lab rbd cp --no-progress "$n" "$TEST-copy"
}
uncopy() {
	unserve "$TEST-clone"
	lab rbd rm --no-progress "$TEST-clone"
	lab rbd snap unprotect "$n@s"
}
GW_IMAGES+=("$TEST-copy")
t_atexit uncopy
t 'a clone and a copy' copies
for copy in clone copy; do
	name=$TEST-$copy
	url1=$(gw_url gw1 "$name") url2=$(gw_url gw2 "$name")
	t_is "the $copy has the record of the other image" "$(record "$name" | sed -n 's/^image /rbd_header./p')" "$header"
	t "the $copy is served" serve "$name" "pool=rbd,image=$name"
	nobody() {
		pr <<-'SCRIPT'
			keeper@1 keys = good
			other@2 keys = good
			other@2 holder = good none
			stranger@2 write 0 0x31 = good
			other@2 register 0 0xee = good
			keeper@1 keys = good 0xee
			other@2 clear 0xee = good
		SCRIPT
	}
	t "nobody is registered at the $copy, and somebody can be" nobody
	t_is "the $copy has a record of its own" "$(record "$name" | sed -n 's/^image /rbd_header./p')" "$(header_of "$name")"
	unserve "$name"
done
url1=$(gw_url gw1 "$n") url2=$(gw_url gw2 "$n")
t 'the image itself is as it was' works

# Other clients can reach the header object, too.
forged() {
	lab run -- rados -p rbd notify "$header" garbage
	lab run -- rados -p rbd notify "$header" "$(printf '\001\001\004')"
	lab run -- rados -p rbd notify "$header" "$(head -c 3000 "$work/bad")"
	true
}
t 'notifications of somebody else' forged
t 'do no harm' works
t 'nor to what is reserved' in_force

# the lab becomes the program, so the test can stop it
watchers=()
watch() {
	mkfifo "$work/watch.${#watchers[@]}.in"
	"$TESTS_DIR/lab/lab" run -- "$@" <>"$work/watch.${#watchers[@]}.in" >"$work/watch.${#watchers[@]}" 2>&1 &
	watchers+=($!)
}
watch rados -p rbd watch "$header"
watch rbd watch "$n"
disown -a
# shellcheck disable=SC2016 # expanded later
t_atexit 't_kill "${watchers[0]}"; t_kill "${watchers[1]}"'
watched() { lab run -- rados -p rbd listwatchers "$header" | grep -c 'watcher=10.77.0.1:'; }
both_watch() {
	for _ in {1..300}; do
		[ "$(watched)" = 2 ] && return
		sleep 0.2
	done
	lab run -- rados -p rbd listwatchers "$header"
	cat "$work"/watch.?
	return 1
}
t 'two strangers watch the image' both_watch
t 'reservation commands work' works
kill -STOP "${watchers[@]}"
t 'also when the strangers do not answer' works
note "$(grep ms "$work/pr")"
kill -CONT "${watchers[@]}"
t_is 'none of them was fenced' "$(record "$n" | grep '^fenced' | grep -vc '10.77.0.9[89]')$(lab ceph osd blocklist ls 2>/dev/null | grep -c '^10.77.0.1:')" 00
# a line on stdin ends them
for i in 0 1; do echo 1<>"$work/watch.$i.in"; done

# more watchers than the answer of an OSD to a list of watchers has room for
cat >"$work/crowd.py" <<-'EOF'
	import sys
	import rados

	with rados.Rados(conffile='') as cluster, cluster.open_ioctx('rbd') as pool:
	    watches = [pool.watch(sys.argv[1], lambda *args: None) for _ in range(90)]
	    print('watching', flush=True)
	    sys.stdin.readline()
	    for watch in watches:
	        watch.close()
EOF
mkfifo "$work/crowd"
lab run -- /usr/bin/python3 "$work/crowd.py" "$header" <>"$work/crowd" >"$work/crowd.out" 2>&1 &
crowd=$!
# shellcheck disable=SC2016 # expanded later
t_atexit 't_kill $crowd'
crowd_watches() {
	for _ in $(seq 150); do
		grep -q watching "$work/crowd.out" && return
		sleep 0.2
	done
	cat "$work/crowd.out"
	return 1
}
t '90 strangers watch the image' crowd_watches
t 'reservation commands work beside them' works
echo 1<>"$work/crowd"
wait $crowd

# the kernel's own client, on the machine of a gateway
krbd() {
	gw_sh gw2 "$1" "$n" <<-'SCRIPT'
		case $1 in
		map) modprobe rbd && rbd map -o noudev "$2" ;;
		unmap) rbd unmap -o noudev "$2" && rmmod rbd ;;
		esac
	SCRIPT
}
t_atexit 'krbd unmap'
t 'krbd maps the image' krbd map
t 'reservation commands work beside it' works
t 'krbd unmaps it' krbd unmap
t_is 'still nobody was fenced but the dead' "$(record "$n" | grep -c '^fenced')" 2

# The record says that all gateways must have an OSD map that there will not be. Then nobody can
# change reservations until the record is put back. Other commands go on.
disk=$n
n=$TEST-barrier
url1=$(gw_url gw1 "$n") url2=$(gw_url gw2 "$n")
img_create "$n" --size 16M
img_create "$TEST-beside" --size 16M
barrier_begins() {
	serve "$n" "pool=rbd,image=$n,mount_timeout=3" && serve "$TEST-beside" "pool=rbd,image=$TEST-beside,mount_timeout=3" &&
		pr <<<'keeper@1 register 0 0xaa = good' || return 1
	record "$n" >"$work/saved"
	sed 's/^barrier .*/barrier 4294967295/' "$work/saved" >"$work/bad"
	! cmp -s "$work/saved" "$work/bad" && write_record "$work/bad"
}
t 'another image, with a session of its own' barrier_begins
t 'a barrier that no OSD map has: reservation commands fail' pr <<<'stranger@1 ignore 0xdd = bad'
t 'and the disk serves' pr <<<'keeper@1 write 0 0x51 = good'
t 'as does the one beside it' play "$(gw_url gw1 "$TEST-beside")" <<<'write -P 5 0 64k'
t 'put back' write_record "$work/saved"
t 'all is as it was' pr <<<'stranger@1 keys = good 0xaa'
unserve "$n"
unserve "$TEST-beside"
n=$disk
url1=$(gw_url gw1 "$n") url2=$(gw_url gw2 "$n")

# by hand, as the documentation says
by_hand() { lab rbd image-meta remove "$n" $KEY && lab run -- rados -p rbd rmxattr "$header" tcr.lu; }
cleared() {
	for _ in $(seq 15); do
		pr <<-'SCRIPT' && return
			keeper@1 keys = good
			other@2 keys = good
			other@2 holder = good none
		SCRIPT
		sleep 1
	done
	cat "$work/pr"
	return 1
}
anew() {
	pr <<-'SCRIPT'
		stranger@2 write 0 0x41 = good
		other@2 register 0 0xef = good
		keeper@1 keys = good 0xef
		other@2 reserve 0xef 3 = good
		keeper@1 write 0 0x42 = conflict
		other@2 clear 0xef = good
	SCRIPT
}
identities() { { lab log gw1; lab log gw2; } | grep -c 'takes a new identity'; }
before=$(identities)
t 'the record is removed by hand' by_hand
t 'then nobody is registered, through both gateways' cleared
t 'and all can begin anew' anew
t_is 'no gateway had to take a new identity' "$(identities)" "$before"
