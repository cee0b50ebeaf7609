#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The built packages (out/deb, or DEBS=folder) are installed, upgraded while units are in use,
# removed and purged, as an operator does it. DKMS builds the module once on the way, and signs it.
#
# They never touch this machine: all of it happens in an overlay over the machine's root file
# system, in memory, in namespaces that end with this test. So the packages find what this machine
# has: DKMS, kernel headers, rtslib and targetcli. Nothing else may install packages meanwhile.
#
# The overlay has folders in place of sysfs and configfs, programs that write down what they were
# asked in place of systemctl and modprobe, and a uname that names a kernel with headers. "The
# older packages" are the built ones with another number.
#
#   KERNEL=6.12    the series that the module is built for
# shellcheck disable=SC2016,SC2317 # dpkg expands some text; functions are called by name
. ../lib/ktap.sh

top=$(cd ../.. && pwd)
name=target_core_rbd
dkms=target-core-rbd-dkms
python=python3-target-core-rbd
utils=target-core-rbd-utils
kver=$("$top/scripts/kernels" "${KERNEL:-6.12}")

[ "$(id -u)" = 0 ] || t_skip_all 'needs root'
[ -n "$kver" ] || t_skip_all "needs a kernel ${KERNEL:-6.12} with headers"
. ../lib/debs.sh
version=$(debs_version) older=$DEBS_OLDER
if [ -z "${IN_ROOT-}" ]; then
	# namespaces of its own, which end with it
	export IN_ROOT=y
	exec unshare --mount --pid --fork --kill-child "./$(basename "$0")"
fi

work=$(mktemp -d)
t_atexit "umount -R '$work'; rmdir '$work'"
mount -t tmpfs -o mode=755 work "$work"
mkdir "$work"/{changes,overlay,root}
root=$work/root
mount -t overlay -o "lowerdir=/,upperdir=$work/changes,workdir=$work/overlay" root "$root" ||
	t_bail 'no overlay over the root file system'
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mkdir -p "$root"/{tmp,run/systemd/system,debs}
chmod 1777 "$root/tmp"
cp "$DEBS"/*.deb "$root/debs"

# in_root COMMAND...: run a command in there
in_root() {
	env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME=/root \
		DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"
}
stand_in() {
	rm -f "$root$1"
	cat >"$root$1"
	chmod 755 "$root$1"
}
mv "$root/usr/bin/uname" "$root/usr/bin/uname.real"
stand_in /usr/bin/uname <<SCRIPT
#!/bin/sh
[ "\$*" != -r ] || { echo $kver; exit; }
exec /usr/bin/uname.real "\$@"
SCRIPT
# a container's says that nothing is to be started or stopped
rm -f "$root/usr/sbin/policy-rc.d"
for program in /usr/bin/systemctl /usr/sbin/modprobe /usr/sbin/rmmod /usr/sbin/insmod; do
	stand_in "$program" <<-SCRIPT
		#!/bin/sh
		echo "$(basename "$program") \$*" >>/tmp/asked
	SCRIPT
done
# forget_asked, asked: what was asked of systemctl, modprobe and the like; reading state does not
# count
forget_asked() { : >"$root/tmp/asked"; }
asked() { grep -vE '^systemctl (is-|show|list|.*--help)' "$root/tmp/asked" | sort -u; }

# install FOLDER: all packages of a folder in there
install() { in_root sh -c "apt-get -q -y --no-install-recommends install /$1/*.deb 2>&1"; }
remove() { in_root apt-get -q -y "$1" $dkms $python $utils 2>&1; }
# "installed", whatever the operator wishes: a refused "dpkg --remove" remembers the wish
state() { in_root dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null; }
states() { echo "$(state $dkms) $(state $python)"; }
knows() { in_root python3 -c "import rtslib_fb; print(rtslib_fb.tcm.so_mapping['rbd'].__name__)"; }
module() { find "$root/lib/modules/$kver/updates" -name "$name.ko*" 2>/dev/null; }
core=$root/sys/kernel/config/target/core
unit() { mkdir -p "$core/rbd_0/disk1"; }
no_units() { rm -rf "$core"; }

# a machine on which this project was never installed
clean() {
	remove purge >/dev/null
	in_root dkms remove $name/"$version" --all
	rm -rf "$root/var/lib/dkms/$name" "$root"/usr/src/$name-* "$root"/usr/lib/python3/dist-packages/$name* \
		"$root/usr/lib/modules-load.d/$name.conf" "$root/usr/lib/systemd/system/$name-restore.service" \
		"$root/usr/lib/systemd/system/rtslib-fb-targetctl.service.d"
	find "$root/lib/modules" -path '*/updates/*' -name "$name.ko*" -delete
	rm -rf "$root"/var/lib/dkms/mok.*
} >/dev/null 2>&1
clean
# everything but the package system's own records, what depmod writes, and DKMS's key
files() {
	(cd "$root" && find etc usr lib/modules var/lib \( -path var/lib/dpkg -o -path var/lib/apt -o -name '__pycache__' \) -prune \
		-o -not -name 'modules.*' -not -path 'var/lib/dkms/mok.*' -not -path 'var/lib/dkms' -print) | sort
}
files >"$work/before"

t 'older packages' debs_older "$root/older"

# No build yet: DKMS takes minutes for one.
mkdir -p "$root/etc/dkms"
touch "$root/etc/dkms/no-autoinstall"
forget_asked
out=$(install older) || { note "$(tail -n 30 <<<"$out")"; t_bail 'the older packages cannot be installed'; }
t_is 'the older packages are installed' "$(states)" 'installed installed'
t 'DKMS has its sources' test -e "$root/usr/src/$name-$older/dkms.conf"
t_is 'programs that import rtslib know the backstore' "$(knows)" RBDStorageObject
cp "$top/debian/tests/backstore" "$root/tmp"
t 'the packages'"' own test of it passes" in_root /tmp/backstore
t 'the module is loaded at boot' grep -qx $name "$root/usr/lib/modules-load.d/$name.conf"
systemd=$(in_root pkg-config --variable=systemdsystemunitdir systemd)
t 'the service and the drop-in of targetctl are where systemd looks' \
	test -e "$root$systemd/$name-restore.service" -a -e "$root$systemd/rtslib-fb-targetctl.service.d/$name.conf"
t_is 'nothing was started' "$(asked)" 'systemctl --system daemon-reload'

unit
out=$(remove remove)
t_is 'while a unit is there, removal fails' $? 100
t_like 'it names the unit and the cure' "$out" 'rbd_0/disk1.*systemctl stop rtslib-fb-targetctl'
t_is 'both packages stay' "$(states)" 'installed installed'
t_is 'and so does the backstore' "$(knows)" RBDStorageObject
t_fails 'so it is for the module alone' in_root dpkg --remove $dkms
t_fails 'and for the backstore alone' in_root dpkg --remove $python
t_is 'both stay' "$(states)" 'installed installed'

# The upgrade builds the module. One of the older version is loaded.
rm "$root/etc/dkms/no-autoinstall"
mkdir -p "$root/sys/module/$name"
echo $older >"$root/sys/module/$name/version"
echo 0123456789ABCDEF >"$root/sys/module/$name/srcversion"
forget_asked
out=$(install debs)
status=$?
t_is 'the upgrade succeeds while a unit is there' "$status $(states)" '0 installed installed'
[ $status = 0 ] || { note "$(tail -n 30 <<<"$out")"; note "$(tail -n 30 "$root"/var/lib/dkms/$name/*/build/make.log)"; }
t_is 'it starts, stops, loads and unloads nothing' "$(asked)" 'systemctl --system daemon-reload'
t_like 'it says that the loaded module is older' "$out" \
	"version $older .srcversion 0123456789ABCDEF. is loaded.*version $version .srcversion [0-9A-F]+. is installed.*drain"
