#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# An operator has two fresh gateways: apt installs the packages on each, and trbdctl applies one
# file. A host with its password has two paths. Then the packages are upgraded and the newer module
# is loaded, on one gateway after the other, while the host writes and verifies. It sees no error.
#
# DKMS would build for an hour on a machine of the lab. So it builds here, and gateways get its
# tarballs of the binaries, as those have that are without a compiler. The lab is one of native
# machines, and the packages are those of "make deb" in out/deb.
# shellcheck disable=SC2016,SC2317 # expanded later, and steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/hosts.sh
. ../lib/host_load.sh
. ../lib/with_trbdctl.sh
. ../lib/recipe.sh
kver=$(lab exec -n gw1 -- uname -r)
[[ $kver = *-native.* ]] || t_skip_all 'needs a lab of native machines'
. ../lib/debs.sh

LIMIT_S=3600
n=$TEST-disk
iqn=$(iqn_of "$n")
host=iqn.2026-11.test.lab:init1
password=change-me-now
newer=$(debs_version)
folder=$(lab share)/$TEST
t_atexit "rm -rf '$folder'"

# As fresh as a machine of the lab can be. Its kernel's modules are a folder that all machines
# share, and DKMS would build for this machine's other kernels, too.
fresh() {
	lab exec "$1" -- bash -e -s -- "$kver" "$build" "/lab/$TEST/tarballs" <<-'SCRIPT'
		rmdir /sys/kernel/config/target/core/rbd_* 2>/dev/null || :
		rmmod target_core_rbd
		cp -a "$(readlink -f "/lib/modules/$1")" /run/modules
		mount -t tmpfs modules /usr/lib/modules
		mv /run/modules "/usr/lib/modules/$1"
		ln -sfn "$2" "/usr/lib/modules/$1/build"
		depmod
		# it would take a minute for all pages of this machine
		echo man-db man-db/auto-update boolean false | debconf-set-selections
		ln -s "$3" /usr/share/target_core_rbd-dkms
	SCRIPT
}
stale() {
	gw_sh "$1" <<-'SCRIPT'
		rmdir /sys/kernel/config/target/core/rbd_*
		rmmod target_core_rbd
		dpkg --purge --force-all target-core-rbd-utils target-core-rbd-dkms python3-target-core-rbd
		umount /usr/lib/modules
		rm -f /usr/share/target_core_rbd-dkms
		insmod /lab/target_core_rbd.ko
	SCRIPT
}
apt_installs() { # GW older|newer
	lab exec -n --timeout "$(t_limit 3000)" "$1" -- env DEBIAN_FRONTEND=noninteractive \
		sh -c "apt-get -y --no-install-recommends install /lab/$TEST/$2/*.deb 2>&1"
}
version() { lab exec -n "$1" -- cat /sys/module/target_core_rbd/version; }

