#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# An operator's Prometheus reads two gateways while one fault after the other comes and goes: each
# alert fires for its own fault, at the gateway that has it, and ends; nothing else ever fires. All
# of it is as docs/monitoring.md says: node exporters, files of "trbdctl metrics" every 15 s, and
# the rules as they are installed. Two rules wait for an hour or a day: DrainedLong is seen pending,
# and unit/trbdctl_watch_test.py goes on from there.
#
# It takes 50 minutes, most of them waiting, since the rules go by the clock of the operator. Run it
# alone on the machine: beside other labs a gateway loses its lease, and the alert for that fires.
# It needs the packages of scripts/packages/alerts.
# shellcheck disable=SC2016,SC2317 # expanded in gateways and by jq; steps are called by name
. ../lib/ktap.sh
. ../lib/gateway.sh
. ../lib/placement.sh
. ../lib/with_trbdctl.sh

for program in prometheus prometheus-node-exporter; do
	command -v $program >/dev/null || t_skip_all 'needs the packages of scripts/packages/alerts'
done
n=$TEST-disk
rules=$TESTS_DIR/../targetcli/prometheus/alerts.yml
api=http://127.0.0.1:9090/api/v1

exporter_up() { # GW
	gw_sh "$1" <<-'SCRIPT'
		mkdir -p /run/metrics
		# it ends with the test, which removes the folder
		setsid prometheus-node-exporter --collector.disable-defaults --collector.textfile \
			--collector.textfile.directory=/run/metrics </dev/null >/run/exporter.log 2>&1 &
		echo $! >/run/metrics/exporter.pid
	SCRIPT
	timer_up "$1"
}
timer_up() { # GW: in place of the timer of systemd
	gw_sh "$1" <<-'SCRIPT'
		touch /run/metrics/timer
		setsid sh -c 'while [ -e /run/metrics/timer ]; do
			trbdctl metrics --textfile /run/metrics/target_core_rbd.prom
			sleep 15
		done' </dev/null >/run/timer.log 2>&1 &
	SCRIPT
}
timer_down() { lab exec -n "$1" -- rm /run/metrics/timer; }
exporter_down() { # GW
	gw_sh "$1" <<-'SCRIPT'
		kill "$(cat /run/metrics/exporter.pid)"
		rm -r /run/metrics
	SCRIPT
}

prometheus_up() {
	sed "s|RULES|$rules|" >"$work/prometheus.yml" <<-EOF
		global: {scrape_interval: 15s, evaluation_interval: 15s}
		rule_files: [RULES]
		scrape_configs:
		- job_name: gateways
		  static_configs:
		  - {targets: ['$(gw_addr gw1):9100'], labels: {instance: gw1}}
		  - {targets: ['$(gw_addr gw2):9100'], labels: {instance: gw2}}
	EOF
	lab run -- prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/tsdb" \
		--web.listen-address=127.0.0.1:9090 --log.level=warn >"$work/prometheus.log" 2>&1 &
	t_atexit "t_kill $!"
}
query() { lab run -- curl -sS -G "$api/query" --data-urlencode "query=$1"; }
value() { query "$1" | jq -r '.data.result[0].value[1] // "none"'; }
value_is() { [ "$(value "$1")" = "$2" ]; }
# alerts QUERY: print the alerts whose series it found, as "NAME INSTANCE [GATEWAY],..."
alerts() {
	query "$1" | jq -r '.data.result[].metric | [.alertname[13:], .instance, .gateway // empty] | join(" ")' | sort -u | paste -sd ,
}
firing() { alerts 'ALERTS{alertstate="firing"}'; }
fires() { [[ ",$(firing)," = *",$1,"* ]]; } # the alert as it is printed
ended() { ! fires "$1"; }
only() { # ALERT SECONDS: that one fires within the time, and nothing else then
	t_until "$2" fires "$1" && [ "$(firing)" = "$1" ] || { echo "firing: $(firing)"; return 1; }
}

# a host's writes, one a second through each gateway
writes() {
	local gw
	while [ -e "$work/writing" ]; do
		for gw in $GW_GATEWAYS; do
			lab run -- timeout 20 qemu-io -f raw -c "write -P 1 ${gw#gw}M 4k" "$(gw_url "$gw" "$n")" >/dev/null 2>&1 &
		done
		wait
		sleep 1
	done
}

