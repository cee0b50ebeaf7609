#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What operators read of a backstore: while it is being enabled nobody has to wait for it.
. ../ktap.sh
. ../gateway.sh

# A monitor that does not answer. Whoever reads must be through before enabling has ended.
n=$TEST-away
read_while_enabling() {
	gw_sh gw1 "$GW_CORE/$n" <<-'SCRIPT'
		mkdir -p "$1" && cd "$1" || exit 1
		rm -f /tmp/enabled
		printf 'mon_addr=10.77.0.250:3300,id=admin,mount_timeout=20,image=away' >control
		(echo 1 >enable; touch /tmp/enabled) 2>/dev/null &
		until [ -e /tmp/enabled ] || grep -q 'State: opening' info; do sleep 0.1; done
		cat info attrib/gateway_group attrib/reservations
		echo pool=other >control && echo 'control was changed'
		[ ! -e /tmp/enabled ] || echo 'enabling has ended first'
		wait
	SCRIPT
}
said=$(read_while_enabling 2>"$work/errors")
t_like 'a backstore that is being enabled says so' "$said" 'Pool: rbd .* Image: away .* State: opening'
t_is 'nobody waits for it' "$(tail -n 1 <<<"$said" | grep 'first')" ''
t_is 'and nobody can change it any more' "$(grep -c 'control was changed' <<<"$said")" 0
t_is 'when that has failed, it is closed' "$(lab exec -n gw1 -- grep -c State: "$GW_CORE/$n/info")" 0
gw_disable gw1 "$n"
