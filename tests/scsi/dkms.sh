#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# DKMS adds, builds, installs and removes the module for the kernel under test, and the built module
# loads on a gateway of that kernel. DKMS works in trees of this test's own: the machine's are not
# touched.
. ../lib/ktap.sh

[ -n "${LAB_NAME-}" ] || t_skip_all 'needs a lab: make check TESTS=dkms'

top=$(cd ../.. && pwd)
name=target_core_rbd
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' "$top/dkms.conf")
work=$(mktemp -d)
t_atexit "rm -rf '$work'"
kver=$("$top/scripts/kernels" "${KERNEL:-6.12}")

tree=$work/dkms

# depmod would look at the machine's own modules
in_tree() {
	local action=$1
	shift
	dkms "$action" --dkmstree "$tree/tree" --sourcetree "$tree/source" --installtree "$tree/modules" --no-depmod \
		-m $name -v "$version" "$@"
}
mkdir -p "$tree"/{tree,source} "$tree/modules/$kver"

t 'the files that "make dkms-install" copies' "$top/scripts/dkms" copy "$tree/source/$name-$version"
t 'dkms add' in_tree add
t 'dkms build' in_tree build -k "$kver"
t 'dkms install' in_tree install -k "$kver" --force
module=$(find "$tree/modules/$kver" -name "$name.ko*")
t_is 'it is built for that kernel' "$(modinfo -F vermagic "$module" | cut -d' ' -f1)" "$kver"
t_is 'and has the right version' "$(modinfo -F version "$module")" "$version"

# On a gateway, in place of the one that is loaded there. depmod reads all modules of the kernel,
# which takes minutes on an emulated machine. The gateway has the same modules, so run depmod here
# and copy its result there.
on_gateway() { lab exec -n gw1 -- sh -c "$1"; }
installed() {
	local dir=$work/mods/lib/modules/$kver
	mkdir -p "$dir/updates" && ln -s "/lib/modules/$kver/kernel" "$dir/kernel" &&
		cp "/lib/modules/$kver"/modules.{order,builtin*} "$dir" && cp "$module" "$dir/updates" &&
		depmod -b "$work/mods" "$kver" && tar -C "$work" -cf - mods | lab exec gw1 -- tar -C /tmp -xf -
}
t_atexit "on_gateway 'rm -rf /tmp/mods; modprobe -q -d / $name || [ -d /sys/module/$name ] || insmod /lab/$name.ko'"
load() {
	on_gateway "
		set -e
		rmdir /sys/kernel/config/target/core/rbd_* 2>/dev/null || :
		rmmod $name
		modprobe -d /tmp/mods $name
		rm -rf /tmp/mods
		mkdir /sys/kernel/config/target/core/rbd_7
		rmdir /sys/kernel/config/target/core/rbd_7
		rmmod $name"
}
t 'depmod takes it' installed
t 'modprobe finds it, LIO knows the backend, and it unloads' load

t 'dkms remove' in_tree remove --all
t_is 'nothing of it is left' "$(find "$tree/tree" "$tree/modules" -name "$name*")" ''
