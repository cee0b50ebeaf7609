# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The runners of one test program source this.
#
# take_lab: make one of LAB_POOL, names of labs, the LAB_NAME of this shell and its children. It is
# theirs alone for as long as file descriptor 8 is open. LAB_LOCKS is the folder for that. Callers
# start no more tests at once than there are labs. Without LAB_POOL it does nothing.
take_lab() {
	while [ -n "${LAB_POOL-}" ]; do
		for LAB_NAME in $LAB_POOL; do
			exec 8>"$LAB_LOCKS/$LAB_NAME"
			if flock -n 8; then
				export LAB_NAME
				unset LAB_POOL
				return
			fi
		done
		sleep 0.2
	done
}
