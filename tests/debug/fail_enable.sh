#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A backstore is made and removed while allocations fail, one at a time. It comes up, or says that
# there is no memory and comes up at the next try. It can always be removed. Another backstore
# beside it is not disturbed.
#
#   FAIL_STEPS    the steps whose allocations fail (mkdir control enable rmdir)
#   FAIL_ROUNDS   how many of each, at most (50)
. ../lib/ktap.sh
. ../lib/gateway.sh
FAIL_ROUNDS=${FAIL_ROUNDS:-50}
. ../lib/inject.sh

n=$TEST-disk
beside=$TEST-beside
img_create "$n" --size 16M
img_create "$beside" --size 16M
writes_and_reads() { lab run -- qemu-io -f raw -c 'write -P 7 0 64k' -c 'read -P 7 0 64k' "$(gw_url gw1 "$1")"; }
control="mon_addr=10.77.0.1:3300,id=admin,pool=rbd"
sweep() { # NAME CONTROL STEP
	lab exec gw1 -- python3 - "$@" "$FAIL_ROUNDS" <nth.py >"$work/out" 2>&1 || { cat "$work/out"; return 1; }
}

inject_here gw1 || t_bail 'nothing can be made to fail'
# its own session with the cluster, which comes and goes with it, too
for step in ${FAIL_STEPS:-mkdir control enable rmdir}; do
	t "allocations of $step fail" sweep "$n" "$control,image=$n" "$step"
	note "$step: $(tr '\n' ' ' <"$work/out")"
done

# a gateway that is in the registry and serves nothing does not answer when reservations change, and
# is fenced for that
t_is 'nobody is left in the registry' "$(lab rbd image-meta get "$n" target_core_rbd.lu 2>/dev/null | grep -c '^gateway')" 0

t 'it is served' serve "$n" "pool=rbd,image=$n"
t 'and serves' writes_and_reads "$n"
t 'another image beside it' sweep "$beside" "$control,image=$beside" enable
note "$(tr '\n' ' ' <"$work/out")"
t 'which does not disturb it' writes_and_reads "$n"
