#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The Debian packages, as far as they can be checked without a build: one version everywhere, each
# installed file in one package, and maintainer scripts that see units and modules in a made-up
# sysfs. "make check-deb" builds and installs them.
# shellcheck disable=SC2016,SC2094,SC2317 # make expands some text; functions are called by name
. ../lib/ktap.sh

top=$(cd ../.. && pwd)
work=$(mktemp -d)
t_atexit "rm -rf '$work'"
cd "$top" || exit 1

version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)
t_like 'dkms.conf has a version' "$version" '^[0-9]+\.[0-9]+\.[0-9]+$'
t_is 'debian/changelog has it' "$(sed -n '1s/^target-core-rbd (\(.*\)) .*/\1/p' debian/changelog)" "$version"
t_is 'CHANGELOG.md has it first' "$(sed -n 's/^## \([^ ,]*\).*/\1/p' CHANGELOG.md | head -n 1)" "$version"
flags() {
	{ grep '^CFLAGS_target_core_rbd.o' Kbuild; echo 'all: ; @echo $(CFLAGS_target_core_rbd.o)'; } >"$work/flags.mk"
	make -s -f "$work/flags.mk" src="$top"
}
t_is 'the build gives it to the module' "$(flags)" "-DTRBD_VERSION=\"$version\""
t_is 'the module states it' "$(grep -h '^MODULE_VERSION' ./*.c)" 'MODULE_VERSION(TRBD_VERSION);'

# The files of "make install", as debian/rules calls it; each *.install has folders and files.
export SYSTEMD_DIR=/lib/systemd/system
make -s -C targetcli install DESTDIR="$work/tmp" PYTHON= SYSTEMD_DIR=$SYSTEMD_DIR
owners() {
	local list pattern
	for list in debian/*.install; do
		while read -r pattern; do
			pattern=${pattern//'${env:SYSTEMD_DIR}'/${SYSTEMD_DIR#/}}
			[[ /$1 != /$pattern && /$1 != /$pattern/* ]] || basename "$list" .install
		done <"$list"
	done
}
strays() {
	local file count status=0
	while read -r file; do
		count=$(owners "$file" | wc -l)
		[ "$count" = 1 ] || { echo "$file is in $count packages"; status=1; }
	done
	return $status
}
installed() { (cd "$work/tmp" && find . -type f -printf '%P\n' | sort); }
t_like 'make install puts files somewhere' "$(installed | wc -l)" '^[1-9][0-9]'
t 'each of them is in one package' eval 'installed | strays'
t_fails 'a file elsewhere is found' strays <<<usr/share/elsewhere
t_is 'the class of rtslib is in the package of Python' \
	"$(owners usr/lib/python3/dist-packages/target_core_rbd.pth)" python3-target-core-rbd
t_is 'trbdctl is in the package of tools' "$(owners usr/sbin/trbdctl) $(owners usr/lib/python3/dist-packages/trbdctl/cli.py)" \
	'target-core-rbd-utils target-core-rbd-utils'
t_is 'and so are the timer and the alerts' \
	"$(owners "${SYSTEMD_DIR#/}/target_core_rbd-metrics.timer") $(owners usr/share/target_core_rbd/prometheus/alerts.yml)" \
	'target-core-rbd-utils target-core-rbd-utils'
t_is 'the package of the module has it loaded at boot' \
	"$(owners usr/lib/modules-load.d/target_core_rbd.conf)" target-core-rbd-dkms
made_by() { git ls-files debian 2>/dev/null | sed -n 's/^debian\/\(.*\)\.install$/\1/p'; }
[ -z "$(made_by)" ] || t_is 'debian/control has a package for each list' \
	"$(sed -n 's/^Package: //p' debian/control | sort)" "$(made_by | sort)"

mapfile -t scripts < <(grep -l '^#!/bin/sh' debian/*.* debian/tests/*)
if command -v shellcheck >/dev/null; then
	t 'shellcheck has nothing to say on maintainer scripts' shellcheck "${scripts[@]}"
else
	t_skip 'shellcheck has nothing to say on maintainer scripts' 'there is no shellcheck'
fi
# systemd as the scripts see it: ran SCRIPT ARGUMENT... prints the commands that it got
mkdir -p "$work/run" "$work/bin"
printf '#!/bin/sh\necho "${0##*/} $*" >>"%s"\n' "$work/ran" | tee "$work/bin/systemctl" >"$work/bin/deb-systemd-invoke"
chmod +x "$work"/bin/*
ran() {
	: >"$work/ran"
	sed "s|/run/systemd/system|$work/run|; s|/sys\\b|$work/nothing|; s|/var/lib|$work/lib|" "debian/$1" >"$work/script"
	PATH=$work/bin:$PATH sh "$work/script" "${@:2}" && cat "$work/ran"
}
t_is 'an upgrade has systemd read its units again, and no more' \
	"$(ran python3-target-core-rbd.prerm upgrade 9.9.9
		ran python3-target-core-rbd.postrm upgrade 9.9.9
		ran python3-target-core-rbd.postinst configure 0.9.9)" 'systemctl --system daemon-reload'
t_is 'a removal stops the service that restores' "$(ran python3-target-core-rbd.postrm remove)" \
	'deb-systemd-invoke stop target_core_rbd-restore.service'
mkdir -p "$work/lib/prometheus/node-exporter"
metrics=$work/lib/prometheus/node-exporter/target_core_rbd.prom
: >"$metrics"
t_is 'an upgrade of the tools leaves the metrics' "$(ran target-core-rbd-utils.postrm upgrade 9.9.9; ls "$metrics")" "$metrics"
t_is 'a removal stops the timer that writes them' "$(ran target-core-rbd-utils.postrm remove)" \
	'deb-systemd-invoke stop target_core_rbd-metrics.timer target_core_rbd-metrics.service'
t_fails 'and takes them away' test -e "$metrics"

# function SCRIPT NAME ARGUMENT...: call a function of a maintainer script
function_of() { sh -c "set -e; $(sed -n "/^$2() {/,/^}/p" "debian/$1"); $2 \"\$@\"" sh "${@:3}"; }
sys=$work/sys
core=$sys/kernel/config/target/core
for script in target-core-rbd-dkms.prerm python3-target-core-rbd.prerm; do
	package=${script%.prerm}
	rm -rf "$sys"
	t_is "$package: a machine without LIO has no units" "$(function_of "$script" units_in_use "$sys")" ''
	mkdir -p "$core/alua" "$core/iblock_0/disk9" "$core/rbd_0"
	: >"$core/rbd_0/hba_info"
	t_is "$package: nor has one with other backends only" "$(function_of "$script" units_in_use "$sys")" ''
	mkdir -p "$core/rbd_0/disk 1" "$core/rbd_12/disk2"
	t_is "$package: the units of each number are seen" "$(function_of "$script" units_in_use "$sys")" \
		$'rbd_0/disk 1\nrbd_12/disk2'
	# the whole script, with this folder for /sys
	sed "s|/sys|$sys|" "debian/$script" >"$work/prerm"
	export DPKG_MAINTSCRIPT_PACKAGE=$package
	t_says "$package: removal is refused, with the units and the cure" \
		"^$package is not removed.*rbd_0/disk 1.*rbd_12/disk2.*systemctl stop" sh "$work/prerm" remove
	t "$package: upgrade is not" sh "$work/prerm" upgrade 9.9.9
	rm -rf "$core"/rbd_*/disk*
	t "$package: nor is removal without units" sh "$work/prerm" remove
