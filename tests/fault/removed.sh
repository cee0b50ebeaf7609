#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A backstore is removed while the OSD of its image's header stands still, so the gateway cannot
# take its name out of the record. A PREEMPT through the other gateway has to deal with the gateway
# that does not answer. The first gateway serves its other units through the same session with the
# cluster; they do not notice.
# shellcheck disable=SC2317 # steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/reserve.sh

t 'the initiators' pr_client_build
t_build tools initiator
gone=$TEST-gone other=$TEST-other
for name in "$gone" "$other"; do
	img_create "$name" --size 64M
	t "served by both gateways: $name" serve "$name" "pool=rbd,image=$name"
done
url1=$(gw_url gw1 "$gone") url2=$(gw_url gw2 "$gone")
t 'reserved through gw1' reserved

"$TESTS_DIR/lab/lab" run -- "$work/initiator" "$(gw_url gw1 "$other")" writer fill 0 600 >"$work/writer" 2>&1 &
writer=$!
t_atexit "t_kill $writer"
osd=osd.$(primary_of "$(header_of "$gone")")
wakes() {
	lab resume "$osd"
	lab ceph osd unset nodown
}
t_atexit wakes
stands_still() { lab ceph osd set nodown && lab pause "$osd" && sleep 1; }
before=$(blocklist)
t 'the OSD of the header stands still' stands_still
gw_unexport gw1 "$gone"
gw_disable gw1 "$gone"
t_is 'the backstore is gone' "$(lab exec -n gw1 -- sh -c "ls $GW_CORE | grep -c '$gone'")" 0
t 'the OSD goes on' wakes
preempted() { pr <<<'other@2 preempt 0xbb 0xaa 1 = good'; }
t 'a PREEMPT through gw2 is good' preempted
sleep 5
t 'a writer of another unit of gw1 has seen no error' kill -0 $writer
kill -TERM $writer
wait $writer
note "$(cat "$work/writer")"
t_is 'nobody is on the blocklist' "$(fenced_since "$before")" ''
t_is 'gw1 has not taken a new identity' "$(lab log --since-mark gw1 | grep -c 'takes a new identity')" 0
