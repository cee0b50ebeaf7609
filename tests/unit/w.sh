#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# protocol.h has W, and the pages that tell people of it give the same number.
. ../lib/ktap.sh

top=$TESTS_DIR/..
w=$(($(sed -n 's/^#define TRBD_W_MS[[:space:]]*//p' "$top/protocol.h") / 1000))
# told FILE: the page names W, and no other W than that
told() {
	local said
	said=$(grep -oE 'W = [0-9.]+ s|W = [0-9.]+ seconds|W \([0-9.]+ s' "$top/$1" | tr -dc '0-9.\n' | sort -u)
	[ "$said" = "$w" ] || { echo "$1 says: ${said:-nothing}; protocol.h: $w"; return 1; }
}
for page in README.md docs/design.md docs/reliability.md tests/tools/history/README.md; do t "$page: W" told $page; done
t 'docs/reliability.md: W in the table of times' grep -qE "^\| W, .* \| $w s \|" "$top/docs/reliability.md"
