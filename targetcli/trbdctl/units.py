# SPDX-License-Identifier: GPL-2.0
"""Read what the module tells about its units: files in configfs and debugfs.

    core/rbd_N/NAME/info                                state, size, counters of the write guard
    attrib/gateway_group, attrib/reservations,
    attrib/ports                                        debugfs has the whole text, configfs a page
    debugfs: counters, session                          lines NAME VALUE
    debugfs: latency                                    lines CLASS LE COUNT, CLASS sum VALUE, in
                                                        microseconds

Nothing here needs rtslib, and nothing changes anything. A module of another version may have fewer
files, and more lines in each. So a missing file is an absence, a line that we do not understand is
left out, and `missing` names the files that were not there or not understood.
"""

import math
import os
import re
import subprocess
from collections import Counter, namedtuple
from urllib.parse import unquote

from . import drain

CORE = 'sys/kernel/config/target/core'
DEBUG = 'sys/kernel/debug/target_core_rbd'
MODULE = 'target_core_rbd'
MAX_BYTES = 1 << 20
NAME = re.compile(r'[a-z_]+')
VALUE = re.compile(r'\d{1,20}')
NO_STATE = 'closed'
# from the best to the worst
ACCESS = ('active', 'standby', 'unavailable')
HEARTBEATS = ('self', 'alive', 'silent')
GATEWAY_STATES = ('alive', 'drained', 'idle', 'silent', 'unavailable')
STATES = ('open', 'opening', 'deleted', 'failed', NO_STATE)
RESERVATION_TYPES = {0: 'none', 1: 'Write Exclusive', 3: 'Exclusive Access', 5: 'Write Exclusive, Registrants Only',
                     6: 'Exclusive Access, Registrants Only', 7: 'Write Exclusive, All Registrants',
                     8: 'Exclusive Access, All Registrants'}

Group = namedtuple('Group', 'lease_s gateways silent out_of_touch peers')
Reservations = namedtuple('Reservations', 'blocked registrations type spc2 holders attentions')
Latency = namedtuple('Latency', 'buckets sum_us')
Port = namedtuple('Port', 'rtpi group target')
Versions = namedtuple('Versions', 'version srcversion')


class Unit(namedtuple('Unit', 'hba name info ports port_list group reservations counters session latency missing')):
    __slots__ = ()

    @property
    def state(self):
        return self.info.get('State') or NO_STATE

    @property
    def folder(self):
        return '%s.%s' % (self.hba, self.name)

    @property
    def image(self):
        """Return the image as the operator names it: pool/[namespace/]image[@snapshot]."""
        names = [self.info.get(key) for key in ('Pool', 'Namespace', 'Image')]
        snapshot = self.info.get('Snap')
        return '/'.join(name for name in names if name) + ('@' + snapshot if snapshot else '')

    def number(self, key):
        """Return a number of the info file, or None."""
        value = self.info.get(key)
        return int(value) if value and VALUE.fullmatch(value) else None

    @property
    def blocked(self):
        """Return the reasons why the unit serves nothing here, and whether each one holds."""
        standby = self.ports.service in ('draining', 'drained')
        return {'state': self.state != 'open',
                'standby': standby,
                'lease': self.group is not None and self.group.lease_s <= 0,
                'record': self.reservations is not None and self.reservations.blocked and not standby}

    @property
    def serves(self):
        return not any(self.blocked.values())

    @property
    def gateways(self):
        """Return the gateways of the group and what each one does for this unit.

        A gateway that gave the unit no target port group is idle: it serves other images of the
        pool. A snapshot has no such groups, so its gateways are told by their heartbeats.
        """
        beats, access = {}, {}
        for _, host, state in self.group.peers if self.group else ():
            beats[host] = best(HEARTBEATS, beats.get(host), state)
        for _, state, host in self.ports.groups:
            access[host] = best(ACCESS, access.get(host), state)
        return {host: gateway_state(beats.get(host), access.get(host), bool(access)) for host in sorted({*beats, *access})}


def best(order, one, other):
    """Return the better one of two words; a word that we do not know is the worst."""
    return min((word for word in (one, other) if word), key=lambda word: order.index(word) if word in order else len(order))


def gateway_state(beat, access, has_groups):
    if access == 'standby':
        return 'drained'
    if beat == 'silent':
        return 'silent'
    if access is None:
        return 'idle' if has_groups else 'alive'
    return 'alive' if access == 'active' else 'unavailable'


def parse_info(text):
    """Parse the pairs after LIO's own line. `-` stands for nothing."""
    pairs = ((key, unquote(value, errors='replace')) for key, value in re.findall(r'(?:^|\s)([A-Za-z]+): (\S+)', text))
    return {key: value for key, value in pairs if value != '-'}


def parse_group(text):
    """Parse gateway_group; None if a unit has no group."""
    first = re.match(r'slot -?\d+ (.*)', text)
    if not first:
        return None
    words = first[1].split()
    found = dict(zip(words[::2], words[1::2]))
    peers = [(int(slot), host, state) for slot, host, state in re.findall(r'^(\d+) (\S+) (\S+) last_heartbeat_ms ', text, re.M)]
    return Group(max(0, int(found['lease_ms'])) / 1000, int(found['gateways']), int(found['silent']), int(found['out_of_touch']), peers)


