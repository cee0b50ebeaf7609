#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# An operator moves a disk from LIO's block backstore on krbd to this module and back, by the steps
# of docs/migration.md: import, stop the old gateway, take features away, push, apply. The host has
# the disk that it had, by the same name, with its file system. Nobody serves the image twice.
# shellcheck disable=SC2016 # expanded in machines
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/hosts.sh
. ../lib/with_trbdctl.sh

n=$TEST-disk
iqn=$(iqn_of "$n")
host=iqn.2026-11.test.lab:init1
features=(exclusive-lock object-map fast-diff)

on_gw1() { lab exec -n --timeout "$(t_limit 120)" gw1 -- "$@"; }
map_krbd() { # no udev runs there, which would make the link
	gw_sh gw1 "$n" <<-'SCRIPT'
		set -e
		modprobe rbd
		device=$(rbd map -o noudev "$1")
		mkdir -p /dev/rbd/rbd
		ln -sfn "$device" "/dev/rbd/rbd/$1"
	SCRIPT
}
# nothing of it is left, wherever the test stopped
old_ends() {
	host_forget init1
	on_gw1 sh -c "targetctl clear; rm -f /root/*.yaml /root/old.json; rbd unmap -o noudev '/dev/rbd/rbd/$n'; rmmod rbd"
}
unmap_krbd() { on_gw1 rbd unmap -o noudev "/dev/rbd/rbd/$n" && on_gw1 rm "/dev/rbd/rbd/$n"; }
old_gateway() {
	local tpg=/iscsi/$iqn/tpg1
	map_krbd && on_gw1 targetcli /backstores/block create "name=$n" "dev=/dev/rbd/rbd/$n" &&
		on_gw1 targetcli /iscsi create "$iqn" && on_gw1 targetcli "$tpg/luns" create "/backstores/block/$n" &&
		on_gw1 targetcli "$tpg/acls" create "$host" && on_gw1 targetcli saveconfig
}

# the names of the disk that contain its identity alone, without those of SCSI's model
names() { on init1 sh -c 'udevadm settle; for link in /dev/disk/by-id/wwn-*; do echo ${link##*/}; done' | xargs; }
serial() { on init1 sg_vpd --page=sn "$1" | sed -n 's/.*serial number: //p'; }
make_files() {
	host_sh init1 "$1" <<-'SCRIPT'
		set -e
		mkfs.ext4 -q -F "$1"
		mount "$1" /mnt
		dd if=/dev/urandom of=/mnt/data bs=64k count=100 status=none
		umount /mnt
	SCRIPT
}
files_sum() {
	host_sh init1 "$1" <<-'SCRIPT'
		set -e
		mount -o ro "$1" /mnt
		md5sum </mnt/data
		umount /mnt
	SCRIPT
}
watchers() { lab rbd status --format json "$n" | jq '.watchers | length'; }

img_create "$n" --size 64M --image-feature "layering,$(IFS=,; echo "${features[*]}")"
t 'the tools are installed' trbdctl_up
t 'a host' host_up init1
t_atexit old_ends
t 'targetcli serves the image by krbd on gw1' old_gateway
t 'a host logs in' host_login init1 "$n" gw1
map=$(host_map init1 "$n" gw1)
t 'and makes a file system' make_files "$map"
was=$(names) serial=$(serial "$map") sum=$(files_sum "$map")
t_like 'its disk has a name and a serial number' "$was $serial" '^wwn-0x6001405[0-9a-f]{25} [0-9a-f-]{36}$'

# 1: prepare
# targetcli's group listens on all addresses, and gw2 is new
import() {
	ctl gw1 import saveconfig "$TRBDCTL_SAVED" --gateways gw1 -o /root/group.yaml "$@" 2>&1
}
t_like 'an import asks for the addresses of the portals' "$(import)" '--portal gw1=ADDRESS'
t 'with them it makes a file' import --portal "gw1=$(gw_addr gw1)" --portal "gw2=$(gw_addr gw2)"
# 2: stop the host; 3: stop the old gateway
t 'the host logs out' host_forget init1
old_stops() {
	on_gw1 cp "$TRBDCTL_SAVED" /root/old.json && on_gw1 targetctl clear &&
		on_gw1 rm "$TRBDCTL_SAVED" && unmap_krbd
}
t 'the old gateway stops' old_stops
# 4: see that nobody is left
t_is 'nobody has the image open' "$(watchers)" 0
# 5: take away features
check() { ctl gw1 check /root/group.yaml 2>&1; }
t_fails 'check complains of the features' check
line=$(check | grep -o "rbd feature disable [^ ]*$n [a-z, -]*" | head -n 1)
t_like 'and has the line that takes them away' "$line" "^rbd feature disable rbd/$n fast-diff"
# shellcheck disable=SC2086 # the operator types it
t 'which does so' lab run -- $line
t 'the file is right' check
# 6: begin
t 'push' ctl gw1 push /root/group.yaml
for gw in gw1 gw2; do t "$gw applies it" ctl $gw apply pool:rbd; done
# 7: the host
t 'the host logs in through both' host_login init1 "$n" gw1 gw2
map=$(host_map init1 "$n" gw1 gw2)
t_is 'it has the disk that it had' "$(names) $(serial "$map")" "$was $serial"
t_is 'with its files' "$(files_sum "$map")" "$sum"

# the way back
t 'the host logs out again' host_forget init1
# take the disk and its target out of the file
away() {
	ctl gw1 pull /root/group.yaml && on_gw1 python3 -c '
import yaml
path = "/root/group.yaml"
with open(path) as file:
    text = file.read()
group = yaml.safe_load(text)
group["disks"], group["targets"] = {}, {}
with open(path, "w") as file:
    # the generation is in a comment
    file.writelines(line + "\n" for line in text.splitlines() if line.startswith("#"))
    yaml.safe_dump(group, file)
' && ctl gw1 push /root/group.yaml && ctl gw1 apply --prune pool:rbd && ctl gw2 apply --prune pool:rbd
}
t 'the disk is taken out of the file' away
t_is 'nobody has the image open' "$(watchers)" 0
features_back() {
	lab rbd feature enable "$n" "${features[@]}" && lab rbd object-map rebuild --no-progress "$n"
}
t 'the features come back' features_back
old_starts() { map_krbd && on_gw1 targetcli restoreconfig /root/old.json; }
t 'and the old gateway' old_starts
t 'the host logs in' host_login init1 "$n" gw1
map=$(host_map init1 "$n" gw1)
t_is 'it has the same disk once more' "$(names) $(serial "$map") $(files_sum "$map")" "$was $serial $sum"
