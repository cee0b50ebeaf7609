#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The module takes or refuses any string that is written to a control file, as a whole, with nothing
# left behind and no secret in the log (control_fuzz.py, in a gateway, with libceph's own parser
# behind ours).
#
#   FUZZ_SECONDS   for how long (5)
#   SEED           makes the same strings again (a random one)
. ../lib/ktap.sh
. ../lib/gateway.sh

SECONDS_LONG=${FUZZ_SECONDS:-5}
SEED=${SEED:-$RANDOM}
ROUNDS=1000
gw=gw1

# pages that the kernel cannot reclaim
unreclaimable() {
	gw_sh $gw <<-'SCRIPT'
		echo 3 >/proc/sys/vm/drop_caches
		sleep 1
		echo 3 >/proc/sys/vm/drop_caches
		awk '/^SUnreclaim/ { print $2 }' /proc/meminfo
	SCRIPT
}
secret=$(ceph-authtool --gen-print-key)
fuzz() {
	lab exec --timeout $(($1 + $(t_limit 60))) $gw -- /usr/bin/python3 - "$SEED" "$1" "$TEST-x" "$secret" <control_fuzz.py
}
run() { fuzz "$1" >"$work/out" 2>&1 || { cat "$work/out"; return 1; }; }
note "SEED=$SEED"
lab exec -n $gw -- modprobe target_core_mod
lab exec -n $gw -- mkdir -p /sys/kernel/config/target/core/rbd_0
t "strings for $SECONDS_LONG s" run "$SECONDS_LONG"
note "$(cat "$work/out")"
silent() { ! lab exec -n $gw -- dmesg | grep -F "${secret:0:30}"; }
t 'the secret is not in the log' silent
lab exec -n $gw -- dmesg >"$work/dmesg"
t 'and the log says why strings were refused' grep -q 'target_core_rbd: control: ' "$work/dmesg"

heavy() { lab exec --timeout 300 $gw -- /usr/bin/python3 - --heavy "$1" "$TEST-x" <control_fuzz.py; }
t 'long strings to begin with' heavy 20
before=$(unreclaimable)
t "$ROUNDS times long strings" heavy $ROUNDS
after=$(unreclaimable)
note "unreclaimable memory before $before KiB, after $after KiB"
# a kernel with KASAN keeps freed memory for a while; it looks for leaks itself, see debug/leaks
lab exec -n $gw -- test -e /sys/kernel/debug/kmemleak ||
	t 'no memory is lost' test $((after - before)) -le $((ROUNDS / 2))
