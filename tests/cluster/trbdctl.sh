#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# trbdctl on two gateways: lrbd's JSON with one image, one target and two portals is imported,
# stored in the pool and applied on both. Each gateway tells hosts of both portals. A host with its
# password has two paths, and others get in nowhere. To apply again changes nothing. A change by
# hand shows, and is mended. Refused files, a failure half way and a second operator leave
# everything as it is. After a boot without trbdctl the gateway is as the file has it.
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
copy_secrets() { lab exec -n gw1 -- tar -C / -cf - "${secrets#/}" | lab exec "$1" -- tar -C / -xf -; }
t 'it gets the secret' copy_secrets gw2
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
login() {
	gw_sh init1 "$iqn" host1 "$password" <<-'SCRIPT'
		set -e
		iscsiadm -m node -T "$1" -o update -n node.session.auth.authmethod -v CHAP
		iscsiadm -m node -T "$1" -o update -n node.session.auth.username -v "$2"
		iscsiadm -m node -T "$1" -o update -n node.session.auth.password -v "$3"
		iscsiadm -m node -T "$1" --login
	SCRIPT
}
t 'it logs in' login
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
t_like 'a change by hand shows' "$(ctl gw1 plan pool:rbd)" 'authentication: 0 -> 1'
t_like 'so does a host that is not in the file' "$(ctl gw1 plan pool:rbd)" 'not in the file: .*host iqn.2026-11.test.lab:stranger'
ctl gw1 apply pool:rbd >/dev/null 2>&1
t_is 'apply mends the one and leaves the other' "$(t_gw1 'cat attrib/authentication; ls acls' | sort | xargs)" "1 $host iqn.2026-11.test.lab:stranger"
t 'apply --prune removes it' ctl gw1 apply --prune pool:rbd
t_is 'and nothing differs' "$(differs gw1)" 0

# passwords both ways, for discovery, and a host with a number of its own that only reads
reader=iqn.2008-11.org.linux-kvm
put gw1 /root/access.yaml <<-EOF
	version: 1
	gateways: {gw1: {portals: [$(gw_addr gw1)]}, gw2: {portals: [$(gw_addr gw2)]}}
	disks: {$n: {image: rbd/$n, wwn: $(on gw1 sed -n 's/.*wwn: \([^}]*\)}/\1/p' /root/group.yaml)}}
	targets:
	  $iqn:
	    luns: {1: $n}
	    hosts:
	      $host: {chap: {user: host1, secret: one, mutual: {user: target1, secret: two}}, luns: all}
	      $reader: {chap: none, luns: {5: 1}, read_only: true}
	discovery: {chap: {user: scout, secret: three}}
