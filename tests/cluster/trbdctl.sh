#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# trbdctl on two gateways: lrbd's JSON with one image, one target and two portals is imported,
# stored in the pool and applied on both. Each gateway tells hosts of both portals. A host with its
# password has two paths, and others get in nowhere. To apply again changes nothing. A change by
# hand shows, and is mended. After a boot without trbdctl the gateway is as the file has it.
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/hosts.sh
. ../lib/with_trbdctl.sh

n=$TEST-disk
iqn=$(iqn_of "$n")
host=iqn.2026-11.test.lab:init1
password=change-me-now
saved=$TRBDCTL_SAVED
secrets=$TRBDCTL_SECRETS

t 'a host' host_up init1
img_create "$n" --size 16M
t 'trbdctl is installed' trbdctl_up
t_atexit 'host_forget init1'

put gw1 /root/lrbd.json <<-EOF
	# two gateways, one disk
	{
	  "auth": [ { "target": "$iqn", "authentication": "acls",
	      "acls": [ { "initiator": "$host", "userid": "host1", "password": "$password" } ] } ],
	  "targets": [ { "target": "$iqn", "hosts": [
	      { "host": "gw1", "portal": "east" }, { "host": "gw2", "portal": "west" } ] } ],
	  "portals": [ { "name": "east", "addresses": [ "$(gw_addr gw1)" ] }, { "name": "west", "addresses": [ "$(gw_addr gw2)" ] } ],
	  "pools": [ { "pool": "rbd", "gateways": [ { "target": "$iqn", "tpg": [ { "image": "$n", "initiator": "$host", "lun": "1" } ] } ] } ]
	}
EOF
t "lrbd's JSON is imported" ctl gw1 import lrbd /root/lrbd.json -o /root/group.yaml
t_is 'the password is in a file of its own' "$(on gw1 sh -c "stat -c '%a %U' $secrets/*; grep -c '$password' /root/group.yaml")" '600 root
0'
t 'the file is good' ctl gw1 check /root/group.yaml
t 'it goes into the pool' ctl gw1 push /root/group.yaml
t_says 'gw2 misses the secret, and says so' 'there is no such secret' ctl gw2 apply pool:rbd
t_is 'and has changed nothing' "$(on gw2 sh -c 'ls /sys/kernel/config/target/iscsi 2>/dev/null | grep -c iqn')" 0
copy_secrets() { lab exec -n "$1" -- tar -C / -cf - "${secrets#/}" | lab exec "$2" -- tar -C / -xf -; }
t 'it gets the secret' copy_secrets gw1 gw2
for gw in gw1 gw2; do
	t_is "$gw is to be changed" "$(differs $gw)" 2
	t "$gw applies it" ctl $gw apply pool:rbd
	t_is "and nothing differs then" "$(differs $gw)" 0
done

before=$(all_of gw1)
t_like 'to apply it again does nothing' "$(ctl gw1 apply pool:rbd)" '^nothing to do$'
t_is 'really' "$(diff <(echo "$before") <(all_of gw1))" ''
t_is 'only root can read what is saved' "$(on gw1 stat -c %a $saved)" 600

portals="$(gw_addr gw1):3260,1 $(gw_addr gw2):3260,2"
for gw in gw1 gw2; do
	t_is "SendTargets to $gw shows both portals" \
		"$(on init1 iscsiadm -m discovery -t sendtargets -p "$(gw_addr $gw)" | awk -v t="$iqn" '$2 == t { print $1 }' | sort | xargs)" "$portals"
done
inquiry() { lab run -- iscsi-inq -i "$1" "iscsi://host1%$2@$(gw_addr gw1)/$iqn/1"; }
t 'the host may log in' inquiry "$host" "$password"
t_fails 'with another password it may not' inquiry "$host" "not-$password"
t_fails 'nor with another name' inquiry "$host.other" "$password"
t 'it logs in' chap_login init1 "$iqn" host1 "$password"
paths() { [ "$(on init1 multipath -ll | grep -c 'active ready')" = "$1" ]; }
t 'and has two paths' t_until 60 paths 2
t_like 'status names it' "$(ctl gw1 status --all)" "logged in: $host"

# drained, and back
t 'gw1 is drained' ctl gw1 drain
t_like 'and says so' "$(ctl gw2 status --all)" 'gw1 standby'
t_says 'gw2 is the only one then, and is not drained' 'no other gateway serves' ctl gw2 drain
t 'gw1 is back in service' ctl gw1 undrain

# changes by hand
t_gw1() { lab exec -n gw1 -- sh -c "cd $GW_ISCSI/$iqn/tpgt_1 && $1"; }
t_gw1 'echo 0 >attrib/authentication && mkdir acls/iqn.2026-11.test.lab:stranger'
plan=$(ctl gw1 plan pool:rbd)
t_like 'a change by hand shows' "$plan" 'authentication: 0 -> 1'
t_like 'so does a host that is not in the file' "$plan" 'not in the file: .*host iqn.2026-11.test.lab:stranger'
ctl gw1 apply pool:rbd >/dev/null 2>&1
t_is 'apply mends the one and leaves the other' "$(t_gw1 'cat attrib/authentication; ls acls' | sort | xargs)" "1 $host iqn.2026-11.test.lab:stranger"
t 'apply --prune removes it' ctl gw1 apply --prune pool:rbd
t_is 'and nothing differs' "$(differs gw1)" 0

# power failure, and the cluster is away when the gateway boots
saved_sum() { on gw1 sha256sum "$saved"; }
before=$(saved_sum)
t 'power failure' lab kill gw1
t_atexit 'lab heal gw1 ceph'
t 'the cluster is away' lab cut gw1 ceph
t 'boot' lab start gw1
restored() { on gw1 targetctl restore; }
t_says 'what is missing is told' 'rbd: 1 unit is missing: ' restored
t 'the cluster comes' gw_comes_back gw1
t_is 'the saved configuration is the same' "$(saved_sum)" "$before"
t 'the secret again, which a lab does not keep' copy_secrets gw2 gw1
t_like 'everything is as the file has it' "$(ctl gw1 plan pool:rbd)" '^nothing to do$'
t 'and the host has its paths back' t_until 30 paths 2
