#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# DKMS adds, builds, installs and removes the module for the kernel under test, and what it built loads on a gateway of that
# kernel. DKMS works in trees of this test's own: the machine's are not touched.
. ../lib/ktap.sh

[ -n "${LAB_NAME-}" ] || t_skip_all 'needs a lab: make check TESTS=dkms'

top=$(cd ../.. && pwd)
name=target_core_rbd
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' "$top/dkms.conf")
work=$(mktemp -d)
t_atexit "rm -rf '$work'"
mkdir -p "$work"/{tree,source,modules}

# dkms ACTION ARGS...: depmod would look at the machine's own modules
dkms_here() {
	local action=$1
	shift
	dkms "$action" --dkmstree "$work/tree" --sourcetree "$work/source" --installtree "$work/modules" --no-depmod "$@"
}

# what "make dkms-install" copies
t 'what a build needs' "$top/scripts/dkms" copy "$work/source/$name-$version"
t 'dkms add' dkms_here add -m $name -v "$version"

kver=$("$top/scripts/kernels" "${KERNEL:-6.12}")
mkdir -p "$work/modules/$kver"
t 'dkms build' dkms_here build -m $name -v "$version" -k "$kver"
t 'dkms install' dkms_here install -m $name -v "$version" -k "$kver" --force
module=$(find "$work/modules/$kver" -name "$name.ko*")
t_is 'it is built for that kernel' "$(modinfo -F vermagic "$module" | cut -d' ' -f1)" "$kver"
t_is 'and has the right version' "$(modinfo -F version "$module")" "$version"
cp "$module" "$work"

# on a gateway, in place of the one that is loaded there
on_gateway() { lab exec -n gw1 -- sh -c "$1"; }
module=$(basename "$work/$name".ko*)
lab exec gw1 -- sh -c "cat >/tmp/$module" <"$work/$module"
t_atexit "on_gateway 'rm -f /tmp/$module; modprobe -q -d / $name || [ -d /sys/module/$name ] || insmod /lab/$name.ko'"
load() {
	on_gateway "
		set -e
		rmdir /sys/kernel/config/target/core/rbd_* 2>/dev/null || :
		rmmod $name
		dir=/lib/modules/\$(uname -r)
		mkdir -p /tmp/mods\$dir/updates
		cp \$dir/modules.order \$dir/modules.builtin* /tmp/mods\$dir/ 2>/dev/null || :
		# depmod looks at what is needed, and not at all that the kernel has
		for needed in \$(modinfo -F depends /tmp/$module | tr , ' '); do
			modprobe --show-depends \$needed | awk '\$1 == \"insmod\" { print \$2 }'
		done | sort -u | while read -r file; do cp --parents \$file /tmp/mods; done
		cp /tmp/$module /tmp/mods\$dir/updates/
		depmod -b /tmp/mods \$(uname -r)
		modprobe -d /tmp/mods $name
		rm -rf /tmp/mods
		mkdir /sys/kernel/config/target/core/rbd_7
		rmdir /sys/kernel/config/target/core/rbd_7
		rmmod $name"
}
t 'modprobe finds it, LIO knows the backend, and it unloads' load

t 'dkms remove' dkms_here remove -m $name -v "$version" --all
t_is 'nothing of it is left' "$(find "$work/tree" "$work/modules" -name "$name*")" ''
