# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The built packages of "make deb", for tests that install them. A test sources ktap.sh, then this
# file.
#
#   DEBS                      the folder that has them (out/deb)
#   debs_version              print their version
#   debs_older FOLDER         make the same packages there with number DEBS_OLDER

DEBS=$(realpath "${DEBS:-$TESTS_DIR/../out/deb}")
DEBS_OLDER=0.0.9
compgen -G "$DEBS/target-core-rbd-dkms_*.deb" >/dev/null || t_bail "no packages in $DEBS: run make deb"

debs_version() { sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' "$TESTS_DIR/../dkms.conf"; }

debs_older() {
	local version deb folder src
	version=$(debs_version)
	mkdir -p "$1" || return 1
	for deb in "$DEBS"/*.deb; do
		folder=$1/$(basename "$deb" .deb)
		dpkg-deb -R "$deb" "$folder" && sed -i "s/$version/$DEBS_OLDER/g" "$folder"/DEBIAN/* || return 1
		src=$folder/usr/src/target_core_rbd
		if [ -d "$src-$version" ]; then
			mv "$src-$version" "$src-$DEBS_OLDER" &&
				sed -i "s/$version/$DEBS_OLDER/" "$src-$DEBS_OLDER/dkms.conf" "$folder/DEBIAN/md5sums" || return 1
		fi
		dpkg-deb -b "$folder" "$1" && rm -rf "$folder" || return 1
	done
}