def parse_reservations(text):
    """Parse reservations; None for a snapshot, which has none."""
    first = re.match(r'id \d+ (\w+)', text)
    if not first:
        return None
    count = re.search(r'^pr_generation \d+ .*\bregistrations (\d+)', text, re.M)
    kind = re.search(r'^type (\d+)$', text, re.M)
    return Reservations(first[1] == 'blocked', int(count[1]), int(kind[1]) if kind else 0,
                        bool(re.search(r'^reserve ', text, re.M)),
                        re.findall(r'^holder (0x[0-9a-f]+) (\S+) (.+)$', text, re.M),
                        len(re.findall(r'^unit_attention ', text, re.M)))


def parse_ports(text):
    return [Port(int(rtpi), int(group), target) for rtpi, group, target in re.findall(r'^port (\d+) (\d+) (\S+)$', text, re.M)]


def parse_counters(text):
    """Parse lines NAME VALUE. Leave out what is no such line."""
    found = {}
    for line in text.splitlines():
        name, _, value = line.partition(' ')
        if NAME.fullmatch(name) and VALUE.fullmatch(value):
            found[name] = int(value)
    return found


def parse_latency(text):
    """Parse lines CLASS LE COUNT and CLASS sum VALUE. Buckets are not cumulative."""
    found = {}
    for line in text.splitlines():
        kind, *rest = line.split(' ')
        if len(rest) != 2 or not NAME.fullmatch(kind) or not VALUE.fullmatch(rest[1]):
            continue
        buckets, total = found.get(kind, Latency({}, None))
        if rest[0] == 'sum':
            total = int(rest[1])
        elif rest[0] == '+Inf' or VALUE.fullmatch(rest[0]):
            buckets[math.inf if rest[0] == '+Inf' else int(rest[0])] = int(rest[1])
        found[kind] = Latency(buckets, total)
    return {kind: latency for kind, latency in found.items() if latency.buckets}


def quantile(latency, part):
    """Return the limit of the bucket that this part of the commands stays below, and of the last
    limited one: both in microseconds. The first is infinite if no limit holds; None without
    commands.
    """
    limits = sorted(latency.buckets)
    wanted, seen = part * sum(latency.buckets.values()), 0
    last = max((limit for limit in limits if limit != math.inf), default=0)
    for limit in limits:
        seen += latency.buckets[limit]
        if seen and seen >= wanted:
            return limit, last
    return None, last


class Reader:
    """Reads the files of one unit, and notes those that are missing."""

    def __init__(self, core, debug):
        self.core, self.debug, self.missing = core, debug, []

    @staticmethod
    def text(*paths):
        """Return the text of the first file that can be read, or None."""
        for path in paths:
            try:
                with open(path, 'rb') as file:
                    return file.read(MAX_BYTES).decode('utf-8', errors='replace')
            except OSError:
                continue
        return None

    def parsed(self, name, parse, nothing, *paths, wanted=True):
        text = self.text(*paths)
        try:
            found = nothing if text is None else parse(text)
        except (ValueError, KeyError, TypeError):
            text, found = None, nothing
        if text is None and wanted:
            self.missing.append(name)
        return found

    def attribute(self, name, parse, nothing, wanted):
        return self.parsed(name, parse, nothing, os.path.join(self.debug, name), os.path.join(self.core, 'attrib', name), wanted=wanted)

    def counts(self, name, parse, wanted):
        return self.parsed(name, parse, {}, os.path.join(self.debug, name), wanted=wanted)


def read_unit(root, hba, name):
    reader = Reader(os.path.join(root, CORE, hba, name), os.path.join(root, DEBUG, '%s.%s' % (hba, name)))
    info = reader.parsed('info', parse_info, {}, os.path.join(reader.core, 'info'))
    # the other files have nothing to say before
    is_open = 'State' in info and info['State'] != 'opening'
    return Unit(hba, name, info,
                reader.attribute('ports', drain.parse, drain.parse(''), is_open),
                reader.attribute('ports', parse_ports, [], False),
                reader.attribute('gateway_group', parse_group, None, is_open),
                reader.attribute('reservations', parse_reservations, None, is_open),
                reader.counts('counters', parse_counters, is_open),
                reader.counts('session', parse_counters, is_open),
                reader.counts('latency', parse_latency, is_open),
                reader.missing)


def folders(path):
    try:
        return sorted(entry.name for entry in os.scandir(path) if entry.is_dir())
    except OSError:
        return []


def read_all(root='/'):
    """Return the units of this backend that LIO has."""
    core = os.path.join(root, CORE)
    return [read_unit(root, hba, name) for hba in folders(core) if re.fullmatch(r'rbd_\d+', hba) for name in folders(os.path.join(core, hba))]


def labels(units):
    """Return a name for each unit that no other one has: its own, unless two of two HBAs share it."""
    count = Counter(unit.name for unit in units)
    return [unit.name if count[unit.name] == 1 else unit.folder for unit in units]


def loaded_module(root='/'):
    """Return the versions of the module that is loaded, or None."""
    folder = os.path.join(root, 'sys/module', MODULE)
    if not os.path.isdir(folder):
        return None
    return Versions(*((Reader.text(os.path.join(folder, name)) or 'unknown').strip() for name in Versions._fields))


def installed_module(run=subprocess.run):
    """Return the versions of the module that modprobe would load, or None."""
    try:
        done = run(['modinfo', MODULE], capture_output=True, text=True, errors='replace', timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    found = dict(re.findall(r'^(\w+):\s+(.*)$', done.stdout, re.M))
    return Versions(*(found.get(name, 'unknown') for name in Versions._fields))