# The data are in a pool of one placement group, so that no object of the group is there, too.
data_pool() {
	local pg
	t_atexit_late "lab ceph osd pool rm '$n' '$n' --yes-i-really-really-mean-it"
	lab ceph osd pool create "$n" 1 1 && lab ceph osd pool application enable "$n" rbd || return 1
	pg=$(lab ceph osd map "$n" any --format json 2>/dev/null | jq -r .pgid)
	lab ceph osd pg-upmap "$pg" 2 1 && t_until 60 is_placed "$pg" '[2,1]'
}
group_placed() {
	local object
	for object in $GROUP_OBJECTS; do place "$object" 0 1 || return 1; done
}
t 'the data are on osd.2' data_pool
t 'the group is not' group_placed
img_create "$n" --size 128M --data-pool "$n"
t 'the tools are installed' trbdctl_up
t 'served by both gateways' serve "$n" "pool=rbd,image=$n"
: >"$work/writing"
writes &
t_atexit "rm -f '$work/writing'; wait $!"
on_gateways() { local gw; for gw in $GW_GATEWAYS; do "$1" "$gw" || return 1; done; }
t 'the gateways have metrics' on_gateways exporter_up
t_atexit 'on_gateways exporter_down'
t 'Prometheus starts' prometheus_up
t 'and reads both' t_until 120 value_is 'count(target_core_rbd_scrape_ok == 1)' 2
sleep 150
t_is 'a healthy group raises nothing' "$(alerts ALERTS)" ''

full() { lab ceph osd pool set-quota "$n" max_bytes "$1"; }
# each time another object, since one that is there needs no room
at=8
refused() {
	at=$((at + 4))
	! io "$(gw_url gw1 "$n")" "write ${at}M 4k" >/dev/null 2>&1
}
t_atexit 'full 0'
t 'the quota of the pool is used up' full 4096
t 'a write that needs room is refused through gw1' t_until 28 refused
t 'PoolFull' only 'PoolFull gw1' 90
t 'there is room again' full 0

cut() { # SECONDS
	lab cut gw1 ceph && sleep "$1" && lab heal gw1 ceph
}
t_atexit 'lab heal gw1 ceph'
t 'gw1 loses its lease once' cut 15
t 'the metrics of gw2 stand still' timer_down gw2
t 'MetricsStale' t_until 330 fires 'MetricsStale gw2'
t 'PoolFull has ended' t_until 330 ended 'PoolFull gw1'
t_is 'nothing else fires' "$(firing)" 'MetricsStale gw2'
timer_up gw2
t 'MetricsStale ends' t_until 90 ended 'MetricsStale gw2'

drain() { lab exec -n "$1" -- sh -c "echo $2 >$GW_CORE/$n/attrib/drain"; }
t 'gw2 is drained' drain gw2 1
sleep 210
t_is 'DrainedLong is pending, and nothing fires' "$(alerts 'ALERTS{alertname!="TargetCoreRbdOneGatewayLeft"}') $(firing)" 'DrainedLong gw2 '
t 'and back' drain gw2 0

t 'gw2 dies' lab kill gw2
t 'GatewayGone' only 'GatewayGone gw1 gw2' 420
t 'OneGatewayLeft' t_until 420 fires 'OneGatewayLeft gw1'
t_is 'nothing else fires' "$(firing)" 'GatewayGone gw1 gw2,OneGatewayLeft gw1'
t 'gw2 comes back' lab start gw2
t 'and serves' gw_serve gw2 "$n" "pool=rbd,image=$n"
t 'with metrics' exporter_up gw2
quiet() { [ -z "$(firing)" ]; }
t 'all alerts end' t_until 120 quiet

# The OSD of the image stands still for two of ten seconds.
slow() {
	while [ -e "$work/slow" ]; do
		lab pause osd.2
		sleep 2.2
		lab resume osd.2
		sleep 8
	done
}
: >"$work/slow"
slow &
t_atexit "rm -f '$work/slow'; wait $!"
t 'debugfs is not mounted on gw2' lab exec -n gw2 -- umount /sys/kernel/debug
t_atexit 'lab exec -n gw2 -- mount -t debugfs none /sys/kernel/debug'
t 'LatencyHigh' t_until 1200 fires 'LatencyHigh gw1'
t 'MetricsIncomplete' t_until 300 fires 'MetricsIncomplete gw2'
t_is 'nothing else fires' "$(firing)" 'LatencyHigh gw1,MetricsIncomplete gw2'
rm "$work/slow"
lab exec -n gw2 -- mount -t debugfs none /sys/kernel/debug
t 'both end' t_until 420 quiet

again() {
	cut 15 && sleep 45 && [ -z "$(firing)" ] && cut 15
}
t 'gw1 loses its lease again, and again' again
t 'LeaseLostRepeatedly' only 'LeaseLostRepeatedly gw1' 90
t 'gw1 is cut off' lab cut gw1 ceph
t 'UnitNotServing' t_until 240 fires 'UnitNotServing gw1'
t_is 'nothing else fires' "$(firing)" 'LeaseLostRepeatedly gw1,UnitNotServing gw1'
t 'gw1 is back' lab heal gw1 ceph
t 'and serves' t_until 120 ended 'UnitNotServing gw1'
t_is 'nothing has fired but these' "$(alerts 'max_over_time(ALERTS{alertstate="firing"}[2h])')" \
	'GatewayGone gw1 gw2,LatencyHigh gw1,LeaseLostRepeatedly gw1,MetricsIncomplete gw2,MetricsStale gw2,OneGatewayLeft gw1,PoolFull gw1,UnitNotServing gw1'
