#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# "make check-host" does its work on a gateway, and leaves nothing behind there.
. ../lib/ktap.sh

[ -n "${LAB_NAME-}" ] || t_skip_all 'needs a lab: make check TESTS=check_host'

gw=gw1
top=/tmp/check-host

on_gateway() { lab exec -n $gw -- sh -c "$1"; }
# LIO loads its own backends by itself, and those stay
state() {
	on_gateway 'ls /sys/kernel/config/target /sys/kernel/config/target/core; ls /dev/sd* 2>/dev/null; rbd ls
		lsmod | grep -oE "^(target_core_rbd|tcm_loop|sd_mod) " | sort'
}

before=$(state)
t_atexit "on_gateway 'rm -rf $top'"
# a machine may see stale copies of this machine's files, so give it the files by hand
(cd ../.. && tar -cf - --exclude=./out --exclude=./.git .) |
	lab exec $gw -- sh -c "mkdir -p $top && tar -xf - -C $top" || t_bail 'copying the tree to the gateway'

# the module is loaded there already, and building it takes minutes in an emulated machine
t 'make check-host passes on a gateway' on_gateway "cd $top && make -s -o modules check-host POOL=rbd SIZE=16M"
t_is 'the gateway is as it was before' "$(state)" "$before"

t_says 'a pool that does not exist is an error' 'nosuchpool|No such file' \
	on_gateway "cd $top && make -s -o modules check-host POOL=nosuchpool"
t_says 'no pool is a usage error' usage on_gateway "cd $top && make -s -o modules check-host"
t_is 'and nothing is left then either' "$(state)" "$before"