packages() { mkdir -p "$folder/newer" && cp "$DEBS"/*.deb "$folder/newer" && debs_older "$folder/older"; }
tarball() { # VERSION FOLDER
	local tree=$work/dkms.$1 name=target_core_rbd
	mkdir -p "$tree"/{tree,src} && dpkg-deb -x "$folder/$2"/target-core-rbd-dkms_*.deb "$tree/deb" &&
		mv "$tree/deb/usr/src/$name-$1" "$tree/src" || return 1
	set -- "$1" --dkmstree "$tree/tree" --sourcetree "$tree/src" -m $name -v "$1"
	dkms add "${@:2}" && dkms build "${@:2}" -k "$kver" --kernelsourcedir "$build" --arch x86_64 &&
		dkms mktarball "${@:2}" -k "$kver" --arch x86_64 --binaries-only --archive "$name-$1.dkms.tar.gz" &&
		install -D -t "$folder/tarballs" "$tree/tree/$name/$1/tarball/$name-$1.dkms.tar.gz"
}
build=$("$TESTS_DIR/../scripts/lab-kernel" --dir "$kver")/build
t 'packages, and older ones' packages
t 'DKMS builds the module' tarball "$newer" newer
t 'and an older one' tarball "$DEBS_OLDER" older
img_create "$n" --size 64M
t_atexit 'for gw in $GW_GATEWAYS; do stale $gw; done'
t_atexit trbdctl_down
on_both fresh || t_bail 'the gateways are not fresh'
began=$SECONDS
older_on() { apt_installs "$1" older >"$work/apt.$1" || { tail -n 30 "$work/apt.$1"; return 1; }; }
t 'apt installs the packages on both' on_both older_on
note "after $((SECONDS - began)) s"
loaded() { on "$1" modprobe target_core_rbd; }
t 'both load the module, as they do when they boot' on_both loaded

secret() { on "$1" sh -c "umask 077; mkdir -p $TRBDCTL_SECRETS; echo $password >$TRBDCTL_SECRETS/host1"; }
on_both secret
group_file "$n" 0 "$host" host1 | put gw1 /root/group.yaml
t 'one file goes into the pool' ctl gw1 push /root/group.yaml
for gw in gw1 gw2; do t "$gw applies it" ctl $gw apply pool:rbd; done
t 'a host' host_up init1
login() {
	on init1 iscsiadm -m discovery -t sendtargets -p "$(gw_addr gw1)" && chap_login init1 "$iqn" host1 "$password"
}
t 'logs in with its password' login
map=$(host_map init1 "$n" gw1 gw2)
t 'and has two paths' test -n "$map"
note "two paths $((SECONDS - began)) s after the first apt-get install"

# docs/packages.md; systemctl stops and starts what targetctl does
upgraded() {
	apt_installs "$1" newer >"$work/apt.$1" || { tail -n 30 "$work/apt.$1"; return 1; }
	grep -q "version $DEBS_OLDER .* is loaded, and goes on serving" "$work/apt.$1" || { echo 'it does not say what is loaded'; return 1; }
	[ "$(version "$1")" = "$DEBS_OLDER" ] || { echo 'the module was changed'; return 1; }
}
next_module() {
	ctl "$1" drain && lab exec -n --timeout "$(t_limit 300)" "$1" -- sh -ec '
		targetctl clear
		modprobe -r target_core_rbd
		modprobe target_core_rbd
		targetctl restore'
}
paths() { on init1 multipath -ll "$(basename "$map")" | grep -c ' active ready '; }
both_paths() { [ "$(paths)" = 2 ]; }
begin host host_load "$map" $LIMIT_S 1
begun() { on init1 test -e "/mnt/$TEST/direct"; }
t 'the host writes' t_until 60 begun
for gw in gw1 gw2; do
	t "apt upgrades the packages of $gw, which goes on serving" upgraded $gw
	t_is 'the host has both paths' "$(paths)" 2
	t "$gw is drained, and loads the newer module" next_module $gw
	t_is 'really' "$(version $gw)" "$newer"
	t 'the host uses both paths' t_until 90 both_paths
done
host_load_enough
t 'the host saw no error' ended_by $((SECONDS + LIMIT_S)) host
note "$(cat "$work/host.out")"
t 'its kernel saw none' no_error
t_is 'nothing differs from the file' "$(differs gw1) $(differs gw2)" '0 0'

# debian/tests/module needs a machine of its own
own_test() {
	mkdir -p "$folder/source/debian/tests"
	cp "$TESTS_DIR/../dkms.conf" "$folder/source" && cp "$TESTS_DIR/../debian/tests/module" "$folder/source/debian/tests" &&
		ctl gw2 drain && lab exec -n --timeout "$(t_limit 600)" gw2 -- sh -ec "
			targetctl clear
			cd /lab/$TEST/source
			sh debian/tests/module 2>&1"
}
t 'the test that the packages bring along passes on gw2, which has no unit any more' own_test
