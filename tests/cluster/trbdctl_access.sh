#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# trbdctl and those whom it keeps out. Hosts have CHAP both ways and for discovery, and a LUN of
# their own that they may only read. Refused files, a failure half way and a second operator leave
# everything as it is.
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

img_create "$n" --size 16M
t 'trbdctl is installed' trbdctl_up
for gw in gw1 gw2; do on $gw sh -c "umask 077; mkdir -p $secrets; echo $password >$secrets/one"; done
group_file "$n" 1 "$host" one | put gw1 /root/group.yaml
t 'a file goes into the pool' ctl gw1 push /root/group.yaml
t 'gw1 applies it' ctl gw1 apply pool:rbd

# passwords both ways, for discovery, and a host with a number of its own that only reads
reader=iqn.2008-11.org.linux-kvm
put gw1 /root/access.yaml <<-EOF
	version: 1
	gateways: {gw1: {portals: [$(gw_addr gw1)]}, gw2: {portals: [$(gw_addr gw2)]}}
	disks: {$n: {image: rbd/$n}}
	targets:
	  $iqn:
	    luns: {1: $n}
	    hosts:
	      $host: {chap: {user: host1, secret: one, mutual: {user: target1, secret: two}}, luns: all}
	      $reader: {chap: none, luns: {5: 1}, read_only: true}
	discovery: {chap: {user: scout, secret: three}}
EOF
on gw1 sh -c "umask 077; cd $secrets; echo secret-of-target >two; echo secret-of-scout >three"
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
on gw1 chmod 644 "$secrets/one"
t_says 'a secret that others may read' 'chmod 600' ctl gw1 apply pool:rbd
on gw1 chmod 600 "$secrets/one"
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
