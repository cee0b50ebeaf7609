# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2016 # expanded in gateways
#
# Functions of lab tests for gateways and images. A test sources ktap.sh, then this file.
#
# They make backstores through configfs, as the module sees them; targetcli has tests of its own.
# All names that a test makes start with its own program name. gw_clean runs at the end of every
# test and removes these and nothing else. $work is a folder of the test's own, also removed.
# Without a lab the test is skipped.
#
#   img_create NAME [rbd create options...]       make an image (features: layering); gw_clean
#                                                 removes it
#   gw_enable GW NAME CONTROL                     enable backstore NAME; CONTROL is all but
#                                                 mon_addr, id and secret
#   gw_disable GW NAME
#   gw_info GW NAME KEY                           print a value from the backstore's info file
#   has_begun GW NAME                             succeed while a command of an initiator is being
#                                                 executed there
#   gw_export GW NAME [BLOCK_SIZE]                make target iqn_of NAME with a TPG for each
#                                                 gateway, as documented: every gateway defines all
#                                                 of them and enables its own
#   gw_unexport GW NAME
#   gw_serve GW NAME CONTROL [BLOCK_SIZE]         gw_enable and gw_export, in one go
#   gw_unserve GW NAME                            gw_unexport and gw_disable, in one go
#   gw_url GW NAME                                print the iscsi:// URL of LUN 0 through that
#                                                 gateway
#   serve NAME CONTROL [BLOCK_SIZE]               enable and export on gw1 and gw2
#   unserve NAME                                  undo that
#   io URL COMMANDS...                            run qemu-io commands; fail if one of them does,
#                                                 also if a pattern differs, and after IO_LIMIT
#                                                 seconds (300)
#   play URL                                      the same, with commands from stdin
#   image_sum SPEC, iscsi_sum URL, file_sum FILE  print the SHA-256 of all of it
#   ec_pool NAME                                  make an erasure coded pool for data, 2 + 1;
#                                                 removed at the end
#   parent_fill NAME                              write data here and there in the first 13 MiB, and
#                                                 make a protected snapshot NAME@s
#   undisturbed CMD...                            run CMD, and again if a gateway was out of touch
#                                                 meanwhile, three times at most
#   osd_ops_while CMD...                          run CMD and print how many operations the OSDs saw
#                                                 because of it
#   krbd_serve GW NAME                            serve a peer: LIO's iblock over a krbd mapping of
#                                                 image NAME, exported as ours are; removed at the
#                                                 end
#
# Commands that fail say why on stderr and return 1.