t_is 'DKMS has built the module for this kernel' "$(in_root modinfo -k "$kver" -F version $name)" "$version"
t_is 'the sources of the older one are gone' "$(cd "$root/usr/src" && echo $name-*)" "$name-$version"

# Secure Boot: DKMS makes a key of the machine's owner, and signs with it.
ko=$(module)
cert=$root/var/lib/dkms/mok.pub
signer() { openssl x509 -inform DER -in "$cert" -noout -subject -nameopt multiline | sed -n 's/ *commonName *= //p'; }
serial() { openssl x509 -inform DER -in "$cert" -noout -serial | sed 's/serial=//'; }
t 'DKMS has made a key' test -s "$cert"
t_is 'the module is signed by the key of DKMS' "$(modinfo -F signer "$ko")" "$(signer)"
t_is 'with the serial number of that key' "$(modinfo -F sig_key "$ko" | tr -d :)" "$(serial)"
# the file ends with the signature, 12 bytes of which the last four are its length, and a mark
signed() {
	local size length
	size=$(stat -c %s "$1")
	[ "$(tail -c 28 "$1")" = '~Module signature appended~' ] || { echo 'no mark'; return 1; }
	length=$((16#$(tail -c 32 "$1" | head -c 4 | od -An -tx1 | tr -d ' \n')))
	head -c $((size - length - 40)) "$1" >"$work/body"
	tail -c $((length + 40)) "$1" | head -c $length >"$work/signature"
	openssl x509 -inform DER -in "$cert" -out "$work/cert.pem"
	openssl cms -verify -binary -noverify -nointern -inform DER -in "$work/signature" -content "$work/body" \
		-certfile "$work/cert.pem" -out /dev/null
}
case $ko in
*.xz) xz -dc "$ko" ;;
*) cat "$ko" ;;
esac >"$work/module.ko"
cp "$work/module.ko" "$work/other.ko"
printf X | dd of="$work/other.ko" bs=1 seek=4096 conv=notrunc status=none
t 'the signature is that of the file' signed "$work/module.ko"
t_fails 'the same file has another byte for the next check' cmp -s "$work/module.ko" "$work/other.ko"
t_says 'a file with another byte has the wrong signature' 'erification failure' signed "$work/other.ko"

out=$(remove remove)
t_is 'removal is still refused' "$? $(states)" '100 installed installed'
t 'and the module is still installed' test -e "$ko"
no_units
forget_asked
t 'without units they are removed' remove remove
t_is 'the module is gone' "$(module)" ''
t_fails 'rtslib no longer knows the backstore' knows
t_like 'the service has been stopped, and nothing else' "$(asked | grep -v daemon-reload)" \
	"^systemctl [a-z -]*stop $name-restore.service\$"
t 'and purged' remove purge
t_is 'nothing of them is left' "$(files | diff "$work/before" - | grep '^>')" ''
t_is 'and nothing else is missing' "$(files | diff "$work/before" - | grep '^<')" ''