EOF
on gw1 sh -c "umask 077; cd $secrets; echo $password >one; echo secret-of-target >two; echo secret-of-scout >three"
t 'the file with more access control' ctl gw1 apply /root/access.yaml
mutual() { lab run -- iscsi-inq -i "$host" "iscsi://host1%$password@$(gw_addr gw1)/$iqn/1?target_user=target1&target_password=$1"; }
t 'the host finds that the target knows its own password' mutual secret-of-target
t_fails 'or that it does not' mutual not-the-secret
t_fails 'without a password nobody may discover' lab run -- iscsi-ls "iscsi://$(gw_addr gw1)"
t 'with it one may' lab run -- iscsi-ls "iscsi://scout%secret-of-scout@$(gw_addr gw1)"
reads() { lab run -- iscsi-inq -i "$reader" "iscsi://$(gw_addr gw1)/$iqn/$1"; }
t 'the reader has the disk under its own number' reads 5
t_fails 'and under no other' reads 1
# qemu-io has the name of the reader, and wants to write
t_says 'it may only read' 'write protected' io "iscsi://$(gw_addr gw1)/$iqn/5" 'read 0 4k'
# the secrets are where LIO and the boot need them, and in their own files
secret_places() {
	gw_sh gw1 "$1" <<-'SCRIPT'
		grep -rlF -- "$1" /etc /run /var/lib/target_core_rbd /var/log /var/target /tmp /root/*.yaml /root/*.json 2>/dev/null | sort
		dmesg | grep -qF -- "$1" && echo dmesg
		true
	SCRIPT
}
t_is 'the secrets are in their files and in what is restored at boot' "$(secret_places secret-of-target | xargs)" "$saved $secrets/two"
on gw1 sh -c "cp /root/group.yaml /root/plain.yaml; echo 'discovery: {chap: none}' >>/root/plain.yaml"
t 'back to the first file' ctl gw1 apply --prune /root/plain.yaml
t_is 'nothing differs then' "$(differs gw1)" 0
t 'and everybody may discover' lab run -- iscsi-ls "iscsi://$(gw_addr gw1)"

# what is refused changes nothing
before=$(all_of gw1)
t_atexit "lab rbd rm --no-progress $n-locked"
lab rbd create --size 16M --image-feature exclusive-lock "$n-locked"
with() { on gw1 sh -c "sed 's|^disks:|&\n  $1: {image: rbd/$2}|; s|luns: {1: $n}|luns: {1: $n, 2: $1}|' /root/group.yaml >/root/other.yaml"; }
with two "$n-none"
t_says 'an image that is not there' "other.yaml:[0-9]+: there is no image rbd/$n-none" ctl gw1 apply /root/other.yaml
with two "$n-locked"
t_says 'an image with a refused feature' "rbd feature disable rbd/$n-locked exclusive-lock" ctl gw1 apply /root/other.yaml
with ../two "$n"
t_says 'a name that leaves its folder' 'other.yaml:[0-9]+: "\.\./two" cannot be a key' ctl gw1 apply /root/other.yaml
on gw1 chmod 644 "$secrets/$host" 2>/dev/null || on gw1 sh -c "chmod 644 $secrets/*"
t_says 'a secret that others may read' 'chmod 600' ctl gw1 apply pool:rbd
on gw1 sh -c "chmod 600 $secrets/*"
with two "$n-none"
t_says 'a failure half way is undone' 'the gateway is as it was' ctl gw1 apply --offline /root/other.yaml
t_is 'all of this changed nothing' "$(diff <(echo "$before") <(all_of gw1))" ''

# two operators, and a newer format
t 'one operator pulls' ctl gw1 pull /root/one.yaml
t 'so does another' ctl gw2 pull /root/two.yaml
lab exec -n gw1 -- sh -c 'echo "# one" >>/root/one.yaml'
lab exec -n gw2 -- sh -c 'echo "# two" >>/root/two.yaml'
t 'the first one pushes' ctl gw1 push /root/one.yaml
t_says 'the second one is refused' 'gw1 wrote generation 2' ctl gw2 push /root/two.yaml
t_is 'so nothing is lost' "$(ctl gw2 pull - 2>/dev/null | tail -n 1)" '# one'
# both at the same moment
for gw in gw1 gw2; do
	on $gw sh -c "trbdctl pull /root/$gw.yaml && echo '# $gw' >>/root/$gw.yaml" 2>/dev/null
done
push_both() {
	local other pushed=0
	ctl gw2 push /root/gw2.yaml >/dev/null 2>&1 &
	other=$!
	ctl gw1 push /root/gw1.yaml >/dev/null 2>&1 && pushed=$((pushed + 1))
	wait $other && pushed=$((pushed + 1))
	echo $pushed
}
t_is 'of two pushes at once one is refused' "$(push_both)" 1
lab run -- sh -c 'echo "{\"format\": 9}" | rados -p rbd put target_core_rbd.config -'
t_says 'an object of a newer version' 'update trbdctl' ctl gw1 plan pool:rbd
t_fails 'is not overwritten either' ctl gw1 push --force /root/one.yaml

# power failure
t 'power failure' lab kill gw1
t 'boot' lab start gw1
lab exec -n gw1 -- targetctl restore 2>/dev/null
lab exec -n gw1 -- sh -c "umask 077; mkdir -p $secrets"
t 'the secret again, which a lab does not keep' bash -c "lab() { '$TESTS_DIR/lab/lab' \"\$@\"; }; lab exec -n gw2 -- tar -C / -cf - ${secrets#/} root/two.yaml | lab exec gw1 -- tar -C / -xf -"
t_like 'everything is as the file has it' "$(ctl gw1 plan /root/two.yaml)" '^nothing to do$'
t 'and the host has its paths back' t_until 90 paths 2