: "${TESTS_DIR:?source ktap.sh first}"
TEST=$(basename "$0" .sh)
[ -n "${LAB_NAME-}" ] || t_skip_all "needs a lab: make check TESTS=$TEST"
TEST=${TEST//_/-}
# shellcheck disable=SC2034 # for tests
work=$(mktemp -d)
t_atexit "rm -rf '$work'"
GW_GATEWAYS='gw1 gw2'
# W in seconds, see protocol.h
# shellcheck disable=SC2034 # for tests
W_S=$(($(sed -n 's/^#define TRBD_W_MS[[:space:]]*//p' "$TESTS_DIR/../protocol.h") / 1000))
# shellcheck disable=SC2034 # for tests
ISCSI_PREFIX=iqn.2026-11.test.lab
GW_IMAGES=()
GW_CORE=/sys/kernel/config/target/core/rbd_0
# shellcheck disable=SC2034 # for tests
GW_ISCSI=/sys/kernel/config/target/iscsi

iqn_of() { echo "$ISCSI_PREFIX:$1"; }
gw_addr() { echo "10.78.0.1${1#gw}"; }
gw_url() { echo "iscsi://$(gw_addr "$1")/$(iqn_of "$2")/0"; }

img_create() {
	local name=$1
	shift
	GW_IMAGES+=("$name")
	lab rbd create --image-feature layering "$@" "$name"
}

# run a script from stdin in a gateway: gw_sh GW ARGS... <<'SCRIPT'
gw_sh() {
	local gw=$1
	shift
	lab exec "$gw" -- bash -s -- "$@"
}

# A gateway's functions for units. Its shell takes a second to start on a busy machine, so put
# commands that belong together into one script: gw_units GW COMMANDS ARGS... runs COMMANDS there,
# with these functions.
GW_UNITS=$(cat <<-'SCRIPT'
	core=/sys/kernel/config/target/core/rbd_0
	iscsi=/sys/kernel/config/target/iscsi
	unit_enable() { # NAME CONTROL
		local secret mons
		secret=$(ceph-authtool -p -n client.admin /etc/ceph/ceph.client.admin.keyring)
		mons=$(grep -oE 'v2:[0-9.:]+' /etc/ceph/ceph.conf | cut -d: -f2- | paste -sd/)
		mkdir -p "$core/$1" &&
			printf '%s' "mon_addr=$mons,id=admin,secret=$secret,$2" >"$core/$1/control" &&
			echo 1 >"$core/$1/enable"
	}
	unit_disable() { rmdir "$core/$1"; } # NAME
	unit_export() ( # NAME IQN LOCAL BLOCK_SIZE GATEWAYS
		set -e
		dev=$core/$1 target=$iscsi/$2
		[ "$4" = 512 ] || echo "$4" >"$dev/attrib/block_size"
		mkdir -p "$target"
		for gw in $5; do
			n=${gw#gw}
			tpg=$target/tpgt_$n
			mkdir -p "$tpg/lun/lun_0" "$tpg/np/10.78.0.1$n:3260"
			echo 0 >"$tpg/attrib/authentication"
			echo 1 >"$tpg/attrib/generate_node_acls"
			echo 1 >"$tpg/attrib/cache_dynamic_acls"
			echo 0 >"$tpg/attrib/demo_mode_write_protect"
			# SendTargets to one gateway lists the portals of all of them
			echo 0 >"$tpg/attrib/tpg_enabled_sendtargets"
			ln -s "$dev" "$tpg/lun/lun_0/$1"
		done
		echo 1 >"$target/tpgt_$3/enable"
		unit_knows_ports "$1" 1
	)
	# A nexus that is logged in when a port comes gets a unit attention, and most tests do not
	# want one.
	unit_knows_ports() { # NAME COUNT
		local ports=$core/$1/attrib/ports i
		# a snapshot has no ports, nor has an older module
		grep -qs . "$ports" || return 0
		for ((i = 0; i < 50; i++)); do
			[ "$(grep -c '^port' "$ports")" -lt "$2" ] || return 0
			sleep 0.2
		done
	}
	unit_unexport() { # IQN
		local target=$iscsi/$1 tpg
		[ -d "$target" ] || return 0
		for tpg in "$target"/tpgt_*; do
			echo 0 >"$tpg/enable" 2>/dev/null
			rm -f "$tpg"/lun/lun_*/* 2>/dev/null
			rmdir "$tpg"/lun/lun_* "$tpg"/np/* "$tpg"
		done
		rmdir "$target"
	}
	units_remove() { # PREFIX TEST: all units whose names begin with TEST, from targets PREFIX:NAME
		local dir
		for dir in "$core/$2"*; do
			[ -d "$dir" ] || continue
			unit_unexport "$1:${dir##*/}"
			unit_disable "${dir##*/}"
		done
	}
SCRIPT
)
gw_units() { lab exec "$1" -- bash -s -- "${@:3}" <<<"$GW_UNITS"$'\n'"$2"; }

parent_fill() {
	lab rbd bench --io-type write --io-size 1M --io-total 13M --io-pattern rand "$1" &&
		lab rbd snap create --no-progress "$1@s" && lab rbd snap protect "$1@s"
}

gw_enable() { gw_units "$1" 'unit_enable "$1" "$2"' "$2" "$3"; }
gw_disable() { lab exec -n "$1" -- rmdir "$GW_CORE/$2"; }

gw_info() {
	lab exec -n "$1" -- cat "$GW_CORE/$2/info" |
		tr '\n' ' ' | sed -n "s/.* $3: \([^ ]*\) .*/\1/p"
}

# has_begun GW NAME: a command of an initiator is being executed there
has_begun() {
	[ "$(lab exec -n "$1" -- sed -n '1s/.* in_flight \([0-9]*\) .*/\1/p' "$GW_CORE/$2/attrib/reservations")" -gt 0 ]
}

# how often the gateway stood still since the test began, by its own count: a loaded host takes its
# processors away
gw_stalls() { lab log --since-mark "$1" | grep -c 'was out of touch (it stood still)'; }
# The same, for whatever reason: its OSDs share the host. It also refuses writes of a session whose
# thread stood still.
gw_lapses() { lab log --since-mark "$1" | grep -c 'was out of touch\|the thread of a session stood still'; }
# A gateway that was out of touch ends writes with BUSY for 5 s, as it must: also when that began
# before CMD.
undisturbed() {
	local _ before status
	for _ in 1 2 3; do
		before="$(gw_lapses gw1) $(gw_lapses gw2)"
		[ "$before" = "$(cat "$work/lapses" 2>/dev/null || echo 0 0)" ] || sleep 6
		# a check is a subshell
		echo "$before" >"$work/lapses"
		"$@"
		status=$?
		[ "$(gw_lapses gw1) $(gw_lapses gw2)" != "$before" ] || break
		echo "# a gateway was out of touch"
	done
	return $status
}

gw_export() {
	gw_units "$1" 'unit_export "$@"' "$2" "$(iqn_of "$2")" "${1#gw}" "${3:-512}" "$GW_GATEWAYS"
}
gw_unexport() { gw_units "$1" 'unit_unexport "$1"' "$(iqn_of "$2")"; }
gw_serve() {
	gw_units "$1" 'unit_enable "$1" "$2" && unit_export "$1" "${@:3}"' "$2" "$3" \
		"$(iqn_of "$2")" "${1#gw}" "${4:-512}" "$GW_GATEWAYS"
}
gw_unserve() { gw_units "$1" 'unit_unexport "$1" && unit_disable "$2"' "$(iqn_of "$2")" "$2"; }

serve() {
	local gw
	for gw in $GW_GATEWAYS; do gw_serve "$gw" "$1" "$2" "${3:-512}" || return 1; done
	for gw in $GW_GATEWAYS; do gw_units "$gw" 'unit_knows_ports "$1" 2' "$1" || return 1; done
}

unserve() {
	local gw
	for gw in $GW_GATEWAYS; do gw_units "$gw" 'unit_unexport "$1"; unit_disable "$2"' "$(iqn_of "$1")" "$1"; done
}

# A gateway whose cluster is away restores what it can; then do what the service does: try again,
# also while the cluster comes back.
gw_comes_back() {
	local retry
	lab exec -n "$1" -- timeout "$(t_limit 200)" python3 -m target_core_rbd.retry >"$work/retry" 2>&1 &
	retry=$!
	t_until 90 grep -q 'going on trying' "$work/retry"
	lab heal "$1" ceph
	wait $retry || { cat "$work/retry"; return 1; }
}

gw_clean() {
	local gw name
	for gw in $GW_GATEWAYS; do
		lab exec --timeout "$(t_limit 60)" "$gw" -- bash -s -- "$ISCSI_PREFIX" "$TEST" \
			<<<"$GW_UNITS"$'\n''units_remove "$1" "$2"'
	done
	for name in "${GW_IMAGES[@]}"; do
		lab rbd rm --no-progress "$name" || { lab rbd snap purge "$name" && lab rbd rm --no-progress "$name"; }
	done
}
t_atexit gw_clean

ec_pool() {
	t_atexit_late "ec_pool_clean $1"
	lab ceph osd erasure-code-profile set "$1" k=2 m=1 crush-failure-domain=osd &&
		lab ceph osd pool create "$1" 8 8 erasure "$1" &&
		lab ceph osd pool set "$1" allow_ec_overwrites true &&
		lab ceph osd pool application enable "$1" rbd
}

ec_pool_clean() {
	lab ceph osd pool rm "$1" "$1" --yes-i-really-really-mean-it
	lab ceph osd erasure-code-profile rm "$1"
	lab ceph osd crush rule rm "$1"
}

osd_ops() {
	local osd
	for osd in 0 1 2; do lab ceph tell osd.$osd perf dump osd </dev/null 2>/dev/null | jq .osd.op; done |
		awk '{ n += $1 } END { print n }'
}

# Less the operations that the gateways' heartbeats make in the same time. Asking takes its time,
# too, so compare rates.
osd_ops_while() {
	local before after idle start end
	before=$(osd_ops) start=$(date +%s%3N)
	"$@" >"$work/ops.out" || return 1
	after=$(osd_ops) end=$(date +%s%3N)
	start=$((end - start))
	sleep "$((start / 1000)).$((start % 1000 / 100))"
	idle=$(osd_ops) end=$(($(date +%s%3N) - end))
	echo $((after - before - (idle - after) * start / end))
}

# no udev runs on the gateways
krbd_serve() {
	t_atexit "krbd_unserve $1 $2"
	gw_sh "$1" "$2" "$(iqn_of "$2")" "$(gw_addr "$1")" <<-'SCRIPT'
		set -e
		modprobe rbd
		modprobe target_core_iblock
		rbd map -o noudev "$1" >/tmp/krbd.$1
		dir=/sys/kernel/config/target/core/iblock_9/$1
		mkdir -p $dir
		echo "udev_path=$(cat /tmp/krbd.$1)" >$dir/control
		echo 1 >$dir/enable
		tpg=/sys/kernel/config/target/iscsi/$2/tpgt_1
		mkdir -p $tpg/lun/lun_0 $tpg/np/$3:3260
		cd $tpg
		echo 0 >attrib/authentication
		echo 1 >attrib/generate_node_acls
		echo 0 >attrib/demo_mode_write_protect
		ln -s $dir lun/lun_0/$1
		echo 1 >enable
	SCRIPT
}

krbd_unserve() {
	gw_unexport "$1" "$2"
	gw_sh "$1" "$2" <<-'SCRIPT'
		cd /sys/kernel/config/target/core/iblock_9 && rmdir $1 && cd .. && rmdir iblock_9
		rbd unmap -o noudev $(cat /tmp/krbd.$1)
		rm -f /tmp/krbd.$1
		rmmod rbd
	SCRIPT
}

# qemu-io's status says only that it could open the disk. Its output tells how the commands ended;
# IO_OUT has it.
IO_OUT=$(mktemp)
t_atexit 'rm -f "$IO_OUT" "$IO_OUT.read"'

play() {
	local commands
	commands=$(cat)
	lab run -- timeout "$(t_limit "${IO_LIMIT:-300}")" qemu-io -f raw "$1" <<<"$commands" >"$IO_OUT" 2>&1
	[ "$(grep -cE '(^|> )(wrote|read|discard) [0-9]' "$IO_OUT")" = "$(grep -c . <<<"$commands")" ] &&
		! grep -q 'Pattern verification failed' "$IO_OUT" && return
	tail -n 5 "$IO_OUT"
	return 1
}

io() {
	local url=$1
	shift
	printf '%s\n' "$@" | play "$url"
}

# the objects of the gateways' group of pool rbd
group_objects() { lab run -- rados -p rbd ls | grep '^target_core_rbd\.group' | sort; }

# The clients that Ceph keeps out now and were not in the list of before; Ceph forgets old ones by
# itself.
blocklist() { lab ceph osd blocklist ls 2>/dev/null | cut -d ' ' -f 1 | sort; }
fenced_since() { comm -13 <(echo "$1") <(blocklist); }

# the header object of an image of pool rbd
header_of() { echo "rbd_header.$(lab rbd info --format json "$1" | jq -r .id)"; }
# the number of the OSD that has an object of pool rbd
primary_of() { lab ceph osd map rbd "$1" --format json 2>/dev/null | jq -r .acting_primary; }

file_sum() { sha256sum "$1" | cut -d' ' -f1; }
image_sum() { lab rbd export --no-progress "$1" - | sha256sum | cut -d' ' -f1; }
iscsi_sum() {
	rm -f "$IO_OUT.read"
	lab run -- qemu-img dd -f raw -O raw bs=1M "if=$1" "of=$IO_OUT.read" 2>/dev/null && file_sum "$IO_OUT.read"
}
