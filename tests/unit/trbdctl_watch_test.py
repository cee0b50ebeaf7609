#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Metrics, alerts, dashboard and page of trbdctl, from a gateway that is a folder.

promtool runs alerts_rules.yml if it is there. Debian's package prometheus has it, which takes 96 MB;
PROMTOOL= names another copy.
"""

import html.parser
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import unittest
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'lib'))
from trbdctl_case import WithFolder, main  # noqa: E402
import trbdctl_sample as sample  # noqa: E402
import yaml  # noqa: E402
from trbdctl import cli, metrics, page, units  # noqa: E402

TOP = os.path.join(HERE, '..', '..')
RULES = 'targetcli/prometheus/alerts.yml'
DASHBOARD = 'targetcli/prometheus/dashboard.json'
PROMTOOL = os.environ.get('PROMTOOL') or shutil.which('promtool')
VERSIONS = units.Versions('1.0.0', 'AB12CD34')
NEWER = units.Versions('1.0.1', 'EF56AB78')
DISK1 = '{backstore="disk1",pool="rbd",namespace="",image="disk1"'
SAMPLE = re.compile(r'([a-z_]+)(\{(?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)*\})? (\S+)')


def read(name):
    with open(os.path.join(TOP, name), encoding='utf-8') as file:
        return file.read()


class WithGateway(WithFolder):
    def setUp(self):
        super().setUp()
        sample.make(self.folder)

    def text(self, installed=VERSIONS):
        return metrics.collect(units.read_all(self.folder), units.loaded_module(self.folder), installed, lambda: 1000).text()

    def samples(self, **arguments):
        return [line for line in self.text(**arguments).splitlines() if not line.startswith('#')]

    def find(self, name):
        return next(unit for unit in units.read_all(self.folder) if unit.name == name)

    def change(self, name, text):
        """Replace a file in debugfs of disk1."""
        sample.write(self.folder, sample.DEBUG + 'rbd_0.disk1/' + name, text)


class Metrics(WithGateway):
    def has(self, *lines):
        found = self.samples()
        for line in lines:
            self.assertIn('target_core_rbd_' + line, found)

    def test_what_an_operator_asks(self):
        self.has('scrape_timestamp_seconds 1000', 'unit_serving%s} 1' % DISK1, 'unit_state%s,state="open"} 1' % DISK1,
                 'unit_state%s,state="failed"} 0' % DISK1, 'lease_seconds%s} 4.321' % DISK1, 'registrations%s} 2' % DISK1,
                 'reservation_type%s} 5' % DISK1, 'guard_stale_total%s} 6' % DISK1, 'reads_total%s} 80000' % DISK1,
                 'write_bytes_total%s} 163840000' % DISK1, 'session_leases_lost_total%s} 2' % DISK1,
                 'port_group_state%s,group="2",gateway="gw2",state="standby"} 1' % DISK1,
                 'port_info%s,port="2",group="2",target="%s,t,0x0002"} 1' % (DISK1, sample.IQN))

    def test_gateways(self):
        self.assertEqual(self.find('disk1').gateways, {'gw1': 'alive', 'gw2': 'drained', 'gw3': 'silent'})
        self.assertEqual(self.find('disk2').gateways, {'gw1': 'drained', 'gw2': 'alive', 'gw3': 'silent'})
        self.change('gateway_group', sample.GROUP.replace('gw3 silent', 'gw3 alive'))
        self.assertEqual(self.find('disk1').gateways['gw3'], 'unavailable')
        self.change('ports', '')
        self.assertEqual(self.find('disk1').gateways, dict.fromkeys(('gw1', 'gw2', 'gw3'), 'alive'), 'a snapshot has no groups')

    def test_why_a_unit_does_not_serve(self):
        self.assertEqual([reason for reason, holds in self.find('disk2').blocked.items() if holds], ['standby'])
        self.assertEqual([reason for reason, holds in self.find('disk3').blocked.items() if holds], ['state'])
        self.change('gateway_group', sample.GROUP.replace('lease_ms 4321', 'lease_ms -250'))
        self.change('reservations', sample.RESERVATIONS.replace('serving', 'blocked'))
        self.assertEqual([reason for reason, holds in self.find('disk1').blocked.items() if holds], ['lease', 'record'])

    def test_histogram_is_cumulative_and_in_seconds(self):
        name, read_class = 'command_duration_seconds', DISK1 + ',class="read"'
        self.has(*('%s_bucket%s,le="%s"} %d' % (name, read_class, limit, count) for limit, count in
                   (('0.000256', 10000), ('0.000512', 70000), ('0.001024', 79200), ('0.016384', 79999), ('+Inf', 80000))),
                 '%s_sum%s} 41' % (name, read_class), '%s_count%s} 80000' % (name, read_class),
                 '%s_bucket%s,class="write",le="+Inf"} 40000' % (name, DISK1))

    def test_text_is_what_prometheus_reads(self):
        described, seen = {}, set()
        for line in self.text().splitlines():
            if line.startswith('# TYPE'):
                name, kind = line.split()[2:]
                self.assertNotIn(name, described)
                described[name] = kind
                continue
            if line.startswith('#'):
                continue
            name, labels, value = SAMPLE.fullmatch(line).groups()
            float(value)
            self.assertNotIn((name, labels), seen)
            seen.add((name, labels))
            family = re.sub('_(bucket|sum|count)$', '', name)
            self.assertEqual(described.get(name, described.get(family)), 'histogram' if family in described and family != name else
                             'counter' if name.endswith('_total') else 'gauge', line)

    def test_names_of_others_are_escaped(self):
        sample.unit(self.folder, 'rbd_0', 'evil', sample.INFO % ('p', '-', 'a"b\\%0a}', '-', 'open'), sample.texts())
        self.assertIn('target_core_rbd_unit_serving{backstore="evil",pool="p",namespace="",image="a\\"b\\\\\\n}"} 1', self.samples())

    def test_two_units_of_one_name_stay_apart(self):
        sample.unit(self.folder, 'rbd_9', 'disk1', sample.INFO % ('rbd', '-', 'disk1', '-', 'open'), sample.texts())
        found = [line for line in self.samples() if 'unit_serving' in line]
        self.assertEqual([re.search('backstore="([^"]*)"', line)[1] for line in found], ['rbd_0.disk1', 'disk2', 'disk3', 'rbd_9.disk1'])

    def test_counters_of_a_newer_module(self):
        self.change('counters', 'reads 7\nzeppelins 3\nBad 1\nno_value\nreads 8 9\ntoo_late -1\nx_total 5\n')
        found = [line for line in self.samples() if 'backstore="disk1"' in line]
        self.assertIn('target_core_rbd_zeppelins_total%s} 3' % DISK1, found)
        self.assertIn('target_core_rbd_reads_total%s} 7' % DISK1, found)
        self.assertIn('target_core_rbd_x_total%s} 5' % DISK1, found)
        self.assertEqual([line for line in found if re.search('Bad|no_value|too_late', line)], [])

    def test_what_is_missing_is_absent(self):
        for name in ('counters', 'session', 'latency'):
            os.remove(os.path.join(self.folder, sample.DEBUG, 'rbd_0.disk1', name))
        found = self.samples()
        self.assertIn('target_core_rbd_scrape_ok%s} 0' % DISK1, found)
        self.assertIn('target_core_rbd_unit_serving%s} 1' % DISK1, found)
        self.assertEqual([line for line in found if 'reads_total' in line and 'disk1' in line], [])
        for damage in ('', 'slot x', 'slot 0 lease_ms\n', 'id 3\n', '\xff\0'):
            for name in ('gateway_group', 'reservations', 'ports', 'counters', 'latency', 'session'):
                self.change(name, damage)
            self.assertTrue(self.samples())

    def test_a_machine_without_lio(self):
        shutil.rmtree(os.path.join(self.folder, 'sys'))
        self.assertEqual(self.samples(installed=None), ['target_core_rbd_scrape_timestamp_seconds 1000', 'target_core_rbd_module_loaded 0'])

    def test_the_module(self):
        self.assertIn('target_core_rbd_module_outdated 0', self.samples())
        self.assertIn('target_core_rbd_module_outdated 1', self.samples(installed=NEWER))
        done = subprocess.CompletedProcess([], 0, 'filename: /x\nversion:        1.0.1\nsrcversion:     EF56AB78\n')
        self.assertEqual(units.installed_module(lambda *words, **options: done), NEWER)

        def fail(*words, **options):
            raise FileNotFoundError
        self.assertIsNone(units.installed_module(fail))

    def test_the_file_is_replaced_and_others_may_read_it(self):
        path = self.write('node/target_core_rbd.prom', 'old')
        os.chmod(path, 0o600)
        with mock.patch.object(cli, 'ROOT', self.folder):
            self.assertEqual(cli.main(['metrics', '--textfile', path]), 0)
        with open(path, encoding='utf-8') as file:
            self.assertIn('target_core_rbd_reads_total', file.read())
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o644)
        self.assertEqual(os.listdir(os.path.dirname(path)), ['target_core_rbd.prom'])

    def test_it_starts_without_what_documents_need(self):
        script = ('import sys; from trbdctl import cli; cli.ROOT = sys.argv[1]; cli.main(["metrics"]);'
                  'print("jsonschema" in sys.modules, file=sys.stderr)')
        ran = subprocess.run([sys.executable, '-c', script, self.folder], cwd=os.path.join(TOP, 'targetcli'), check=True,
                             capture_output=True, text=True)
        self.assertIn('target_core_rbd_module_info{', ran.stdout)
        self.assertEqual(ran.stderr.splitlines()[-1], 'False')


class Watchers(WithGateway):
    """Rules and dashboard."""

    def produced(self):
        return {SAMPLE.fullmatch(line)[1] for line in self.samples()}

    def test_rules_name_metrics_that_there_are(self):
        rules = [rule for group in yaml.safe_load(read(RULES))['groups'] for rule in group['rules']]
        used = set(re.findall(r'target_core_rbd_\w+', ' '.join(rule['expr'] for rule in rules)))
        self.assertEqual(used - self.produced(), set())
        self.assertGreater(len(used), 8)
        tested, manual = read('tests/unit/alerts_rules.yml'), read('docs/monitoring.md')
        for rule in rules:
            self.assertIn('alertname: ' + rule['alert'] + '\n', tested)
            self.assertIn('`%s`' % rule['alert'], manual)
            self.assertNotIn('conflicts', rule['expr'])

    def test_the_dashboard_names_metrics_that_there_are(self):
        dashboard = json.loads(read(DASHBOARD))
        used = {name for panel in dashboard['panels'] for target in panel['targets'] for name in re.findall(r'target_core_rbd_\w+', target['expr'])}
        self.assertEqual(used - self.produced(), set())
        ids = [panel['id'] for panel in dashboard['panels']]
        self.assertEqual(len(ids), len(set(ids)))

    @unittest.skipUnless(PROMTOOL, 'there is no promtool')
    def test_promtool(self):
        for words in (['check', 'rules', os.path.join(TOP, RULES)], ['test', 'rules', os.path.join(HERE, 'alerts_rules.yml')]):
            done = subprocess.run([PROMTOOL, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout)
        done = subprocess.run([PROMTOOL, 'check', 'metrics'], input=self.text(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        # promtool takes the "us" of "fences_by_us" for microseconds
        self.assertEqual([line for line in done.stdout.splitlines() if '_us_total' not in line], [])


class Page(WithGateway):
    class Reader(html.parser.HTMLParser):
        EMPTY = ('meta', 'link', 'br', 'img')

        def __init__(self, text):
            super().__init__()
            self.open, self.tags, self.words, self.bad = [], [], [], []
            self.feed(text)
            self.close()

        def handle_starttag(self, tag, attrs):
            self.tags.append((tag, dict(attrs)))
            if tag not in self.EMPTY:
                self.open.append(tag)

        def handle_endtag(self, tag):
            if self.open.pop() != tag:
                self.bad.append(tag)

        def handle_data(self, data):
            self.words.append(data)

    def html(self, installed=VERSIONS):
        return page.html(units.read_all(self.folder), VERSIONS, installed, 'gw<1>')

    def test_it_is_whole_and_stands_alone(self):
        text = self.html()
        found = self.Reader(text)
        self.assertEqual((found.open, found.bad), ([], []))
        self.assertEqual({tag for tag, _ in found.tags} & {'script', 'link', 'img', 'iframe'}, set())
        self.assertNotRegex(text, r'https?:|url\(|@import| on[a-z]+=|src=')
        self.assertIn('prefers-color-scheme: dark', text)
        self.assertEqual([attrs.get('scope') for tag, attrs in found.tags if tag == 'th' and 'scope' not in attrs], [])
        tables = [tag for tag, _ in found.tags].count
        self.assertEqual(tables('table'), tables('caption'))

    def test_states_are_words(self):
        words = ' '.join(self.Reader(self.html()).words)
        for wanted in ('serves', 'drained', 'does not serve', 'silent', 'unavailable', 'Write Exclusive, Registrants Only', '4.3 s left', '1 of 3 units serve',
                       'p99 up to', '512 us', '32.8 ms', 'the image is closed'):
            self.assertIn(wanted, words)
        self.assertNotIn('Another one is installed', words)
        self.assertIn('Another one is installed: 1.0.1', ' '.join(self.Reader(self.html(NEWER)).words))

    def test_names_of_others_are_escaped(self):
        evil = '<script>alert(1)</script>'
        sample.unit(self.folder, 'rbd_0', 'evil', sample.INFO % (evil, '-', evil, '-', evil), sample.texts(
            gateway_group=sample.GROUP.replace('gw2', evil), ports=sample.PORTS.replace('gw2', evil).replace(sample.IQN, evil),
            reservations=sample.RESERVATIONS.replace('iqn.1998-01.com.vmware:esx1', evil)))
        text = self.html()
        self.assertGreater(text.count('&lt;script&gt;'), 5)
        self.assertNotIn('<script', text)

    def test_quantiles(self):
        latency = units.parse_latency('read 256 50\nread 512 49\nread +Inf 1\nread sum 1\nread x 3\n')['read']
        self.assertEqual([units.quantile(latency, part)[0] for part in (.5, .99)], [256, 512])
        self.assertEqual(page.quantile_text(latency, 1), 'more than 512 us')
        self.assertEqual(page.quantile_text(units.Latency({256: 0}, 0), .5), 'none')

    def test_the_command(self):
        path = os.path.join(self.folder, 'status.html')
        with mock.patch.object(cli, 'ROOT', self.folder):
            self.assertEqual(cli.main(['status', '--html', path]), 2, 'disk3 is not open')
        with open(path, encoding='utf-8') as file:
            self.assertTrue(file.read().startswith('<!DOCTYPE html>'))


if __name__ == '__main__':
    sys.exit(main(sys.modules[__name__]))
