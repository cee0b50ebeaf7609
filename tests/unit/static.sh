#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Check rules that no compiler knows.
# shellcheck disable=SC2317 # steps are called by name
. ../lib/ktap.sh

top=$TESTS_DIR/..
sources() { git -C "$top" ls-files '*.c' '*.h' | grep -v '^tests/'; }
# LIO's task management sleeps on a system workqueue; our work would have to wait behind it
own_workqueues() { ! (cd "$top" && sources | xargs grep -nE '\bsystem_[a-z_]*wq\b|\bschedule(_delayed)?_work(_on)?\('); }
t 'nothing runs on a system workqueue' own_workqueues
t 'no merge left its marks' eval '! git -C "$top" grep -nE "^(<<<<<<<|>>>>>>>) "'
# code may be wider: this looks at lines that hold nothing but a comment
short_comments() {
	local wide
	wide=$(cd "$top" && git ls-files -- . ':!docs' ':!*.md' ':!*.svg' ':!tests/unit/corpus' | while read -r file; do
		expand "$file" | awk -v file="$file" 'length > 100 && /^ *(#|\/?\*) / { print file ":" FNR ": " $0 }'
	done)
	[ -z "$wide" ] || { echo "$wide"; return 1; }
}
t 'comments end at column 100' short_comments
t 'nothing panics' eval '! (cd "$top" && sources | xargs grep -nE "\b(BUG|BUG_ON|panic)\(")'
# as "man --warnings" calls it
man_warnings() {
	local page said
	said=$(for page in "$@"; do groff -t -K utf8 -mandoc -wmac -Tutf8 -z "$page" 2>&1; done)
	[ -z "$said" ] || { echo "$said"; return 1; }
}
t 'the man pages have no warning' man_warnings "$top"/docs/man/*
t_fails 'a bad one has' man_warnings <(sed 's/^\.SH /.SHH /' "$top/docs/man/trbdctl.8")
# a missing rtslib or trbdctl is no fault of the unit; systemd's messages name the file
units() {
	local said
	said=$(systemd-analyze verify --man=no "$top"/targetcli/*.service "$top"/targetcli/*.timer 2>&1 | grep -E 'target_core_rbd-(restore|metrics)[.]' |
		grep -vE 'rtslib-fb-targetctl.service not found|/usr/sbin/trbdctl is not executable')
	[ -z "$said" ] || { echo "$said"; return 1; }
}
if command -v systemd-analyze >/dev/null; then
	t "systemd understands the services" units
else
	t_skip 'systemd understands the services' 'there is no systemd'
fi
