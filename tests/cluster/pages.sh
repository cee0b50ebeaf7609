#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Type the commands and settings that the pages in docs/ have for operators, taken out of the pages:
# a backstore without targetcli, the line that takes a feature away, a record of reservations that
# is read and cleared, the settings of a host. Names and addresses of the pages become those of the
# lab, and nothing else changes.
# shellcheck disable=SC2317 # steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/hosts.sh
. ../lib/reserve.sh

n=$TEST-disk
# shellcheck disable=SC2034 # for reserve.sh
url1=$(gw_url gw1 "$n") url2=$(gw_url gw2 "$n")

# block PAGE REGEX: print the indented lines after the line that matches, with the lab's names
block() {
	awk -v after="$2" '
		!found { found = $0 ~ after; next }
		/^    / { print substr($0, 5); begun = 1; next }
		begun { exit }' "../../docs/$1" | sed "s/^# //; s/disk1/$n/g; s/192\.0\.2\.1:3300/10.77.0.1:3300/
			s/client\.gw/client.$TEST/g; s/id=gw/id=$TEST/"
}
type_in() { lab exec -n "$1" -- bash -exc "$2"; }
type_in_lab() { lab run -- bash -exc "$1"; }

t 'the initiators' pr_client_build
user() {
	t_atexit "lab ceph auth rm client.$TEST; lab exec -n gw1 -- rm -f /etc/ceph/ceph.client.$TEST.keyring"
	lab ceph auth get-or-create "client.$TEST" mon 'profile rbd' osd 'profile rbd pool=rbd' |
		lab exec gw1 -- sh -c "umask 077; cat >/etc/ceph/ceph.client.$TEST.keyring"
}
t 'a user for gateways' user

# configuration.md
by_hand=$(block configuration.md '^Without targetcli')
t_is 'configuration.md makes a backstore without targetcli' "$(grep -cE '(>control|>enable|^cat info)$' <<<"$by_hand")" 3
img_create "$n" --size 64M --image-feature layering,exclusive-lock,object-map,fast-diff
t_fails 'an image with features for one writer is refused' type_in gw1 "$by_hand"
disable() { lab exec -n gw1 -- dmesg | sed -n "s/.*\(rbd feature disable [^ ]*$n [a-z, -]*\).*/\1/p" | tail -n 1; }
line=$(disable)
t_like 'the log has the line that takes them away' "$line" '^rbd feature disable '
t 'it does' type_in_lab "$line"
gw_disable gw1 "$n"
t 'then the backstore is there' type_in gw1 "$by_hand"
t_like 'and open' "$(gw_info gw1 "$n" State)" '^open$'
t 'gw2 has it, too' gw_enable gw2 "$n" "pool=rbd,image=$n"
for gw in $GW_GATEWAYS; do t "$gw exports it" gw_export "$gw" "$n"; done
t 'it is written' io "$url1" 'write -P 0x5e 1M 64k'

# reservations.md
t 'reserved' reserved
read_record=$(block reservations.md '^The state is text' | grep '^rbd ')
t_like 'reservations.md reads the record' "$(type_in_lab "$read_record" 2>/dev/null | xargs)" \
	'^target_core_rbd.lu 3 .* registration .* gateway .* end$'
clear=$(block reservations.md '^\*Clear everything by hand' | sed "s/rbd_header\.ID/rbd_header.$(gw_info gw1 "$n" ImageId)/")
t_is 'and clears it with two commands' "$(grep -c . <<<"$clear")" 2
t 'they are typed' type_in_lab "$clear"
forgotten() { [ "$(lab exec -n gw1 -- sed -n 's/.* registrations //p' "$GW_CORE/$n/attrib/reservations")" = 0 ]; }
t 'the gateways have forgotten' t_until 30 forgotten
free() { pr <<<'stranger@2 write 0 0x30 = good'; }
t 'so that everybody writes' t_until 30 free

# reliability.md
sessions=$(block reliability.md '^\*\*Linux, open-iscsi')
disks=$(block reliability.md '^\*\*Linux, multipath')
host_configured() {
	t_atexit 'host_sh init1 <<<"cp /lab/guest/iscsid.conf /etc/iscsi/"'
	host_sh init1 "$sessions" "$disks" "$TEST" <<-'SCRIPT'
		echo "$1" >>/etc/iscsi/iscsid.conf && mkdir -p /etc/multipath/conf.d && echo "$2" >"/etc/multipath/conf.d/$3.conf" &&
			multipathd reconfigure
	SCRIPT
}
t 'a host' host_up init1
t 'gets the settings of reliability.md' host_configured
t_is 'multipath knows all of them' "$(on init1 sh -c 'multipath -t 2>&1 >/dev/null | grep conf.d')" ''
t 'it logs in' host_login init1 "$n" gw1 gw2
map=$(host_map init1 "$n" gw1 gw2)
t_like 'and has one group of two paths, which queues' "$(on init1 multipath -ll "$map" | xargs)" \
	'queue_if_no_path .*policy=service-time 0 .*active ready.*active ready'
times=$(awk '/replacement/ { r = $3 } /lu_reset/ { l = $3 } /abort/ { a = $3 } END { print r, l, a }' <<<"$sessions")
t_is 'sessions have the times of the page' \
	"$(on init1 iscsiadm -m session -P 2 | awk '/(Recovery|LUN Reset|Abort) Timeout/ { print $NF }' | xargs)" "$times $times"
t 'it writes' host_write init1 "$map" 5
