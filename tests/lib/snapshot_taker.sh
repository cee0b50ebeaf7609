# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Functions of lab tests for clients that take snapshots in steps. A test sources ktap.sh,
# gateway.sh, then this file.
#
#   notify UNIT WORDS...      be such a client of a unit's image, which gw2 names, also while an OSD
#                             stands still: see tools/notify.py, which ends after LIMIT seconds (60)
#   is_quiet FILE             wait until the output of "notify UNIT attend" says that all is quiet
#
# $work is of gateway.sh.
: "${GW_GATEWAYS:?source gateway.sh first}"

notify() { lab run -- timeout "$(t_limit "${LIMIT:-60}")" python3 "$TESTS_DIR/tools/notify.py" rbd "rbd_header.$(gw_info gw2 "$1" ImageId)" "${@:2}"; }
is_quiet() { timeout "$(t_limit 80)" sh -c "until grep -q quiet '$1'; do sleep 0.2; done" || { cat "$1"; return 1; }; }