done

postinst=target-core-rbd-dkms.postinst
t_is 'no module is loaded' "$(function_of $postinst loaded_module "$sys")" ''
mkdir -p "$sys/module/target_core_rbd"
echo AB12 >"$sys/module/target_core_rbd/srcversion"
t_is 'one without a version is loaded' "$(function_of $postinst loaded_module "$sys")" 'unknown AB12'
echo 0.9.9 >"$sys/module/target_core_rbd/version"
t_is 'one with a version is loaded' "$(function_of $postinst loaded_module "$sys")" '0.9.9 AB12'
t_is 'none is installed for a kernel that is not there' "$(function_of $postinst installed_module 0.0-none)" ''
advice() { function_of $postinst advice 6.1.0-9-amd64 "$@"; }
t_is 'no advice without a loaded module' "$(advice '' '1.0.0 CD34')" ''
t_is 'none when it is the installed one' "$(advice '1.0.0 CD34' '1.0.0 CD34')" ''
t_like 'advice when it is older' "$(advice '0.9.9 AB12' '1.0.0 CD34')" \
	'version 0.9.9 \(srcversion AB12\) is loaded.*version 1.0.0 \(srcversion CD34\) is installed.*drain'
t_like 'advice when only the sources differ' "$(advice '1.0.0 AB12' '1.0.0 CD34')" 'srcversion AB12.*srcversion CD34'
t_like 'advice when none is installed' "$(advice '0.9.9 AB12' '')" 'linux-headers-6.1.0-9-amd64'
